"""How many deals came how far: four measures that CRMs mix up, each by its own name.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypeAlias, get_args

import narwhals.stable.v2 as nw

from salesprocess.frames._any_dataframe import metric
from salesprocess.frames._arguments import By, check_choices, names_of
from salesprocess.frames._backends import Frame, at_once, keyed, unpivoted
from salesprocess.frames._columns import counts_where, flag, rows_per, totals
from salesprocess.frames._stage_numbers import NOWHERE, FunnelSteps, Per
from salesprocess.frames._stays import stays
from salesprocess.process import SalesProcess

Measure: TypeAlias = Literal["entered", "reached", "skipped", "reentered"]


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
    """Count the deals that came to each stage, or each phase. Deals, not moves: one that comes twice counts once.

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
        DealError: for an unknown measure, or a missing column.
    """
    check_choices(measure=(measure, get_args(Measure)), per=(per, get_args(Per)))
    return counted(process, events, measure, per, names_of(by, "position", per, "deals"), at)


def counted(
    process: SalesProcess, events: Frame, measure: Measure, per: Per, by: list[str], at: datetime | None
) -> Frame:
    """Return the funnel as a Narwhals frame."""
    steps = FunnelSteps.of(process, per)
    names = {step: f"_{step}" for step in range(1, len(steps.stages) + 1)}
    others = [name for name in by if name != "deal"]

    def furthest(log: Frame) -> Frame:
        made = stays(process, log, by, at).with_columns(steps.step("_place").alias("_step"))
        return _furthest(made, others)

    def visits(log: Frame) -> Frame:
        made = stays(process, log, by, at).with_columns(steps.step("_place").alias("_step"))
        return _visits(made, steps, others)

    if measure == "reached":
        # Needs no visits, which cost a group-by and a join.
        return _long(_reached(keyed(events, ["deal"], furthest), by, names), steps, by, names)
    made = keyed(events, ["deal"], visits)
    there = made.filter(nw.col("_step") > 0)
    if measure == "reentered":
        there = there.filter(nw.col("_visits") > 1)
    entered = counts_where(there, by, "_step", {name: nw.col("_step") == step for step, name in names.items()})
    if measure == "skipped":
        deals = rows_per(made, ["deal", *others, "_furthest"], "_rows")
        less = entered.with_columns(-nw.col(name) for name in names.values())
        entered = totals(nw.concat([_reached(deals, by, names), less]), by, names.values())
    return _long(entered, steps, by, names)


def _furthest(made: Frame, others: list[str]) -> Frame:
    """Return one row for each deal: the furthest step that it reached, and its groups as its last change has them."""
    furthest = made.group_by("deal").agg(nw.col("_step").max().alias("_furthest"))
    if not others:
        return furthest
    last = made.filter(nw.col("_went") == NOWHERE).select("deal", *others)
    return furthest.join(last, on="deal", how="left")


def _visits(made: Frame, steps: FunnelSteps, others: list[str]) -> Frame:
    """Return one row for each deal and step: how often it came there, and what `_furthest` says of the deal."""
    # Moves within a phase, or between stages that are in no step, are no new visit.
    made = made.with_columns(flag(nw.col("_step") != steps.step("_came")).alias("_visits"))
    return totals(made, ["deal", "_step"], ["_visits"]).join(_furthest(made, others), on="deal", how="left")


def _reached(deals: Frame, by: list[str], names: dict[int, str]) -> Frame:
    return counts_where(deals, by, "_furthest", {name: nw.col("_furthest") >= step for step, name in names.items()})


def _long(wide: Frame, steps: FunnelSteps, by: list[str], names: dict[int, str]) -> Frame:
    long = steps.with_names(unpivoted(wide, list(names.values()), by, "_name", "deals"), "_name", names)
    deals = nw.col("deals").fill_null(0).cast(nw.Int64)
    return long.select(*by, "position", steps.per, deals).sort(*by, "position")


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
    """Return the share of the deals of a stage that came to the next one.

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
    check_choices(measure=(measure, ("entered", "reached")), per=(per, get_args(Per)))
    groups = names_of(by, "position", per, "deals", "next", "went_on", "rate")
    steps = counted(process, events, measure, per, groups, at)
    return at_once(steps, lambda part: _with_next(part, per, groups).sort(*groups, "position"))


def _with_next(steps: Frame, per: Per, by: list[str]) -> Frame:
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
