"""Operations that each dataframe engine needs done in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, Literal, NamedTuple, ParamSpec, TypeAlias, TypeVar

import narwhals.stable.v2 as nw

from salesprocess.criteria.comparing import is_missing

Frame: TypeAlias = "nw.LazyFrame[Any]"
Rows: TypeAlias = Sequence[Mapping[str, Any]]

P = ParamSpec("P")
NativeT = TypeVar("NativeT")
FirstT = TypeVar("FirstT")

MICROS_A_DAY: Final = 86_400_000_000


def as_lazy(native: Any) -> Frame:
    """Return a native frame, or an eager one of Narwhals, with the lazy interface; pandas stays eager behind it."""
    frame: Frame = nw.from_native(native).lazy()
    return frame


def in_memory(frame: Frame) -> Any:
    """Return an eager frame of the engine's own; in pandas with a fresh index, since the old numbers mean nothing."""
    native: Any = frame.collect().to_native()
    return native.reset_index(drop=True) if hasattr(native, "reset_index") else native


def rows_of(frame: Frame) -> Iterator[dict[str, Any]]:
    """Yield the rows one by one, with None for what pandas has as NaN, NaT or NA."""
    for row in frame.collect().iter_rows(named=True):
        yield {name: None if is_absent(value) else value for name, value in row.items()}


def is_absent(value: Any) -> bool:
    """Return whether a cell holds no value."""
    # Comparing pandas' NA gives NA, which has no truth value, so that it is recognised by its type.
    return is_missing(value) or type(value).__name__ == "NAType"


def kind_of(frame: Any) -> nw.Implementation:
    """Return the engine of a frame."""
    kind: nw.Implementation = frame.implementation
    return kind


def is_dask(frame: Frame) -> bool:
    """Return whether windows and quantiles of the frame have to run partition by partition."""
    return kind_of(frame) is nw.Implementation.DASK


def keyed(frame: Frame, keys: Sequence[str], step: Callable[[Frame], Frame]) -> Frame:
    """Apply the step to the whole frame; on Dask to partitions that hold all rows of a combination of keys."""
    if not is_dask(frame):
        return step(frame)
    native: Any = frame.to_native()
    return as_lazy(_each_partition(native.shuffle(on=list(keys)), step))


def by_row(frame: Frame, step: Callable[[Frame], Frame]) -> Frame:
    """Apply a step that looks at single rows to the whole frame; on Dask to each partition unchanged."""
    native: Any = frame.to_native()
    return as_lazy(_each_partition(native, step)) if is_dask(frame) else step(frame)


def at_once(frame: Frame, step: Callable[[Frame], Frame]) -> Frame:
    """Apply the step to a small frame; on Dask in a single partition."""
    native: Any = frame.to_native()
    return as_lazy(_each_partition(native.repartition(npartitions=1), step)) if is_dask(frame) else step(frame)


def _each_partition(native: Any, step: Callable[[Frame], Frame]) -> Any:
    """Return Dask's frame with the step applied to each of its partitions.

    The step runs on two invented rows first, which gives the columns of the result. A mistake in the columns is
    reported at once, with the library's own error.
    """

    def run(part: Any) -> Any:
        return in_memory(step(as_lazy(part)))

    example = import_module("dask.dataframe.utils").meta_nonempty(native._meta)  # noqa: SLF001 - as Dask does itself
    return native.map_partitions(run, meta=run(example).iloc[:0])


def with_micros(frame: Frame, column: str, name: str) -> Frame:
    """Return the frame with a time as microseconds since 1970 in UTC; a time without a zone is taken as UTC.

    DuckDB and Spark have functions of their own for it, right whatever zone the session is in.
    """
    native: Any = frame.to_native()
    if kind_of(frame) is nw.Implementation.DUCKDB:
        return as_lazy(native.project(f'*, epoch_us({duckdb_name(column)}) AS "{name}"'))
    if kind_of(frame) is nw.Implementation.PYSPARK:
        return as_lazy(native.withColumn(name, _spark_micros(native, column)))
    return frame.with_columns(nw.col(column).dt.timestamp("us").alias(name))


