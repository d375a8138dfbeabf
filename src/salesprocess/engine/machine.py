"""The `transitions` machine behind an engine: its states are the stages, its transitions the moves.

Only what that library offers for it is extended: `state_cls`, `transition_cls`, `event_cls` and `condition_cls`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from transitions import Event, EventData, State, Transition
from transitions.core import Condition
from transitions.extensions import GraphMachine

from salesprocess.criteria.gate import Context, Gate, Lookup
from salesprocess.criteria.operators import MET
from salesprocess.engine.decision import Alternative, Case, Decision, DecisionKind, decision_of
from salesprocess.engine.hooks import BoundHooks, Hook
from salesprocess.errors import Blocked
from salesprocess.history.change import SourceKind, StageChange
from salesprocess.process import stages
from salesprocess.process.stages import START

if TYPE_CHECKING:
    from datetime import datetime

    from salesprocess.process import SalesProcess

Decide: TypeAlias = Callable[[Any, Context, "datetime | None"], Decision]
Record: TypeAlias = Callable[..., StageChange]


class StageState(State):
    """A stage, named by its key; its name is the label in diagrams."""

    def __init__(self, name: str, *, label: str, **options: Any) -> None:
        super().__init__(name, **options)
        self.label = " ".join(label.replace('"', "'").split())


class GateCondition(Condition):
    """A whole gate as one condition, so that a registered model's `may_` gives the engine's answer."""

    def check(self, event_data: EventData) -> bool:
        """Whether the engine allows the move."""
        return bool(self.func(event_data.model, event_data.kwargs.get("context"), event_data.kwargs.get("at")))  # type: ignore[operator]


class Move(Transition):
    """One way from a stage to another, with its gate compiled and its hooks in order."""

    condition_cls = GateCondition

    def __init__(  # noqa: PLR0913 - the first seven are the library's own
        self,
        source: str,
        dest: str,
        conditions: Any = None,
        unless: Any = None,
        before: Any = None,
        after: Any = None,
        prepare: Any = None,
        *,
        transition: stages.Transition,
        gate: Gate,
        process: SalesProcess,
        fingerprint: str,
        hooks: BoundHooks,
    ) -> None:
        super().__init__(source, dest, conditions, unless, before, after, prepare)
        self.trigger = transition.trigger
        self.transition = transition
        self.needs_reason = transition.needs_reason
        self.gate = gate
        self.alternatives: tuple[Alternative, ...] = ()
        self.process = process
        left = None if source == START and self.trigger == START else source
        self.record = _recorder(process, fingerprint, transition, left)
        self.first, self.then = _hooks_of(process, transition, left, hooks)
        self.allowed = self.case("allowed")
        self.decide: Decide = lambda _deal, _context, _at: decision_of(self.allowed)

    def case(self, kind: DecisionKind, message: str = "", *, with_gate: bool = True) -> Case:
        """What a decision of this kind says of this move."""
        return Case(
            kind=kind,
            process=self.process.key,
            version=self.process.version,
            trigger=self.trigger,
            source=self.source,
            dest=self.dest,
            gate=self.gate if with_gate else None,
            needs_reason=self.transition.needs_reason,
            reasons=self.transition.reasons,
            alternatives=self.alternatives,
            message=message,
        )

    def seal(self, ways_out: list[Move]) -> None:
        """Completes the move, once all the ways out of its stage are known."""
        self.alternatives = tuple(way.as_alternative() for way in ways_out if way is not self)
        self.allowed = self.case("allowed")
        self.decide = _decider(self)

    def as_alternative(self) -> Alternative:
        """The move as a decision on another one lists it."""
        required = any(criterion.severity == "required" for criterion in self.gate.criteria)
        return Alternative(self.trigger, str(self.dest), required, self.transition.needs_reason)


class MoveEvent(Event):
    """A trigger; on a registered model it runs the engine's `fire`."""

    def trigger(self, model: object, *args: Any, **kwargs: Any) -> bool:
        """Moves the model's deal: true if it did, false if criteria block it. Any other refusal is raised."""
        try:
            self.machine.fire(model, self.name, *args, **kwargs)
        except Blocked:
            return False
        return True


class StageMachine(GraphMachine):
    """The stages and moves of a process. No deal is registered with it, and nothing can be added to it."""

    state_cls: type[State] = StageState
    transition_cls: type[Any] = Move
    event_cls: type[Event] = MoveEvent

    def __init__(
        self,
        process: SalesProcess,
        hooks: BoundHooks,
        lookup: Lookup,
        *,
        stage: str,
    ) -> None:
        self.fire: Callable[..., StageChange] = _no_engine
        self._sealed = False
        super().__init__(
            model=None,
            states=[StageState(each.key, label=each.name) for each in process.stages],
            initial=process.initial.key,
            auto_transitions=False,
            model_attribute=stage,
            graph_engine="mermaid",
            title=process.name or process.key,
            show_conditions=True,
        )
        self.by_key: dict[tuple[str, str, str], Move] = {}
        self.ways_out: dict[str, list[Move]] = {each.key: [] for each in process.stages}
        gates: dict[tuple[Any, ...], Gate] = {}
        fingerprint = process.fingerprint
        for move in process.moves():
            source, transition = move.source, move.transition
            criteria = move.gate
            same = tuple(map(id, criteria))
            gate = gates.get(same) or gates.setdefault(same, Gate(criteria, lookup))
            self.add_transition(
                transition.trigger,
                source,
                transition.dest,
                conditions=_condition(gate),
                transition=transition,
                gate=gate,
                process=process,
                fingerprint=fingerprint,
                hooks=hooks,
            )
            self.by_key[move.key] = self.events[transition.trigger].transitions[source][-1]  # type: ignore[assignment]
            self.ways_out[source].append(self.by_key[move.key])
        for ways in self.ways_out.values():
            for way in ways:
                way.seal(ways)
        self._sealed = True

    def get_graph(self, title: str | None = None, **_options: Any) -> Any:
        """The process as a diagram of the library's own."""
        return self.graph_cls(self).get_graph(title)

    def add_transition(self, *args: Any, **kwargs: Any) -> None:
        """Refused once the machine is built: the process is what says which moves there are."""
        self._refuse_change()
        super().add_transition(*args, **kwargs)

    def add_states(self, *args: Any, **kwargs: Any) -> None:
        """Refused once the machine is built."""
        self._refuse_change()
        super().add_states(*args, **kwargs)

    def remove_transition(self, *args: Any, **kwargs: Any) -> None:
        """Refused once the machine is built."""
        self._refuse_change()
        super().remove_transition(*args, **kwargs)

    def _refuse_change(self) -> None:
        if self._sealed:
            raise TypeError("an engine's machine is fixed: derive a process and build an engine on that")


