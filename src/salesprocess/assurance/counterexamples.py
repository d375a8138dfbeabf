"""The steps of a walk: facts and times for each move, and the walk run on an engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from salesprocess._text import shown
from salesprocess.assurance.solver.samples import NOON
from salesprocess.assurance.solver.witness import Witness, judged, nested, predicates_of
from salesprocess.criteria import Criterion, required
from salesprocess.criteria.evaluation import MET
from salesprocess.engine import Engine
from salesprocess.engine.decision import Override
from salesprocess.history.change import StageChange
from salesprocess.process import SalesProcess

if TYPE_CHECKING:
    from salesprocess.assurance.solver.search import RuleLike
    from salesprocess.assurance.walks import Edge, Moves

_DAY = timedelta(days=1)
_BY = "the walk"
_REASON = "to show the way"


@dataclass(frozen=True, slots=True)
class Step:
    """One move of a walk, with what it is decided on.

    `facts` are the deal's at that moment, by dotted names; `context` is what the caller passes, `predicates` what the
    host's functions answer. `overridden` has the keys of the criteria that an override lets pass, and `reason` the
    reason given where the move needs one. `source` is `None` for the start.
    """

    trigger: str
    source: str | None
    dest: str
    at: datetime
    facts: Mapping[str, Any]
    context: Mapping[str, Any]
    predicates: Mapping[str, bool | None]
    overridden: tuple[str, ...] = ()
    reason: str | None = None

    def deal(self, stage: str = "stage") -> dict[str, Any]:
        """The deal before the move, as a dict whose key `stage` has the stage it leaves.

        Facts with dotted names are dicts in it.
        """
        return nested(self.facts) | {stage: self.source}

    def __str__(self) -> str:
        way = f"{self.trigger}: " + (f"enters {self.dest}" if self.source is None else f"{self.source} to {self.dest}")
        ways = [way, *(["with a reason"] if self.reason else [])]
        if self.overridden:
            ways.append(f"overriding {', '.join(self.overridden)}")
        told = [f"{name} {shown(value)}" for name, value in self.facts.items()]
        told += [f"context.{name} {shown(value)}" for name, value in self.context.items()]
        told += [f"{name}() {shown(value)}" for name, value in self.predicates.items()]
        return ", ".join(ways) + (f"; {', '.join(told)}" if told else "")


def steps_of(moves: Moves, path: Sequence[Edge], not_met: tuple[RuleLike, ...]) -> tuple[Step, ...] | None:
    """The path with facts, each move later than the one before; `None` where the times cannot be had."""
    steps: list[Step] = []
    for edge in path:
        step = _next(moves, edge, not_met, steps[-1].at if steps else None)
        if step is None:
            return None
        steps.append(step)
    return tuple(steps)


def _next(moves: Moves, edge: Edge, not_met: tuple[RuleLike, ...], last: datetime | None) -> Step | None:
    found = moves.facts(edge, not_met, NOON if last is None else last + _DAY)
    if isinstance(found, Witness) and last is not None and "entered_at" in found.facts:
        # The time in a stage is counted from the last move, if that will do.
        stayed = found.at - found.facts["entered_at"]
        since = moves.facts(edge, not_met, last + stayed) if stayed > timedelta(0) else None
        found = since if isinstance(since, Witness) else found
    if not isinstance(found, Witness):
        found = moves.facts(edge, not_met)
    if not isinstance(found, Witness) or (last is not None and found.at <= last):
        return None
    unmet = _unmet(moves.process, edge, found)
    if unmet is None or (unmet and (edge.source is None or not moves.with_overrides)):
        return None
    reason = None
    if edge.transition is not None and edge.transition.needs_reason:
        reason = next(iter(edge.transition.reasons), _REASON)
    return Step(
        edge.trigger, edge.source, edge.dest, found.at, found.facts, found.context, found.predicates, unmet, reason
    )


def _unmet(process: SalesProcess, edge: Edge, witness: Witness) -> tuple[str, ...] | None:
    """The keys of the required criteria that the witness does not meet; `None` if one raises."""
    criteria = process.initial.entry_criteria
    if edge.source is not None and edge.transition is not None:
        criteria = process.gate(edge.source, edge.transition)
    asked = required(criteria)
    statuses = judged(witness, asked)
    if any(isinstance(status, Exception) for status in statuses):
        return None
    return tuple(each.key for each, status in zip(asked, statuses, strict=True) if status != MET)


def run(process: SalesProcess, steps: Iterable[Step]) -> tuple[StageChange, ...]:
    """Fires the steps on a new engine, one deal through all of them, and returns the changes that it made."""
    criteria = list(_criteria(process))
    answers: dict[str, bool | None] = {}
    predicates = {name: _answering(answers, name) for name in predicates_of(criteria)}
    taken = {transition.trigger for transition in process.transitions}
    taken.update(path.partition(".")[0] for criterion in criteria for path in criterion.facts())
    stage = next(name for number in count() if (name := f"stage{number or ''}") not in taken)
    engine: Engine[dict[str, Any]] = Engine(process, predicates=predicates, stage=stage)
    changes: list[StageChange] = []
    for step in steps:
        answers.clear()
        answers.update(step.predicates)
        changes.append(_fired(engine, step, step.deal(stage)))
    return tuple(changes)


def _fired(engine: Engine[dict[str, Any]], step: Step, deal: dict[str, Any]) -> StageChange:
    context = nested(step.context)
    if step.source is None:
        return engine.start(deal, at=step.at, context=context)
    override = Override(by=_BY, reason=_REASON) if step.overridden else None
    return engine.fire(
        deal, step.trigger, to=step.dest, at=step.at, reason=step.reason, override=override, context=context
    )


def _answering(answers: Mapping[str, bool | None], name: str) -> Callable[[object], bool | None]:
    return lambda _deal: answers.get(name)


def _criteria(process: SalesProcess) -> Iterator[Criterion]:
    for stage in process.stages:
        yield from (*stage.entry_criteria, *stage.gate())
    for transition in process.transitions:
        yield from transition.criteria
