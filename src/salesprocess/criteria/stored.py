"""Rules out of their stored form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from salesprocess import _text
from salesprocess._text import suggestion
from salesprocess.criteria.rules import OPERATORS, UNARY, AllOf, AnyOf, AtLeast, Comparison, Not, Predicate, Rule, Term

_DEEPEST = 40


def parse(data: object, depth: int = 0) -> Rule:  # noqa: PLR0911 - one return a kind
    """The rule that a stored form means; a `Rule` passes as it is.

    Raises:
        ValueError: with what was found and what was expected.
    """
    if isinstance(data, Rule):
        return data
    if not isinstance(data, Mapping):
        raise ValueError(f"expected a rule, found {_text.shown(data)}")  # noqa: TRY004 - pydantic collects ValueError alone
    if depth > _DEEPEST:
        raise ValueError(f"a rule may be nested {_DEEPEST} deep, this one is deeper")
    keys = set(data)
    match data:
        case {"all": list() | tuple() as rules} if keys == {"all"}:
            return AllOf(_parse_all(rules, depth))
        case {"any": list() | tuple() as rules} if keys == {"any"}:
            return AnyOf(_parse_all(rules, depth))
        case {"not": rule} if keys == {"not"}:
            return Not(parse(rule, depth + 1))
        case {"at_least": int() as needed, "of": list() | tuple() as rules} if keys == {"at_least", "of"}:
            return AtLeast(needed, _parse_all(rules, depth))
        case {"predicate": str() as name} if keys == {"predicate"}:
            return Predicate(name)
        case {"op": str() as op}:
            return _parse_comparison(data, op)
    raise ValueError(f"expected a rule, such as {{'fact': 'budget', 'op': 'known'}}, found {_text.shown(dict(data))}")


def _parse_all(rules: Sequence[object], depth: int) -> tuple[Rule, ...]:
    return tuple(parse(rule, depth + 1) for rule in rules)


def _parse_comparison(data: Mapping[str, object], op: str) -> Comparison:
    if op not in OPERATORS:
        raise ValueError(f"no operator {op!r}{suggestion(op, OPERATORS)}")
    term = _parse_term({key: value for key, value in data.items() if key not in {"op", "value"}})
    if ("value" in data) is (op in UNARY):
        raise ValueError(f"operator {op!r} takes {'no value' if op in UNARY else 'a value'}")
    value = data.get("value")
    match op, value:
        case (_, None) if op in UNARY:
            return Comparison(term, op)
        case "in", list() | tuple():
            return Comparison(term, op, tuple(_text.decode(item) for item in value))
        case "in", _:
            raise ValueError(f"operator 'in' takes a list, found {_text.shown(value)}")
    if isinstance(value, Mapping) and op not in {"contains", "matches"} and not _TERM_KEYS.isdisjoint(value):
        return Comparison(term, op, _parse_term(value))
    return Comparison(term, op, _text.decode(value))


_TERM_KEYS = {"fact", "context", "now", "time_in_stage"}


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
    raise ValueError(f"expected one of fact, context, now, time_in_stage, found {_text.shown(dict(data))}")


def _measured(term: Term, rest: Mapping[str, object]) -> Term:
    if not rest:
        return term
    if rest == {"measure": "count"}:
        return term.count()
    if rest == {"measure": "distinct"}:
        return term.distinct()
    raise ValueError(f"{term!r} takes a measure of count or distinct, found {_text.shown(dict(rest))}")
