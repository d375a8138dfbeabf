"""What a decision says, to people and to programs."""

from __future__ import annotations

import json
import pickle
from collections import deque
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import (
    Criterion,
    Decision,
    Engine,
    Forbidden,
    Hooks,
    Override,
    SalesProcess,
    Stage,
    Transition,
    TransitionRefused,
    Veto,
    context,
    fact,
    predicate,
)
from salesprocess.criteria import Rule
from salesprocess.criteria.wording import ENGLISH, GERMAN
from tests.criteria.test_languages import ENGLISH_WORDS, plain_words

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


class Contact:
    """A thing of the host's with something that must not be shown."""

    def __init__(self) -> None:
        self.secret = SECRET

    def __repr__(self) -> str:
        return f"Contact({self.secret})"


SECRET = "xyzzy-4711"  # noqa: S105 - stands for one


def shown(decision: Decision) -> list[str]:
    """Return all forms of a decision that are made to be shown."""
    dump = json.dumps(decision.model_dump(mode="json"), ensure_ascii=False)
    return [str(decision), repr(decision), decision._repr_html_(), decision.message, dump]


@pytest.mark.parametrize(
    "value",
    [Contact(), [Contact()], {"who": {"is": (Contact(),)}}, {Contact()}, NamedTuple("Row", [("a", str)])(SECRET)],
    ids=["object", "list", "dict", "set", "named tuple"],
)
def test_objects_are_not_shown(value: object) -> None:
    """Of a host's object the name of its type is shown, wherever it is."""
    decision = engine_of(~fact("x").is_known()).check({"stage": "a", "x": value}, "win")
    for text in shown(decision):
        assert SECRET not in text
    assert "<" in str(decision)
    assert decision.model_dump()["findings"][0]["actual"] is value


def test_exception_text_is_not_shown() -> None:
    """Of an exception the name of its type is shown; the finding keeps it for the program."""

    def broken(_deal: object) -> bool:
        raise RuntimeError(SECRET)

    decision = engine_of(predicate("ok"), predicates={"ok": broken}).check({"stage": "a"}, "win")
    assert decision.kind == "errored"
    assert all(SECRET not in text for text in shown(decision))
    assert decision.model_dump(mode="json")["findings"][0]["error"] == "RuntimeError"
    assert str(decision.findings[0].error) == SECRET


def test_confidential_criterion() -> None:
    """What a confidential criterion found is not shown, and kept for the program."""
    margin = Criterion(key="margin", rule=fact("margin") >= 0.2, confidential=True)
    decision = engine_of(margin).check({"stage": "a", "margin": 0.1234}, "win")
    assert all("0.1234" not in text for text in shown(decision))
    assert str(decision.findings[0]) == "margin: expected at least 0.2, what was found is not shown"
    (found,) = decision.model_dump(mode="json")["findings"]
    assert (found["actual"], found["facts"]) == ("not shown", {"margin": "not shown"})
    assert decision.findings[0].actual == 0.1234


@given(text=st.text(max_size=30).map(lambda text: f"a\n{text}\x1b\u2028\u202e"))
@settings(max_examples=30, deadline=None)
def test_no_control_characters(text: str) -> None:
    """No label, key, value, reason or veto can forge a line of a log."""
    criterion = Criterion(key=text, label=text, rule=fact("x") == 1)
    blocked = engine_of(criterion).check({"stage": "a", "x": text, "y": [text]}, "win")
    hooks: Hooks[Any] = Hooks()

    @hooks.before
    def refuse(_event: object) -> None:
        raise Veto(text)

    with pytest.raises(TransitionRefused) as caught:
        engine_of(hooks=hooks).fire({"stage": "a"}, "win")
    unknown_trigger, unknown_stage = (
        engine_of().check(*args) for args in (({"stage": "a"}, text), ({"stage": text}, "x"))
    )
    for decision in (blocked, caught.value.decision, unknown_trigger, unknown_stage):
        assert decision.message.isprintable()
        assert all(line.isprintable() for line in str(decision).split("\n"))
        assert_printable(decision.model_dump(mode="json"))


