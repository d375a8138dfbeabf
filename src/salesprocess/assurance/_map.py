"""A process laid out for reasoning: its moves, what each asks for, and which of them can be made at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeAlias, TypeVar

from salesprocess._parts import Transition
from salesprocess._rules import Predicate, Rule
from salesprocess.assurance._ways import IS_MET, effective, possible
from salesprocess.criteria import AllOf, AnyOf, AtLeast, Criterion, Not
from salesprocess.process import CLOSED_KINDS, Direction, SalesProcess, Stage

T = TypeVar("T")
Ids: TypeAlias = frozenset[int]


class Way(NamedTuple):
    """One move: the place of its transition, the stage it leaves, and the required criteria of its gate by number."""

    place: int
    source: str
    transition: Transition
    direction: Direction
    asked: Ids

    @property
    def dest(self) -> str:
        """The stage that the move enters."""
        return self.transition.dest

    @property
    def path(self) -> str:
        """Where the definition has it."""
        return f"transitions[{self.place}]"

    @property
    def own(self) -> tuple[Criterion, ...]:
        """The required criteria of the transition itself."""
        return required(self.transition.criteria)


def required(criteria: Iterable[Criterion]) -> tuple[Criterion, ...]:
    """Those that can block."""
    return tuple(criterion for criterion in criteria if criterion.severity == "required")


class Map:
    """The moves of a process, with equal criteria numbered once."""

    def __init__(self, process: SalesProcess) -> None:
        self.process = process
        self.stages: dict[str, Stage] = {stage.key: stage for stage in process.stages}
        self.place = {key: index for index, key in enumerate(self.stages)}
        self._numbers: dict[Criterion, int] = {}
        self._exit = {stage.key: self._ids(stage.gate()) for stage in process.stages}
        self._entry = {stage.key: self._ids(stage.entry_criteria) for stage in process.stages}
        self.ways = tuple(self._ways())
        self.criteria = tuple(self._numbers)

    def _ids(self, criteria: Iterable[Criterion]) -> Ids:
        return frozenset(self._numbers.setdefault(each, len(self._numbers)) for each in required(criteria))

    def _ways(self) -> Iterator[Way]:
        for index, transition in enumerate(self.process.transitions):
            own = self._ids(transition.criteria)
            for source in self.process.sources(transition):
                direction = self.process.direction(source, transition)
                asked = own
                if direction == "forward":
                    passed = self.process.passed(source, transition)
                    asked = own.union(self._entry[transition.dest], *(self._exit[stage.key] for stage in passed))
                yield Way(index, source, transition, direction, asked)

    @cached_property
    def start(self) -> Ids:
        """What starting a deal asks for."""
        return self._entry[self.process.initial.key]

    @cached_property
    def never_met(self) -> Ids:
        """The criteria that no deal can meet."""
        return frozenset(
            number for number, each in enumerate(self.criteria) if not possible([(effective(each), IS_MET)])
        )

    @cached_property
    def conflicts(self) -> dict[Ids, Ids]:
        """For each gate whose criteria cannot be met at once, the fewest of them that say why."""
        found: dict[Ids, Ids] = {}
        known: dict[Ids, Ids | None] = {}
        suspects = [group for group in self._groups() if not self.can_be_met(group)]
        for asked in dict.fromkeys((*(way.asked for way in self.ways), self.start)) if suspects else ():
            for group in suspects:
                common = (asked & group) - self.never_met
                if common not in known:
                    known[common] = self._conflict_in(common)
                conflict = known[common]
                if conflict is not None:
                    found.setdefault(asked, conflict)
        return found

    def _conflict_in(self, ids: Ids) -> Ids | None:
        if len(ids) < 2 or self.can_be_met(ids):  # noqa: PLR2004 - one alone contradicts nothing
            return None
        left = ids
        for number in sorted(ids):
            if not self.can_be_met(left - {number}):
                left -= {number}
        return left

    def can_be_met(self, ids: Iterable[int]) -> bool:
        """Whether some deal could meet all these criteria."""
        return possible((effective(self.criteria[number]), IS_MET) for number in ids)

    def _groups(self) -> Iterator[Ids]:
        """The criteria that share a fact with each other, directly or through others."""
        by_subject: dict[object, list[int]] = {}
        for number, criterion in enumerate(self.criteria):
            if number not in self.never_met:
                for subject in subjects(effective(criterion)):
                    by_subject.setdefault(subject, []).append(number)
        neighbours: dict[int, set[object]] = {}
        for subject, numbers in by_subject.items():
            for number in numbers:
                neighbours.setdefault(number, set()).add(subject)
        seen: set[int] = set()
        for number in neighbours:
            if number not in seen:
                group = spread([number], lambda each: [n for s in neighbours[each] for n in by_subject.pop(s, ())])
                seen |= group
                if len(group) > 1:
                    yield frozenset(group)

    @cached_property
    def dead(self) -> frozenset[Ids]:
        """The gates that no deal can pass."""
        return frozenset(
            asked for asked in {way.asked for way in self.ways} if asked & self.never_met or asked in self.conflicts
        )

    @cached_property
    def live(self) -> tuple[Way, ...]:
        """The moves that some deal could make."""
        return tuple(way for way in self.ways if way.asked not in self.dead)

    @cached_property
    def ways_out(self) -> dict[str, list[Way]]:
        """The live moves out of each stage that lead to another."""
        found: dict[str, list[Way]] = {key: [] for key in self.stages}
        for way in self.live:
            if way.source != way.dest:
                found[way.source].append(way)
        return found

    @cached_property
    def reached(self) -> set[str]:
        """The stages that a deal can get to from the first one."""
        return self.from_stage(self.process.initial.key)

    def from_stage(self, key: str, through: Callable[[str], bool] = lambda _key: True) -> set[str]:
        """The stage and all that it leads to, by way of stages that will do."""
        return spread([key], lambda each: [w.dest for w in self.ways_out[each]] if each == key or through(each) else [])

    def leading_to(self, dests: Iterable[str], through: Callable[[str], bool]) -> set[str]:
        """The stages that lead to one of these by way of stages that will do, and those themselves."""
        sources: dict[str, list[str]] = {key: [] for key in self.stages}
        for way in self.live:
            if through(way.source):
                sources[way.dest].append(way.source)
        return spread(dests, sources.__getitem__)

    def is_closed(self, key: str) -> bool:
        """Whether deals here are won, lost or disqualified."""
        return self.stages[key].kind in CLOSED_KINDS


def spread(starts: Iterable[T], following: Callable[[T], Iterable[T]]) -> set[T]:
    """All that can be got to from the starts."""
    seen = set(starts)
    waiting = deque(seen)
    while waiting:
        for each in following(waiting.popleft()):
            if each not in seen:
                seen.add(each)
                waiting.append(each)
    return seen


def subjects(rule: Rule) -> Iterator[object]:
    """What a rule looks at: facts and predicates."""
    for term in rule.terms():
        yield term.source, term.path
    yield from predicates(rule)


def predicates(rule: Rule) -> Iterator[str]:
    """The names of the predicates in a rule."""
    match rule:
        case Predicate(function_name=name):
            yield name
        case Not(rule=inner):
            yield from predicates(inner)
        case AllOf(rules=rules) | AnyOf(rules=rules) | AtLeast(rules=rules):
            for inner in rules:
                yield from predicates(inner)
