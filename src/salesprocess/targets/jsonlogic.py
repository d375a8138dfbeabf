"""A gate as JSON Logic (jsonlogic.com), for a browser or any other program with an interpreter of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from salesprocess.criteria.operators import glob_tokens
from salesprocess.targets.column_literals import fitted
from salesprocess.targets.comparisons import Given, compiled
from salesprocess.targets.target import Answer, Column, Order, Subject, Target, between_stars, refusal

if TYPE_CHECKING:
    from salesprocess._text import Literal
    from salesprocess.criteria.rules import Measure

__all__ = ["compile_gate"]

# Every JavaScript object has these, so that a missing fact of such a name would be found.
_ON_EVERY_OBJECT: Final = frozenset(
    ["constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf"]
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EXACT_IN_A_DOUBLE: Final = 2**53
_CURRENT: Final = {"var": "current"}
_SO_FAR: Final = {"var": "accumulator"}


def compile_gate(
    subject: Subject,
    *,
    facts: Mapping[str, str] | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Answer[Any]:
    """Return the answer of a rule, a criterion or a gate, as JSON Logic over a deal in JSON.

    In the deal a time is the number of milliseconds since 1970, as `Date.getTime()` gives it, a length of time is in
    milliseconds too, and a date is text such as `"2026-03-31"`.

    >>> from salesprocess import fact
    >>> compile_gate(fact("country").one_of("DE", "AT")).met["and"][1]
    {'in': [{'var': 'country'}, ['DE', 'AT']]}

    Raises:
        DefinitionError: for everything that JSON Logic cannot say.
    """
    return compiled(subject, _JsonLogic(), Given(facts, context, at))


class _JsonLogic(Target[Any]):
    name = "JSON Logic"

    def column(self, path: str) -> Column[Any]:
        clash = _ON_EVERY_OBJECT.intersection(path.split("."))
        if clash:
            raise refusal(f"{path!r} is found on every object of JavaScript, deal or not: map it with facts=")
        return Column("any", {"var": path})

    def known(self, column: Column[Any]) -> Any:
        value = column.expression
        return {"and": [{"!=": [value, None]}, {"===": [value, value]}]}

    def compare(self, order: Order, column: Column[Any], value: Literal | Column[Any]) -> Any:
        if isinstance(value, Column):
            return {"===" if order == "==" else order: [column.expression, value.expression]}
        if order == "==":
            return self.one_of(column, [value])
        if isinstance(value, bool):
            raise refusal(f"JSON Logic has no order of true and false, such as {order} {value}")
        if isinstance(value, int | float | Decimal):
            fit = fitted(order, "float", value)
            return fit if isinstance(fit, bool) else {fit[0]: [column.expression, _encoded(fit[1])]}
        return {order: [column.expression, _encoded(value)]}

    def one_of(self, column: Column[Any], values: Sequence[object]) -> Any:
        spelt = [spelling for value in values for spelling in _spellings(value)]
        if len(spelt) == 1:
            return {"===": [column.expression, spelt[0]]}
        return {"in": [column.expression, spelt]} if spelt else False

    def matches(self, column: Column[Any], glob: str) -> Any:
        start, *others = ("".join(character for character, _ in part) for part in between_stars(glob))
        middle, end = "".join(others[:-1]), "".join(others[-1:])
        if ("?", True) in glob_tokens(glob) or len(others) > 2:  # noqa: PLR2004 - a start, a middle and an end
            raise refusal(f"JSON Logic has patterns such as 'a*b' and '*a*' alone, not {glob!r}")
        if not others:
            return {"===": [column.expression, start]}
        rest, parts = column.expression, []
        if start:
            parts.append({"===": [{"substr": [rest, 0, _units(start)]}, start]})
            rest = {"substr": [rest, _units(start)]}
        if end:
            parts.append({"===": [{"substr": [rest, -_units(end)]}, end]})
            rest = {"substr": [rest, 0, -_units(end)]}
        if middle:
            parts.append({"in": [middle, rest]})
        return {"and": parts} if parts else True

    def contains(self, column: Column[Any], item: Literal) -> Any:
        held = [{"in": [spelling, column.expression]} for spelling in _spellings(item)]
        # An empty text is in every text, also in the empty one, where JSON Logic finds nothing.
        return {"or": [*held, {"===": [column.expression, ""]}]} if item == "" else {"or": held}

    def measured(self, column: Column[Any], measure: Measure) -> Column[Any]:
        items = column.expression
        if measure == "distinct":
            skipped = {"or": [{"==": [_CURRENT, None]}, {"in": [_CURRENT, _SO_FAR]}]}
            items = {"reduce": [items, {"if": [skipped, _SO_FAR, {"merge": [_SO_FAR, [_CURRENT]]}]}, []]}
        counted = {"+": [_SO_FAR, {"if": [{"!=": [_CURRENT, None]}, 1, 0]}]}
        return Column("any", {"reduce": [items, counted, 0]})

    def truth(self, column: Column[Any]) -> Any:
        return {"!!": [column.expression]}

    def constant(self, value: bool) -> Any:  # noqa: FBT001 - the value itself
        return value

    def negated(self, part: Any) -> Any:
        return {"!": [part]}

    def all_of(self, parts: Sequence[Any]) -> Any:
        return {"and": list(parts)}

    def any_of(self, parts: Sequence[Any]) -> Any:
        return {"or": list(parts)}

    def so_many(self, needed: int, parts: Sequence[Any]) -> Any:
        return {">=": [{"+": [{"if": [part, 1, 0]} for part in parts]}, needed]}

    def worded(self, met: Any, unmet: Any) -> Any:
        return {"if": [met, "met", unmet, "unmet", "unknown"]}


def _spellings(value: object) -> list[Any]:
    """Return what equals the value in JSON; nothing for a number that no double equals."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        fit = fitted("==", "float", value)
        return [] if isinstance(fit, bool) else [_encoded(fit[1])]
    return [_encoded(value)]


def _encoded(value: Any) -> Any:
    match value:
        case datetime():
            return _milliseconds(value - _EPOCH)
        case date():
            return value.isoformat()
        case timedelta():
            return _milliseconds(value)
        case float() if value.is_integer() and abs(value) < _EXACT_IN_A_DOUBLE:
            return int(value)
    return value


def _milliseconds(duration: timedelta) -> int | float:
    whole, rest = divmod(duration, timedelta(milliseconds=1))
    return whole + rest / timedelta(milliseconds=1) if rest else whole


def _units(text: str) -> int:
    """Return the length of a text as JavaScript counts it."""
    return len(text.encode("utf-16-le")) // 2
