"""What a host's deal type says about the facts it holds."""

from __future__ import annotations

import types
import typing
from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

_KINDS: Final[tuple[tuple[type, str], ...]] = (
    (bool, "bool"),
    (int, "number"),
    (float, "number"),
    (Decimal, "number"),
    (str, "text"),
    (datetime, "time"),
    (date, "date"),
    (timedelta, "duration"),
)
_UNIONS: Final = (Union, types.UnionType)
# Values of these types have attributes, but none that a deal keeps its facts in.
_PLAIN: Final = (str, bytes, int, float, Decimal, date, timedelta, Enum)


class Shape(NamedTuple):
    """What values of one type can be.

    `kind` is what they can be ordered with: bool, number, text, time, date, duration, collection, or `None` where
    the type does not say. `values` are the only ones there are, where those are listed; `item` is the type of a
    collection's items.
    """

    kind: str | None
    values: tuple[Any, ...] | None = None
    item: Any = Any
    is_plain_enum: bool = False


class Missing(NamedTuple):
    """A path that a type does not have: the part that is missing, of what, and the names that there are."""

    part: str
    owner: str
    names: tuple[str, ...]


def at_path(deal_type: Any, path: str) -> Any | Missing:
    """The type of a dotted path; `Any` where the type does not say, `Missing` where it says that there is none."""
    found: Any = deal_type
    for name in path.split("."):
        members = [_member(each, name) for each in members_of(found)]
        known = [each for each in members if not isinstance(each, Missing)]
        if not known:
            return members[0] if members else Any
        found = known[0] if len(known) == 1 else Union[tuple(known)]  # noqa: UP007 - built at run time
    return found


def members_of(annotation: Any) -> list[Any]:
    """The types that a value may have, `None` aside, without what wraps them."""
    origin = get_origin(annotation)
    if origin is Annotated or _wraps(annotation, origin):
        return members_of(get_args(annotation)[0])
    if origin in _UNIONS:
        return [member for each in get_args(annotation) for member in members_of(each)]
    for name in ("__supertype__", "__value__"):  # NewType, and the type statement
        if hasattr(annotation, name):
            return members_of(getattr(annotation, name))
    if isinstance(annotation, typing.TypeVar):
        return members_of(annotation.__bound__) if annotation.__bound__ else [Any]
    return [] if annotation in {None, types.NoneType} else [annotation]


def _wraps(annotation: Any, origin: Any) -> bool:
    """Whether a generic only says how a value is kept: `Required`, `ClassVar`, SQLAlchemy's `Mapped`."""
    name = getattr(origin, "__name__", None) or getattr(origin, "_name", None)
    return name in {"Mapped", "Required", "NotRequired", "ReadOnly", "ClassVar", "Final"} and bool(get_args(annotation))


def _member(owner: Any, name: str) -> Any | Missing:
    """The type of an attribute or key of a type."""
    bare = get_origin(owner) or owner
    if not isinstance(bare, type) or bare is object or isinstance(owner, str):
        return Any
    if issubclass(bare, Mapping) and not typing.is_typeddict(bare):
        return (get_args(owner) or (Any, Any))[-1]
    hints = hints_of(bare)
    if name in hints:
        return hints[name]
    if hasattr(bare, name) and not issubclass(bare, _PLAIN):
        return _returned(getattr(bare, name))
    if _may_have(bare, name):
        return Any
    names = [*hints, *(each for each, value in vars(bare).items() if isinstance(value, property))]
    return Missing(name, getattr(bare, "__name__", str(bare)), tuple(dict.fromkeys(names)))


def hints_of(owner: type) -> dict[str, Any]:
    """The annotated attributes of a class, or keys of a `TypedDict`, those that cannot be resolved as `Any`."""
    try:
        return {key: hint for key, hint in typing.get_type_hints(owner, include_extras=True).items() if key[0] != "_"}
    except (NameError, TypeError, AttributeError):
        bases = getattr(owner, "__mro__", (owner,))
        return {key: Any for base in bases for key in getattr(base, "__annotations__", {}) if key[0] != "_"}


def _returned(attribute: Any) -> Any:
    """What a property gives, as far as it says."""
    function = attribute.fget if isinstance(attribute, property) else getattr(attribute, "func", None)
    if function is None or isinstance(attribute, partial):
        return Any
    try:
        return typing.get_type_hints(function).get("return", Any)
    except (NameError, TypeError):
        return Any


def _may_have(owner: type, name: str) -> bool:
    """Whether instances may have an attribute that the class does not declare."""
    if typing.is_typeddict(owner) or issubclass(owner, (*_PLAIN, Collection)):
        return False
    if "__getattr__" in dir(owner) and not hasattr(owner, "model_fields"):
        return True
    if getattr(owner, "model_config", {}).get("extra") == "allow":
        return True
    bases = (base for base in owner.__mro__ if not base.__module__.startswith("pydantic."))
    functions = (each for base in bases for each in vars(base).values() if isinstance(each, types.FunctionType))
    declares = hasattr(owner, "model_fields") or hasattr(owner, "__dataclass_fields__")
    declares = declares or hasattr(owner, "__attrs_attrs__") or bool(hints_of(owner))
    return not declares or any(name in function.__code__.co_names for function in functions)


def shapes_of(annotation: Any) -> Iterator[Shape]:
    """What values of the type can be, one shape for each member of a union."""
    for member in members_of(annotation):
        origin = get_origin(member)
        if origin is Literal:
            for value in get_args(member):
                yield Shape(_kind_of_type(type(value)), (value,))
        elif isinstance(member, type) and issubclass(member, Enum):
            yield _enum_shape(member)
        else:
            bare = origin or member
            kind = _kind_of_type(bare) if isinstance(bare, type) else None
            yield Shape(kind, (True, False) if kind == "bool" else None, _item_of(member) if kind else Any)


def _enum_shape(owner: type[Enum]) -> Shape:
    values = tuple(member.value for member in owner)
    ordered = next((kind for base, kind in _KINDS if issubclass(owner, base)), None)
    return Shape(ordered or "enum", values, is_plain_enum=ordered is None)


def _kind_of_type(found: type) -> str | None:
    for base, kind in _KINDS:
        if issubclass(found, base):
            return kind
    return "collection" if issubclass(found, Collection) and not issubclass(found, bytes) else None


def _item_of(member: Any) -> Any:
    arguments = get_args(member)
    bare = get_origin(member) or member
    if not arguments or not isinstance(bare, type):
        return Any
    if issubclass(bare, tuple) and Ellipsis not in arguments:
        return Union[arguments]  # noqa: UP007 - built at run time
    return arguments[0]
