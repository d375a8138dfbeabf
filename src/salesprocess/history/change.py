"""The record of a move."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias, get_type_hints

from pydantic import JsonValue

from salesprocess._base import FrozenDict, frozen
from salesprocess._dumped import Dumped
from salesprocess._text import shown
from salesprocess._time import aware
from salesprocess.errors import DealError

SourceKind: TypeAlias = Literal["live", "import", "migration", "override"]


class _Fields(NamedTuple):
    seq: int | None
    process: str
    version: int | str
    fingerprint: str
    trigger: str
    source: str | None
    dest: str
    at: datetime
    by: str | None = None
    reason: str | None = None
    source_kind: SourceKind = "live"
    waived: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()
    resets: tuple[str, ...] = ()
    metadata: Mapping[str, JsonValue] = FrozenDict()


def as_metadata(data: Mapping[str, JsonValue] | None) -> Mapping[str, JsonValue]:
    """Return the host's own data as a change keeps it: JSON that nobody can change.

    Raises:
        DealError: for what JSON does not have.
    """
    if not data:
        return _NOTHING
    try:
        kept: Mapping[str, JsonValue] = frozen(json.loads(json.dumps(dict(data), allow_nan=False)))
        json.dumps(kept, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DealError(f"metadata is JSON, found {shown(data)}: {error}", found=data) from None
    return kept


_NOTHING: Final = FrozenDict()


class StageChange(_Fields, Dumped):
    """One move, as it is stored: a named tuple, so that it is a row of a table and never changes.

    `seq` is the number of this change among the deal's, if the engine counts (`Engine(seq=...)`). `source` is `None`
    for the first entry. `waived` has the keys of the criteria that an override let pass, `starts` the keys of the
    processes that the host is to start, and `resets` those of the tracks that the move put back. `metadata` is what the
    host gave with `fire(..., metadata=...)`.

    Raises:
        DealError: for an `at` without a time zone.
    """

    __slots__ = ()

    def __new__(cls, *args: Any, **fields: Any) -> Self:
        """Return a change whose time has a zone."""
        change = super().__new__(cls, *args, **fields)
        aware(change.at, "at")
        return change

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> dict[str, Any]:
        """Return the change as a dict; with `mode="json"` the time is ISO 8601 text and tuples are lists."""
        dump = self._asdict()
        if mode == "json":
            dump |= {"at": self.at.isoformat(), "waived": list(self.waived), "starts": list(self.starts)}
            dump |= {"resets": list(self.resets), "metadata": dict(self.metadata)}
        return dump

    @classmethod
    def model_validate(cls, data: StageChange | Mapping[str, Any]) -> StageChange:
        """Return the change that `model_dump` gave.

        Raises:
            DealError: for a missing or unknown key, or a time without a zone.
        """
        if isinstance(data, StageChange):
            return data
        fields = dict(data)
        if isinstance(fields.get("at"), str):
            fields["at"] = datetime.fromisoformat(fields["at"])
        fields |= {name: tuple(fields[name]) for name in ("waived", "starts", "resets") if name in fields}
        fields["metadata"] = as_metadata(fields.get("metadata"))
        try:
            return cls(**fields)
        except TypeError as error:
            reason = str(error).partition("() ")[2]
            raise DealError(f"no stage change: {reason}", found=dict(data), expected=cls._fields) from None

    @classmethod
    def _dump_fields(cls) -> dict[str, Any]:
        return get_type_hints(_Fields)

    @classmethod
    def _loaded(cls, value: Any) -> StageChange:
        return cls.model_validate(value)
