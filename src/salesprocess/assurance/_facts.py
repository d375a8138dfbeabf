"""What is certain about demands on facts: by intervals, sets and counts, one fact at a time.

Only what cannot be otherwise is concluded, for values of ordinary types: numbers, text, times, enums, collections.
Nothing is concluded about a predicate but that it has one answer.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final, NamedTuple, TypeAlias

from salesprocess._operations import MET, UNKNOWN, UNMET, operation
from salesprocess._rules import Comparison, Measure, Predicate, Term

ORDERED: Final = frozenset({"<", "<=", ">", ">="})
_OPPOSITE: Final = {
    "<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "==", "true": "false", "false": "true",
}  # fmt: skip
_RELATIONS: Final = {"<": {-1}, "<=": {-1, 0}, "==": {0}, ">=": {0, 1}, ">": {1}, "!=": {-1, 1}}

Subject: TypeAlias = tuple[str, str | None]


class Demand(NamedTuple):
    """One comparison or predicate, and the status that it is to have."""

    rule: Comparison | Predicate
    status: int


class Constraint(NamedTuple):
    """What a value must be: an operator that holds, or with `holds=False` one that does not."""

    op: str
    value: Any
    holds: bool = True

    def allows(self, value: Any) -> bool:
        """Whether a value is so; one that cannot be compared is not."""
        try:
            return bool(operation(self.op, self.value)(value, self.value)) is self.holds
        except TypeError:
            return False


@dataclass
class Known:
    """All that is asked of one fact."""

    missing: bool = False
    present: bool = False
    constraints: dict[Measure | None, list[Constraint]] = field(default_factory=lambda: defaultdict(list))


def consistent(demands: Sequence[Demand]) -> bool:
    """Whether the demands can hold of one deal: `False` only where it is certain that they cannot."""
    facts: dict[Subject, Known] = defaultdict(Known)
    relations: dict[tuple[object, object], set[int]] = {}
    answers: dict[str, int] = {}
    for rule, status in demands:
        if isinstance(rule, Predicate):
            if answers.setdefault(rule.function_name, status) != status:
                return False
        elif isinstance(rule.value, Term):
            if not _relate(rule.term, rule.op, rule.value, status, facts, relations):
                return False
        else:
            _demand(facts[_subject(rule.term)], rule, status)
    return all(_possible(known) for known in facts.values())


def facts_of(demands: Iterable[Demand]) -> dict[Subject, Known]:
    """What the demands ask of each fact, those that compare facts with each other aside."""
    facts: dict[Subject, Known] = defaultdict(Known)
    for rule, status in demands:
        if isinstance(rule, Comparison) and not isinstance(rule.value, Term):
            _demand(facts[_subject(rule.term)], rule, status)
    return facts


def _subject(term: Term) -> Subject:
    return term.source, term.path


def _demand(known: Known, rule: Comparison, status: int) -> None:
    if status == UNKNOWN or (rule.op == "known" and status == UNMET):
        known.missing = True
        return
    known.present = True
    if rule.op == "known":
        return
    holds = status == MET
    asked = known.constraints[rule.term.measure]
    if holds:
        asked.append(Constraint(rule.op, rule.value))
    elif rule.op == "in":
        asked.extend(Constraint("!=", value) for value in rule.value)  # type: ignore[union-attr]
    elif rule.op in _OPPOSITE:
        asked.append(Constraint(_OPPOSITE[rule.op], rule.value))
    else:
        asked.append(Constraint(rule.op, rule.value, holds=False))


def _relate(
    left: Term,
    op: str,
    right: Term,
    status: int,
    facts: dict[Subject, Known],
    relations: dict[tuple[object, object], set[int]],
) -> bool:
    """Notes how two terms compare; false where nothing is left that they could be."""
    if status == UNKNOWN or op not in _RELATIONS:
        return True
    facts[_subject(left)].present = facts[_subject(right)].present = True
    allowed = _RELATIONS[op] if status == MET else _RELATIONS[_OPPOSITE[op]]
    first, second = left.key(), right.key()
    if repr(first) > repr(second):
        first, second, allowed = second, first, {-sign for sign in allowed}
    former = {0} if first == second else relations.get((first, second), {-1, 0, 1})
    relations[first, second] = former & allowed
    return bool(former & allowed)


def _possible(known: Known) -> bool:
    if known.missing and known.present:
        return False
    plain, counts = known.constraints.get(None, []), known.constraints.get("count", [])
    distinct = known.constraints.get("distinct", [])
    if not (counts or distinct):
        return len(plain) < 1 or _possible_value(plain)
    if any(constraint.op in ORDERED or constraint.op == "matches" for constraint in plain if constraint.holds):
        return False
    held = len({constraint.value for constraint in plain if constraint.op == "contains" and constraint.holds})
    count, different = _whole_numbers(counts, held), _whole_numbers(distinct, held)
    if count is None or different is None or not _possible_value(plain):
        return False
    (least_of_all, most_of_all), (least, most) = count, different
    return least <= most_of_all and not (least_of_all >= 1 and most < 1)


def _possible_value(constraints: Sequence[Constraint]) -> bool:
    if len(constraints) == 1 and constraints[0].op != "in":
        return True
    finite = listed_values(constraints)
    if finite is not None:
        return any(all(each.allows(value) for each in constraints) for value in finite)
    kinds = {kind for each in constraints if each.op in ORDERED and (kind := kind_of(each.value))}
    if any(each.op == "matches" and each.holds for each in constraints):
        kinds.add("text")
    if len(kinds) > 1 or {"true", "false"} <= {each.op for each in constraints}:
        return False
    return _sets_agree(constraints) and _bounds_agree(constraints)


def _sets_agree(constraints: Sequence[Constraint]) -> bool:
    for op in ("contains", "matches"):
        held = [each.value for each in constraints if each.op == op and each.holds]
        refused = {each.value for each in constraints if each.op == op and not each.holds}
        if not refused.isdisjoint(held):
            return False
    return True


def bounds_of(constraints: Iterable[Constraint]) -> tuple[Constraint | None, Constraint | None]:
    """The tightest lower and upper bound.

    Raises:
        TypeError: for bounds that cannot be compared with each other.
    """
    lower: Constraint | None = None
    upper: Constraint | None = None
    for each in constraints:
        if each.op in {">", ">="} and (lower is None or (each.value, each.op == ">") > (lower.value, lower.op == ">")):
            lower = each
        elif each.op in {"<", "<="} and (
            upper is None or (each.value, each.op == "<=") < (upper.value, upper.op == "<=")
        ):
            upper = each
    return lower, upper


def _bounds_agree(constraints: Sequence[Constraint]) -> bool:
    try:
        lower, upper = bounds_of(constraints)
        if lower is None or upper is None or lower.value < upper.value:
            return True
    except TypeError:
        return True
    # What is left is the one value between the bounds, if both let it be.
    return all(each.allows(lower.value) for each in constraints if each.op in {*ORDERED, "!="})


def listed_values(constraints: Iterable[Constraint]) -> list[Any] | None:
    """The only values that will do, where they are listed: an enum member may stand for its value."""
    for each in constraints:
        if each.holds and each.op in {"==", "in"}:
            values = each.value if each.op == "in" else (each.value,)
            # A member of a host's enum equals its value in a rule, and is true where that value is not.
            members = [_member(value) for value in values if value in (0, "") and not isinstance(value, bool)]
            return [*values, *members]
    return None


def _member(value: Any) -> Enum:
    return Enum("Host", {"MEMBER": value}).MEMBER  # type: ignore[attr-defined, no-any-return]


def _whole_numbers(constraints: Sequence[Constraint], least: int) -> tuple[float, float] | None:
    """The least and the most that a count can be, or `None` where no count will do."""
    listed = listed_values(constraints)
    if listed is not None:
        whole = [int(n) for n in listed if isinstance(n, int | float | Decimal) and n == int(n) and n >= least]
        fitting = [n for n in whole if all(each.allows(n) for each in constraints)]
        return (min(fitting), max(fitting)) if fitting else None
    low, high = float(least), math.inf
    for each in constraints:
        if each.op in ORDERED and kind_of(each.value) != "number":
            return None
        if each.op in {">", ">="}:
            low = max(low, math.floor(each.value) + 1 if each.op == ">" else math.ceil(each.value))
        elif each.op in {"<", "<="}:
            high = min(high, math.ceil(each.value) - 1 if each.op == "<" else math.floor(each.value))
    # Every other constraint takes away one number at most, or all of them.
    for _ in constraints:
        low += not all(each.allows(low) for each in constraints)
    return (low, high) if low <= high and all(each.allows(low) for each in constraints) else None


def kind_of(value: object) -> str | None:
    """The kind of things that a literal can be ordered with."""
    if isinstance(value, int | float | Decimal):
        return "number"
    for kind, types in _KINDS.items():
        if isinstance(value, types):
            return kind
    return None


_KINDS: Final[dict[str, type]] = {"text": str, "time": datetime, "date": date, "duration": timedelta}
