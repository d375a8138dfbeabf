"""Pipedrive stages: the answers of `GET /v1/stages` and `GET /api/v2/stages`, and deals' flow.

In Pipedrive won and lost are a deal's status and no stages, so two are added, and left out again by `dump`. A stage
for deals on hold is written as any other. Pipedrive holds neither criteria nor guidance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from typing import Any, Literal

from salesprocess.formats.crm_fields import id_of, original_id, others, percent
from salesprocess.formats.crm_import import Import, Imported, chosen
from salesprocess.formats.crm_rows import Json, Row, data_of, in_order, rows_of
from salesprocess.formats.loading import refuse
from salesprocess.history import ImportedLog, read_changes
from salesprocess.process import CLOSED_KINDS, SalesProcess, Stage

__all__ = ["dump", "load", "load_history"]

_VERSIONS: dict[int, dict[str, str]] = {
    1: {"rots": "rotten_flag", "days": "rotten_days"},
    2: {"rots": "is_deal_rot_enabled", "days": "days_to_rotten"},
}
_KNOWN = frozenset(
    {"id", "order_nr", "name", "active_flag", "is_deleted", "deal_probability", "pipeline_id", "pipeline_name"}
    | {name for names in _VERSIONS.values() for name in names.values()}
)


def load(source: str | bytes | Json, *, pipeline: str | None = None) -> Imported:
    """Return the process of a pipeline in Pipedrive's list of stages, given as text or as data.

    >>> stages = [{"id": 1, "order_nr": 1, "name": "Qualified", "deal_probability": 20, "pipeline_id": 1}]
    >>> [(stage.key, stage.kind) for stage in load(stages).process.stages]
    [('1', 'open'), ('won', 'won'), ('lost', 'lost')]

    Raises:
        DefinitionError: for data that is not a list of stages, and for several pipelines of which none is named.
    """
    importing = Import("the Pipedrive stages")
    data = data_of(source, importing.source)
    rows = rows_of(data.get("data") if isinstance(data, Mapping) else data, importing.source, "data")
    pipelines = {_pipeline_of(row): row for row in rows}
    if not pipelines:
        refuse(importing.source, "empty", "there is no stage", path="data")
    key = chosen(pipelines, pipeline, importing.source)
    kept = [row for row in rows if _pipeline_of(row) == key]
    return importing.finish(key, pipelines[key].text_or("pipeline_name", ""), _stages(importing, kept))


def _pipeline_of(row: Row) -> str:
    return str(row.fields.get("pipeline_id", "pipeline"))


def _is_deleted(row: Row) -> bool:
    return row.flag("active_flag") is False or bool(row.flag("is_deleted"))


def _stages(importing: Import, rows: list[Row]) -> Iterator[Stage]:
    kept = in_order(importing.without(rows, _is_deleted, "the deleted stage", "name"), "order_nr")
    for key, text, row in importing.with_keys(kept, lambda row: row.text("id"), "data"):
        names = _VERSIONS[2 if "days_to_rotten" in row.fields else 1]
        yield Stage(
            key=key,
            name=row.text("name"),
            probability=row.share("deal_probability"),
            time_limit=None if row.flag(names["rots"]) is False else importing.rotting_days(row, names["days"]),
            extra=others(row.fields, _KNOWN) | original_id(key, text),
        )


def dump(process: SalesProcess, *, version: Literal[1, 2] = 2) -> dict[str, Any]:
    """Return the process's stages as Pipedrive's answer; `load` gives back a process that came from Pipedrive.

    >>> dump(load([{"id": 1, "name": "Qualified", "deal_probability": 20}]).process)["data"][0]["deal_probability"]
    20
    """
    opened = [stage for stage in process.stages if stage.kind not in CLOSED_KINDS]
    return {"success": True, "data": [_row(process, stage, version, number) for number, stage in enumerate(opened, 1)]}


def _row(process: SalesProcess, stage: Stage, version: Literal[1, 2], number: int) -> dict[str, Any]:
    names = _VERSIONS[version]
    days = None if stage.time_limit is None else stage.time_limit / timedelta(days=1)
    row: dict[str, Any] = {"id": _number_or_text(id_of(stage)), "order_nr": number, "name": stage.name}
    row |= {"active_flag": True, "pipeline_name": process.name} if version == 1 else {"is_deleted": False}
    row |= {
        "deal_probability": percent(stage.probability),
        "pipeline_id": _number_or_text(id_of(process)),
        names["rots"]: days is not None,
        names["days"]: days if days is None or not days.is_integer() else int(days),
    }
    return row | others(stage.extra, _KNOWN)


def _number_or_text(text: str) -> str | int:
    return int(text) if text.isdecimal() and str(int(text)) == text else text


def load_history(flows: Mapping[str, Json], process: SalesProcess) -> ImportedLog:
    """Return the histories in deals' flow, `GET /v1/deals/{id}/flow`, by deal id.

    A flow is the answer, its items, or their `data`. Changes of `stage_id` and of `status` are read; a deal that is
    open again is back in the stage it was last in. Where `add_time` is set once more, the id was used for another deal,
    whose history is under `(id, 2)`. Pipedrive's times are UTC, in whole seconds.

    >>> process = load([{"id": 1, "name": "Qualified"}]).process
    >>> flow = [{"field_key": "stage_id", "new_value": "1", "log_time": "2026-01-05 09:00:00", "user_id": 5},
    ...         {"field_key": "status", "new_value": "won", "log_time": "2026-02-01 12:00:00", "user_id": 5}]
    >>> [change.dest for change in load_history({"7": flow}, process).histories["7"].changes]
    ['1', 'won']
    """
    stages = {id_of(stage): stage.key for stage in process.stages}
    for status in ("won", "lost"):
        stages |= {f"status {status}": stage.key for stage in reversed(process.stages) if stage.kind == status}
    rows = (row for deal, flow in flows.items() for row in _changes(deal, flow))
    return read_changes(rows, process, deal="deal", by="by", stages=stages, zone=UTC, keep=_is_move, begins=_begins)


def _begins(row: Mapping[str, Any]) -> bool:
    return bool(row["key"] == "add_time")


def _is_move(row: Mapping[str, Any]) -> bool:
    return not _begins(row)


def _changes(deal: str, flow: Json) -> Iterator[dict[str, Any]]:
    last: object = None
    for change in _oldest_first(flow):
        value, key = change.get("new_value"), change.get("field_key")
        if key == "stage_id":
            last = value
        elif key == "status":
            value = last if value == "open" else f"status {value}"
        if key in {"add_time", "stage_id", "status"} and value is not None:
            yield {"deal": deal, "key": key, "stage": value, "at": change.get("log_time"), "by": change.get("user_id")}


def _oldest_first(flow: Json) -> list[Any]:
    items = flow.get("data") if isinstance(flow, Mapping) else flow
    changes = [item.get("data", item) for item in items or () if item.get("object", "dealChange") == "dealChange"]
    times = [str(change.get("log_time")) for change in changes]
    # The API answers newest first. Any other order is the log's own, and times of a reused id may overlap.
    return changes[::-1] if times == sorted(times, reverse=True) else changes
