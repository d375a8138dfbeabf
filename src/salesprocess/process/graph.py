"""The moves of a process as a graph, and the only graph search in the library."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from salesprocess.process.stages import ALL_OPEN, LOST_KINDS, MAIN_KINDS, START, Direction, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.criteria import Criterion

NodeT = TypeVar("NodeT")
StepT = TypeVar("StepT")


class Move:
    """One way from a stage to another: a transition with several sources is several moves.

    `source` is empty for the move that starts a deal. `direction` is the declared one, or else what follows from the
    kinds and the order of the two stages. `index` is the place of the transition in the definition, and `None` for a
    move that the definition does not have.
    """

    __slots__ = ("_gate", "_graph", "dest", "direction", "index", "source", "transition", "trigger")

    def __init__(self, graph: Graph, source: str, transition: Transition, index: int | None = None) -> None:
        self.source: str = source
        self.transition: Transition = transition
        self.index: int | None = index
        self.trigger: str = transition.trigger
        self.dest: str = transition.dest
        self.direction: Direction = transition.direction or graph.direction(source, transition.dest)
        self._graph = graph
        self._gate: tuple[Criterion, ...] | None = None

    @property
    def passes(self) -> tuple[Stage, ...]:
        """The stages whose exit criteria the move asks for, in order: none unless it leads forward.

        These are the stage that it leaves and the main stages that it jumps over, without the waived ones. In a
        cumulative process, they are all main stages before the one that it enters.
        """
        if self.direction != "forward" or not self.source:
            return ()
        graph = self._graph
        left, entered = graph.places[self.source], graph.places[self.dest]
        # A move to an earlier stage that is declared as forward passes the stage that it leaves.
        passed = graph.order[0 if graph.cumulative else left : max(entered, left + 1)]
        return tuple(stage for stage in passed if stage.kind in MAIN_KINDS and stage.key not in self.transition.waives)

    @property
    def gate(self) -> tuple[Criterion, ...]:
        """Everything that the move asks for, in order, each criterion once.

        A forward move asks for the exit criteria of the stages that it passes, then for its own, then for the entry
        criteria of the stage that it enters. Any other move asks for its own criteria alone.
        """
        if self._gate is None:
            graph = self._graph
            asked = graph.distinct(self.transition.criteria)
            if self.direction == "forward":
                exits = (criterion for stage in self.passes for criterion in graph.exits[stage.key])
                asked = (*exits, *asked, *graph.entries[self.dest])
            self._gate = tuple({id(criterion): criterion for criterion in asked}.values())
        return self._gate

    @property
    def key(self) -> tuple[str, str, str]:
        """Trigger, source and target: no two moves of a process share all three."""
        return self.trigger, self.source, self.dest

    @property
    def path(self) -> str:
        """Where the definition has the move, such as `transitions[3]`."""
        return "start" if self.index is None else f"transitions[{self.index}]"

    def __repr__(self) -> str:
        return f"<Move {self}>"

    def __str__(self) -> str:
        origin = f" from {self.source}" if self.source else ""
        return f"{self.trigger}{origin} to {self.dest}"


class Graph:
    """All moves of a process, indexed by the stages that they leave and enter.

    `stages` and `places` have each stage and its index by key, in the order of the process, `exits` and `entries` what
    leaving it forwards and entering it ask for. `criteria` has each criterion of the definition once. `start` is the
    move that puts a deal in its first stage.
    """

    def __init__(self, stages: Sequence[Stage], transitions: Sequence[Transition], *, cumulative: bool) -> None:
        self.order: tuple[Stage, ...] = tuple(stages)
        self.stages: dict[str, Stage] = {stage.key: stage for stage in stages}
        self.places: dict[str, int] = {stage.key: place for place, stage in enumerate(stages)}
        self.cumulative: bool = cumulative
        self._same: dict[Criterion, Criterion] = {}
        self.exits: dict[str, tuple[Criterion, ...]] = {stage.key: self.distinct(stage.gate()) for stage in stages}
        self.entries: dict[str, tuple[Criterion, ...]] = {
            stage.key: self.distinct(stage.entry_criteria) for stage in stages
        }
        for transition in transitions:
            self.distinct(transition.criteria)
        self.criteria: tuple[Criterion, ...] = tuple(self._same)
        self.moves: tuple[Move, ...] = tuple(
            Move(self, source, transition, index)
            for index, transition in enumerate(transitions)
            for source in sources_of(stages, transition)
        )
        self.out_of: dict[str, tuple[Move, ...]] = self._grouped(lambda move: move.source)
        self.into: dict[str, tuple[Move, ...]] = self._grouped(lambda move: move.dest)
        first = next(stage for stage in stages if stage.kind == "open")
        self.start: Move = Move(self, "", Transition(trigger=START, source=(), dest=first.key, direction="forward"))

    def direction(self, source: str, dest: str) -> Direction:
        """Return the direction that follows from the kinds and the order of two stages."""
        left, entered = self.stages[source], self.stages[dest]
        if entered.kind in LOST_KINDS:
            return "close"
        if source == dest or "on_hold" in {left.kind, entered.kind}:
            return "hold"
        if left.kind in LOST_KINDS or (left.kind == "won" and entered.kind == "open"):
            return "reopen"
        return "forward" if self.places[dest] > self.places[source] else "back"

    def distinct(self, criteria: Iterable[Criterion]) -> tuple[Criterion, ...]:
        """Return the criteria, each once, and the same object wherever an equal one is asked for."""
        # Pydantic models are slow to hash, so that gates compare these objects by identity.
        same = self._same
        return tuple(dict.fromkeys(same.setdefault(criterion, criterion) for criterion in criteria))

    def _grouped(self, key: Callable[[Move], str]) -> dict[str, tuple[Move, ...]]:
        groups: dict[str, list[Move]] = {stage: [] for stage in self.stages}
        for move in self.moves:
            groups[key(move)].append(move)
        return {stage: tuple(moves) for stage, moves in groups.items()}


def sources_of(stages: Iterable[Stage], transition: Transition) -> tuple[str, ...]:
    """Return the keys of the stages that a transition leaves, with `"*"` spelt out."""
    if ALL_OPEN not in transition.source:
        return transition.source
    opened = (stage.key for stage in stages if stage.kind == "open" and stage.key != transition.dest)
    return tuple(dict.fromkeys((*(key for key in transition.source if key != ALL_OPEN), *opened)))


@dataclass(frozen=True, slots=True)
class Search(Generic[NodeT, StepT]):
    """What a breadth-first search found.

    `came_by` has every node that was reached, nearest first, with the step that led there and the node that the step
    left; `None` for a start. `goal` is the nearest node that was looked for, or `None`.
    """

    came_by: dict[NodeT, tuple[StepT, NodeT] | None]
    goal: NodeT | None

    def steps_to(self, node: NodeT) -> list[StepT]:
        """Return the fewest steps from a start to a node that was reached."""
        steps: list[StepT] = []
        while (arrival := self.came_by[node]) is not None:
            step, node = arrival
            steps.append(step)
        return steps[::-1]


def breadth_first(
    starts: Iterable[NodeT],
    steps_from: Callable[[NodeT], Iterable[tuple[StepT, NodeT]]],
    is_goal: Callable[[NodeT], bool] = lambda _node: False,
) -> Search[NodeT, StepT]:
    """Return what a search from the starts finds, up to the nearest goal; of equal ways it takes the first."""
    came_by: dict[NodeT, tuple[StepT, NodeT] | None] = dict.fromkeys(starts)
    waiting = deque(came_by)
    while waiting:
        node = waiting.popleft()
        if is_goal(node):
            return Search(came_by, node)
        for step, entered in steps_from(node):
            if entered not in came_by:
                came_by[entered] = (step, node)
                waiting.append(entered)
    return Search(came_by, None)


def reachable(starts: Iterable[NodeT], following: Callable[[NodeT], Iterable[NodeT]]) -> set[NodeT]:
    """Return the starts and every node that they lead to."""
    return set(breadth_first(starts, lambda node: ((None, entered) for entered in following(node))).came_by)


def shortest(
    graph: Graph, source: str, dest: str, is_usable: Callable[[Move], bool] | None = None
) -> list[Move] | None:
    """Return the fewest usable moves from one stage to another, or `None`; of equal ways the one declared first.

    The way leads through main stages only.
    """

    def steps_from(stage: str) -> Iterator[tuple[Move, str]]:
        for move in graph.out_of[stage]:
            goes_on = move.dest == dest or graph.stages[move.dest].kind in MAIN_KINDS
            if goes_on and (is_usable is None or is_usable(move)):
                yield move, move.dest

    search = breadth_first([source], steps_from, lambda stage: stage == dest)
    return None if search.goal is None else search.steps_to(dest)


def simple_paths(graph: Graph, source: str, dest: str | None = None) -> Iterator[tuple[Move, ...]]:
    """Yield the paths that enter no stage twice, to `dest` or to any stage, shorter ones first."""
    waiting: deque[tuple[Move, ...]] = deque([()])
    while waiting:
        path = waiting.popleft()
        stage = path[-1].dest if path else source
        if stage == dest or (dest is None and path):
            yield path
        if stage != dest:
            seen = {source, *(move.dest for move in path)}
            waiting.extend((*path, move) for move in graph.out_of[stage] if move.dest not in seen)
