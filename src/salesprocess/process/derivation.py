"""Derivation: a new process made from another one, checked like any other.

The functions are the methods of `SalesProcess` of the same names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from salesprocess._base import changed
from salesprocess._text import unknown
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import relinking
from salesprocess.process.graph import Move
from salesprocess.process.stages import Stage, Transition

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from salesprocess.criteria import Criterion, Rule
    from salesprocess.process.process import SalesProcess

ProcessT = TypeVar("ProcessT", bound="SalesProcess")


def insert(process: ProcessT, stage: Stage, *, after: str | None = None, before: str | None = None) -> ProcessT:
    """See `SalesProcess.insert`."""
    if (after is None) is (before is None):
        _refuse("no_place", "insert", "say where the stage goes: after= one stage, or before= one")
    if stage.key in process.graph.stages:
        _refuse("duplicate_stage", "stage", f"process {process.key!r} has a stage {stage.key!r} already")
    argument, neighbour = ("before", str(before)) if after is None else ("after", after)
    place = process.graph.places[_stage(process, neighbour, argument).key] + (after is not None)
    stages = (*process.stages[:place], stage, *process.stages[place:])
    links = relinking.links_of(process)
    transitions = [*relinking.relinked(process, links, stages), *relinking.others_with(process, links, stage, stages)]
    return changed(process, stages=stages, transitions=transitions)


def without(process: ProcessT, stage: str, *, into: str | None = None) -> ProcessT:
    """See `SalesProcess.without`."""
    removed = _stage(process, stage, "stage")
    if into is None:
        like = relinking.nearest_like(removed, process.stages)
        into = None if like is None else like.key
    elif _stage(process, into, "into") is removed:
        _refuse("unknown_stage", "into", f"{stage!r} is the stage that is taken out: name another")
    stages = [each for each in process.stages if each is not removed]
    links = relinking.links_of(process)
    linked = relinking.relinked(process, links, stages)
    transitions = [*linked, *relinking.others_without(process, links, stage, into, linked)]
    return changed(process, stages=stages, transitions=transitions)


def rename(process: ProcessT, stage: str, name: str = "", *, key: str | None = None) -> ProcessT:
    """See `SalesProcess.rename`."""
    former = _stage(process, stage, "stage")
    if key is not None:
        _refuse(
            "fixed_key",
            "key",
            f"the key {stage!r} is fixed for ever, since stored deals and changes hold it: rename it by its name "
            f"alone, or insert() {key!r}, migrate the deals and take {stage!r} out with without()",
        )
    if not name.strip():
        _refuse("no_name", "name", f"stage {stage!r} needs a name that people can read")
    return _with_stage(process, changed(former, name=name))


def reorder(process: ProcessT, *stages: str) -> ProcessT:
    """See `SalesProcess.reorder`."""
    moved = iter([_stage(process, key, f"stages[{index}]") for index, key in enumerate(stages)])
    if len(set(stages)) < len(stages):
        _refuse("duplicate_stage", "stages", f"each stage has one place; found {', '.join(stages)}")
    ordered = [next(moved) if stage.key in stages else stage for stage in process.stages]
    links = relinking.links_of(process)
    return changed(process, stages=ordered, transitions=[*relinking.relinked(process, links, ordered), *links.others])


def require(process: ProcessT, stage: str, *criteria: Criterion | Rule) -> ProcessT:
    """See `SalesProcess.require`."""
    former = _stage(process, stage, "stage")
    required = Stage(key=stage, exit_criteria=criteria).exit_criteria
    new = {criterion.key: criterion for criterion in required}
    if len(new) < len(required):
        _refuse("duplicate_criterion", "criteria", "several have one key; name each with Criterion(key=...)")
    kept = [new.pop(criterion.key, criterion) for criterion in former.exit_criteria]
    return _with_stage(process, changed(former, exit_criteria=(*kept, *new.values())))


def relax(process: ProcessT, stage: str, *keys: str) -> ProcessT:
    """See `SalesProcess.relax`."""
    former = _stage(process, stage, "stage")
    known = [criterion.key for criterion in (*former.gate(), *former.entry_criteria)]
    problems = [
        Problem("unknown_criterion", "keys", unknown("criterion", key, known, f"stage {stage!r}"))
        for key in keys
        if key not in known
    ]
    if problems:
        raise DefinitionError("derivation", problems)

    def kept(criteria: Iterable[Criterion]) -> tuple[Criterion, ...]:
        return tuple(criterion for criterion in criteria if criterion.key not in keys)

    activities = [
        changed(activity, criteria=kept(activity.criteria))
        for activity in former.activities
        if f"{stage}.{activity.key}" not in keys
    ]
    criteria = {name: kept(getattr(former, name)) for name in ("exit_criteria", "entry_criteria")}
    return _with_stage(process, changed(former, activities=activities, **criteria))


def with_transition(process: ProcessT, transition: Transition) -> ProcessT:
    """See `SalesProcess.with_transition`."""
    own = {(transition.trigger, source, transition.dest) for source in process.sources(transition)}
    kept = relinking.transitions_without(process, lambda move: move.key in own)
    return changed(process, transitions=[*kept, transition])


def without_transition(process: ProcessT, trigger: str, source: str | None = None, dest: str | None = None) -> ProcessT:
    """See `SalesProcess.without_transition`."""
    for key, argument in ((source, "source"), (dest, "dest")):
        if key is not None:
            _stage(process, key, argument)

    def is_gone(move: Move) -> bool:
        return move.trigger == trigger and source in {None, move.source} and dest in {None, move.dest}

    if not any(map(is_gone, process.moves())):
        triggers = dict.fromkeys(transition.trigger for transition in process.transitions)
        if trigger not in triggers:
            _refuse("unknown_trigger", "trigger", unknown("trigger", trigger, triggers, f"process {process.key!r}"))
        ends = (f" from {source!r}" if source else "") + (f" to {dest!r}" if dest else "")
        _refuse("unknown_move", "trigger", f"trigger {trigger!r} does not lead{ends}")
    return changed(process, transitions=list(relinking.transitions_without(process, is_gone)))


def with_version(process: ProcessT, version: int | str, *, key: str | None = None, name: str | None = None) -> ProcessT:
    """See `SalesProcess.with_version`."""
    new = process.key if key is None else key

    def started(starts: Sequence[str]) -> tuple[str, ...]:
        return tuple(new if each == process.key else each for each in starts)

    return changed(
        process,
        key=new,
        version=version,
        name=process.name if name is None else name,
        stages=[changed(stage, starts=started(stage.starts)) for stage in process.stages],
        transitions=[changed(transition, starts=started(transition.starts)) for transition in process.transitions],
    )


def _refuse(code: str, path: str, message: str) -> NoReturn:
    raise DefinitionError("derivation", [Problem(code, path, message)])


def _stage(process: SalesProcess, key: str, argument: str) -> Stage:
    """Return a stage; `argument` is what named it."""
    stages = process.graph.stages
    if key not in stages:
        _refuse("unknown_stage", argument, unknown("stage", key, stages, f"process {process.key!r}"))
    return stages[key]


def _with_stage(process: ProcessT, stage: Stage) -> ProcessT:
    """Return the process with a stage in place of the one of the same key."""
    return changed(process, stages=[stage if each.key == stage.key else each for each in process.stages])
