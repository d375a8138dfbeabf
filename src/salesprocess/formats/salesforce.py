"""Salesforce: `OpportunityStage.standardValueSet-meta.xml`, a `PathAssistant`, and OpportunityHistory rows.

Salesforce has no stage for deals on hold or disqualified: the first is written as open, the second as closed and not
won. A path shows fields without asking for them, so they become advisory criteria.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.etree.ElementTree import Element, SubElement

from salesprocess.criteria import Comparison, Criterion, fact
from salesprocess.formats import safe_xml
from salesprocess.formats.crm_import import Import, Imported, id_of, identity, percent
from salesprocess.formats.text_source import check_length
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
_KNOWN = {"fullName", "label", "closed", "won", "probability", "forecastCategory", "description", "isActive"}
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)*")
_TAG = re.compile(r"<[^<>]{0,2000}>")


def load(source: str | bytes, *, path: str | bytes | None = None) -> Imported:
    """The process of a stage value set; `path` is the XML of the PathAssistant that guides through it.

    `closed` and `won` say what a stage is, whatever its probability.

    Raises:
        DefinitionError: for what is no such XML, with line and column; a document type is refused.
    """
    reading = Import("the Salesforce stages")
    root = safe_xml.parse(source, reading.name, "StandardValueSet")
    values = list(root.iter("standardValue"))
    check_length(values, "stages", reading.name, "standardValue")
    steps = {} if path is None else _steps(reading, path)
    stages = list(_stages(reading, values, steps))
    for unused in steps:
        reading.assume("unknown_step", "pathAssistantSteps", f"the path's step {unused!r} is no stage and was left out")
    extra = {child.tag: child.text for child in root if len(child) == 0 and child.text}
    return reading.process("opportunity", "Opportunity", stages, dict(extra))


def _stages(reading: Import, values: list[Element], steps: dict[str, tuple[str, list[str]]]) -> Iterator[Stage]:
    rows = [{child.tag: (child.text or "").strip() for child in value} for value in values]
    kept = []
    for index, row in enumerate(rows):
        path = f"standardValue[{index}]"
        if reading.flag(row.get("isActive"), path) is False:
            reading.assume("left_out", path, f"the inactive stage {row.get('fullName')!r} was left out")
        else:
            kept.append((path, row))
    ids = [reading.text(row, "fullName", path) for path, row in kept]
    for key, text, (path, row) in zip(reading.keys(ids, "standardValue"), ids, kept, strict=True):
        info, fields = steps.pop(text, ("", []))
        yield Stage(
            key=key,
            name=row.get("label") or text,
            kind=_kind(reading, row, path),
            probability=reading.share(row.get("probability"), f"{path}.probability"),
            forecast=_forecast(reading, row, path),
            objective=row.get("description") or None,
            tactics=[line for line in (_TAG.sub(" ", info).strip(),) if line],
            exit_criteria=[
                Criterion(key=field, rule=fact(field).is_known(), severity="advisory", evidence="field")
                for field in fields
            ],
            extra=_extra(row, info) | identity(key, text),
        )


def _extra(row: Mapping[str, str], info: str) -> dict[str, Any]:
    extra: dict[str, Any] = {tag: text for tag, text in row.items() if tag not in _KNOWN}
    if row.get("forecastCategory") and row["forecastCategory"] not in _FORECASTS:
        extra["forecastCategory"] = row["forecastCategory"]
    return extra | ({"info": info} if info else {})


def _kind(reading: Import, row: Mapping[str, str], path: str) -> Kind:
    closed, won = reading.flag(row.get("closed"), f"{path}.closed"), reading.flag(row.get("won"), f"{path}.won")
    if closed is None and won is None:
        reading.assume("kind", path, "neither closed nor won is given: taken as open")
    if won and closed is False:
        reading.assume("kind", path, "won but not closed: taken as won")
    return "won" if won else "lost" if closed else "open"


def _forecast(reading: Import, row: Mapping[str, str], path: str) -> Forecast | None:
    name = row.get("forecastCategory")
    if name and name not in _FORECASTS:
        reading.assume("forecast", path, f"the forecast category {name!r} has no match and is kept in extra")
    return _FORECASTS.get(name or "")


def _steps(reading: Import, source: str | bytes) -> dict[str, tuple[str, list[str]]]:
    root = safe_xml.parse(source, "the Salesforce path", "PathAssistant")
    steps: dict[str, tuple[str, list[str]]] = {}
    for step in root.iter("pathAssistantSteps"):
        names = [(field.text or "").strip() for field in step.iter("fieldNames")]
        fields = [name for name in dict.fromkeys(names) if _FIELD.fullmatch(name)]
        for name in names:
            if name not in fields:
                reading.assume("field", "pathAssistantSteps", f"{name!r} is no field name and was left out")
        steps[(step.findtext("picklistValueName") or "").strip()] = ((step.findtext("info") or "").strip(), fields)
    if steps:
        reading.assume("advisory", "pathAssistantSteps", "a path asks for nothing: its fields are advisory criteria")
    return steps


def dump(process: SalesProcess) -> str:
    """The process's stages as a StandardValueSet document; `load` gives back the process that came from Salesforce.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> dump(SEVEN_STAGE).count("<standardValue>")
    9

    Raises:
        DefinitionError: for a name with a character that XML cannot hold.
    """
    root = Element("StandardValueSet")
    for tag, text in process.extra.items():
        if tag != "id":
            SubElement(root, tag).text = str(text)
    categories = {ours: theirs for theirs, ours in _FORECASTS.items()}
    for stage in process.stages:
        value = SubElement(root, "standardValue")
        members = {tag: text for tag, text in stage.extra.items() if tag not in {"id", "info"}}
        members |= {"fullName": id_of(stage), "label": stage.name, "description": stage.objective}
        members |= {"closed": str(stage.kind in CLOSED_KINDS).lower(), "won": str(stage.kind == "won").lower()}
        members |= {"probability": percent(stage.probability)}
        members |= {"forecastCategory": categories[stage.forecast]} if stage.forecast else {}
        for tag in sorted(members):
            if members[tag] is not None:
                SubElement(value, tag).text = str(members[tag])
    return safe_xml.write(root, "the process")


def dump_path(process: SalesProcess) -> str:
    """The path that guides through the process: for each stage its known-criteria as fields, its tactics as guidance.

    Raises:
        DefinitionError: for guidance with a character that XML cannot hold.
    """
    root = Element("PathAssistant")
    members = {"active": "true", "entityName": "Opportunity", "fieldName": "StageName"}
    for tag, text in (members | {"masterLabel": process.name, "recordTypeName": "__MASTER__"}).items():
        SubElement(root, tag).text = text
    for stage in process.stages:
        fields = [
            rule.term.path
            for rule in (criterion.rule for criterion in stage.exit_criteria)
            if isinstance(rule, Comparison) and rule.op == "known" and rule.term.source == "fact"
        ]
        info = stage.extra.get("info") or "\n".join(stage.tactics)
        if fields or info:
            step = SubElement(root, "pathAssistantSteps")
            for field in fields:
                SubElement(step, "fieldNames").text = field
            if info:
                SubElement(step, "info").text = str(info)
            SubElement(step, "picklistValueName").text = id_of(stage)
    return safe_xml.write(root, "the process")


def load_history(rows: Iterable[Mapping[str, Any]], process: SalesProcess) -> ImportedLog:
    """The histories in OpportunityHistory rows, by `OpportunityId`.

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
