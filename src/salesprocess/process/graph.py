"""The moves of a process as a graph, and the only graph search in the library."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from salesprocess.process.stages import ALL_OPEN, START, Direction, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.criteria import Criterion

NodeT = TypeVar("NodeT")
StepT = TypeVar("StepT")

# A sale does not go through these stages: a deal that is in one waits there, or has ended.
OFF_THE_WAY = frozenset({"lost", "disqualified", "on_hold"})


class Move:
    """One way from a stage to another.

    A transition with several sources is several moves. `source` is empty for the move that starts a deal. `index` is
    the place of the transition in the definition, and `None` for that start.
    """

    __slots__ = ("_gate", "_graph", "dest", "direction", "index", "source", "transition", "trigger")

    def __init__(self, graph: Graph, source: str, transition: Transition, index: int | None) -> None:
        self.source = source
        self.transition = transition
        self.index = index
        self.trigger = transition.trigger
        self.dest = transition.dest
        self.direction: Direction = graph.direction(source, transition) if source else "forward"
        self._graph = graph
        self._gate: tuple[Criterion, ...] | None = None

    @property
    def passes(self) -> tuple[Stage, ...]:
        """The stages whose exit criteria the move asks for, in order."""
        return self._graph.passed(self.source, self.transition) if self.source else ()

    @property
    def gate(self) -> tuple[Criterion, ...]:
        """Everything that the move asks for, in order, each criterion once."""
        if self._gate is None:
            self._gate = self._graph.gate(self.source, self.transition)
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
    """All moves of a process, indexed by the stages that they leave and enter."""

    def __init__(self, stages: Sequence[Stage], transitions: Sequence[Transition], *, cumulative: bool) -> None:
        self.stages = {stage.key: stage for stage in stages}
        self._order = tuple(stages)
        # Held here, so that the ids of the transitions stay theirs.
        self._transitions = tuple(transitions)
        self._places = {key: place for place, key in enumerate(self.stages)}
        self._cumulative = cumulative
        # A pydantic model is slow to hash, so that equal criteria are found once here and by identity from then on.
        self._same: dict[Criterion, Criterion] = {}
        self._exits = {stage.key: self._distinct(stage.gate()) for stage in stages}
        self._entries = {stage.key: self._distinct(stage.entry_criteria) for stage in stages}
        self._own = {id(transition): self._distinct(transition.criteria) for transition in transitions}
        self.moves = tuple(
            Move(self, source, transition, index)
            for index, transition in enumerate(transitions)
            for source in sources_of(stages, transition)
        )
        self.out_of: dict[str, tuple[Move, ...]] = self._grouped(lambda move: move.source)
        self.into: dict[str, tuple[Move, ...]] = self._grouped(lambda move: move.dest)
        initial = initial_of(stages).key
        self.start = Move(self, "", Transition(trigger=START, source=(), dest=initial), None)

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion of the definition, each once."""
        return tuple(self._same)

    def direction(self, source: str, transition: Transition) -> Direction:
        """Return the declared direction of a move, or the one that follows from the kinds and order of its stages."""
        if transition.direction is not None:
            return transition.direction
        left, entered = self.stages[source], self.stages[transition.dest]
        if entered.kind in {"lost", "disqualified"}:
            return "close"
        if source == transition.dest or "on_hold" in {left.kind, entered.kind}:
            return "hold"
        if left.kind in {"lost", "disqualified"} or (left.kind == "won" and entered.kind == "open"):
            return "reopen"
        return "forward" if self._places[transition.dest] > self._places[source] else "back"

    def passed(self, source: str, transition: Transition) -> tuple[Stage, ...]:
        """Return the stages whose exit criteria a move asks for, in order: none unless it is a forward move.

        These are the stage that it leaves and those that it jumps over, without the waived ones; in a cumulative
        process, all earlier ones as well. Lost, disqualified and on-hold stages are not passed.
        """
        if self.direction(source, transition) != "forward":
            return ()
        start, end = self._places[source], self._places[transition.dest]
        return tuple(
            stage
            for stage in self._order[0 if self._cumulative else start : max(end, start + 1)]
            if stage.kind not in OFF_THE_WAY and stage.key not in transition.waives
        )

    def gate(self, source: str, transition: Transition) -> tuple[Criterion, ...]:
        """Return everything that a move asks for, in order, each criterion once.

        A forward move asks for the exit criteria of the stages that it passes, then for its own, then for the entry
        criteria of the stage that it enters. Any other move asks for its own criteria alone.
        """
        own = self._own.get(id(transition))
        if own is None:
            own = self._distinct(transition.criteria)
        if source and self.direction(source, transition) != "forward":
            return own
        passed = self.passed(source, transition) if source else ()
        asked = [criterion for stage in passed for criterion in self._exits[stage.key]]
        asked += own
        asked += self._entries[transition.dest]
        return tuple({id(criterion): criterion for criterion in asked}.values())

    def _distinct(self, criteria: Iterable[Criterion]) -> tuple[Criterion, ...]:
        same = self._same
        return tuple(dict.fromkeys(same.setdefault(criterion, criterion) for criterion in criteria))

    def _grouped(self, key: Callable[[Move], str]) -> dict[str, tuple[Move, ...]]:
        groups: dict[str, list[Move]] = {stage: [] for stage in self.stages}
        for move in self.moves:
            groups[key(move)].append(move)
        return {stage: tuple(moves) for stage, moves in groups.items()}


