"""A process as SCXML: the same stages in python-statemachine, and back again without a loss."""

from __future__ import annotations

import contextlib
from typing import Any

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
    fact,
    time_in_stage,
)
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import scxml

VALUES: dict[str, list[Any]] = {
    "n": [None, 0, 1, 5, 7.5],
    "k": [None, 1, 5],
    "b": [None, True, False],
    "t": [None, "", "a", "ab"],
    "tags": [None, [], ["a"], ["a", "b"]],
}
leaves = st.sampled_from(
    [
        fact("n") >= 5,
        fact("n") != -1.5,
        fact("n").one_of(1, 0),
        fact("n").between(0, 5),
        fact("n") < fact("k"),
        fact("n").is_true(),
        fact("b").is_true(),
        fact("b").is_false(),
        fact("t").is_known(),
        fact("t").is_true(),
        fact("t") < "b",
        fact("t") == "it's null & 'void' === true",
        fact("t").matches("a*"),
        fact("tags").count() >= 2,
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
    lambda rule, when, severity: [Criterion(key="drawn it", rule=rule, when=when, severity=severity)],
    rules,
    st.none() | leaves,
    st.sampled_from(["required", "required", "advisory"]),
) | st.just([])
facts = st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in VALUES.items()})


@st.composite
def processes(draw: st.DrawFn) -> SalesProcess:
    stages = [
        Stage(key=f"s-{number}", exit_criteria=draw(criteria), entry_criteria=draw(criteria))
        for number in range(draw(st.integers(2, 4)))
    ]
    policy = st.sampled_from(["forbid", "allow", "with_reason"])
    rush = Transition(trigger="rush", source="*", dest="won", criteria=draw(criteria), needs_reason=True, reasons="r")
    return SalesProcess.linear(
        key="drawn",
        stages=[*stages, Stage(key="won", kind="won"), Stage(key="pause", kind="on_hold")],
        skip=draw(policy),
        back=draw(policy),
        reopen=draw(policy),
        transitions=[rush],
    )


Event = tuple[str, str, str | None, dict[str, Any]]


@st.composite
def traces(draw: st.DrawFn, process: SalesProcess) -> list[Event]:
    """Events that a deal might take one after the other, were it not for the criteria and reasons; and some others."""
    moves = sorted({(move.trigger, move.dest) for move in process.transitions})
    stage, trace = process.initial.key, []
    for _ in range(draw(st.integers(4, 8))):
        ways = sorted({(move.trigger, move.dest) for move in process.moves() if move.source == stage})
        trigger, stage = draw(st.sampled_from(ways or moves) | st.sampled_from(moves))
        trace.append((trigger, stage, draw(st.sampled_from(["r", None, "other"])), draw(facts)))
    return trace


def stages_in_python(process: SalesProcess, trace: list[Event]) -> list[str]:
    engine, stage, seen = Engine[dict[str, Any]](process), process.initial.key, []
    for trigger, dest, reason, values in trace:
        deal = {**values, "stage": stage}
        # A document asks where to only where the trigger leads to several stages.
        rivals = sum(move.source == stage and move.trigger == trigger for move in process.moves())
        with contextlib.suppress(TransitionRefused):
            engine.fire(deal, trigger, to=dest if rivals > 1 else None, reason=reason)
        stage = deal["stage"]
        seen.append(stage)
    return seen


def is_met(criterion: Criterion, values: dict[str, Any]) -> bool:
    """What the host sets a datum to that stands for a criterion: the library's own answer."""
    stages = [Stage(key="a", exit_criteria=criterion), Stage(key="b", kind="won")]
    return bool(
        Engine[dict[str, Any]](SalesProcess.linear(key="p", stages=stages)).check({**values, "stage": "a"}, "win")
    )


def stages_in_statemachine(process: SalesProcess, trace: list[Event]) -> list[str]:
    machine = load(scxml.dumps(process))
    seen = []
    for trigger, dest, reason, values in trace:
        asked = {name: is_met(criterion, values) for name, criterion in scxml.asked_of_host(process).items()}
        for name, value in {**values, **asked, "sp_to": dest, "sp_reason": reason}.items():
            setattr(machine.model, name, value)
        machine.send(trigger)
        seen += machine.configuration_values
    return seen


def load(text: str) -> Any:
    io = pytest.importorskip("statemachine.io", reason="needs python-statemachine")
    return io.load(text, format="scxml")()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_python_statemachine_is_in_the_stages_that_the_engine_is_in(data: st.DataObject) -> None:
    process = data.draw(processes())
    trace = data.draw(traces(process))
    assert stages_in_statemachine(process, trace) == stages_in_python(process, trace)


@settings(max_examples=30, deadline=None)
@given(process=processes())
def test_a_document_gives_its_process_back(process: SalesProcess) -> None:
    assert scxml.loads(scxml.dumps(process)) == process


def test_the_shipped_process_comes_back_whole() -> None:
    assert scxml.loads(scxml.dumps(SEVEN_STAGE)) == SEVEN_STAGE


def test_a_criterion_beyond_conditions_is_a_datum_of_the_hosts_and_never_dropped() -> None:
    gate = [time_in_stage().is_known(), Criterion(key="a b", rule=fact("x").contains("y")), fact("class").is_true()]
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=gate), Stage(key="b", kind="won")])
    asked = scxml.asked_of_host(process)
    assert {name: criterion.key for name, criterion in asked.items()} == {
        "sp_time_in_stage": "time_in_stage",
        "sp_a_b": "a b",
        "sp_class": "class",
    }
    machine = load(scxml.dumps(process))
    machine.send("win")
    assert list(machine.configuration_values) == ["a"]
    for name in asked:
        setattr(machine.model, name, True)
    machine.send("win")
    assert list(machine.configuration_values) == ["b"]


FLAT = '<scxml xmlns="http://www.w3.org/2005/07/scxml" name="m">{}<final id="b"/></scxml>'


def test_a_flat_document_of_another_making_becomes_a_process() -> None:
    process = scxml.loads(FLAT.format('<state id="a"><transition event="go" target="b"/></state>'))
    assert [(stage.key, stage.kind) for stage in process.stages] == [("a", "open"), ("b", "won")]


@pytest.mark.parametrize(
    ("part", "complaint"),
    [
        ('<state id="a"><transition event="go" target="b" cond="x"/></state>', "is no criterion"),
        ('<state id="a"><state id="c"/></state>', "has no 'states'"),
        ('<state id="a"><onentry/></state>', "has no 'entry'"),
        ('<state id="a"/><parallel id="c"/>', "has no 'parallel'"),
        ('<state id="a"/><script>1</script>', "has no 'script'"),
        ('<state id="a"><transition event="go" target="c"/></state>', "no state 'c'"),
        ('<state id="a"', "line 1"),
    ],
)
def test_what_is_no_process_is_refused(part: str, complaint: str) -> None:
    with pytest.raises(DefinitionError, match=complaint):
        scxml.loads(FLAT.format(part))


def test_a_document_type_is_refused_so_that_no_entity_grows() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><scxml>&b;</scxml>'
    with pytest.raises(DefinitionError, match="document type"):
        scxml.loads(bomb)