def assert_printable(value: Any) -> None:
    """Assert that no text in JSON has a character that does not print."""
    if isinstance(value, dict):
        assert_printable([*value, *value.values()])
    elif isinstance(value, list):
        for part in value:
            assert_printable(part)
    assert not isinstance(value, str) or value.isprintable()


@pytest.mark.parametrize(
    "number", [10**5000, Decimal("1E+400"), float("nan"), float("-inf")], ids=["int", "decimal", "nan", "inf"]
)
def test_any_number_is_shown(number: Any) -> None:
    """A number that cannot be written does not hide the refusal."""
    decision = engine_of(fact("x").one_of("y")).check({"stage": "a", "x": number}, "win")
    assert "expected one of 'y'" in str(decision)
    json.dumps(decision.model_dump(mode="json"), allow_nan=False)


@pytest.mark.parametrize(
    "make", [list, set, deque, lambda items: dict.fromkeys(items, 1)], ids=["list", "set", "deque", "dict"]
)
@pytest.mark.parametrize("rule", [fact("x").count() >= 2, fact("x").distinct() >= 2, fact("x").contains("b")], ids=str)
@pytest.mark.parametrize("source", [{}, {"facts": {"x": "inner.x"}}], ids=["key", "path"])
def test_decision_keeps_what_was_found(make: Any, rule: Rule, source: Any) -> None:
    """A decision says the same when the host changes its collection after it, whether or not it was read before."""
    held = make(["a"])
    deal = {"stage": "a", "x": held, "inner": {"x": held}}
    engine = engine_of(rule, **source)
    decision, same = engine.check(deal, "win"), engine.check(deal, "win")
    before = str(same)
    held.update({"b": 1}) if isinstance(held, dict) else held.add("b") if isinstance(held, set) else held.append("b")
    assert engine.check(deal, "win").allowed
    assert str(decision) == before


def test_findings_are_made_once() -> None:
    """A decision makes its findings when they are read, once, each with the rule itself."""
    rule = fact("x").is_true()
    decision = engine_of(rule).check({"stage": "a", "x": False}, "win")
    assert decision.findings is decision.findings
    assert decision.findings[0].rule is decision.unmet[0].rule
    assert decision.findings[0].rule == rule


def test_finding_travels() -> None:
    """A finding can be pickled whatever function its rule holds."""
    (finding,) = engine_of(predicate(len)).check({"stage": "a"}, "win").findings
    assert pickle.loads(pickle.dumps(finding)) == finding  # noqa: S301 - our own


SALE = SalesProcess.linear(
    key="x1",
    stages=[Stage(key="x2", exit_criteria=[fact("x3") >= 2, MANAGER]), Stage(key="x4"), Stage(key="x5", kind="won")],
    transitions=[
        Transition(trigger="x6", source="x2", dest="x4", needs_reason=True, reasons=("x7", "x8")),
        Transition(trigger="x6", source="x2", dest="x2"),
    ],
)


@given(
    stage=st.sampled_from([None, "x2", "x4", "x5", "lost", "x9"]),
    trigger=st.sampled_from([None, "advance", "start", "x6", "go_back", "lose", "x0"]),
    to=st.sampled_from(["x2", "x4", "x5", "x0"]),
    expect=st.sampled_from([None, "x4", 3]),
    value=st.sampled_from([None, 1, "x", object()]),
    role=st.sampled_from([{}, {"role": "manager"}]),
)
def test_german_decision(stage: Any, trigger: Any, to: Any, expect: Any, value: Any, role: Any) -> None:
    """A decision and a plan in German have no English word but the keys, and in English read as `str` does."""
    engine: Engine[Any] = Engine(SALE, seq="x10")
    deal = {"stage": stage, "x3": value, "x10": 1}
    answers = [engine.check(deal, trigger, to=to, expect=expect, context=role), engine.plan(deal, to=to, context=role)]
    for answer in (*answers, *engine.options(deal, context=role)):
        assert answer.text(ENGLISH) == str(answer)
        text = answer.text(GERMAN)
        for key in (
            "go_back",
            "advance",
            "start",
            "lose",
            "lost",
            "reopen",
            "manager",
            "win",
            "role",
            "TypeError",
            "object",
        ):
            text = text.replace(key, "")
        assert not plain_words(text) & ENGLISH_WORDS, text
