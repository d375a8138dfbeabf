"""Two processes in one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from salesprocess._text import shown
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process.derivation import insert
from salesprocess.process.relinking import changed, move_key, taken_apart
from salesprocess.process.stages import Activity, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.criteria import Criterion
    from salesprocess.process.process import SalesProcess

ProcessT = TypeVar("ProcessT", bound="SalesProcess")

_MERGED_BY_KEY = {"activities", "entry_criteria", "exit_criteria", "criteria"}


def merge(process: ProcessT, other: SalesProcess) -> ProcessT:
    """See `SalesProcess.merge`."""
    conflicts: list[Problem] = []
    result = process
    own = {stage.key for stage in process.stages}
    for index, stage in enumerate(other.stages):
        if stage.key not in own:
            result = _inserted(result, other, index)
    both = {stage.key: stage for stage in other.stages if stage.key in own}
    stages = [_merged_stage(stage, both.get(stage.key, stage), conflicts) for stage in result.stages]
    transitions = _merged_moves(result, other, conflicts)
    if conflicts:
        raise DefinitionError(f"merge of {process.key!r} and {other.key!r}", conflicts)
    fields = {"stages": stages, "transitions": transitions, "cumulative": process.cumulative or other.cumulative}
    return type(process)(**{**dict(process), **fields})


def _inserted(process: ProcessT, other: SalesProcess, index: int) -> ProcessT:
    """The process with the stage of the other, behind the one that it follows there."""
    known = {stage.key for stage in process.stages}
    stage = other.stages[index]
    for former in reversed(other.stages[:index]):
        if former.key in known:
            return insert(process, stage, after=former.key)
    following = next((each.key for each in other.stages[index + 1 :] if each.key in known), process.stages[0].key)
    return insert(process, stage, before=following)


def _merged_stage(stage: Stage, other: Stage, conflicts: list[Problem]) -> Stage:
    return stage if stage == other else _merged_part(stage, other, f"stages.{stage.key}", conflicts, labels={"name"})


def _merged_part(part: Any, other: Any, path: str, conflicts: list[Problem], labels: set[str]) -> Any:
    """One part with what the other adds; what one of them leaves at its default is no conflict."""
    fields: dict[str, Any] = dict(part)
    for name, field in type(part).model_fields.items():
        ours, theirs, default = getattr(part, name), getattr(other, name), field.get_default(call_default_factory=True)
        if name in _MERGED_BY_KEY:
            fields[name] = _merged_by_key(ours, theirs, f"{path}.{name}", conflicts)
        elif ours == default:
            fields[name] = theirs
        elif name not in labels and theirs not in (ours, default):
            message = f"the first says {shown(ours)}, the second {shown(theirs)}: make them agree before the merge"
            conflicts.append(Problem("conflict", f"{path}.{name}", message))
    return type(part)(**fields)


def _merged_by_key(
    ours: Sequence[Activity | Criterion], theirs: Sequence[Activity | Criterion], path: str, conflicts: list[Problem]
) -> tuple[Activity | Criterion, ...]:
    result = {each.key: each for each in ours}
    for each in theirs:
        if each.key not in result:
            result[each.key] = each
        elif result[each.key] != each:
            place = f"{path}.{each.key}"
            result[each.key] = _merged_part(result[each.key], each, place, conflicts, {"name", "label"})
    return tuple(result.values())


def _merged_moves(process: SalesProcess, other: SalesProcess, conflicts: list[Problem]) -> list[Transition]:
    """The moves of the merged stages and those of the other process, a step of which follows the stage it leaves."""
    moves = taken_apart(process)
    known: dict[tuple[str, str, str], Transition] = {
        move_key(source, move): changed(move, source=source) for move in process.transitions for source in move.source
    }
    theirs = taken_apart(other)
    for mine, added in ((moves.steps, theirs.steps), (moves.steps_back, theirs.steps_back)):
        for left, step in added.items():
            target = mine.get(left)
            new = step if target is None else changed(step, trigger=target.trigger, dest=target.dest)
            _add(known, new, conflicts)
    for move in (*theirs.skips, *theirs.others):
        for source in move.source:
            _add(known, changed(move, source=source), conflicts)
    return _gathered(known.values())


def _add(known: dict[tuple[str, str, str], Transition], move: Transition, conflicts: list[Problem]) -> None:
    key = move_key(move.source[0], move)
    former = known.get(key)
    if former is not None and former != move:
        path = f"transitions.{move.trigger}.{move.source[0]}"
        move = _merged_part(former, move, path, conflicts, set())
    known[key] = move


def _gathered(moves: Iterable[Transition]) -> list[Transition]:
    """Moves that differ in their source alone, as one transition."""
    groups: dict[str, tuple[Transition, list[str]]] = {}
    for move in moves:
        bare = changed(move, source=())
        groups.setdefault(bare.model_dump_json(), (bare, []))[1].extend(move.source)
    return [changed(bare, source=tuple(sources)) for bare, sources in groups.values()]
