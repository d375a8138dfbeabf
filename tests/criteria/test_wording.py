"""How rules, criteria and findings read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from salesprocess import Criterion, context, days, fact, now, predicate, time_in_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Finding
    from salesprocess.criteria import Rule

    Ask = Callable[..., Finding]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (fact("budget") >= 1000, "budget is at least 1,000"),
        (fact("a") == "x", "a is 'x'"),
        (fact("a") != 3, "a is anything but 3"),
        (fact("a").one_of("x", "y"), "a is one of 'x', 'y'"),
        (fact("a").between(1_000, 5_000), "a is between 1,000 and 5,000"),
        (fact("a").is_known() & ~fact("b").is_known(), "a is known and b is not known"),
        (fact("a").is_true() | (fact("b").is_true() & fact("c").is_true()), "a is true or (b is true and c is true)"),
        (~(fact("a") > 1), "not (a is more than 1)"),
        (fact("a").distinct() >= 2, "the number of distinct a is at least 2"),
        (fact("signed_at").before(now()), "signed_at is before now"),
        (time_in_stage() >= days(7), "time in stage is at least 7 days"),
        (context("role") == "manager", "role (of the context) is 'manager'"),
        (predicate("credit_ok"), "credit_ok holds"),
        (fact("a").contains("x"), "a contains 'x'"),
    ],
)
def test_rule(rule: Rule, text: str) -> None:
    """A rule reads like a sentence."""
    assert str(rule) == text


def test_finding_on_several_facts(ask: Ask) -> None:
    """A finding on several facts names each of them with its value."""
    either = (fact("users") >= 3) | fact("pilot").is_true()
    assert str(ask(either, {"users": 1, "pilot": False})).endswith(", found users 1, pilot false")
    assert str(ask(either, {"users": 1})).endswith(", found users 1, pilot nothing")
    assert str(ask(either, {})).endswith(", found nothing yet")


def test_name_of_a_finding(ask: Ask) -> None:
    """A finding is named by its label and key, or by the key where there is no other label."""
    rule = fact("fits").is_true()
    assert str(ask(Criterion(key="fit", label="Fits us", rule=rule), {"fits": False})) == (
        "Fits us (fit): expected true, found false"
    )
    for label in (None, json.loads('"fit"')):
        named = Criterion(key="fit", label=label, rule=rule)
        assert str(ask(named, {"fits": False})) == "fit: expected true, found false"
    assert str(ask(Criterion(key="fit", label="suits", rule=rule), {"fits": False})).startswith("suits (fit): ")


def test_criterion() -> None:
    """A criterion reads with its label, and with the deals that it is for."""
    rule = fact("legal").is_true()
    assert str(Criterion(key="legal", rule=rule)) == "legal is true"
    limited = Criterion(key="legal", label="Legal agreed", rule=rule, when=fact("amount") >= 1000)
    assert str(limited) == "Legal agreed: legal is true (when amount is at least 1,000)"
