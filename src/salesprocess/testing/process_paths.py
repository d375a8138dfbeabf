"""Paths through a process, for tests to walk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from salesprocess._text import suggestion
from salesprocess.assurance.host_types import HostType, type_of_argument
from salesprocess.assurance.solver.witness import nested
from salesprocess.criteria import required
from salesprocess.criteria.rules import inputs
from salesprocess.process.graph import Move, breadth_first, shortest, simple_paths
from salesprocess.process.stages import CLOSED_KINDS
from salesprocess.testing.assertions import assert_moves
from salesprocess.testing.deal_building import condition, solve
from salesprocess.testing.host_values import MONDAY, built

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from salesprocess.criteria import Criterion
    from salesprocess.engine import Engine
    from salesprocess.history.change import StageChange
    from salesprocess.process import SalesProcess, Transition
    from salesprocess.process.graph import Graph

__all__ = ["Path", "PathKind", "Step", "paths"]

DealT = TypeVar("DealT")
PathKind: TypeAlias = Literal["shortest", "simple", "all_transitions"]

_REASON = "required by the path"


@dataclass(frozen=True, slots=True)
class Step:
    """A move of a path, with a reason that lets it through."""

    move: Move

    @property
    def source(self) -> str:
        """The stage that the step leaves."""
        return self.move.source

    @property
    def transition(self) -> Transition:
        """The transition of the definition."""
        return self.move.transition

    @property
    def trigger(self) -> str:
        """What the move is called."""
        return self.move.trigger

    @property
    def dest(self) -> str:
        """The stage that the step enters."""
        return self.move.dest

    @property
    def reason(self) -> str | None:
        """A reason that the move accepts, or `None` where it needs none."""
        if not self.transition.needs_reason:
            return None
        return self.transition.reasons[0] if self.transition.reasons else _REASON


@dataclass(frozen=True)
class Path:
    """A path through a process, from the stage in which deals start.

    Its text lists the stages in order, with the trigger where two moves lead from one stage to the next; pytest uses it
    as the id of a test case.
    """

    process: SalesProcess
    steps: tuple[Step, ...]

    @property
    def __name__(self) -> str:
        # pytest takes the id of a parameter from here.
        return str(self)

    @property
    def stages(self) -> tuple[str, ...]:
        """The keys of the stages on the path, the first one included."""
        return (self.process.initial.key, *(step.dest for step in self.steps))

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """Every criterion that the moves ask for, in order, each once."""
        return tuple(dict.fromkeys(criterion for step in self.steps for criterion in step.move.gate))

    def upto(self, count: int) -> Path:
        """Return the path of the first `count` steps."""
        return Path(self.process, self.steps[:count])

    def deal(
        self,
        deal_type: Callable[..., DealT],
        *,
        stage: str = "stage",
        facts: Mapping[str, str] | None = None,
        at: datetime = MONDAY,
        **given: Any,
    ) -> DealT:
        """Return a deal in the first stage that has every fact the path asks for.

        Each fact has the type that the constructor declares. `stage` and `facts` are the engine's arguments, `at` is
        the time of the walk, for criteria about time; `given` is passed to the constructor unchanged.

        >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
        >>> path = next(paths(SEVEN_STAGE, to="making_contact"))
        >>> path.deal(dict)
        {'prospect': 'given', 'fits_profile': True, 'stage': 'prospecting'}

        Raises:
            ValueError: if no single deal can walk the path unchanged. Then set facts on the way: walk `upto` a step.
        """
        names = facts or {}
        asked = required(self.criteria)
        found = solve(asked, hints=lambda path: type_of_argument(deal_type, names.get(path, path)), at=at)
        if found is None:
            rules = "; ".join(str(criterion.rule) for criterion in asked)
            raise ValueError(f"no single {HostType(deal_type).name} can walk {self}, which asks for: {rules}")
        values = {names.get(path, path): value for path, value in found.plainest.items()}
        deal: DealT = built(deal_type, {**values, stage: self.process.initial.key}, given)
        return deal

    def walk(
        self, engine: Engine[DealT], deal: DealT, *, by: str | None = None, at: datetime | None = None
    ) -> list[StageChange]:
        """Fire every step on the deal, with a reason or a context where one is needed, and return the changes.

        Raises:
            AssertionError: at the first step that is refused.
        """
        __tracebackhide__ = True
        context = self._context()
        return [
            assert_moves(engine, deal, step.trigger, to=step.dest, by=by, reason=step.reason, at=at, context=context)
            for step in self.steps
        ]

    def _context(self) -> dict[str, Any] | None:
        """Return the context with which the steps pass, or `None` where they ask for none."""
        rules = [condition(criterion) for criterion in required(self.criteria)]
        if not any(source == "context" for source, _ in inputs(*rules)):
            return None
        found = solve(rules)
        return None if found is None else nested(found.witness.context)

    def __str__(self) -> str:
        text = self.process.initial.key
        for step in self.steps:
            parallel = [move for move in self.process.graph.out_of[step.source] if move.dest == step.dest]
            text += f">{step.dest}" if len(parallel) == 1 else f">{step.trigger}:{step.dest}"
        return text

    __repr__ = __str__


def paths(
    process: SalesProcess, *, to: str | None = None, kind: PathKind = "shortest", limit: int = 1_000
) -> Iterator[Path]:
    """Yield paths from the first stage, at most `limit` of them, each searched for when it is asked for.

    `shortest` yields the shortest path to `to`, or to each stage that can be reached; `simple` every path that enters
    no stage twice, to `to` or to any stage, shorter ones first; `all_transitions` a few paths that together make every
    move, each of them extended to `to` where that is given and can still be reached.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> [str(path) for path in paths(SEVEN_STAGE, to="qualifying", kind="simple")]
    ['prospecting>qualifying', 'prospecting>making_contact>qualifying', ...]

    Raises:
        ValueError: for a stage that the process lacks, an unknown kind, or a limit below 1.
    """
    keys = [stage.key for stage in process.stages]
    if to is not None and to not in keys:
        raise ValueError(f"unknown stage {to!r} in process {process.key!r}{suggestion(to, keys)}")
    if kind not in _KINDS:
        raise ValueError(f"unknown kind of path {kind!r}{suggestion(kind, _KINDS)}")
    if limit < 1:
        raise ValueError(f"limit must be at least 1, found {limit}")
    return islice(_KINDS[kind](process, to), limit)


def nearest(graph: Graph, source: str, is_goal: Callable[[str], bool]) -> list[Move] | None:
    """Return the fewest moves to a stage that is a goal, or `None` if no moves lead to one."""
    search = breadth_first([source], lambda stage: ((move, move.dest) for move in graph.out_of[stage]), is_goal)
    return None if search.goal is None else search.steps_to(search.goal)


def path_to(process: SalesProcess, stage: str) -> Path | None:
    """Return the shortest path to a stage, or `None` if no moves lead there.

    It goes through lost, disqualified and on-hold stages only where no other path exists.
    """
    graph, initial = process.graph, process.initial.key
    moves = shortest(graph, initial, stage)
    if moves is None:
        moves = nearest(graph, initial, lambda key: key == stage)
    return None if moves is None else path_of(process, moves)


def path_of(process: SalesProcess, moves: Iterable[Move]) -> Path:
    """Return the path that consists of these moves."""
    return Path(process, tuple(Step(move) for move in moves))


def _shortest(process: SalesProcess, to: str | None) -> Iterator[Path]:
    for key in [to] if to is not None else [stage.key for stage in process.stages]:
        path = path_to(process, key)
        # The empty path to the first stage is an answer only where that stage was asked for.
        if path is not None and (path.steps or to is not None):
            yield path


def _simple(process: SalesProcess, to: str | None) -> Iterator[Path]:
    return (path_of(process, moves) for moves in simple_paths(process.graph, process.initial.key, to))


def _all_transitions(process: SalesProcess, to: str | None) -> Iterator[Path]:
    """Yield paths that each take the nearest move not made yet, until the deal is closed or no such move is left."""
    graph, initial = process.graph, process.initial.key
    closed = {stage.key for stage in process.stages if stage.kind in CLOSED_KINDS}
    left = set(graph.moves)

    def next_move(stage: str) -> Move | None:
        return next((move for move in graph.out_of[stage] if move in left), None)

    def leads_on(stage: str) -> bool:
        return next_move(stage) is not None

    while (way := nearest(graph, initial, leads_on)) is not None:
        taken: list[Move] = []
        stage = initial
        while way is not None and not (taken and stage in closed):
            move = next_move(way[-1].dest if way else stage)
            taken += [*way, *([move] if move else [])]
            left.difference_update(taken)
            stage = taken[-1].dest
            way = nearest(graph, stage, leads_on)
        rest = None if to is None else nearest(graph, stage, lambda key: key == to)
        yield path_of(process, (*taken, *(rest or ())))


_KINDS: dict[PathKind, Callable[[SalesProcess, str | None], Iterator[Path]]] = {
    "shortest": _shortest,
    "simple": _simple,
    "all_transitions": _all_transitions,
}
