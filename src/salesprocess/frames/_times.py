"""How long deals stay in a stage; stays that have not ended count as not yet measured.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from datetime import datetime
from math import log
from typing import Final, Literal, TypeAlias, get_args

import narwhals.stable.v2 as nw

from salesprocess.frames._any_dataframe import metric
from salesprocess.frames._arguments import By, check_choices, check_share, names_of
from salesprocess.frames._backends import MICROS_A_DAY, Frame, Neighbour, keyed, sorted_down, with_neighbours
from salesprocess.frames._columns import flag, is_one_of, totals
from salesprocess.frames._stage_numbers import NOWHERE, StageNumbers, switch
from salesprocess.frames._stays import order_of, stays, with_horizon
from salesprocess.process import SalesProcess

Which: TypeAlias = Literal["latest", "cumulative"]

_COUNTS: Final = ("finished", "open", "clock_back")
_DAYS: Final = ("mean_days", "median_days", "p90_days", "km_median_days")
_HALF: Final = log(0.5) + 1e-9
_NONE_LEFT: Final = -1e9


@metric
def time_in_stage(
    process: SalesProcess, events: Frame, *, which: Which = "latest", by: By = (), at: datetime | None = None
) -> Frame:
    """Return how many days deals stay in each stage: in a deal's `latest` stay there, or in all its stays together.

    Mean, median and 90th percentile (linear interpolation) are of the finished stays alone, and so too short while
    slow deals are still there. `km_median_days` takes the open ones in as lasting at least until `at`: the median by
    the product-limit estimate (Kaplan and Meier 1958), null while more than half stay on. `at` is the last change
    in the log where it is not given. Stays that end before they begin, by a clock set back, are counted apart.

    Columns: `by`..., `position` (of the stage in the process, from 1), `stage`, `finished`, `open`, `clock_back`
    (stays), `mean_days`, `median_days`, `p90_days`, `km_median_days` (of 24 hours). No row for a stage without stays,
    or one of a lost or disqualified deal.

    >>> frames.time_in_stage(SEVEN_STAGE, LOG).select("stage", "finished", "open", "median_days").head(2).rows()
    [('prospecting', 3, 1, 2.0), ('making_contact', 2, 0, 6.0)]

    Raises:
        DealError: for an unknown `which`, or a missing column.
    """
    check_choices(which=(which, get_args(Which)))
    places, groups = StageNumbers(process), names_of(by, "position", "stage", *_COUNTS, *_DAYS)
    made = with_horizon(keyed(events, ["deal"], lambda log: stays(process, log, groups, at)), at)
    times = made.filter(is_one_of("_place", places.of("open", "on_hold", "won")))
    times = keyed(times, ["deal"], lambda part: _lengths(part, which, groups))
    stages = keyed(times, ["_place"], lambda part: _statistics(part, [*groups, "_place"]))
    named = stages.with_columns(places.key("_place").alias("stage"), (nw.col("_place") + 1).alias("position"))
    return named.select(*groups, "position", "stage", *_COUNTS, *_DAYS).sort(*groups, "position")


def _lengths(made: Frame, which: Which, by: list[str]) -> Frame:
    """Return one row for each deal and stage: microseconds, and whether they are finished or run backwards."""
    end = nw.when(nw.col("_went") == NOWHERE).then(nw.col("_now")).otherwise(nw.col("_left"))
    made = made.with_columns(
        (end - nw.col("_entered")).alias("_length"),
        flag(nw.col("_went") == NOWHERE).alias("open"),
    ).with_columns(flag(nw.col("_length") < 0).alias("clock_back"))
    if which == "cumulative":
        return totals(made, ["deal", *by, "_place"], ["_length", "open", "clock_back"])
    made = made.with_columns(
        nw.concat_str(nw.col("deal").cast(nw.String), nw.col("_place").cast(nw.String), separator=" ").alias("_visitor")
    )
    later = with_neighbours(made, "_visitor", order_of(made), {"_later": Neighbour("_entered", -1)})
    return later.filter(nw.col("_later") == -1)


def _statistics(times: Frame, by: list[str]) -> Frame:
    forward = nw.col("clock_back") == 0
    times = times.with_columns(
        nw.when(forward & (nw.col("open") == 0)).then(nw.col("_length") / MICROS_A_DAY).alias("_days"),
        flag(forward & (nw.col("open") == 0)).alias("finished"),
        flag(nw.col("clock_back") > 0).alias("clock_back"),
    )
    moments = times.group_by(*by).agg(
        nw.col("_days").mean().alias("mean_days"),
        nw.col("_days").median().alias("median_days"),
        nw.col("_days").quantile(0.9, "linear").alias("p90_days"),
    )
    counts = totals(times, by, _COUNTS)
    lasting = _lasting_medians(times.filter(nw.col("clock_back") == 0), by)
    return _joined(_joined(counts, moments, by), lasting, by)


def _joined(left: Frame, right: Frame, by: list[str]) -> Frame:
    """Join two frames by a text for the group, since null equals nothing in a join."""
    group = nw.concat_str(*(nw.col(key).cast(nw.String).fill_null("\x1f") for key in by), separator="\x1e")
    right = right.with_columns(group.alias("_group")).drop(*by)
    return left.with_columns(group.alias("_group")).join(right, on="_group", how="left").drop("_group")


def _lasting_medians(times: Frame, by: list[str]) -> Frame:
    """Return the first length at which the share still there, the product of (1 - ended / at risk), is half or less."""
    moments = totals(times.with_columns(nw.lit(1).alias("_stays")), [*by, "_length"], ["_stays", "finished"])
    moments = moments.with_columns(
        nw.col("_stays").sum().over(*by).alias("_all"),
        nw.col("_stays").cum_sum().over(*by, order_by="_length").alias("_so_far"),
    ).with_columns((nw.col("_all") - nw.col("_so_far") + nw.col("_stays")).cast(nw.Float64).alias("_at_risk"))
    some_left = nw.col("finished") < nw.col("_at_risk")
    share = nw.when(some_left).then(1 - nw.col("finished") / nw.col("_at_risk")).otherwise(nw.lit(1.0))
    moments = moments.with_columns(share.log().alias("_log")).with_columns(
        nw.when(some_left).then(nw.col("_log")).otherwise(nw.lit(_NONE_LEFT)).alias("_log")
    )
    moments = moments.with_columns(nw.col("_log").cum_sum().over(*by, order_by="_length").alias("_survival"))
    halved = moments.filter(nw.col("_survival") <= _HALF).with_columns(
        (nw.col("_length") / MICROS_A_DAY).alias("km_median_days")
    )
    return halved.group_by(*by).agg(nw.col("km_median_days").min())


@metric
def stalled(process: SalesProcess, events: Frame, *, percentile: float = 0.9, at: datetime | None = None) -> Frame:
    """Return the open deals that are longer in their stage than its `time_limit`, or than is usual there.

    Usual is the given percentile of the finished stays in that stage, in this log. A deal on hold is not stalled.
    `at` is the moment asked about, the last change in the log where it is not given.

    Columns: `deal`, `stage`, `days` (of 24 hours, so far), `limit_days` and `usual_days` (null where there is none),
    `over_limit`, `over_usual`; the longest overdue first.

    >>> frames.stalled(SEVEN_STAGE, LOG).select("deal", "stage", "days", "usual_days").rows()
    [('c', 'prospecting', 25.0, 2.8), ('d', 'presenting', 21.0, 10.0)]
    """
    check_share("percentile", percentile)
    places = StageNumbers(process)
    made = with_horizon(keyed(events, ["deal"], lambda log: stays(process, log, (), at)), at)
    made = made.filter(is_one_of("_place", places.of("open")))
    usual = keyed(made, ["_place"], lambda part: _usual(part, percentile))
    days = (nw.col("_now") - nw.col("_entered")) / MICROS_A_DAY
    waiting = made.filter(nw.col("_went") == NOWHERE).with_columns(days.alias("days"))
    waiting = waiting.join(usual, on="_place", how="left")
    limits = {
        n: s.time_limit.total_seconds() / 86_400 for n, s in enumerate(process.stages) if s.time_limit is not None
    }
    limit = switch("_place", limits).cast(nw.Float64).alias("limit_days")
    waiting = keyed(waiting, ["deal"], lambda part: part.with_columns(limit))
    waiting = waiting.with_columns(
        (nw.col("days") > nw.col("limit_days")).fill_null(value=False).alias("over_limit"),
        (nw.col("days") > nw.col("usual_days")).fill_null(value=False).alias("over_usual"),
    ).filter(nw.col("over_limit") | nw.col("over_usual"))
    shown = ("deal", "stage", "days", "limit_days", "usual_days", "over_limit", "over_usual")
    named = waiting.with_columns(places.key("_place").alias("stage")).select(*shown)
    return sorted_down(named, "days", "deal")


def _usual(made: Frame, percentile: float) -> Frame:
    finished = made.filter((nw.col("_went") != NOWHERE) & (nw.col("_left") >= nw.col("_entered")))
    finished = finished.with_columns(((nw.col("_left") - nw.col("_entered")) / MICROS_A_DAY).alias("usual_days"))
    return finished.group_by("_place").agg(nw.col("usual_days").quantile(percentile, "linear"))
