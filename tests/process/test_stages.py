"""The parts of a process: stages, activities and what other systems keep with them."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from salesprocess import Activity, DefinitionError, SalesProcess, Stage, Transition, fact
from salesprocess.catalog import SEVEN_STAGE

KEPT = {"displayOrder": 3, "tags": ["a", {"b": None}]}


def test_name() -> None:
    """A name that is not given is the key in words."""
    assert [Stage(key="in_talks").name, Activity(key="first_call", name="").name] == ["In talks", "First call"]
    assert Stage(key="in_talks", name="Talks").name == "Talks"


def test_checklist() -> None:
    """An activity is asked for in the deal's `done` collection, followed by its own criteria."""
    stage = Stage(key="a", activities=["call", Activity(key="visit", criteria=fact("met_boss").is_true())])
    assert [criterion.key for criterion in stage.gate()] == ["a.call", "a.visit", "met_boss"]
    assert stage.checklist()[0].rule == fact("done").contains("a.call")


def test_gate() -> None:
    """Leaving a stage forwards asks for its checklist, then for its exit criteria."""
    stage = Stage(key="a", activities=["call"], exit_criteria=fact("x").is_known(), entry_criteria=fact("e").is_known())
    assert [criterion.key for criterion in stage.gate()] == ["a.call", "x"]


def test_frozen_dicts() -> None:
    """A definition is frozen down to the dicts and lists in it."""
    refer: Any = SEVEN_STAGE.transitions[-1]
    extra: Any = Stage(key="a", extra=KEPT).extra
    changes = [
        lambda: refer.start_facts.update(source="x"),
        lambda: refer.start_facts.__setitem__("a", 1),
        lambda: extra.pop("tags"),
        lambda: extra["tags"].append("b"),
        extra["tags"][1].clear,
    ]
    for change in changes:
        with pytest.raises(TypeError, match="frozen"):
            change()
    assert extra == KEPT


def test_extra_in_json() -> None:
    """What another system keeps survives a round trip through JSON."""
    process = SalesProcess.linear(key="p", stages=[Stage(key="talk", extra=KEPT)])
    again = SalesProcess.model_validate_json(process.model_dump_json())
    assert again == process
    assert again.stage("talk").extra == KEPT


def test_extra_pickled() -> None:
    """What another system keeps survives pickling, frozen."""
    again = pickle.loads(pickle.dumps(Stage(key="talk", extra=KEPT)))  # noqa: S301 - our own data
    assert again == Stage(key="talk", extra=KEPT)
    with pytest.raises(TypeError, match="frozen"):
        again.extra["tags"].append("b")


def test_extra_hashed() -> None:
    """Equal stages have equal hashes, whatever other systems keep with them."""
    stage = Stage(key="talk", extra=KEPT)
    assert hash(stage) == hash(Stage(key="talk", extra=KEPT)) == hash(Stage.model_validate(stage.model_dump()))


def test_extra_is_json() -> None:
    """What another system keeps is JSON alone."""
    with pytest.raises(DefinitionError, match=r"extra: out of range float values"):
        Stage(key="talk", extra={"n": float("nan")})
    with pytest.raises(DefinitionError, match=r"extra\.n: "):
        Stage(key="talk", extra={"n": {1, 2}})


def test_one_for_several() -> None:
    """One text, activity or criterion stands for a tuple of one."""
    transition = Transition(trigger="go", source="a", dest="b", waives="c", criteria=fact("x").is_known())
    assert (transition.source, transition.waives, len(transition.criteria)) == (("a",), ("c",), 1)
