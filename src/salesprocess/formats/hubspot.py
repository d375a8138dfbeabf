"""HubSpot deal pipelines: the v3 answer of `GET /crm/v3/pipelines/deals`, and the legacy v1 shape.

`dump` writes v3. HubSpot has no stage for deals on hold or disqualified: the first is written as open, the second as
closed with probability 0. It holds neither criteria nor guidance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from salesprocess.formats.crm_fields import id_of, original_id, others
from salesprocess.formats.crm_import import Import, Imported, chosen
from salesprocess.formats.crm_rows import Json, Row, data_of, in_order, rows_of
from salesprocess.formats.loading import refuse
from salesprocess.history import ImportedLog, read_changes
from salesprocess.process import CLOSED_KINDS, Kind, SalesProcess, Stage

__all__ = ["dump", "load", "load_history"]

_STAGE = frozenset({"id", "stageId", "label", "displayOrder", "metadata", "probability", "closedWon"})
_PIPELINE = frozenset({"id", "pipelineId", "label", "stages"})
_METADATA = frozenset({"isClosed", "probability"})
_ENTERED = "hs_v2_date_entered_"
_MOST_DIGITS = 14


def load(source: str | bytes | Json, *, pipeline: str | None = None) -> Imported:
    """Return the process of a pipeline in HubSpot's answer, given as text or as data.

    Of several pipelines, `pipeline` names one by its id. `isClosed` says which stages are closed; of those, HubSpot
    marks the won one by probability 1 alone.

    >>> answer = {"id": "default", "label": "Sales", "stages": [
    ...     {"id": "new", "label": "New", "metadata": {"isClosed": "false", "probability": "0.0"}},
    ...     {"id": "closedwon", "label": "Won", "metadata": {"isClosed": "true", "probability": "1.0"}}]}
    >>> [(stage.key, stage.kind) for stage in load(answer).process.stages]
    [('new', 'open'), ('closedwon', 'won'), ('lost', 'lost')]

    Raises:
        DefinitionError: for data that is not a pipeline, and for several pipelines of which none is named.
    """
    importing = Import("the HubSpot pipeline")
    data = data_of(source, importing.source)
    if isinstance(data, Mapping):
        data = data.get("results", [data])
    pipelines = {_id_in(row, "pipeline"): row for row in rows_of(data, importing.source, "results")}
    if not pipelines:
        refuse(importing.source, "empty", "there is no pipeline", path="results")
    key = chosen(pipelines, pipeline, importing.source)
    found = pipelines[key]
    rows = rows_of(found.fields.get("stages"), importing.source, "stages")
    return importing.finish(key, found.text_or("label", key), _stages(importing, rows), others(found.fields, _PIPELINE))


def _id_in(row: Row, what: str) -> str:
    return row.text("id" if "id" in row.fields else f"{what}Id")


def _is_archived(row: Row) -> bool:
    return bool(row.flag("archived")) or row.flag("active") is False


def _stages(importing: Import, rows: list[Row]) -> Iterator[Stage]:
    kept = in_order(importing.without(rows, _is_archived, "the archived stage", "label"), "displayOrder")
    for key, text, row in importing.with_keys(kept, lambda row: _id_in(row, "stage"), "stages"):
        metadata = row.row("metadata")
        probability = (metadata if "probability" in metadata.fields else row).number("probability")
        rest = others(metadata.fields, _METADATA)
        yield Stage(
            key=key,
            name=row.text_or("label", key),
            kind=_kind(importing, row, metadata.flag("isClosed"), probability),
            probability=probability,
            extra=others(row.fields, _STAGE) | original_id(key, text) | ({"metadata": rest} if rest else {}),
        )


def _kind(importing: Import, row: Row, closed: bool | None, probability: float | None) -> Kind:  # noqa: FBT001 - a flag of HubSpot's
    won = row.flag("closedWon")
    if won or closed is False:
        return "won" if won else "open"
    if closed is None:
        # The legacy shape has no flag, and HubSpot defines 1 as won and 0 as lost.
        closed = probability in {0.0, 1.0}
        message = "no isClosed: taken as closed where the probability is 0 or 1, as HubSpot says"
        importing.assume("kind", row.path, message)
    elif won is None:
        message = "HubSpot has no won flag: closed with probability 1 is won, any other is lost"
        importing.assume("kind", row.path, message)
    if not closed:
        return "open"
    return "won" if probability == 1 and won is not False else "lost"


def dump(process: SalesProcess) -> dict[str, Any]:
    """Return the process as one v3 pipeline; `load` gives back a process that came from HubSpot.

    >>> dump(load({"id": "p", "stages": [{"id": "new", "label": "New"}]}).process)["stages"][0]
    {'id': 'new', 'label': 'New', 'displayOrder': 0, 'metadata': {'isClosed': 'false'}}
    """
    stages = [
        {"id": id_of(stage), "label": stage.name, "displayOrder": index, "metadata": _metadata(stage)}
        | others(stage.extra, frozenset({"id", "metadata"}))
        for index, stage in enumerate(process.stages)
    ]
    return {"id": id_of(process), "label": process.name} | others(process.extra, frozenset({"id"})) | {"stages": stages}


def _metadata(stage: Stage) -> dict[str, Any]:
    closed = stage.kind in CLOSED_KINDS
    probability = float(stage.kind == "won") if closed else stage.probability
    kept = stage.extra.get("metadata")
    metadata: dict[str, Any] = {"isClosed": str(closed).lower()}
    metadata |= {} if probability is None else {"probability": str(probability)}
    return metadata | (dict(kept) if isinstance(kept, Mapping) else {})


def load_history(deals: Mapping[str, Mapping[str, Any]], process: SalesProcess) -> ImportedLog:
    """Return the histories in deals' stage properties, `hs_v2_date_entered_<stage>`, by deal id.

    HubSpot keeps only the last entry of each stage, so that a deal which came back shows one visit; times are ISO 8601
    or milliseconds since 1970, as text.

    >>> process = load({"id": "p", "stages": [{"id": "new", "label": "New"}, {"id": "won", "label": "Won",
    ...     "metadata": {"isClosed": "true", "probability": "1"}}]}).process
    >>> log = load_history({"7": {"hs_v2_date_entered_new": "2026-01-05T09:00:00Z"}}, process)
    >>> log.histories["7"].stage
    'new'
    """
    rows = (
        {"deal": deal, "stage": name.removeprefix(_ENTERED), "at": _moment(value)}
        for deal, properties in deals.items()
        for name, value in properties.items()
        if name.startswith(_ENTERED) and name != f"{_ENTERED}current_stage" and value not in {None, ""}
    )
    return read_changes(
        rows, process, deal="deal", at="at", stages={id_of(stage): stage.key for stage in process.stages}
    )


def _moment(value: object) -> object:
    text = str(value)
    return datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdigit() and len(text) <= _MOST_DIGITS else value
