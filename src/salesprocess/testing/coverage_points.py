"""What there is to exercise in a process: its stages, moves, answers of criteria, and ways to be refused."""

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
    """The point of one move."""
    return Point("transition", f"{trigger} from {source} to {dest}")


def points_of(process: SalesProcess) -> Iterator[Point]:
    """Everything to exercise, in the order of the definition."""
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
    """Every criterion that a move asks for, and those of a start, each once."""
    return tuple(dict.fromkeys([*process.graph.start.gate, *(each for move in process.moves() for each in move.gate)]))


def names_of(process: SalesProcess) -> dict[tuple[str, str], str]:
    """What each criterion goes by, told from its key and expectation: its key, where one rule alone has that."""
    pairs = list(dict.fromkeys((each.key, each.rule.expected()) for each in criteria_of(process)))
    keys = [key for key, _ in pairs]
    return {(key, expected): key if keys.count(key) == 1 else f"{key} ({expected})" for key, expected in pairs}


def possible(rule: Rule) -> frozenset[str]:
    """Return the statuses that a rule can come to, taken part by part.

    A predicate is the host's own: that it may answer nothing is not expected of it.
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
    """The kinds of refusal that the process itself gives rise to."""
    moves = process.moves()
    ways_out = {(move.source, move.trigger) for move in moves}
    triggers = {transition.trigger for transition in process.transitions}
    kinds = {stage.key: stage.kind for stage in process.stages}
    missing = {kinds[key] in CLOSED_KINDS for key in kinds for trigger in triggers if (key, trigger) not in ways_out}
    if False in missing:
        yield "no_transition"
    if True in missing:
        yield "closed"
    if any(required(move.gate) for move in moves):
        yield "blocked"
    if any(transition.needs_reason for transition in process.transitions):
        yield "needs_reason"
