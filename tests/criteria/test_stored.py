"""The stored form of rules."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesprocess import Criterion, at_least, context, days, fact, now, predicate, time_in_stage
from salesprocess.criteria import parse

if TYPE_CHECKING:
    from salesprocess.criteria import Rule


literals = (
    st.text(max_size=5)
    | st.integers()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.datetimes(timezones=st.just(UTC))
    | st.dates()
    | st.timedeltas(timedelta(-1000), timedelta(1000))
)
paths = st.sampled_from(["a", "b.c", "open_items"])
terms = (
    st.builds(fact, paths) | st.builds(context, paths) | st.just(now()) | st.builds(lambda p: fact(p).count(), paths)
)
leaves = (
    st.builds(lambda term, value: term >= value, terms, literals)
    | st.builds(lambda term, value: term == value, terms, literals)
    | st.builds(lambda a, b: a < b, terms, terms)
    | st.builds(lambda term, values: term.one_of(*values), terms, st.lists(literals, max_size=3))
    | st.builds(lambda term, ends: term.between(*sorted(ends)), terms, st.tuples(st.integers(), st.integers()))
    | st.builds(lambda term: term.is_known(), terms)
    | st.builds(predicate, st.sampled_from(["p", "q"]))
    | st.builds(lambda term, value: term.contains(value), terms, literals)
)
rules = st.recursive(
    leaves,
    lambda inner: (
        st.builds(lambda a, b: a & b, inner, inner)
        | st.builds(lambda a, b: a | b, inner, inner)
        | st.builds(lambda a: ~a, inner)
        | st.builds(lambda n, several: at_least(n, of=several), st.integers(0, 3), st.lists(inner, max_size=3))
    ),
    max_leaves=6,
)


@given(rules)
def test_round_trip(rule: Rule) -> None:
    """A rule comes back from JSON equal, and reading the same."""
    criterion = Criterion(key="k", rule=rule)
    loaded = Criterion.model_validate_json(criterion.model_dump_json())
    assert loaded == criterion
    assert hash(loaded) == hash(criterion)
    assert str(loaded.rule) == str(rule)


def test_plain_json() -> None:
    """The stored form is of plain JSON types."""
    assert (fact("amount") >= 10000).data() == {"fact": "amount", "op": ">=", "value": 10000}
    assert (fact("a") < fact("b")).data() == {"fact": "a", "op": "<", "value": {"fact": "b"}}
    assert fact("a").between(1, 5).data() == {"fact": "a", "op": "between", "value": [1, 5]}
    assert (time_in_stage() >= days(7)).data() == {"time_in_stage": True, "op": ">=", "value": {"seconds": 604800}}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (3, "expected a rule, found 3"),
        ({}, "expected a rule, such as .*, found {}"),
        ({"fact": "a"}, "expected a rule, such as .*, found {'fact': 'a'}"),
        ({"fact": "a", "op": "=>", "value": 1}, "unknown operator '=>'"),
        ({"fact": "a", "op": ">="}, "operator '>=' takes a value"),
        ({"fact": "a", "op": "known", "value": 1}, "operator 'known' takes no value"),
        ({"fact": "a", "op": "in", "value": 1}, "operator 'in' takes a list, found 1"),
        ({"fact": "a", "op": "between", "value": 1}, "operator 'between' takes a list of two values, found 1"),
        ({"fact": "a", "op": "between", "value": [1, 2, 3]}, "a range has two ends"),
        ({"fact": "a", "context": "b", "op": "known"}, "found {'context': 'b'}"),
        ({"fact": "a", "op": ">=", "value": {"datetime": "soon"}}, "'soon' is no datetime"),
        ({"fact": "a", "op": ">=", "value": {"eval": "1"}}, "expected one of decimal, .*, found {'eval': '1'}"),
        ({"fact": "a", "op": ">=", "value": None}, "expected text, a number, true or false, found nothing"),
        ({"fact": "a", "measure": "sum", "op": ">=", "value": 1}, "measure of count or distinct, .* 'sum'"),
        ({"all": [{"fact": "a", "op": "known"}], "any": []}, "expected a rule, such as .*, found {'all'"),
        ({"predicate": ["os.system"]}, "expected a rule, such as .*, found {'predicate'"),
    ],
    ids=str,
)
def test_unknown_form(data: object, words: str) -> None:
    """A stored form that is not a rule is refused with what was found and what was expected."""
    with pytest.raises(ValueError, match=words):
        parse(data)


def test_nested_too_deep() -> None:
    """A rule that is nested too deep is refused."""
    data: dict[str, Any] = {"fact": "a", "op": "known"}
    for _ in range(500):
        data = {"not": data}
    with pytest.raises(ValueError, match="nested"):
        parse(data)
