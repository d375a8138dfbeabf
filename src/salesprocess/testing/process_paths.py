"""Ways through a process, for tests to walk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, TypeVar

from salesprocess._text import suggestion
from salesprocess.assurance.host_types import type_of_argument
from salesprocess.assurance.solver.witness import nested
from salesprocess.criteria import required
from salesprocess.criteria.rules import inputs
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

__all__ = ["Path", "PathKind", "Step", "paths"]

DealT = TypeVar("DealT")
PathKind: TypeAlias = Literal["shortest", "simple", "all_transitions"]

_OFF_THE_WAY = {"lost", "disqualified", "on_hold"}
_REASON = "as the path has it"


class Step(NamedTuple):
    """One move of a path."""

    source: str
    transition: Transition

    @property
    def trigger(self) -> str:
        """What the move is called."""
        return self.transition.trigger

    @property
    def dest(self) -> str:
        """The stage that it enters."""
        return self.transition.dest

    @property
    def reason(self) -> str | None:
        """A reason that will do, where the move needs one."""
        if not self.transition.needs_reason:
            return None
        return self.transition.reasons[0] if self.transition.reasons else _REASON


@dataclass(frozen=True)
class Path:
    """A way through a process, from the stage in which deals start.

    Its text is the stages in order, with the trigger where the stages alone do not tell; pytest takes it as the id.
    """

    process: SalesProcess
    steps: tuple[Step, ...]

    @property
    def __name__(self) -> str:
        # Where pytest looks for the id of a parameter.
        return str(self)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages on the way, the first included."""
        return (self.process.initial.key, *(step.dest for step in self.steps))

    @property
    def criteria(self) -> tuple[Criterion, ...]:
        """All that the moves ask for, in order, each once."""
        gates = (self.process.gate(step.source, step.transition) for step in self.steps)
        return tuple(dict.fromkeys(criterion for gate in gates for criterion in gate))

    def upto(self, count: int) -> Path:
        """The first steps alone."""
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
        """A deal in the first stage that has every fact the path asks for.

        Each fact is of the type that the constructor says. `stage` and `facts` are those of the engine, `at` the time
        of the walk for criteria about time; `given` goes to the constructor as it is.

        >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
        >>> path = next(paths(SEVEN_STAGE, to="making_contact"))
        >>> path.deal(dict)
        {'prospect': 'given', 'fits_profile': True, 'stage': 'prospecting'}

        Raises:
            ValueError: if no one deal can walk the path as it is: then set facts on the way, `upto` there first.
        """
        names = facts or {}
        found = solve(
            required(self.criteria), hints=lambda path: type_of_argument(deal_type, names.get(path, path)), at=at
        )
        if found is None:
            asked = "; ".join(str(criterion.rule) for criterion in required(self.criteria))
            raise ValueError(f"no one {_called(deal_type)} walks {self}, whose steps ask for: {asked}")
        values = {names.get(path, path): value for path, value in found.plainest.items()}
        deal: DealT = built(deal_type, {**values, stage: self.process.initial.key}, given)
        return deal

    def walk(
        self, engine: Engine[DealT], deal: DealT, *, by: str | None = None, at: datetime | None = None
    ) -> list[StageChange]:
        """Fires every step on the deal, with a reason or a context where one is needed, and returns the changes.

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
        """What the caller has to say for the steps to pass."""
        rules = [condition(criterion) for criterion in required(self.criteria)]
        if not any(source == "context" for source, _ in inputs(*rules)):
            return None
        found = solve(rules)
        return None if found is None else nested(found.witness.context)

    def __str__(self) -> str:
        text = self.process.initial.key
        for step in self.steps:
            rivals = [move for move in self.process.graph.out_of[step.source] if move.dest == step.dest]
            text += f">{step.dest}" if len(rivals) == 1 else f">{step.trigger}:{step.dest}"
        return text

    __repr__ = __str__


def paths(
    process: SalesProcess, *, to: str | None = None, kind: PathKind = "shortest", limit: int = 1_000
) -> Iterator[Path]:
    """Paths from the first stage, one after the other as they are asked for, at most `limit` of them.

    `shortest` gives the shortest one to `to`, or to each stage that can be reached; `simple` every path that enters
    no stage twice, to `to` or to anywhere, the shorter first; `all_transitions` a few paths that together make every
    move, each of them going on to `to` where that is given and can still be reached.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> [str(path) for path in paths(SEVEN_STAGE, to="qualifying", kind="simple")]
    ['prospecting>qualifying', 'prospecting>making_contact>qualifying', ...]

    Raises:
        ValueError: for a stage that the process lacks, an unknown kind, or a limit below 1.
    """
    keys = [stage.key for stage in process.stages]
    if to is not None and to not in keys:
        raise ValueError(f"process {process.key!r} has no stage {to!r}{suggestion(to, keys)}")
    if kind not in _KINDS:
        raise ValueError(f"no kind of path {kind!r}{suggestion(kind, _KINDS)}")
    if limit < 1:
        raise ValueError(f"a limit is at least 1, found {limit}")
    return islice(_KINDS[kind](process, to), limit)


Ways: TypeAlias = dict[str, list[Step]]


def ways_out(process: SalesProcess) -> Ways:
    """The steps out of each stage, in declared order."""
    ways: Ways = {stage.key: [] for stage in process.stages}
    for move in process.moves():
        ways[move.source].append(Step(move.source, move.transition))
    return ways


def route(ways: Ways, source: str, reached: Callable[[str], bool]) -> tuple[Step, ...] | None:
    """The fewest steps to a stage that will do, of equal ways the one declared first; `None` if there are none."""
    came_by: dict[str, tuple[Step, ...]] = {source: ()}
    waiting = deque([source])
    while waiting:
        stage = waiting.popleft()
        if reached(stage):
            return came_by[stage]
        for step in ways[stage]:
            if step.dest not in came_by:
                came_by[step.dest] = (*came_by[stage], step)
                waiting.append(step.dest)
    return None


def _shortest(process: SalesProcess, to: str | None) -> Iterator[Path]:
    for key in [to] if to is not None else [stage.key for stage in process.stages]:
        steps = way_to(process, key)
        if steps or (steps is not None and to is not None):
            yield Path(process, steps)


def way_to(process: SalesProcess, key: str) -> tuple[Step, ...] | None:
    """The shortest way from the first stage, past lost deals and deals on hold only where there is no other."""
    ways, initial = ways_out(process), process.initial.key
    aside = {stage.key for stage in process.stages if stage.kind in _OFF_THE_WAY and stage.key != key}
    direct = {stage: [step for step in steps if step.dest not in aside] for stage, steps in ways.items()}
    return route(direct, initial, lambda stage: stage == key) or route(ways, initial, lambda stage: stage == key)


def _simple(process: SalesProcess, to: str | None) -> Iterator[Path]:
    ways, initial = ways_out(process), process.initial.key
    waiting: deque[tuple[Step, ...]] = deque([()])
    while waiting:
        steps = waiting.popleft()
        stage = steps[-1].dest if steps else initial
        if stage == to or (to is None and steps):
            yield Path(process, steps)
        if stage != to:
            seen = {initial, *(step.dest for step in steps)}
            waiting.extend((*steps, step) for step in ways[stage] if step.dest not in seen)


def _all_transitions(process: SalesProcess, to: str | None) -> Iterator[Path]:
    """Takes the nearest step not yet made until a deal is closed or there is none left, then begins anew."""
    ways, initial = ways_out(process), process.initial.key
    closed = {stage.key for stage in process.stages if stage.kind in CLOSED_KINDS}
    left = {id(step) for steps in ways.values() for step in steps}
    while (way := route(ways, initial, lambda stage: _first(ways[stage], left) is not None)) is not None:
        taken: list[Step] = []
        stage = initial
        while way is not None and not (taken and stage in closed):
            step = _first(ways[way[-1].dest if way else stage], left)
            taken += [*way, *([step] if step else [])]
            left.difference_update(map(id, taken))
            stage = taken[-1].dest
            way = route(ways, stage, lambda key: _first(ways[key], left) is not None)
        on = () if to is None else route(ways, stage, lambda key: key == to)
        yield Path(process, (*taken, *(on or ())))


def _first(steps: list[Step], left: set[int]) -> Step | None:
    return next((step for step in steps if id(step) in left), None)


_KINDS: dict[PathKind, Callable[[SalesProcess, str | None], Iterator[Path]]] = {
    "shortest": _shortest,
    "simple": _simple,
    "all_transitions": _all_transitions,
}


def _called(deal_type: Any) -> str:
    return str(getattr(deal_type, "__name__", deal_type))
