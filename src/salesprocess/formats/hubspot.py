"""HubSpot deal pipelines: the v3 answer of `GET /crm/v3/pipelines/deals`, and the legacy v1 shape.

`dump` writes v3. HubSpot has no stage for deals on hold or disqualified: the first is written as open, the second as
closed with probability 0. It holds neither criteria nor guidance.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from salesprocess.formats.crm_import import Import, Imported, Json, chosen, id_of, identity, others
from salesprocess.formats.text_source import refuse
from salesprocess.history import ImportedLog, read_changes
from salesprocess.process import CLOSED_KINDS, Kind, SalesProcess, Stage

__all__ = ["dump", "load", "load_history"]

_STAGE = frozenset({"id", "stageId", "label", "displayOrder", "metadata", "probability", "closedWon"})
_PIPELINE = frozenset({"id", "pipelineId", "label", "stages"})
_ENTERED = "hs_v2_date_entered_"
_MOST_DIGITS = 14


def load(source: str | bytes | Json, *, pipeline: str | None = None) -> Imported:
    """The process of a pipeline, given HubSpot's answer as text or as data; of several, the one with the id `pipeline`.

    `isClosed` says which stages are closed; of those, HubSpot marks the won one by probability 1 alone.

    >>> answer = {"id": "default", "label": "Sales", "stages": [
    ...     {"id": "new", "label": "New", "metadata": {"isClosed": "false", "probability": "0.0"}},
    ...     {"id": "closedwon", "label": "Won", "metadata": {"isClosed": "true", "probability": "1.0"}}]}
    >>> [(stage.key, stage.kind) for stage in load(answer).process.stages]
    [('new', 'open'), ('closedwon', 'won'), ('lost', 'lost')]

    Raises:
        DefinitionError: for what is no pipeline, or several and none named.
    """
    reading = Import("the HubSpot pipeline")
    data = reading.data(source)
    if isinstance(data, Mapping):
        data = data.get("results", [data])
    pipelines = {
        _id(reading, row, "pipeline", f"results[{i}]"): row for i, row in enumerate(reading.rows(data, "results"))
    }
    if not pipelines:
        refuse(reading.name, "empty", "no pipeline in it", path="results")
    key = chosen(pipelines, pipeline, reading)
    row = pipelines[key]
    stages = _stages(reading, reading.rows(row.get("stages"), "stages"))
    return reading.process(key, str(row.get("label") or key), stages, others(row, _PIPELINE))


def _id(reading: Import, row: Mapping[str, Any], what: str, path: str) -> str:
    return reading.text(row, "id" if "id" in row else f"{what}Id", path)


def _stages(reading: Import, rows: list[Mapping[str, Any]]) -> Iterator[Stage]:
    kept = []
    for index, row in enumerate(rows):
        path = f"stages[{index}]"
        if reading.flag(row.get("archived"), path) or reading.flag(row.get("active"), path) is False:
            reading.assume("left_out", path, f"the archived stage {row.get('label')!r} was left out")
        else:
            kept.append((path, row, reading.number(row.get("displayOrder"), f"{path}.displayOrder") or 0))
    kept.sort(key=lambda item: item[2])
    ids = [_id(reading, row, "stage", path) for path, row, _ in kept]
    for key, text, (path, row, _) in zip(reading.keys(ids, "stages"), ids, kept, strict=True):
        metadata = row.get("metadata") or {}
        if not isinstance(metadata, Mapping):
            refuse(reading.name, "not_an_object", "metadata is an object", path=f"{path}.metadata")
        probability = reading.number(metadata.get("probability", row.get("probability")), f"{path}.probability")
        extra = others(row, _STAGE) | identity(key, text)
        rest = others(metadata, frozenset({"isClosed", "probability"}))
        yield Stage(
            key=key,
            name=str(row.get("label") or key),
            kind=_kind(reading, row, metadata, probability, path),
            probability=probability,
            extra=extra | ({"metadata": rest} if rest else {}),
        )


def _kind(
    reading: Import, row: Mapping[str, Any], metadata: Mapping[str, Any], probability: float | None, path: str
) -> Kind:
    won = reading.flag(row.get("closedWon"), f"{path}.closedWon")
    closed = reading.flag(metadata.get("isClosed"), f"{path}.isClosed")
    if won or closed is False:
        return "won" if won else "open"
    if closed is None:
        # The legacy shape has no flag, and HubSpot defines 1 as won and 0 as lost.
        closed = probability in {0.0, 1.0}
        reading.assume("kind", path, "no isClosed: taken as closed where the probability is 0 or 1, as HubSpot says")
    elif won is None:
        reading.assume("kind", path, "HubSpot has no won flag: closed with probability 1 is won, any other is lost")
    if not closed:
        return "open"
    return "won" if probability == 1 and won is not False else "lost"


def dump(process: SalesProcess) -> dict[str, Any]:
    """The process as one v3 pipeline; `load` gives back the process that came from HubSpot.

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
    """The histories in deals' stage properties, `hs_v2_date_entered_<stage>`, by deal id.

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
