"""Witnesses: facts found for rules, by solving them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, at_least, context, days, fact, now, predicate, time_in_stage
from salesprocess.assurance.solver.witness import Unsatisfiable, Witness, nested, witness
from salesprocess.criteria import Rule
from salesprocess.criteria.evaluation import MET
from salesprocess.criteria.gate import Gate, Sources

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = ("a", "b", "c", "c.d")
NUMBERS = st.sampled_from([0, 1, 2, 2.5, 7, Decimal("2.5"), -1])
TEXTS = st.sampled_from(["", "a", "ab", "b", "given", "c 1"])
DATES = st.sampled_from([date(2026, 1, 1), date(2026, 1, 2)])
TIMES = st.sampled_from([NOW, NOW + timedelta(microseconds=1), NOW + timedelta(days=1)])
LITERALS = st.one_of(NUMBERS, TEXTS, DATES, TIMES, st.booleans(), st.just(timedelta(days=1)))


ENDS = [NUMBERS, TEXTS, DATES, TIMES]
ORDERS = [
    lambda a, b: a < b,
    lambda a, b: a <= b,
    lambda a, b: a > b,
    lambda a, b: a >= b,
    lambda a, b: a == b,
    lambda a, b: a != b,
]


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
        st.builds(lambda ends: term.between(*sorted(ends)), st.one_of(*(st.tuples(each, each) for each in ENDS))),
        st.builds(term.contains, LITERALS),
        st.builds(term.matches, st.sampled_from(["*", "a*", "a", "?b", "*b*"])),
        st.builds(lambda op, length: op(time_in_stage(), length), st.sampled_from(ORDERS), st.just(days(1))),
        st.just(predicate("credit_ok")),
    )


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
PLAIN = [
    *(None, None, True, False, 0, 1, 2, 2.5, 3, 7, -1, -5.5, 10**9, Decimal("2.5"), float("nan")),
    *("", "a", "ab", "b", "xab", "given", "c 1", "z", b"", date(2026, 1, 1), date(2026, 1, 2), NOW),
    *(NOW + timedelta(microseconds=1), NOW + days(1), NOW.replace(tzinfo=None), timedelta(0), days(1), days(2)),
    *([], ["a"], ["a", "b", "a"], [None], [1, True], [2.5, "ab", None], ("a", "b", "c"), {"a": 1}, {1, 2, 7}),
]


def met_by(rules: list[Rule], found: Witness) -> list[bool]:
    """Whether each rule is met, by the gate that an engine uses."""
    answers = {name: lambda _deal, answer=answer: answer for name, answer in found.predicates.items()}
    sources = Sources(predicates={"credit_ok": lambda _deal: None} | answers)
    gate = Gate([rule if isinstance(rule, Criterion) else Criterion(key="it", rule=rule) for rule in rules], sources)
    judged = gate.judge(gate.read(found.deal(), nested(found.context), found.at))
    return [True] * len(rules) if judged is None else [status is MET for status in judged]


def criteria_of(rules: list[Rule]) -> list[Criterion]:
    """The rules by twos, the second of which says when the first applies."""
    pairs = zip(rules[::2], rules[1::2], strict=False)
    return [Criterion(key="it", rule=rule, when=when) for rule, when in pairs]


def random_deal(chance: Random) -> Witness:
    facts = {name: chance.choice(PLAIN) for name in (*"ab", chance.choice(["c", "c.d"]))}
    if chance.random() < 0.7:
        facts["entered_at"] = NOW - timedelta(days=chance.choice([0, 1, 2]))
    return Witness(facts, {}, NOW, {"credit_ok": chance.choice([True, False, None])})


@settings(max_examples=40, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=3), st.lists(RULES, max_size=2), st.booleans())
def test_a_witness_meets_what_it_is_for_and_nothing_that_it_must_not(
    met: list[Any], not_met: list[Any], conditional: bool
) -> None:
    met = criteria_of(met) if conditional else met
    found = witness(met, not_met)
    if isinstance(found, Witness):
        assert all(met_by(met, found))
        assert not any(met_by(not_met, found))


@settings(max_examples=50, deadline=None)
@given(st.lists(RULES, min_size=1, max_size=3), st.lists(RULES, max_size=2), st.booleans(), st.integers())
def test_no_deal_does_what_is_called_unsatisfiable(
    met: list[Any], not_met: list[Any], conditional: bool, seed: int
) -> None:
    met = criteria_of(met) if conditional else met
    if isinstance(witness(met, not_met), Unsatisfiable):
        chance = Random(seed)  # noqa: S311 - chance, not secrecy
        for _ in range(30):
            deal = random_deal(chance)
            assert not (all(met_by(met, deal)) and not any(met_by(not_met, deal)))


@pytest.mark.parametrize(
    "rule",
    [
        fact("amount") >= 10_000,
        fact("amount").one_of(5, "five"),
        fact("signed_at").before(now()),
        time_in_stage() >= days(7),
        fact("contacts").distinct() >= 2,
        fact("contacts").count() == 3,
        fact("done").contains("closing.sign"),
        fact("name").matches("A?me*"),
        fact("contact.email").is_known() & fact("contact").is_known(),
        fact("start").before(fact("end")) & fact("end").before(fact("review")),
        at_least(2, of=[fact("need").is_true(), fact("budget").is_true(), fact("authority").is_true()]),
        context("role") == "manager",
        predicate("credit_ok"),
        ~fact("blocked").is_known(),
        (fact("x") > Decimal("0.1")) & (fact("x") < 0.10000001),
    ],
    ids=str,
)
def test_facts_are_found_for_every_kind_of_rule(rule: Rule) -> None:
    found = witness([rule])
    assert isinstance(found, Witness)
    assert met_by([rule], found) == [True]


@pytest.mark.parametrize(
    ("met", "not_met"),
    [
        ([(fact("amount") > 10) & (fact("amount") < 5)], []),
        ([fact("source").one_of()], []),
        ([at_least(3, of=[fact("a").is_true(), fact("b").is_true()])], []),
        ([fact("contacts").count() >= 3, fact("contacts").count() < 2], []),
        ([fact("contacts").distinct() >= 3, fact("contacts").count() == 2], []),
        ([fact("amount") == 5], [fact("amount") > 3]),
        ([fact("name").matches("A*")], [fact("name").is_known()]),
        ([fact("a") < fact("b"), fact("b") < fact("a")], []),
        ([fact("stage_text") > "b", fact("stage_text") < "a"], []),
        ([fact("day") > date(2026, 1, 1), fact("day") < date(2026, 1, 2)], []),
        ([fact("signed_at") > now(), fact("signed_at") < now()], []),
        ([fact("done").contains("a")], [fact("done").contains("a")]),
        ([fact("won").is_true(), fact("won").is_false()], []),
    ],
    ids=str,
)
def test_what_no_facts_meet_is_unsatisfiable(met: list[Rule], not_met: list[Rule]) -> None:
    assert isinstance(witness(met, not_met), Unsatisfiable)


def test_what_is_too_hard_is_neither_found_nor_ruled_out() -> None:
    assert witness([fact("name").matches("Ac*")], [fact("name").matches("A*")]) is None


def test_a_condition_that_does_not_hold_spares_the_rule() -> None:
    criterion = Criterion(key="it", rule=fact("a") > 1, when=fact("b").is_true())
    found = witness([criterion, fact("a") == "text"])
    assert isinstance(found, Witness)
    assert found.facts.get("b") is not True
    assert isinstance(witness([criterion, fact("a") == "text", fact("b").is_true()]), Unsatisfiable)


def test_a_text_that_a_number_is_asked_of_does_not_meet_the_rule() -> None:
    found = witness([fact("a").one_of("text", 7)], [(fact("a") > 5) | (fact("a") == "text")])
    assert isinstance(found, Witness)
    assert found.facts == {"a": "text"}


def test_many_dates_may_be_held_against_the_time() -> None:
    found = witness([fact(f"date_{number}").before(now()) for number in range(50)], at=NOW)
    assert isinstance(found, Witness)
    assert len(found.facts) == 50
    assert all(value < NOW for value in found.facts.values())


def test_a_witness_has_only_what_is_needed() -> None:
    found = witness([(fact("a") > 1) | (fact("b") > 1)])
    assert isinstance(found, Witness)
    assert len(found.facts) == 1


def test_the_time_in_stage_is_counted_from_entered_at() -> None:
    found = witness([time_in_stage() >= days(7)], at=NOW)
    assert isinstance(found, Witness)
    assert found.facts == {"entered_at": NOW - days(7)}


def test_a_function_in_a_rule_is_asked_itself() -> None:
    def large(deal: Any) -> bool:
        return deal["amount"] > 3

    found = witness([predicate(large), fact("amount") >= 10])
    assert isinstance(found, Witness)
    assert found.facts == {"amount": 10}
    assert witness([predicate(lambda _deal: False)]) is None


def test_dotted_facts_are_dicts_in_the_deal() -> None:
    assert nested({"a.b.c": 1, "a.b.d": 2, "a": 0, "e": 3}) == {"a": {"b": {"c": 1, "d": 2}}, "e": 3}
