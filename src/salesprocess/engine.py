"""The engine: a process compiled for a host's deals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from salesprocess._access import ABSENT, Access, same_kind
from salesprocess._answers import Answers
from salesprocess._checks import engine_problems
from salesprocess._gate import Lookup
from salesprocess._names import suggestion
from salesprocess._passage import Passage, awaited, first_of, refuse_awaitable
from salesprocess._routes import shortest
from salesprocess._values import shown
from salesprocess.decision import Decision, Override, Plan, StageChange, aware
from salesprocess.errors import DealError, DefinitionError, Problem
from salesprocess.hooks import BoundHooks, HookEvent, Hooks, Veto
from salesprocess.process import SalesProcess

if TYPE_CHECKING:
    from salesprocess._machine import Move, StageMachine

__all__ = ["Engine"]

DealT = TypeVar("DealT")


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Engine(Generic[DealT]):
    """Decides and makes the moves of a host's deals, by one process.

    A deal is any object or mapping with a stage; nothing is added to it and nothing is kept of it, so one engine,
    shared by all threads and tasks, serves any number of deals.

    `stage` and `seq` name the deal's attributes (or keys) for its stage and for the count of its changes, if it keeps
    one. `facts` maps names of facts in criteria to the host's own dotted paths. `predicates` has the functions that
    criteria name. `clock` gives the time where a call does not; it must be aware.

    Raises:
        DefinitionError: for hooks and predicates that do not fit the process, all at once.
    """

    def __init__(
        self,
        process: SalesProcess,
        *,
        hooks: Hooks[DealT] | None = None,
        predicates: Mapping[str, Callable[[DealT], object]] | None = None,
        stage: str = "stage",
        seq: str | None = None,
        facts: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        # Drawing machines cost an import that those who only define processes need not pay.
        from salesprocess._machine import StageMachine, start_move  # noqa: PLC0415

        self._process = process
        self._clock = _utc_now if clock is None else lambda: aware(clock(), "the engine's clock")
        self._access = Access(stage, seq)
        self._stage_of = self._access.stage_of
        self._hooks = BoundHooks() if hooks is None else hooks.hand_over(process)
        self._moving: dict[int, Passage[DealT]] = {}
        predicates = predicates or {}
        problems = list(engine_problems(process, predicates, stage))
        if problems:
            raise DefinitionError(f"engine on process {process.key!r}", problems)
        lookup = Lookup(dict(facts or {}), dict(predicates), self._clock)
        self._machine = StageMachine(process, self._hooks, lookup, stage=stage, fire=self.fire)
        self._start = start_move(process, self._hooks, lookup)
        self._ways_out = self._machine.ways_out
        self._answers = Answers(process, self._ways_out)
        # The moves that a stage and a trigger name alone; the others, and deals that count, take the longer way.
        self._quick = {} if seq is not None else {key: _single(ways) for key, ways in self._ways_out.items()}

    @property
    def process(self) -> SalesProcess:
        """The process that the engine was built for."""
        return self._process

    @property
    def machine(self) -> StageMachine:
        """The `transitions.Machine` whose transitions are the engine's moves; no deal is registered with it."""
        return self._machine

    # Deciding

    def check(
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | None = None,
        context: Mapping[str, object] | None = None,
        at: datetime | None = None,
        expect: str | int | None = None,
    ) -> Decision:
        """Whether a move may be made, by its trigger, its target or both. Pure: nothing changes and no hook runs.

        `expect` is the stage, or with `Engine(seq=...)` the number, that the caller last saw the deal with.

        Raises:
            DealError: if the deal's stage cannot be read or is none of the process.
        """
        if to is None and expect is None and at is None:
            try:
                decide = self._quick[self._stage_of(deal)][trigger].decide  # type: ignore[index]
            except (AttributeError, KeyError, TypeError):
                pass
            else:
                return decide(deal, context, None)
        at = None if at is None else aware(at, "at")
        return self._look_for(deal, trigger, to, context, at, expect)[1]

    def options(
        self, deal: DealT, *, context: Mapping[str, object] | None = None, at: datetime | None = None
    ) -> tuple[Decision, ...]:
        """A decision for every way out of the deal's stage, in declared order: the allowed and the blocked."""
        at = None if at is None else aware(at, "at")
        return tuple(
            move.decide(deal, context, at) for move in self._ways_out[self._stage_key(self._access.look(deal)[0])]
        )

    def plan(
        self,
        deal: DealT,
        *,
        to: str,
        context: Mapping[str, object] | None = None,
        at: datetime | None = None,
    ) -> Plan:
        """The shortest way from the deal's stage to another, with what each step still needs.

        Each step is decided on the deal as it is now. A way whose own conditions the deal does not meet is taken only
        if there is no other, and none leads through a lost, disqualified or on-hold stage.
        """
        source = self._stage_key(self._access.look(deal)[0])
        if to not in self._ways_out:
            return Plan(source, to, (), f"no stage {to!r}{suggestion(to, self._ways_out)}")
        at = None if at is None else aware(at, "at")

        def is_open(move: Move) -> bool:
            own = {criterion.key for criterion in move.transition.criteria}
            return not own or own.isdisjoint(found.key for found in move.decide(deal, context, at).unmet)

        moves = shortest(self._ways_out, source, to, is_open)
        if moves is None:
            moves = shortest(self._ways_out, source, to, lambda _move: True)
        if moves is None:
            return Plan(source, to, (), f"no moves lead from {source!r} to {to!r}")
        return Plan(source, to, tuple(move.decide(deal, context, at) for move in moves))

    def progress(
        self, deal: DealT, *, context: Mapping[str, object] | None = None, at: datetime | None = None
    ) -> float:
        """The share of the gate ahead that is met, 0 to 1: of the required criteria of the first forward move.

        1 where nothing is asked, or no move leads forward.
        """
        source = self._stage_key(self._access.look(deal)[0])
        for move in self._ways_out[source]:
            if self._process.direction(source, move.transition) == "forward":
                asked = [found for found in move.decide(deal, context, at).findings if found.severity == "required"]
                return sum(found.status == "met" for found in asked) / len(asked) if asked else 1.0
        return 1.0

    # Moving

    def fire(  # noqa: PLR0913
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | None = None,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        expect: str | int | None = None,
        override: Override | None = None,
        context: Mapping[str, object] | None = None,
    ) -> StageChange:
        """Makes a move: decides, runs the hooks, sets the stage, and returns the change for the host to store.

        If anything raises, the deal's stage and number are what they were and there is no change.

        Raises:
            TransitionRefused: one subclass for each kind of refusal, holding the decision.
            DealError: if the deal cannot be read or written, or is being moved already.
            DefinitionError: if the engine has async hooks: `afire` runs those.
        """
        move, decision, change, was, seq = self._settle(deal, trigger, to, by, reason, at, expect, override, context)
        if change is None:
            raise self._refused(deal, decision, context)
        if move.first or move.then:
            self._run(self._passage(deal, decision, was, seq, context), move, change)
        else:
            self._access.write(deal, same_kind(change.dest, was), change.seq)
        return change

    async def afire(  # noqa: PLR0913
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | None = None,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        expect: str | int | None = None,
        override: Override | None = None,
        context: Mapping[str, object] | None = None,
    ) -> StageChange:
        """The same as `fire`, awaiting the async hooks among the others: one at a time, in order."""
        move, decision, change, was, seq = self._settle(
            deal, trigger, to, by, reason, at, expect, override, context, awaits=True
        )
        if change is None:
            raise await self._arefused(deal, decision, context)
        passage = self._passage(deal, decision, was, seq, context)
        try:
            async with passage:
                for hook in move.first:
                    await awaited(hook(passage.event))
                passage.write(change)
                for hook in move.then:
                    await awaited(hook(passage.event))
        except Veto as veto:
            if passage.written:
                raise
            raise await self._arefused(deal, self._answers.vetoed(move, str(veto)), context) from veto
        return change

    def transition(  # noqa: PLR0913
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | None = None,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        expect: str | int | None = None,
        override: Override | None = None,
        context: Mapping[str, object] | None = None,
    ) -> tuple[DealT, StageChange]:
        """The same as `fire` for a deal that cannot change: returns a changed copy; the deal itself is untouched.

        Hooks before the write get the deal, those after it the copy.

        Raises:
            DealError: also if the deal is of a type that says no way to copy it.
        """
        move, decision, change, was, seq = self._settle(deal, trigger, to, by, reason, at, expect, override, context)
        if change is None:
            raise self._refused(deal, decision, context)
        passage = self._passage(deal, decision, was, seq, context, copies=True)
        return self._run(passage, move, change), change

    def start(
        self,
        deal: DealT,
        *,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, object] | None = None,
    ) -> StageChange:
        """Puts a new deal in the first stage, and returns the change that begins its history.

        The stage's entry criteria are asked for, and hooks on the stage and on `"start"` run.

        Raises:
            DealError: if the deal is in another stage already, or has been counted.
            TransitionRefused: if the entry criteria are not met.
        """
        self._refuse_async()
        was, seq = self._access.peek(deal)
        initial = self._process.initial.key
        if seq or (was is not None and was is not ABSENT and self._stage_key(was) != initial):
            raise DealError(f"the deal has begun already: it is in {shown(was)}", found=was, expected=(None, initial))
        at = self._clock() if at is None else aware(at, "at")
        move = self._start
        decision = move.decide(deal, context, at)
        change = self._admit(move, decision, seq, by, reason, at, None)
        if not isinstance(change, StageChange):
            raise self._refused(deal, change, context)
        self._run(self._passage(deal, decision, was, seq, context), move, change)
        return change

    # Behind the verbs

    def _settle(  # noqa: PLR0913, PLR0917
        self,
        deal: DealT,
        trigger: str | None,
        to: str | None,
        by: str | None,
        reason: str | None,
        at: datetime | None,
        expect: str | int | None,
        override: Override | None,
        context: Mapping[str, object] | None,
        *,
        awaits: bool = False,
    ) -> tuple[Move, Decision, StageChange | None, Any, int | None]:
        """The move asked for, and its record; without one, the decision is what refuses it."""
        if not awaits:
            self._refuse_async()
        at = self._clock() if at is None else aware(at, "at")
        move, decision, was, seq = self._find(deal, trigger, to, context, at, expect)
        change = self._admit(move, decision, seq, by, reason, at, override)
        if isinstance(change, StageChange):
            return move, decision, change, was, seq
        return move, change, None, was, seq

    def _passage(
        self,
        deal: DealT,
        decision: Decision,
        was: object,
        seq: int | None,
        context: Mapping[str, object] | None,
        *,
        copies: bool = False,
    ) -> Passage[DealT]:
        return Passage(HookEvent(deal, decision, context), self._access, self._moving, was, seq, copies=copies)

    def _run(self, passage: Passage[DealT], move: Move, change: StageChange) -> DealT:
        """The move with its hooks; the deal in its new stage, which may be a copy."""
        event = passage.event
        deal = event.deal
        try:
            with passage:
                for hook in move.first:
                    refuse_awaitable(hook, hook(event))
                moved = passage.write(change)
                for hook in move.then:
                    refuse_awaitable(hook, hook(event))
        except Veto as veto:
            if passage.written:
                raise
            raise self._refused(deal, self._answers.vetoed(move, str(veto)), event.context) from veto
        return moved

    def _find(
        self,
        deal: DealT,
        trigger: str | None,
        to: str | None,
        context: Mapping[str, object] | None,
        at: datetime | None,
        expect: str | int | None,
    ) -> tuple[Move, Decision, Any, int | None]:
        """The move that fits, its decision, and the deal's stage and number as they were then."""
        if to is None and expect is None:
            try:
                was = self._stage_of(deal)
                move = self._quick[was][trigger]  # type: ignore[index]
            except (AttributeError, KeyError, TypeError):
                pass
            else:
                return move, move.decide(deal, context, at), was, None
        return self._look_for(deal, trigger, to, context, at, expect)

    def _look_for(
        self,
        deal: DealT,
        trigger: str | None,
        to: str | None,
        context: Mapping[str, object] | None,
        at: datetime | None,
        expect: str | int | None,
    ) -> tuple[Move, Decision, Any, int | None]:
        if trigger is None and to is None:
            raise TypeError("name the move by its trigger, by its target with to=, or by both")
        was, seq = self._access.look(deal)
        stage = self._stage_key(was)
        ways = self._ways_out[stage]
        if expect is not None and expect != (seq if isinstance(expect, int) else stage):
            found = f"change {seq}" if isinstance(expect, int) else repr(stage)
            return self._start, self._answers.stale(stage, trigger, to, found, expect), was, seq
        fitting = [way for way in ways if trigger in {None, way.trigger} and to in {None, way.dest}]
        if not fitting:
            return self._start, self._answers.no_move(stage, trigger, to), was, seq
        decided = [(move, move.decide(deal, context, at)) for move in fitting]
        allowed = [(move, decision) for move, decision in decided if decision.allowed]
        if len(allowed) > 1:
            return self._start, self._answers.ambiguous(stage, trigger, to, [move for move, _ in allowed]), was, seq
        return *(allowed or decided)[0], was, seq

    def _admit(
        self,
        move: Move,
        decision: Decision,
        seq: int | None,
        by: str | None,
        reason: str | None,
        at: datetime,
        override: Override | None,
    ) -> StageChange | Decision:
        """The record of the move, or the decision that refuses it."""
        waived: tuple[str, ...] = ()
        if not decision.allowed:
            if override is None or decision.kind != "blocked":
                return decision
            waived = tuple(found.key for found in decision.unmet)
            by, reason = override.by, reason or override.reason
        transition = move.transition
        if transition.needs_reason and (not reason or (transition.reasons and reason not in transition.reasons)):
            return self._answers.reason_needed(move, reason)
        number = None if seq is None else seq + 1
        return move.record(number, at, by, reason, "override" if waived else "live", waived)

    def _refused(self, deal: DealT, decision: Decision, context: Mapping[str, object] | None) -> BaseException:
        """The exception for a refusal, once the hooks for it have run."""
        event = HookEvent(deal, decision, context)
        failures: list[BaseException] = []
        for hook in self._hooks.of("refused", decision.trigger):
            try:
                refuse_awaitable(hook, hook(event))
            except BaseException as error:  # noqa: BLE001 - raised in place of the refusal
                failures.append(error)
        return first_of(failures, decision.refusal())

    async def _arefused(self, deal: DealT, decision: Decision, context: Mapping[str, object] | None) -> BaseException:
        event = HookEvent(deal, decision, context)
        failures: list[BaseException] = []
        for hook in self._hooks.of("refused", decision.trigger):
            try:
                await awaited(hook(event))
            except BaseException as error:  # noqa: BLE001 - raised in place of the refusal
                failures.append(error)
        return first_of(failures, decision.refusal())

    def _refuse_async(self) -> None:
        hook = self._hooks.first_async
        if hook is not None:
            problem = Problem("async_hook", "hooks", f"{hook!r} is async: use afire(), which awaits it")
            raise DefinitionError("fire()", [problem])

    def _stage_key(self, found: object) -> str:
        """The deal's stage as a key of the process."""
        key = found.value if isinstance(found, Enum) else found
        if isinstance(key, str) and key in self._ways_out:
            return key
        if key is None:
            message = f"the deal is in no stage yet: start() puts it in {self._process.initial.key!r}"
        else:
            stages = suggestion(key, self._ways_out)
            message = f"the deal is in stage {shown(key)}, which process {self._process.key!r} has not{stages}"
        raise DealError(message, found=key, expected=self._ways_out)

    def __repr__(self) -> str:
        return f"<Engine on {self._process}>"


def _single(ways: list[Move]) -> dict[str, Move]:
    """The moves out of a stage that their trigger alone names."""
    triggers = [way.trigger for way in ways]
    return {way.trigger: way for way in ways if triggers.count(way.trigger) == 1}
