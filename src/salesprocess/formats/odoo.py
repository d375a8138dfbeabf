"""Odoo CRM stages (`crm.stage`), as CSV with technical column names or as JSON rows, in and out.

Odoo archives a lost deal where it is, so a lost stage is added, and left out again by `dump`. A stage for deals on
hold is written as open. Odoo holds no criteria, and a stage's requirements are text alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from salesprocess.formats.crm_import import Import, Imported, Json, id_of, identity, others, write_csv
from salesprocess.process import SalesProcess, Stage

__all__ = ["dump", "dump_csv", "load"]

_KNOWN = frozenset({"id", "name", "sequence", "is_won", "requirements", "rotting_threshold_days"})


def load(source: str | bytes | Json) -> Imported:
    r"""The process of a stage list, given as CSV text, JSON text or data.

    >>> imported = load("id,name,sequence,is_won,requirements\n1,New,1,False,A name\n4,Won,70,True,\n")
    >>> [(stage.key, stage.kind, stage.objective) for stage in imported.process.stages]
    [('1', 'open', 'A name'), ('4', 'won', None), ('lost', 'lost', None)]

    Raises:
        DefinitionError: for what is no list of stages.
    """
    reading = Import("the Odoo stages")
    return reading.process("odoo", "Odoo", _stages(reading, reading.table(source)))


def _stages(reading: Import, rows: list[Mapping[str, Any]]) -> Iterator[Stage]:
    placed = [(f"rows[{index}]", row) for index, row in enumerate(rows)]
    placed.sort(key=lambda item: reading.number(item[1].get("sequence"), f"{item[0]}.sequence") or 0)
    ids = [reading.text(row, "id", path) for path, row in placed]
    for key, text, (path, row) in zip(reading.keys(ids, "rows"), ids, placed, strict=True):
        won = reading.flag(row.get("is_won"), f"{path}.is_won")
        if won is None:
            reading.assume("kind", path, "no is_won: taken as open")
        extra = others(row, _KNOWN) | identity(key, text)
        yield Stage(
            key=key,
            name=reading.text(row, "name", path),
            kind="won" if won else "open",
            objective=str(row.get("requirements") or "") or None,
            time_limit=_time_limit(reading, row, path),
            extra=extra | ({"sequence": row["sequence"]} if row.get("sequence") else {}),
        )


def _time_limit(reading: Import, row: Mapping[str, Any], path: str) -> timedelta | None:
    days = reading.number(row.get("rotting_threshold_days"), f"{path}.rotting_threshold_days")
    if not days:
        return None
    reading.assume(
        "time_limit", path, f"{days:g} days until a deal rots, since its last change, were taken as time in stage"
    )
    return reading.days(days, path)


def dump(process: SalesProcess) -> list[dict[str, Any]]:
    """The process's stages as rows of `crm.stage`; `load` gives back the process that came from Odoo.

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
    """The rows of `dump` as CSV text, for Odoo's import."""
    return write_csv(dump(process))
