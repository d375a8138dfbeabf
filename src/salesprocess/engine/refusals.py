"""The decisions that ask no gate: the process has no such move, or several, or it is not the time for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from salesprocess._text import shown, suggestion
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
        stages = [stage.key for stage in self.table.process.stages]
        there = self._replace(stage=str(found))
        return there.refused("unknown_stage", "unknown_stage", found=shown(found), suggestion=suggestion(found, stages))

    def wrong_version(self, found: object) -> Decision:
        """Return the refusal of a deal that runs under another version of the process."""
        return self.refused("wrong_version", "wrong_version", found=shown(found), version=self.table.process.version)

    def stale(self, seq: int | None, expected: object) -> Decision:
        """Return the refusal of a deal that is not where the caller saw it last."""
        counts = isinstance(expected, int)
        found = f"at change {seq}" if counts else f"in {self.stage!r}"
        seen = f"at change {expected}" if counts else f"in {expected!r}"
        return self.refused("stale", "stale", found=found, expected=seen)

    def no_move(self, missing_key: str | None) -> Decision:
        """Return why no move out of the stage fits what was asked for; `missing_key` is that of a deal without one."""
        process, stage = self.table.process, self.stage
        triggers = (START, *dict.fromkeys(transition.trigger for transition in process.transitions))
        if self.trigger is not None and self.trigger not in triggers:
            return self.refused("unknown_trigger", "unknown_trigger", suggestion=suggestion(self.trigger, triggers))
        stages = [each.key for each in process.stages]
        if self.to is not None and self.to not in stages:
            return self.refused("no_transition", "unknown_target", suggestion=suggestion(self.to, stages))
        if stage is None:
            sentence = "not_started" if missing_key is None else "no_key"
            return self.refused("no_transition", sentence, key=missing_key, initial=process.initial.key)
        if self.trigger == START:
            return self.refused("no_transition", "started")
        kind = process.stage(stage).kind
        wording = {
            "asked": "no move leads" if self.trigger is None else f"{self.trigger!r} does not lead",
            "target": "" if self.to is None else f" to {self.to!r}",
            "state": kind,
        }
        if kind in CLOSED_KINDS:
            return self.refused("closed", "closed", **wording)
        return self.refused("no_transition", "already_there" if self.to == stage else "no_transition", **wording)

    def ambiguous(self, moves: Sequence[CompiledMove]) -> Decision:
        """Return the refusal to choose among several moves that fit."""
        targets = list(dict.fromkeys(each.move.dest for each in moves))
        if len(targets) > 1:
            return self.refused("ambiguous", "ambiguous_target", targets=", ".join(targets))
        triggers = ", ".join(dict.fromkeys(repr(each.move.trigger) for each in moves))
        return self.refused("ambiguous", "ambiguous_trigger", triggers=triggers)


def reason_needed(compiled: CompiledMove, reason: str | None) -> Decision:
    """Return the refusal of a move whose reason is missing, or is none of its list."""
    listed = compiled.move.transition.reasons
    if not listed:
        return _refused(compiled, "needs_reason", "needs_reason")
    if not reason:
        return _refused(compiled, "needs_reason", "needs_listed_reason", reasons=", ".join(map(shown, listed)))
    return _refused(compiled, "needs_reason", "unlisted_reason", reason=reason, suggestion=suggestion(reason, listed))


def vetoed(compiled: CompiledMove, why: str) -> Decision:
    """Return the refusal of a move that a hook vetoed."""
    return _refused(compiled, "vetoed", "vetoed", why=why)


def _refused(compiled: CompiledMove, kind: DecisionKind, sentence: str, **details: Any) -> Decision:
    return decision_of(compiled.outcome(kind, sentence, **details))
