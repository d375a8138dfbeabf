"""Mistakes of other systems that an engine does not make; each test says what goes wrong elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest

from salesprocess import (
    Blocked,
    Criterion,
    DealError,
    Engine,
    History,
    Hooks,
    SalesProcess,
    Stage,
    Transition,
    UnknownStage,
    context,
    fact,
)

Live: TypeAlias = Callable[..., History]
Day: TypeAlias = Callable[[float], datetime]


def test_probability(sale: SalesProcess) -> None:
    """The probability is that of the stage that the deal is in, and nothing is copied onto the deal.

    Elsewhere it is copied onto the deal, and stays what it was when the deal moves on or the stage is edited.
    """
    engine: Engine[Any] = Engine(sale)
    deal = {"stage": "lead", "signed": True}
    seen = []
    for trigger in ("advance", "win", "go_back", "lose"):
        engine.fire(deal, trigger, reason="a reason")
        seen.append(sale.stage(str(deal["stage"])).probability)
    assert seen == [0.5, 1.0, 0.5, None]
    assert deal == {"stage": "lost", "signed": True}


def test_won_once(live: Live) -> None:
    """A won deal that moves on is won once.

    Elsewhere every entry of a won stage is one more sale.
    """
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.won(lambda event: ran.append(event.deal["stage"]))
    live("advance", "win", "advance", hooks=hooks)
    assert ran == ["won"]


@pytest.mark.parametrize("trigger", ["win", "lose"])
def test_exit_of_last_stage(live: Live, trigger: str) -> None:
    """Leaving the last open stage runs its exit hook.

    Elsewhere the exit hook of the last stage never runs, as finishing the process is no move.
    """
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.exit("offer")(lambda event: ran.append(event.decision.trigger))
    live("advance", trigger, hooks=hooks)
    assert ran == [trigger]


def test_exit_of_won_stage(live: Live) -> None:
    """Leaving a won stage runs its exit hook.

    Elsewhere what was set up on winning stays when the win is taken back.
    """
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.exit("won")(lambda event: ran.append(event.decision.trigger))
    live("advance", "win", "go_back", hooks=hooks)
    assert ran == ["go_back"]


def test_bouncing_rules(sale: SalesProcess) -> None:
    """Hooks that move a deal back and forth stop at the first move back.

    Elsewhere two automations move a deal back and forth until somebody notices.
    """
    hooks: Hooks[Any] = Hooks()
    hooks.enter("offer")(lambda event: engine.fire(event.deal, "go_back", reason="rule 1"))
    hooks.enter("lead")(lambda event: engine.fire(event.deal, "advance"))
    engine: Engine[Any] = Engine(sale, hooks=hooks)
    deal = {"stage": "lead"}
    with pytest.raises(DealError, match="under way"):
        engine.fire(deal, "advance")
    assert deal == {"stage": "lead"}


VERBS: dict[str, Callable[[Engine[Any], Any], Any]] = {
    "trigger": lambda engine, deal: engine.fire(deal, "win"),
    "target": lambda engine, deal: engine.fire(deal, to="won"),
    "transition": lambda engine, deal: engine.transition(deal, "win")[1],
    "afire": lambda engine, deal: asyncio.run(engine.afire(deal, "win")),
}


@pytest.mark.parametrize("verb", VERBS)
def test_same_gate_for_every_verb(sale: SalesProcess, day: Day, verb: str) -> None:
    """Every verb asks for the same, and leaves the same record.

    Elsewhere workflows, bulk edits and some APIs go past the rules, or past the timeline.
    """
    engine: Engine[Any] = Engine(sale, clock=lambda: day(0))
    with pytest.raises(Blocked) as caught:
        VERBS[verb](engine, {"stage": "offer"})
    assert caught.value.decision == engine.check({"stage": "offer"}, "win")
    signed = {"stage": "offer", "signed": True}
    assert VERBS[verb](engine, dict(signed)) == engine.fire(dict(signed), "win")


def test_machine(sale: SalesProcess) -> None:
    """A trigger of the machine behind the engine asks for the gate.

    Elsewhere the state machine below checks less than what is built on it.
    """
    engine: Engine[Any] = Engine(sale)
    unsigned, signed = (SimpleNamespace(stage="offer", signed=is_signed) for is_signed in (None, True))
    for deal in (unsigned, signed):
        engine.machine.add_model(deal, initial=deal.stage)
    assert (unsigned.win(), signed.win()) == (False, True)


@pytest.mark.parametrize("verb", ["check", "fire", "transition", "options", "plan", "progress", "start"])
def test_stage_of_another_pipeline(sale: SalesProcess, verb: str) -> None:
    """A deal in a stage of another pipeline is refused by every verb.

    Elsewhere a deal is saved with a stage that its pipeline does not have, and nobody says so.
    """
    engine: Engine[Any] = Engine(sale)
    arguments = {"check": ["win"], "fire": ["win"], "transition": ["win"]}.get(verb, [])
    options = {"to": "won"} if verb == "plan" else {}
    words = "unknown stage 'shipping' of process 'sale'"
    if verb in {"check", "options", "plan"}:
        answer = getattr(engine, verb)({"stage": "shipping"}, *arguments, **options)
        assert words in str(answer)
        return
    with pytest.raises(UnknownStage, match=words):
        getattr(engine, verb)({"stage": "shipping"}, *arguments, **options)


def test_two_pipelines(sale: SalesProcess) -> None:
    """Two pipelines of one deal move on their own.

    Elsewhere a deal has one stage, or every user another active process on the same record.
    """
    delivery = SalesProcess.linear(key="delivery", stages=[Stage(key="lead"), Stage(key="done", kind="won")])
    deal = {"stage": "lead", "delivery_stage": "lead"}
    Engine[Any](delivery, stage="delivery_stage").fire(deal, "win")
    assert deal == {"stage": "lead", "delivery_stage": "done"}
    Engine[Any](sale).fire(deal, "advance")
    assert deal == {"stage": "offer", "delivery_stage": "done"}


def test_asked_again() -> None:
    """A fact that was asked for once stays asked for, and only of those whom it concerns.

    Elsewhere a field that a stage asks for can be emptied in the next, and partners need exceptions in formulas.
    """
    pain = Criterion(key="pain", rule=fact("pain").is_known(), when=context("profile") == "ae")
    stages = [Stage(key="a", exit_criteria=pain), Stage(key="b"), Stage(key="won", kind="won")]
    engine: Engine[Any] = Engine(SalesProcess.linear(key="spiced", stages=stages, cumulative=True))
    emptied = {"stage": "b", "pain": None}
    assert [found.key for found in engine.check(emptied, "win", context={"profile": "ae"}).unmet] == ["pain"]
    assert engine.check(emptied, "win", context={"profile": "partner"})


def test_approval() -> None:
    """An approval is a criterion about the caller, not a stage that a salesperson can pick.

    Elsewhere an approval is a stage in the list, and the one who needs it selects it.
    """
    win = Transition(trigger="win", source="offer", dest="won", criteria=context("role") == "manager")
    process = SalesProcess.linear(key="p", stages=[Stage(key="offer"), Stage(key="won", kind="won")], transitions=[win])
    engine: Engine[Any] = Engine(process)
    assert not engine.check({"stage": "offer"}, to="won", context={"role": "sales"})
    assert engine.check({"stage": "offer"}, to="won", context={"role": "manager"})


def test_new_limit(live: Live, sale: SalesProcess, day: Day) -> None:
    """A new time limit holds at once, also for deals that are in the stage.

    Elsewhere a threshold that is changed applies to deals that enter the stage after it.
    """
    history = live("advance")
    data = json.loads(sale.model_dump_json())
    data["stages"][1]["time_limit"] = "P2D"
    changed = SalesProcess.model_validate(data)
    deal = {"stage": "offer"}
    assert Engine[Any](sale).overdue(deal, history, at=day(5)) is None
    overdue = Engine[Any](changed).overdue(deal, History(changed, history), at=day(5))
    assert overdue is not None
    assert overdue.by == timedelta(days=2)
