"""A process as SCXML: the same stages in python-statemachine, and back again without a loss."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, DefinitionError, Engine, SalesProcess, Stage, fact, time_in_stage
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import scxml
from tests.formats.conftest import Event, criteria_over, processes, stages_of_engine, traces

VALUES: dict[str, list[Any]] = {
    "n": [None, 0, 1, 5, 7.5],
    "k": [None, 1, 5],
    "b": [None, True, False],
    "t": [None, "", "a", "ab"],
    "tags": [None, [], ["a"], ["a", "b"]],
}
facts = st.fixed_dictionaries({name: st.sampled_from(pool) for name, pool in VALUES.items()})
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
drawn_processes = processes(criteria_over(leaves, "drawn it"), "s-")
FLAT = '<scxml xmlns="http://www.w3.org/2005/07/scxml" name="m">{}<final id="b"/></scxml>'


def machine_of(process: SalesProcess) -> Any:
    io = pytest.importorskip("statemachine.io", reason="needs python-statemachine")
    return io.load(scxml.dumps(process), format="scxml")()


def is_met(criterion: Criterion, values: dict[str, Any]) -> bool:
    """Return what the host sets a datum to that stands for a criterion: the library's own answer."""
    stages = [Stage(key="a", exit_criteria=criterion), Stage(key="b", kind="won")]
    engine = Engine[dict[str, Any]](SalesProcess.linear(key="p", stages=stages))
    return bool(engine.check({**values, "stage": "a"}, "win"))


def stages_of_machine(process: SalesProcess, trace: list[Event]) -> list[str]:
    machine, seen = machine_of(process), []
    for event in trace:
        asked = {name: is_met(criterion, event.facts) for name, criterion in scxml.asked_of_host(process).items()}
        for name, value in {**event.facts, **asked, "sp_to": event.to, "sp_reason": event.reason}.items():
            setattr(machine.model, name, value)
        machine.send(event.trigger)
        seen += machine.configuration_values
    return seen


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_statemachine_agrees(data: st.DataObject) -> None:
    """python-statemachine is in the stages that the engine is in."""
    process = data.draw(drawn_processes)
    trace = data.draw(traces(process, facts))
    # A document asks for the target only where a trigger leads to several stages.
    assert stages_of_machine(process, trace) == stages_of_engine(process, trace, names_target=False)


@settings(max_examples=30, deadline=None)
@given(process=drawn_processes)
def test_round_trip(process: SalesProcess) -> None:
    """A document gives its process back."""
    assert scxml.loads(scxml.dumps(process)) == process


def test_round_trip_of_shipped_process() -> None:
    """The document of a shipped process gives all of it back."""
    assert scxml.loads(scxml.dumps(SEVEN_STAGE)) == SEVEN_STAGE


def test_asked_of_host() -> None:
    """A criterion that a condition cannot say is a datum that the host sets, and is never dropped."""
    gate = [time_in_stage().is_known(), Criterion(key="a b", rule=fact("x").contains("y")), fact("class").is_true()]
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=gate), Stage(key="b", kind="won")])
    asked = scxml.asked_of_host(process)
    assert {name: criterion.key for name, criterion in asked.items()} == {
        "sp_time_in_stage": "time_in_stage",
        "sp_a_b": "a b",
        "sp_class": "class",
    }
    machine = machine_of(process)
    machine.send("win")
    assert list(machine.configuration_values) == ["a"]
    for name in asked:
        setattr(machine.model, name, True)
    machine.send("win")
    assert list(machine.configuration_values) == ["b"]


def test_flat_document() -> None:
    """A flat document of another's making becomes a process."""
    process = scxml.loads(FLAT.format('<state id="a"><transition event="go" target="b"/></state>'))
    assert [(stage.key, stage.kind) for stage in process.stages] == [("a", "open"), ("b", "won")]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ('<state id="a"><transition event="go" target="b" cond="x"/></state>', "is no criterion"),
        ('<state id="a"><state id="c"/></state>', "has no 'states'"),
        ('<state id="a"><onentry/></state>', "has no 'entry'"),
        ('<state id="a"/><parallel id="c"/>', "has no 'parallel'"),
        ('<state id="a"/><script>1</script>', "has no 'script'"),
        ('<state id="a"><transition event="go" target="c"/></state>', "unknown state 'c'"),
        ('<state id="a"', "line 1"),
    ],
)
def test_refusals(part: str, message: str) -> None:
    """What a process cannot say is refused."""
    with pytest.raises(DefinitionError, match=message):
        scxml.loads(FLAT.format(part))


def test_document_type() -> None:
    """A document type is refused, so that no entity grows."""
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><scxml>&b;</scxml>'
    with pytest.raises(DefinitionError, match="document type"):
        scxml.loads(bomb)
