"""How many deals came how far: four measures that CRMs mix up, each by its own name.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal, TypeAlias, get_args

import narwhals.stable.v2 as nw

from salesprocess.errors import DealError
from salesprocess.frames._arguments import By, check_choice, names_of
from salesprocess.frames._backends import Frame, at_once, keyed, unpivoted
from salesprocess.frames._columns import flag, rows_per, switch, totals
from salesprocess.frames._stage_numbers import NOWHERE, Places, metric
from salesprocess.frames._stays import stays
from salesprocess.process import SalesProcess

Measure: TypeAlias = Literal["entered", "reached", "skipped", "reentered"]
Per: TypeAlias = Literal["stage", "phase"]


@metric
def funnel(
    process: SalesProcess,
    events: Frame,
    *,
    measure: Measure = "reached",
    per: Per = "stage",
    by: By = (),
    at: datetime | None = None,
) -> Frame:
    """How many deals came to each stage, or each phase. Deals, not moves: one that comes twice counts once.

    `entered`: the deal was in the stage. `reached`: it was in the stage or in a later one, so that jumping over a
    stage does not look like falling out before it. `skipped`: reached and not entered. `reentered`: entered more than
    once, with another stage in between. The rows are the open and won stages, in order, those without deals too.

    `by` groups by other columns, as the deal's last change has them. With `at`, the log as it was then.

    Columns: `by`..., `position` (from 1), `stage` or `phase`, `deals`.

    >>> frames.funnel(SEVEN_STAGE, LOG, measure="entered")["deals"].to_list()
    [4, 2, 2, 2, 1, 1, 1]
    >>> frames.funnel(SEVEN_STAGE, LOG, measure="skipped", per="phase")["deals"].to_list()
    [0, 0, 0, 0]

    Raises:
        DealError: for a measure that there is not, or a missing column.
    """
    check_choice("measure", measure, get_args(Measure))
    return counted(process, events, measure, per, names_of(by, "position", per, "deals"), at)


def counted(
    process: SalesProcess, events: Frame, measure: Measure, per: Per, by: list[str], at: datetime | None
) -> Frame:
    """The funnel as a Narwhals frame."""
    check_choice("per", per, get_args(Per))
    ladder = ladder_of(Places(process), per)
    steps = len(ladder)
    visits = keyed(events, ["deal"], lambda log: _visits(process, log, ladder, by, at))
    there = visits.filter(nw.col("_step") > 0)
    match measure:
        case "entered":
            wide = _wide(_per_step(there, by), by, steps, _is_at)
        case "reentered":
            wide = _wide(_per_step(there.filter(nw.col("_visits") > 1), by), by, steps, _is_at)
        case "reached":
            wide = _reached(visits, by, steps)
        case "skipped":
            less = _wide(_per_step(there, by), by, steps, _is_at, sign=-1)
            both = nw.concat([_reached(visits, by, steps), less])
            wide = totals(both, by, [f"_{step}" for step in range(1, steps + 1)])
    return _long(wide, per, by, list(ladder))


def ladder_of(places: Places, per: Per) -> dict[str, tuple[int, ...]]:
    """What the funnel's steps are, in order: the key of each, and the numbers of its stages."""
    ladder: dict[str, tuple[int, ...]] = {}
    for number in places.way:
        stage = places.stages[number]
        if per == "stage":
            ladder[stage.key] = (number,)
        elif stage.phase is not None:
            ladder[stage.phase] = (*ladder.get(stage.phase, ()), number)
    if not ladder:
        raise DealError(f"process {places.process.key!r} names no phases: funnel(per='stage') does without")
    return ladder


def _visits(
    process: SalesProcess, log: Frame, ladder: dict[str, tuple[int, ...]], by: list[str], at: datetime | None
) -> Frame:
    """One row for each deal and step: how often it came, and the furthest step that the deal reached."""
    steps = {number: step for step, numbers in enumerate(ladder.values(), 1) for number in numbers}
    made = stays(process, log, by, at).with_columns(
        switch("_place", steps, 0).cast(nw.Int64).alias("_step"),
        switch("_came", steps, 0).cast(nw.Int64).alias("_step_before"),
    )
    # Moves within a phase, or within what is no step, are no new visit.
    made = made.with_columns(flag(nw.col("_step") != nw.col("_step_before")).alias("_visits"))
    visits = totals(made, ["deal", "_step"], ["_visits"])
    furthest = made.group_by("deal").agg(nw.col("_step").max().alias("_furthest"))
    if by:
        last = made.filter(nw.col("_went") == NOWHERE).select("deal", *(name for name in by if name != "deal"))
        furthest = furthest.join(last, on="deal", how="left")
    return visits.join(furthest, on="deal", how="left")


