"""Whether a claim holds: each decided by a search of the walks that would break it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from salesprocess._text import suggestion
from salesprocess.assurance.claims import (
    AlwaysPasses,
    AtMost,
    Claim,
    EventuallyClosable,
    Every,
    Never,
    Opposite,
    Reachable,
    Some,
)
from salesprocess.assurance.counterexamples import Step, steps_of
from salesprocess.assurance.walks import Search
from salesprocess.criteria import Criterion, Rule, fact
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import CLOSED_KINDS, SalesProcess

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from salesprocess.assurance.solver.search import RuleLike
    from salesprocess.assurance.walks import Edge, Moves, Reach, State

_KINDS = ("open", "on_hold", *sorted(CLOSED_KINDS))
_NAMED = 3


class Verdict(NamedTuple):
    """Whether a claim holds, `None` where that is not known; why; and the walk that shows it, if one does."""

    holds: bool | None
    why: str
    steps: tuple[Step, ...] = ()


def verdict(claim: Claim, moves: Moves) -> Verdict:  # noqa: PLR0911 - one return a claim
    """What comes of a claim.

    Raises:
        DefinitionError: for a name that the process lacks.
    """
    match claim:
        case Never(target=target, without=without):
            return _never(moves, target, *_without(moves.process, without))
        case AlwaysPasses(stage=stage, before=target):
            _known(moves.process, stage, [each.key for each in moves.process.stages], "stage")
            return _never(moves, target, (), frozenset({stage}))
        case Reachable(target=target):
            return _reachable(moves, target)
        case EventuallyClosable():
            return _closable(moves)
        case AtMost(times=times, trigger=trigger):
            return _at_most(moves, times, trigger)
        case Every(claims=claims):
            return _all([verdict(each, moves) for each in claims])
        case Some(claims=claims):
            return _turned(_all([_turned(verdict(each, moves)) for each in claims]))
        case Opposite(claim=inner):
            return _turned(verdict(inner, moves))
    raise TypeError(f"no such claim: {claim!r}")


def _never(moves: Moves, target: str, not_met: tuple[RuleLike, ...], avoided: frozenset[str]) -> Verdict:
    goals = _stages_of(moves.process, target)
    search = Search(moves, not_met, avoided)
    found = search.reach(lambda state: state[0] in goals)
    if found.goal is not None:
        return _walked(search, found, holds=False)
    possible = search.reach(lambda state: state[0] in goals, doubtful=True)
    if possible.goal is not None:
        return _doubtful(possible.path(possible.goal), search)
    if Search(moves).reach(lambda state: state[0] in goals, doubtful=True).goal is None:
        return Verdict(holds=True, why=f"no walk enters {target} at all")
    return Verdict(holds=True, why=f"no walk enters {target} that way")


def _reachable(moves: Moves, target: str) -> Verdict:
    goals = _stages_of(moves.process, target)
    search = Search(moves)
    found = search.reach(lambda state: state[0] in goals)
    if found.goal is not None:
        return _walked(search, found, holds=True)
    possible = search.reach(lambda state: state[0] in goals, doubtful=True)
    if possible.goal is not None:
        return _doubtful(possible.path(possible.goal), search)
    return Verdict(holds=False, why=f"no walk enters {target}: the stages that walks enter are {_listed(found.stages)}")


def _closable(moves: Moves) -> Verdict:
    ends = {stage.key for stage in moves.process.stages if stage.kind in CLOSED_KINDS}
    search = Search(moves)
    entered = search.reach(lambda _state: False)
    possible = search.reach(lambda _state: False, doubtful=True)
    may_close = search.leading_to(ends, possible.stages, doubtful=True)
    stuck = next((state for stage, state in entered.stages.items() if stage not in may_close), None)
    if stuck is not None:
        steps = steps_of(moves, entered.path(stuck), ())
        if steps is not None:
            return Verdict(holds=False, why=f"from {stuck[0]} no moves lead to an end", steps=steps)
    closes = search.leading_to(ends, possible.stages)
    if closes.issuperset(possible.stages):
        return Verdict(holds=True, why=f"an end can be reached from each of {_listed(possible.stages)}")
    return _doubtful(search.undecided or entered.path(next(iter(entered.came_by))), search)


def _at_most(moves: Moves, times: int, trigger: str) -> Verdict:
    _known(moves.process, trigger, dict.fromkeys(each.trigger for each in moves.process.transitions), "trigger")
    search = Search(moves)

    def is_goal(state: State) -> bool:
        return state[1] > times

    found = search.reach(is_goal, counted=trigger)
    if found.goal is not None:
        return _walked(search, found, holds=False)
    possible = search.reach(is_goal, counted=trigger, doubtful=True)
    if possible.goal is not None:
        return _doubtful(possible.path(possible.goal), search)
    most = max((count for _, count in found.came_by), default=0)
    return Verdict(holds=True, why=f"no walk fires {trigger} more than {most} {'time' if most == 1 else 'times'}")


def _all(parts: list[Verdict]) -> Verdict:
    """All of the parts hold; one that does not is enough to tell, whatever is not known of the others."""
    for holds in (False, None):
        for part in parts:
            if part.holds is holds:
                return part
    steps = next((part.steps for part in parts if part.steps), ())
    return Verdict(holds=True, why="; ".join(part.why for part in parts), steps=steps)


def _turned(part: Verdict) -> Verdict:
    return part if part.holds is None else part._replace(holds=not part.holds)


def _walked(search: Search, found: Reach, *, holds: bool) -> Verdict:
    """The verdict that a walk gives, once it has facts and times."""
    assert found.goal is not None  # noqa: S101 - only for a walk that was found
    path = found.path(found.goal)
    steps = steps_of(search.moves, path, search.not_met)
    if steps is None:
        return _doubtful(path, search)
    return Verdict(holds, f"{len(steps)} {'move' if len(steps) == 1 else 'moves'} into {steps[-1].dest}", steps)


def _doubtful(path: Iterable[Edge], search: Search) -> Verdict:
    """No verdict, for what is not known of the moves of a path."""
    unsure = [edge for edge in path if not search.is_open(edge)]
    if not unsure:
        return Verdict(
            holds=None, why="the moves that would break it ask for times that were not found one after another"
        )
    more = f" and {len(unsure) - _NAMED} more" if len(unsure) > _NAMED else ""
    named = "; ".join(map(str, unsure[:_NAMED]))
    return Verdict(holds=None, why=f"no facts were found, nor ruled out, that allow: {named}{more}")


def _without(process: SalesProcess, without: str | Rule | Criterion) -> tuple[tuple[RuleLike, ...], frozenset[str]]:
    """The criteria that are not to be met and the stages that are not to be entered."""
    if not isinstance(without, str):
        return (without,), frozenset()
    stages = [stage.key for stage in process.stages]
    if without in stages:
        return (), frozenset({without})
    criteria = tuple(dict.fromkeys(_criteria(process)))
    named = tuple(criterion for criterion in criteria if criterion.key == without)
    if named:
        return named, frozenset()
    facts = list(dict.fromkeys(path for criterion in criteria for path in criterion.facts()))
    names = dict.fromkeys([*stages, *(criterion.key for criterion in criteria), *facts])
    _known(process, without, names, "stage, criterion or fact")
    return (fact(without).is_known(),), frozenset()


def _criteria(process: SalesProcess) -> Iterator[Criterion]:
    for stage in process.stages:
        yield from (*stage.entry_criteria, *stage.gate())
    for transition in process.transitions:
        yield from transition.criteria


def _stages_of(process: SalesProcess, target: str) -> frozenset[str]:
    """The stages of an outcome, or the one stage of that key."""
    of_kind = frozenset(stage.key for stage in process.stages if stage.kind == target)
    if of_kind or target in _KINDS:
        return of_kind or frozenset({target}.intersection(stage.key for stage in process.stages))
    _known(process, target, [*(stage.key for stage in process.stages), *_KINDS], "stage or outcome")
    return frozenset({target})


def _known(process: SalesProcess, name: str, names: Collection[str], what: str) -> None:
    if name not in names:
        problem = Problem("unknown_name", "claim", f"no {what} {name!r}{suggestion(name, names)}")
        raise DefinitionError(f"the claim on process {process.key!r}", [problem])


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
