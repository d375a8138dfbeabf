"""How deals end: one row a deal, and what follows from it.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import narwhals.stable.v2 as nw

from salesprocess.errors import DealError
from salesprocess.frames._any_dataframe import metric
from salesprocess.frames._arguments import By, check_days, names_of
from salesprocess.frames._backends import MICROS_A_DAY, Frame, keyed, with_month
from salesprocess.frames._columns import amount, flag, is_one_of, rows_per, totals
from salesprocess.frames._stage_numbers import NOWHERE, StageNumbers, switch
from salesprocess.frames._stays import stays, with_horizon
from salesprocess.process import SalesProcess

_COUNTS = ("deals", "won", "lost", "disqualified", "open")


def ended(process: SalesProcess, events: Frame, columns: Sequence[str] = (), at: datetime | None = None) -> Frame:
    """Return one row for each deal, with its stage and how it came there, as numbers."""
    wanted = [name for name in dict.fromkeys(columns) if name != "deal"]
    for name in wanted:
        if name in {"outcome", *_COUNTS}:
            raise DealError(f"the result has a column {name!r} itself; rename the log's", found=name)
    return keyed(
        events, ["deal"], lambda log: _of_deals(StageNumbers(process), stays(process, log, wanted, at), wanted)
    )


def _of_deals(places: StageNumbers, made: Frame, columns: list[str]) -> Frame:
    opened = nw.when(is_one_of("_place", places.unclosed)).then(nw.col("_entered"))
    won = nw.when(is_one_of("_place", places.of("won"))).then(nw.col("_entered"))
    made = made.with_columns(
        opened.otherwise(nw.lit(NOWHERE)).alias("_opened"),
        won.otherwise(nw.lit(NOWHERE)).alias("_won_at"),
        places.rank("_place").alias("_rank"),
    ).with_columns(nw.col("_opened").max().over("deal").alias("_last_opened"))
    # A deal that was reopened is closed when it was closed last: what was won before does not count.
    wins = made.filter((nw.col("_won_at") >= nw.col("_last_opened")) & (nw.col("_won_at") != NOWHERE))
    first_win = wins.group_by("deal").agg(nw.col("_won_at").min().alias("_last_won"))
    whole = made.group_by("deal").agg(
        nw.col("_entered").min().alias("_started"), nw.col("_rank").max().alias("_furthest"), nw.len().alias("_stays")
    )
    last = made.filter(nw.col("_went") == NOWHERE).select("deal", *columns, "_place", "_came", "_entered")
    deals = last.join(whole, on="deal", how="left").join(first_win, on="deal", how="left")
    outcomes = {
        number: stage.kind if stage.kind in {"won", "lost", "disqualified"} else "open"
        for number, stage in enumerate(places.stages)
    }
    closed = nw.when(nw.col("outcome").is_in(["lost", "disqualified"])).then(nw.col("_entered"))
    return deals.with_columns(switch("_place", outcomes, "open").cast(nw.String).alias("outcome")).with_columns(
        nw.when(nw.col("outcome") == "won").then(nw.col("_last_won")).otherwise(closed).alias("_closed"),
        *(flag(nw.col("outcome") == outcome).alias(outcome) for outcome in _COUNTS[1:]),
        nw.lit(1).alias("deals"),
    )


def _days_to_close() -> nw.Expr:
    return (nw.col("_closed") - nw.col("_started")) / MICROS_A_DAY


@metric
def outcomes(process: SalesProcess, events: Frame, *, at: datetime | None = None) -> Frame:
    """Return one row for each deal: its stage, and how it ended.

    Columns: `deal`, `stage` (null for one that the process lacks), `outcome` (`won`, `lost`, `disqualified`, else
    `open`), `lost_in` (the stage before, where it was lost or disqualified), `stages` (stays so far), `days` (of 24
    hours, from the first change to the closing; null while open). A deal reopened is open, and closes anew.

    >>> frames.outcomes(SEVEN_STAGE, LOG).sort("deal").select("deal", "outcome", "lost_in", "days").head(2).rows()
    [('a', 'won', None, 30.0), ('b', 'lost', 'qualifying', 17.0)]
    """
    places = StageNumbers(process)
    fell = nw.col("outcome").is_in(["lost", "disqualified"])
    return ended(process, events, (), at).select(
        "deal",
        places.key("_place").alias("stage"),
        "outcome",
        nw.when(fell).then(places.key("_came")).alias("lost_in"),
        nw.col("_stays").cast(nw.Int64).alias("stages"),
        _days_to_close().alias("days"),
    )


@metric
def win_rate(process: SalesProcess, events: Frame, *, by: By = (), at: datetime | None = None) -> Frame:
    """Return the share of the decided deals that was won, by any columns of the log.

    `win_rate` is won / (won + lost), 0 to 1: a disqualified deal never was a sale, and an open one is not decided.
    `close_rate` is won / all closed ones, the disqualified too. Both are null where nothing is closed.

    Columns: `by`..., `deals`, `won`, `lost`, `disqualified`, `open`, `win_rate`, `close_rate`.

    >>> frames.win_rate(SEVEN_STAGE, LOG, by="owner").select("owner", "won", "lost", "win_rate").rows()
    [('ana', 1, 0, 1.0), ('ben', 0, 1, 0.0)]
    """
    groups = names_of(by, "win_rate", "close_rate")
    counts = totals(ended(process, events, groups, at), groups, _COUNTS)
    rated = counts.with_columns(
        _share(nw.col("won"), nw.col("won") + nw.col("lost")).alias("win_rate"),
        _share(nw.col("won"), nw.col("won") + nw.col("lost") + nw.col("disqualified")).alias("close_rate"),
    )
    return rated.sort(*groups) if groups else rated


def _share(part: nw.Expr, whole: nw.Expr) -> nw.Expr:
    return nw.when(whole > 0).then(part / whole)


@metric
def loss_reasons(process: SalesProcess, events: Frame, *, by: By = (), at: datetime | None = None) -> Frame:
    """Count the reasons for losses by the stage that the deals were lost in; needs a column `reason`, sums `amount`.

    Columns: `by`..., `position` and `lost_in` (the stage before the loss), `outcome` (`lost` or `disqualified`),
    `reason` (null for none given), `deals`, and `amount` (their sum; mind the currencies) where the log has it.

    >>> frames.loss_reasons(SEVEN_STAGE, LOG).rows()
    [(3, 'qualifying', 'lost', 'price', 1, 4000.0)]

    Raises:
        DealError: for a missing column.
    """
    amounts = ["amount"] if "amount" in events.collect_schema().names() else []
    groups = names_of(by, "position", "lost_in", "reason", *amounts)
    deals = ended(process, events, [*groups, "reason", *amounts], at)
    lost = deals.filter(nw.col("outcome").is_in(["lost", "disqualified"]))
    lost = lost.with_columns((nw.col("_came") + 1).alias("position"))
    keys = [*groups, "position", "outcome", "reason"]
    counts = rows_per(lost, keys, "deals")
    if amounts:
        # A join would lose the deals without a reason: null equals nothing.
        both = lost.with_columns(amount().fill_null(0.0), nw.lit(1).alias("deals"))
        counts = both.group_by(*keys).agg(nw.col("deals").sum(), nw.col("amount").sum())
    named = counts.with_columns((nw.col("position") - 1).alias("_place"), nw.col("deals").cast(nw.Int64))
    named = named.with_columns(StageNumbers(process).key("_place").alias("lost_in"))
    shown = [*groups, "position", "lost_in", "outcome", "reason", "deals", *amounts]
    return named.select(*shown).sort(*groups, "position", "outcome", "reason")


@metric
def velocity(process: SalesProcess, events: Frame, *, by: By = (), at: datetime | None = None) -> Frame:
    """Return how much money a day the pipeline brings, per currency: the sales velocity formula.

    velocity = open deals x win rate x mean amount of the won deals / mean days from first change to winning, as sales
    operations define it (Salesforce and HubSpot print the same formula). Needs columns `amount` and `currency`; won
    deals without an amount are left out of its mean. Null where nothing was won.

    Columns: `by`..., `currency`, `open` (deals), `win_rate` (0 to 1), `mean_amount`, `cycle_days` (of 24 hours),
    `velocity` (amount a day).

    >>> frames.velocity(SEVEN_STAGE, LOG).select("open", "win_rate", "cycle_days", "velocity").rows()
    [(2, 0.5, 30.0, 333.3333333333333)]

    Raises:
        DealError: for a missing column.
    """
    shown = ("currency", "open", "win_rate", "mean_amount", "cycle_days")
    groups = [*names_of(by, *shown, "velocity"), "currency"]
    deals = ended(process, events, [*groups, "amount"], at).with_columns(
        nw.when(nw.col("outcome") == "won").then(amount()).alias("mean_amount"),
        nw.when(nw.col("outcome") == "won").then(_days_to_close()).alias("cycle_days"),
    )
    means = deals.group_by(*groups).agg(
        nw.col("mean_amount").mean(),
        nw.col("cycle_days").mean(),
        nw.col("open").sum(),
        nw.col("won").sum(),
        nw.col("lost").sum(),
    )
    means = means.with_columns(nw.col(name).cast(nw.Int64) for name in ("open", "won", "lost"))
    rated = means.with_columns(_share(nw.col("won"), nw.col("won") + nw.col("lost")).alias("win_rate"))
    money = nw.col("open") * nw.col("win_rate") * nw.col("mean_amount")
    fast = nw.when(nw.col("cycle_days") > 0).then(money / nw.col("cycle_days"))
    return rated.select(*groups, *shown[1:], fast.alias("velocity")).sort(*groups)


@metric
def cohorts(
    process: SalesProcess,
    events: Frame,
    *,
    within: Sequence[int] = (30, 90, 180),
    by: By = (),
    at: datetime | None = None,
) -> Frame:
    """Group deals by the month (in UTC) of their first change, so that old and young ones are not averaged together.

    `won_in_<n>` is the share of all the month's deals that were won within so many days, 0 to 1; it is null while one
    of them is younger than that, since it can still rise.

    Columns: `by`..., `month` (`2026-01`), `deals`, `won`, `lost`, `disqualified`, `open`, `won_in_30` and so on.

    >>> frames.cohorts(SEVEN_STAGE, LOG, within=[30]).rows()
    [('2026-01', 4, 1, 1, 0, 2, None)]
    """
    within = check_days("within", within)
    groups = names_of(by, "month", *(f"won_in_{days}" for days in within))
    deals = with_horizon(ended(process, events, groups, at), at)
    speedy, young = [f"won_in_{days}" for days in within], [f"_younger_{days}" for days in within]
    age, to_close = nw.col("_now") - nw.col("_started"), nw.col("_closed") - nw.col("_started")
    deals = deals.with_columns(
        *(
            flag((nw.col("outcome") == "won") & (to_close <= days * MICROS_A_DAY)).alias(f"won_in_{days}")
            for days in within
        ),
        *(flag(age < days * MICROS_A_DAY).alias(f"_younger_{days}") for days in within),
    )
    deals = keyed(deals, ["deal"], lambda part: with_month(part, "_started", "month"))
    counts = totals(deals, [*groups, "month"], [*_COUNTS, *speedy, *young])
    shares = (
        nw.when(nw.col(f"_younger_{days}") == 0)
        .then(nw.col(f"won_in_{days}") / nw.col("deals"))
        .alias(f"won_in_{days}")
        for days in within
    )
    return counts.with_columns(*shares).select(*groups, "month", *_COUNTS, *speedy).sort(*groups, "month")
