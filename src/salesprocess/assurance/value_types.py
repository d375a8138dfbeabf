"""What a type says about the values of one fact: which there are, and what they can be compared with."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, Literal, NamedTuple, TypeAlias, Union, get_args, get_origin

# It comes with pydantic.
from typing_inspection import typing_objects
from typing_inspection.introspection import (
    UNKNOWN,
    AnnotationSource,
    get_literal_values,
    inspect_annotation,
    is_union_origin,
)

ValueKind: TypeAlias = Literal["bool", "number", "text", "time", "date", "duration", "collection", "enum"]

_KINDS: Final[tuple[tuple[type, ValueKind], ...]] = (
    (bool, "bool"),
    (int, "number"),
    (float, "number"),
    (Decimal, "number"),
    (str, "text"),
    (datetime, "time"),
    (date, "date"),
    (timedelta, "duration"),
)
# Generics that only say how a library keeps a value; by name, so that no library is imported for it.
_WRAPPERS: Final = frozenset({"Mapped"})


class PossibleValues(NamedTuple):
    """What values of one type can be.

    `kind` says what they can be compared with, and is `None` where the type does not say. `listed` has the only values
    that are possible, where the type lists them; `item` is the type of a collection's items. The members of a plain
    enum, one that is no number or text, have no order.
    """

    kind: ValueKind | None
    listed: tuple[Any, ...] | None = None
    item: Any = Any
    is_plain_enum: bool = False


def is_required_key(annotation: Any) -> bool | None:
    """Return whether the annotation of a `TypedDict` says that the key is required; `None` where it does not say."""
    qualifiers = inspect_annotation(annotation, annotation_source=AnnotationSource.ANY).qualifiers
    return "required" in qualifiers if not qualifiers.isdisjoint({"required", "not_required"}) else None


def type_options(annotation: Any) -> list[Any]:
    """Return the types that a value may have, without qualifiers, `Annotated` and other names for a type.

    >>> type_options(int | None)
    [<class 'int'>, <class 'NoneType'>]
    """
    found = inspect_annotation(annotation, annotation_source=AnnotationSource.ANY).type
    if found is UNKNOWN:
        return [Any]
    if is_union_origin(get_origin(found)):
        return [option for each in get_args(found) for option in type_options(each)]
    named = _named(found)
    if named is not found:
        return type_options(named)
    return [types.NoneType if found is None else found]


def _named(found: Any) -> Any:
    """Return the type that a wrapper or another name stands for; any other type as it is."""
    if getattr(get_origin(found), "__name__", None) in _WRAPPERS:
        return get_args(found)[0]
    if typing_objects.is_newtype(found):
        return found.__supertype__
    if typing_objects.is_typealiastype(found):
        return found.__value__
    if typing_objects.is_typevar(found):
        return Any if found.__bound__ is None else found.__bound__
    return found


def known_type_options(annotation: Any) -> list[Any]:
    """Return the types that a value may have if there is one: `type_options` without that of `None`."""
    return [each for each in type_options(annotation) if each is not types.NoneType]


def possible_values(annotation: Any) -> Iterator[PossibleValues]:
    """Yield what known values can be, once for each type of a union and each value of a `Literal`."""
    for option in known_type_options(annotation):
        origin = get_origin(option)
        bare = origin or option
        if typing_objects.is_literal(origin):
            for value in get_literal_values(option, unpack_type_aliases="lenient"):
                yield PossibleValues(_kind_of_type(type(value)), (value,))
        elif not isinstance(bare, type):
            yield PossibleValues(None)
        elif issubclass(bare, Enum):
            mixed_in: ValueKind | None = next((kind for base, kind in _KINDS if issubclass(bare, base)), None)
            yield PossibleValues(mixed_in or "enum", tuple(each.value for each in bare), is_plain_enum=mixed_in is None)
        else:
            kind = _kind_of_type(bare)
            yield PossibleValues(kind, (True, False) if kind == "bool" else None, _item_type(bare, get_args(option)))


def kind_of(value: object) -> ValueKind | None:
    """Return what a single value, such as the literal of a rule, can be compared with."""
    return next((kind for base, kind in _KINDS if isinstance(value, base)), None)


def _kind_of_type(found: type) -> ValueKind | None:
    for base, kind in _KINDS:
        if issubclass(found, base):
            return kind
    return "collection" if issubclass(found, Collection) and not issubclass(found, bytes) else None


def _item_type(collection: type, arguments: tuple[Any, ...]) -> Any:
    if not arguments:
        return Any
    if issubclass(collection, tuple) and Ellipsis not in arguments:
        return Union[arguments]  # noqa: UP007 - built at run time
    return arguments[0]
