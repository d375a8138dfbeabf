"""What the pictures of a process share: which arrows there are, what they say, and what is highlighted."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from salesprocess.criteria import Criterion
from salesprocess.process import Direction, Phase, SalesProcess, Stage
from salesprocess.process.graph import Move

MAIN: frozenset[Direction] = frozenset({"forward", "close", "hold"})
PHASES: dict[Phase, str] = {"top": "Top", "middle": "Middle", "bottom": "Bottom", "after": "After the sale"}
_MOST_CRITERIA = 6
_LONGEST_LINE = 60


class Arrow(NamedTuple):
    """All moves from one stage to another: what they say, line by line, and whether the deal went this way."""

    source: str
    dest: str
    lines: tuple[str, ...]
    direction: Direction
    taken: bool


class Picture(NamedTuple):
    """What is drawn: the stages by phase, the arrows, and the highlights."""

    groups: list[tuple[Phase | None, list[Stage]]]
    arrows: list[Arrow]
    visited: frozenset[str]
    current: str | None


def picture(
    process: SalesProcess, current: str | None, path: Sequence[str], directions: Collection[Direction]
) -> Picture:
    """The picture of a process.

    Raises:
        KeyError: for a stage in `current` or `path` that there is not, with the nearest that there is.
    """
    for key in (*path, *([current] if current else [])):
        process.stage(key)
    steps = set(pairwise(path))
    by_ends: dict[tuple[str, str], list[Move]] = {}
    for move in process.moves():
        if move.direction in directions or (move.source, move.dest) in steps:
            by_ends.setdefault((move.source, move.dest), []).append(move)
    arrows = [
        Arrow(source, dest, _lines(moves), moves[0].direction, (source, dest) in steps)
        for (source, dest), moves in by_ends.items()
    ]
    groups: list[tuple[Phase | None, list[Stage]]] = [
        (phase, list(stages)) for phase, stages in groupby(process.stages, key=operator.attrgetter("phase"))
    ]
    return Picture(groups, arrows, frozenset(path), current or (path[-1] if path else None))


def _lines(moves: list[Move]) -> tuple[str, ...]:
    lines: list[str] = []
    for move in moves:
        criteria = move.gate
        lines.append(f"{move.trigger} (with a reason)" if move.transition.needs_reason else move.trigger)
        lines += [f"[{_worded(criterion)}]" for criterion in criteria[:_MOST_CRITERIA]]
        if len(criteria) > _MOST_CRITERIA:
            lines.append(f"[and {len(criteria) - _MOST_CRITERIA} more]")
    return tuple(lines)


def _worded(criterion: Criterion) -> str:
    text = printable(criterion.label or str(criterion.rule))
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 3]}..."


def printable(text: str) -> str:
    """The text on one line, with a space for each run of blanks and of what cannot be printed."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
