"""The moves of a process, compiled for an engine: what does not depend on the deal is worked out once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from salesprocess.criteria.gate import Gate
from salesprocess.engine.decision import Alternative, Decision, DecisionKind, Outcome, decision_of
from salesprocess.history.change import SourceKind, StageChange, as_metadata
from salesprocess.process.stages import START

if TYPE_CHECKING:
    from datetime import datetime

    from pydantic import JsonValue

    from salesprocess.criteria.gate import Seen, Sources, Statuses
    from salesprocess.engine.hooks import BoundHooks, Hook, Phase
    from salesprocess.process import SalesProcess
    from salesprocess.process.graph import Move

Context: TypeAlias = Mapping[str, object] | None
Decide: TypeAlias = Callable[..., Decision]
Record: TypeAlias = Callable[..., StageChange]


class CompiledMove:
    """One move of an engine: how it is decided and recorded, and the hooks that run with it.

    `decide(deal, context, at)` reads the deal and judges the gate. `record(seq, at, by, reason, ...)` makes the
    `StageChange`.
    """

    __slots__ = (
        "_own_at",
        "allowed",
        "alternatives",
        "asks_reason",
        "decide",
        "dest",
        "failed",
        "first",
        "gate",
        "move",
        "process",
        "record",
        "required_at",
        "then",
        "trigger",
    )

    first: tuple[Hook, ...]
    then: tuple[Hook, ...]
    failed: tuple[Hook, ...]

    def __init__(self, move: Move, gate: Gate, process: SalesProcess, fingerprint: str, hooks: BoundHooks) -> None:
        self.move: Move = move
        self.trigger: str = move.trigger
        self.dest: str = move.dest
        self.gate: Gate = gate
        self.process: SalesProcess = process
        # A given reason must be one of the listed ones, even where the move could do without.
        self.asks_reason: bool = move.transition.needs_reason or bool(move.transition.reasons)
        self.alternatives: tuple[Alternative, ...] = ()
        self.record: Record = _recorder(process, fingerprint, move)
        self.first, self.then, self.failed = _hooks_in_order(process, move, hooks)
        self.required_at: list[int] = [at for at, each in enumerate(gate.criteria) if each.severity == "required"]
        self._own_at = [at for at in self.required_at if gate.criteria[at] in move.transition.criteria]
        self.complete(())

    def complete(self, ways_out: tuple[CompiledMove, ...]) -> None:
        """Take note of the other moves out of the same stage, once they are all known."""
        self.alternatives = tuple(way.as_alternative() for way in ways_out if way is not self)
        self.allowed: Outcome = self.outcome("allowed")
        self.decide: Decide = _decider(self)

    def outcome(self, kind: DecisionKind, sentence: str = "", **details: object) -> Outcome:
        """Return what a decision of this kind says of this move on any deal."""
        move = self.move
        return Outcome(
            kind=kind,
            process=self.process.key,
            version=self.process.version,
            trigger=move.trigger,
            source=move.source or None,
            dest=move.dest,
            gate=None if sentence else self.gate,
            needs_reason=move.transition.needs_reason,
            reasons=move.transition.reasons,
            alternatives=self.alternatives,
            sentence=sentence,
            details=details,
        )

    def as_alternative(self) -> Alternative:
        """Return the move as a decision on another one lists it."""
        transition = self.move.transition
        return Alternative(self.trigger, self.dest, bool(self.required_at), transition.needs_reason)

    def decide_with(self, seen: Seen, deal: Any, context: Context, at: datetime | None) -> Decision:
        """Decide as `decide` does, without reading again what another decision on the same deal has read."""
        values = self.gate.read_shared(deal, context, at, seen)
        statuses = self.gate.judge(values)
        return decision_of(self.allowed if statuses is None else _judging(self)(statuses), values, statuses)

    def own_are_met(self, decision: Decision) -> bool:
        """Return whether the required criteria of the transition itself are met, whatever else the gate asks."""
        statuses = decision._statuses  # noqa: SLF001 - the positions in the gate are known here alone
        return statuses is None or not any(statuses[at] for at in self._own_at)

    def __str__(self) -> str:
        return f"{self.move.trigger!r} from {self.move.source!r} to {self.move.dest!r}"


class MoveTable:
    """All compiled moves of a process, by the stage that they leave."""

    def __init__(self, process: SalesProcess, sources: Sources, hooks: BoundHooks) -> None:
        self.process = process
        fingerprint = process.fingerprint
        # The graph has each criterion once, so that gates with the same criteria are compiled once.
        gates: dict[tuple[int, ...], Gate] = {}

        def compiled(move: Move) -> CompiledMove:
            same = tuple(map(id, move.gate))
            gate = gates.get(same) or gates.setdefault(same, Gate(move.gate, sources))
            return CompiledMove(move, gate, process, fingerprint, hooks)

        self.start: CompiledMove = compiled(process.graph.start)
        self._out_of: dict[str | None, tuple[CompiledMove, ...]] = {None: (self.start,)}
        # The moves that a stage and a trigger alone tell apart.
        self.by_trigger: dict[object, dict[str | None, CompiledMove]] = {None: {START: self.start}}
        self.by_key: dict[tuple[str, str, str], CompiledMove] = {self.start.move.key: self.start}
        for stage, moves in process.graph.out_of.items():
            ways = self._out_of[stage] = tuple(map(compiled, moves))
            triggers = Counter(move.trigger for move in moves)
            self.by_trigger[stage] = {way.move.trigger: way for way in ways if triggers[way.move.trigger] == 1}
            self.by_key.update((way.move.key, way) for way in ways)
            for way in ways:
                way.complete(ways)

    def __contains__(self, stage: object) -> bool:
        return stage in self._out_of

    def compiled(self, move: Move) -> CompiledMove:
        """Return a move of the process as it is compiled."""
        return self.by_key[move.key]

    def ways_out(self, stage: str | None) -> tuple[CompiledMove, ...]:
        """Return the moves out of a stage, in declared order; for a deal in no stage, the start."""
        return self._out_of.get(stage, ())


def _decider(compiled: CompiledMove) -> Decide:
    """Return the move's `decide`, closed over everything that it needs: a check spends its time here."""
    gate, allowed = compiled.gate, compiled.allowed
    if not gate.criteria:
        always = decision_of(allowed)
        return lambda _deal, _context, _at: always
    judge_as = _judging(compiled)
    readers, read, judge, new = gate.readers, gate.read, gate.judge, Decision

    def decide(deal: Any, context: Context, at: datetime | None) -> Decision:
        try:
            values = readers[deal.__class__](deal)
        except Exception:  # noqa: BLE001 - a class not seen before, or a fact that is missing
            values = read(deal, context, at)
        statuses = judge(values)
        decision = new()
        decision._values = values  # noqa: SLF001 - `decision_of`, written out for speed
        decision._statuses = statuses  # noqa: SLF001
        decision._findings = None  # noqa: SLF001
        decision._outcome = allowed if statuses is None else judge_as(statuses)  # noqa: SLF001
        return decision

    return decide


