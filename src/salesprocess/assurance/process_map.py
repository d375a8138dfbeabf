"""A process laid out for reasoning: its moves, what each asks for, and which of them can be made at all."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Final, NamedTuple, TypeAlias, TypeVar

from salesprocess.assurance.certainty import impossible
from salesprocess.assurance.solver.witness import Unsatisfiable, Witness, Witnesses
from salesprocess.criteria import Criterion, required
from salesprocess.criteria.rules import Rule
from salesprocess.process import CLOSED_KINDS, Direction, SalesProcess, Stage
from salesprocess.process.graph import Move
from salesprocess.process.stages import Transition

T = TypeVar("T")
Ids: TypeAlias = frozenset[int]
# A large and intricate process is given up in time: what could not be told is no problem.
_MOST_ASKED: Final = 50_000


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


class Map:
    """The moves of a process, with equal criteria numbered once."""

    def __init__(self, process: SalesProcess) -> None:
        self.process = process
        self.stages: dict[str, Stage] = {stage.key: stage for stage in process.stages}
        self.place: dict[str, int] = {key: index for index, key in enumerate(self.stages)}
        self._numbers: dict[Criterion, int] = {}
        self._exit = {stage.key: self._ids(stage.gate()) for stage in process.stages}
        self._entry = {stage.key: self._ids(stage.entry_criteria) for stage in process.stages}
        self.ways: tuple[Way, ...] = tuple(self._ways())
        self.criteria: tuple[Criterion, ...] = tuple(self._numbers)
        self.witnesses: Witnesses = Witnesses()
        self._judged: dict[int, tuple[Rule, bool]] = {}
        self._asked = 0

    def _ids(self, criteria: Iterable[Criterion]) -> Ids:
        return frozenset(self._numbers.setdefault(each, len(self._numbers)) for each in required(criteria))

    def _ways(self) -> Iterator[Way]:
        for index, transition in enumerate(self.process.transitions):
            own = self._ids(transition.criteria)
            for source in self.process.sources(transition):
                move = Move(self.process.graph, source, transition)
                asked = own
                if move.direction == "forward":
                    asked = own.union(self._entry[transition.dest], *(self._exit[stage.key] for stage in move.passes))
                yield Way(index, source, transition, move.direction, asked)

    @cached_property
    def start(self) -> Ids:
        """What starting a deal asks for."""
        return self._entry[self.process.initial.key]

    @cached_property
    def never_met(self) -> Ids:
        """The criteria that no deal can meet."""
        return frozenset(number for number, each in enumerate(self.criteria) if self.impossible(each.condition))

    def impossible(self, rule: Rule) -> bool:
        """Whether no deal meets the rule, looked into once for each rule."""
        if id(rule) not in self._judged:
            # The rule is kept, so that its id stays its own.
            self._judged[id(rule)] = (rule, impossible(rule))
        return self._judged[id(rule)][1]

    @cached_property
    def conflicts(self) -> dict[Ids, Ids]:
        """For each gate whose criteria cannot be met at once, the fewest of them that say why."""
        found: dict[Ids, Ids] = {}
        known: dict[Ids, Ids | None] = {}
        # What can be met all at once can be met in part, so most groups are settled here.
        suspects = [group for group in self._groups() if not isinstance(self.meeting(group), Witness)]
        for asked in dict.fromkeys((*(way.asked for way in self.ways), self.start)) if suspects else ():
            for group in suspects:
                common = (asked & group) - self.never_met
                if common not in known:
                    known[common] = self._conflict_in(common)
                conflict = known[common]
                if conflict is not None:
                    found.setdefault(asked, conflict)
        return found

    def _groups(self) -> Iterator[Ids]:
        """The criteria that share a fact with each other, directly or through others."""
        sound = [each for number, each in enumerate(self.criteria) if number not in self.never_met]
        numbers = {id(each): number for number, each in enumerate(self.criteria)}
        for group in self.witnesses.related(sound):
            if len(group) > 1:
                yield frozenset(numbers[id(each)] for each in group)

    def _conflict_in(self, ids: Ids) -> Ids | None:
        if len(ids) < 2 or not isinstance(self.meeting(ids), Unsatisfiable):  # noqa: PLR2004 - one alone contradicts nothing
            return None
        left = ids
        for number in sorted(ids):
            if isinstance(self.meeting(left - {number}), Unsatisfiable):
                left -= {number}
        return left

    def meeting(self, ids: Iterable[int]) -> Witness | Unsatisfiable | None:
        """Facts that meet all these criteria; `None` where that could not be told, or has been asked too often."""
        criteria = [self.criteria[number] for number in sorted(ids)]
        self._asked += len(criteria)
        return self.witnesses.find(criteria) if self._asked <= _MOST_ASKED else None

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
    def following(self) -> dict[str, list[str]]:
        """The other stages that live moves lead to from each."""
        found: dict[str, dict[str, None]] = {key: {} for key in self.stages}
        for way in self.live:
            if way.source != way.dest:
                found[way.source][way.dest] = None
        return {key: list(dests) for key, dests in found.items()}

    @cached_property
    def reached(self) -> set[str]:
        """The stages that a deal can get to from the first one."""
        return self.from_stage(self.process.initial.key)

    def from_stage(self, key: str, through: Callable[[str], bool] = lambda _key: True) -> set[str]:
        """The stage and all that it leads to, by way of stages that will do."""
        return spread([key], lambda each: self.following[each] if each == key or through(each) else ())

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
