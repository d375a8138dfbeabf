"""Walks: the moves that a deal can make, looked at one by one as a search comes to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from salesprocess.assurance.satisfiable_gates import Gates
from salesprocess.assurance.solver.search import RuleLike
from salesprocess.assurance.solver.witness import Unsatisfiable, Witness, Witnesses
from salesprocess.criteria import Criterion, required
from salesprocess.process import SalesProcess, Transition
from salesprocess.process.graph import Move
from salesprocess.process.stages import START

# A stage, and how often a trigger that is counted was fired on the way there.
State: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class Edge:
    """A move of a process, with the criteria that block it; the start has no source and no transition."""

    trigger: str
    source: str | None
    dest: str
    gate: tuple[Criterion, ...]
    transition: Transition | None = None

    def __str__(self) -> str:
        return (
            f"{self.trigger} to {self.dest}"
            if self.source is None
            else f"{self.trigger} from {self.source} to {self.dest}"
        )


class Moves:
    """The moves of a process by the stages that they leave and enter, and the facts with which a deal makes them."""

    def __init__(self, process: SalesProcess, *, with_overrides: bool) -> None:
        self.process = process
        self.with_overrides = with_overrides
        self._witnesses = Witnesses()
        self._exits = {stage.key: required(stage.gate()) for stage in process.stages}
        self._entries = {stage.key: required(stage.entry_criteria) for stage in process.stages}
        self._own = {id(transition): required(transition.criteria) for transition in process.transitions}
        self._out: dict[str, list[Transition]] = {stage.key: [] for stage in process.stages}
        self._into: dict[str, list[tuple[str, Transition]]] = {stage.key: [] for stage in process.stages}
        for source, transition in ((move.source, move.transition) for move in process.moves()):
            self._out[source].append(transition)
            self._into[transition.dest].append((source, transition))
        self._edges: dict[tuple[str, int], Edge] = {}
        initial = process.initial.key
        criteria = [*self._exits.values(), *self._entries.values(), *self._own.values()]
        self._criteria = [criterion for several in criteria for criterion in several]
        initial = process.initial.key
        self.start: Edge = Edge(START, None, initial, self._entries[initial])

    def out_of(self, stage: str) -> Iterator[Edge]:
        """The moves that leave a stage, in declared order."""
        return (self._edge(stage, transition) for transition in self._out[stage])

    def into(self, stage: str) -> Iterator[Edge]:
        """The moves that enter a stage, in declared order."""
        return (self._edge(source, transition) for source, transition in self._into[stage])

    def facts(
        self, edge: Edge, not_met: tuple[RuleLike, ...], at: datetime | None = None
    ) -> Witness | Unsatisfiable | None:
        """Facts under which a deal makes the move, at a time if one is given, while none of `not_met` is met."""
        found = self._witnesses.find(edge.gate, not_met, at=at)
        if isinstance(found, Witness) or not self.with_overrides or edge.source is None:
            return found
        # An override lets a blocked move through, but none with a criterion that raised.
        return self._witnesses.find((), not_met, answered=edge.gate, at=at)

    def gates(self, not_met: tuple[RuleLike, ...]) -> Gates:
        """What says whether a deal can make a move while none of `not_met` is met."""
        return Gates(self._witnesses, self._criteria, not_met, with_overrides=self.with_overrides)

    def _edge(self, source: str, transition: Transition) -> Edge:
        key = (source, id(transition))
        if key not in self._edges:
            gate = self._gate(source, transition)
            self._edges[key] = Edge(transition.trigger, source, transition.dest, gate, transition)
        return self._edges[key]

    def _gate(self, source: str, transition: Transition) -> tuple[Criterion, ...]:
        """The required criteria of `process.gate`, those of a stage made once instead of once a move."""
        own = self._own[id(transition)]
        move = Move(self.process.graph, source, transition)
        if move.direction != "forward":
            return own
        exits = (criterion for stage in move.passes for criterion in self._exits[stage.key])
        return (*exits, *own, *self._entries[transition.dest])


@dataclass(frozen=True, slots=True)
class Reach:
    """The states that walks come to, nearest first, and the first that was looked for."""

    came_by: dict[State, tuple[Edge, State | None]]
    goal: State | None

    @property
    def stages(self) -> dict[str, State]:
        """The stages, each with the nearest of its states."""
        nearest: dict[str, State] = {}
        for state in self.came_by:
            nearest.setdefault(state[0], state)
        return nearest

    def path(self, state: State) -> list[Edge]:
        """The shortest walk to a state."""
        walk: list[Edge] = []
        here: State | None = state
        while here is not None:
            edge, here = self.came_by[here]
            walk.append(edge)
        return walk[::-1]


class Search:
    """Searches the walks on which certain criteria are never met and certain stages never entered."""

    def __init__(self, moves: Moves, not_met: tuple[RuleLike, ...] = (), avoided: frozenset[str] = frozenset()) -> None:
        self.moves = moves
        self.not_met = not_met
        self._avoided = avoided
        self._gates = moves.gates(not_met)
        self._open: dict[Edge, bool | None] = {}

    def is_open(self, edge: Edge) -> bool | None:
        """Whether a deal can make the move; `None` where that could not be decided."""
        if edge not in self._open:
            overridable = edge.source is not None
            self._open[edge] = edge.dest not in self._avoided and self._gates.can_be_met(
                edge.gate, overridable=overridable
            )
        return self._open[edge]

    @property
    def undecided(self) -> list[Edge]:
        """The moves looked at so far of which it could not be decided whether a deal can make them."""
        return [edge for edge, is_open in self._open.items() if is_open is None]

    def reach(self, is_goal: Callable[[State], bool], *, counted: str | None = None, doubtful: bool = False) -> Reach:
        """The states that walks come to, up to the first goal; with `doubtful`, by undecided moves as well."""
        came_by: dict[State, tuple[Edge, State | None]] = {}
        waiting: deque[State | None] = deque([None])
        while waiting:
            here = waiting.popleft()
            for edge in [self.moves.start] if here is None else self.moves.out_of(here[0]):
                count = 0 if here is None else here[1] + (edge.trigger == counted)
                state = (edge.dest, count)
                if state in came_by or not _passable(self.is_open(edge), doubtful=doubtful):
                    continue
                came_by[state] = (edge, here)
                if is_goal(state):
                    return Reach(came_by, state)
                waiting.append(state)
        return Reach(came_by, None)

    def leading_to(self, ends: Iterable[str], within: Iterable[str], *, doubtful: bool = False) -> set[str]:
        """The stages, of those given, from which moves lead to one of the ends; the ends among them."""
        allowed = set(within)
        found = allowed.intersection(ends)
        waiting = deque(found)
        while waiting:
            for edge in self.moves.into(waiting.popleft()):
                source = str(edge.source)
                if source in allowed - found and _passable(self.is_open(edge), doubtful=doubtful):
                    found.add(source)
                    waiting.append(source)
        return found


def _passable(is_open: bool | None, *, doubtful: bool) -> bool:  # noqa: FBT001 - three values, not a flag
    return doubtful if is_open is None else is_open
