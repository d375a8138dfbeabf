"""The decisions that need no gate: there is no such move, or not exactly one, or it is not the time for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salesprocess._text import suggestion
from salesprocess.engine.decision import Alternative, Case, Decision, DecisionKind, decision_of
from salesprocess.process import CLOSED_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from salesprocess.engine.machine import Move
    from salesprocess.process import SalesProcess


class Answers:
    """What an engine says where no gate is to be asked."""

    def __init__(self, process: SalesProcess, ways_out: Mapping[str, Sequence[Move]]) -> None:
        self._process = process
        self._ways_out = ways_out
        self._triggers = dict.fromkeys(transition.trigger for transition in process.transitions)

    def stale(self, stage: str, trigger: str | None, to: str | None, found: str, expected: object) -> Decision:
        """The deal is not where the caller saw it last."""
        message = f"the deal is in {found}, not in {expected!r} as expected: look at it again"
        return self._answer("stale", stage, trigger, to, message)

    def no_move(self, stage: str, trigger: str | None, to: str | None) -> Decision:
        """No move out of the stage fits what was asked for."""
        if trigger is not None and trigger not in self._triggers:
            message = f"process {self._process.key!r} has no trigger {trigger!r}{suggestion(trigger, self._triggers)}"
            return self._answer("unknown_trigger", stage, trigger, to, message)
        if to is not None and to not in self._ways_out:
            message = f"process {self._process.key!r} has no stage {to!r}{suggestion(to, self._ways_out)}"
            return self._answer("no_transition", stage, trigger, to, message)
        kind = self._process.stage(stage).kind
        asked = "no move leads" if trigger is None else f"{trigger!r} does not lead"
        target = "" if to is None else f" to {to!r}"
        if kind in CLOSED_KINDS:
            message = f"the deal is {kind}: {asked} out of {stage!r}{target}"
            return self._answer("closed", stage, trigger, to, message)
        message = f"the deal is in {stage!r} already" if to == stage else f"{asked} out of {stage!r}{target}"
        return self._answer("no_transition", stage, trigger, to, message)

    def ambiguous(self, stage: str, trigger: str | None, to: str | None, moves: Sequence[Move]) -> Decision:
        """Several moves fit, and all may be made."""
        targets = list(dict.fromkeys(str(move.dest) for move in moves))
        if len(targets) > 1:
            message = f"{trigger!r} from {stage!r} leads to {', '.join(targets)}: name the stage with to="
        else:
            triggers = ", ".join(dict.fromkeys(repr(move.trigger) for move in moves))
            message = f"{triggers} all lead from {stage!r} to {to!r}: name the trigger"
        return self._answer("ambiguous", stage, trigger, to, message)

    def reason_needed(self, move: Move, reason: str | None) -> Decision:
        """The move asks for a reason that was not given, or not for this one."""
        asked = f"{move.trigger!r} from {move.source!r} to {move.dest!r} needs a reason"
        listed = move.transition.reasons
        if not listed:
            message = f"{asked}: give one with reason="
        elif not reason:
            message = f"{asked}, one of {', '.join(map(repr, listed))}"
        else:
            message = f"{asked} from its list: there is no {reason!r}{suggestion(reason, listed)}"
        return decision_of(move.case("needs_reason", message, with_gate=False))

    def vetoed(self, move: Move, why: str) -> Decision:
        """A hook refused the move."""
        message = f"{move.trigger!r} from {move.source!r} to {move.dest!r} was vetoed: {why}"
        return decision_of(move.case("vetoed", message, with_gate=False))

    def _answer(self, kind: DecisionKind, stage: str, trigger: str | None, to: str | None, message: str) -> Decision:
        process = self._process
        alternatives: tuple[Alternative, ...] = tuple(move.as_alternative() for move in self._ways_out[stage])
        return decision_of(
            Case(kind, process.key, process.version, trigger, stage, to, alternatives=alternatives, message=message)
        )
