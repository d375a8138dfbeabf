"""Metrics over any kind of dataframe: the same kind comes out as goes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, Final, NamedTuple, ParamSpec, TypeVar

import narwhals.stable.v2 as nw

from salesprocess._text import suggestion
from salesprocess.errors import DealError
from salesprocess.frames._backends import Frame, as_lazy, in_memory
from salesprocess.process import SalesProcess

P = ParamSpec("P")
NativeT = TypeVar("NativeT")
FirstT = TypeVar("FirstT")

_LAZY: Final = {nw.Implementation.DUCKDB, nw.Implementation.PYSPARK, nw.Implementation.DASK}
_KINDS: Final = {*_LAZY, nw.Implementation.POLARS, nw.Implementation.PANDAS, nw.Implementation.PYARROW}
_EXPECTED: Final = ("polars", "pandas", "pyarrow", "DuckDB", "PySpark", "Dask")
_FIRST: Final = 1000
_SHOWN: Final = 3


class Opened(NamedTuple):
    """A caller's frame as Narwhals has it, and the way back to the caller's kind."""

    frame: Frame
    give_back: Callable[[Frame], Any]


def open_frame(native: Any) -> Opened:
    """Return the caller's frame, and a function that turns a result into the same kind.

    pyarrow tables go through polars: Narwhals' own grouped median on them is approximate.

    Raises:
        DealError: for anything but a frame of a kind that the metrics are tested on, and for a dot in a Spark column.
    """
    try:
        frame = nw.from_native(native)
    except TypeError:
        raise _no_frame(native) from None
    if frame.implementation not in _KINDS:
        raise _no_frame(native)
    if frame.implementation is nw.Implementation.PYSPARK:
        _refuse_dots(native.columns)
    if isinstance(frame, nw.LazyFrame):
        return Opened(frame, lambda result: result.to_native())
    if frame.implementation is nw.Implementation.PYARROW:
        return Opened(as_lazy(frame.to_polars()), lambda result: result.collect().to_arrow())
    return Opened(frame.lazy(), in_memory)


def _refuse_dots(columns: Sequence[str]) -> None:
    for column in columns:
        if "." in column:
            fix = f"rename it, such as {column.replace('.', '_')!r}, and pass that to gate(facts=...)"
            raise DealError(f"Spark takes the dot in the column {column!r} for a field: {fix}", found=column)


def _no_frame(native: Any) -> DealError:
    kind = f"{type(native).__module__}.{type(native).__qualname__}"
    order = ": the process comes first, then the frame" if isinstance(native, SalesProcess) else ""
    return DealError(
        f"expected a frame of {', '.join(_EXPECTED)}, found {kind}{order}", found=native, expected=_EXPECTED
    )


def same_kind(
    metric: Callable[Concatenate[FirstT, Frame, P], Frame],
) -> Callable[Concatenate[FirstT, NativeT, P], NativeT]:
    """Return the metric over Narwhals frames as one over any kind: a lazy frame gives a lazy one."""

    @wraps(metric)
    def over_any_kind(first: FirstT, native: NativeT, /, *args: P.args, **options: P.kwargs) -> NativeT:
        # conform takes several processes by version, and checks them itself.
        if not isinstance(first, Mapping):
            check_process(first)
        opened = open_frame(native)
        result: NativeT = opened.give_back(metric(first, opened.frame, *args, **options))
        return result

    return over_any_kind


def metric(
    compute: Callable[Concatenate[SalesProcess, Frame, P], Frame],
) -> Callable[Concatenate[SalesProcess, NativeT, P], NativeT]:
    """Return the metric as `same_kind` does; a log without a stage of the process is refused, not counted as 0."""

    @wraps(compute)
    def over_known_stages(process: SalesProcess, native: NativeT, /, *args: P.args, **options: P.kwargs) -> NativeT:
        check_process(process)
        refuse_unknown_stages(process, nw.from_native(native, eager_only=True, pass_through=True))
        opened = open_frame(native)
        result: NativeT = opened.give_back(compute(process, opened.frame, *args, **options))
        return result

    return over_known_stages


def check_process(process: object) -> None:
    """Refuse anything except a single process.

    Raises:
        DealError: for anything else, such as a frame in its place.
    """
    if isinstance(process, SalesProcess):
        return
    why = "conform alone takes several" if isinstance(process, Mapping) else "the process comes first, then the frame"
    kind = f"{type(process).__module__}.{type(process).__qualname__}"
    raise DealError(f"expected a SalesProcess, found {kind}: {why}", found=process)


def refuse_unknown_stages(process: SalesProcess, log: Any) -> None:
    """Refuse a log none of whose stages the process has. Lazy frames are not read for it.

    Raises:
        DealError: if the log has stages and the process none of them.
    """
    if not isinstance(log, nw.DataFrame) or "stage" not in log.columns or log["stage"].dtype.is_numeric():
        return
    keys = [stage.key for stage in process.stages]
    # In a log that fits, the first rows are enough.
    for stages in (log["stage"].head(_FIRST), log["stage"]):
        known = stages.drop_nulls().cast(nw.String)
        if known.is_in(keys).any() or not len(known):
            return
    found = sorted(set(known.unique().to_list()))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    named = ", ".join(map(repr, found[:_SHOWN])) + more
    fix = f"frames.events(log, stages={{{found[0]!r}: ...}}) names them" if "deal" in log.columns else "rename them"
    raise DealError(
        f"process {process.key!r} has none of the log's stages ({named}){suggestion(found[0], keys)} ({fix})",
        found=found,
        expected=keys,
    )
