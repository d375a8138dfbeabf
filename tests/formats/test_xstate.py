"""A process as an XState machine: the same stages in the real XState, and back again without a loss."""

from __future__ import annotations

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
    context,
    fact,
    now,
    time_in_stage,
)
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import xstate
from tests.formats.conftest import Event, criteria_over, processes, stages_of_engine, traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ask = Callable[[Any], list[Any]]

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MOMENTS = ["2026-03-01T12:00:00+00:00", "2026-02-26T13:00:00.000001+01:00", None]
NODE_MODULES = Path(os.environ.get("SALESPROCESS_NODE_MODULES", Path(__file__).parents[1] / "node" / "node_modules"))
GUARDS = Path(xstate.__file__).with_name("salesprocess-guards.mjs")

VALUES: dict[str, list[Any]] = {
    "n": [None, 0, 1, 5, 7.5],
    "b": [None, True, False],
    "t": [None, "", "a", "ab", "A*"],
    "tags": [None, [], ["a"], ["a", "a", None, "b"]],
}
facts = st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in VALUES.items()})
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
drawn_criteria = criteria_over(leaves, "drawn")
drawn_processes = processes(drawn_criteria, "s")


@pytest.fixture(scope="module")
def ask_node() -> Iterator[Ask]:
    """Asks a question of `tests/node/xstate.mjs`, which runs the real XState and the guards that ship."""
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


def as_sent(event: Event) -> dict[str, Any]:
    """Return the event as an actor gets it."""
    sent = {"type": event.trigger, "to": event.to, "facts": event.facts, "context": {"role": event.role}}
    return sent if event.reason is None else sent | {"reason": event.reason}


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


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_xstate_agrees(ask_node: Ask, data: st.DataObject) -> None:
    """XState is in the stages that the engine is in."""
    process = data.draw(drawn_processes)
    trace = data.draw(traces(process, facts))
    found = ask_node({"machine": xstate.machine(process), "events": list(map(as_sent, trace))})
    assert found == stages_of_engine(process, trace, names_target=True)


@settings(max_examples=50, deadline=None)
@given(criterion=drawn_criteria.filter(bool), rows=st.lists(facts, min_size=1, max_size=5))
def test_guards_agree(ask_node: Ask, criterion: list[Criterion], rows: list[dict[str, Any]]) -> None:
    """The JavaScript guards give the three values that Python gives."""
    assert answers_in_javascript(ask_node, criterion[0], rows) == answers_in_python(criterion[0], rows)


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
def test_guards_on_times(ask_node: Ask, rule: Any) -> None:
    """Times are ISO texts in JavaScript."""
    rows = [{"entered_at": moment} for moment in MOMENTS]
    in_python = [{"entered_at": moment and datetime.fromisoformat(moment)} for moment in MOMENTS]
    criterion = Criterion(key="time", rule=rule)
    assert answers_in_javascript(ask_node, criterion, rows) == answers_in_python(criterion, in_python)


@pytest.mark.parametrize("name", ["constructor", "toString", "a.length", "hasOwnProperty"])
def test_inherited_properties(ask_node: Ask, name: str) -> None:
    """What every JavaScript object inherits is not a fact."""
    criterion = Criterion(key="known", rule=fact(name).is_known())
    assert answers_in_javascript(ask_node, criterion, [{"a": "text"}]) == ["unmet"]


@settings(max_examples=30, deadline=None)
@given(process=drawn_processes)
def test_round_trip(process: SalesProcess) -> None:
    """A machine gives its process back."""
    assert xstate.loads(xstate.dumps(process)) == process


def test_round_trip_of_shipped_process() -> None:
    """The machine of a shipped process gives all of it back."""
    assert xstate.loads(xstate.dumps(SEVEN_STAGE)) == SEVEN_STAGE


def test_flat_machine() -> None:
    """A flat machine of another's making becomes a process."""
    text = '{"id": "m", "states": {"a": {"on": {"go": "b"}}, "b": {"type": "final"}}}'
    process = xstate.loads(text)
    assert [(stage.key, stage.kind) for stage in process.stages] == [("a", "open"), ("b", "won")]
    assert [(move.trigger, move.source, move.dest) for move in process.transitions] == [("go", ("a",), "b")]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ('"on": {"go": {"target": "b", "guard": "isBig"}}', "is no criterion"),
        ('"on": {"go": {"target": "b", "actions": "mail"}}', "hooks are the host's"),
        ('"on": {"go": "c"}', "unknown state 'c'"),
        ('"states": {}', "has no 'states'"),
    ],
)
def test_refusals(part: str, message: str) -> None:
    """What a process cannot say is refused with its path."""
    with pytest.raises(DefinitionError, match=message) as caught:
        xstate.loads(f'{{"id": "m", "states": {{"a": {{{part}}}, "b": {{}}}}}}')
    assert caught.value.problems[0].path.startswith("states.a")


def test_contradictory_move() -> None:
    """A move that was changed in one of its two places is refused."""
    machine = xstate.machine(SEVEN_STAGE)
    machine["states"]["prospecting"]["on"]["advance"][0]["target"] = "#seven_stage.closing"
    with pytest.raises(DefinitionError, match="leads to 'closing'"):
        xstate.loads(json.dumps(machine))


def test_guards_source() -> None:
    """The guards ship with the package."""
    assert "salesprocess.gate" in xstate.guards_source()
