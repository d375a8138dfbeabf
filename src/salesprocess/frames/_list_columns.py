"""Columns of lists: counted by each engine's own means, since Narwhals has no function that serves all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from importlib import import_module
from typing import Any, Final

import narwhals.stable.v2 as nw

from salesprocess.criteria.evaluation import measured
from salesprocess.criteria.rules import Term
from salesprocess.frames._backends import Frame, as_lazy, duckdb_name, is_absent, kind_of, spark_name

_IN_DUCKDB: Final = {"count": "list_count", "distinct": "list_unique"}
_IN_POLARS: Final = {"count": "len", "distinct": "n_unique"}


def with_counts(frame: Frame, terms: Iterable[Term], facts: Mapping[str, str] | None) -> Frame:
    """Return the frame with a column such as `count(tags)` for each count that a rule asks for.

    Of a kind of frame that is not one of these four, the gate says that the column is missing.
    """
    schema = frame.collect_schema()
    for term in {repr(term): term for term in terms}.values():
        column = (facts or {}).get(str(term.path), str(term.path))
        name = f"{term.measure}({column})"
        if term.measure is None or column not in schema.names() or name in schema.names():
            continue
        native: Any = frame.to_native()
        if kind_of(frame) is nw.Implementation.PANDAS and _has_lists(native[column]):
            counts = [measured(None if is_absent(each) else each, term) for each in native[column].array]
            frame = as_lazy(native.assign(**{name: counts}).astype({name: "Int64"}))
        elif schema[column] != nw.List:
            continue
        elif kind_of(frame) is nw.Implementation.POLARS:
            frame = as_lazy(native.with_columns(_in_polars(nw.get_native_namespace(frame), column, term).alias(name)))
        elif kind_of(frame) is nw.Implementation.DUCKDB:
            counting = f"{_IN_DUCKDB[str(term.measure)]}({duckdb_name(column)}[:])"
            frame = as_lazy(native.project(f"*, {counting}::BIGINT AS {duckdb_name(name)}"))
        elif kind_of(frame) is nw.Implementation.PYSPARK:
            frame = as_lazy(native.withColumn(name, _in_spark(column, term)))
    return frame


def _in_polars(pl: Any, column: str, term: Term) -> Any:
    known = pl.col(column).list.drop_nulls()
    return getattr(known.list, _IN_POLARS[str(term.measure)])().cast(pl.Int64)


def _in_spark(column: str, term: Term) -> Any:
    functions = import_module("pyspark.sql.functions")
    items = functions.array_compact(functions.col(spark_name(column)))
    items = functions.array_distinct(items) if term.measure == "distinct" else items
    # The size of null is -1 where ANSI SQL is off.
    return functions.when(items.isNotNull(), functions.size(items).cast("long"))


def _has_lists(series: Any) -> bool:
    if not str(series.dtype).startswith(("object", "list", "large_list")):
        return False
    first = next((each for each in series.array if not is_absent(each)), None)
    return isinstance(first, Collection) and not isinstance(first, str | bytes | Mapping)


def typed(frame: Frame) -> Frame:
    """Return the frame with types for pandas' columns of plain objects, such as bools with gaps or lists.

    Lists need pyarrow; without it, or where the items are of several types, they stay objects.
    """
    if kind_of(frame) is not nw.Implementation.PANDAS:
        return frame
    native: Any = frame.collect().to_native().reset_index(drop=True)
    loose = [name for name, dtype in native.dtypes.items() if str(dtype) == "object"]
    columns = {
        name: _as_lists(native[name]) if _has_lists(native[name]) else native[name].convert_dtypes() for name in loose
    }
    return as_lazy(native.assign(**columns))


def _as_lists(series: Any) -> Any:
    try:
        pd, pa = import_module("pandas"), import_module("pyarrow")
        lists = pa.array([None if is_absent(each) else list(each) for each in series], from_pandas=True)
    except (ImportError, TypeError, ValueError):
        return series
    return pd.Series(lists, index=series.index, dtype=pd.ArrowDtype(lists.type))


def as_given(frame: Frame, given: Frame) -> Frame:
    """Return the typed result with the lists as they were given; its index still numbers the rows there."""
    if kind_of(frame) is not nw.Implementation.PANDAS:
        return frame
    native: Any = frame.collect().to_native()
    before = given.collect().to_native().reset_index(drop=True)
    lists = {name: before[name].loc[native.index] for name in before.columns if _has_lists(before[name])}
    loose = [name for name, dtype in native.dtypes.items() if str(dtype) == "object" and name not in {*lists, "lacks"}]
    return as_lazy(native.assign(**lists, **{name: native[name].convert_dtypes() for name in loose}))