def initial_of(stages: Iterable[Stage]) -> Stage:
    """Return the stage in which deals start: the first open one."""
    return next(stage for stage in stages if stage.kind == "open")


def sources_of(stages: Iterable[Stage], transition: Transition) -> tuple[str, ...]:
    """Return the keys of the stages that a transition leaves, with `"*"` spelt out."""
    if ALL_OPEN not in transition.source:
        return transition.source
    opened = (stage.key for stage in stages if stage.kind == "open" and stage.key != transition.dest)
    return tuple(dict.fromkeys((*(key for key in transition.source if key != ALL_OPEN), *opened)))


@dataclass(frozen=True, slots=True)
class Search(Generic[NodeT, StepT]):
    """What a breadth-first search came to.

    `came_by` has every node that was reached, nearest first, with the step that led there and the node that the step
    left; `None` for a start. `goal` is the first node that was looked for, or `None`.
    """

    came_by: dict[NodeT, tuple[StepT, NodeT] | None]
    goal: NodeT | None

    def steps_to(self, node: NodeT) -> list[StepT]:
        """Return the fewest steps from a start to the node."""
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
    """Search from the starts until a goal is reached, or everything has been; of equal ways the first one wins."""
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

    None leads through a stage that is lost, disqualified or on hold.
    """

    def steps_from(stage: str) -> Iterator[tuple[Move, str]]:
        for move in graph.out_of[stage]:
            goes_on = move.dest == dest or graph.stages[move.dest].kind not in OFF_THE_WAY
            if goes_on and (is_usable is None or is_usable(move)):
                yield move, move.dest

    search = breadth_first([source], steps_from, lambda stage: stage == dest)
    return None if search.goal is None else search.steps_to(dest)


def simple_paths(graph: Graph, source: str, dest: str | None = None) -> Iterator[tuple[Move, ...]]:
    """Yield the paths that enter no stage twice, to `dest` or to anywhere, the shorter first."""
    waiting: deque[tuple[Move, ...]] = deque([()])
    while waiting:
        path = waiting.popleft()
        stage = path[-1].dest if path else source
        if stage == dest or (dest is None and path):
            yield path
        if stage != dest:
            seen = {source, *(move.dest for move in path)}
            waiting.extend((*path, move) for move in graph.out_of[stage] if move.dest not in seen)
