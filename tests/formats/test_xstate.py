"""A process as an XState machine: the same stages in the real XState, and back again without a loss."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import (
    Criterion,
    DefinitionError,
    Engine,
    SalesProcess,
    Stage,
    Transition,
    TransitionRefused,
    at_least,
    context,
    fact,
    now,
    time_in_stage,
)
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import xstate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[Any], list[Any]]

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NODE_MODULES = Path(os.environ.get("SALESPROCESS_NODE_MODULES", Path(__file__).parents[1] / "node" / "node_modules"))
GUARDS = Path(xstate.__file__).with_name("salesprocess-guards.mjs")

VALUES: dict[str, list[Any]] = {
    "n": [None, 0, 1, 5, 7.5],
    "b": [None, True, False],
    "t": [None, "", "a", "ab", "A*"],
    "tags": [None, [], ["a"], ["a", "a", None, "b"]],
}
leaves = st.sampled_from(
    [
        fact("n") >= 5,
        fact("n") != 0,
        fact("n").one_of(1, True, "a"),
        fact("n").between(1, 5),
        fact("t").between("a", "ab"),
        fact("b").is_true(),
        fact("b") == 1,
        fact("t").is_known(),
        fact("t").matches("a*"),
        fact("t") < "b",
        fact("tags").count() >= 2,
        fact("tags").distinct() == 2,
        fact("tags").contains("a"),
        context("role") == "manager",
    ]
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda rule: ~rule),
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda needed, of: at_least(needed, of=of), st.integers(0, 3), st.lists(inner, max_size=3)),
    ),
    max_leaves=4,
)
criteria = st.builds(
    lambda rule, when, severity: [Criterion(key="drawn", rule=rule, when=when, severity=severity)],
    rules,
    st.none() | leaves,
    st.sampled_from(["required", "required", "advisory"]),
) | st.just([])


@st.composite
def processes(draw: st.DrawFn) -> SalesProcess:
    stages = [
        Stage(key=f"s{number}", exit_criteria=draw(criteria), entry_criteria=draw(criteria))
        for number in range(draw(st.integers(2, 4)))
    ]
    policy = st.sampled_from(["forbid", "allow", "with_reason"])
    return SalesProcess.linear(
        key="drawn",
        stages=[*stages, Stage(key="won", kind="won"), Stage(key="pause", kind="on_hold")],
        skip=draw(policy),
        back=draw(policy),
        reopen=draw(policy),
        transitions=[
            Transition(trigger="rush", source="*", dest="won", criteria=draw(criteria), needs_reason=True, reasons="r")
        ],
    )


facts = st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in VALUES.items()})


@st.composite
def traces(draw: st.DrawFn, process: SalesProcess) -> list[dict[str, Any]]:
    """Events that a deal might take one after the other, were it not for the criteria and reasons; and some others."""
    moves = sorted({(move.trigger, move.dest) for move in process.transitions})
    stage, trace = process.initial.key, []
    for _ in range(draw(st.integers(4, 8))):
        ways = sorted({(move.trigger, move.dest) for move in process.moves() if move.source == stage})
        trigger, stage = draw(st.sampled_from(ways or moves) | st.sampled_from(moves))
        event = {"type": trigger, "to": stage, "facts": draw(facts)}
        event["context"] = {"role": draw(st.sampled_from(["manager", "x"]))}
        trace.append(event | draw(st.sampled_from([{"reason": "r"}, {}, {"reason": "other"}])))
    return trace


def stages_in_python(process: SalesProcess, trace: list[dict[str, Any]]) -> list[str]:
    engine, deal, seen = Engine[dict[str, Any]](process), {"stage": process.initial.key}, []
    for event in trace:
        deal = {**event["facts"], "stage": deal["stage"]}
        with contextlib.suppress(TransitionRefused):
            engine.fire(deal, event["type"], to=event["to"], reason=event.get("reason"), context=event["context"])
        seen.append(deal["stage"])
    return seen


@pytest.fixture(scope="module")
def ask_node() -> Iterator[Ask]:
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "xstate").is_dir():
        pytest.skip(f"needs Node, and xstate in {NODE_MODULES}")
    script = Path(__file__).parents[1] / "node" / "xstate.mjs"
    command = [node, script, NODE_MODULES.parent, GUARDS]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, encoding="utf-8"
    ) as process:

        def ask(question: Any) -> list[Any]:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            found: list[Any] = json.loads(process.stdout.readline())
            return found

        yield ask


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_xstate_is_in_the_stages_that_the_engine_is_in(ask_node: Ask, data: st.DataObject) -> None:
    process = data.draw(processes())
    trace = data.draw(traces(process))
    assert ask_node({"machine": xstate.machine(process), "events": trace}) == stages_in_python(process, trace)


@settings(max_examples=50, deadline=None)
@given(criterion=criteria.filter(bool), rows=st.lists(facts, min_size=1, max_size=5))
def test_the_javascript_guards_give_the_three_values_that_python_gives(
    ask_node: Ask, criterion: list[Criterion], rows: list[dict[str, Any]]
) -> None:
    assert answers_in_javascript(ask_node, criterion[0], rows) == answers_in_python(criterion[0], rows)


def answers_in_javascript(ask: Ask, criterion: Criterion, rows: list[dict[str, Any]]) -> list[str]:
    given_too = {"at": AT.isoformat(), "context": {"role": "manager"}}
    return ask({"criterion": criterion.model_dump(mode="json"), "rows": rows, **given_too})


def answers_in_python(criterion: Criterion, rows: list[dict[str, Any]]) -> list[str]:
    stages = [Stage(key="a", exit_criteria=criterion), Stage(key="b", kind="won")]
    engine = Engine[dict[str, Any]](SalesProcess.linear(key="p", stages=stages))
    found = []
    for row in rows:
        decision = engine.check({**row, "stage": "a"}, "win", context={"role": "manager"}, at=AT)
        found.append(decision.findings[0].status if decision.findings else "met")
    return found


MOMENTS = ["2026-03-01T12:00:00+00:00", "2026-02-26T13:00:00.000001+01:00", None]


@pytest.mark.parametrize(
    "rule",
    [
        fact("entered_at") == AT,
        fact("entered_at") < now(),
        fact("entered_at") < AT - timedelta(days=3),
        now() > AT,
        time_in_stage() >= timedelta(days=3),
        time_in_stage().is_true(),
        ~(fact("entered_at") >= AT),
    ],
    ids=str,
)
def test_times_are_iso_texts_in_javascript(ask_node: Ask, rule: Any) -> None:
    rows = [{"entered_at": moment} for moment in MOMENTS]
    in_python = [{"entered_at": moment and datetime.fromisoformat(moment)} for moment in MOMENTS]
    criterion = Criterion(key="time", rule=rule)
    assert answers_in_javascript(ask_node, criterion, rows) == answers_in_python(criterion, in_python)


@pytest.mark.parametrize("name", ["constructor", "toString", "a.length", "hasOwnProperty"])
def test_what_every_javascript_object_has_is_no_fact(ask_node: Ask, name: str) -> None:
    criterion = Criterion(key="known", rule=fact(name).is_known())
    assert answers_in_javascript(ask_node, criterion, [{"a": "text"}]) == ["unmet"]


@settings(max_examples=30, deadline=None)
@given(process=processes())
def test_a_machine_gives_its_process_back(process: SalesProcess) -> None:
    assert xstate.loads(xstate.dumps(process)) == process


def test_the_shipped_process_comes_back_whole() -> None:
    assert xstate.loads(xstate.dumps(SEVEN_STAGE)) == SEVEN_STAGE


def test_a_flat_machine_of_another_making_becomes_a_process() -> None:
    text = '{"id": "m", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}'
    process = xstate.loads(text)
    assert [(stage.key, stage.kind) for stage in process.stages] == [("a", "open"), ("b", "won")]
    assert [(move.trigger, move.source, move.dest) for move in process.transitions] == [("go", ("a",), "b")]


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ('"on": {"go": {"target": "b", "guard": "isBig"}}', "is no criterion"),
        ('"on": {"go": {"target": "b", "actions": "mail"}}', "hooks are the host's"),
        ('"on": {"go": "c"}', "no state 'c'"),
        ('"states": {}', "has no 'states'"),
    ],
)
def test_what_is_not_ours_is_refused_with_its_place(part: str, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint) as caught:
        xstate.loads(f'{{"id": "m", "states": {{"a": {{{part}}}, "b": {{}}}}}}')
    assert caught.value.problems[0].path.startswith("states.a")


def test_a_move_that_was_changed_in_one_place_alone_is_refused() -> None:
    machine = xstate.machine(SEVEN_STAGE)
    machine["states"]["prospecting"]["on"]["advance"][0]["target"] = "#seven_stage.closing"
    with pytest.raises(DefinitionError, match="leads to 'closing'"):
        xstate.loads(json.dumps(machine))


def test_the_guards_travel_with_the_package() -> None:
    assert "salesprocess.gate" in xstate.guards_source()
