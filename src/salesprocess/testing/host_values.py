"""Values of a host's types: plain ones for tests, values converted to a type, and deals made of values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Literal, get_args, get_origin, is_typeddict

from salesprocess._text import suggestion
from salesprocess.assurance.host_types import HostType
from salesprocess.assurance.value_types import known_type_options, type_options

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


def built(deal_type: Callable[..., Any], values: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """Return a deal of the host's type with these facts, by dotted path.

    What the constructor needs besides gets plain values; `given` is passed on as it is.

    Raises:
        ValueError: for a fact that the type has no place for.
    """
    host = HostType(deal_type)
    taken = host.arguments
    facts: dict[str, Any] = {name: plain(each.annotation) for name, each in taken.items() if each.required}
    facts |= {name: _part(host, name, part) for name, part in _nested(values).items()}
    facts |= given
    undeclared = {name: value for name, value in facts.items() if name not in taken}
    arguments = {taken[name].keyword: value for name, value in facts.items() if name in taken}
    if host.takes_any_argument:
        return deal_type(**arguments, **undeclared)
    deal = deal_type(**arguments)
    for name, value in undeclared.items():
        try:
            setattr(deal, name, value)
        except (AttributeError, ValueError, TypeError):
            raise ValueError(
                f"a {host.name} has no place for {name!r}{suggestion(name, taken)} "
                "Name the host's own with facts={...}, as for the engine"
            ) from None
    return deal


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by first part of their path; those of longer paths as a `_Nested` each."""
    nested: dict[str, Any] = {}
    for path, value in values.items():
        name, _, rest = path.partition(".")
        if not rest:
            nested[name] = value
        else:
            if not isinstance(nested.get(name), _Nested):
                nested[name] = _Nested()
            nested[name][rest] = value
    return nested


class _Nested(dict[str, Any]):
    """Values of a part of the deal."""


def _part(host: HostType, name: str, part: Any) -> Any:
    annotation = host.arguments[name].annotation if name in host.arguments else Any
    if not isinstance(part, _Nested):
        return as_type(part, annotation)
    options = [each for each in known_type_options(annotation) if each is not Any]
    return built(options[0] if options and get_origin(options[0]) is None else dict, part, {})


def as_type(value: Any, annotation: Any) -> Any:
    """Return the value in the form that the type has for it: an enum's member, a set."""
    for option in type_options(annotation):
        if isinstance(option, type) and issubclass(option, Enum) and not isinstance(value, Enum):
            members = [member for member in option if member.value == value]
            return members[0] if members else value
        collection = _EMPTY.get(get_origin(option) or option)
        if isinstance(value, list) and isinstance(collection, type) and collection is not dict:
            return collection(_elements(value, option))
    return value


def _elements(values: list[Any], annotation: Any) -> list[Any]:
    """Return as many values of the element's type, as many of them different."""
    inner = [each for each in get_args(annotation) if each is not Ellipsis]
    if not inner or all(fits(value, inner[0]) for value in values):
        return values
    known = [value for value in values if value is not None]
    different = list(dict.fromkeys(known))
    pool = [value for value in plain_values(inner[0], [1, 3, 5, 7, 9]) if value is not None]
    stand_ins = dict(zip(different, pool, strict=False))
    return [stand_ins.get(value, value) for value in known]


def fits(value: Any, annotation: Any) -> bool:
    """Return whether the value is of the type, as far as the type says."""
    for option in type_options(annotation):
        if option is Any or option is object:
            return True
        if get_origin(option) is Literal:
            if value in get_args(option):
                return True
            continue
        kind = get_origin(option) or option
        if kind in {int, float, Decimal} and isinstance(value, bool):
            continue
        if kind is date and isinstance(value, datetime):
            continue
        if isinstance(kind, type) and not is_typeddict(kind) and isinstance(value, kind):
            return True
        if kind is float and isinstance(value, int):
            return True
    return False


def plain(annotation: Any) -> Any:
    """Return the plainest value of the type, such as 1, "x" or an empty list."""
    return next(iter(plain_values(annotation, ())), None)


def plain_values(annotation: Any, literals: Collection[Any]) -> Iterator[Any]:
    """Yield values of the type: on each literal, just beside it, and away from all of them."""
    for option in type_options(annotation):
        yield from _values_of(option, literals)


def _values_of(kind: Any, literals: Collection[Any]) -> Iterator[Any]:
    origin = get_origin(kind) or kind
    if kind in _AROUND:
        yield from dict.fromkeys(_AROUND[kind](literals))
    elif origin is Literal:
        yield from get_args(kind)
    elif isinstance(kind, type) and issubclass(kind, Enum):
        yield from kind
    elif origin in _EMPTY:
        yield _EMPTY[origin]()
    elif callable(kind):
        yield built(kind, {}, {})


def _numbers(kind: Callable[[Any], Any], step: Any) -> Callable[[Collection[Any]], Iterator[Any]]:
    def around(literals: Collection[Any]) -> Iterator[Any]:
        yield from (kind(1), kind(0))
        for literal in literals:
            if isinstance(literal, int | float | Decimal) and not isinstance(literal, bool):
                number = kind(str(literal)) if kind is Decimal else kind(literal)
                yield from (number, number + step, number - step)

    return around


def _ordered(first: Any, step: timedelta) -> Callable[[Collection[Any]], Iterator[Any]]:
    def around(literals: Collection[Any]) -> Iterator[Any]:
        yield from (first, first + step)
        for literal in literals:
            if type(literal) is type(first):
                yield from (literal, literal + step, literal - step)

    return around


def _texts(literals: Collection[Any]) -> Iterator[str]:
    yield "x"
    for literal in literals:
        if isinstance(literal, str):
            yield from (literal, f"{literal}x")
    yield ""


_AROUND: dict[Any, Callable[[Collection[Any]], Iterable[Any]]] = {
    bool: lambda _literals: (True, False),
    int: _numbers(int, 1),
    float: _numbers(float, 0.01),
    Decimal: _numbers(Decimal, Decimal("0.01")),
    str: _texts,
    datetime: _ordered(MONDAY, timedelta(microseconds=1)),
    date: _ordered(MONDAY.date(), timedelta(days=1)),
    timedelta: _ordered(timedelta(days=1), timedelta(microseconds=1)),
    NoneType: lambda _literals: (None,),
    Any: lambda _literals: ("x",),
    object: lambda _literals: ("x",),
}
_EMPTY: dict[Any, Callable[[], Any]] = {
    **{kind: kind for kind in (list, tuple, set, frozenset, dict)},
    Sequence: list,
    Collection: list,
    Mapping: dict,
}
