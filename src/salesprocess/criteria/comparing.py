"""Values as comparisons see them: what each stands for, which of them can be compared, and which say nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from numbers import Number
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any, Final, Literal, TypeAlias

from salesprocess._text import shown

Kind: TypeAlias = Literal["text", "number", "bool", "time", "naive time", "date", "duration", "collection"]

_WORDS: Final[dict[Kind, str]] = {
    "text": "text",
    "number": "a number",
    "bool": "true or false",
    "time": "a time",
    "naive time": "a time without a zone",
    "date": "a date",
    "duration": "a length of time",
    "collection": "a collection",
}
# By exact type first, since most values are of one of these.
_KINDS: Final[dict[type, Kind]] = {
    str: "text",
    int: "number",
    bool: "bool",
    float: "number",
    Decimal: "number",
    date: "date",
    timedelta: "duration",
    list: "collection",
    tuple: "collection",
}
_KINDS_OF_BASES: Final[tuple[tuple[type, Kind], ...]] = (
    (str, "text"),
    (Number, "number"),
    (date, "date"),
    (timedelta, "duration"),
)
_ROUTINES: Final = (FunctionType, MethodType, BuiltinFunctionType)
# The types of literals that Python itself compares rightly with values of these types, without any preparation.
COMPARED_AS_THEY_ARE: Final[dict[type, frozenset[type]]] = {
    str: frozenset({str}),
    bool: frozenset({bool}),
    int: frozenset({int, float, Decimal}),
    float: frozenset({int, float}),
    Decimal: frozenset({int, Decimal}),
    date: frozenset({date}),
    timedelta: frozenset({timedelta}),
}


def is_missing(value: object) -> bool:
    """Return whether a value says nothing: `None`, NaN, NaT, or a marker such as `pandas.NA`."""
    if value is None:
        return True
    try:
        compared: object = value != value  # noqa: PLR0124 - NaN differs from itself
        if compared is False or compared is True:
            return compared
        # A marker that makes every comparison unknown gives itself as the answer.
        return compared is value or bool(compared)
    except Exception:  # noqa: BLE001 - an array has no one answer; the rule's own comparison will say so
        return isinstance(value, Decimal)


def what_is_called(value: object) -> str | None:
    """Return in words what a value is that gives one only when it is called, awaited or iterated; `None` for a value.

    >>> what_is_called(datetime.now(UTC).isoformat)
    'a method of datetime'
    """
    kind = type(value)
    if kind in _KINDS:
        return None
    owner = getattr(value, "__self__", None) if isinstance(value, MethodType | BuiltinFunctionType) else None
    if owner is not None and not isinstance(owner, ModuleType):
        return f"a method of {(owner if isinstance(owner, type) else type(owner)).__name__}"
    if is_manager(kind):
        return f"a related manager ({kind.__name__})"
    if callable(value):
        return "a class" if isinstance(value, type) else "a function" if isinstance(value, _ROUTINES) else "callable"
    if hasattr(kind, "__await__"):
        return "an awaitable"
    return "an iterator" if hasattr(kind, "__next__") or hasattr(kind, "__anext__") else None


def is_routine(value: object) -> bool:
    """Return whether a value is a function, a method or a manager, in which no facts are kept."""
    return isinstance(value, _ROUTINES) or is_manager(type(value))


def is_manager(kind: type) -> bool:
    """Return whether instances of a class query related objects: managers of Django, collections of SQLAlchemy."""
    return hasattr(kind, "get_queryset") or (hasattr(kind, "add_all") and not hasattr(kind, "flush"))


def as_compared(value: Any) -> tuple[Kind | None, Any]:
    """Return a value's kind, and what is compared in its place; the kind of a type of the host's own is `None`.

    A member of an enum stands for its value, a moment for itself in UTC, a scalar of numpy for the plain one.

    Raises:
        TypeError: for a function, a method or a manager.
    """
    kind = _KINDS.get(type(value))
    if kind is not None:
        return kind, value
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, Enum):
        return as_compared(value.value)
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        return as_compared(value.item())
    for base, kind_of_base in _KINDS_OF_BASES:
        if isinstance(value, base):
            return kind_of_base, value
    refuse_what_is_called(value)
    return (None if isinstance(value, bytes) or not isinstance(value, Collection) else "collection"), value


def _moment(value: datetime) -> tuple[Kind, datetime]:
    if value.tzinfo is UTC:
        return "time", value
    # Python compares two times of one zone by their clocks, and takes ambiguous ones for equal to none.
    return ("naive time", value) if value.utcoffset() is None else ("time", value.astimezone(UTC))


def refuse_what_is_called(value: object) -> None:
    """Refuse a function, a method or a manager in place of a value.

    Raises:
        TypeError: with what was found.
    """
    what = what_is_called(value)
    if what is not None:
        raise TypeError(f"found {what}, not a value")


def comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """Return what to compare in place of two values.

    Raises:
        TypeError: for two that cannot be compared, such as text and a number.
    """
    kind, first = as_compared(left)
    other_kind, second = as_compared(right)
    if kind == "number" and other_kind == "number":
        # A decimal is compared with a float as the decimal that the float is written as; any other numbers exactly.
        if isinstance(first, Decimal) and isinstance(second, float):
            return first, Decimal(float.__repr__(second))
        if isinstance(first, float) and isinstance(second, Decimal):
            return Decimal(float.__repr__(first)), second
    elif kind != other_kind and kind is not None and other_kind is not None:
        raise TypeError(f"{_described(kind, left)} cannot be compared with {_described(other_kind, right)}")
    return first, second


def _described(kind: Kind, value: object) -> str:
    return f"{shown(value)} ({_WORDS[kind]})"


def equals(left: Any, right: Any) -> bool:
    """Return whether two values are equal.

    >>> equals(Decimal("0.1"), 0.1)
    True

    Raises:
        TypeError: for two that cannot be compared, which are neither equal nor different.
    """
    first, second = comparable(left, right)
    if type(first) in _KINDS and type(second) in _KINDS and not isinstance(first, list | tuple):
        return bool(first == second)
    if all(isinstance(each, Sequence) and not isinstance(each, str | bytes) for each in (first, second)):
        return len(first) == len(second) and all(map(_are_equal_items, first, second))
    if type(first) is not type(second) and _is_foreign(first, second) and _is_foreign(second, first):
        raise TypeError(f"{shown(left)} cannot be compared with {shown(right)}")
    return bool(first == second)


def _is_foreign(value: Any, other: Any) -> bool:
    """Return whether a value's type does not know the other's: Python takes the two for different."""
    return value.__eq__(other) is NotImplemented


def _are_equal_items(left: Any, right: Any) -> bool:
    if is_missing(left) or is_missing(right):
        return is_missing(left) and is_missing(right)
    return equals(left, right)


def in_order(holds: Callable[[Any, Any], Any], left: Any, right: Any) -> bool:
    """Return whether two values stand in the order that `holds` asks for.

    Raises:
        TypeError: for two that cannot be compared.
    """
    first, second = comparable(left, right)
    if _KINDS.get(type(first), "collection") == "collection" and as_compared(first)[0] == "collection":
        raise TypeError(f"{shown(left)} is a collection, which has no order")
    return bool(holds(first, second))


def is_among(value: Any, others: Iterable[Any]) -> bool:
    """Return whether a value equals one of the others, those aside that say nothing.

    Raises:
        TypeError: for a value that can be compared with none of them.
    """
    refused: TypeError | None = None
    is_comparable = False
    for each in others:
        try:
            if not is_missing(each):
                if equals(value, each):
                    return True
                is_comparable = True
        except TypeError as error:
            refused = refused or error
    if refused is not None and not is_comparable:
        raise refused
    return False


def number_of_different(values: Sequence[Any]) -> int:
    """Return how many different values there are; those that cannot be compared are different."""
    found = [as_compared(value) for value in values]
    if any(isinstance(value, Decimal) for _, value in found):
        found = [(kind, Decimal(float.__repr__(each)) if isinstance(each, float) else each) for kind, each in found]
    try:
        return len(set(found))
    except TypeError:
        return sum(each not in found[:at] for at, each in enumerate(found))
