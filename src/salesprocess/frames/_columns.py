"""The columns of a log of stage changes: which there are, and how a log is brought to them.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import narwhals.stable.v2 as nw

from salesprocess._text import shown, suggestion
from salesprocess.errors import DealError
from salesprocess.frames._any_dataframe import open_frame
from salesprocess.frames._backends import Frame, keyed, with_micros
from salesprocess.targets.narwhals import holds_nothing

REQUIRED: Final = ("deal", "stage", "at")
OPTIONAL: Final = ("seq", "amount", "currency", "owner", "segment", "reason", "version")
# A log's own column of such a name would be written over where all its columns are kept.
_INSIDE: Final = frozenset(
    {"_us", "_us_before", "_entered", "_left", "_place", "_came", "_went", "_one", "_deal", "_move", "_version"}
)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def totals(frame: Frame, by: Sequence[str], columns: Iterable[str], dtype: Any = nw.Int64) -> Frame:
    """Return the sums of plain columns for each group, or over all rows: all engines compute this alike."""
    sums = [nw.col(name).sum() for name in columns]
    summed = frame.group_by(*by).agg(*sums) if by else frame.select(*sums)
    # DuckDB adds integers up to a HUGEINT, and polars and pandas disagree on the sum of nothing.
    return summed.with_columns(nw.col(name).fill_null(0).cast(dtype) for name in columns)


def rows_per(frame: Frame, by: Sequence[str], name: str) -> Frame:
    """Return the number of rows of each group."""
    return totals(frame.with_columns(nw.lit(1).alias(name)), by, [name])


def counts_where(frame: Frame, by: Sequence[str], column: str, conditions: Mapping[str, nw.Expr]) -> Frame:
    """Return how many rows of each group meet each condition, in a column of its name.

    The conditions look at `column` alone, so that they are evaluated once for each of its values and not for each row.
    """
    counts = rows_per(frame, [*by, column], "_rows")
    columns = (
        nw.when(applies).then(nw.col("_rows")).otherwise(nw.lit(0)).cast(nw.Int64).alias(name)
        for name, applies in conditions.items()
    )
    return totals(counts.with_columns(*columns), by, conditions)


def flag(condition: nw.Expr) -> nw.Expr:
    """Return 1 where the condition holds, else 0, to be summed."""
    return nw.when(condition).then(nw.lit(1)).otherwise(nw.lit(0)).cast(nw.Int64)


def is_one_of(column: str, numbers: Iterable[int]) -> nw.Expr:
    """Return whether a number is one of these; false where no numbers are given."""
    return nw.col(column).is_in([*numbers, -2])


def amount() -> nw.Expr:
    """Return the column `amount` as floats; on every engine NaN means no amount, as in pandas."""
    number = nw.col("amount").cast(nw.Float64)
    return nw.when(~number.is_nan()).then(number).alias("amount")


def require(frame: Frame, columns: Iterable[str], *, hint: str = "") -> None:
    """Refuse a frame that lacks a column.

    Raises:
        DealError: for the first missing column, with the nearest name that the frame has.
    """
    there = frame.collect_schema().names()
    for column in columns:
        if column not in there:
            raise DealError(f"the frame has no column {column!r}{suggestion(column, there)}{hint}", expected=there)


def micros(at: datetime) -> int:
    """Return a moment as microseconds since 1970; one without a zone is taken as UTC, as the log's times are."""
    if not isinstance(at, datetime):
        raise DealError(f"at is a moment, a datetime; found {type(at).__name__} {shown(at)}", found=at)
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)


def prepared(frame: Frame, columns: Sequence[str] = ()) -> Frame:
    """Return the needed columns of the log, with `_us`, its times in microseconds.

    Raises:
        DealError: for a missing column, an `at` that holds no times, or a `stage` that holds numbers.
    """
    require(frame, (*REQUIRED, *columns), hint="; frames.events(...) names the columns of a log")
    for name in columns:
        if name in _INSIDE:
            raise DealError(f"the log has a column {name!r}, and so have the metrics inside: rename it", found=name)
    frame = _typed_where_empty(frame)
    schema = frame.collect_schema()
    if schema["at"] == nw.Date():
        frame = frame.with_columns(nw.col("at").cast(nw.Datetime("us")))
    elif not isinstance(schema["at"], nw.Datetime):
        raise DealError(f"at holds times, found {schema['at']}: parse it first", found=str(schema["at"]))
    if schema["stage"].is_numeric():
        fix = "name the keys that they stand for: frames.events(..., stages={1: 'lead'})"
        raise DealError(f"stage holds keys of stages, found {schema['stage']}: {fix}", found=str(schema["stage"]))
    if schema["stage"] in {nw.Categorical, nw.Enum}:
        frame = frame.with_columns(nw.col("stage").cast(nw.String))
    kept = dict.fromkeys((*REQUIRED, *(("seq",) if "seq" in schema.names() else ()), *columns))
    return with_micros(frame.select(*kept), "at", "_us")


