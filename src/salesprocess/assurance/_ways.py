"""The ways in which rules can come to an answer, as plain demands on single facts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Final, TypeAlias

from salesprocess._operations import MET, UNKNOWN, UNMET
from salesprocess._rules import AllOf, AnyOf, AtLeast, Comparison, Not, Predicate, Rule
from salesprocess.assurance._facts import Demand, consistent
from salesprocess.criteria import Criterion

Want: TypeAlias = frozenset[int]
Condition: TypeAlias = tuple[Rule, Want]

IS_MET: Final[Want] = frozenset({MET})
IS_UNMET: Final[Want] = frozenset({UNMET})
NOT_MET: Final[Want] = frozenset({UNMET, UNKNOWN})
NOT_UNMET: Final[Want] = frozenset({MET, UNKNOWN})

_NEGATED: Final = {IS_MET: IS_UNMET, IS_UNMET: IS_MET, NOT_MET: NOT_UNMET, NOT_UNMET: NOT_MET}
_MOST_STEPS: Final = 3_000
_DEEPEST: Final = 100


class _TooManyError(Exception):
    """The search was given up: nothing is certain."""


def effective(criterion: Criterion) -> Rule:
    """The rule of a criterion, met as well where the criterion does not apply."""
    return criterion.rule if criterion.when is None else AnyOf((Not(criterion.when), criterion.rule))


def possible(conditions: Iterable[Condition]) -> bool:
    """Whether some deal could meet all conditions at once: `False` only where it is certain that none can."""
    try:
        return next(found(conditions), None) is not None
    except _TooManyError:
        return True


def implies(left: Sequence[Rule], right: Sequence[Rule]) -> bool:
    """Whether it is certain that each deal which meets all of the left rules meets all of the right ones."""
    met = [(rule, IS_MET) for rule in left]
    return not any(possible([*met, (rule, NOT_MET)]) for rule in right)


def a_way(conditions: Iterable[Condition]) -> tuple[Demand, ...] | None:
    """Demands that meet all conditions and do not contradict each other as far as can be told."""
    try:
        return next(found(conditions), None)
    except _TooManyError:
        return None


def found(conditions: Iterable[Condition]) -> Iterator[tuple[Demand, ...]]:
    """Each consistent way to meet all conditions.

    What can be met in one way alone comes first, since every other choice is held against it.
    """
    plain: list[Demand] = []
    open_choices: list[Condition] = []
    for rule, want in conditions:
        if isinstance(rule, Comparison | Predicate) and len(want) == 1:
            plain.append(Demand(rule, *want))
        else:
            open_choices.append((rule, want))
    if len(open_choices) > _DEEPEST:
        raise _TooManyError
    if consistent(plain):
        yield from _search(tuple(plain), open_choices, _Budget(_MOST_STEPS))


class _Budget:
    """So many steps, and no more."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _TooManyError


def _search(taken: tuple[Demand, ...], choices: Sequence[Condition], budget: _Budget) -> Iterator[tuple[Demand, ...]]:
    if not choices:
        yield taken
        return
    rule, want = choices[0]
    for way in _ways(rule, want, budget):
        both = taken + way
        if consistent(both):
            yield from _search(both, choices[1:], budget)


def _ways(rule: Rule, want: Want, budget: _Budget) -> Iterator[tuple[Demand, ...]]:
    budget.spend()
    match rule:
        case Not(rule=inner):
            yield from _ways(inner, _NEGATED[want], budget)
        case AllOf(rules=rules):
            yield from _of_several(rules, len(rules), want, budget)
        case AnyOf(rules=rules):
            yield from _of_several(rules, 1, want, budget)
        case AtLeast(needed=needed, rules=rules):
            yield from _of_several(rules, needed, want, budget)
        case Comparison() | Predicate():
            # Whether there is a value is always known.
            always_known = isinstance(rule, Comparison) and rule.op == "known"
            yield from ((Demand(rule, each),) for each in sorted(want) if not (each == UNKNOWN and always_known))


def _of_several(rules: Sequence[Rule], needed: int, want: Want, budget: _Budget) -> Iterator[tuple[Demand, ...]]:
    """As Kleene has it: met when enough are, unmet when so many are unmet that too few are left."""
    count = max(needed, 0) if MET in want else max(len(rules) - needed + 1, 0)
    for chosen in combinations(rules, count):
        yield from _product(chosen, want, budget)


def _product(rules: Sequence[Rule], want: Want, budget: _Budget) -> Iterator[tuple[Demand, ...]]:
    if not rules:
        yield ()
        return
    for first in _ways(rules[0], want, budget):
        for rest in _product(rules[1:], want, budget):
            yield first + rest
