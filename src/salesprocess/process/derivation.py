"""Derivation: a new process out of one that there is, checked like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from salesprocess._text import suggestion
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process.relinking import changed, joined_by, move_key, nearest_kin, taken_apart, threaded
from salesprocess.process.stages import ALL_OPEN, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.criteria import Criterion, Rule
    from salesprocess.process.process import SalesProcess

ProcessT = TypeVar("ProcessT", bound="SalesProcess")


def insert(
    process: ProcessT,
    stage: Stage,
    *,
    after: str | None = None,
    before: str | None = None,
) -> ProcessT:
    """See `SalesProcess.insert`."""
    if (after is None) is (before is None):
        _refuse("no_place", "insert", "say where the stage goes: after= one stage, or before= one")
    if any(each.key == stage.key for each in process.stages):
        _refuse("duplicate_stage", "stage", f"there is a stage {stage.key!r} already")
    place = _place(process, after, "after") + 1 if after is not None else _place(process, str(before), "before")
    stages = (*process.stages[:place], stage, *process.stages[place:])
    moves = taken_apart(process)
    transitions = [*threaded(process, moves, stages), *joined_by(process, moves.others, stage, stages)]
    return _rebuilt(process, stages=stages, transitions=transitions)


def without(process: ProcessT, stage: str, *, into: str | None = None) -> ProcessT:
    """See `SalesProcess.without`."""
    removed = process.stages[_place(process, stage, "stage")]
    kin = nearest_kin(removed, process.stages)
    target = (None if kin is None else kin.key) if into is None else process.stages[_place(process, into, "into")].key
    if target == stage:
        _refuse("unknown_stage", "into", f"{stage!r} is the stage that is taken out: name another")
    stages = [each for each in process.stages if each.key != stage]
    moves = taken_apart(process)
    linked = threaded(process, moves, stages)
    rest = _moved(process, moves.others, stage, target, linked)
    return _rebuilt(process, stages=stages, transitions=[*linked, *rest])


def rename(process: ProcessT, stage: str, name: str = "", *, key: str | None = None) -> ProcessT:
    """See `SalesProcess.rename`."""
    place = _place(process, stage, "stage")
    if key is not None:
        _refuse(
            "fixed_key",
            "key",
            f"the key {stage!r} is fixed for ever, since stored deals and changes hold it: rename it by its name "
            f"alone, or insert() {key!r}, migrate the deals and take {stage!r} out with without()",
        )
    if not name.strip():
        _refuse("no_name", "name", f"stage {stage!r} needs a name that people can read")
    return _with_stage(process, place, name=name)


def reorder(process: ProcessT, *stages: str) -> ProcessT:
    """See `SalesProcess.reorder`."""
    places = [_place(process, key, f"stages[{index}]") for index, key in enumerate(stages)]
    if len(set(places)) < len(places):
        _refuse("duplicate_stage", "stages", f"each stage has one place; found {', '.join(stages)}")
    ordered = list(process.stages)
    for place, former in zip(sorted(places), places, strict=True):
        ordered[place] = process.stages[former]
    moves = taken_apart(process)
    return _rebuilt(process, stages=ordered, transitions=[*threaded(process, moves, ordered), *moves.others])


def require(process: ProcessT, stage: str, *criteria: Criterion | Rule) -> ProcessT:
    """See `SalesProcess.require`."""
    place = _place(process, stage, "stage")
    asked = Stage(key=stage, exit_criteria=criteria).exit_criteria
    former = process.stages[place].exit_criteria
    new = {criterion.key: criterion for criterion in asked}
    if len(new) < len(asked):
        _refuse("duplicate_criterion", "criteria", "several have one key; name each with Criterion(key=...)")
    kept = [new.pop(criterion.key, criterion) for criterion in former]
    return _with_stage(process, place, exit_criteria=(*kept, *new.values()))


def relax(process: ProcessT, stage: str, *keys: str) -> ProcessT:
    """See `SalesProcess.relax`."""
    place = _place(process, stage, "stage")
    former = process.stages[place]
    known = [criterion.key for criterion in (*former.gate(), *former.entry_criteria)]
    unknown = [key for key in keys if key not in known]
    if unknown:
        problems = [
            Problem("unknown_criterion", "keys", f"stage {stage!r} has no criterion {key!r}{suggestion(key, known)}")
            for key in unknown
        ]
        raise DefinitionError("derivation", problems)
    activities = [
        activity.model_copy(update={"criteria": _less(activity.criteria, keys)})
        for activity in former.activities
        if f"{stage}.{activity.key}" not in keys
    ]
    return _with_stage(
        process,
        place,
        activities=activities,
        exit_criteria=_less(former.exit_criteria, keys),
        entry_criteria=_less(former.entry_criteria, keys),
    )


def with_transition(process: ProcessT, transition: Transition) -> ProcessT:
    """See `SalesProcess.with_transition`."""
    own = {move_key(source, transition) for source in process.sources(transition)}
    kept = _less_moves(process, lambda source, move: move_key(source, move) in own)
    return _rebuilt(process, transitions=[*kept, transition])


def without_transition(process: ProcessT, trigger: str, source: str | None = None, dest: str | None = None) -> ProcessT:
    """See `SalesProcess.without_transition`."""
    for key, argument in ((source, "source"), (dest, "dest")):
        if key is not None:
            _place(process, key, argument)

    def fits(left: str, move: Transition) -> bool:
        return move.trigger == trigger and source in {None, left} and dest in {None, move.dest}

    if not any(fits(move.source, move.transition) for move in process.moves()):
        triggers = dict.fromkeys(move.trigger for move in process.transitions)
        if trigger not in triggers:
            _refuse("unknown_trigger", "trigger", f"no trigger {trigger!r}{suggestion(trigger, triggers)}")
        _refuse("unknown_move", "trigger", f"{trigger!r} does not lead from {source or 'there'} to {dest or 'there'}")
    return _rebuilt(process, transitions=list(_less_moves(process, fits)))


def with_version(process: ProcessT, version: int | str, *, key: str | None = None, name: str | None = None) -> ProcessT:
    """See `SalesProcess.with_version`."""
    new = process.key if key is None else key

    def following(starts: Sequence[str]) -> tuple[str, ...]:
        return tuple(new if started == process.key else started for started in starts)

    return _rebuilt(
        process,
        key=new,
        version=version,
        name=process.name if name is None else name,
        stages=[_stage(stage, starts=following(stage.starts)) for stage in process.stages],
        transitions=[changed(move, starts=following(move.starts)) for move in process.transitions],
    )


def _refuse(code: str, path: str, message: str) -> NoReturn:
    raise DefinitionError("derivation", [Problem(code, path, message)])


def _place(process: SalesProcess, key: str, argument: str) -> int:
    keys = [stage.key for stage in process.stages]
    if key not in keys:
        _refuse("unknown_stage", argument, f"process {process.key!r} has no stage {key!r}{suggestion(key, keys)}")
    return keys.index(key)


def _rebuilt(process: ProcessT, **changes: Any) -> ProcessT:
    return type(process)(**{**dict(process), **changes})


def _stage(stage: Stage, **changes: Any) -> Stage:
    return type(stage)(**{**dict(stage), **changes})


def _with_stage(process: ProcessT, place: int, **changes: Any) -> ProcessT:
    stage = _stage(process.stages[place], **changes)
    return _rebuilt(process, stages=(*process.stages[:place], stage, *process.stages[place + 1 :]))


def _less(criteria: Sequence[Criterion], keys: Sequence[str]) -> tuple[Criterion, ...]:
    return tuple(criterion for criterion in criteria if criterion.key not in keys)


def _less_moves(process: SalesProcess, goes: Callable[[str, Transition], bool]) -> Iterator[Transition]:
    """The transitions without some of their moves; `"*"` is spelt out only where it must be."""
    for transition in process.transitions:
        sources = process.sources(transition)
        left = tuple(source for source in sources if not goes(source, transition))
        if left == sources:
            yield transition
        elif left:
            yield changed(transition, source=left)


def _moved(
    process: SalesProcess, others: Sequence[Transition], stage: str, into: str | None, linked: Sequence[Transition]
) -> Iterator[Transition]:
    """The other moves, with `into` in the place of the stage wherever that makes a move of the same direction."""
    taken = {move_key(source, move) for move in linked for source in move.source}
    taken |= {move_key(source, move) for move in others if move.dest != stage for source in move.source}
    for transition in others:
        # What was jumped over is not, once it is where the move leads.
        gone = {stage, into} if transition.dest == stage else {stage}
        waives = tuple(waived for waived in transition.waives if waived not in gone)
        kept = []
        for source in transition.source:
            if source == ALL_OPEN or stage not in {source, transition.dest}:
                kept.append(source)
                continue
            move = _redirected(process, changed(transition, source=source), stage, into)
            if move is not None and move_key(move.source[0], move) not in taken:
                taken.add(move_key(move.source[0], move))
                kept.append(move.source[0])
        dest = into if transition.dest == stage else transition.dest
        if kept and dest is not None:
            yield changed(transition, source=tuple(kept), dest=dest, waives=waives)


def _redirected(process: SalesProcess, move: Transition, stage: str, into: str | None) -> Transition | None:
    (source,) = move.source
    if into is None:
        return None
    new = changed(move, source=into if source == stage else source, dest=into if move.dest == stage else move.dest)
    becomes_a_loop = new.source[0] == new.dest and source != move.dest
    same = process.graph.direction(source, move) == process.graph.direction(new.source[0], new)
    return new if same and not becomes_a_loop else None
