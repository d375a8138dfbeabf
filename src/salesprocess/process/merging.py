"""Two processes in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from salesprocess._base import changed
from salesprocess._text import shown
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process.derivation import ProcessT, insert
from salesprocess.process.relinking import links_of
from salesprocess.process.stages import Activity, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.criteria import Criterion
    from salesprocess.process.process import SalesProcess

PartT = TypeVar("PartT", Stage, Activity, "Criterion", Transition)

_MERGED_BY_KEY = {"activities", "entry_criteria", "exit_criteria", "criteria"}
# Labels may differ: those of the first process stay.
_LABELS = {"name", "label"}


def merge(process: ProcessT, other: SalesProcess) -> ProcessT:
    """See `SalesProcess.merge`."""
    result = process
    added = other.graph.stages.keys() - process.graph.stages.keys()
    for index, stage in enumerate(other.stages):
        if stage.key in added:
            result = _inserted(result, other, index)
    conflicts: list[Problem] = []
    stages = [
        _merged(stage, other.graph.stages.get(stage.key, stage), f"stages.{stage.key}", conflicts)
        for stage in result.stages
    ]
    transitions = _merged_transitions(result, other, conflicts)
    if conflicts:
        raise DefinitionError(f"merge of {process.key!r} and {other.key!r}", conflicts)
    cumulative = process.cumulative or other.cumulative
    return changed(process, stages=stages, transitions=transitions, cumulative=cumulative)


def _inserted(process: ProcessT, other: SalesProcess, index: int) -> ProcessT:
    """Return the process with a stage of the other one, behind the nearest that it follows there."""
    known = process.graph.stages
    stage = other.stages[index]
    for former in reversed(other.stages[:index]):
        if former.key in known:
            return insert(process, stage, after=former.key)
    following = next((each.key for each in other.stages[index + 1 :] if each.key in known), process.stages[0].key)
    return insert(process, stage, before=following)


def _merged(part: Any, other: Any, path: str, conflicts: list[Problem]) -> Any:
    """Return one part with what the other adds; what one of them leaves at its default is no conflict."""
    fields: dict[str, Any] = {}
    for name, field in type(part).model_fields.items():
        ours, theirs, default = getattr(part, name), getattr(other, name), field.get_default(call_default_factory=True)
        if name in _MERGED_BY_KEY:
            fields[name] = _merged_by_key(ours, theirs, f"{path}.{name}", conflicts)
        elif ours == default:
            fields[name] = theirs
        elif name not in _LABELS and theirs not in (ours, default):
            message = f"the first says {shown(ours)}, the second {shown(theirs)}: make them agree before the merge"
            conflicts.append(Problem("conflict", f"{path}.{name}", message))
    return changed(part, **fields)


def _merged_by_key(
    ours: Sequence[Activity | Criterion], theirs: Sequence[Activity | Criterion], path: str, conflicts: list[Problem]
) -> tuple[Activity | Criterion, ...]:
    result = {each.key: each for each in ours}
    for each in theirs:
        former = result.setdefault(each.key, each)
        if former != each:
            result[each.key] = _merged(former, each, f"{path}.{each.key}", conflicts)
    return tuple(result.values())


def _merged_transitions(process: SalesProcess, other: SalesProcess, conflicts: list[Problem]) -> list[Transition]:
    """Return the transitions of both; a step of the other process leads where the first one's step does."""
    ours, theirs = links_of(process), links_of(other)
    known = {_key(single): single for single in _singles(process.transitions)}
    added = []
    for mine, links in ((ours.steps, theirs.steps), (ours.steps_back, theirs.steps_back)):
        for left, step in links.items():
            target = mine.get(left, step)
            added.append(changed(step.transition, source=left, trigger=target.trigger, dest=target.dest))
    for single in (*added, *_singles((*theirs.skips, *theirs.others))):
        former = known.setdefault(_key(single), single)
        if former != single:
            path = f"transitions.{single.trigger}.{single.source[0]}"
            known[_key(single)] = _merged(former, single, path, conflicts)
    return _gathered(known.values())


def _singles(transitions: Iterable[Transition]) -> Iterator[Transition]:
    """Yield the transitions with one source each."""
    return (changed(transition, source=source) for transition in transitions for source in transition.source)


def _key(single: Transition) -> tuple[str, str, str]:
    return single.trigger, single.source[0], single.dest


def _gathered(singles: Iterable[Transition]) -> list[Transition]:
    """Return those that differ in their source alone as one transition."""
    sources: dict[Transition, list[str]] = {}
    for single in singles:
        sources.setdefault(changed(single, source=()), []).extend(single.source)
    return [changed(transition, source=tuple(keys)) for transition, keys in sources.items()]