def duckdb_name(column: str) -> str:
    """Return a column's name, quoted for DuckDB."""
    return '"' + column.replace('"', '""') + '"'


def spark_name(column: str) -> str:
    """Return a column's name, quoted for Spark, which takes an unquoted dot for a field."""
    return "`" + column.replace("`", "``") + "`"


def _spark_micros(native: Any, column: str) -> Any:
    functions = import_module("pyspark.sql.functions")
    if native.schema[column].dataType.typeName() != "timestamp_ntz":
        return functions.unix_micros(functions.col(spark_name(column)))
    # A cast to a timestamp would read the clock in the session's zone.
    since = f"CAST({spark_name(column)} - TIMESTAMP_NTZ '1970-01-01 00:00:00' AS INTERVAL SECOND)"
    return functions.expr(f"CAST(CAST({since} AS DECIMAL(18, 6)) * 1000000 AS BIGINT)")


def with_month(frame: Frame, column: str, name: str) -> Frame:
    """Return the frame with the month, as `2026-01`, of a column of microseconds since 1970 in UTC."""
    native: Any = frame.to_native()
    if kind_of(frame) is nw.Implementation.DUCKDB:
        return as_lazy(native.project(f'*, strftime(make_timestamp("{column}"), \'%Y-%m\') AS "{name}"'))
    if kind_of(frame) is nw.Implementation.PYSPARK:
        functions = import_module("pyspark.sql.functions")
        micros = functions.col(column)
        # Days, since the format of a timestamp is that of the session's zone.
        days = (micros - functions.pmod(micros, functions.lit(MICROS_A_DAY))) / MICROS_A_DAY
        day = functions.date_from_unix_date(days.cast("int"))
        return as_lazy(native.withColumn(name, functions.date_format(day, "yyyy-MM")))
    return frame.with_columns(nw.col(column).cast(nw.Datetime("us")).dt.to_string("%Y-%m").alias(name))


class Neighbour(NamedTuple):
    """A column of the row `offset` rows before (after, where it is negative); `none` stands where there is none."""

    column: str
    offset: int
    none: int | None = -1


def with_neighbours(
    frame: Frame, by: str, order: Sequence[str], wanted: Mapping[str, Neighbour], *, in_order: bool = False
) -> Frame:
    """Return the frame with columns of earlier or later rows of the same group; `in_order` if it is sorted already.

    In memory, one sort and plain shifts take less than half the time of windows; databases get windows.
    """
    if kind_of(frame) is nw.Implementation.POLARS:
        native: Any = frame.to_native()
        ordered = native if in_order else native.sort(by, *order)
        columns = _shifted(nw.get_native_namespace(frame), by, wanted)
        return as_lazy(ordered.with_columns(**columns))
    if kind_of(frame) is nw.Implementation.PANDAS:
        eager = frame.collect()
        ordered = eager if in_order else eager.sort(by, *order)
        return as_lazy(ordered.with_columns(**_shifted(nw, by, wanted)))
    windows = {
        name: nw.col(near.column).shift(near.offset).over(by, order_by=list(order)) for name, near in wanted.items()
    }
    # To a database, rows without a group are a group too.
    grouped = ~nw.col(by).is_null()
    return frame.with_columns(
        **{name: _filled(nw.when(grouped).then(window), wanted[name], nw) for name, window in windows.items()}
    )


def _shifted(namespace: Any, by: str, wanted: Mapping[str, Neighbour]) -> dict[str, Any]:
    """Return shifted columns that stop at the edge of the group, written alike in polars and in Narwhals on pandas."""
    group = namespace.col(by)
    columns = {}
    for name, near in wanted.items():
        value = namespace.when(group == group.shift(near.offset)).then(namespace.col(near.column).shift(near.offset))
        columns[name] = _filled(value, near, namespace)
    return columns


def _filled(value: Any, near: Neighbour, namespace: Any) -> Any:
    return value if near.none is None else value.fill_null(near.none).cast(namespace.Int64)


