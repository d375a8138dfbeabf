"""What each operator makes of a value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

import pytest

from salesprocess import fact, hours, now
from salesprocess.criteria import OPERATORS, Comparison
from salesprocess.criteria.evaluation import compiled

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Finding
    from salesprocess.criteria import Rule

    Ask = Callable[..., Finding]


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Source(Enum):
    REFERRAL = "referral"


@pytest.mark.parametrize(
    ("rule", "value", "status"),
    [
        (fact("x") >= 10, 10, "met"),
        (fact("x") >= 10, 9, "unmet"),
        (fact("x") > 10, 10, "unmet"),
        (fact("x") <= 10, 10, "met"),
        (fact("x") < 10, 10, "unmet"),
        (fact("x") == "a", "a", "met"),
        (fact("x") == "a", "b", "unmet"),
        (fact("x") != "a", "b", "met"),
        (fact("x") != "a", "a", "unmet"),
        (fact("x") == "referral", Source.REFERRAL, "met"),
        (fact("x") == Source.REFERRAL, "referral", "met"),
        (fact("x").one_of("a", "b"), "b", "met"),
        (fact("x").one_of("a", "b"), "c", "unmet"),
        (fact("x").one_of(), "c", "unmet"),
        (fact("x").between(10, 20), 9.9, "unmet"),
        (fact("x").between(10, 20), 10, "met"),
        (fact("x").between(10, 20), Decimal(20), "met"),
        (fact("x").between(10, 20), 21, "unmet"),
        (fact("x").between(10, 10), 10, "met"),
        (fact("x").between(10, 20), "many", "errored"),
        (fact("x").between(NOON - hours(1), NOON), NOON, "met"),
        (fact("x").contains("vip"), ["vip"], "met"),
        (fact("x").contains("vip"), {"new"}, "unmet"),
        (fact("x").contains("@"), "a@b", "met"),
        (fact("x").contains("referral"), [Source.REFERRAL], "met"),
        (fact("x").count() >= 1, ["a"], "met"),
        (fact("x").count() >= 1, [None], "unmet"),
        (fact("x").distinct() >= 2, ["a", "a"], "unmet"),
        (fact("x").distinct() >= 2, [["a"], ["b"]], "met"),
        (fact("x").matches("A*-?"), "Acme-1", "met"),
        (fact("x").matches("a*"), "Acme", "unmet"),
        (fact("x").matches("[a]*"), "[a]bc", "met"),
        (fact("x").is_true(), True, "met"),
        (fact("x").is_true(), "yes", "met"),
        (fact("x").is_true(), 0, "unmet"),
        (fact("x").is_false(), False, "met"),
        (fact("x").is_false(), 1, "unmet"),
        (fact("x").is_known(), "", "met"),
        (fact("x").before(now()), NOON - hours(1), "met"),
        (fact("x").after(now()), NOON - hours(1), "unmet"),
        (fact("x").before(date(2026, 1, 2)), date(2026, 1, 1), "met"),
        (fact("x") >= Decimal("1.5"), Decimal("1.50"), "met"),
    ],
)
def test_known_value(ask: Ask, rule: Rule, value: object, status: str) -> None:
    """An operator is met or unmet by a known value, with enum members taken as their values."""
    assert ask(rule, {"x": value}, at=NOON).status == status


MISSING = [{}, {"x": None}, {"x": math.nan}, {"x": Decimal("NaN")}]
COMPARISONS = [
    fact("x") >= 1,
    fact("x") > 1,
    fact("x") <= 1,
    fact("x") < 1,
    fact("x") == 1,
    fact("x") != 1,
    fact("x").one_of(1),
    fact("x").between(1, 5),
    fact("x").contains(1),
    fact("x").matches("a"),
    fact("x").is_true(),
    fact("x").is_false(),
    fact("x").count() >= 1,
    fact("x") < fact("y"),
    fact("y") < fact("x"),
]


@pytest.mark.parametrize("facts", MISSING, ids=["missing", "none", "nan", "decimal nan"])
@pytest.mark.parametrize("rule", COMPARISONS, ids=str)
def test_missing_fact_is_unknown(ask: Ask, rule: Rule, facts: dict[str, object]) -> None:
    """A missing fact makes every comparison unknown, and its negation too."""
    assert ask(rule, {"y": 1, **facts}).status == "unknown"
    assert ask(~rule, {"y": 1, **facts}).status == "unknown"


@pytest.mark.parametrize("facts", MISSING, ids=["missing", "none", "nan", "decimal nan"])
def test_is_known_is_never_unknown(ask: Ask, facts: dict[str, object]) -> None:
    """Whether a fact is known can always be answered."""
    assert ask(fact("x").is_known(), facts).status == "unmet"
    assert ask(~fact("x").is_known(), facts).status == "met"


@pytest.mark.parametrize("value", ["text", 3])
def test_only_collections_are_counted(ask: Ask, value: object) -> None:
    """Counting anything but a collection is an error."""
    assert ask(fact("x").distinct() >= 2, {"x": value}).status == "errored"


def test_glob_of_many_stars(ask: Ask) -> None:
    """A pattern of many stars is matched without backtracking."""
    assert ask(fact("x").matches("*a" * 100), {"x": "a" * 5000 + "b"}).status == "unmet"


def outcome(rule: Rule, value: object) -> int | type[Exception]:
    """What a rule comes to on one value, or the type of what it raises."""
    try:
        return compiled(rule, {fact("x").input: 0, fact("y").input: 1})((value, 1))
    except (ArithmeticError, TypeError) as error:
        return type(error)


@pytest.mark.parametrize("rule", COMPARISONS, ids=str)
@pytest.mark.parametrize("value", [None, math.nan, True, False, 0, 1, 5, "", "a", Source.REFERRAL, [1], NOON], ids=repr)
def test_simpler_operators(rule: Comparison, value: object) -> None:
    """What an operator is lowered to comes to the same, missing values and values of another type included."""
    assert outcome(rule.lowered(), value) == outcome(rule, value)


def test_every_operator() -> None:
    """These tests ask every operator of the table that can be unknown."""
    assert {rule.op for rule in COMPARISONS} == OPERATORS.keys() - {"known"}
