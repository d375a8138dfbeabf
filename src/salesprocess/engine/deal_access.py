"""Where a host keeps a deal's stage: how it is read, written, and copied."""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Mapping, MutableMapping
from enum import Enum
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from salesprocess._text import shown
from salesprocess.errors import DealError

ABSENT: Final = object()
_FROZEN = {"frozen_instance", "frozen_field"}


class Access:
    """The names under which a deal keeps its stage and, if it does, the number of its changes."""

    __slots__ = ("_both", "seq", "stage", "stage_of")

    def __init__(self, stage: str, seq: str | None) -> None:
        self.stage = stage
        self.seq = seq
        self.stage_of = attrgetter(stage)
        self._both = None if seq is None else attrgetter(stage, seq)

    def look(self, deal: Any) -> tuple[Any, int | None]:
        """The deal's stage and sequence number, in one look.

        Raises:
            DealError: if the deal has no such attribute or key.
        """
        if isinstance(deal, Mapping):
            try:
                return deal[self.stage], None if self.seq is None else _counted(deal[self.seq])
            except KeyError as error:
                raise DealError(f"the deal has no key {error.args[0]!r}", found=deal) from None
        try:
            if self._both is None:
                return self.stage_of(deal), None
            stage, seq = self._both(deal)
        except AttributeError as error:
            names = self.stage if self.seq is None else f"{self.stage}, {self.seq}"
            raise DealError(
                f"cannot read {names} of the deal: {error}; name the host's own with Engine(stage=..., seq=...)",
                found=deal,
            ) from error
        return stage, _counted(seq)

    def peek(self, deal: Any) -> tuple[Any, int | None]:
        """The same for a deal that may have no stage yet, which is `ABSENT` then, and 0 its number."""
        if isinstance(deal, Mapping):
            stage, seq = deal.get(self.stage, ABSENT), deal.get(self.seq)
        else:
            stage, seq = getattr(deal, self.stage, ABSENT), getattr(deal, self.seq or "", None)
        return stage, None if self.seq is None else _counted(seq)

    def is_still(self, deal: Any, stage: object, seq: int | None) -> bool:
        """Whether the deal is where it was when it was read."""
        try:
            if self.seq is None and self.stage_of(deal) == stage:
                return True
        except AttributeError:
            pass
        return self.peek(deal) == (stage, seq)

    def restore(self, deal: Any, stage: object, seq: int | None) -> None:
        """Puts the deal back into the stage that it was in, or takes away the one that it had not."""
        if stage is not ABSENT:
            self.write(deal, stage, seq)
        elif isinstance(deal, MutableMapping):
            deal.pop(self.stage, None)
        else:
            delattr(deal, self.stage)

    def write(self, deal: Any, stage: object, seq: int | None) -> None:
        """Puts the deal in a stage.

        Raises:
            DealError: if the deal is frozen; any other exception of the host's own setter is passed on.
        """
        # Asking for the method first is a quarter of what asking an abstract class costs.
        if hasattr(deal, "__setitem__") and isinstance(deal, MutableMapping):
            deal[self.stage] = stage
            if self.seq is not None:
                deal[self.seq] = seq
            return
        try:
            setattr(deal, self.stage, stage)
            if self.seq is not None:
                setattr(deal, self.seq, seq)
        except (AttributeError, TypeError, ValidationError) as error:
            if isinstance(error, ValidationError) and error.errors()[0]["type"] not in _FROZEN:
                raise
            raise DealError(
                f"cannot set {self.stage!r} of the deal, a {type(deal).__name__}: {error}; "
                "for a frozen deal use transition(), which returns a changed copy",
                found=deal,
            ) from error

    def copied(self, deal: Any, stage: object, seq: int | None) -> Any:
        """A copy of the deal in another stage; the deal itself is untouched.

        Raises:
            DealError: if the deal's type says no way to copy it.
        """
        changes = {self.stage: stage} if self.seq is None else {self.stage: stage, self.seq: seq}
        try:
            return _replaced(deal, changes)
        except (TypeError, AttributeError) as error:
            raise DealError(
                f"cannot copy the deal, a {type(deal).__name__}: {error}; give it a __replace__ method, "
                "or make it a dataclass, a pydantic or attrs model, a named tuple or a mapping",
                found=deal,
            ) from error


def same_kind(stage: str, former: object) -> Any:
    """The stage key as the host writes it: as a member of its enum, where the former stage was one."""
    return type(former)(stage) if isinstance(former, Enum) else stage


def _counted(seq: object) -> int:
    if seq is None:
        return 0
    if isinstance(seq, int) and not isinstance(seq, bool) and seq >= 0:
        return seq
    raise DealError(f"a deal's sequence number is a whole number from 0, found {shown(seq)}", found=seq)


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