def _typed_where_empty(frame: Frame) -> Frame:
    """Return the log with types for stages and times where no value shows the type."""
    schema = frame.collect_schema()
    fits = {"at": schema["at"].is_temporal(), "stage": schema["stage"] == nw.String}
    types: dict[str, Any] = {"at": nw.Datetime("us"), "stage": nw.String}
    empty = [name for name, fit in fits.items() if not fit and holds_nothing(frame, name)]
    return frame.with_columns(nw.col(name).cast(types[name]) for name in empty) if empty else frame


def events(
    frame: Any,
    *,
    deal: str = "deal",
    stage: str = "stage",
    at: str = "at",
    stages: Mapping[Any, str] | None = None,
    starts: str | None = None,
    **columns: str,
) -> Any:
    """Return a log of stage changes with the column names that the metrics look for, as the caller's kind of frame.

    Name the log's own columns: `deal`, `stage` and `at`, and any of `seq` (numbers a deal's changes and decides their
    order, even against the clock), `amount`, `currency`, `owner`, `segment`, `reason` and `version` (of the process).
    Other columns stay and can be grouped `by`. `stages` maps the log's stage values to keys; what it does not
    name stays as it is. A key `(version, value)` holds for the changes of that version alone.

    `starts` names a column that is true on rows where a deal begins anew, for a log that uses an id twice: the later
    episodes get ids of their own, `id#2` and so on, and rows without a stage are left out. Times without a zone are
    UTC.

    >>> import polars as pl
    >>> log = pl.DataFrame({"id": [7], "to": ["Talks"], "when": ["2026-01-05"]})
    >>> log = log.with_columns(pl.col("when").str.to_date())
    >>> frames.events(log, deal="id", stage="to", at="when", stages={"Talks": "talk"}).columns
    ['deal', 'stage', 'at']

    Raises:
        DealError: for a missing column, with the nearest name, or a kind of frame that is not supported.
    """
    for name in columns:
        if name not in OPTIONAL:
            raise DealError(f"no column {name!r} in a log{suggestion(name, OPTIONAL)}", expected=OPTIONAL)
    opened = open_frame(frame)
    names: dict[str, str] = {}
    for name, own in {"deal": deal, "stage": stage, "at": at, **columns}.items():
        if own in names:
            raise DealError(f"the column {own!r} is to be {names[own]!r} and {name!r}: give it twice", found=own)
        names[own] = name
    require(opened.frame, (*names, *(() if starts is None else (starts,))))
    _refuse_clash(opened.frame, names)
    log = opened.frame.rename({own: name for own, name in names.items() if own != name})
    if stages is not None and not isinstance(stages, Mapping):
        raise DealError(f"stages maps the log's stages to keys, found {shown(stages)}", found=stages)
    if stages:
        log = log.with_columns(_renamed(log, stages).alias("stage"))
    if starts is not None:
        log = keyed(log, ["deal"], lambda part: _with_episodes(part, starts))
    return opened.give_back(log)


def _refuse_clash(frame: Frame, names: Mapping[str, str]) -> None:
    for own, name in names.items():
        if own != name and name in frame.collect_schema().names() and name not in names:
            raise DealError(f"{own!r} is to be the column {name!r}, and the frame has another {name!r}: drop it first")


def _renamed(log: Frame, stages: Mapping[Any, str]) -> nw.Expr:
    result = nw.col("stage").cast(nw.String)
    for found, key in reversed(list(stages.items())):
        if not isinstance(key, str):
            raise DealError(f"stages maps to keys of stages, found {shown(key)}", found=key)
        if isinstance(found, tuple):
            require(log, ["version"])
            applies = (nw.col("version") == found[0]) & (nw.col("stage") == found[1])
        else:
            applies = nw.col("stage") == found
        result = nw.when(applies).then(nw.lit(key)).otherwise(result)
    return result


def _with_episodes(log: Frame, starts: str) -> Frame:
    # At one time, the row that begins a deal comes first.
    order = ["seq" if "seq" in log.collect_schema().names() else "at", "_goes_on"]
    numbered = log.with_columns(
        flag(nw.col(starts)).alias("_begins"),
        (nw.lit(1) - flag(nw.col(starts))).alias("_goes_on"),
        nw.col("deal").cast(nw.String),
    ).with_columns(nw.col("_begins").cum_sum().over("deal", order_by=order).cast(nw.Int64).alias("_episode"))
    later = nw.concat_str(nw.col("deal"), nw.col("_episode").cast(nw.String), separator="#")
    named = numbered.with_columns(
        nw.when(nw.col("_episode") > 1).then(later).otherwise(nw.col("deal")).alias("deal"),
    )
    return named.filter(~nw.col("stage").is_null()).drop("_begins", "_goes_on", "_episode", starts)