def _no_engine(*_args: Any, **_kwargs: Any) -> StageChange:
    raise TypeError("this machine belongs to no engine")


def start_move(process: SalesProcess, hooks: BoundHooks, lookup: Lookup) -> Move:
    """The way into the first stage, which is no transition of the machine since it comes from nowhere."""
    initial = process.initial
    move = Move(
        START,
        initial.key,
        transition=stages.Transition(trigger=START, source=START, dest=initial.key),
        gate=Gate(initial.entry_criteria, lookup),
        process=process,
        fingerprint=process.fingerprint,
        hooks=hooks,
    )
    move.seal([])
    return move


def _condition(gate: Gate) -> list[Callable[..., bool]]:
    if not gate.criteria:
        return []

    def met(deal: Any, context: Context = None, at: datetime | None = None) -> bool:
        statuses = gate.judge_each(gate.read_each(deal, context, at))
        return statuses is None or all(
            status is MET or criterion.severity == "advisory"
            for status, criterion in zip(statuses, gate.criteria, strict=True)
        )

    met.__name__ = " & ".join(criterion.key for criterion in gate.criteria if criterion.severity == "required")
    return [met]


def _decider(move: Move) -> Decide:
    """The move's `decide`, closed over all it needs: this is where a check spends its time."""
    gate = move.gate
    allowed, blocked, errored = move.allowed, move.case("blocked"), move.case("errored")
    if not gate.criteria:
        always = decision_of(allowed)
        return lambda _deal, _context, _at: always
    required = [criterion.severity == "required" for criterion in gate.criteria]
    read, read_each, judge, judge_each = gate.read, gate.read_each, gate.judge, gate.judge_each

    def case_of(statuses: tuple[int | Exception, ...]) -> Case:
        asked = [status for status, counts in zip(statuses, required, strict=True) if counts]
        if any(isinstance(status, Exception) for status in asked):
            return errored
        return blocked if any(asked) else allowed

    def decide_each(deal: Any, context: Context, at: datetime | None) -> Decision:
        values = read_each(deal, context, at)
        statuses = judge_each(values)
        return decision_of(allowed if statuses is None else case_of(statuses), values, statuses)

    if read is None:
        return decide_each
    every_one_counts = all(required)

    def decide(deal: Any, context: Context, at: datetime | None) -> Decision:
        try:
            values = read(deal)
            statuses = judge(values)
        except Exception:  # noqa: BLE001 - a missing or broken fact: taken one by one, so that each is told apart
            return decide_each(deal, context, at)
        decision = Decision()
        decision._values = values  # noqa: SLF001 - `decision_of`, written out for speed
        decision._statuses = statuses  # noqa: SLF001
        if statuses is None:
            decision._case = allowed  # noqa: SLF001
        else:
            decision._case = blocked if every_one_counts else case_of(statuses)  # noqa: SLF001
        return decision

    return decide


def _recorder(process: SalesProcess, fingerprint: str, transition: stages.Transition, source: str | None) -> Record:
    key, version, trigger, dest = process.key, process.version, transition.trigger, transition.dest
    starts = transition.starts if source == dest else (*transition.starts, *process.stage(dest).starts)
    new = tuple.__new__

    def record(
        seq: int | None,
        at: datetime,
        by: str | None,
        reason: str | None,
        kind: SourceKind = "live",
        waived: tuple[str, ...] = (),
    ) -> StageChange:
        # The time is known to be aware here, so the checks of the public constructor are passed by.
        return new(
            StageChange,
            (seq, key, version, fingerprint, trigger, source, dest, at, by, reason, kind, waived, starts),
        )

    return record


def _hooks_of(
    process: SalesProcess, transition: stages.Transition, source: str | None, hooks: BoundHooks
) -> tuple[tuple[Hook, ...], tuple[Hook, ...]]:
    """The hooks that run before the write, and those after it."""
    trigger, dest = transition.trigger, transition.dest
    stays = source == dest
    former = None if source is None else process.stage(source).kind
    kind = process.stage(dest).kind
    first = [*hooks.of("before", trigger), *(() if stays or source is None else hooks.of("exit", source))]
    then = [*(() if stays else hooks.of("enter", dest)), *hooks.of("after", trigger)]
    if kind == "won" != former:
        then += hooks.of("won", None)
    if kind == "lost" != former:
        then += hooks.of("lost", None)
    return tuple(first), tuple(then)
