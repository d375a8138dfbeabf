"""Zoho's Blueprints, in and out."""

from __future__ import annotations

from typing import Any

import pytest

from salesprocess import DefinitionError, Engine
from salesprocess.formats import zoho
from tests.formats.conftest import kinds

ANSWERS: list[dict[str, Any]] = [
    {"blueprint": {"process_info": {"id": "1", "name": "Deal flow", "field_value": "New"}, "transitions": [
        {"id": "7", "name": "Send quote", "type": "manual", "next_field_value": "Quoted", "fields": [
            {"api_name": "Amount", "display_label": "Deal amount", "mandatory": True},
            {"api_name": "Notes", "display_label": "Notes", "mandatory": False}]},
        {"id": "8", "name": "Drop", "type": "automatic", "next_field_value": "Closed Lost", "fields": []}]}},
    {"blueprint": {"process_info": {"id": "1", "name": "Deal flow", "field_value": "Quoted"},
                   "transitions": [{"id": "9", "name": "Sign", "next_field_value": "Closed Won", "fields": []}]}},
]  # fmt: skip
KINDS: Any = {"Closed Won": "won", "Closed Lost": "lost"}


def blueprint(state: object, *transitions: dict[str, Any]) -> dict[str, Any]:
    info = {"id": "1", "name": "P"} if state is None else {"id": "1", "name": "P", "field_value": state}
    return {"blueprint": {"process_info": info, "transitions": list(transitions)}}


def test_transitions() -> None:
    """Transitions keep their names, and ask for their mandatory fields."""
    process = zoho.load(ANSWERS, kinds=KINDS).process
    assert [(move.trigger, move.source, move.dest) for move in process.transitions] == [
        ("send_quote", ("new",), "quoted"),
        ("drop", ("new",), "closed_lost"),
        ("sign", ("quoted",), "closed_won"),
    ]
    decision = Engine(process).check({"stage": "new", "Amount": None}, "send_quote")
    assert [(found.key, found.label) for found in decision.unmet] == [("Amount", "Deal amount")]
    assert process.transitions[1].extra["type"] == "automatic"


def test_kinds() -> None:
    """Zoho never says what is won, so that it is asked for."""
    assert kinds(zoho.load(ANSWERS)) == dict.fromkeys(["new", "quoted", "closed_lost", "closed_won"], "open")
    assert sum(assumption.code == "kind" for assumption in zoho.load(ANSWERS).assumptions) == 4
    assert kinds(zoho.load(ANSWERS, kinds=KINDS))["closed_won"] == "won"


def test_round_trip() -> None:
    """What came from Zoho goes back and comes again the same."""
    process = zoho.load(ANSWERS, kinds=KINDS).process
    assert zoho.load(zoho.dump(process), kinds=KINDS).process == process


def test_state_is_missing() -> None:
    """A blueprint that does not say its state is refused."""
    with pytest.raises(DefinitionError, match=r"\[0\]\.blueprint\.process_info: 'field_value' is needed"):
        zoho.load(blueprint(None, {"name": "Go", "next_field_value": "B"}))


def test_state_0() -> None:
    """A state called 0 is a state."""
    assert zoho.load(blueprint(0, {"name": "Go", "next_field_value": 0})).process.initial.key == "0"
