"""What a decision says, to people and to programs."""

from __future__ import annotations

from typing import Any

import pytest

from salesprocess import Criterion, Engine, Forbidden, Override, SalesProcess, Stage, context, fact, predicate
from salesprocess.criteria import Rule

MANAGER = Criterion(key="manager", rule=context("role") == "manager", about="caller")


def engine_of(*criteria: Rule | Criterion, **options: Any) -> Engine[Any]:
    """Return an engine whose move "win" asks for the criteria."""
    stages = [Stage(key="a", exit_criteria=criteria), Stage(key="w", kind="won")]
    return Engine(SalesProcess.linear(key="p", stages=stages), **options)


@pytest.mark.parametrize("role", [{"role": "clerk"}, {}], ids=["unmet", "unknown"])
def test_forbidden(role: dict[str, str]) -> None:
    """A criterion about the caller that is not met forbids the move, and no override passes it."""
    engine, deal = engine_of(MANAGER, fact("x").is_true()), {"stage": "a", "x": False}
    decision = engine.check(deal, "win", context=role)
    assert decision.kind == "forbidden"
    assert decision.message == "'win' from 'a' to 'w' is forbidden to the caller: 2 of 2 criteria are not met"
    with pytest.raises(Forbidden):
        engine.fire(deal, "win", context=role, override=Override(by="vp", reason="urgent"))
    assert deal["stage"] == "a"


def test_forbidden_comes_first() -> None:
    """A move that is forbidden is so whether or not another criterion raises."""
    engine = engine_of(predicate("broken"), MANAGER, predicates={"broken": lambda deal: deal["missing"]})
    assert engine.check({"stage": "a"}, "win").kind == "forbidden"
    assert engine.check({"stage": "a"}, "win", context={"role": "manager"}).kind == "errored"


def test_caller_is_allowed() -> None:
    """The right caller is judged by what is asked of the deal alone."""
    engine, role = engine_of(MANAGER, fact("x").is_true()), {"role": "manager"}
    assert engine.check({"stage": "a", "x": True}, "win", context=role).allowed
    assert engine.check({"stage": "a", "x": False}, "win", context=role).kind == "blocked"


def test_advice_about_the_caller() -> None:
    """Advice about the caller forbids nothing."""
    advice = Criterion(key="manager", rule=MANAGER.rule, about="caller", severity="advisory")
    assert engine_of(advice).check({"stage": "a"}, "win").allowed