def _judging(compiled: CompiledMove) -> Callable[[Statuses], Outcome]:
    """Return what the statuses of a gate's criteria come to, where not all of them are met."""
    allowed, blocked, errored = compiled.allowed, compiled.outcome("blocked"), compiled.outcome("errored")
    forbidden = compiled.outcome("forbidden")
    required_at, criteria = compiled.required_at, compiled.gate.criteria
    caller_at = [at for at in required_at if criteria[at].about == "caller"]
    every_one_counts = len(required_at) == len(criteria) and not caller_at

    def judge_as(statuses: Statuses) -> Outcome:
        if every_one_counts and statuses.__class__ is tuple:
            return blocked
        if any(isinstance(statuses[at], int) and statuses[at] for at in caller_at):
            return forbidden
        asked = [statuses[at] for at in required_at]
        if any(isinstance(status, Exception) for status in asked):
            return errored
        return blocked if any(asked) else allowed

    return judge_as


def _recorder(process: SalesProcess, fingerprint: str, move: Move) -> Record:
    key, version, trigger, source, dest = process.key, process.version, move.trigger, move.source or None, move.dest
    starts = move.transition.starts
    if source != dest:
        starts = (*starts, *process.stage(dest).starts)
    new, nothing = tuple.__new__, as_metadata(None)

    def record(
        seq: int | None,
        at: datetime,
        by: str | None,
        reason: str | None,
        kind: SourceKind = "live",
        waived: tuple[str, ...] = (),
        metadata: Mapping[str, JsonValue] = nothing,
    ) -> StageChange:
        # The time is known to be aware here, so that the checks of the public constructor are not repeated.
        return new(
            StageChange,
            (seq, key, version, fingerprint, trigger, source, dest, at, by, reason, kind, waived, starts, (), metadata),
        )

    return record


def _hooks_in_order(
    process: SalesProcess, move: Move, hooks: BoundHooks
) -> tuple[tuple[Hook, ...], tuple[Hook, ...], tuple[Hook, ...]]:
    """Return the hooks before the write, those after it and those for a failed hook, in the order of running."""
    source, dest = move.source or None, move.dest
    stays = source == dest
    former = process.stage(move.source).kind if source else None
    kind = process.stage(dest).kind
    phases: list[tuple[Phase, str | None, bool]] = [
        ("before", move.trigger, True),
        ("exit", source, not stays and source is not None),
        ("enter", dest, not stays),
        ("after", move.trigger, True),
        ("won", None, kind == "won" != former),
        ("lost", None, kind == "lost" != former),
        ("failed", move.trigger, True),
    ]
    found = [tuple(hooks.of(phase, name, source, dest)) if runs else () for phase, name, runs in phases]
    before, exits, enters, after, won, lost, failed = found
    return before + exits, enters + after + won + lost, failed
