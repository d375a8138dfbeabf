"""Odoo CRM stages (`crm.stage`), as CSV with technical column names or as JSON rows, in and out.

Odoo archives a lost deal where it is, so a lost stage is added, and left out again by `dump`. A stage for deals on
hold is written as open. Odoo holds no criteria, and a stage's requirements are text alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from salesprocess.formats.crm_fields import id_of, original_id, others
from salesprocess.formats.crm_import import Import, Imported
from salesprocess.formats.crm_rows import Json, Row, in_order, table_of
from salesprocess.formats.csv_rows import write_csv
from salesprocess.process import SalesProcess, Stage

__all__ = ["dump", "dump_csv", "load"]

_KNOWN = frozenset({"id", "name", "sequence", "is_won", "requirements", "rotting_threshold_days"})


def load(source: str | bytes | Json) -> Imported:
    r"""Return the process of a stage list, given as CSV text, JSON text or data.

    >>> imported = load("id,name,sequence,is_won,requirements\n1,New,1,False,A name\n4,Won,70,True,\n")
    >>> [(stage.key, stage.kind, stage.objective) for stage in imported.process.stages]
    [('1', 'open', 'A name'), ('4', 'won', None), ('lost', 'lost', None)]

    Raises:
        DefinitionError: for data that is not a list of stages.
    """
    importing = Import("the Odoo stages")
    return importing.finish("odoo", "Odoo", _stages(importing, table_of(source, importing.source)))


def _stages(importing: Import, rows: list[Row]) -> Iterator[Stage]:
    for key, text, row in importing.with_keys(in_order(rows, "sequence"), lambda row: row.text("id"), "rows"):
        is_won = row.flag("is_won")
        if is_won is None:
            importing.assume("kind", row.path, "no is_won: taken as open")
        sequence = row.fields.get("sequence")
        yield Stage(
            key=key,
            name=row.text("name"),
            kind="won" if is_won else "open",
            objective=row.text_or("requirements", "") or None,
            time_limit=importing.rotting_days(row, "rotting_threshold_days"),
            extra=others(row.fields, _KNOWN) | original_id(key, text) | ({"sequence": sequence} if sequence else {}),
        )


def dump(process: SalesProcess) -> list[dict[str, Any]]:
    """Return the process's stages as rows of `crm.stage`; `load` gives back a process that came from Odoo.

    >>> dump(load([{"id": 1, "name": "New", "is_won": False}]).process)[0]
    {'id': '1', 'name': 'New', 'sequence': 1, 'is_won': False, 'requirements': '', 'rotting_threshold_days': 0}
    """
    kept = [stage for stage in process.stages if stage.kind not in {"lost", "disqualified"} and not _is_added(stage)]
    return [
        {
            "id": id_of(stage),
            "name": stage.name,
            "sequence": stage.extra.get("sequence", number),
            "is_won": stage.kind == "won",
            "requirements": stage.objective or "",
            "rotting_threshold_days": (stage.time_limit or timedelta()) // timedelta(days=1),
        }
        | others(stage.extra, _KNOWN)
        for number, stage in enumerate(kept, 1)
    ]


def _is_added(stage: Stage) -> bool:
    return stage == Stage(key="won", kind="won", probability=1)


def dump_csv(process: SalesProcess) -> str:
    """Return the rows of `dump` as CSV text, for Odoo's import."""
    return write_csv(dump(process))
