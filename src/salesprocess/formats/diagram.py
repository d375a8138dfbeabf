"""What the drawings of a process share: its arrows, what they say, its colours, and what is highlighted."""

from __future__ import annotations

import operator
from collections.abc import Collection, Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

from salesprocess.criteria import Criterion
from salesprocess.process import Direction, Kind, Phase, SalesProcess, Stage
from salesprocess.process.graph import Move

MAIN_DIRECTIONS: frozenset[Direction] = frozenset({"forward", "close", "hold"})
PHASES: dict[Phase, str] = {"top": "Top", "middle": "Middle", "bottom": "Bottom", "after": "After the sale"}
# Fill and border.
COLOURS: dict[Kind, tuple[str, str]] = {
    "open": ("#ffffff", "#495057"),
    "won": ("#d9f2d9", "#2e7d32"),
    "lost": ("#f8d7da", "#b02a37"),
    "disqualified": ("#e2e3e5", "#6c757d"),
    "on_hold": ("#fff3cd", "#997404"),
}
HIGHLIGHT = "#0b5ed7"
_MOST_CRITERIA = 6
_LONGEST_LINE = 60


class Arrow(NamedTuple):
    """All moves from one stage to another: what they say, line by line, and whether the deal went this way."""

    source: str
    dest: str
    lines: tuple[str, ...]
    direction: Direction
    taken: bool


class Diagram(NamedTuple):
    """What is drawn: the stages by phase, the arrows, and the highlights."""

    groups: list[tuple[Phase | None, list[Stage]]]
    arrows: list[Arrow]
    visited: frozenset[str]
    current: str | None


def diagram_of(
    process: SalesProcess, current: str | None, path: Sequence[str], directions: Collection[Direction]
) -> Diagram:
    """Return the diagram of a process. A move that the path takes is drawn whatever its direction.

    Raises:
        KeyError: for an unknown stage in `current` or `path`, with the nearest key.
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
    return Diagram(groups, arrows, frozenset(path), current or (path[-1] if path else None))


def _lines(moves: list[Move]) -> tuple[str, ...]:
    lines: list[str] = []
    for move in moves:
        lines.append(f"{move.trigger} (with a reason)" if move.transition.needs_reason else move.trigger)
        lines += [f"[{_short(criterion)}]" for criterion in move.gate[:_MOST_CRITERIA]]
        if len(move.gate) > _MOST_CRITERIA:
            lines.append(f"[and {len(move.gate) - _MOST_CRITERIA} more]")
    return tuple(lines)


def _short(criterion: Criterion) -> str:
    text = printable(criterion.label or str(criterion.rule))
    return text if len(text) <= _LONGEST_LINE else f"{text[: _LONGEST_LINE - 3]}..."


def printable(text: str) -> str:
    """Return the text on one line, with a space for each run of blanks and of what cannot be printed."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
