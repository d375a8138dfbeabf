"""An engine driven at random beside a model of what it promises."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from salesprocess import (
    DealError,
    Engine,
    HookEvent,
    Hooks,
    MovedEvent,
    Override,
    SalesProcess,
    Stage,
    TransitionRefused,
    fact,
)
from salesprocess.history import History, replay

PROCESS = SalesProcess.linear(
    key="p",
    stages=[
        Stage(key="a", exit_criteria=fact("x").is_true()),
        Stage(key="b", exit_criteria=[fact("x").is_true(), fact("y") >= 2]),
        Stage(key="won", kind="won"),
        Stage(key="hold", kind="on_hold"),
    ],
    skip="with_reason",
)
STAGES = [stage.key for stage in PROCESS.stages]
TRIGGERS = [*dict.fromkeys(move.trigger for move in PROCESS.transitions), "nonsense"]
PHASES = ["before", "exit", "enter", "after"]


class HookFailedError(Exception):
    """What a hook raises on demand."""


class EngineMachine(RuleBasedStateMachine):
    """One deal, moved by every verb there is, with hooks that fail on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.deal: dict[str, Any] = {}
        self.history = History(PROCESS)
        self.ran: list[str] = []
        self.fail_in: str | None = None
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        hooks: Hooks[Any] = Hooks()
        for phase in PHASES:
            getattr(hooks, phase)(lambda event, phase=phase: self.hook(phase, event))
        self.engine: Engine[Any] = Engine(PROCESS, hooks=hooks, seq="seq", clock=lambda: self.now)

    def hook(self, phase: str, event: HookEvent[Any]) -> None:
        self.ran.append(phase)
        assert isinstance(event, MovedEvent) is (phase not in {"before", "exit"})
        if phase == self.fail_in:
            raise HookFailedError(phase)

    @initialize()
    def start(self) -> None:
        self.history.append(self.engine.start(self.deal))

    @rule(name=st.sampled_from(["x", "y"]), value=st.sampled_from([None, False, True, 1, 2, 3]))
    def set_fact(self, name: str, value: object) -> None:
        self.deal[name] = value

    @rule()
    def pass_time(self) -> None:
        self.now += timedelta(hours=1)

    @rule(
        trigger=st.none() | st.sampled_from(TRIGGERS),
        to=st.none() | st.sampled_from(STAGES),
        reason=st.none() | st.just("r"),
        override=st.none() | st.just(Override("vp", "strategic")),
        fail_in=st.none() | st.sampled_from(PHASES),
    )
    def fire(
        self, trigger: str | None, to: str | None, reason: str | None, override: Override | None, fail_in: str | None
    ) -> None:
        if trigger is None and to is None:
            return
        before, self.ran, self.fail_in = dict(self.deal), [], fail_in
        decision = self.engine.check(self.deal, trigger, to=to)
        try:
            change = self.engine.fire(self.deal, trigger, to=to, reason=reason, override=override)
        except TransitionRefused as refusal:
            if decision.allowed:
                assert (refusal.decision.kind, decision.needs_reason, reason) == ("needs_reason", True, None)
            else:
                assert refusal.decision == decision
            assert (self.deal, self.ran) == (before, [])
        except HookFailedError:
            assert fail_in is not None
            assert (self.deal, self.ran[-1]) == (before, fail_in)
        else:
            assert decision.allowed or (override is not None and change.waived)
            assert self.ran == PHASES
            assert self.deal == {**before, "stage": change.dest, "seq": before["seq"] + 1}
            self.history.append(change)
        self.fail_in = None

    @precondition(lambda self: self.history.lost_in is not None)
    @rule()
    def reopen_where_it_was_lost(self) -> None:
        lost_in = self.history.lost_in
        self.history.append(self.engine.fire(self.deal, "reopen", to=lost_in, reason="r"))
        assert self.history.closed_at is None
        assert self.history.stage == lost_in

    @rule()
    def two_threads_lose_it(self) -> None:
        changes: list[Any] = []
        can_be_lost = self.engine.check(self.deal, "lose").allowed

        def lose() -> None:
            with suppress(TransitionRefused, DealError):
                changes.append(self.engine.fire(self.deal, "lose", reason="r"))

        threads = [threading.Thread(target=lose) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(changes) == can_be_lost
        for change in changes:
            self.history.append(change)

    @invariant()
    def the_history_is_the_deals(self) -> None:
        if len(self.history):
            assert (self.history.stage, len(self.history)) == (self.deal["stage"], self.deal["seq"])
            assert {oddity.code for oddity in replay(PROCESS, self.history).oddities} <= {"tie"}

    @invariant()
    def it_comes_back_from_json(self) -> None:
        stored = json.loads(json.dumps(self.history.model_dump(mode="json")))
        assert History(PROCESS, stored) == self.history


EngineMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestEngineMachine = EngineMachine.TestCase


@pytest.mark.parametrize("verb", ["fire", "transition"])
def test_a_move_of_another_deal_inside_a_hook_is_a_move_of_its_own(verb: str) -> None:
    other = {"stage": "a"}
    hooks: Hooks[Any] = Hooks()
    hooks.enter("hold")(lambda event: event.deal is other or engine.fire(other, "hold"))
    engine: Engine[Any] = Engine(PROCESS, hooks=hooks)
    getattr(engine, verb)({"stage": "b"}, "hold")
    assert other == {"stage": "hold"}
