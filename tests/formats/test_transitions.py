"""Machines of the `transitions` library in and out, those of its own documentation among them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transitions import Machine, State

from salesprocess import DefinitionError, Engine
from salesprocess.catalog import FUNNEL, PIPELINER, SEVEN_STAGE
from salesprocess.formats import transitions_


def matter() -> Machine:
    """Return the machine with which that library's documentation begins."""
    return Machine(
        states=["solid", "liquid", "gas", "plasma"],
        transitions=[
            {"trigger": "melt", "source": "solid", "dest": "liquid"},
            {"trigger": "evaporate", "source": "liquid", "dest": "gas"},
            {"trigger": "sublimate", "source": "solid", "dest": "gas"},
            {"trigger": "ionize", "source": "gas", "dest": "plasma"},
        ],
        initial="liquid",
    )


def superhero() -> Machine:
    """Return the superhero of the same documentation."""
    machine = Machine(
        states=["asleep", "hanging out", "hungry", "sweaty", "saving the world"], initial="asleep", model=None
    )
    machine.add_transition("wake_up", "asleep", "hanging out")
    machine.add_transition("work_out", "hanging out", "hungry")
    machine.add_transition("eat", "hungry", "hanging out")
    machine.add_transition("distress_call", "*", "saving the world", before="change_into_super_secret_costume")
    machine.add_transition("complete_mission", "saving the world", "sweaty", after="update_journal")
    machine.add_transition("clean_up", "sweaty", "asleep", conditions=["is_exhausted"])
    machine.add_transition("clean_up", "sweaty", "hanging out", unless="is_exhausted")
    machine.add_transition("nap", "*", "asleep")
    return machine


def test_matter() -> None:
    """The initial state is the first stage, and the transitions that a machine adds by itself are left out."""
    imported = transitions_.load(matter())
    process = imported.process
    assert process.initial.key == "liquid"
    assert [move.key for move in process.moves()] == [
        ("melt", "solid", "liquid"),
        ("evaporate", "liquid", "gas"),
        ("sublimate", "solid", "gas"),
        ("ionize", "gas", "plasma"),
    ]
    assert [each.code for each in imported.assumptions] == ["order", "kind", "kind", "kind", "kind"]


@pytest.mark.parametrize("is_exhausted", [True, False])
def test_superhero(is_exhausted: bool) -> None:
    """Conditions are predicates, and callbacks are named as left out."""
    imported = transitions_.load(superhero())
    left_out = [each.message for each in imported.assumptions if each.code == "callback"]
    assert len({message.split("'")[1] for message in left_out}) == 2
    engine: Engine[Any] = Engine(imported.process, predicates={"is_exhausted": lambda _deal: is_exhausted})
    deal = {"stage": "sweaty"}
    engine.fire(deal, "clean_up")
    assert deal["stage"] == ("asleep" if is_exhausted else "hanging_out")


def test_kinds() -> None:
    """kinds= says what states mean; a name that says so is enough."""
    markup = {
        "states": ["a", "done", "lost"],
        "initial": "a",
        "transitions": [["finish", "a", "done"], ["drop", "a", "lost"]],
    }
    stages = transitions_.load(markup, kinds={"done": "won"}).process.stages
    assert [stage.kind for stage in stages] == ["open", "won", "lost"]


@pytest.mark.parametrize(
    ("machine", "words"),
    [
        (3, "expected a transitions.Machine or its markup, found 3"),
        ({}, "states: expected a list"),
        ({"states": ["a"]}, "transitions: expected a list"),
        ({"states": [3], "transitions": []}, r"states\[0\]: expected a state's name, found 3"),
        ({"states": [{"name": "a", "children": ["b"]}], "transitions": []}, "one level of stages"),
        ({"states": ["lead"], "transitions": [["go", "leed", "lead"]]}, "unknown state 'leed'; did you mean 'lead'"),
        ({"states": ["a"], "transitions": [["go", "a", "a", lambda: True]]}, "no name that a definition can keep"),
        ({"states": ["a"], "transitions": [7]}, r"transitions\[0\]: expected trigger, source and dest, found 7"),
    ],
)
def test_what_is_no_machine(machine: Any, words: str) -> None:
    """What cannot be read is refused with its place."""
    with pytest.raises(DefinitionError, match=words):
        transitions_.load(machine)


def test_an_internal_transition_is_left_out() -> None:
    """A transition that enters no state is no move, and the import says so."""
    markup = {"states": ["a"], "transitions": [["go", "a"]], "initial": "a"}
    assert [each.code for each in transitions_.load(markup).assumptions] == ["kind", "left_out"]


def test_an_unknown_kind_is_refused() -> None:
    """A state that kinds= names and the machine lacks is refused with the nearest one."""
    with pytest.raises(DefinitionError, match="unknown state 'gaz' in kinds=; did you mean 'gas'"):
        transitions_.load(matter(), kinds={"gaz": "won"})


@pytest.mark.parametrize("process", [FUNNEL, PIPELINER, SEVEN_STAGE], ids=lambda process: process.key)
def test_dump_makes_a_machine(process: Any) -> None:
    """A machine built from dump has the stages and moves of the process, and load gives them back."""
    arguments = transitions_.dump(process)
    machine = Machine(model=None, **arguments)
    back = transitions_.load(machine, kinds={stage.key: stage.kind for stage in process.stages}).process
    assert [stage.key for stage in back.stages] == [stage.key for stage in process.stages]
    assert {move.key for move in back.moves()} == {move.key for move in process.moves()}


@settings(deadline=None)
@given(choices=st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=10))
def test_a_dumped_machine_walks_as_the_engine_does(choices: list[tuple[int, bool]]) -> None:
    """With methods that answer as the criteria do, the machine of `transitions` makes the moves of the engine."""
    engine: Engine[Any] = Engine(FUNNEL)
    names = [key for move in FUNNEL.moves() for key in (criterion.key for criterion in move.gate)]
    facts = {"problem_aware": True, "interest": True, "contact": "x", "qualified": True, "signed_at": 1}
    deal: dict[str, Any] = {"stage": "top"}
    model: Any = SimpleNamespace(
        **{name: lambda: engine.check(deal, pending[0], to=pending[1]).allowed for name in names}
    )
    pending: list[Any] = ["", None]
    Machine(model=model, **transitions_.dump(FUNNEL))
    for choice, with_facts in choices:
        deal |= facts if with_facts else dict.fromkeys(facts)
        moves = FUNNEL.graph.out_of[deal["stage"]]
        if not moves:
            return
        move = moves[choice % len(moves)]
        if sum(each.trigger == move.trigger for each in moves) > 1:
            continue
        pending[:] = [move.trigger, move.dest]
        allowed = engine.check(deal, move.trigger, to=move.dest).allowed
        assert getattr(model, move.trigger)() is allowed
        if allowed:
            engine.fire(deal, move.trigger, to=move.dest, reason="r")
        assert model.state == deal["stage"]


def test_states_with_callbacks() -> None:
    """Callbacks of a state are named as left out, and a final state keeps its kind."""
    machine = Machine(
        states=[State("a", on_exit=["note"]), State("b", on_enter=["greet"], final=True)], initial="a", model=None
    )
    messages = [each.message for each in transitions_.load(machine).assumptions if each.code == "callback"]
    assert [message.split("'")[1] for message in messages] == ["note", "greet"]
