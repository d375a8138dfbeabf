"""Witnesses: facts found for rules, by solving them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, at_least, context, days, fact, now, predicate, time_in_stage
from salesprocess._gate import MET, Gate, Lookup
from salesprocess._witness import Unsatisfiable, Witness, nested, witness
from salesprocess.criteria import Rule

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("a", "b", "c", "c.d")
NUMBERS = st.sampled_from([0, 1, 2, 2.5, 7, Decimal("2.5"), -1])
TEXTS = st.sampled_from(["", "a", "ab", "b", "given", "c 1"])
DATES = st.sampled_from([date(2026, 1, 1), date(2026, 1, 2)])
TIMES = st.sampled_from([NOW, NOW + timedelta(microseconds=1), NOW + timedelta(days=1)])
LITERALS = st.one_of(NUMBERS, TEXTS, DATES, TIMES, st.booleans(), st.just(timedelta(days=1)))


def comparisons(name: str) -> st.SearchStrategy[Rule]:
    term = fact(name)
    counts = st.sampled_from([term.count(), term.distinct()])
    others = st.sampled_from([*map(fact, NAMES), now()])
    return st.one_of(
        st.sampled_from([term.is_known(), term.is_true(), term.is_false(), term.count().is_true()]),
        st.builds(lambda op, value: op(term, value), st.sampled_from(ORDERS), LITERALS),
        st.builds(lambda op, value: op(term, value), st.sampled_from(ORDERS), others),
        st.builds(lambda op, count, value: op(count, value), st.sampled_from(ORDERS), counts, st.integers(0, 3)),
        st.builds(lambda values: term.one_of(*values), st.lists(LITERALS, max_size=2)),
        st.builds(term.contains, LITERALS),
        st.builds(term.matches, st.sampled_from(["*", "a*", "a", "?b", "*b*"])),
        st.builds(lambda op, length: op(time_in_stage(), length), st.sampled_from(ORDERS), st.just(days(1))),
        st.just(predicate("credit_ok")),
    )


ORDERS = [
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a == b,
    lambda a, b: a != b,
]
RULES = st.recursive(
    st.sampled_from(NAMES).flatmap(comparisons),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
        st.builds(lambda rules, count: at_least(count, of=rules), st.lists(inner, max_size=3), st.integers(0, 3)),
    ),
    max_leaves=4,
)
PLAIN = st.one_of(
    st.none(),
    LITERALS,
    st.sampled_from([NOW.replace(tzinfo=None), timedelta(0), b"", "xab", 3, 10**9, -5.5, "z"]),
    st.lists(st.one_of(LITERALS, st.none()), max_size=4),
)


def statuses(rules: list[Rule], found: Witness) -> list[bool]:
    """Whether each rule is met, by the gate that an engine uses."""
    lookup = Lookup({}, {name: lambda _deal, answer=answer: answer for name, answer in found.predicates.items()}, None)
    gate = Gate([Criterion(key="it", rule=rule) for rule in rules], lookup)
    judged = gate.judge_each(gate.read_each(found.deal(), nested(found.context), found.at))
    return [True] * len(rules) if judged is None else [status is MET for status in judged]


@settings(max_examples=400, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=3), st.lists(RULES, max_size=2))
def test_a_witness_meets_what_it_is_for_and_nothing_that_it_must_not(met: list[Rule], not_met: list[Rule]) -> None:
    found = witness(met, not_met)
    if isinstance(found, Witness):
        answers = {"credit_ok": None} | dict(found.predicates)
        whole = Witness(found.facts, found.context, found.at, answers)
        assert all(statuses(met, whole))
        assert not any(statuses(not_met, whole))


@settings(max_examples=400, deadline=None)
@given(
    st.lists(RULES, min_size=1, max_size=3),
    st.lists(RULES, max_size=2),
    st.lists(st.fixed_dictionaries({name: PLAIN for name in "abc"} | {"d": PLAIN}), min_size=20, max_size=20),
    st.sampled_from([None, timedelta(0), days(1), days(2)]),
)
def test_no_deal_does_what_is_called_unsatisfiable(
    met: list[Rule], not_met: list[Rule], deals: list[dict[str, Any]], stayed: timedelta | None
) -> None:
    if isinstance(witness(met, not_met), Unsatisfiable):
        for deal in deals:
            facts = {name: deal[name] for name in "ab"} | ({"c": deal["c"]} if deal["d"] is None else {"c.d": deal["d"]})
            if stayed is not None:
                facts["entered_at"] = NOW - stayed
            for answer in (True, False, None):
                tried = Witness(facts, {}, NOW, {"credit_ok": answer})
                assert not (all(statuses(met, tried)) and not any(statuses(not_met, tried)))
