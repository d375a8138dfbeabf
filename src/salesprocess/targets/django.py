"""A gate as Django conditions, to put in `filter()`, `exclude()`, `annotate()` or a check constraint.

Needs `django` (the extra `django`). Checked on SQLite.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import Case, F, Func, Q, Value, When
from django.db.models.functions import StrIndex
from django.db.models.lookups import Exact, GreaterThan, GreaterThanOrEqual, LessThan, LessThanOrEqual
from django.utils.timezone import get_default_timezone, make_naive

from salesprocess._text import suggestion
from salesprocess.criteria.operators import fnmatch_of
from salesprocess.targets.column_literals import ROUNDED_DOWN
from salesprocess.targets.comparisons import Given, compiled
from salesprocess.targets.target import Answer, Column, Family, Order, Subject, Target, like_of, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from salesprocess._text import Literal

__all__ = ["compile_gate"]

_FAMILIES: Final[tuple[tuple[type[Any], Family], ...]] = (
    (models.BooleanField, "bool"),
    (models.IntegerField, "integer"),
    (models.FloatField, "float"),
    (models.DecimalField, "decimal"),
    (models.FileField, "other"),
    (models.CharField, "text"),
    (models.TextField, "text"),
    (models.DateTimeField, "moment"),
    (models.DateField, "date"),
    (models.DurationField, "duration"),
    (models.JSONField, "list"),
)
_LOOKUPS: Final[Mapping[Order, Any]] = {
    "==": Exact,
    "<": LessThan,
    "<=": LessThanOrEqual,
    ">": GreaterThan,
    ">=": GreaterThanOrEqual,
}


def compile_gate(
    subject: Subject,
    model: type[models.Model],
    *,
    facts: Mapping[str, str] | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Answer[Any]:
    """Return the answer of a rule, a criterion or a gate over a model's fields: three `Q` and the expression `status`.

    A fact is the field of that name, or the one that `facts` names for it; dots follow foreign keys.

    Raises:
        DefinitionError: for every field that is missing and everything that a `Q` cannot say.
    """
    return compiled(subject, _Django(model), Given(facts, context, at))


class _IsNumber(Func):
    """Whether a number is not NaN, which PostgreSQL, unlike the others, has equal to itself."""

    template = "(%(expressions)s = %(expressions)s)"

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s <> 'NaN')", **context)


class _TextOrder(Func):
    """A text in the order of its characters' code points, as in Python, whatever the database's language."""

    template = "%(expressions)s"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s COLLATE BINARY)", **context)

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template='(%(expressions)s COLLATE "C")', **context)


class _Fits(Func):
    """Whether a text fits a pattern, case counting, which on SQLite GLOB alone does."""

    arg_joiner = " LIKE "
    template = "(%(expressions)s ESCAPE '!')"

    def __init__(self, text: F, glob: str) -> None:
        super().__init__(text, Value(like_of(glob)), output_field=models.BooleanField())
        self.glob = glob

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        twin = self.copy()
        twin.set_source_expressions([self.source_expressions[0], Value(fnmatch_of(self.glob))])
        return twin.as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner=" GLOB ", **context)


class _Django(Target[Any]):
    name = "a Django condition"

    def __init__(self, model: type[models.Model]) -> None:
        self._model = model

    def column(self, path: str) -> Column[Any]:
        model, field = self._model, None
        for name in path.split("."):
            field = _field(model, name)
            model = field.related_model
        while isinstance(field, models.ForeignKey):
            field = field.target_field
        families: list[Family] = [family for kind, family in _FAMILIES if isinstance(field, kind)]
        family = families[0] if families else "other"
        return Column(family, path.replace(".", "__"), (False, True) if family == "bool" else (), field)

    def known(self, column: Column[Any]) -> Any:
        known = Q((f"{column.expression}__isnull", False))
        return (
            known & Q(_IsNumber(F(column.expression), output_field=models.BooleanField()))
            if column.family in {"float", "decimal"}
            else known
        )

    def compare(self, order: Order, column: Column[Any], value: Literal | Column[Any]) -> Any:
        left: Any = F(column.expression)
        if isinstance(value, Column):
            right: Any = F(value.expression)
        else:
            fit = _in_places(order, column, value)
            if isinstance(fit, bool):
                return self.constant(fit)
            order, right = fit[0], _prepared(column, fit[1])
        if column.family == "text":
            left, right = (_TextOrder(side, output_field=models.TextField()) for side in (left, right))
        return Q(_LOOKUPS[order](left, right))

    def one_of(self, column: Column[Any], values: Sequence[object]) -> Any:
        if column.family == "bool":
            return Q((column.expression, values[0]))
        return reduce(or_, (self.compare("==", column, value) for value in values))  # type: ignore[arg-type]

    def matches(self, column: Column[Any], glob: str) -> Any:
        return Q(_Fits(F(column.expression), glob))

    def contains(self, column: Column[Any], item: Literal) -> Any:
        if column.family != "text":
            raise refusal("Django has no one way to look into a JSON column: keep such a fact in a column of its own")
        return Q(GreaterThan(StrIndex(F(column.expression), Value(item)), Value(0)))

    def constant(self, value: bool) -> Any:  # noqa: FBT001 - the value itself
        return ~Q(pk__in=[]) if value else Q(pk__in=[])

    def negated(self, part: Any) -> Any:
        return ~part

    def all_of(self, parts: Sequence[Any]) -> Any:
        return reduce(and_, parts)

    def any_of(self, parts: Sequence[Any]) -> Any:
        return reduce(or_, parts)

    def so_many(self, needed: int, parts: Sequence[Any]) -> Any:
        ones: list[Any] = [Case(When(part, then=1), default=0, output_field=models.IntegerField()) for part in parts]
        return Q(GreaterThanOrEqual(sum(ones[1:], start=ones[0]), Value(needed)))

    def worded(self, met: Any, unmet: Any) -> Any:
        cases = (When(met, then=Value("met")), When(unmet, then=Value("unmet")))
        return Case(*cases, default=Value("unknown"), output_field=models.CharField())


def _field(model: Any, name: str) -> Any:
    if model is None:
        raise refusal(f"{name!r} is asked of a field that is no foreign key")
    try:
        field = model._meta.get_field(name)  # noqa: SLF001 - Django's documented way to a model's fields
    except FieldDoesNotExist:
        names = [each.name for each in model._meta.get_fields()]  # noqa: SLF001
        raise refusal(f"{model.__name__} has no field {name!r}{suggestion(name, names)}") from None
    if field.many_to_many or field.one_to_many:
        raise refusal(f"{model.__name__}.{name} is several rows, of which a condition can ask nothing as one")
    return field


def _in_places(order: Order, column: Column[Any], value: Any) -> tuple[Order, Any] | bool:
    """Return a decimal with no more places than the field has, since Django rounds what has more."""
    if column.family != "decimal":
        return order, value
    near = Decimal(value).quantize(Decimal(1).scaleb(-column.type.decimal_places), rounding=ROUND_FLOOR)
    if near == value:
        return order, near
    return False if order == "==" else (ROUNDED_DOWN[order], near)


def _prepared(column: Column[Any], value: Any) -> Value:
    if column.family == "moment" and not settings.USE_TZ:
        value = make_naive(value, get_default_timezone())
    return Value(value, output_field=column.type)
