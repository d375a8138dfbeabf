"""A gate as a narwhals expression: over polars, pandas, pyarrow, DuckDB and the others, eager or lazy.

Needs `narwhals` (the extra `frames`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import narwhals.stable.v2 as nw

from salesprocess._text import suggestion
from salesprocess.targets.comparisons import Given, compiled
from salesprocess.targets.target import ORDERS, Answer, Column, Family, Order, Subject, Target, between_stars, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from salesprocess._text import Literal
    from salesprocess.criteria.rules import Measure

__all__ = ["compile_gate"]

_FIRST: Final = 100
_MOST_STARS = 10
_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_WITHOUT_UNIQUE: Final = {nw.Implementation.PANDAS, nw.Implementation.PYARROW, nw.Implementation.MODIN}


def compile_gate(
    subject: Subject,
    frame: Any,
    *,
    facts: Mapping[str, str] | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Answer[nw.Expr]:
    """Return the answer of a rule, a criterion or a gate, as expressions over the columns of a frame.

    The frame is any that narwhals takes; its column names and types are looked at, its rows are not (but for those of
    pandas' untyped columns). A fact is the column of that name, or the one that `facts` names for it. A time without a
    zone is taken as UTC. A column of nulls alone is an unknown fact. The number of items in a list is one that
    expressions cannot tell everywhere: put it in a column of its own, `count(tags)`.

    >>> import polars as pl
    >>> from salesprocess import fact
    >>> deals = pl.DataFrame({"amount": [5_000, None, 20_000]})
    >>> answer = compile_gate(fact("amount") >= 10_000, deals)
    >>> nw.from_native(deals).with_columns(answer.status.alias("big"))["big"].to_list()
    ['unmet', 'unknown', 'met']

    Raises:
        DefinitionError: for every column that is missing and everything that an expression cannot say.
    """
    return compiled(subject, _Narwhals(nw.from_native(frame)), Given(facts, context, at))


def holds_nothing(frame: Any, column: str) -> bool:
    """Return whether a column has nulls alone: by its type, or by its rows in pandas, which has no such type."""
    native = frame.to_native()
    if frame.implementation is nw.Implementation.PANDAS:
        return bool(native[column].head(_FIRST).isna().all() and native[column].isna().all())
    if frame.collect_schema()[column] != nw.Unknown:
        return False
    match frame.implementation:
        case nw.Implementation.POLARS:
            found = native.collect_schema()[column]
        case nw.Implementation.PYARROW:
            found = native.schema.field(column).type
        case nw.Implementation.DUCKDB:
            found = native.types[native.columns.index(column)]
        case nw.Implementation.PYSPARK:
            found = native.schema[column].dataType.typeName()
        case _:
            return False
    return str(found).strip('"').lower() in {"null", "void"}


class _Narwhals(Target[nw.Expr]):
    name = "a dataframe expression"

    def __init__(self, frame: nw.DataFrame[Any] | nw.LazyFrame[Any]) -> None:
        self._frame = frame
        self._schema = frame.collect_schema()
        self._implementation = frame.implementation

    def column(self, path: str) -> Column[nw.Expr]:
        if path not in self._schema:
            raise refusal(f"the frame has no column {path!r}{suggestion(path, self._schema)}")
        family: Family = "nothing" if holds_nothing(self._frame, path) else _family(self._schema[path])
        expression = nw.col(path)
        if self._schema[path] in {nw.Categorical, nw.Enum}:
            expression = expression.cast(nw.String)
        return Column(family, expression, (False, True) if family == "bool" else (), self._schema[path], path)

    def known(self, column: Column[nw.Expr]) -> nw.Expr:
        known = ~column.expression.is_null()
        return known & ~column.expression.is_nan() if column.family == "float" else known

    def compare(self, order: Order, column: Column[nw.Expr], value: Literal | Column[nw.Expr]) -> nw.Expr:
        other = value.expression if isinstance(value, Column) else self._given(column, value)
        compared: nw.Expr = ORDERS[order](column.expression, other)
        return compared

    def one_of(self, column: Column[nw.Expr], values: Sequence[object]) -> nw.Expr:
        if column.family == "bool":
            return column.expression if values[0] else ~column.expression
        given = [self._given(column, value) for value in values]
        if any(isinstance(value, nw.Expr) for value in given):
            return self.any_of([column.expression == value for value in given])
        return column.expression.is_in(given)

    def _given(self, column: Column[nw.Expr], value: Any) -> Any:
        value = _in_zone(column.type, value)
        spark = self._implementation is nw.Implementation.PYSPARK
        if spark and isinstance(value, datetime) and value.tzinfo is None:
            # PySpark reads a clock without a zone in that of the driver's machine.
            return nw.lit(value.isoformat(" ")).cast(nw.Datetime("us"))
        return value

    def matches(self, column: Column[nw.Expr], glob: str) -> nw.Expr:
        # Programs differ in whether `$` fits before a last line break: behind a mark of our own there is none.
        return nw.concat_str(column.expression, nw.lit("$")).str.contains(_pattern(glob))

    def contains(self, column: Column[nw.Expr], item: Literal) -> nw.Expr:
        if column.family == "text":
            return column.expression.str.contains(str(item), literal=True)
        # Spark has null where the item is not found beside a null.
        return column.expression.list.contains(item).fill_null(value=False)

    def measured(self, column: Column[nw.Expr], measure: Measure) -> Column[nw.Expr]:
        counted = f"{measure}({column.name})"
        if counted in self._schema:
            return Column("integer", nw.col(counted))
        if measure == "count" or self._implementation in _WITHOUT_UNIQUE:
            raise refusal(f"{self.name} has no way to {measure} the items of a list: put it in a column {counted!r}")
        different = column.expression.list.unique().list.len()
        return Column("integer", different - column.expression.list.contains(None).cast(nw.Int64))

    def constant(self, value: bool) -> nw.Expr:  # noqa: FBT001 - the value itself
        # A column's own answer, so that there is one for every row and not a single one.
        first = nw.col(self._schema.names()[0])
        return first.is_null() | ~first.is_null() if value else first.is_null() & ~first.is_null()

    def negated(self, part: nw.Expr) -> nw.Expr:
        return ~part

    def all_of(self, parts: Sequence[nw.Expr]) -> nw.Expr:
        result = parts[0]
        for part in parts[1:]:
            result = result & part
        return result

    def any_of(self, parts: Sequence[nw.Expr]) -> nw.Expr:
        result = parts[0]
        for part in parts[1:]:
            result = result | part
        return result

    def so_many(self, needed: int, parts: Sequence[nw.Expr]) -> nw.Expr:
        return nw.sum_horizontal(*(part.cast(nw.Int64) for part in parts)) >= needed

    def worded(self, met: nw.Expr, unmet: nw.Expr) -> nw.Expr:
        return (
            nw.when(met)
            .then(nw.lit("met"))
            .otherwise(nw.when(unmet).then(nw.lit("unmet")).otherwise(nw.lit("unknown")))
        )


def _in_zone(dtype: Any, value: Any) -> Any:
    """Return a time in the column's own zone, since some programs cannot compare times of different zones."""
    if not isinstance(value, datetime):
        return value
    zone = getattr(dtype, "time_zone", None)
    return value.astimezone(UTC).replace(tzinfo=None) if zone is None else value.astimezone(ZoneInfo(zone))


def _family(dtype: Any) -> Family:
    kinds: dict[Any, Family] = {nw.Boolean: "bool", nw.String: "text", nw.Date: "date", nw.Duration: "duration"}
    kinds |= {nw.Categorical: "text", nw.Enum: "text", nw.Datetime: "moment", nw.List: "list"}
    for kind, family in kinds.items():
        if dtype == kind:
            return family
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    return "decimal" if dtype.is_decimal() else "other"


def _pattern(glob: str) -> str:
    """Return a glob as a regular expression that Python, Rust and RE2 read alike."""
    parts = between_stars(glob)
    if len(parts) > _MOST_STARS + 1:
        raise refusal(f"a pattern over a frame has at most {_MOST_STARS} stars, found {glob!r}")
    text = ".*".join(
        "".join("." if is_wild else _SPECIAL.sub(r"\\\g<0>", character) for character, is_wild in part)
        for part in parts
    )
    return rf"(?s)^{text}\$$"
