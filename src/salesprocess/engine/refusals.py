"""The decisions that ask no gate: the process has no such move, or several, or it is not the time for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from salesprocess.criteria.wording import ENGLISH
from salesprocess.engine.decision import Decision, DecisionKind, Outcome, decision_of
from salesprocess.process import CLOSED_KINDS
from salesprocess.process.stages import START

if TYPE_CHECKING:
    from collections.abc import Sequence

    from salesprocess.engine.compiled import CompiledMove, MoveTable


class Request(NamedTuple):
    """What a caller asks of a deal: a trigger, a target or both, out of the stage that the deal is in."""

    table: MoveTable
    stage: str | None
    trigger: str | None
    to: str | None

    def refused(self, kind: DecisionKind, sentence: str, **details: Any) -> Decision:
        """Return the decision of a kind that asks no gate, with the ways out that the deal has instead."""
        process = self.table.process
        known = {"process": process.key, "stage": self.stage, "trigger": self.trigger, "to": self.to}
        outcome = Outcome(
            kind=kind,
            process=process.key,
            version=process.version,
            trigger=self.trigger,
            source=self.stage,
            dest=self.to,
            alternatives=tuple(way.as_alternative() for way in self.table.ways_out(self.stage)),
            sentence=sentence,
            details=known | details,
        )
        return decision_of(outcome)

    def unknown_stage(self, found: object) -> Decision:
        """Return the refusal of a deal in a stage that the process does not have."""
        name = found if isinstance(found, str) else ENGLISH.value(found)
        stages = tuple(stage.key for stage in self.table.process.stages)
        return self._replace(stage=name).refused("unknown_stage", "unknown_stage", found=name, meant=(name, stages))

    def wrong_version(self, found: object) -> Decision:
        """Return the refusal of a deal that runs under another version of the process."""
        name = found if isinstance(found, str | int) else ENGLISH.value(found)
        return self.refused("wrong_version", "wrong_version", found=name, version=self.table.process.version)

    def stale(self, seq: int | None, expected: object) -> Decision:
        """Return the refusal of a deal that is not where the caller saw it last."""
        if isinstance(expected, int):
            return self.refused("stale", "stale_number", found=seq, expected=expected)
        return self.refused("stale", "stale_stage", expected_stage=expected)

    def no_move(self, missing_key: str | None) -> Decision:
        """Return why no move out of the stage fits what was asked for; `missing_key` is that of a deal without one."""
        process, stage, trigger, to = self.table.process, self.stage, self.trigger, self.to
        triggers = (START, *dict.fromkeys(transition.trigger for transition in process.transitions))
        if trigger is not None and trigger not in triggers:
            return self.refused("unknown_trigger", "unknown_trigger", meant=(trigger, triggers))
        stages = tuple(each.key for each in process.stages)
        if to is not None and to not in stages:
            return self.refused("no_transition", "unknown_target", meant=(to, stages))
        if stage is None:
            sentence = "not_started" if missing_key is None else "no_key"
            return self.refused("no_transition", sentence, key=missing_key, initial=process.initial.key, start=START)
        if trigger == START:
            return self.refused("no_transition", "started")
        sentence = "no_move" if to is None else "no_way_there" if trigger is None else "no_move_there"
        kind = process.stage(stage).kind
        if kind in CLOSED_KINDS:
            return self.refused("closed", "closed", state=kind, reason_why=sentence)
        return self.refused("no_transition", "already_there" if to == stage else sentence)

    def no_plan(self) -> Decision:
        """Return the refusal of a plan to a stage to which no moves lead."""
        return self.refused("no_transition", "no_plan")

    def ambiguous(self, moves: Sequence[CompiledMove]) -> Decision:
        """Return the refusal to choose among several moves that fit."""
        targets = tuple(dict.fromkeys(each.move.dest for each in moves))
        if len(targets) > 1:
            return self.refused("ambiguous", "ambiguous_target", targets=targets)
        triggers = tuple(dict.fromkeys(each.move.trigger for each in moves))
        return self.refused("ambiguous", "ambiguous_trigger", triggers=triggers)


def reason_needed(compiled: CompiledMove, reason: str | None) -> Decision:
    """Return the refusal of a move whose reason is missing, or is none of its list."""
    listed = compiled.move.transition.reasons
    if not listed:
        return _refused(compiled, "needs_reason", "needs_reason")
    if not reason:
        return _refused(compiled, "needs_reason", "needs_listed_reason", reasons=listed)
    return _refused(compiled, "needs_reason", "unlisted_reason", reason=reason, meant=(reason, listed))


def vetoed(compiled: CompiledMove, why: str) -> Decision:
    """Return the refusal of a move that a hook vetoed."""
    return _refused(compiled, "vetoed", "vetoed", why=why)


def _refused(compiled: CompiledMove, kind: DecisionKind, sentence: str, **details: Any) -> Decision:
    return decision_of(compiled.outcome(kind, sentence, **details))
