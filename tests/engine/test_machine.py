"""`engine.machine` is a `transitions.Machine` like any other, with the engine's answers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transitions import Machine

from salesprocess import Engine, NoTransition, SalesProcess, Stage
from salesprocess.catalog import SEVEN_STAGE


@pytest.fixture
def engine() -> Engine[Any]:
    return Engine(SEVEN_STAGE)


def test_it_lists_triggers_and_transitions(engine: Engine[Any]) -> None:
    machine = engine.machine
    assert isinstance(machine, Machine)
    assert machine.get_triggers("prospecting") == ["advance", "lose", "disqualify", "fast_track"]
    assert [move.dest for move in machine.get_transitions("win", source="closing")] == ["generating_referrals"]
    assert machine.initial == "prospecting"


@settings(deadline=None)
@given(choices=st.lists(st.integers(0, 20), max_size=12))
def test_a_registered_model_walks_as_the_engine_does(choices: list[int]) -> None:
    """The trigger of a registered model makes the move that fire makes, and may_ answers as check does."""
    engine: Engine[Any] = Engine(SEVEN_STAGE)
    facts = {"prospect": "Acme", "fits_profile": True, "signed_at": 1}
    model: Any = SimpleNamespace(**facts)
    engine.machine.add_model(model)
    deal = {"stage": "prospecting"} | facts
    for choice in choices:
        moves = SEVEN_STAGE.graph.out_of[deal["stage"]]
        move = moves[choice % len(moves)]
        arguments: dict[str, Any] = {"to": move.dest, "reason": "r"}
        allowed = engine.check(deal, move.trigger, to=move.dest).allowed
        assert getattr(model, f"may_{move.trigger}")(to=move.dest) is allowed
        assert getattr(model, move.trigger)(**arguments) is allowed
        if allowed:
            engine.fire(deal, move.trigger, **arguments)
        assert model.stage == deal["stage"]


def test_may_honours_the_target(engine: Engine[Any]) -> None:
    """may_ with a target asks for that move alone."""
    model: Any = SimpleNamespace(stage="lost")
    engine.machine.add_model(model)
    assert model.may_reopen(to="qualifying")
    assert not model.may_reopen(to="closing", expect="qualifying")
    assert not model.may_reopen(to="generating_referrals")


def test_a_live_deal_stays_in_its_stage(engine: Engine[Any]) -> None:
    """Registering a deal that is in a stage leaves it there, and its graph shows it there."""
    model: Any = SimpleNamespace(stage="closing", signed_at=1)
    engine.machine.add_model(model)
    assert model.stage == "closing"
    assert "Class closing s_active" in model.get_graph().source
    model.win()
    assert "Class generating_referrals s_active" in model.get_graph("Title", True).source


@pytest.mark.parametrize(
    "ask",
    [
        lambda machine: setattr(machine, "before_state_change", [print]),
        lambda machine: machine.on_enter_closing(print),
        lambda machine: machine.before_advance(print),
        lambda machine: machine.get_transitions("win")[0].add_callback("before", print),
        lambda machine: machine.get_state("closing").add_callback("enter", print),
    ],
)
def test_callbacks_are_refused(engine: Engine[Any], ask: Any) -> None:
    """A callback that would never run is refused when it is given."""
    with pytest.raises(TypeError, match="give the engine Hooks"):
        ask(engine.machine)


def test_the_title_of_a_graph_is_quoted() -> None:
    """A name with quotes gives a title that YAML, and so Mermaid, reads."""
    process = SalesProcess.linear(
        key="p", name='The "big" sale: one', stages=[Stage(key="a"), Stage(key="w", kind="won")]
    )
    lines = Engine(process).machine.get_graph().source.splitlines()
    assert lines[1] == 'title: "The \\"big\\" sale: one"'


def test_no_deal_is_registered(engine: Engine[Any]) -> None:
    engine.fire({"stage": "prospecting"}, "lose", reason="r")
    assert engine.machine.models == []


def test_a_registered_model_gets_the_engines_answers(engine: Engine[Any]) -> None:
    model: Any = SimpleNamespace(prospect="Acme")
    engine.machine.add_model(model)
    assert model.stage == "prospecting"
    assert (model.may_advance(), model.advance()) == (False, False)
    model.fits_profile = True
    assert (model.may_advance(), model.advance(by="ana")) == (True, True)
    assert model.stage == "making_contact"
    with pytest.raises(NoTransition):
        model.win()


def test_it_draws_itself_with_the_librarys_own_export(engine: Engine[Any]) -> None:
    source = engine.machine.get_graph().source
    assert "stateDiagram-v2" in source
    assert "closing --> generating_referrals: win [signed_at]" in source


def test_labels_cannot_break_out_of_the_drawing() -> None:
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", name='"] --> [*]\nx'), Stage(key="w", kind="won")])
    assert 'state "\'] --> [*] x" as a' in Engine(process).machine.get_graph().source


@pytest.mark.parametrize(
    "change",
    [
        lambda machine: machine.add_transition("x", "prospecting", "lost"),
        lambda machine: machine.add_states("x"),
        lambda machine: machine.remove_transition("lose"),
    ],
)
def test_nothing_can_be_added_behind_the_engines_back(engine: Engine[Any], change: Any) -> None:
    with pytest.raises(TypeError, match="derive a process"):
        change(engine.machine)
