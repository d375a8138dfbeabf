"""Rules in other languages: complete, and with no word of English left."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesprocess import Criterion, Finding, at_least, context, days, fact, now, predicate, time_in_stage
from salesprocess.criteria import Rule
from salesprocess.criteria.wording import ENGLISH, GERMAN, Words, missing
from tests.criteria.conftest import ask_engine

x1 = fact("x1")
MOMENT = datetime(2026, 10, 25, 2, 30, tzinfo=UTC)
leaves = st.sampled_from(
    [
        *(x1 == 1, x1 != 2, x1 < 3, x1 <= 4, x1 > 5_000, x1 >= Decimal("10000.5")),
        *(x1.between(1, 2), x1.one_of("x2", True), x1.contains("x3"), x1.matches("x*")),
        *(x1.is_known(), x1.is_true(), x1.is_false(), x1.count() >= 2, x1.distinct() >= 2),
        *(x1 < MOMENT, x1 <= date(2026, 10, 25), x1 > now(), x1 >= MOMENT, x1 == fact("x4")),
        *(context("x5").is_known(), time_in_stage() >= days(7), time_in_stage() < timedelta(minutes=1)),
        *(predicate("x6"), x1.one_of(), at_least(1, of=[])),
    ]
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
        st.builds(lambda some: at_least(2, of=some), st.lists(inner, max_size=3)),
    ),
    max_leaves=4,
)
values = st.sampled_from([None, True, False, 1, 12_345, 0.5, "x7", MOMENT, days(2), [1, "x8"], {"x9": None}])


def templates(words: Words) -> Iterator[tuple[str, str]]:
    """Yield the templates of a language with their places."""
    for field in dataclasses.fields(words):
        part = getattr(words, field.name)
        for name, found in part.items() if isinstance(part, Mapping) else [("", part)]:
            for number, text in enumerate(
                [found] if isinstance(found, str) else found if isinstance(found, tuple) else []
            ):
                yield f"{field.name}.{name}.{number}", text


def plain_words(text: str) -> set[str]:
    """Return the words of a text, without the parts in braces."""
    return set(re.findall(r"[^\W\d_]{2,}", re.sub(r"\{[^}]*\}", " ", text)))


ENGLISH_WORDS = set().union(*(plain_words(text) for _, text in templates(ENGLISH))) - {"to", "reason"}


def assert_german(text: str) -> None:
    """Assert that no word of an English template is in a text, but for arguments of calls."""
    assert not plain_words(text) & ENGLISH_WORDS


@pytest.mark.parametrize("words", [GERMAN], ids=["German"])
def test_complete(words: Words) -> None:
    """A language has every sentence that English has, with the same parts."""
    assert missing(words) == ()
    english, other = dict(templates(ENGLISH)), dict(templates(words))
    for place, text in other.items():
        if place in english and not place.startswith(("operators.false", "operators.true")):
            assert parts_of(text) == parts_of(english[place]), place


def parts_of(text: str) -> list[str]:
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_missing() -> None:
    """What a language lacks is named."""
    partial = dataclasses.replace(GERMAN, sentences={}, operators=dict(list(GERMAN.operators.items())[1:]), raised="")
    assert {"operators.==", "sentences.blocked", "raised"} <= set(missing(partial))


@given(rule=rules)
def test_german_rule(rule: Rule) -> None:
    """A rule in German has no English word, and in English reads as `str` does."""
    assert_german(rule.text(GERMAN))
    assert rule.text(ENGLISH) == str(rule)


@given(rule=rules, when=st.none() | rules, value=values, confidential=st.booleans())
def test_german_finding(rule: Rule, when: Rule | None, value: Any, confidential: bool) -> None:
    """A finding in German has no English word, and in English reads as `str` does."""
    criterion = Criterion(key="x0", label="x10", rule=rule, when=when, confidential=confidential)
    assert_german(criterion.text(GERMAN))
    deal = {"x1": value, "x4": 1, "entered_at": MOMENT}
    try:
        finding: Finding = ask_engine(criterion, deal, predicates={"x6": lambda _deal: True})
    except ValueError:  # the criterion does not apply, so there is no finding
        return
    assert_german(finding.text(GERMAN).replace("TypeError", ""))
    assert finding.text(ENGLISH) == str(finding)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (10_000.5, "10.000,5"),
        (Decimal("1234.50"), "1.234,50"),
        (date(2026, 10, 25), "25.10.2026"),
        (MOMENT, "25.10.2026 02:30:00 UTC"),
        (days(1), "1 Tag"),
        (timedelta(seconds=1.5), "1,5 Sekunden"),
        ([1.5, "a"], "[1,5; „a“]"),
        (None, "nichts"),
        (True, "wahr"),
    ],
)
def test_german_value(value: object, text: str) -> None:
    """Numbers, dates, durations and lists are written as German writes them."""
    assert GERMAN.value(value) == text


def test_labels_by_key() -> None:
    """A language has its own labels, by the keys of criteria and facts."""
    words = dataclasses.replace(GERMAN, labels={"budget": "Budget"})
    criterion = Criterion(key="budget", label="Budget confirmed", rule=fact("budget") >= 10_000)
    found = ask_engine(criterion, {"budget": 500})
    assert found.text(words) == "Budget (budget): erwartet mindestens 10.000, gefunden 500"
    assert criterion.rule.text(words) == "Budget ist mindestens 10.000"
