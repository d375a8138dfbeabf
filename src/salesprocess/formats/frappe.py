"""Frappe CRM deal statuses (`CRM Deal Status`), as CSV or JSON rows, in and out.

The status's name is its identity there. Frappe has no status for disqualified deals: it is written as Lost. It holds
neither criteria nor guidance.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from salesprocess._text import shown, suggestion
from salesprocess.formats.crm_fields import id_of, original_id, others, percent
from salesprocess.formats.crm_import import Import, Imported
from salesprocess.formats.crm_rows import Json, Row, in_order, table_of
from salesprocess.formats.csv_rows import write_csv
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
    r"""Return the process of a list of deal statuses, given as CSV text, JSON text or data.

    >>> imported = load("deal_status,type,position,probability\nDemo,Ongoing,1,25\nPaused,On Hold,2,10\n")
    >>> [(stage.key, stage.kind) for stage in imported.process.stages]
    [('demo', 'open'), ('paused', 'on_hold'), ('won', 'won'), ('lost', 'lost')]

    Raises:
        DefinitionError: for data that is not a list of statuses, and for a type that Frappe does not have.
    """
    importing = Import("the Frappe statuses")
    return importing.finish("frappe", "Frappe", _stages(importing, table_of(source, importing.source)))


def _status(row: Row) -> str:
    # In an answer of Frappe's API the name of the document is the status as well.
    return row.text("deal_status" if "deal_status" in row.fields else "name")


def _stages(importing: Import, rows: list[Row]) -> Iterator[Stage]:
    for key, text, row in importing.with_keys(in_order(rows, "position"), _status, "rows"):
        # Frappe's Open and Ongoing are both open here.
        kept = {"type": "Open"} if row.fields.get("type") == "Open" else {}
        yield Stage(
            key=key,
            name=text,
            kind=_kind(importing, row),
            probability=row.share("probability"),
            extra=others(row.fields, _KNOWN) | original_id(key, text) | kept,
        )


def _kind(importing: Import, row: Row) -> Kind:
    found = row.fields.get("type")
    if not found:
        importing.assume("kind", row.path, "no type: taken as open")
        return "open"
    if not isinstance(found, str) or found not in _KINDS:
        row.refuse("bad_type", f"unknown type {shown(found)}{suggestion(found, _KINDS)}", "type")
    return _KINDS[found]


def dump(process: SalesProcess) -> list[dict[str, Any]]:
    """Return the process's stages as rows of `CRM Deal Status`; `load` gives back a process that came from Frappe.

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
    """Return the rows of `dump` as CSV text, for Frappe's import."""
    return write_csv(dump(process))
