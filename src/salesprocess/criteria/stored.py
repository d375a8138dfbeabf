"""Rules from their stored form. `Rule.data` is the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salesprocess import _text
from salesprocess.criteria.operators import NOTHING, OPERATORS
from salesprocess.criteria.rules import DEEPEST, AllOf, AnyOf, AtLeast, Comparison, Not, Predicate, Rule, Term

_TERM_KEYS = ("fact", "context", "now", "time_in_stage")


def parse(data: object, depth: int = 0) -> Rule:  # noqa: PLR0911 - one return a kind
    """Return the rule that a stored form means; return a `Rule` as it is.

    Raises:
        ValueError: with what was found and what was expected.
    """
    if depth > DEEPEST or (isinstance(data, Rule) and depth + data.depth > DEEPEST):
        raise ValueError(f"a rule may be nested {DEEPEST} deep, this one is deeper")
    if isinstance(data, Rule):
        return data
    if not isinstance(data, Mapping):
        raise ValueError(f"expected a rule, found {_text.shown(data)}")  # noqa: TRY004 - pydantic collects ValueError alone
    keys = set(data)
    match data:
        case {"all": list() | tuple() as rules} if keys == {"all"}:
            return AllOf(_parse_each(rules, depth))
        case {"any": list() | tuple() as rules} if keys == {"any"}:
            return AnyOf(_parse_each(rules, depth))
        case {"not": rule} if keys == {"not"}:
            return Not(parse(rule, depth + 1))
        case {"at_least": int() as needed, "of": list() | tuple() as rules} if keys == {"at_least", "of"}:
            return AtLeast(needed, _parse_each(rules, depth))
        case {"predicate": str() as name} if keys == {"predicate"}:
            return Predicate(name)
        case {"op": str() as op}:
            return _parse_comparison(data, op)
    raise ValueError(f"expected a rule, such as {{'fact': 'budget', 'op': 'known'}}, found {_text.shown(dict(data))}")


def _parse_each(rules: Sequence[object], depth: int) -> tuple[Rule, ...]:
    return tuple(parse(rule, depth + 1) for rule in rules)


def _parse_comparison(data: Mapping[str, object], op: str) -> Comparison:
    if op not in OPERATORS:
        raise ValueError(f"unknown operator {op!r}{_text.suggestion(op, OPERATORS)}")
    operand = OPERATORS[op].operand
    term = _parse_term({key: value for key, value in data.items() if key not in {"op", "value"}})
    if ("value" in data) is (operand is NOTHING):
        raise ValueError(f"operator {op!r} takes {operand.description}")
    value = data.get("value")
    if operand is NOTHING:
        return Comparison(term, op)
    if operand.is_list:
        if not isinstance(value, list | tuple):
            raise ValueError(f"operator {op!r} takes {operand.description}, found {_text.shown(value)}")
        return Comparison(term, op, tuple(_text.decode(item) for item in value))
    if operand.takes_terms and isinstance(value, Mapping) and not value.keys().isdisjoint(_TERM_KEYS):
        return Comparison(term, op, _parse_term(value))
    return Comparison(term, op, _text.decode(value))


def _parse_term(data: Mapping[str, object]) -> Term:
    match dict(data):
        case {"fact": str() as path, **rest}:
            return _measured(Term("fact", path), rest)
        case {"context": str() as path, **rest}:
            return _measured(Term("context", path), rest)
        case {"now": True, **rest} if not rest:
            return Term("now")
        case {"time_in_stage": True, **rest} if not rest:
            return Term("time_in_stage")
    raise ValueError(f"expected one of {', '.join(_TERM_KEYS)}, found {_text.shown(dict(data))}")


def _measured(term: Term, rest: Mapping[str, object]) -> Term:
    match rest:
        case {"measure": "count"} if len(rest) == 1:
            return term.count()
        case {"measure": "distinct"} if len(rest) == 1:
            return term.distinct()
        case _ if rest:
            raise ValueError(f"{term!r} takes a measure of count or distinct, found {_text.shown(dict(rest))}")
    return term
