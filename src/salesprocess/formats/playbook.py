"""What a sales manager hands to a new hire, before it is Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from salesprocess import _text
from salesprocess.criteria import Criterion
from salesprocess.formats.diagram import PHASES
from salesprocess.process import Kind, SalesProcess, Stage, Transition
from salesprocess.process.graph import Move

KINDS: dict[Kind, str] = {
    "open": "Open",
    "on_hold": "On hold",
    "won": "Won",
    "lost": "Lost",
    "disqualified": "Disqualified",
}
COLUMNS = ("Move", "From", "To", "Asks for", "Reason")


class Section(NamedTuple):
    """What there is to say of a stage: one-line facts, then lists."""

    name: str
    facts: list[tuple[str, str]]
    lists: list[tuple[str, list[str]]]


def sections(process: SalesProcess) -> Iterator[Section]:
    """One section a stage, in order."""
    for stage in process.stages:
        yield Section(stage.name, list(_facts(stage)), list(_lists(stage)))


def _facts(stage: Stage) -> Iterator[tuple[str, str]]:
    facts = [
        ("Kind", KINDS[stage.kind]),
        ("Phase", PHASES[stage.phase] if stage.phase else ""),
        ("Objective", stage.objective or ""),
        ("Outcome", stage.outcome or ""),
        ("Owner", stage.owner or ""),
        ("Won from here", "" if stage.probability is None else f"{stage.probability:.0%}"),
        ("Forecast", (stage.forecast or "").replace("_", " ")),
        ("Time limit", "" if stage.time_limit is None else _text.shown(stage.time_limit)),
        ("Starts", ", ".join(stage.starts)),
    ]
    return ((label, text) for label, text in facts if text)


def _lists(stage: Stage) -> Iterator[tuple[str, list[str]]]:
    lists: list[tuple[str, list[str]]] = [
        ("Tactics", list(stage.tactics)),
        ("Activities", [_worded(activity.name, activity.criteria) for activity in stage.activities]),
        ("To enter", [criterion_text(criterion) for criterion in stage.entry_criteria]),
        ("To leave", [criterion_text(criterion) for criterion in stage.exit_criteria]),
    ]
    return ((label, items) for label, items in lists if items)


def _worded(name: str, criteria: tuple[Criterion, ...]) -> str:
    return f"{name} ({'; '.join(map(criterion_text, criteria))})" if criteria else name


def criterion_text(criterion: Criterion) -> str:
    """A criterion in words, with the proof that it asks for and whether it is advice alone."""
    notes = [(criterion.evidence or "").replace("_", " "), "advice" if criterion.severity == "advisory" else ""]
    said = ", ".join(note for note in notes if note)
    return f"{criterion} ({said})" if said else str(criterion)


def moves(process: SalesProcess) -> Iterator[tuple[str, str, str, str, str]]:
    """One row a transition, for the columns in `COLUMNS`."""
    for move in process.transitions:
        sources = ", ".join(process.stage(key).name for key in process.sources(move))
        yield move.trigger, sources, process.stage(move.dest).name, _asks(process, move), _reason(move)


def _asks(process: SalesProcess, move: Transition) -> str:
    asks = [criterion_text(criterion) for criterion in move.criteria]
    if any(Move(process.graph, source, move).direction == "forward" for source in process.sources(move)):
        asks.append("what the stages on the way ask for")
    if move.waives:
        asks.append(f"not what {', '.join(process.stage(key).name for key in move.waives)} asks for")
    return "; ".join(asks)


def _reason(move: Transition) -> str:
    if not move.needs_reason:
        return ""
    return ", ".join(move.reasons) or "any"
