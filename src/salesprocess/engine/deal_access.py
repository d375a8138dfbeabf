"""Where a host keeps a deal's stage: how it is read, written and copied."""

from __future__ import annotations

import copy
import dataclasses
import operator
import sys
from collections.abc import Callable, Mapping, MutableMapping
from enum import Enum
from inspect import getattr_static
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from salesprocess._text import shown
from salesprocess.criteria.reading import is_plain_attribute
from salesprocess.errors import DealError

ABSENT: Final = object()
# A host that makes classes as it runs must not fill the memory with what is known about them.
_MOST_CLASSES: Final = 1_000
_FROZEN: Final = frozenset({"frozen_instance", "frozen_field"})
_USE_TRANSITION: Final = "for a frozen deal use transition(), which returns a changed copy"


class DealClass:
    """How the deals of one class are read and written: by key where they are mappings, else by attribute."""

    __slots__ = ("is_mapping", "is_plain", "name", "refusal", "set", "stage_of")

    def __init__(self, cls: type, stage: str, seq: str | None) -> None:
        self.name: str = cls.__name__
        self.is_mapping: bool = issubclass(cls, Mapping)
        # The quick way to the stage, which raises where there is none.
        self.stage_of: Callable[[Any], Any] = (operator.itemgetter if cls is dict else operator.attrgetter)(stage)
        if self.is_mapping and cls is not dict:
            self.stage_of = operator.methodcaller("get", stage)
        self.set: Callable[[Any, str, object], None] = operator.setitem if self.is_mapping else setattr
        # Whether reading and setting the stage runs no code of the host's, so that a write need not be looked at again.
        sets_plainly = getattr_static(cls, "__setattr__") is object.__setattr__
        self.is_plain: bool = cls is dict or (not self.is_mapping and sets_plainly and is_plain_attribute(cls, stage))
        self.refusal: str | None = _why_not_writable(cls, [stage] if seq is None else [stage, seq])

    def read(self, deal: Any, name: str, default: object = None) -> Any:
        """Return what the deal keeps under a name.

        Raises:
            DealError: if the host's own property raises.
        """
        if self.is_mapping:
            return deal.get(name, default)
        try:
            return getattr(deal, name)
        except AttributeError as error:
            if isinstance(getattr_static(type(deal), name, None), property):
                raise DealError(f"cannot read {name!r} of the deal, a {self.name}: {error}", found=deal) from error
            # A slot that was never filled, or a name that was never given.
            return default


class _DealClasses(dict[type, DealClass]):
    """What is known about each class of deals, found out when a deal of it is first seen."""

    def __init__(self, stage: str, seq: str | None) -> None:
        super().__init__()
        self._stage = stage
        self._seq = seq

    def __missing__(self, cls: type) -> DealClass:
        if len(self) >= _MOST_CLASSES:
            self.clear()
        self[cls] = known = DealClass(cls, self._stage, self._seq)
        return known


class DealAccess:
    """The names under which a deal keeps its stage and, where the engine is told so, its number and its version.

    `classes` has how the deals of a class are read and written, by `deal.__class__`.
    """

    __slots__ = ("classes", "seq", "stage", "version")

    def __init__(self, stage: str, seq: str | None, version: str | None) -> None:
        self.stage: str = stage
        self.seq: str | None = seq
        self.version: str | None = version
        self.classes: _DealClasses = _DealClasses(stage, seq)

    def read(self, deal: Any) -> tuple[Any, int | None]:
        """Return the stage as the host keeps it, `ABSENT` where there is none, and the number of changes.

        Raises:
            DealError: for a number that is not a whole number from 0.
        """
        known = self.classes[deal.__class__]
        try:
            stage = known.stage_of(deal)
        except (AttributeError, KeyError):
            stage = known.read(deal, self.stage, ABSENT)
        return stage, None if self.seq is None else number(known.read(deal, self.seq))

    def version_of(self, deal: Any) -> object:
        """Return the version of the process that the deal runs under; `None` where it says none."""
        return None if self.version is None else _plain(self.classes[deal.__class__].read(deal, self.version))

    def refuse_without_stage(self, deal: Any) -> None:
        """Refuse an object without an attribute for its stage; a mapping without the key is in no stage yet.

        Raises:
            DealError: with the name that was looked for.
        """
        known = self.classes[deal.__class__]
        if not known.is_mapping:
            message = f"the deal, a {known.name}, has no attribute {self.stage!r}; name the host's own with"
            raise DealError(f"{message} Engine(stage=...)", found=deal)

    def refuse_unwritable(self, deal: Any) -> None:
        """Refuse a deal whose class does not let its stage be set.

        Raises:
            DealError: with the reason, before anything has happened.
        """
        known = self.classes[deal.__class__]
        if known.refusal is not None:
            raise DealError(f"cannot move the deal, a {known.name}: {known.refusal}", found=deal)

    def write(self, deal: Any, stage: object, seq: int | None) -> None:
        """Put the deal in a stage, and look that it is there.

        Raises:
            DealError: if the deal is frozen, or still elsewhere. Any other exception of the host's is passed on.
        """
        known = self.classes[deal.__class__]
        try:
            known.set(deal, self.stage, stage)
            if self.seq is not None:
                known.set(deal, self.seq, seq)
        except (AttributeError, TypeError, ValidationError) as error:
            if isinstance(error, ValidationError) and error.errors()[0]["type"] not in _FROZEN:
                raise
            message = f"cannot set {self.stage!r} of the deal, a {known.name}: {error}; {_USE_TRANSITION}"
            raise DealError(message, found=deal) from error
        found = known.stage_of(deal)
        if found != stage and not _same(found, stage):
            raise DealError(
                f"the deal, a {known.name}, is in {shown(found)} after its {self.stage!r} was set to {shown(stage)}: "
                "its setter keeps another value",
                found=deal,
            )

    def restore(self, deal: Any, stage: object, seq: int | None) -> None:
        """Put the deal back into the stage that it was in, or take away the one that it did not have."""
        if self.read(deal) == (stage, seq):
            return
        if stage is not ABSENT:
            known = self.classes[deal.__class__]
            known.set(deal, self.stage, stage)
            if self.seq is not None:
                known.set(deal, self.seq, seq)
        elif isinstance(deal, MutableMapping):
            deal.pop(self.stage, None)
        else:
            delattr(deal, self.stage)

    def copied(self, deal: Any, stage: object, seq: int | None) -> Any:
        """Return a copy of the deal in another stage; the deal itself is untouched.

        Raises:
            DealError: if the deal's class has no way to copy it.
        """
        changes = {self.stage: stage} if self.seq is None else {self.stage: stage, self.seq: seq}
        if hasattr(deal, "_sa_instance_state"):
            raise DealError(
                f"cannot copy the deal, a {type(deal).__name__}: a copy of a SQLAlchemy instance is another row; "
                "move the deal itself with fire()",
                found=deal,
            )
        try:
            moved = _replaced(deal, changes)
        except (TypeError, AttributeError) as error:
            raise DealError(
                f"cannot copy the deal, a {type(deal).__name__}: {error}; give it a __replace__ method, "
                "or make it a dataclass, a pydantic or attrs model, a named tuple or a mapping",
                found=deal,
            ) from error
        if not _same(self.read(moved)[0], stage):
            raise DealError(
                f"the copy of the deal is in {shown(self.read(moved)[0])}, not in {shown(stage)}", found=deal
            )
        return moved


