"""The usual transitions of a process whose stages are worked through in order."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Literal, TypeAlias

from salesprocess.process.stages import Stage, Transition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Policy: TypeAlias = Literal["forbid", "allow", "with_reason"]


def usual_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The stages, with one to lose deals in where none was given."""
    has_lost = any(stage.kind == "lost" for stage in stages)
    return tuple(stages) if has_lost else (*stages, Stage(key="lost", kind="lost"))


def usual_transitions(stages: Sequence[Stage], skip: Policy, back: Policy, reopen: Policy) -> Iterator[Transition]:
    """Advance and win, skip, go back, lose, disqualify, hold and resume, reopen: as the stages and policies allow."""
    way = [stage for stage in stages if stage.kind in {"open", "won"}]
    open_keys = tuple(stage.key for stage in way if stage.kind == "open")
    for left, entered in pairwise(way):
        wins = left.kind == "open" and entered.kind == "won"
        yield Transition(trigger="win" if wins else "advance", source=left.key, dest=entered.key)
    if skip != "forbid":
        for index, left_key in enumerate(open_keys):
            for dest in open_keys[index + 2 :]:
                yield Transition(trigger="skip", source=left_key, dest=dest, needs_reason=skip == "with_reason")
    if back != "forbid":
        for entered, left in pairwise(way):
            yield Transition(
                trigger="go_back",
                source=left.key,
                dest=entered.key,
                direction="back",
                needs_reason=back == "with_reason",
            )
    yield from side_moves(stages, open_keys, reopen)


def side_moves(stages: Sequence[Stage], open_keys: tuple[str, ...], reopen: Policy) -> Iterator[Transition]:
    """The usual moves that leave the way of a sale, and those that return to it."""
    aside: dict[str, list[str]] = {"lost": [], "disqualified": [], "on_hold": []}
    for stage in stages:
        if stage.kind in aside:
            aside[stage.kind].append(stage.key)
    if not open_keys:
        return
    held = tuple(aside["on_hold"])
    for key in aside["lost"]:
        yield Transition(trigger="lose", source=(*open_keys, *held), dest=key, needs_reason=True)
    for key in aside["disqualified"]:
        yield Transition(trigger="disqualify", source=open_keys, dest=key, needs_reason=True)
    for key in held:
        yield Transition(trigger="hold", source=open_keys, dest=key)
    for dest in open_keys if held else ():
        yield Transition(trigger="resume", source=held, dest=dest)
    closed = (*aside["lost"], *aside["disqualified"])
    for dest in open_keys if closed and reopen != "forbid" else ():
        # Without a reason, its direction is what says that leaving a closed stage is meant.
        yield Transition(
            trigger="reopen",
            source=closed,
            dest=dest,
            needs_reason=reopen == "with_reason",
            direction=None if reopen == "with_reason" else "reopen",
        )
