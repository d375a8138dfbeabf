"""Stays in a stage: the table under every other metric.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final

import narwhals.stable.v2 as nw

from salesprocess.frames._any_dataframe import check_process, same_kind
from salesprocess.frames._backends import (
    MICROS_A_DAY,
    Frame,
    Neighbour,
    keyed,
    with_micros,
    with_neighbours,
    with_overall,
)
from salesprocess.frames._columns import REQUIRED, micros, prepared, require
from salesprocess.frames._stage_numbers import NOWHERE, UNKNOWN, StageNumbers
from salesprocess.process import SalesProcess

_PUBLISHED: Final = (
    "deal",
    "stage",
    "nth",
    "visit",
    "entered_at",
    "left_at",
    "days",
    "clock_back",
    "came_from",
    "went_to",
)


@same_kind
def spells(process: SalesProcess, events: Frame, *, at: datetime | None = None) -> Frame:
    """Return one row for each stay of a deal in a stage, from entering it to entering the next.

    A change to the stage that the deal is in already begins no new stay. With `at`, the log as it was then.

    Columns: `deal`, `stage`, `nth` (the number of the stay in the deal, from 1), `visit` (its number among the deal's
    stays in this stage), `entered_at`, `left_at` (null for the deal's last stay), `days` (of 24 hours; null while
    open, and where the clock went back), `clock_back`, `came_from`, `went_to`, and the log's other columns as they
    were when the stay began.

    Every metric takes this frame in place of the log: make it once where a database is asked many questions.

    >>> frames.spells(SEVEN_STAGE, LOG).select("deal", "stage", "days", "went_to").head(2).rows()
    [('a', 'prospecting', 3.0, 'making_contact'), ('a', 'making_contact', 7.0, 'qualifying')]
    """
    check_process(process)
    if is_spells(events):
        return events
    named = events.collect_schema().names()
    carried = [name for name in named if name not in {*REQUIRED, *_PUBLISHED, "seq"}]
    return keyed(events, ["deal"], lambda log: _published(process, log, carried, at))


def _published(process: SalesProcess, log: Frame, carried: Sequence[str], at: datetime | None) -> Frame:
    texts = {
        "left_at": Neighbour("at", -1, None),
        "came_from": Neighbour("stage", 1, None),
        "went_to": Neighbour("stage", -1, None),
    }
    made = _from_events(process, log, carried, at, texts)
    order = [*order_of(made), "stage"]
    # Counting rows by cum_count is wrong on pandas where the column counted is one of the group's.
    # Stages that the process lacks share one number, so that their names tell them apart.
    counted = made.with_columns(nw.lit(1).alias("_one"), nw.col("stage").fill_null("").alias("_name")).with_columns(
        nw.col("_one").cum_sum().over("deal", order_by=order).cast(nw.Int64).alias("nth"),
        nw.col("_one").cum_sum().over("deal", "_name", order_by=order).cast(nw.Int64).alias("visit"),
        days_between("_entered", "_left", nw.col("_went") != NOWHERE).alias("days"),
        ((nw.col("_went") != NOWHERE) & (nw.col("_left") < nw.col("_entered"))).alias("clock_back"),
    )
    return counted.rename({"at": "entered_at"}).select(*_PUBLISHED, *carried)


def days_between(start: str, end: str, where: nw.Expr) -> nw.Expr:
    """Return the days from one column of microseconds to another; null elsewhere, and where the clock went back."""
    forward = where & (nw.col(end) >= nw.col(start))
    return nw.when(forward).then((nw.col(end) - nw.col(start)) / MICROS_A_DAY)


def is_spells(frame: Frame) -> bool:
    """Return whether the frame is a result of `spells`."""
    return {"entered_at", "left_at", "nth"} <= set(frame.collect_schema().names())


def order_of(frame: Frame) -> list[str]:
    """Return the columns that order the stays of a deal: its own numbers, or the time, and then the process's order."""
    names = frame.collect_schema().names()
    return [*(number for number in ("nth", "seq") if number in names), "_entered", "_place"]


def stays(process: SalesProcess, frame: Frame, columns: Sequence[str] = (), at: datetime | None = None) -> Frame:
    """Return stays as numbers, for the metrics: from a log, or from a result of `spells`. A deal's rows are together.

    `_place`, `_came` and `_went` are numbers of stages (`NOWHERE` for none), `_entered` and `_left` microseconds.
    """
    if is_spells(frame):
        require(frame, columns)
        return _from_spells(process, frame, columns, at)
    return _from_events(process, frame, columns, at)


def _from_events(
    process: SalesProcess,
    log: Frame,
    columns: Sequence[str],
    at: datetime | None,
    texts: Mapping[str, Neighbour] = MappingProxyType({}),
) -> Frame:
    """Return stays from a log. A database sorts the log for each step, so all neighbours are asked for at once."""
    places = StageNumbers(process)
    log = prepared(log, columns).rename({"_us": "_entered"})
    log = log.filter(~nw.col("deal").is_null(), ~nw.col("at").is_null())
    if at is not None:
        log = log.filter(nw.col("_entered") <= micros(at))
    log = log.with_columns(places.number("stage").alias("_place"))
    # Stages that the process lacks have one number: of those at one time, the name decides what is carried along.
    order = [*order_of(log), "stage"] if columns or texts else order_of(log)
    log = with_neighbours(log, "deal", order, {"_came": Neighbour("_place", 1)})
    log = log.filter((nw.col("_came") != nw.col("_place")) | (nw.col("_place") == UNKNOWN))
    around = {"_went": Neighbour("_place", -1), "_left": Neighbour("_entered", -1), **texts}
    return with_neighbours(log, "deal", order, around, in_order=True)


def _from_spells(process: SalesProcess, made: Frame, columns: Sequence[str], at: datetime | None) -> Frame:
    places = StageNumbers(process)
    kept = dict.fromkeys(("deal", "stage", "nth", "entered_at", "left_at", "came_from", "went_to", *columns))
    made = with_micros(with_micros(made.select(*kept), "entered_at", "_entered"), "left_at", "_left")
    made = made.with_columns(
        places.number("stage").alias("_place"),
        # A stage without a name is a stage too: only the first stay has none before it, and only the last none after.
        nw.when(nw.col("nth") == 1).then(nw.lit(NOWHERE)).otherwise(places.number("came_from")).alias("_came"),
        nw.when(nw.col("left_at").is_null()).then(nw.lit(NOWHERE)).otherwise(places.number("went_to")).alias("_went"),
    )
    if at is not None:
        now = micros(at)
        made = made.filter(nw.col("_entered") <= now).with_columns(
            nw.when(nw.col("_left") > now).then(nw.lit(NOWHERE)).otherwise(nw.col("_went")).alias("_went")
        )
    ended = nw.when(nw.col("_went") != NOWHERE).then(nw.col("_left"))
    return made.with_columns(ended.fill_null(NOWHERE).cast(nw.Int64).alias("_left"))


def with_horizon(frame: Frame, at: datetime | None) -> Frame:
    """Return the stays with `_now`: the moment asked about, or that of the last change in them."""
    if at is not None:
        return frame.with_columns(nw.lit(micros(at)).alias("_now"))
    return with_overall(frame, "_entered", "max", "_now")
