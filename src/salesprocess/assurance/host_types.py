"""What a host's type says about its deals: the facts that they hold, and what its constructor takes.

All parts of the library that look into a host's type ask here. Each kind of type has a reader in `_READERS`.
"""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Callable, Collection, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from functools import cached_property, partial
from typing import Any, Final, NamedTuple, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel

from salesprocess.assurance.class_attributes import is_queried, mapped_names, what_is_called_in
from salesprocess.assurance.value_types import is_required_key, known_type_options

# Values of these types have attributes, but none that a deal keeps its facts in.
_PLAIN: Final = (str, bytes, int, float, Decimal, date, timedelta, Enum)
# Their own methods mention names that are no attributes of a deal.
_LIBRARIES: Final = ("pydantic.", "django.", "sqlalchemy.")


class DeclaredFact(NamedTuple):
    """A fact that a type declares: its annotation, and the keyword by which the constructor takes it."""

    annotation: Any
    keyword: str


class Argument(NamedTuple):
    """What a constructor takes for a fact."""

    annotation: Any
    keyword: str
    required: bool


class MissingFact(NamedTuple):
    """A fact that a type does not have: its name, the type's name, and the names of the facts that there are."""

    name: str
    owner: str
    known: tuple[str, ...]


class CalledFact(NamedTuple):
    """A fact that gives a value only when it is called: what it is, and of which type."""

    name: str
    what: str


class HostType:
    """A type of deals, or of a part of a deal."""

    def __init__(self, owner: Any) -> None:
        self._owner = owner
        self._bare = get_origin(owner) or owner
        self.name: str = str(getattr(self._bare, "__name__", owner))

    @cached_property
    def facts(self) -> Mapping[str, DeclaredFact]:
        """The facts that the type declares, by name; none where it declares nothing."""
        if not isinstance(self._bare, type):
            return {}
        found = next(read(self._bare) for is_of_kind, read in _READERS if is_of_kind(self._bare))
        return {name: each for name, each in found.items() if not name.startswith("_")}

    @cached_property
    def arguments(self) -> Mapping[str, Argument]:
        """What the constructor takes, by the names of the facts."""
        if typing.is_typeddict(self._bare):
            return {name: Argument(*each, required=self._is_required_key(name)) for name, each in self.facts.items()}
        names = {each.keyword: name for name, each in self.facts.items()}
        hints = {each.keyword: each.annotation for each in self.facts.values()}
        hints |= _annotations(self._bare if inspect.isroutine(self._bare) else self._bare.__init__)
        return {
            names.get(each.name, each.name): Argument(
                _annotation_of(each, hints), each.name, required=each.default is each.empty
            )
            for each in self._parameters
            if each.kind in {each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY}
        }

    @cached_property
    def takes_any_argument(self) -> bool:
        """Whether the constructor takes facts by any name, as that of a dict does."""
        if typing.is_typeddict(self._bare):
            return True
        return any(each.kind is each.VAR_KEYWORD for each in self._parameters) or not (self.facts or self.arguments)

    @property
    def unreadable(self) -> str | None:
        """Why the type does not say which facts there are; `None` where it does, or is a mapping, which takes any."""
        if not isinstance(self._bare, type):
            return f"{self._owner!r} is no type"
        if typing.is_typeddict(self._bare) or issubclass(self._bare, Mapping):
            return None
        properties = any(isinstance(value, property) for base in self._bare.__mro__ for value in vars(base).values())
        if self._bare is not object and (properties or self.facts or mapped_names(self._bare)):
            return None
        return f"{self.name} declares no attributes: give a class, or a TypedDict, with annotated attributes"

    def type_of_fact(self, name: str) -> Any | MissingFact | CalledFact:
        """Return the type of a fact that deals hold; `Any` where the type does not say."""
        if not isinstance(self._bare, type) or self._bare is object:
            return Any
        if issubclass(self._bare, Mapping) and not typing.is_typeddict(self._bare):
            return (get_args(self._owner) or (Any,))[-1]
        what = self._what_is_called(name)
        if what is not None:
            return CalledFact(name, f"{what} of {self.name}")
        return self.facts[name].annotation if name in self.facts else self._type_of_undeclared(name)

    def _what_is_called(self, name: str) -> str | None:
        if typing.is_typeddict(self._bare) or issubclass(self._bare, _PLAIN):
            return None
        if is_queried(self._bare, name):
            return "a related manager"
        return None if name in self.facts else what_is_called_in(self._bare, name)

    def _type_of_undeclared(self, name: str) -> Any | MissingFact:
        if hasattr(self._bare, name) and not issubclass(self._bare, _PLAIN):
            return _type_of_attribute(self._bare, name)
        if self._may_hold_undeclared(name):
            return Any
        properties = (each for each, value in vars(self._bare).items() if isinstance(value, property))
        return MissingFact(name, self.name, tuple(dict.fromkeys([*self.facts, *mapped_names(self._bare), *properties])))

    def type_of_argument(self, name: str) -> Any:
        """Return the type in which the constructor takes a fact; `Any` where it does not say."""
        return self.arguments[name].annotation if name in self.arguments else Any

    def _is_required_key(self, name: str) -> bool:
        # The class itself cannot read `NotRequired` in an annotation that is text.
        said = is_required_key(self.facts[name].annotation)
        return name in self._bare.__required_keys__ if said is None else said

    def _may_hold_undeclared(self, name: str) -> bool:
        owner = self._bare
        if typing.is_typeddict(owner) or issubclass(owner, (*_PLAIN, Collection)):
            return False
        if issubclass(owner, BaseModel):
            if owner.model_config.get("extra") == "allow":
                return True
        elif hasattr(owner, "__getattr__"):
            return True
        if not (self.facts or mapped_names(owner)) and not any(is_of_kind(owner) for is_of_kind, _ in _DECLARING):
            return True
        # A method that names an attribute may set it.
        bases = (base for base in owner.__mro__ if not base.__module__.startswith(_LIBRARIES))
        functions = (each for base in bases for each in vars(base).values() if isinstance(each, types.FunctionType))
        return any(name in function.__code__.co_names for function in functions)

    @cached_property
    def _parameters(self) -> tuple[inspect.Parameter, ...]:
        try:
            return tuple(inspect.signature(self._bare).parameters.values())
        except (TypeError, ValueError):
            return ()


