"""The engine: a process compiled for a host's deals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cached_property, partial
from typing import TYPE_CHECKING, Generic

from pydantic import JsonValue

from salesprocess._text import shown
from salesprocess._time import aware
from salesprocess.criteria.criterion import required
from salesprocess.criteria.gate import Sources
from salesprocess.engine.compiled import MoveTable
from salesprocess.engine.deal_access import ABSENT, DealAccess, number, stage_key
from salesprocess.engine.decision import Decision, Override, Plan
from salesprocess.engine.hooks import BoundHooks, DealT, HookEvent, Hooks
from salesprocess.engine.moving import (
    Call,
    Decided,
    MovesUnderWay,
    VetoedBeforeWrite,
    awaited,
    first_of,
    refuse_awaitable,
)
from salesprocess.engine.refusals import Request, reason_needed
from salesprocess.engine.validation import engine_problems
from salesprocess.errors import DealError, DefinitionError, Problem
from salesprocess.history.change import SourceKind, StageChange, as_metadata
from salesprocess.history.clocks import Calendar, Overdue, spent_in_stage
from salesprocess.history.history import History
from salesprocess.process import SalesProcess
from salesprocess.process.graph import Move, shortest
from salesprocess.process.stages import START

if TYPE_CHECKING:
    from salesprocess.criteria.gate import Seen
    from salesprocess.engine.compiled import CompiledMove
    from salesprocess.engine.machine import StageMachine

_utc_now: Callable[[], datetime] = partial(datetime.now, UTC)


class Engine(Generic[DealT]):
    """Decides and makes the moves of a host's deals, by one process.

    A deal is any object or mapping with a stage. Nothing is added to it and nothing is kept of it, so that one engine,
    shared by all threads and tasks, serves any number of deals.

    `stage`, `seq` and `version` name the deal's attributes (or keys) for its stage, for the count of its changes and
    for the version of the process that it runs under, where it keeps them. `facts` maps names of facts in criteria to
    the host's own dotted paths. `predicates` has the functions that criteria name. `clock` gives the time where a call
    does not; it must be aware.

    Raises:
        DefinitionError: for hooks, predicates and names that do not fit the process, all at once.
    """

    def __init__(
        self,
        process: SalesProcess,
        *,
        hooks: Hooks[DealT] | None = None,
        predicates: Mapping[str, Callable[[DealT], object]] | None = None,
        stage: str = "stage",
        seq: str | None = None,
        version: str | None = None,
        facts: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        hooks = Hooks() if hooks is None else hooks
        names = {"stage": stage, "seq": seq, "version": version}
        problems = [*hooks.problems(process), *engine_problems(process, predicates or {}, names)]
        if problems:
            raise DefinitionError(f"the engine on process {process.key!r}", problems)
        self._process = process
        self._hooks: BoundHooks = hooks.hand_over()
        self._clock = _utc_now if clock is None else lambda: aware(clock(), "the engine's clock")
        self._access = DealAccess(stage, seq, version)
        self._classes = self._access.classes
        self._moves = MoveTable(process, Sources(dict(facts or {}), dict(predicates or {}), self._clock), self._hooks)
        self._under_way = MovesUnderWay(self._access)
        # The moves that stage and trigger alone tell apart, where nothing else of the deal must be looked at.
        self._quick_checks = {} if seq or version else self._moves.by_trigger
        self._quick = {} if version or self._hooks.first_async else self._moves.by_trigger

    @property
    def process(self) -> SalesProcess:
        """The process that the engine was built for."""
        return self._process

    @cached_property
    def machine(self) -> StageMachine:
        """The engine as a `transitions.Machine`; no deal is registered with it."""
        # transitions is slow to import, and most applications never ask for the machine.
        from salesprocess.engine.machine import StageMachine  # noqa: PLC0415

        moves = [way for stage in self._process.stages for way in self._moves.ways_out(stage.key)]
        return StageMachine(self, moves, stage=self._access.stage)

    def check(
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | Enum | None = None,
        context: Mapping[str, object] | None = None,
        at: datetime | None = None,
        expect: str | int | Enum | None = None,
    ) -> Decision:
        """Decide whether a move may be made, by its trigger, its target or both. Nothing changes and no hook runs.

        `expect` is the stage, or with `Engine(seq=...)` the number, that the caller last saw the deal with.

        Raises:
            DealError: if the deal cannot be read.
        """
        if to is None and expect is None and at is None:
            try:
                decide = self._quick_checks[self._classes[deal.__class__].stage_of(deal)][trigger].decide
            except (AttributeError, KeyError, TypeError):
                pass
            else:
                return decide(deal, context, None)
        at = None if at is None else aware(at, "at")
        return self._decided(deal, Call("check", trigger, to, None, None, at, expect, None, context)).decision

    def options(
        self, deal: DealT, *, context: Mapping[str, object] | None = None, at: datetime | None = None
    ) -> tuple[Decision, ...]:
        """Decide on every way out of the deal's stage, in declared order: the allowed and the blocked.

        A deal in an unknown stage, or under another version, gets one decision that says so.

        Raises:
            DealError: if the deal cannot be read.
        """
        at = None if at is None else aware(at, "at")
        found = self._read(deal, None, None)
        if isinstance(found, Decided):
            return (found.decision,)
        return tuple(move.decide(deal, context, at) for move in self._moves.ways_out(found[0]))

    def plan(
        self,
        deal: DealT,
        *,
        to: str | Enum,
        context: Mapping[str, object] | None = None,
        at: datetime | None = None,
    ) -> Plan:
        """Find the shortest way from the deal's stage to another, with what each step still needs.

        Each step is decided on the deal as it is now. A way with a transition whose own criteria the deal does not meet
        is taken only if there is no other, and none leads through a lost, disqualified or on-hold stage.
        """
        at = None if at is None else aware(at, "at")
        dest = str(stage_key(to))
        found = self._read(deal, None, dest)
        if isinstance(found, Decided):
            return Plan(found.decision.source, dest, (), found.decision)
        stage, moves = found[0], self._moves
        if dest not in moves:
            return Plan(stage, dest, (), Request(moves, stage, None, dest).no_move(None))
        seen: Seen = {}

        def decide(move: Move) -> Decision:
            return moves.compiled(move).decide_with(seen, deal, context, at)

        graph = self._process.graph
        first = [] if stage is not None else [graph.start]
        start = stage or graph.start.dest
        steps = shortest(graph, start, dest, lambda move: moves.compiled(move).own_are_met(decide(move)))
        if steps is None:
            steps = shortest(graph, start, dest)
        if steps is None:
            return Plan(stage, dest, (), Request(moves, start, None, dest).no_plan())
        return Plan(stage, dest, tuple(decide(move) for move in [*first, *steps]))

    def progress(
        self, deal: DealT, *, context: Mapping[str, object] | None = None, at: datetime | None = None
    ) -> float:
        """Return the share of the gate ahead that is met, 0 to 1: of the required criteria of the first forward move.

        1 where nothing is asked, or no move leads forward.

        Raises:
            TransitionRefused: if the deal is in an unknown stage or under another version.
        """
        found = self._read(deal, None, None)
        if isinstance(found, Decided):
            raise found.decision.refusal()
        for way in self._moves.ways_out(found[0]):
            if way.move.direction == "forward":
                asked = required(way.decide(deal, context, None if at is None else aware(at, "at")).findings)
                return sum(found.status == "met" for found in asked) / len(asked) if asked else 1.0
        return 1.0

    def fire(  # noqa: PLR0913
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | Enum | None = None,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        expect: str | int | Enum | None = None,
        override: Override | None = None,
        context: Mapping[str, object] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> StageChange:
        """Make a move: decide, run the hooks, set the stage, and return the change for the host to store.

        If anything raises, the deal's stage and number are what they were and there is no change.

        Raises:
            TransitionRefused: one subclass for each kind of refusal, with the decision.
            DealError: if the deal cannot be read or written, or is being moved already.
            DefinitionError: if the engine has async hooks: `afire` runs those.
        """
        # The plain case written out, since calls cost more than what they would save in lines.
        if to is None and expect is None and metadata is None:
            try:
                known = self._classes[deal.__class__]
                was = known.stage_of(deal)
                move = self._quick[was][trigger]
            except (AttributeError, KeyError, TypeError):
                pass
            else:
                at = self._time(at)
                seq = None if self._access.seq is None else number(known.read(deal, self._access.seq))
                decision = move.decide(deal, context, at)
                if decision._outcome is move.allowed and not move.asks_reason and known.refusal is None:  # noqa: SLF001
                    change = move.record(None if seq is None else seq + 1, at, by, reason)
                    try:
                        self._under_way.run(deal, was, move, decision, change, context)
                    except VetoedBeforeWrite as stopped:
                        raise self._refused(deal, stopped.decision, context) from stopped.__cause__
                    return change
                call = Call("fire", trigger, to, by, reason, self._time(at), expect, override, context, metadata)
                return self._make(deal, call, Decided(move, decision, was, seq))[1]
        call = Call("fire", trigger, to, by, reason, self._time(at), expect, override, context, metadata)
        return self._make(deal, call)[1]

    def transition(  # noqa: PLR0913
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | Enum | None = None,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        expect: str | int | Enum | None = None,
        override: Override | None = None,
        context: Mapping[str, object] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> tuple[DealT, StageChange]:
        """Do the same as `fire` for a deal that cannot change: return a changed copy; the deal itself is untouched.

        Hooks before the write get the deal, those after it the copy.

        Raises:
            DealError: also if the deal is of a type that has no way to copy it.
        """
        call = Call(
            "transition", trigger, to, by, reason, self._time(at), expect, override, context, metadata, copies=True
        )
        return self._make(deal, call)

    def start(
        self,
        deal: DealT,
        *,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, object] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> StageChange:
        """Put a new deal in the first stage: short for `fire(deal, "start")`.

        The stage's entry criteria are asked for, and the hooks on the stage and on `"start"` run. A deal that is in
        the first stage already, and has no number yet, is started as well: its class may begin there.

        Raises:
            TransitionRefused: if the entry criteria are not met, or the deal has started already.
        """
        return self._make(deal, Call("start", START, None, by, reason, self._time(at), None, None, context, metadata))[
            1
        ]

    async def afire(  # noqa: PLR0913
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | Enum | None = None,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        expect: str | int | Enum | None = None,
        override: Override | None = None,
        context: Mapping[str, object] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> StageChange:
        """Do the same as `fire`, awaiting the async hooks among the others: one at a time, in order."""
        call = Call("afire", trigger, to, by, reason, self._time(at), expect, override, context, metadata)
        return (await self._amake(deal, call))[1]

    async def atransition(  # noqa: PLR0913
        self,
        deal: DealT,
        trigger: str | None = None,
        *,
        to: str | Enum | None = None,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        expect: str | int | Enum | None = None,
        override: Override | None = None,
        context: Mapping[str, object] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> tuple[DealT, StageChange]:
        """Do the same as `transition`, awaiting the async hooks among the others."""
        call = Call(
            "atransition", trigger, to, by, reason, self._time(at), expect, override, context, metadata, copies=True
        )
        return await self._amake(deal, call)

    async def astart(
        self,
        deal: DealT,
        *,
        by: str | None = None,
        reason: str | None = None,
        at: datetime | None = None,
        context: Mapping[str, object] | None = None,
        metadata: Mapping[str, JsonValue] | None = None,
    ) -> StageChange:
        """Do the same as `start`, awaiting the async hooks among the others."""
        call = Call("astart", START, None, by, reason, self._time(at), None, None, context, metadata)
        return (await self._amake(deal, call))[1]

    def overdue(
        self, deal: DealT, history: History, *, at: datetime | None = None, calendar: Calendar | None = None
    ) -> Overdue | None:
        """Return the deal's stay in its stage if it is longer than the stage's time limit, else `None`.

        Counted from the entry into the stage, in calendar time or in the working time of `calendar`.

        Raises:
            DealError: if the history ends in another stage than the deal's.
            TransitionRefused: if the deal is in an unknown stage or under another version.
        """
        found = self._read(deal, None, None)
        if isinstance(found, Decided):
            raise found.decision.refusal()
        stage = found[0]
        if stage is None or history.stage != stage:
            raise DealError(f"the deal is in {stage!r}, its history ends in {history.stage!r}", found=history.stage)
        limit, since = self._process.stage(stage).time_limit, history.entered_at
        spent = spent_in_stage(history, self._clock() if at is None else aware(at, "at"), calendar)
        if limit is None or since is None or spent is None or spent <= limit:
            return None
        return Overdue(stage, since, limit, spent)

    def _read(
        self, deal: DealT, trigger: str | None, to: str | None
    ) -> tuple[str | None, object, int | None] | Decided:
        """Return the deal's stage as the process names it and as the host keeps it, and its number.

        A deal that the process cannot decide on gets a decision that says so.
        """
        was, seq = self._access.read(deal)
        if was is ABSENT and trigger != START:
            self._access.refuse_without_stage(deal)
        stage = stage_key(was)
        if not (stage is None or (isinstance(stage, str) and stage in self._moves)):
            return Decided(None, Request(self._moves, None, trigger, to).unknown_stage(stage), was, seq)
        if self._access.version is not None and stage is not None:
            version = self._access.version_of(deal)
            if version != self._process.version:
                return Decided(None, Request(self._moves, stage, trigger, to).wrong_version(version), was, seq)
        return stage, was, seq

    def _decided(self, deal: DealT, call: Call) -> Decided:
        """Find the move that fits what was asked for, and decide on it."""
        trigger, at, context = call.trigger, call.at, call.context
        if trigger is None and call.to is None:
            raise TypeError("name the move by its trigger, by its target with to=, or by both")
        dest = None if call.to is None else str(stage_key(call.to))
        found = self._read(deal, trigger, dest)
        if isinstance(found, Decided):
            return found
        stage, was, seq = found
        if call.expect is not None:
            expected = stage_key(call.expect)
            if expected != (seq if isinstance(expected, int) else stage):
                return Decided(None, Request(self._moves, stage, trigger, dest).stale(seq, expected), was, seq)
        ways = self._moves.ways_out(stage)
        if trigger == START and stage == self._process.initial.key and not seq:
            ways = self._moves.ways_out(None)
        fitting = [
            way for way in ways if (trigger is None or trigger == way.trigger) and (dest is None or dest == way.dest)
        ]
        if not fitting:
            missing_key = self._access.stage if was is ABSENT else None
            return Decided(None, Request(self._moves, stage, trigger, dest).no_move(missing_key), was, seq)
        if len(fitting) == 1:
            return Decided(fitting[0], fitting[0].decide(deal, context, at), was, seq)
        seen: Seen = {}
        decided = [(way, way.decide_with(seen, deal, context, at)) for way in fitting]
        allowed = [pair for pair in decided if pair[1].allowed]
        # An override must not choose among the moves that it could let through.
        passable = allowed or [pair for pair in decided if call.override is not None and pair[1].kind == "blocked"]
        if len(passable) > 1:
            request = Request(self._moves, stage, trigger, dest)
            return Decided(None, request.ambiguous([way for way, _ in passable]), was, seq)
        return Decided(*(passable or decided)[0], was, seq)

    def _refuse_call(self, call: Call) -> None:
        """Refuse a verb that does not await the engine's async hooks, and an override that is none."""
        hook = self._hooks.first_async
        if hook is not None and not call.verb.startswith("a"):
            message = f"{hook!r} is async: use a{call.verb}(), which awaits it"
            raise DefinitionError(f"{call.verb}()", [Problem("async_hook", "hooks", message)])
        if call.override is not None and not isinstance(call.override, Override):
            raise TypeError(f"override= takes an Override, found {shown(call.override)}")

    def _time(self, at: datetime | None) -> datetime:
        return self._clock() if at is None else aware(at, "at")

    def _make(self, deal: DealT, call: Call, found: Decided | None = None) -> tuple[DealT, StageChange]:
        """Decide on the move that a call asks for and make it, or raise its refusal."""
        self._refuse_call(call)
        found = self._decided(deal, call) if found is None else found
        admitted = _admitted(found, call)
        if isinstance(admitted, Decision):
            raise self._refused(deal, admitted, call.context)
        move, change = admitted
        if not call.copies:
            self._access.refuse_unwritable(deal)
        try:
            moved = self._under_way.run(deal, found.was, move, found.decision, change, call.context, call.copies)
        except VetoedBeforeWrite as stopped:
            raise self._refused(deal, stopped.decision, call.context) from stopped.__cause__
        return moved, change

    async def _amake(self, deal: DealT, call: Call) -> tuple[DealT, StageChange]:
        """Do the same as `_make`, awaiting the hooks."""
        self._refuse_call(call)
        found = self._decided(deal, call)
        admitted = _admitted(found, call)
        if isinstance(admitted, Decision):
            raise await self._arefused(deal, admitted, call.context)
        move, change = admitted
        if not call.copies:
            self._access.refuse_unwritable(deal)
        try:
            moved = await self._under_way.arun(deal, found.was, move, found.decision, change, call.context, call.copies)
        except VetoedBeforeWrite as stopped:
            raise await self._arefused(deal, stopped.decision, call.context) from stopped.__cause__
        return moved, change

    def _refused(self, deal: DealT, decision: Decision, context: Mapping[str, object] | None) -> BaseException:
        """Run the hooks for a refusal, and return the exception to raise."""
        event = HookEvent(deal, decision, context)
        failures: list[BaseException] = []
        for hook in self._hooks.of("refused", decision.trigger, decision.source, decision.dest):
            try:
                refuse_awaitable(hook, hook(event))
            except BaseException as error:  # noqa: BLE001 - raised in place of the refusal
                failures.append(error)
        return first_of(failures, decision.refusal())

    async def _arefused(self, deal: DealT, decision: Decision, context: Mapping[str, object] | None) -> BaseException:
        event = HookEvent(deal, decision, context)
        failures: list[BaseException] = []
        for hook in self._hooks.of("refused", decision.trigger, decision.source, decision.dest):
            try:
                await awaited(hook(event))
            except BaseException as error:  # noqa: BLE001 - raised in place of the refusal
                failures.append(error)
        return first_of(failures, decision.refusal())

    def __repr__(self) -> str:
        return f"<Engine on {self._process}>"


def _admitted(found: Decided, call: Call) -> tuple[CompiledMove, StageChange] | Decision:
    """Return the move with its record, or the decision that refuses it."""
    move, decision = found.move, found.decision
    by, reason, override = call.by, call.reason, call.override
    waived: tuple[str, ...] = ()
    if not decision.allowed and override is not None and decision.kind == "blocked":
        waived = tuple(unmet.key for unmet in decision.unmet)
        by, reason = override.by, reason or override.reason
    if move is None or not (decision.allowed or waived):
        return decision
    listed = move.move.transition.reasons
    if (decision.needs_reason and not reason) or (reason and listed and reason not in listed):
        return reason_needed(move, reason)
    following = None if found.seq is None else found.seq + 1
    kind: SourceKind = "override" if waived else "live"
    return move, move.record(following, call.at, by, reason, kind, waived, as_metadata(call.metadata))
