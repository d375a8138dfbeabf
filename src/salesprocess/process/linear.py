"""The usual transitions of a process whose stages are worked through in order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from salesprocess.process.stages import MAIN_KINDS, Direction, Kind, Stage, Transition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

Policy: TypeAlias = Literal["forbid", "allow", "with_reason"]


def usual_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the stages, with one more to lose deals in if there is none."""
    return tuple(stages) if keys_of(stages, "lost") else (*stages, Stage(key="lost", kind="lost"))


def usual_transitions(stages: Sequence[Stage], skip: Policy, back: Policy, reopen: Policy) -> Iterator[Transition]:
    """Yield the moves to the next main stage, past it, back, and to side stages and from there, as policies allow."""
    neighbours = list(neighbours_of(stages))
    for left, entered in neighbours:
        wins = left.kind == "open" and entered.kind == "won"
        yield Transition(trigger="win" if wins else "advance", source=left.key, dest=entered.key)
    if skip != "forbid":
        needs_reason = skip == "with_reason"
        for source, dest in skipped_pairs(stages):
            yield Transition(trigger="skip", source=source, dest=dest, needs_reason=needs_reason)
    if back != "forbid":
        needs_reason = back == "with_reason"
        for before, after in neighbours:
            yield Transition(
                trigger="go_back", source=after.key, dest=before.key, direction="back", needs_reason=needs_reason
            )
    yield from side_moves(stages, keys_of(stages, "open"), reopen)


def side_moves(stages: Sequence[Stage], open_keys: tuple[str, ...], reopen: Policy) -> Iterator[Transition]:
    """Yield the usual moves from open stages to the side stages among these, and from there back."""
    if not open_keys:
        return
    lost, disqualified, held = (keys_of(stages, kind) for kind in ("lost", "disqualified", "on_hold"))
    for key in lost:
        yield Transition(trigger="lose", source=open_keys + held, dest=key, needs_reason=True)
    for key in disqualified:
        yield Transition(trigger="disqualify", source=open_keys, dest=key, needs_reason=True)
    for key in held:
        yield Transition(trigger="hold", source=open_keys, dest=key)
    for key in open_keys if held else ():
        yield Transition(trigger="resume", source=held, dest=key)
    closed = lost + disqualified
    needs_reason = reopen == "with_reason"
    # Without a reason, only the declared direction says that leaving a closed stage is meant.
    direction: Direction | None = None if needs_reason else "reopen"
    for key in open_keys if closed and reopen != "forbid" else ():
        yield Transition(trigger="reopen", source=closed, dest=key, needs_reason=needs_reason, direction=direction)


def keys_of(stages: Iterable[Stage], kind: Kind) -> tuple[str, ...]:
    """Return the keys of the stages of a kind, in order."""
    return tuple(stage.key for stage in stages if stage.kind == kind)


def neighbours_of(stages: Iterable[Stage]) -> Iterator[tuple[Stage, Stage]]:
    """Yield each main stage with the next one."""
    return pairwise(stage for stage in stages if stage.kind in MAIN_KINDS)


def skipped_pairs(stages: Iterable[Stage]) -> Iterator[tuple[str, str]]:
    """Yield the keys of each two open stages that have another open one between them."""
    keys = keys_of(stages, "open")
    for index, source in enumerate(keys):
        for dest in keys[index + 2 :]:
            yield source, dest