def type_of_fact(deal_type: Any, path: str) -> Any | MissingFact | CalledFact:
    """Return the type of a fact by its dotted path; `Any` where the deal type does not say.

    >>> from dataclasses import make_dataclass
    >>> Deal = make_dataclass("Deal", [("contact", make_dataclass("Contact", [("email", str)]))])
    >>> type_of_fact(Deal, "contact.email"), type_of_fact(Deal, "contact.phone")
    (<class 'str'>, MissingFact(name='phone', owner='Contact', known=('email',)))
    """
    return _at_path(deal_type, path, HostType.type_of_fact)


def type_of_argument(deal_type: Any, path: str) -> Any:
    """Return the type in which constructors take a fact, by its dotted path; `Any` where they do not say."""
    return _at_path(deal_type, path, HostType.type_of_argument)


def _at_path(deal_type: Any, path: str, type_of: Callable[[HostType, str], Any]) -> Any:
    found: Any = deal_type
    for name in path.split("."):
        options = [type_of(HostType(each), name) for each in known_type_options(found)]
        called = [each for each in options if isinstance(each, CalledFact)]
        if called:
            return called[0]
        known = [each for each in options if not isinstance(each, MissingFact)]
        if not known:
            return options[0] if options else Any
        found = known[0] if len(known) == 1 else Union[tuple(known)]  # noqa: UP007 - built at run time
    return found


def _annotations(owner: Any) -> dict[str, Any]:
    """Return the annotations of a class or function, with `Any` for all where one cannot be resolved."""
    try:
        return typing.get_type_hints(owner, include_extras=True)
    except (NameError, TypeError, AttributeError):
        bases = getattr(owner, "__mro__", (owner,))
        return {name: Any for base in bases for name in getattr(base, "__annotations__", {})}


def _annotation_of(parameter: inspect.Parameter, hints: Mapping[str, Any]) -> Any:
    # Annotations that are text are resolved in the hints; what a library puts in a signature is a type already.
    if parameter.annotation is parameter.empty or isinstance(parameter.annotation, str):
        return hints.get(parameter.name, Any)
    return parameter.annotation


def _type_of_attribute(owner: type, name: str) -> Any:
    """Return what an attribute of a class gives, such as a property, as far as it says."""
    attribute = getattr(owner, name)
    function = attribute.fget if isinstance(attribute, property) else getattr(attribute, "func", None)
    if function is None or isinstance(attribute, partial):
        return _annotations(owner).get(name, Any)
    return _annotations(function).get("return", Any)


def _is_pydantic(owner: type) -> bool:
    return issubclass(owner, BaseModel)


def _read_pydantic(owner: type[BaseModel]) -> dict[str, DeclaredFact]:
    found = {name: DeclaredFact(each.return_type, name) for name, each in owner.model_computed_fields.items()}
    for name, field in owner.model_fields.items():
        alias = field.validation_alias
        found[name] = DeclaredFact(field.annotation, alias if isinstance(alias, str) else name)
    return found


def _is_attrs(owner: type) -> bool:
    return hasattr(owner, "__attrs_attrs__")


def _read_attrs(owner: Any) -> dict[str, DeclaredFact]:
    annotations = _annotations(owner)
    # Where there is a class of attrs, attrs has been imported.
    fields = sys.modules["attr"].fields(owner)
    return {each.name: DeclaredFact(annotations.get(each.name, each.type or Any), each.alias) for each in fields}


def _read_dataclass(owner: Any) -> dict[str, DeclaredFact]:
    annotations = _annotations(owner)
    return {each.name: DeclaredFact(annotations.get(each.name, Any), each.name) for each in dataclasses.fields(owner)}


def _read_annotated(owner: type) -> dict[str, DeclaredFact]:
    return {name: DeclaredFact(annotation, name) for name, annotation in _annotations(owner).items()}


_Reader: TypeAlias = tuple[Callable[[type], bool], Callable[[Any], dict[str, DeclaredFact]]]

# Kinds of types that declare all their facts.
_DECLARING: Final[tuple[_Reader, ...]] = (
    (typing.is_typeddict, _read_annotated),
    (_is_pydantic, _read_pydantic),
    (_is_attrs, _read_attrs),
    (dataclasses.is_dataclass, _read_dataclass),
)
# The first kind that a class is of reads it; the last one is any class, with or without annotations.
_READERS: Final[tuple[_Reader, ...]] = (*_DECLARING, (lambda _owner: True, _read_annotated))
