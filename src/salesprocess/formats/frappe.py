"""Frappe CRM deal statuses (`CRM Deal Status`), as CSV or JSON rows, in and out.

The status's name is its identity there. Frappe has no status for disqualified deals: it is written as Lost. It holds
neither criteria nor guidance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from salesprocess._text import shown, suggestion
from salesprocess.formats.crm_import import Import, Imported, Json, id_of, identity, others, percent, write_csv
from salesprocess.formats.text_source import refuse
from salesprocess.process import Kind, SalesProcess, Stage

__all__ = ["dump", "dump_csv", "load"]

_KINDS: dict[str, Kind] = {"Open": "open", "Ongoing": "open", "On Hold": "on_hold", "Won": "won", "Lost": "lost"}
_TYPES: dict[Kind, str] = {
    "on_hold": "On Hold",
    "won": "Won",
    "lost": "Lost",
    "disqualified": "Lost",
    "open": "Ongoing",
}
_KNOWN = frozenset({"deal_status", "type", "position", "probability"})


def load(source: str | bytes | Json) -> Imported:
    r"""The process of a list of deal statuses, given as CSV text, JSON text or data.

    >>> imported = load("deal_status,type,position,probability\nDemo,Ongoing,1,25\nPaused,On Hold,2,10\n")
    >>> [(stage.key, stage.kind) for stage in imported.process.stages]
    [('demo', 'open'), ('paused', 'on_hold'), ('won', 'won'), ('lost', 'lost')]

    Raises:
        DefinitionError: for what is no list of statuses, or a type that Frappe has not.
    """
    reading = Import("the Frappe statuses")
    return reading.process("frappe", "Frappe", _stages(reading, reading.table(source)))


def _stages(reading: Import, rows: list[Mapping[str, Any]]) -> Iterator[Stage]:
    placed = [(f"rows[{index}]", row) for index, row in enumerate(rows)]
    placed.sort(key=lambda item: reading.number(item[1].get("position"), f"{item[0]}.position") or 0)
    # In an answer of Frappe's API the name of the document is the status as well.
    ids = [reading.text(row, "deal_status" if "deal_status" in row else "name", path) for path, row in placed]
    for key, text, (path, row) in zip(reading.keys(ids, "rows"), ids, placed, strict=True):
        extra = others(row, _KNOWN) | identity(key, text)
        if row.get("type") == "Open":
            extra["type"] = "Open"
        yield Stage(
            key=key,
            name=text,
            kind=_kind(reading, row, path),
            probability=reading.share(row.get("probability"), f"{path}.probability"),
            extra=extra,
        )


def _kind(reading: Import, row: Mapping[str, Any], path: str) -> Kind:
    found = row.get("type")
    if not found:
        reading.assume("kind", path, "no type: taken as open")
        return "open"
    if not isinstance(found, str) or found not in _KINDS:
        refuse(reading.name, "bad_type", f"no type {shown(found)}{suggestion(found, _KINDS)}", path=f"{path}.type")
    return _KINDS[found]


def dump(process: SalesProcess) -> list[dict[str, Any]]:
    """The process's stages as rows of `CRM Deal Status`; `load` gives back the process that came from Frappe.

    >>> dump(load([{"deal_status": "Demo", "type": "Ongoing", "probability": 25}]).process)[0]
    {'deal_status': 'Demo', 'type': 'Ongoing', 'position': 1, 'probability': 25}
    """
    return [
        {
            "deal_status": id_of(stage) if id_of(stage) != stage.key else stage.name,
            "type": stage.extra.get("type", _TYPES[stage.kind]),
            "position": number,
            "probability": percent(stage.probability),
        }
        | others(stage.extra, _KNOWN | {"id"})
        for number, stage in enumerate(process.stages, 1)
    ]


def dump_csv(process: SalesProcess) -> str:
    """The rows of `dump` as CSV text, for Frappe's import."""
    return write_csv(dump(process))
