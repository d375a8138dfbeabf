"""Rules as data: how they are built, and what building refuses."""

from __future__ import annotations

import json
import math
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from salesprocess import DefinitionError, Stage, fact, predicate
from salesprocess.criteria import parse
from salesprocess.criteria.rules import comparisons, inputs, literals, predicates, terms, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Finding

    Ask = Callable[..., Finding]


@pytest.mark.parametrize(
    "use",
    [
        lambda: bool(fact("a") == 1),
        lambda: (fact("a") > 1) and (fact("b") > 1),
        lambda: 1 < fact("a") < 5,  # type: ignore[operator]
        lambda: not fact("a"),
    ],
    ids=["bool", "and", "chained", "term"],
)
def test_rule_as_a_bool(use: Any) -> None:
    """A rule that is used as if it were the answer is an error that says what to write."""
    with pytest.raises(TypeError, match="no truth of its own"):
        use()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fact("a") == None, r"is_known"),  # noqa: E711
        (lambda: fact("a") > math.nan, "nan"),  # noqa: PLW0177
        (lambda: fact("a") > datetime(2026, 1, 1), "time zone"),  # noqa: DTZ001
        (lambda: fact("a") == object(), "cannot hold a object"),
        (lambda: fact("a").matches("*" * 300), "at most 200"),
        (lambda: fact("a").between(2, 1), "starts with its lower end"),
        (lambda: fact("a").between(1, "b"), "ends that can be compared"),
        (lambda: fact("a").between(None, 1), r"is_known"),
        (lambda: fact("a..b"), "no fact"),
        (lambda: fact("__class__"), "none private"),
        (lambda: (fact("a") > 1) & True, "expected a rule"),
        (lambda: predicate(3), "function or its name"),  # type: ignore[arg-type]
    ],
)
def test_refused_when_built(make: Any, message: str) -> None:
    """A rule that cannot be stored or asked is refused when it is built."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_term_as_a_criterion() -> None:
    """A term without a comparison is refused, with the comparisons to choose from."""
    with pytest.raises(DefinitionError, match="is no rule yet"):
        Stage(key="a", exit_criteria=[fact("budget")])  # type: ignore[list-item]


def test_predicate_given_as_a_function(ask: Ask) -> None:
    """A predicate given as a function needs no registry, and is stored by name."""

    def credit_ok(deal: Any) -> bool:
        return bool(deal["limit"])

    rule = predicate(credit_ok)
    assert ask(rule, {"limit": 5}).status == "met"
    assert rule.data() == {"predicate": "credit_ok"}
    assert rule == parse({"predicate": "credit_ok"})


@pytest.mark.parametrize("value", [partial(bool, 1), json, 7, None])
def test_function_without_a_name(value: Any) -> None:
    """A predicate is a function that has a name."""
    with pytest.raises(TypeError, match="expected a function or its name, found"):
        predicate(value)


RULE = (fact("a.b") >= 10) & ~(fact("c").one_of("x", "y") | predicate("p")) & (fact("c") < fact("a.b"))


def test_walk() -> None:
    """A walk visits every rule in a tree, each before its parts, in the order in which they are written."""
    assert [type(rule).__name__ for rule in walk(RULE)] == [
        "AllOf",
        "Comparison",
        "Not",
        "AnyOf",
        "Comparison",
        "Predicate",
        "Comparison",
    ]


def test_what_a_rule_looks_at() -> None:
    """What a rule reads is named once, in order; its terms and literals as often as they are written."""
    assert [tuple(each) for each in inputs(RULE)] == [("fact", "a.b"), ("fact", "c"), ("predicate", "p")]
    assert list(map(str, terms(RULE))) == ["a.b", "c", "c", "a.b"]
    assert list(literals(RULE)) == [10, "x", "y"]
    assert list(map(str, predicates(RULE))) == ["p holds"]
    assert len(list(comparisons(RULE, RULE))) == 6


def test_and_or_of_the_same_kind_are_one_rule() -> None:
    """`a & b & c` is one rule of three parts, and `~~a` is `a`."""
    a, b, c = (fact(name).is_true() for name in "abc")
    assert (a & b & c).parts == (a, b, c)
    assert (a | (b | c)).parts == (a, b, c)
    assert ((a & b) | c).parts == (a & b, c)
    assert ~~a is a
