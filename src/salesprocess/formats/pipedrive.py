"""Pipedrive stages: the answers of `GET /v1/stages` and `GET /api/v2/stages`, and deals' flow.

In Pipedrive won and lost are a deal's status and no stages, so two are added, and left out again by `dump`. A stage
for deals on hold is written as any other. Pipedrive holds neither criteria nor guidance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, timedelta
from typing import Any, Literal

from salesprocess.formats.crm_import import Import, Imported, Json, chosen, id_of, identity, others, percent
from salesprocess.formats.text_source import refuse
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
    """The process of a pipeline, given Pipedrive's list of stages as text or as data.

    >>> stages = [{"id": 1, "order_nr": 1, "name": "Qualified", "deal_probability": 20, "pipeline_id": 1}]
    >>> [(stage.key, stage.kind) for stage in load(stages).process.stages]
    [('1', 'open'), ('won', 'won'), ('lost', 'lost')]

    Raises:
        DefinitionError: for what is no list of stages, or has several pipelines and none is named.
    """
    reading = Import("the Pipedrive stages")
    data = reading.data(source)
    rows = list(enumerate(reading.rows(data.get("data") if isinstance(data, Mapping) else data, "data")))
    pipelines = {str(row.get("pipeline_id", "pipeline")): row for _, row in rows}
    if not pipelines:
        refuse(reading.name, "empty", "no stage in it", path="data")
    key = chosen(pipelines, pipeline, reading)
    kept = [(f"data[{index}]", row) for index, row in rows if str(row.get("pipeline_id", "pipeline")) == key]
    return reading.process(key, str(pipelines[key].get("pipeline_name") or ""), _stages(reading, kept))


def _stages(reading: Import, rows: list[tuple[str, Mapping[str, Any]]]) -> Iterator[Stage]:
    kept = []
    for path, row in rows:
        if reading.flag(row.get("active_flag"), path) is False or reading.flag(row.get("is_deleted"), path):
            reading.assume("left_out", path, f"the deleted stage {row.get('name')!r} was left out")
        else:
            kept.append((path, row, reading.number(row.get("order_nr"), f"{path}.order_nr") or 0))
    kept.sort(key=lambda item: item[2])
    ids = [reading.text(row, "id", path) for path, row, _ in kept]
    for key, text, (path, row, _) in zip(reading.keys(ids, "data"), ids, kept, strict=True):
        yield Stage(
            key=key,
            name=reading.text(row, "name", path),
            probability=reading.share(row.get("deal_probability"), f"{path}.deal_probability"),
            time_limit=_time_limit(reading, row, path),
            extra=others(row, _KNOWN) | identity(key, text),
        )


def _time_limit(reading: Import, row: Mapping[str, Any], path: str) -> timedelta | None:
    names = _VERSIONS[2 if "days_to_rotten" in row else 1]
    days = reading.number(row.get(names["days"]), f"{path}.{names['days']}")
    if not days or reading.flag(row.get(names["rots"]), f"{path}.{names['rots']}") is False:
        return None
    reading.assume(
        "time_limit", path, f"{days:g} days until a deal rots, since its last change, were taken as time in stage"
    )
    return reading.days(days, f"{path}.{names['days']}")


def dump(process: SalesProcess, *, version: Literal[1, 2] = 2) -> dict[str, Any]:
    """The process's stages as Pipedrive's answer; `load` gives back the process that came from Pipedrive.

    >>> dump(load([{"id": 1, "name": "Qualified", "deal_probability": 20}]).process)["data"][0]["deal_probability"]
    20
    """
    names = _VERSIONS[version]
    opened = [stage for stage in process.stages if stage.kind not in CLOSED_KINDS]
    return {"success": True, "data": [_row(process, stage, names, number) for number, stage in enumerate(opened, 1)]}


def _row(process: SalesProcess, stage: Stage, names: Mapping[str, str], number: int) -> dict[str, Any]:
    days = None if stage.time_limit is None else stage.time_limit / timedelta(days=1)
    row: dict[str, Any] = {"id": _number_if_one(id_of(stage)), "order_nr": number, "name": stage.name}
    row |= {"active_flag": True, "pipeline_name": process.name} if names is _VERSIONS[1] else {"is_deleted": False}
    row |= {
        "deal_probability": percent(stage.probability),
        "pipeline_id": _number_if_one(id_of(process)),
        names["rots"]: days is not None,
        names["days"]: days if days is None or not days.is_integer() else int(days),
    }
    return row | others(stage.extra, _KNOWN)


def _number_if_one(text: str) -> str | int:
    return int(text) if text.isdecimal() and str(int(text)) == text else text


def load_history(flows: Mapping[str, Json], process: SalesProcess) -> ImportedLog:
    """The histories in deals' flow, `GET /v1/deals/{id}/flow`, by deal id: the answer, its items, or their `data`.

    Changes of `stage_id` and of `status` are read; a deal that is open again is back in the stage it was last in. Where
    `add_time` is set once more, the id was used for another deal, whose history is under `(id, 2)`. Pipedrive's times
    are UTC, in whole seconds.

    >>> process = load([{"id": 1, "name": "Qualified"}]).process
    >>> flow = [{"field_key": "stage_id", "new_value": "1", "log_time": "2026-01-05 09:00:00", "user_id": 5},
    ...         {"field_key": "status", "new_value": "won", "log_time": "2026-02-01 12:00:00", "user_id": 5}]
    >>> [change.dest for change in load_history({"7": flow}, process).histories["7"].changes]
    ['1', 'won']
    """
    stages = {id_of(stage): stage.key for stage in process.stages}
    for status in ("won", "lost"):
        stages |= {f"status {status}": stage.key for stage in reversed(process.stages) if stage.kind == status}
    rows = (row for deal, flow in flows.items() for row in _rows(deal, flow))
    return read_changes(rows, process, deal="deal", by="by", stages=stages, zone=UTC, keep=_is_move, begins=_begins)


def _begins(row: Mapping[str, Any]) -> bool:
    return bool(row["key"] == "add_time")


def _is_move(row: Mapping[str, Any]) -> bool:
    return not _begins(row)


def _rows(deal: str, flow: Json) -> Iterator[dict[str, Any]]:
    items = flow.get("data") if isinstance(flow, Mapping) else flow
    changes = [item.get("data", item) for item in items or () if item.get("object", "dealChange") == "dealChange"]
    times = [str(change.get("log_time")) for change in changes]
    # The API answers newest first. Any other order is the log's own, and times of a reused id may overlap.
    if times == sorted(times, reverse=True):
        changes.reverse()
    last: object = None
    for change in changes:
        value, key = change.get("new_value"), change.get("field_key")
        if key == "stage_id":
            last = value
        elif key == "status":
            value = last if value == "open" else f"status {value}"
        if key in {"add_time", "stage_id", "status"} and value is not None:
            yield {"deal": deal, "key": key, "stage": value, "at": change.get("log_time"), "by": change.get("user_id")}