def _per_step(visits: Frame, by: list[str]) -> Frame:
    return rows_per(visits, [*by, "_step"], "_n")


def _reached(visits: Frame, by: list[str], steps: int) -> Frame:
    furthest = ["deal", *(name for name in by if name != "deal"), "_furthest"]
    one_a_deal = rows_per(visits, furthest, "_rows")
    counts = rows_per(one_a_deal, [*by, "_furthest"], "_n")
    return _wide(counts.rename({"_furthest": "_step"}), by, steps, _is_at_or_past)


def _is_at(step: int) -> nw.Expr:
    return nw.col("_step") == step


def _is_at_or_past(step: int) -> nw.Expr:
    return nw.col("_step") >= step


def _wide(counts: Frame, by: list[str], steps: int, applies: Callable[[int], nw.Expr], *, sign: int = 1) -> Frame:
    """One column a step, so that steps without deals are there with 0."""
    columns = (
        (nw.when(applies(step)).then(nw.col("_n")).otherwise(nw.lit(0)).cast(nw.Int64) * sign).alias(f"_{step}")
        for step in range(1, steps + 1)
    )
    return totals(counts.with_columns(*columns), by, [f"_{step}" for step in range(1, steps + 1)])


def _long(wide: Frame, per: Per, by: list[str], keys: list[str]) -> Frame:
    names = {f"_{step}": step for step in range(1, len(keys) + 1)}
    long = unpivoted(wide, list(names), by, "_name", "deals")
    named: dict[str, Any] = {name: keys[step - 1] for name, step in names.items()}
    long = long.with_columns(
        switch("_name", names).cast(nw.Int64).alias("position"), switch("_name", named).cast(nw.String).alias(per)
    )
    deals = nw.col("deals").fill_null(0).cast(nw.Int64)
    return long.select(*by, "position", per, deals).sort(*by, "position")


@metric
def conversion(
    process: SalesProcess,
    events: Frame,
    *,
    measure: Literal["entered", "reached"] = "reached",
    per: Per = "stage",
    by: By = (),
    at: datetime | None = None,
) -> Frame:
    """What share of the deals of a stage came to the next one.

    By `reached`, the share of the deals that came this far or further which came further: at most 1. By `entered`, the
    deals in the next stage for each deal in this one, which jumps over a stage push up or down, beyond 1 too; CRMs
    report that one, often without saying so.

    Columns: `by`..., `position`, `stage` or `phase`, `next`, `deals`, `went_on` (deals), `rate` (0 to 1; null where no
    deal came).

    >>> frames.conversion(SEVEN_STAGE, LOG).select("stage", "deals", "went_on").head(2).rows()
    [('prospecting', 4, 3), ('making_contact', 3, 3)]

    Raises:
        DealError: for a measure other than these two, or a missing column.
    """
    check_choice("measure", measure, ("entered", "reached"))
    groups = names_of(by, "position", per, "deals", "next", "went_on", "rate")
    steps = counted(process, events, measure, per, groups, at)
    return at_once(steps, lambda part: _steps(part, per, groups).sort(*groups, "position"))


def _steps(steps: Frame, per: Per, by: list[str]) -> Frame:
    following = (
        (
            nw.col(column).shift(-1).over(*by, order_by="position")
            if by
            else nw.col(column).shift(-1).over(order_by="position")
        ).alias(name)
        for name, column in (("next", per), ("went_on", "deals"))
    )
    pairs = steps.with_columns(*following).filter(~nw.col("next").is_null())
    rate = nw.when(nw.col("deals") > 0).then(nw.col("went_on") / nw.col("deals"))
    return pairs.select(*by, "position", per, "next", "deals", nw.col("went_on").cast(nw.Int64), rate.alias("rate"))
