"""A gate as a SQLAlchemy expression, to put in a WHERE, a SELECT or a constraint.

Needs `sqlalchemy` 2 (the extra `sqlalchemy`). Checked on SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import sqlalchemy as sa
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.util import AliasedInsp

from salesprocess._text import suggestion
from salesprocess.criteria.operators import fnmatch_of
from salesprocess.targets import sql_dialects
from salesprocess.targets.comparisons import Given, compiled
from salesprocess.targets.target import ORDERS, Answer, Column, Family, Order, Subject, Target, like_of, refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from salesprocess._text import Literal
    from salesprocess.criteria.rules import Measure

__all__ = ["compile_gate"]

Sql: TypeAlias = sa.ColumnElement[Any]

_FAMILIES: Final[tuple[tuple[type[Any], Family], ...]] = (
    (sa.Boolean, "bool"),
    (sa.Enum, "enum"),
    (sa.Integer, "integer"),
    (sa.Float, "float"),
    (sa.Numeric, "decimal"),
    (sa.String, "text"),
    (sa.DateTime, "moment"),
    (sa.Date, "date"),
    (sa.Interval, "duration"),
    (sa.ARRAY, "list"),
    (sa.JSON, "list"),
)


def compile_gate(
    subject: Subject,
    columns: Any,
    *,
    facts: Mapping[str, str] | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Answer[Sql]:
    """Return the answer of a rule, a criterion or a gate, as SQL over a table's columns.

    `columns` is a mapped class, an alias of one, a table, or a mapping of names to columns. A fact is the column of
    that name, or the one that `facts` names for it. A time without a zone is taken as UTC.

    >>> import sqlalchemy as sa
    >>> from salesprocess import fact
    >>> deals = sa.table("deal", sa.column("amount", sa.Integer))
    >>> print(compile_gate(fact("amount").is_known(), deals).met)
    deal.amount IS NOT NULL

    Raises:
        DefinitionError: for every column that is missing and everything that SQL cannot say.
    """
    return compiled(subject, _Sqlalchemy(_columns_of(columns)), Given(facts, context, at))


def _columns_of(source: Any) -> dict[str, Any]:
    if isinstance(source, Mapping):
        return dict(source)
    found = sa.inspect(source, raiseerr=False)
    if isinstance(found, Mapper | AliasedInsp):
        names = found.mapper.all_orm_descriptors.keys()
        return {str(name): getattr(source, str(name)) for name in names}
    if isinstance(source, sa.FromClause):
        return {str(name): column for name, column in source.c.items()}
    raise TypeError(f"expected a mapped class, a table or a mapping of names to columns, found {source!r}")


class _Sqlalchemy(Target[Sql]):
    name = "SQL"

    def __init__(self, columns: Mapping[str, Any]) -> None:
        self._columns = columns

    def column(self, path: str) -> Column[Sql]:
        if path not in self._columns:
            raise refusal(f"there is no column {path!r}{suggestion(path, self._columns)}")
        expression = self._columns[path]
        own = getattr(expression, "type", None)
        base = own.impl_instance if isinstance(own, sa.TypeDecorator) else own
        families: list[Family] = [family for kind, family in _FAMILIES if isinstance(base, kind)]
        family = families[0] if families else "other"
        domain: tuple[object, ...] = (False, True) if family == "bool" else ()
        if isinstance(base, sa.Enum):
            domain = tuple(base.enum_class) if base.enum_class is not None else tuple(base.enums)
        return Column(family, expression, domain, own)

    def known(self, column: Column[Sql]) -> Sql:
        known = column.expression.is_not(None)
        if column.family in {"float", "decimal"}:
            return sa.and_(known, sql_dialects.IsNumber(column.expression))
        return sa.and_(known, sql_dialects.IsValue(column.expression)) if isinstance(column.type, sa.JSON) else known

    def compare(self, order: Order, column: Column[Sql], value: Literal | Column[Sql]) -> Sql:
        left = column.expression
        right = value.expression if isinstance(value, Column) else _literal(column, value)
        if column.family == "text":
            wrap = sql_dialects.SameText if order == "==" else sql_dialects.TextOrder
            left, right = wrap(left), wrap(right) if isinstance(value, Column) else right
        compared: Sql = ORDERS[order](left, right)
        return compared

    def one_of(self, column: Column[Sql], values: Sequence[object]) -> Sql:
        expression = sql_dialects.SameText(column.expression) if column.family == "text" else column.expression
        return expression.in_([_literal(column, value) for value in values])

    def matches(self, column: Column[Sql], glob: str) -> Sql:
        return sql_dialects.Fits(column.expression, like_of(glob), fnmatch_of(glob))

    def contains(self, column: Column[Sql], item: Literal) -> Sql:
        if column.family == "text":
            return sql_dialects.Position(column.expression, sa.literal(item, sa.String())) > 0
        if isinstance(column.type, sa.ARRAY):
            return sa.func.array_position(column.expression, sa.literal(item, column.type.item_type)).is_not(None)
        if not isinstance(item, str | int | float):
            raise refusal(f"JSON holds no {type(item).__name__}, which {item!r} is")
        return sql_dialects.has_item(column.expression, item)

    def measured(self, column: Column[Sql], measure: Measure) -> Column[Sql]:
        of_array = isinstance(column.type, sa.ARRAY)
        kinds = {
            "count": sql_dialects.CountOfArray if of_array else sql_dialects.CountOfJson,
            "distinct": sql_dialects.DistinctOfArray if of_array else sql_dialects.DistinctOfJson,
        }
        return Column("integer", kinds[measure](column.expression), (), sa.Integer())

    def constant(self, value: bool) -> Sql:  # noqa: FBT001 - the value itself
        return sa.true() if value else sa.false()

    def negated(self, part: Sql) -> Sql:
        return sa.not_(part)

    def all_of(self, parts: Sequence[Sql]) -> Sql:
        return sa.and_(*parts)

    def any_of(self, parts: Sequence[Sql]) -> Sql:
        return sa.or_(*parts)

    def so_many(self, needed: int, parts: Sequence[Sql]) -> Sql:
        first, *rest = (sa.case((part, sa.literal(1)), else_=sa.literal(0)) for part in parts)
        return sum(rest, start=first) >= sa.literal(needed)

    def worded(self, met: Sql, unmet: Sql) -> Sql:
        return sa.case((met, sa.literal("met")), (unmet, sa.literal("unmet")), else_=sa.literal("unknown"))


def _literal(column: Column[Sql], value: Any) -> Sql:
    if isinstance(value, datetime):
        value = value.astimezone(UTC)
        value = value if getattr(column.type, "timezone", False) else value.replace(tzinfo=None)
    return sa.literal(value, column.type)
