"""The host's type of deal: what its constructor takes, and plain values of the types it names."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints, is_typeddict

from salesprocess._text import suggestion

MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Field(NamedTuple):
    """An argument of a constructor."""

    hint: Any
    required: bool


class Shape(NamedTuple):
    """What a constructor takes; with `open` set, anything by any name."""

    fields: dict[str, Field]
    open: bool = False


def shape_of(deal_type: Any) -> Shape:
    """What building a deal takes: of a dataclass, a pydantic or attrs model, a TypedDict, or any callable."""
    hints = _hints(deal_type)
    if is_typeddict(deal_type):
        return Shape({name: Field(hint, name in deal_type.__required_keys__) for name, hint in hints.items()})
    try:
        parameters = inspect.signature(deal_type).parameters.values()
    except ValueError:
        return Shape({}, open=True)
    fields = {
        each.name: Field(hints.get(each.name, Any), each.default is each.empty)
        for each in parameters
        if each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY}
    }
    return Shape(fields, open=any(each.kind is each.VAR_KEYWORD for each in parameters) or not fields)


def _hints(deal_type: Any) -> dict[str, Any]:
    """The annotations, as far as they can be resolved."""
    hints: dict[str, Any] = {}
    for owner in (deal_type, getattr(deal_type, "__init__", None)):
        try:
            hints |= get_type_hints(owner, include_extras=False)
        except (NameError, TypeError):
            continue
    return hints


def hint_at(deal_type: Any, path: str) -> Any:
    """The type of a fact, by its dotted path; `Any` where the type does not say."""
    for name in path.split("."):
        options = [each for each in _options(deal_type) if each is not type(None)]
        if len(options) != 1 or options[0] is Any:
            return Any
        shape = shape_of(options[0])
        if name not in shape.fields:
            return Any
        deal_type = shape.fields[name].hint
    return deal_type


def built(deal_type: Callable[..., Any], values: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """A deal of the host's type with these facts, by dotted path; other fields that it needs get plain values.

    Raises:
        ValueError: for a fact that the type has no place for.
    """
    shape = shape_of(deal_type)
    arguments: dict[str, Any] = {name: plain(field.hint) for name, field in shape.fields.items() if field.required}
    arguments |= {name: _part(shape, name, part) for name, part in _nested(values).items()}
    arguments |= given
    if shape.open or is_typeddict(deal_type):
        return deal_type(**arguments)
    deal = deal_type(**{name: value for name, value in arguments.items() if name in shape.fields})
    for name in arguments.keys() - shape.fields.keys():
        try:
            setattr(deal, name, arguments[name])
        except (AttributeError, ValueError, TypeError):
            owner = getattr(deal_type, "__name__", repr(deal_type))
            raise ValueError(
                f"a {owner} has no place for {name!r}{suggestion(name, shape.fields)} "
                "Name the host's own with facts={...}, as for the engine"
            ) from None
    return deal


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by first part of their path; those of longer paths as a `_Nested` each."""
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


def _part(shape: Shape, name: str, part: Any) -> Any:
    hint = shape.fields[name].hint if name in shape.fields else Any
    if not isinstance(part, _Nested):
        return as_type(part, hint)
    options = [each for each in _options(hint) if each not in {type(None), Any}]
    return built(options[0] if options and get_origin(options[0]) is None else dict, part, {})


def _options(hint: Any) -> list[Any]:
    """The types of a union, `Annotated` and names for types taken off."""
    if get_origin(hint) in {Union, types.UnionType}:
        return [option for part in get_args(hint) for option in _options(part)]
    if get_origin(hint) is Annotated:
        return _options(get_args(hint)[0])
    if hasattr(hint, "__supertype__"):
        return _options(hint.__supertype__)
    return [hint]


def as_type(value: Any, hint: Any) -> Any:
    """The value as the hint has it, where the same value has a form of that type: an enum's member, a set."""
    for option in _options(hint):
        if isinstance(option, type) and issubclass(option, Enum) and not isinstance(value, Enum):
            members = [member for member in option if member.value == value]
            return members[0] if members else value
        collection = _EMPTY.get(get_origin(option) or option)
        if isinstance(value, list) and isinstance(collection, type) and collection is not dict:
            return collection(_elements(value, option))
    return value


def _elements(values: list[Any], hint: Any) -> list[Any]:
    """As many values of the element's type, as many of them different."""
    inner = [each for each in get_args(hint) if each is not Ellipsis]
    if not inner or all(fits(value, inner[0]) for value in values):
        return values
    known = [value for value in values if value is not None]
    different = list(dict.fromkeys(known))
    pool = [value for value in plain_values(inner[0], [1, 3, 5, 7, 9]) if value is not None]
    stand_ins = dict(zip(different, pool, strict=False))
    return [stand_ins.get(value, value) for value in known]


def fits(value: Any, hint: Any) -> bool:
    """Whether the value is of the type, as far as can be told."""
    for option in _options(hint):
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


def plain(hint: Any) -> Any:
    """A value of the type, the plainest there is."""
    return next(iter(plain_values(hint, ())), None)


def plain_values(hint: Any, literals: Collection[Any]) -> Iterator[Any]:
    """Values of the type: on each literal, just beside it, and away from all of them."""
    for option in _options(hint):
        yield from _plain_values(option, literals)


def _plain_values(kind: Any, literals: Collection[Any]) -> Iterator[Any]:
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
    type(None): lambda _literals: (None,),
    Any: lambda _literals: ("x",),
    object: lambda _literals: ("x",),
}
_EMPTY: dict[Any, Callable[[], Any]] = {
    **{kind: kind for kind in (list, tuple, set, frozenset, dict)},
    Sequence: list,
    Collection: list,
    Mapping: dict,
}
