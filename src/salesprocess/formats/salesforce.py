"""Salesforce: `OpportunityStage.standardValueSet-meta.xml`, a `PathAssistant`, and OpportunityHistory rows.

Salesforce has no stage for deals on hold or disqualified: the first is written as open, the second as closed and not
won. A path shows fields without asking for them, so they become advisory criteria.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, SubElement

from salesprocess.criteria import Criterion, fact
from salesprocess.formats import safe_xml
from salesprocess.formats.crm_fields import id_of, original_id, others, percent, required_fields
from salesprocess.formats.crm_import import Import, Imported
from salesprocess.formats.crm_rows import Row
from salesprocess.formats.loading import check_count
from salesprocess.history import ImportedLog, read_changes
from salesprocess.process import CLOSED_KINDS, Forecast, Kind, SalesProcess, Stage

__all__ = ["dump", "dump_path", "load", "load_history"]

# In the metadata, the category that people see as Commit is called Forecast.
_FORECASTS: dict[str, Forecast] = {
    "Pipeline": "pipeline",
    "BestCase": "best_case",
    "Forecast": "commit",
    "Closed": "closed",
    "Omitted": "omitted",
}
_CATEGORIES = {forecast: category for category, forecast in _FORECASTS.items()}
_KNOWN = frozenset({"fullName", "label", "closed", "won", "probability", "forecastCategory", "description", "isActive"})
_NAMESPACE = "http://soap.sforce.com/2006/04/metadata"
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_TAG = re.compile(r"<[^<>]{0,2000}>")


def load(source: str | bytes, *, path: str | bytes | None = None) -> Imported:
    """Return the process of a stage value set; `path` is the XML of the PathAssistant that guides through it.

    `closed` and `won` say what a stage is, whatever its probability.

    Raises:
        DefinitionError: for a text that is not such XML, with line and column; a document type is refused.
    """
    importing = Import("the Salesforce stages")
    root = safe_xml.parse(source, importing.source, "StandardValueSet")
    values = list(root.iter("standardValue"))
    check_count(values, "stages", importing.source, "standardValue")
    steps = {} if path is None else _steps(importing, path)
    stages = list(_stages(importing, values, steps))
    for unused in steps:
        message = f"the path's step {unused!r} is not a stage and was left out"
        importing.assume("unknown_step", "pathAssistantSteps", message)
    extra = {child.tag: child.text for child in root if len(child) == 0 and child.text}
    return importing.finish("opportunity", "Opportunity", stages, extra)


class _Step(NamedTuple):
    """A step of a path: its guidance, and the fields that it shows."""

    info: str = ""
    fields: Sequence[str] = ()


def _stages(importing: Import, values: Iterable[Element], steps: dict[str, _Step]) -> Iterator[Stage]:
    rows = [
        Row(importing.source, f"standardValue[{index}]", {child.tag: (child.text or "").strip() for child in value})
        for index, value in enumerate(values)
    ]
    kept = list(importing.without(rows, _is_inactive, "the inactive stage", "fullName"))
    for key, text, row in importing.with_keys(kept, lambda row: row.text("fullName"), "standardValue"):
        step = steps.pop(text, _Step())
        tactic = _TAG.sub(" ", step.info).strip()
        yield Stage(
            key=key,
            name=row.text_or("label", text),
            kind=_kind(importing, row),
            probability=row.share("probability"),
            forecast=_forecast(importing, row),
            objective=row.text_or("description", "") or None,
            tactics=[tactic] if tactic else [],
            exit_criteria=[
                Criterion(key=field, rule=fact(field).is_known(), severity="advisory", evidence="field")
                for field in step.fields
            ],
            extra=_extra(row, step.info) | original_id(key, text),
        )


def _is_inactive(row: Row) -> bool:
    return row.flag("isActive") is False


def _extra(row: Row, info: str) -> dict[str, Any]:
    category = row.text_or("forecastCategory", "")
    extra = others(row.fields, _KNOWN)
    if category and category not in _FORECASTS:
        extra["forecastCategory"] = category
    return extra | ({"info": info} if info else {})


def _kind(importing: Import, row: Row) -> Kind:
    closed, won = row.flag("closed"), row.flag("won")
    if closed is None and won is None:
        importing.assume("kind", row.path, "neither closed nor won is given: taken as open")
    if won and closed is False:
        importing.assume("kind", row.path, "won but not closed: taken as won")
    return "won" if won else "lost" if closed else "open"


def _forecast(importing: Import, row: Row) -> Forecast | None:
    name = row.text_or("forecastCategory", "")
    if name and name not in _FORECASTS:
        importing.assume("forecast", row.path, f"the forecast category {name!r} has no match and is kept in extra")
    return _FORECASTS.get(name)


def _steps(importing: Import, source: str | bytes) -> dict[str, _Step]:
    """Return the steps of a path by the name of their stage."""
    root = safe_xml.parse(source, "the Salesforce path", "PathAssistant")
    steps: dict[str, _Step] = {}
    for step in root.iter("pathAssistantSteps"):
        names = [(field.text or "").strip() for field in step.iter("fieldNames")]
        fields = [name for name in dict.fromkeys(names) if _FIELD.fullmatch(name)]
        for name in names:
            if not _FIELD.fullmatch(name):
                importing.assume("field", "pathAssistantSteps", f"{name!r} is not a field name and was left out")
        info = (step.findtext("info") or "").strip()
        steps[(step.findtext("picklistValueName") or "").strip()] = _Step(info, fields)
    if steps:
        message = "a path asks for nothing: its fields are advisory criteria"
        importing.assume("advisory", "pathAssistantSteps", message)
    return steps


def dump(process: SalesProcess) -> str:
    """Return the process's stages as a StandardValueSet; `load` gives back a process that came from Salesforce.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> dump(SEVEN_STAGE).count("<standardValue>")
    9

    Raises:
        DefinitionError: for a name with a character that XML cannot hold.
    """
    root = Element("StandardValueSet", xmlns=_NAMESPACE)
    for tag, text in others(process.extra, frozenset({"id"})).items():
        SubElement(root, tag).text = str(text)
    for stage in process.stages:
        value = SubElement(root, "standardValue")
        for tag, member in sorted(_members(stage).items()):
            if member is not None:
                SubElement(value, tag).text = str(member)
    return safe_xml.write(root)


def _members(stage: Stage) -> dict[str, Any]:
    return others(stage.extra, frozenset({"id", "info"})) | {
        "fullName": id_of(stage),
        "label": stage.name,
        "description": stage.objective,
        "closed": str(stage.kind in CLOSED_KINDS).lower(),
        "won": str(stage.kind == "won").lower(),
        "probability": percent(stage.probability),
        "forecastCategory": _CATEGORIES[stage.forecast] if stage.forecast else stage.extra.get("forecastCategory"),
    }


def dump_path(process: SalesProcess) -> str:
    """Return the path that guides through the process: for each stage its mandatory fields, and tactics as guidance.

    Raises:
        DefinitionError: for guidance with a character that XML cannot hold.
    """
    root = Element("PathAssistant", xmlns=_NAMESPACE)
    for tag, text in {
        "active": "true",
        "entityName": "Opportunity",
        "fieldName": "StageName",
        "masterLabel": process.name,
        "recordTypeName": "__MASTER__",
    }.items():
        SubElement(root, tag).text = text
    for stage in process.stages:
        fields = required_fields(stage.exit_criteria)
        info = stage.extra.get("info") or "\n".join(stage.tactics)
        if fields or info:
            step = SubElement(root, "pathAssistantSteps")
            for field, _ in fields:
                SubElement(step, "fieldNames").text = field
            if info:
                SubElement(step, "info").text = str(info)
            SubElement(step, "picklistValueName").text = id_of(stage)
    return safe_xml.write(root)


def load_history(rows: Iterable[Mapping[str, Any]], process: SalesProcess) -> ImportedLog:
    """Return the histories in OpportunityHistory rows, by `OpportunityId`.

    Salesforce writes a row whenever stage, amount, probability or close date changes: rows that leave the stage as it
    is are counted in `collapsed`, and are no moves.

    >>> process = SalesProcess.linear(key="p", stages=[Stage(key="new", name="New")])
    >>> rows = [{"OpportunityId": "006", "StageName": "New", "CreatedDate": "2026-01-05T09:00:00.000+0000"}] * 2
    >>> log = load_history(rows, process)
    >>> log.histories["006"].stage, log.collapsed
    ('new', 1)
    """
    # The rows hold labels; a stage's API name is its id.
    stages = {stage.name: stage.key for stage in process.stages} | {id_of(stage): stage.key for stage in process.stages}
    filled = ({"CreatedById": None} | dict(row) for row in rows)
    return read_changes(
        filled, process, deal="OpportunityId", stage="StageName", at="CreatedDate", by="CreatedById", stages=stages
    )
