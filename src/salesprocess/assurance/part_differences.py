"""Two definitions held against each other, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple, TypeAlias

from salesprocess._text import shown
from salesprocess.assurance.certainty import implies
from salesprocess.criteria import Criterion, required
from salesprocess.process import SalesProcess
from salesprocess.process.graph import Move
from salesprocess.process.stages import Stage, Transition

_FIELDS: Final = (
    "kind", "phase", "probability", "forecast", "time_limit", "owner", "starts", "objective", "tactics", "outcome",
)  # fmt: skip


class Finding(NamedTuple):
    """One difference, before it is known which stages share it."""

    kind: Any
    path: str
    message: str
    breaks: bool = False


Found: TypeAlias = tuple[Finding, Sequence[str]]


def compared(old: SalesProcess, new: SalesProcess) -> Iterator[Found]:
    """Every difference, with stages that it touches; one that touches several may come several times."""
    for name in ("key", "name"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            kind = "renamed" if name == "name" else "changed"
            yield Finding(kind, name, f"the {name} of the process is {shown(after)}, was {shown(before)}"), ()
    yield from _stages(old, new)
    yield from _moves(old, new)


def _stages(old: SalesProcess, new: SalesProcess) -> Iterator[Found]:
    before = {stage.key: stage for stage in old.stages}
    after = {stage.key: stage for stage in new.stages}
    for place, stage in enumerate(new.stages):
        if stage.key not in before:
            where = f"after {new.stages[place - 1].key!r}" if place else "as the first"
            yield Finding("added", f"stages.{stage.key}", f"stage {stage.key!r} ({stage.name}) {where}"), [stage.key]
    for stage in old.stages:
        if stage.key not in after:
            message = f"stage {stage.key!r} ({stage.name})"
            yield Finding("removed", f"stages.{stage.key}", message, breaks=True), [stage.key]
    passing = _passing(old), _passing(new)
    for key, stage in before.items():
        if key in after:
            touched = [source for each in passing for source in each.get(key, ())]
            yield from _stage(stage, after[key], touched or [key])
            yield from _entry(stage, after[key], [old, new])
    yield from _order([key for key in before if key in after], [key for key in after if key in before])


def _passing(process: SalesProcess) -> dict[str, dict[str, None]]:
    """For each stage, those from which a move asks for its exit criteria."""
    found: dict[str, dict[str, None]] = {}
    for move in process.moves():
        for stage in move.passes:
            found.setdefault(stage.key, {})[move.source] = None
    return found


def _stage(old: Stage, new: Stage, touched: Sequence[str]) -> Iterator[Found]:
    path = f"stages.{old.key}"
    if old.name != new.name:
        yield Finding("renamed", path, f"stage {old.key!r} is named {new.name!r}, was {old.name!r}"), [old.key]
    for name in _FIELDS:
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            message = f"the {name.replace('_', ' ')} of {old.key!r} is {shown(after)}, was {shown(before)}"
            yield Finding("changed", f"{path}.{name}", message, breaks=name == "kind"), [old.key]
    finding = gates_compared(f"{path}.exit_criteria", f"leaving {old.key!r}", old.gate(), new.gate())
    if finding is not None:
        yield finding, touched


def _entry(old: Stage, new: Stage, processes: Sequence[SalesProcess]) -> Iterator[Found]:
    path = f"stages.{old.key}.entry_criteria"
    finding = gates_compared(path, f"entering {old.key!r}", old.entry_criteria, new.entry_criteria)
    if finding is not None:
        sources = [
            move.source for process in processes for move in process.graph.into[old.key] if move.direction == "forward"
        ]
        yield finding, sources


def _order(old: list[str], new: list[str]) -> Iterator[Found]:
    if old != new:
        blocks = SequenceMatcher(a=old, b=new, autojunk=False).get_matching_blocks()
        kept = {key for block in blocks for key in old[block.a : block.a + block.size]}
        moved = [key for key in new if key not in kept]
        message = f"{', '.join(map(repr, moved))} moved: the order is {', '.join(new)}"
        yield Finding("changed", "stages", message), moved


def gates_compared(path: str, what: str, old: Sequence[Criterion], new: Sequence[Criterion]) -> Finding | None:
    """How one gate differs from another, or `None` where it does not."""
    if tuple(old) == tuple(new):
        return None
    before, after = ([each.condition for each in required(gate)] for gate in (old, new))
    message = f"{what} {_in_words(old, new)}"
    if set(before) == set(after):
        return Finding("changed", path, message)
    more, less = implies(after, before), implies(before, after)
    if more and less:
        return Finding("changed", path, f"{message}; it comes to the same")
    kind = "tightened" if more else "loosened" if less else "re-gated"
    return Finding(kind, path, message, breaks=not less)


def _in_words(old: Sequence[Criterion], new: Sequence[Criterion]) -> str:
    before, after = ({each.key: each for each in gate} for gate in (old, new))
    parts = []
    for word, keys, gate in (
        ("also asks for", after.keys() - before.keys(), after),
        ("no longer asks for", before.keys() - after.keys(), before),
    ):
        named = [f"{key}: {gate[key]}" for key in gate if key in keys]
        if named:
            parts.append(f"{word} {', '.join(named)}")
    changes = [
        f"{key}: {_described(after[key])}, was {_described(before[key])}"
        for key in before
        if key in after and before[key] != after[key]
    ]
    if changes:
        parts.append(f"asks otherwise for {'; '.join(changes)}")
    return ", and ".join(parts) or "asks for the same in another order"


def _described(criterion: Criterion) -> str:
    notes = {
        criterion.evidence: criterion.evidence is not None,
        "advisory": criterion.severity == "advisory",
        "about the caller": criterion.about == "caller",
        "confidential": criterion.confidential,
    }
    extras = [str(note) for note, applies in notes.items() if applies]
    return f"{criterion} [{', '.join(extras)}]" if extras else str(criterion)


def _moves(old: SalesProcess, new: SalesProcess) -> Iterator[Found]:
    before = {move.key: move.transition for move in old.moves()}
    after = {move.key: move.transition for move in new.moves()}
    for kind, moves, others in (("added", after, before), ("removed", before, after)):
        for (trigger, source, dest), move in moves.items():
            if (trigger, source, dest) not in others:
                path = f"transitions.{trigger}"
                yield Finding(kind, path, f"move {trigger!r} to {move.dest!r}", breaks=kind == "removed"), [source]
    for key, move in before.items():
        if key in after:
            for finding in _move(old, new, key[1], move, after[key]):
                yield finding, [key[1]]


def _move(
    old: SalesProcess, new: SalesProcess, source: str, before: Transition, after: Transition
) -> Iterator[Finding]:
    path, what = f"transitions.{before.trigger}", f"{before.trigger!r} to {before.dest!r}"
    old_move, new_move = Move(old.graph, source, before), Move(new.graph, source, after)
    was, now = old_move.direction, new_move.direction
    if was != now:
        finding = gates_compared(path, what, old_move.gate, new_move.gate)
        message = f"{what} is a {now} move, was {was}"
        yield Finding(finding.kind, path, message, finding.breaks) if finding else Finding("changed", path, message)
    else:
        yield from _passed(path, what, old_move.passes, new_move.passes)
    finding = gates_compared(f"{path}.criteria", what, before.criteria, after.criteria)
    if finding is not None and was == now:
        yield finding
    yield from _reasons(path, what, before, after)
    for name in ("starts", "start_facts"):
        was_started, is_started = getattr(before, name), getattr(after, name)
        if was_started != is_started:
            message = f"the {name.replace('_', ' ')} of {what} is {shown(is_started)}, was {shown(was_started)}"
            yield Finding("changed", f"{path}.{name}", message)


def _passed(path: str, what: str, old: Sequence[Stage], new: Sequence[Stage]) -> Iterator[Finding]:
    """What a move asks for of other stages: it waives, jumps over or adds up more or fewer of them."""
    more, less = _only_in(new, old), _only_in(old, new)
    also = f"also asks for the exit criteria of {', '.join(more)}"
    no_longer = f"no longer asks for the exit criteria of {', '.join(less)}"
    if more or less:
        kind = "re-gated" if more and less else "tightened" if more else "loosened"
        text = f"{also}, and {no_longer}" if more and less else also if more else no_longer
        yield Finding(kind, path, f"{what} {text}", breaks=bool(more))


def _only_in(stages: Sequence[Stage], others: Sequence[Stage]) -> list[str]:
    known = {stage.key for stage in others}
    return [repr(stage.key) for stage in stages if stage.key not in known and required(stage.gate())]


def _reasons(path: str, what: str, old: Transition, new: Transition) -> Iterator[Finding]:
    if old.needs_reason != new.needs_reason:
        kind, words = ("tightened", "needs a reason") if new.needs_reason else ("loosened", "needs no reason any more")
        yield Finding(kind, f"{path}.needs_reason", f"{what} {words}", breaks=new.needs_reason)
    elif old.reasons != new.reasons and new.needs_reason:
        before, after = set(old.reasons), set(new.reasons)
        # No list lets every reason do.
        less = not after or (bool(before) and after >= before)
        more = not before or (bool(after) and after <= before)
        kind = "changed" if more and less else "tightened" if more else "loosened" if less else "re-gated"
        message = f"{what} takes the reasons {', '.join(new.reasons) or 'of any text'}"
        yield Finding(kind, f"{path}.reasons", message, breaks=not less)
