"""What holds for any definition and any deal."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import (
    Criterion,
    Engine,
    SalesProcess,
    Stage,
    Transition,
    TransitionRefused,
    at_least,
    fact,
)
from salesprocess.criteria import AllOf, AnyOf, AtLeast, Comparison, Not, Rule

FACTS = ["x", "y", "z"]
values = st.none() | st.booleans() | st.integers(-2, 3) | st.sampled_from(["a", "b"]) | st.just([1, "a"])
leaves = st.builds(
    lambda name, op, value: {
        "ge": fact(name) >= value,
        "lt": fact(name) < value,
        "eq": fact(name) == value,
        "ne": fact(name) != value,
        "known": fact(name).is_known(),
        "true": fact(name).is_true(),
        "in": fact(name).one_of(value, "a"),
        "between": fact(name).between(value, 1.5) if value <= 1.5 else fact(name).between(1, value),
    }[op],
    st.sampled_from(FACTS),
    st.sampled_from(["ge", "lt", "eq", "ne", "known", "true", "in", "between"]),
    st.integers(-1, 2),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
        st.builds(lambda n, some: at_least(n, of=some), st.integers(0, 3), st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=4,
)
severities = st.sampled_from(["required", "required", "advisory"])


@st.composite
def criteria(draw: st.DrawFn) -> list[Criterion]:
    drawn = draw(st.lists(st.tuples(rules, severities, st.none() | rules), max_size=3))
    return [
        Criterion(key=f"c{index}", rule=rule, severity=severity, when=when)  # type: ignore[arg-type]
        for index, (rule, severity, when) in enumerate(drawn)
    ]


@st.composite
def processes(draw: st.DrawFn) -> SalesProcess:
    count = draw(st.integers(1, 3))
    stages = [
        Stage(key=f"s{index}", exit_criteria=draw(criteria()), entry_criteria=draw(criteria()))
        for index in range(count)
    ]
    policies = st.sampled_from(["forbid", "allow", "with_reason"])
    branch = Transition(
        trigger="branch",
        source="s0",
        dest="lost",
        direction="forward",
        criteria=draw(criteria()),
        waives=draw(st.sampled_from([(), ("s0",)])),
    )
    return SalesProcess.linear(
        key="p",
        stages=[*stages, Stage(key="won", kind="won")],
        skip=draw(policies),
        back=draw(policies),
        cumulative=draw(st.booleans()),
        transitions=[branch],
    )


deals = st.fixed_dictionaries(
    {"stage": st.sampled_from(["s0", "s1", "s2", "won", "lost"])}, optional=dict.fromkeys(FACTS, values)
)
triggers = st.sampled_from(["advance", "win", "skip", "go_back", "lose", "reopen", "branch", "nonsense"])
asks = st.fixed_dictionaries({}, optional={"to": st.sampled_from(["s0", "s1", "won", "lost"])})


def in_process(process: SalesProcess, deal: dict[str, Any]) -> dict[str, Any]:
    stages = {stage.key for stage in process.stages}
    return deal if deal["stage"] in stages else {**deal, "stage": "s0"}


@settings(max_examples=150, deadline=None)
@given(processes(), deals, st.data())
def test_check_is_pure_and_fire_succeeds_exactly_when_it_allows(
    process: SalesProcess, deal: dict[str, Any], data: st.DataObject
) -> None:
    engine: Engine[Any] = Engine(process)
    deal = in_process(process, deal)
    ways = [(move.trigger, {"to": move.dest}) for move in process.graph.out_of[deal["stage"]]]
    trigger, ask = data.draw(st.sampled_from(ways) if ways and data.draw(st.booleans()) else st.tuples(triggers, asks))
    before = copy.deepcopy(deal)
    decision = engine.check(deal, trigger, **ask)
    assert decision == engine.check(deal, trigger, **ask)
    assert deal == before
    try:
        change = engine.fire(deal, trigger, reason="r", **ask)
    except TransitionRefused as error:
        assert error.decision == decision
        assert not decision.allowed
        assert deal == before
    else:
        assert decision.allowed
        assert deal == {**before, "stage": decision.dest}
        assert (change.source, change.dest) == (before["stage"], deal["stage"])


@settings(max_examples=100, deadline=None)
@given(processes())
def test_json_round_trip_is_the_identity(process: SalesProcess) -> None:
    loaded = SalesProcess.model_validate_json(process.model_dump_json())
    assert loaded == process
    assert loaded.fingerprint == process.fingerprint


class BrokenRuleError(Exception):
    """The reference's word for a rule that raises."""


def answer(rule: Rule, deal: dict[str, Any]) -> bool | None:
    """A rule's answer, written from the documentation alone: true, false or unknown."""
    match rule:
        case AllOf(rules=parts) | AnyOf(rules=parts) | AtLeast(rules=parts):
            answers = [answer(part, deal) for part in parts]
            needed = len(parts) if isinstance(rule, AllOf) else 1 if isinstance(rule, AnyOf) else rule.needed  # type: ignore[attr-defined]
            sure, possible = answers.count(True), answers.count(True) + answers.count(None)
            return True if sure >= needed else None if possible >= needed else False
        case Not(rule=inner):
            inside = answer(inner, deal)
            return None if inside is None else not inside
        case Comparison(term=term, op=op, value=value):
            found = deal.get(str(term.path))
            if op == "known":
                return found is not None
            if found is None:
                return None
            options = value if isinstance(value, tuple) else (value,)
            alike = [option for option in options if type(option) is type(found)]
            if op != "true" and options and not alike:
                raise BrokenRuleError
            return {
                ">=": lambda: found >= value,
                "<": lambda: found < value,
                "==": lambda: found == value,
                "!=": lambda: found != value,
                "true": lambda: bool(found),
                "in": lambda: found in alike,
                "between": lambda: value[0] <= found <= value[1],
            }[op]()
    raise AssertionError(rule)


def status(criterion: Criterion, deal: dict[str, Any]) -> str | None:
    """A criterion's status; `None` where it does not apply."""
    try:
        applies = True if criterion.when is None else answer(criterion.when, deal)
        if applies is False:
            return None
        met = answer(criterion.rule, deal)
    except BrokenRuleError:
        return "errored"
    if applies is None and met is not True:
        return "unknown"
    return {True: "met", False: "unmet", None: "unknown"}[met]


@settings(max_examples=200, deadline=None)
@given(processes(), deals)
def test_engine_agrees_with_an_independent_reading_of_the_documentation(
    process: SalesProcess, deal: dict[str, Any]
) -> None:
    engine: Engine[Any] = Engine(process)
    deal = in_process(process, deal)
    decisions = engine.options(deal)
    moves = process.graph.out_of[deal["stage"]]
    assert len(decisions) == len(moves)
    for decision, move in zip(decisions, moves, strict=True):
        asked = [(criterion, status(criterion, deal)) for criterion in move.gate]
        assert [(found.key, found.status) for found in decision.findings] == [
            (criterion.key, came_to) for criterion, came_to in asked if came_to is not None
        ]
        required = {came_to for criterion, came_to in asked if criterion.severity == "required"} - {None, "met"}
        assert decision.kind == ("errored" if "errored" in required else "blocked" if required else "allowed")
