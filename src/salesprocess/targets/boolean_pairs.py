"""Three values out of two: a rule as a pair of expressions, one true where it is met and one where it is unmet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from salesprocess.criteria import AllOf, AnyOf, AtLeast, Comparison, Criterion, Not, Predicate, Rule
from salesprocess.errors import DefinitionError, Problem
from salesprocess.targets.target import Answer, E, Subject, Target, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


class Pair(NamedTuple, Generic[E]):
    """Where a rule is met and where it is unmet; both false is unknown. A plain bool holds for every row."""

    met: E | bool
    unmet: E | bool


class Logic(Generic[E]):
    """A target's connectives, with what is true or false for every row left out of them."""

    def __init__(self, target: Target[E]) -> None:
        self.target = target

    def negated(self, part: E | bool) -> E | bool:  # noqa: FBT001 - a bool is an expression here
        """The opposite."""
        return not part if isinstance(part, bool) else self.target.negated(part)

    def all_of(self, parts: Iterable[E | bool]) -> E | bool:
        """True when all parts are."""
        parts = list(parts)
        return self.so_many(len(parts), parts)

    def any_of(self, parts: Iterable[E | bool]) -> E | bool:
        """True when one part is."""
        return self.so_many(1, parts)

    def so_many(self, needed: int, parts: Iterable[E | bool]) -> E | bool:
        """True when at least `needed` parts are."""
        parts = list(parts)
        open_parts: list[E] = [part for part in parts if not isinstance(part, bool)]
        needed -= sum(part is True for part in parts)
        if needed <= 0 or needed > len(open_parts):
            return needed <= 0
        if len(open_parts) == 1:
            return open_parts[0]
        if needed == len(open_parts):
            return self.target.all_of(open_parts)
        return self.target.any_of(open_parts) if needed == 1 else self.target.so_many(needed, open_parts)


def answer_of(subject: Subject, logic: Logic[E], leaf: Callable[[Comparison], Pair[E]]) -> Answer[E]:
    """The answer of a rule, a criterion or a gate.

    Raises:
        DefinitionError: with everything that the target cannot say, by criterion.
    """
    target = logic.target
    walk = _Walk(logic, leaf)
    pair = walk.several_of([walk.criterion(each) for each in _required(subject)])
    if walk.problems:
        raise DefinitionError(f"the gate as {target.name}", walk.problems)
    met, unmet = _made(target, pair.met), _made(target, pair.unmet)
    unknown = _made(target, logic.negated(logic.any_of(pair)))
    return Answer(met, unmet, unknown, target.worded(met, unmet))


def _required(subject: Subject) -> Iterator[Criterion]:
    # A criterion that is asked for by itself counts whatever its severity is.
    if isinstance(subject, Criterion):
        yield subject
        return
    for part in (subject,) if isinstance(subject, Rule) else subject:
        if isinstance(part, Rule):
            yield Criterion(key=part.name(), rule=part)
        elif part.severity == "required":
            yield part


def _made(target: Target[E], part: E | bool) -> E:  # noqa: FBT001 - the same
    return target.constant(part) if isinstance(part, bool) else part


class _Walk(Generic[E]):
    def __init__(self, logic: Logic[E], leaf: Callable[[Comparison], Pair[E]]) -> None:
        self._logic = logic
        self._leaf = leaf
        self._place = ""
        self.problems: list[Problem] = []

    def criterion(self, criterion: Criterion) -> Pair[E]:
        self._place = criterion.key
        pair = self._pair(criterion.rule)
        if criterion.when is None:
            return pair
        applies = self._pair(criterion.when)
        return self._at_least(1, [Pair(applies.unmet, applies.met), pair])

    def several_of(self, pairs: Sequence[Pair[E]]) -> Pair[E]:
        return self._at_least(len(pairs), pairs)

    def _pair(self, rule: Rule) -> Pair[E]:
        match rule:
            case Not():
                met, unmet = self._pair(rule.rule)
                return Pair(unmet, met)
            case AllOf():
                return self._at_least(len(rule.rules), [self._pair(part) for part in rule.rules])
            case AnyOf():
                return self._at_least(1, [self._pair(part) for part in rule.rules])
            case AtLeast():
                return self._at_least(rule.needed, [self._pair(part) for part in rule.rules])
        try:
            return self._of_leaf(rule)
        except DefinitionError as error:
            self.problems += [Problem(problem.code, self._place, problem.message) for problem in error.problems]
            return Pair(met=False, unmet=False)

    def _at_least(self, needed: int, pairs: Sequence[Pair[E]]) -> Pair[E]:
        # Unmet for certain once too many are unmet for the rest to make up the number.
        too_many = len(pairs) - needed + 1
        return Pair(
            self._logic.so_many(needed, (pair.met for pair in pairs)),
            self._logic.so_many(too_many, (pair.unmet for pair in pairs)),
        )

    def _of_leaf(self, rule: Any) -> Pair[E]:
        if isinstance(rule, Predicate):
            raise refusal(
                f"{rule.function_name!r} is a function of Python's, which {self._logic.target.name} cannot call"
            )
        return self._leaf(rule)
