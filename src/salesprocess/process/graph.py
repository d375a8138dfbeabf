"""Ways through a process."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from salesprocess.engine.machine import Move

_OFF_THE_WAY = {"lost", "disqualified", "on_hold"}


def shortest(
    ways_out: Mapping[str, Sequence[Move]], source: str, dest: str, usable: Callable[[Move], bool]
) -> list[Move] | None:
    """The fewest usable moves from one stage to another, or `None`; of equal ways the one declared first.

    None leads through a stage that is off the way of a sale: lost, disqualified or on hold.
    """
    came_by: dict[str, Move | None] = {source: None}
    waiting = deque([source])
    while waiting and dest not in came_by:
        for move in ways_out[waiting.popleft()]:
            entered = str(move.dest)
            kind = move.process.stage(entered).kind
            if entered not in came_by and (entered == dest or kind not in _OFF_THE_WAY) and usable(move):
                came_by[entered] = move
                waiting.append(entered)
    if dest not in came_by:
        return None
    way: list[Move] = []
    while (last := came_by[dest]) is not None:
        way.append(last)
        dest = last.source
    return way[::-1]
