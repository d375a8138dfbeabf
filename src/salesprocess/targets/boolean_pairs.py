"""Three values out of two: a rule as a pair of expressions, one true where it is met and one where it is unmet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from salesprocess.criteria import AllOf, Comparison, Criterion, Not, Predicate, Rule, required
from salesprocess.criteria.evaluation import at_least
from salesprocess.criteria.rules import AtLeast
from salesprocess.errors import DefinitionError, Problem
from salesprocess.targets.target import Answer, E, Subject, Target, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class Pair(NamedTuple, Generic[E]):
    """Where a rule is met and where it is unmet; both false is unknown. A plain bool holds for every row."""

    met: E | bool
    unmet: E | bool


class Logic(Generic[E]):
    """A target's connectives; parts that are true or false for every row are worked out beforehand."""

    def __init__(self, target: Target[E]) -> None:
        self.target = target

    def negated(self, part: E | bool) -> E | bool:  # noqa: FBT001 - a bool is an expression here
        """Return the opposite."""
        return not part if isinstance(part, bool) else self.target.negated(part)

    def all_of(self, parts: Iterable[E | bool]) -> E | bool:
        """Return what is true when all parts are."""
        parts = list(parts)
        return self.so_many(len(parts), parts)

    def any_of(self, parts: Iterable[E | bool]) -> E | bool:
        """Return what is true when one part is."""
        return self.so_many(1, parts)

    def so_many(self, needed: int, parts: Iterable[E | bool]) -> E | bool:
        """Return what is true when at least `needed` parts are."""
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
    """Return the answer of a rule, a criterion or a gate.

    Raises:
        DefinitionError: with everything that the target cannot say, by criterion.
    """
    target = logic.target
    translation = _Translation(logic, leaf)
    criteria = _criteria_of(subject)
    pairs = [translation.pair_of(each) for each in criteria]
    pair = translation.at_least(AllOf(tuple(each.rule for each in criteria)), pairs)
    if translation.problems:
        raise DefinitionError(f"the gate as {target.name}", translation.problems)
    met, unmet = _made(target, pair.met), _made(target, pair.unmet)
    unknown = _made(target, logic.negated(logic.any_of(pair)))
    return Answer(met, unmet, unknown, target.worded(met, unmet))


def _criteria_of(subject: Subject) -> tuple[Criterion, ...]:
    # A criterion that is asked for by itself counts whatever its severity is.
    if isinstance(subject, Criterion):
        return (subject,)
    parts = (subject,) if isinstance(subject, Rule) else subject
    return required(part if isinstance(part, Criterion) else Criterion(key=part.name(), rule=part) for part in parts)


def _made(target: Target[E], part: E | bool) -> E:  # noqa: FBT001 - the same
    return target.constant(part) if isinstance(part, bool) else part


class _Translation(Generic[E]):
    """Rules as pairs of expressions; what the target cannot say is collected in `problems`."""

    def __init__(self, logic: Logic[E], leaf: Callable[[Comparison], Pair[E]]) -> None:
        self._logic = logic
        self._leaf = leaf
        self._place = ""
        self.problems: list[Problem] = []

    def pair_of(self, criterion: Criterion) -> Pair[E]:
        """Return the pair of a criterion: met where it does not apply, whatever its rule says."""
        self._place = criterion.key
        return self._pair(criterion.condition)

    def _pair(self, rule: Rule) -> Pair[E]:
        match rule:
            case Not(rule=inner):
                met, unmet = self._pair(inner)
                return Pair(unmet, met)
            case AtLeast(rules=rules):
                return self.at_least(rule, [self._pair(part) for part in rules])
            case Comparison() if (simpler := rule.lowered()) is not rule:
                return self._pair(simpler)
        try:
            return self._of_leaf(rule)
        except DefinitionError as error:
            self.problems += [Problem(problem.code, self._place, problem.message) for problem in error.problems]
            return Pair(met=False, unmet=False)

    def at_least(self, rule: AtLeast, pairs: Sequence[Pair[E]]) -> Pair[E]:
        """Return the pair of several rules as one, from their own."""
        return Pair(*at_least(rule, pairs, self._logic.so_many))

    def _of_leaf(self, rule: Any) -> Pair[E]:
        if isinstance(rule, Predicate):
            raise refusal(
                f"{rule.function_name!r} is a function of Python's, which {self._logic.target.name} cannot call"
            )
        return self._leaf(rule)
