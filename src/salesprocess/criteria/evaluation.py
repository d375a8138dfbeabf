"""Three-valued logic: what a rule comes to when values may be missing, and rules compiled to functions.

A rule is met, unmet or unknown. This is the only implementation in Python; what works on other things than values, such
as pairs of expressions, uses `at_least`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from operator import itemgetter
from typing import Any, Final, TypeAlias, TypeVar

from salesprocess._text import shown
from salesprocess.criteria.comparing import (
    COMPARED_AS_THEY_ARE,
    as_compared,
    is_missing,
    number_of_different,
    refuse_what_is_called,
)
from salesprocess.criteria.operators import NOTHING, OPERATORS, Operator
from salesprocess.criteria.reading import Values
from salesprocess.criteria.rules import AtLeast, Comparison, Input, Not, Predicate, Rule, Term

T = TypeVar("T")
Test: TypeAlias = Callable[[Values], int]
_Getter: TypeAlias = Callable[[Values], Any]

MET: Final = 0
UNMET: Final = 1
UNKNOWN: Final = 2
_NEGATED: Final = (UNMET, MET, UNKNOWN)
# Types whose values are never missing, and that Python compares rightly with their own kind.
_ALIKE: Final = frozenset({str, int, bool, date, timedelta})
_SURELY_KNOWN: Final = _ALIKE | {datetime, list, tuple, dict}


def measured(value: Any, term: Term) -> int | None:
    """Return how many known items a collection has, or how many different ones, as the term's measure asks.

    Raises:
        TypeError: for what is no collection.
    """
    if is_missing(value):
        return None
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        raise TypeError(f"{term} asks for a collection, found {shown(value)}")
    known = [item for item in value if not is_missing(item)]
    return len(known) if term.measure == "count" else number_of_different(known)


def at_least(rule: AtLeast, parts: Sequence[tuple[T, T]], so_many: Callable[[int, list[T]], T]) -> tuple[T, T]:
    """Return where a rule is met and where it is unmet, from the same of its parts.

    `so_many(count, parts)` says where at least so many of the parts are true.
    """
    met = so_many(rule.needed, [met for met, _ in parts])
    return met, so_many(rule.unmet_at, [unmet for _, unmet in parts])


def compiled(rule: Rule, index: Mapping[Input, int]) -> Test:
    """Return the rule as a function of values, in which each input stands where `index` says.

    The function returns `MET`, `UNMET` or `UNKNOWN`, and raises what comparing the values raises.
    """
    match rule:
        case Comparison():
            return _comparison(rule, index)
        case Predicate():
            return _truth(index[rule.input], MET, UNMET)
        case Not(rule=inner):
            test = compiled(inner, index)
            return lambda values: _NEGATED[test(values)]
        case AtLeast(rules=rules, needed=needed, unmet_at=unmet_at):
            return _so_many(needed, unmet_at, [compiled(part, index) for part in rules])
    raise TypeError(f"not a rule: {rule!r}")


def _so_many(needed: int, unmet_at: int, tests: Sequence[Test]) -> Test:
    def test_so_many(values: Values) -> int:
        # All of them, since one that raises makes the whole errored whatever the others say.
        statuses = [test(values) for test in tests]
        if statuses.count(MET) >= needed:
            return MET
        return UNMET if statuses.count(UNMET) >= unmet_at else UNKNOWN

    return test_so_many


def _comparison(rule: Comparison, index: Mapping[Input, int]) -> Test:
    operator, met, unmet = rule.operator, MET, UNMET
    if operator.negates is not None:
        operator, met, unmet = OPERATORS[operator.negates], UNMET, MET
    at = index[rule.term.input]
    if operator.question == "presence":
        return _presence(at)
    if operator.question == "truth" and rule.term.measure is None:
        return _truth(at, met, unmet)
    # True stands for what an operator without a value asks for, since `None` would be a value that is missing.
    asked = True if operator.operand is NOTHING else operator.prepare(rule.value)
    if isinstance(rule.value, Term):
        return _of_terms(_getter(rule.term, index), _getter(rule.value, index), operator, met, unmet)
    if rule.term.measure is not None:
        return _of_terms(_getter(rule.term, index), lambda _values: asked, operator, met, unmet)
    return _of_constant(at, operator, rule, asked, met, unmet)


def _presence(at: int) -> Test:
    def test_presence(values: Values) -> int:
        value = values[at]
        if value.__class__ in _SURELY_KNOWN:
            return MET
        if is_missing(value):
            return UNMET
        refuse_what_is_called(value)
        return MET

    return test_presence


def _truth(at: int, met: int, unmet: int) -> Test:
    def test_truth(values: Values) -> int:
        value = values[at]
        if value is True:
            return met
        if value is False:
            return unmet
        if is_missing(value):
            return UNKNOWN
        return met if as_compared(value)[1] else unmet

    return test_truth


def _plain_types(rule: Comparison) -> frozenset[type]:
    """Return the types of values that Python compares rightly with all literals of the rule."""
    types = [COMPARED_AS_THEY_ARE.get(type(value), frozenset()) for value in rule.literals()]
    return frozenset.intersection(*types) if types and rule.operator.holds_plainly else frozenset()


def _of_constant(at: int, operator: Operator, rule: Comparison, asked: Any, met: int, unmet: int) -> Test:
    plain = _plain_types(rule)
    # One type is asked for by identity, which is quicker than to look it up: most facts are of their literal's type.
    kind = type(rule.literals()[0]) if plain else None
    holds, holds_plainly = operator.holds, operator.holds_plainly or operator.holds

    def test_constant(values: Values) -> int:
        value = values[at]
        if value.__class__ is kind:
            if holds_plainly(value, asked):
                return met
            return unmet if value == value else UNKNOWN  # noqa: PLR0124 - NaN is unknown
        if is_missing(value):
            return UNKNOWN
        return met if (holds_plainly if value.__class__ in plain else holds)(value, asked) else unmet

    return test_constant


def _of_terms(left: _Getter, right: _Getter, operator: Operator, met: int, unmet: int) -> Test:
    holds, holds_plainly = operator.holds, operator.holds_plainly or operator.holds

    def test_terms(values: Values) -> int:
        found, asked = left(values), right(values)
        if found.__class__ is asked.__class__ and found.__class__ in _ALIKE:
            return met if holds_plainly(found, asked) else unmet
        # Both are looked at, so that one that is no value is seen beside one that is missing.
        if is_missing(found) | is_missing(asked):
            refuse_what_is_called(found)
            refuse_what_is_called(asked)
            return UNKNOWN
        return met if holds(found, asked) else unmet

    return test_terms


def _getter(term: Term, index: Mapping[Input, int]) -> _Getter:
    at = index[term.input]
    return itemgetter(at) if term.measure is None else lambda values: measured(values[at], term)