def unpivoted(frame: Frame, on: Sequence[str], index: Sequence[str], name: str, value: str) -> Frame:
    """Return columns as rows; on DuckDB on the caller's connection, since Narwhals would use the default one."""
    if kind_of(frame) is not nw.Implementation.DUCKDB:
        return frame.unpivot(on=list(on), index=list(index), variable_name=name, value_name=value)
    native: Any = frame.to_native()
    # By UNPIVOT it would take a view, and the next one of that name would change what this one says.
    cells = ", ".join(f"""{{'{name}': '{column}', '{value}': "{column}"}}""" for column in on)
    kept = "".join(f"{duckdb_name(column)}, " for column in index)
    return as_lazy(native.project(f"{kept}unnest([{cells}], recursive := true)"))


def sorted_down(frame: Frame, first: str, *then: str) -> Frame:
    """Sort by `first`, greatest first, then by `then`; on Dask in a single partition, since it sorts by one column."""
    return at_once(frame, lambda part: part.sort(first, *then, descending=[True, *(False for _ in then)]))


def with_overall(frame: Frame, column: str, how: Literal["max", "sum"], name: str) -> Frame:
    """Return the frame with the maximum or the sum of a column over all its rows.

    Spark joins it on, since its windows over all rows bring them into one task; on Dask it is read at once.
    """
    overall = getattr(nw.col(column), how)().alias(name)
    if kind_of(frame) is nw.Implementation.PYSPARK:
        return frame.join(frame.select(overall), how="cross")
    if is_dask(frame):
        found: Any = frame.select(overall.fill_null(0)).collect().item()
        return frame.with_columns(nw.lit(int(found)).alias(name))
    return frame.with_columns(overall)


def rows_like(frame: Frame, rows: Rows) -> Frame:
    """Return a small result computed in Python as a frame of the same kind, on the same connection."""
    native: Any = frame.to_native()
    types = {name: _type_of([row[name] for row in rows]) for name in rows[0]}
    rows = [{name: _as_type(value, types[name]) for name, value in row.items()} for row in rows]
    columns = {name: [row[name] for row in rows] for name in types}
    match kind_of(frame):
        case nw.Implementation.DUCKDB:
            one = native.limit(0).aggregate("count(*) AS one")
            return as_lazy(one.project(f"unnest({_as_sql(rows, types)}, recursive := true)"))
        case nw.Implementation.PYSPARK:
            schema = ", ".join(f"{spark_name(name)} {_SQL_TYPES[dtype]}" for name, dtype in types.items())
            return as_lazy(native.sparkSession.createDataFrame([tuple(row.values()) for row in rows], schema))
        case nw.Implementation.DASK:
            rows_in_pandas = nw.from_dict(columns, types, backend="pandas").to_native()
            return as_lazy(import_module("dask.dataframe").from_pandas(rows_in_pandas, npartitions=1))
    backend: Any = kind_of(frame)
    return as_lazy(nw.from_dict(columns, types, backend=backend))


def _type_of(values: Sequence[object]) -> Any:
    known = [value for value in values if value is not None]
    if not known or any(isinstance(value, float) for value in known):
        return nw.Float64
    if all(isinstance(value, bool) for value in known):
        return nw.Boolean
    return nw.Int64 if all(isinstance(value, int) for value in known) else nw.String


def _as_type(value: Any, dtype: Any) -> Any:
    """Return a value as its column's type; a value of none of the four types, such as a date, as text."""
    return value if value is None or dtype != nw.String else str(value)


_SQL_TYPES = {nw.Float64: "DOUBLE", nw.Boolean: "BOOLEAN", nw.Int64: "BIGINT", nw.String: "STRING"}


def _as_sql(rows: Rows, types: Mapping[str, Any]) -> str:
    structs = (
        ", ".join(f"'{name}': {_sql_literal(value)}::{_SQL_TYPES[types[name]]}" for name, value in row.items())
        for row in rows
    )
    return "[" + ", ".join(f"{{{struct}}}" for struct in structs) + "]"


def _sql_literal(value: object) -> str:
    if value is None:
        return "NULL"
    return repr(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"
