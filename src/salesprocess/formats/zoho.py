"""Zoho CRM Blueprints: the answer of `GET /{module}/{id}/actions/blueprint`, for one record or for one in each state.

A record's answer knows the ways out of its own state alone, so give one answer a state. Transitions keep their names,
their mandatory fields become criteria. Which states are won or lost Zoho does not say: name them with `kinds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from salesprocess._text import shown
from salesprocess.criteria import Comparison, Criterion, fact
from salesprocess.formats.crm_import import Import, Imported, Json, id_of, identity, others, slug
from salesprocess.formats.text_source import refuse
from salesprocess.process import Kind, SalesProcess, Stage, Transition

__all__ = ["dump", "load"]

_TRANSITION = frozenset({"name", "next_field_value", "fields"})


class _Move(NamedTuple):
    source: str
    dest: str
    row: Mapping[str, Any]
    path: str


def load(source: str | bytes | Json, *, kinds: Mapping[str, Kind] | None = None) -> Imported:
    """The process that one or several blueprint answers show; `kinds` says which state names are won, lost and so on.

    >>> answer = {"blueprint": {"process_info": {"name": "Deals", "field_value": "New"}, "transitions": [
    ...     {"name": "Send quote", "next_field_value": "Quoted", "fields": [{"api_name": "Amount", "mandatory": True}]},
    ...     {"name": "Sign", "next_field_value": "Signed", "fields": []}]}}
    >>> process = load(answer, kinds={"Signed": "won"}).process
    >>> [(move.trigger, move.dest, *map(str, move.criteria)) for move in process.transitions]
    [('send_quote', 'quoted', 'Amount: Amount is known'), ('sign', 'signed')]

    Raises:
        DefinitionError: for what is no blueprint answer.
    """
    reading = Import("the Zoho blueprint")
    data = reading.data(source)
    answers = [
        _answer(reading, row, i) for i, row in enumerate(reading.rows(data if isinstance(data, list) else [data], ""))
    ]
    if not answers:
        refuse(reading.name, "empty", "no blueprint in it")
    states_of = [
        reading.text(info, "field_value", f"[{i}].blueprint.process_info") for i, (info, _) in enumerate(answers)
    ]
    moves = [
        _Move(source, reading.text(row, "next_field_value", path), row, path)
        for i, source in enumerate(states_of)
        for j, row in enumerate(answers[i][1])
        for path in (f"[{i}].blueprint.transitions[{j}]",)
    ]
    names = states_of + [move.dest for move in moves]
    states = list(dict.fromkeys(names))
    keys = dict(zip(states, reading.keys(states, "states"), strict=True))
    stages = list(_stages(reading, keys, kinds or {}))
    name = _text(answers[0][0], "name") or "Blueprint"
    reading.assume("criteria", "", "who may make a move, and the criteria before it, are not in Zoho's answer")
    return reading.finish(name, name, stages, list(_transitions(reading, moves, keys)), _info(answers[0][0]))


def _answer(reading: Import, row: Mapping[str, Any], index: int) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    blueprint = row.get("blueprint")
    info = blueprint.get("process_info") if isinstance(blueprint, Mapping) else None
    if not isinstance(blueprint, Mapping) or not isinstance(info, Mapping):
        refuse(
            reading.name,
            "no_blueprint",
            f"expected a blueprint with process_info, found {shown(dict(row))}",
            path=f"[{index}]",
        )
    return info, reading.rows(blueprint.get("transitions") or [], f"[{index}].blueprint.transitions")


def _text(row: Mapping[str, Any], key: str) -> str:
    return str(row.get(key) or "")


def _info(info: Mapping[str, Any]) -> dict[str, Any]:
    return {"process_info": others(info, frozenset({"name", "field_value"}))}


def _stages(reading: Import, keys: Mapping[str, str], kinds: Mapping[str, Kind]) -> Iterator[Stage]:
    for name, key in keys.items():
        if name not in kinds:
            reading.assume("kind", "", f"Zoho does not say what {name!r} is: taken as open; name it in kinds")
        yield Stage(key=key, name=name, kind=kinds.get(name, "open"), extra=identity(key, name))


def _transitions(reading: Import, moves: Sequence[_Move], keys: Mapping[str, str]) -> Iterator[Transition]:
    for move in moves:
        name = reading.text(move.row, "name", move.path)
        trigger = slug(name) or f"transition_{slug(_text(move.row, 'id'))}"
        yield Transition(
            trigger=trigger.strip("_"),
            source=keys[move.source],
            dest=keys[move.dest],
            criteria=list(_criteria(reading, move.row, move.path)),
            extra=others(move.row, _TRANSITION) | {"name": name},
        )


def _criteria(reading: Import, row: Mapping[str, Any], path: str) -> Iterator[Criterion]:
    for index, field in enumerate(reading.rows(row.get("fields") or [], f"{path}.fields")):
        mandatory = field.get("mandatory") or field.get("system_mandatory")
        if not mandatory:
            continue
        name = reading.text(field, "api_name", f"{path}.fields[{index}]")
        try:
            rule = fact(name).is_known()
        except ValueError:
            reading.assume("field", f"{path}.fields[{index}]", f"{name!r} is no fact and was left out")
            continue
        label = _text(field, "display_label") or _text(field, "field_label") or name
        yield Criterion(key=name, rule=rule, label=label, evidence="field")


def dump(process: SalesProcess) -> list[dict[str, Any]]:
    """One blueprint answer for each stage with a way out; `load` gives back the process that came from Zoho.

    Of the criteria, those that ask for a known fact are written, as mandatory fields.
    """
    kept = process.extra.get("process_info")
    info = dict(kept) if isinstance(kept, Mapping) else {}
    answers = []
    for stage in process.stages:
        moves = [_row(process, move.transition) for move in process.graph.out_of[stage.key]]
        if moves:
            about = {"name": process.name, "field_value": id_of(stage) if "id" in stage.extra else stage.name} | info
            answers.append({"blueprint": {"process_info": about, "transitions": moves}})
    return answers


def _row(process: SalesProcess, move: Transition) -> dict[str, Any]:
    dest = process.stage(move.dest)
    fields = [
        {"api_name": rule.term.path, "display_label": criterion.label or rule.term.path, "mandatory": True}
        for criterion, rule in ((criterion, criterion.rule) for criterion in move.criteria)
        if isinstance(rule, Comparison) and rule.op == "known" and rule.term.source == "fact"
    ]
    name = str(move.extra.get("name", move.trigger))
    target = {"name": name, "next_field_value": id_of(dest) if "id" in dest.extra else dest.name, "fields": fields}
    return target | others(move.extra, _TRANSITION)