def stage_key(found: object) -> object:
    """Return the stage as the process names it: the value of an enum member, `None` for a deal in no stage."""
    return None if found is ABSENT else _plain(found)


def as_host_writes(stage: str, former: object) -> Any:
    """Return the stage key as the host writes it: as a member of its enum, where the former stage was one."""
    return type(former)(stage) if isinstance(former, Enum) else stage


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _same(found: object, written: object) -> bool:
    return _plain(found) == _plain(written)


def number(seq: object) -> int:
    """Return the number of a deal's changes: 0 where it has none yet.

    Raises:
        DealError: for what is no whole number from 0.
    """
    if seq is None:
        return 0
    if isinstance(seq, int) and not isinstance(seq, bool) and seq >= 0:
        return seq
    raise DealError(f"a deal's sequence number is a whole number from 0, found {shown(seq)}", found=seq)


def _why_not_writable(cls: type, names: list[str]) -> str | None:
    """Return why the stage of a class's deals cannot be set, as far as the class tells."""
    if issubclass(cls, Mapping):
        return None if issubclass(cls, MutableMapping) else f"it is a read-only mapping; {_USE_TRANSITION}"
    for name in names:
        held = getattr_static(cls, name, None)
        if isinstance(held, property) and held.fset is None:
            return f"{name!r} is a property without a setter"
    frozen_dataclass = getattr(getattr(cls, "__dataclass_params__", None), "frozen", False)
    frozen_model = issubclass(cls, BaseModel) and (
        bool(cls.model_config.get("frozen"))
        or any(field.frozen for name, field in cls.model_fields.items() if name in names)
    )
    frozen_attrs = hasattr(cls, "__attrs_attrs__") and cls.__setattr__.__name__ == "_frozen_setattrs"
    if frozen_dataclass or frozen_model or frozen_attrs:
        return f"it is frozen; {_USE_TRANSITION}"
    if issubclass(cls, tuple):
        return f"it is a tuple; {_USE_TRANSITION}"
    return None


def _replaced(deal: Any, changes: dict[str, object]) -> Any:  # noqa: PLR0911 - one return a kind
    if hasattr(type(deal), "__replace__"):
        return deal.__replace__(**changes)
    if isinstance(deal, BaseModel):
        return deal.model_copy(update=changes)
    if dataclasses.is_dataclass(deal):
        return dataclasses.replace(deal, **changes)  # type: ignore[type-var]
    if hasattr(type(deal), "__attrs_attrs__"):
        return sys.modules["attr"].evolve(deal, **changes)
    if isinstance(deal, tuple) and hasattr(type(deal), "_fields"):
        return type(deal)(**{**deal._asdict(), **changes})  # type: ignore[attr-defined]
    if isinstance(deal, MappingProxyType):
        return MappingProxyType({**deal, **changes})
    if isinstance(deal, Mapping):
        return type(deal)({**deal, **changes})  # type: ignore[call-arg]
    changed = copy.copy(deal)
    for name, value in changes.items():
        setattr(changed, name, value)
    return changed
