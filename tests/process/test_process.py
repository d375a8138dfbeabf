"""A process is a frozen value that comes back from JSON as it was."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from salesprocess import SalesProcess, Stage, Transition, fact
from salesprocess.catalog import SEVEN_STAGE

OPEN = [Stage(key="a"), Stage(key="b"), Stage(key="c")]
WON = Stage(key="won", kind="won")
KEYS = ["trigger", "state", "to_a", "may_trigger", "is_trigger", "machine", "0", "a-b"]
NAMES = st.text(max_size=20) | st.sampled_from(['"]-->x', "[*]", "';--", "Ünï ✓", "\n"])


def test_frozen() -> None:
    """A definition cannot be changed."""
    with pytest.raises(ValidationError, match="frozen"):
        SEVEN_STAGE.key = "other"


def test_json() -> None:
    """A process comes back from JSON equal, and with the same hash."""
    loaded = SalesProcess.model_validate_json(SEVEN_STAGE.model_dump_json())
    assert loaded == SEVEN_STAGE
    assert len({SEVEN_STAGE, loaded}) == 1


@settings(max_examples=50)
@given(st.lists(st.sampled_from(KEYS), min_size=1, unique=True), st.data())
def test_json_of_any_names(keys: list[str], data: st.DataObject) -> None:
    """Any names and keys survive the round trip."""
    stages = [Stage(key=key, name=data.draw(NAMES), objective=data.draw(NAMES)) for key in keys]
    process = SalesProcess.linear(key="p", stages=[*stages, WON], skip="allow")
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process


def test_graph_is_no_field() -> None:
    """The graph of a process is made once, and is no part of its fields, its copies or its pickles."""
    process = SalesProcess.linear(key="p", stages=[*OPEN, WON])
    fields = set(dict(process))
    assert process.graph is process.graph
    assert set(dict(process)) == fields == set(SalesProcess.model_fields)
    shorter = process.model_copy(update={"transitions": ()})
    assert (len(process.moves()) > 0, shorter.moves()) == (True, ())
    for again in (copy.copy(process), pickle.loads(pickle.dumps(process))):  # noqa: S301 - our own data
        assert again == process
        assert again.graph is not process.graph


def test_initial() -> None:
    """Deals start in the first open stage."""
    aside = [Stage(key="paused", kind="on_hold"), WON]
    assert SalesProcess(key="p", stages=[*aside, *OPEN]).initial.key == "a"


def test_star() -> None:
    """A star stands for the open stages other than the target, after the sources that are named."""
    drop = Transition(trigger="drop", source=("paused", "*"), dest="b")
    stages = [Stage(key="paused", kind="on_hold"), WON, *OPEN]
    process = SalesProcess(key="p", stages=stages, transitions=[drop])
    assert process.sources(drop) == ("paused", "a", "c")
    reread = SalesProcess.model_validate(json.loads(process.model_dump_json()))
    assert reread.sources(reread.transitions[0]) == ("paused", "a", "c")


def test_star_of_nothing() -> None:
    """A star that has no source left is kept, and is no move."""
    again = Transition(trigger="again", source="*", dest="a")
    process = SalesProcess(key="p", stages=[OPEN[0], WON], transitions=[again])
    assert (process.transitions, process.moves()) == ((again,), ())


def test_stage() -> None:
    """A stage is found by its key, and an unknown one named with the nearest."""
    assert SEVEN_STAGE.stage("closing") is SEVEN_STAGE.stages[5]
    with pytest.raises(KeyError, match="unknown stage 'qualifing' in process 'seven_stage'; did you mean 'qualifying'"):
        SEVEN_STAGE.stage("qualifing")


def test_str() -> None:
    """A process reads as its name, or else its key, with its version and stages."""
    process = SalesProcess.linear(key="short", stages=[OPEN[0], WON])
    assert str(process) == "short (version 1): a > won > lost"
    assert str(process.model_copy(update={"name": "Ours", "version": 3})) == "Ours (version 3): a > won > lost"


def test_facts() -> None:
    """A process names the facts that its moves read, of all stages or of one, each once."""
    stages = [
        Stage(key="a", entry_criteria=fact("source").is_known(), exit_criteria=fact("budget") > fact("floor")),
        Stage(key="b", exit_criteria=[fact("budget") > 1, fact("contact.email").is_known()]),
        WON,
    ]
    process = SalesProcess.linear(key="p", stages=stages)
    assert process.facts() == ("source", "budget", "floor", "contact.email")
    assert process.facts("b") == ("budget", "contact.email")
    with pytest.raises(KeyError, match="did you mean 'won'"):
        process.facts("wonn")
