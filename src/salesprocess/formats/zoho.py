"""Zoho CRM Blueprints: the answer of `GET /{module}/{id}/actions/blueprint`, for one record or for one in each state.

A record's answer knows the ways out of its own state alone, so give one answer a state. Transitions keep their names,
their mandatory fields become criteria. Which states are won or lost Zoho does not say: name them with `kinds`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from salesprocess._text import shown
from salesprocess.criteria import Criterion, fact
from salesprocess.formats.crm_fields import id_of, original_id, others, required_fields, slug
from salesprocess.formats.crm_import import Import, Imported
from salesprocess.formats.crm_rows import Json, Row, data_of, rows_of
from salesprocess.formats.loading import refuse
from salesprocess.process import Kind, SalesProcess, Stage, Transition

__all__ = ["dump", "load"]

_TRANSITION = frozenset({"name", "next_field_value", "fields"})
_PROCESS_INFO = frozenset({"name", "field_value"})


class _Answer(NamedTuple):
    """One blueprint answer: the state that the record is in, and the ways out of it."""

    info: Row
    state: str
    transitions: list[Row]


def load(source: str | bytes | Json, *, kinds: Mapping[str, Kind] | None = None) -> Imported:
    """Return the process that one or several blueprint answers show; `kinds` says which states are won, lost and so on.

    >>> answer = {"blueprint": {"process_info": {"name": "Deals", "field_value": "New"}, "transitions": [
    ...     {"name": "Send quote", "next_field_value": "Quoted", "fields": [{"api_name": "Amount", "mandatory": True}]},
    ...     {"name": "Sign", "next_field_value": "Signed", "fields": []}]}}
    >>> process = load(answer, kinds={"Signed": "won"}).process
    >>> [(move.trigger, move.dest, *map(str, move.criteria)) for move in process.transitions]
    [('send_quote', 'quoted', 'Amount: Amount is known'), ('sign', 'signed')]

    Raises:
        DefinitionError: for data that is not a blueprint answer.
    """
    importing = Import("the Zoho blueprint")
    data = data_of(source, importing.source)
    rows = rows_of(data if isinstance(data, list) else [data], importing.source, "")
    answers = [_answer(row) for row in rows]
    if not answers:
        refuse(importing.source, "empty", "there is no blueprint")
    keys = _keys(importing, answers)
    stages = list(_stages(importing, keys, kinds or {}))
    importing.assume("criteria", "", "who may make a move, and the criteria before it, are not in Zoho's answer")
    info = answers[0].info
    name = info.text_or("name", "Blueprint")
    extra = {"process_info": others(info.fields, _PROCESS_INFO)}
    return importing.finish_with_moves(name, name, stages, list(_transitions(importing, answers, keys)), extra)


def _answer(row: Row) -> _Answer:
    blueprint = row.fields.get("blueprint")
    info = blueprint.get("process_info") if isinstance(blueprint, Mapping) else None
    if not isinstance(blueprint, Mapping) or not isinstance(info, Mapping):
        row.refuse("no_blueprint", f"expected a blueprint with process_info, found {shown(dict(row.fields))}")
    inner = row.row("blueprint")
    process_info = inner.row("process_info")
    return _Answer(process_info, process_info.text("field_value"), inner.rows("transitions"))


def _keys(importing: Import, answers: Sequence[_Answer]) -> dict[str, str]:
    """Return the key of each state, those first that an answer is for."""
    targets = [row.text("next_field_value") for answer in answers for row in answer.transitions]
    states = list(dict.fromkeys([*(answer.state for answer in answers), *targets]))
    return dict(zip(states, importing.keys(states, "states"), strict=True))


def _stages(importing: Import, keys: Mapping[str, str], kinds: Mapping[str, Kind]) -> Iterator[Stage]:
    for name, key in keys.items():
        if name not in kinds:
            importing.assume("kind", "", f"Zoho does not say what {name!r} is: taken as open; name it in kinds")
        yield Stage(key=key, name=name, kind=kinds.get(name, "open"), extra=original_id(key, name))


def _transitions(importing: Import, answers: Sequence[_Answer], keys: Mapping[str, str]) -> Iterator[Transition]:
    for answer in answers:
        for row in answer.transitions:
            name = row.text("name")
            trigger = slug(name) or f"transition_{slug(row.text_or('id', ''))}"
            yield Transition(
                trigger=trigger.strip("_"),
                source=keys[answer.state],
                dest=keys[row.text("next_field_value")],
                criteria=list(_criteria(importing, row)),
                extra=others(row.fields, _TRANSITION) | {"name": name},
            )


def _criteria(importing: Import, transition: Row) -> Iterator[Criterion]:
    for row in transition.rows("fields"):
        if not (row.fields.get("mandatory") or row.fields.get("system_mandatory")):
            continue
        name = row.text("api_name")
        try:
            rule = fact(name).is_known()
        except ValueError:
            importing.assume("field", row.path, f"{name!r} cannot be a fact and was left out")
            continue
        label = row.text_or("display_label", row.text_or("field_label", name))
        yield Criterion(key=name, rule=rule, label=label, evidence="field")


def dump(process: SalesProcess) -> list[dict[str, Any]]:
    """Return one blueprint answer for each stage that a move leaves; `load` gives back a process that came from Zoho.

    Of the criteria, those that ask for a known fact are written, as mandatory fields.
    """
    kept = process.extra.get("process_info")
    info = dict(kept) if isinstance(kept, Mapping) else {}
    answers = []
    for stage in process.stages:
        transitions = [_row(process, move.transition) for move in process.graph.out_of[stage.key]]
        if transitions:
            about = {"name": process.name, "field_value": _state_name(stage)} | info
            answers.append({"blueprint": {"process_info": about, "transitions": transitions}})
    return answers


def _row(process: SalesProcess, transition: Transition) -> dict[str, Any]:
    fields = [
        {"api_name": name, "display_label": criterion.label or name, "mandatory": True}
        for name, criterion in required_fields(transition.criteria)
    ]
    name = str(transition.extra.get("name", transition.trigger))
    target = _state_name(process.stage(transition.dest))
    return {"name": name, "next_field_value": target, "fields": fields} | others(transition.extra, _TRANSITION)


def _state_name(stage: Stage) -> str:
    return id_of(stage) if "id" in stage.extra else stage.name
