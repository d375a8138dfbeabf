"""What a type checker has nothing to say about."""

from __future__ import annotations

from dataclasses import dataclass

from salesprocess import Engine, HookEvent, Hooks, MovedEvent, StageChange
from salesprocess.catalog import FUNNEL
from salesprocess.testing import FrozenClock, RecordingHooks, assert_allowed, assert_moves, assert_refused, paths


@dataclass
class Deal:
    stage: str = "top"
    problem_aware: bool | None = None


@dataclass
class BigDeal(Deal):
    amount: int = 0


def credit_ok(deal: Deal) -> bool:
    return deal.problem_aware is True


hooks: Hooks[Deal] = Hooks()


@hooks.before("advance")
def note(event: HookEvent[Deal]) -> None:
    assert event.deal.problem_aware


@hooks.won
def tell(event: HookEvent[object]) -> None:
    assert event.deal


@hooks.after("win", source="bottom")
def store(event: MovedEvent[Deal]) -> str:
    return event.change.dest


engine = Engine(FUNNEL, hooks=hooks, predicates={"credit_ok": credit_ok}, clock=FrozenClock())
assert_allowed(engine, Deal(), "advance")
assert_allowed(engine, BigDeal(), "advance")
change: StageChange = assert_moves(engine, Deal(problem_aware=True), "advance")

untyped = Engine(FUNNEL, hooks=RecordingHooks())
assert_refused(untyped, {"stage": "top"}, "advance", kind="blocked")
walker: Deal = next(paths(FUNNEL, to="middle")).deal(Deal)
