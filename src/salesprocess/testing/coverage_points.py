"""What a test run can exercise in a process: its stages, moves, statuses of criteria, and kinds of refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from salesprocess.criteria import required
from salesprocess.criteria.evaluation import at_least
from salesprocess.criteria.rules import AtLeast, Comparison, Not, Rule
from salesprocess.process import CLOSED_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salesprocess.criteria import Criterion
    from salesprocess.process import SalesProcess

PointKind: TypeAlias = Literal["stage", "transition", "criterion", "refusal"]
KINDS: tuple[PointKind, ...] = ("stage", "transition", "criterion", "refusal")
_STATUSES = ("met", "unmet", "unknown")


class Point(NamedTuple):
    """One thing that a test run can exercise."""

    kind: PointKind
    name: str

    def __str__(self) -> str:
        said = {
            "stage": "no deal was in stage",
            "transition": "never made:",
            "criterion": "never came out:",
            "refusal": "never refused as",
        }
        return f"{said[self.kind]} {self.name}"


def move_point(source: str, trigger: str, dest: str) -> Point:
    """Return the point of one move."""
    return Point("transition", f"{trigger} from {source} to {dest}")


def points_of(process: SalesProcess) -> Iterator[Point]:
    """Yield everything that can be exercised, in the order of the definition."""
    for stage in process.stages:
        yield Point("stage", stage.key)
    for move in process.moves():
        yield move_point(move.source, move.trigger, move.dest)
    names = names_of(process)
    for criterion in criteria_of(process):
        name = names[criterion.key, criterion.rule.expected()]
        for status in _STATUSES:
            if status in possible(criterion.rule):
                yield Point("criterion", f"{name} {status}")
    for kind in _refusals(process):
        yield Point("refusal", kind)


def criteria_of(process: SalesProcess) -> tuple[Criterion, ...]:
    """Return every criterion that a start or a move asks for, each once."""
    return tuple(dict.fromkeys([*process.graph.start.gate, *(each for move in process.moves() for each in move.gate)]))


def names_of(process: SalesProcess) -> dict[tuple[str, str], str]:
    """Return the name of each criterion in reports, by its key and what it expects.

    The name is the key alone, unless criteria with different rules share it.
    """
    pairs = list(dict.fromkeys((each.key, each.rule.expected()) for each in criteria_of(process)))
    keys = [key for key, _ in pairs]
    return {(key, expected): key if keys.count(key) == 1 else f"{key} ({expected})" for key, expected in pairs}


def possible(rule: Rule) -> frozenset[str]:
    """Return the statuses that a rule can come to, taken part by part.

    A predicate belongs to the host: it is not expected to come out unknown.
    """
    met, unmet, unknown = _possible(rule)
    return frozenset(name for name, holds in (("met", met), ("unmet", unmet), ("unknown", unknown)) if holds)


def _possible(rule: Rule) -> tuple[bool, bool, bool]:
    """Return whether a rule can be met, unmet and unknown."""
    match rule:
        case Not(rule=inner):
            met, unmet, unknown = _possible(inner)
            return unmet, met, unknown
        case AtLeast(rules=rules):
            parts = [_possible(part) for part in rules]
            met, unmet = at_least(rule, [part[:2] for part in parts], lambda count, each: sum(each) >= count)
            return met, unmet, any(unknown for *_, unknown in parts)
        case Comparison():
            is_answered = rule.operator.question == "presence" or all(term.source == "now" for term in rule.terms())
            return True, True, not is_answered
    return True, True, False


def _refusals(process: SalesProcess) -> Iterator[str]:
    """Yield the kinds of refusal that the process itself can cause."""
    moves = process.moves()
    known = {(move.source, move.trigger) for move in moves}
    triggers = {transition.trigger for transition in process.transitions}
    missing = {
        stage.kind in CLOSED_KINDS
        for stage in process.stages
        for trigger in triggers
        if (stage.key, trigger) not in known
    }
    if False in missing:
        yield "no_transition"
    if True in missing:
        yield "closed"
    if any(required(move.gate) for move in moves):
        yield "blocked"
    if any(transition.needs_reason for transition in process.transitions):
        yield "needs_reason"
