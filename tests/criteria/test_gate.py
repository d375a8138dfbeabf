"""A gate reads a deal once and judges what it read, and neither raises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, Engine, SalesProcess, Stage, fact, now, predicate, time_in_stage
from salesprocess.criteria import Rule
from salesprocess.criteria.gate import Gate, Sources
from salesprocess.criteria.reading import Unreadable
from salesprocess.criteria.rules import inputs

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def gate_of(*rules: Rule, **sources: Any) -> Gate:
    return Gate([Criterion(key=f"c{number}", rule=rule) for number, rule in enumerate(rules)], Sources(**sources))


def statuses_of(gate: Gate, deal: Any) -> list[str]:
    values = gate.read(deal, None, NOON)
    return [found.status for found in gate.findings(values, gate.judge(values))]


class Counting:
    """A deal that counts how often each of its properties is read."""

    def __init__(self) -> None:
        self.reads: list[str] = []

    @property
    def first(self) -> int:
        self.reads.append("first")
        return 1

    @property
    def second(self) -> int:
        self.reads.append("second")
        raise ValueError("no network")

    @property
    def third(self) -> int:
        self.reads.append("third")
        return 3


class Attributed(dict[str, Any]):
    """A dict whose attributes are not its keys."""

    amount = 1


class ReadOnly(Mapping[str, Any]):
    """A mapping that cannot be written, with an attribute of its own."""

    amount = 1

    def __init__(self, **facts: Any) -> None:
        self.facts = facts

    def __getitem__(self, key: str) -> Any:
        return self.facts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)


@pytest.mark.parametrize("dotted", [False, True], ids=["plain", "dotted"])
def test_each_fact_is_read_once(dotted: bool) -> None:
    """Every fact is read once and in order, also where one raises and another is missing."""
    names = [f"crm.{name}" if dotted else name for name in ("first", "second", "missing", "third", "first")]
    gate = gate_of(*(fact(name) >= 1 for name in names))
    counting = Counting()
    for _ in range(2):
        counting.reads.clear()
        deal = SimpleNamespace(crm=counting) if dotted else counting
        assert statuses_of(gate, deal) == ["met", "errored", "unknown", "met", "met"]
        assert counting.reads == ["first", "second", "third"]


def test_values_stand_in_order() -> None:
    """What was read stands in the order of the rules: `None` for a missing fact, a marker for one that raised."""
    gate = gate_of(fact("first") >= 1, fact("missing") >= 1, fact("second") >= 1)
    first, missing, second = iter(gate.read(Counting(), None, NOON))
    assert (first, missing) == (1, None)
    assert isinstance(second, Unreadable)
    assert str(second.error) == "no network"


def test_gates_of_one_decision_share_what_was_read() -> None:
    """A predicate, or a property, that two gates look at runs once in a decision."""
    calls: list[object] = []

    def approved(deal: object) -> bool:
        calls.append(deal)
        return True

    predicates = {"approved": approved}
    one = gate_of(predicate("approved"), fact("first") >= 1, predicates=predicates)
    other = gate_of(fact("third") >= 1, predicate("approved"), fact("first") > 1, predicates=predicates)
    deal, seen = Counting(), {}
    assert one.judge(one.read_shared(deal, None, NOON, seen)) is None
    assert other.judge(other.read_shared(deal, None, NOON, seen)) == (0, 0, 1)
    assert calls == [deal]
    assert deal.reads == ["first", "third"]


@pytest.mark.parametrize("make", [dict, Attributed, ReadOnly], ids=lambda make: make.__name__)
def test_mappings_are_read_by_key(make: Any) -> None:
    """A mapping is read by key alone, whatever attributes it has, the first time and every other time."""
    gate = gate_of(fact("amount") >= 10, fact("size").is_known())
    for _ in range(2):
        assert statuses_of(gate, make(amount=10, size=1)) == ["met", "met"]
        assert statuses_of(gate, make(size=1)) == ["unknown", "met"]
        assert statuses_of(gate, make()) == ["unknown", "unmet"]


def test_a_mapping_that_raises() -> None:
    """What a mapping raises makes its criteria errored, and the others are judged."""

    class Broken(ReadOnly):
        def __getitem__(self, key: str) -> Any:
            if key == "amount":
                raise AttributeError("inside")
            return super().__getitem__(key)

    gate = gate_of(fact("amount") >= 10, fact("size").is_known())
    assert statuses_of(gate, Broken(size=1)) == ["errored", "met"]


def test_one_moment() -> None:
    """The clock is asked once, so that all criteria of a decision see the same time."""
    moments = iter([NOON, NOON + timedelta(days=1)])
    gate = gate_of(now() == NOON, time_in_stage() == timedelta(days=1), clock=lambda: next(moments))
    values = gate.read({"entered_at": NOON - timedelta(days=1)}, None, None)
    assert gate.judge(values) is None


def test_broken_rule_does_not_hide_the_others() -> None:
    """One criterion that raises leaves the statuses of the others as they are."""
    gate = gate_of(fact("x") >= 1, fact("y").is_true(), fact("x").is_known())
    assert statuses_of(gate, {"x": "many", "y": False}) == ["errored", "unmet", "met"]


NAMES = ("given", "text", "method", "missing", "raises", "absent")


class Facts:
    """A deal that counts how often each of its facts and predicates is looked at, whatever comes of it."""

    stage = "a"

    def __init__(self) -> None:
        self.looks: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        if name not in NAMES:
            raise AttributeError(name)
        self.looks[name] += 1
        if name == "raises":
            raise ValueError("no network")
        if name == "absent":
            raise AttributeError(name)
        return {"given": 5, "text": "many", "method": self.__init__, "missing": None}[name]


def counted(name: str) -> Any:
    """A predicate that counts its calls by the deal."""

    def ask(deal: Facts) -> object:
        deal.looks[f"{name}()"] += 1
        if name == "broken":
            raise ValueError("no network")
        return {"yes": True, "unsure": None}[name]

    return ask


PREDICATES = {name: counted(name) for name in ("yes", "unsure", "broken")}
leaves = st.one_of(
    st.sampled_from(NAMES).flatmap(
        lambda name: st.sampled_from([fact(name) >= 1, fact(name).is_known(), fact(name) == fact("given")])
    ),
    st.sampled_from(sorted(PREDICATES)).map(predicate),
)
rules = st.recursive(
    leaves, lambda inner: st.one_of(inner.map(lambda rule: ~rule), st.builds(lambda a, b: a | b, inner, inner))
)


@settings(deadline=None)
@given(st.lists(rules, min_size=1, max_size=4), st.lists(rules, max_size=3))
def test_one_look_in_a_decision(leaving: list[Rule], entering: list[Rule]) -> None:
    """Each fact is read once and each predicate called once in a decision, whatever else is missing or raises."""
    gates = [
        tuple(Criterion(key=f"{side}{number}", rule=rule) for number, rule in enumerate(drawn))
        for side, drawn in (("out", leaving), ("in", entering))
    ]
    stages = [Stage(key="a", exit_criteria=gates[0]), Stage(key="b", entry_criteria=gates[1])]
    process = SalesProcess.linear(key="p", stages=[*stages, Stage(key="w", kind="won")], skip="allow")
    engine: Engine[Any] = Engine(process, predicates=PREDICATES)
    for ask in (lambda deal: engine.check(deal, "advance"), lambda deal: engine.check(deal, to="w"), engine.options):
        deal = Facts()
        str(ask(deal))
        assert set(deal.looks.values()) <= {1}
    deal = Facts()
    engine.check(deal, "advance")
    assert set(deal.looks) == {
        f"{each.path}()" if each.source == "predicate" else each.path for each in inputs(*leaving, *entering)
    }
