"""What a sales manager hands to a new hire, before it is Markdown or HTML."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
    """What the playbook says of a stage: facts of one line, then lists."""

    name: str
    facts: list[tuple[str, str]]
    lists: list[tuple[str, list[str]]]


def sections(process: SalesProcess) -> Iterator[Section]:
    """Yield one section a stage, in order."""
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
        ("Activities", [_with_criteria(activity.name, activity.criteria) for activity in stage.activities]),
        ("To enter", [criterion_text(criterion) for criterion in stage.entry_criteria]),
        ("To leave", [criterion_text(criterion) for criterion in stage.exit_criteria]),
    ]
    return ((label, items) for label, items in lists if items)


def _with_criteria(name: str, criteria: tuple[Criterion, ...]) -> str:
    return f"{name} ({'; '.join(map(criterion_text, criteria))})" if criteria else name


def criterion_text(criterion: Criterion) -> str:
    """Return a criterion in words, with the proof that it asks for and what else is special about it."""
    notes = [
        (criterion.evidence or "").replace("_", " "),
        "advice" if criterion.severity == "advisory" else "",
        "about the caller" if criterion.about == "caller" else "",
        "confidential" if criterion.confidential else "",
    ]
    noted = ", ".join(note for note in notes if note)
    return f"{criterion} ({noted})" if noted else str(criterion)


def move_rows(process: SalesProcess) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield one row a transition, for the columns in `COLUMNS`."""
    by_transition: dict[int | None, list[Move]] = {}
    for move in process.moves():
        by_transition.setdefault(move.index, []).append(move)
    for index, transition in enumerate(process.transitions):
        moves = by_transition.get(index, [])
        sources = ", ".join(process.stage(move.source).name for move in moves)
        asks = _asks(process, transition, moves)
        yield transition.trigger, sources, process.stage(transition.dest).name, asks, _reason(transition)


def _asks(process: SalesProcess, transition: Transition, moves: Sequence[Move]) -> str:
    asks = [criterion_text(criterion) for criterion in transition.criteria]
    if any(move.direction == "forward" for move in moves):
        asks.append("what the stages on the way ask for")
    if transition.waives:
        asks.append(f"not what {', '.join(process.stage(key).name for key in transition.waives)} asks for")
    return "; ".join(asks)


def _reason(transition: Transition) -> str:
    if not transition.needs_reason:
        return ""
    return ", ".join(transition.reasons) or "any"
