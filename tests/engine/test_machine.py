"""`engine.machine` is a `transitions.Machine` like any other, with the engine's answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from transitions import Machine

from salesprocess import Blocked, Engine, NoTransition, SalesProcess, Stage, StageChange
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


FIRE: dict[str, Callable[[Engine[Any], Any], StageChange]] = {
    "trigger": lambda engine, deal: engine.fire(deal, "win"),
    "target": lambda engine, deal: engine.fire(deal, to="generating_referrals"),
    "transition": lambda engine, deal: engine.transition(deal, "win")[1],
    "afire": lambda engine, deal: asyncio.run(engine.afire(deal, "win")),
}


@pytest.mark.parametrize("fire", FIRE.values(), ids=FIRE)
def test_the_engine_runs_the_machines_own_transitions(
    engine: Engine[Any], fire: Callable[[Engine[Any], Any], StageChange]
) -> None:
    """A transition of the machine that records and decides otherwise makes the engine do so."""
    (move,) = engine.machine.get_transitions("win", source="closing")
    decide, record = move.decide, move.record  # type: ignore[attr-defined]
    made: list[StageChange] = []
    move.record = lambda *args: made.append(record(*args)) or made[-1]  # type: ignore[attr-defined]
    assert fire(engine, {"stage": "closing", "signed_at": 1}) is made[0]
    move.decide = lambda _deal, context, at: decide({}, context, at)  # type: ignore[attr-defined]
    with pytest.raises(Blocked, match="signed_at"):
        fire(engine, {"stage": "closing", "signed_at": 1})


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
