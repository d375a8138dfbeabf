"""The engine: a process compiled for a host's deals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from salesprocess._text import shown
from salesprocess._time import aware
from salesprocess.engine.deal_access import ABSENT
from salesprocess.engine.deciding import Decider
from salesprocess.engine.decision import Decision, Override
from salesprocess.engine.hooks import DealT, HookEvent, Hooks, Veto
from salesprocess.engine.moving import Passage, awaited, first_of, refuse_awaitable
from salesprocess.engine.validation import engine_problems
from salesprocess.errors import DealError, DefinitionError, Problem
from salesprocess.history import History
from salesprocess.history.change import StageChange
from salesprocess.history.clocks import Calendar, Overdue, spent_in_stage
from salesprocess.process import SalesProcess

if TYPE_CHECKING:
    from salesprocess.engine.machine import Move

_utc_now: Callable[[], datetime] = partial(datetime.now, UTC)


class Engine(Decider[DealT]):
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
        hooks = Hooks() if hooks is None else hooks
        problems = [*hooks.problems(process), *engine_problems(process, predicates or {}, stage)]
        if problems:
            raise DefinitionError(f"the engine on process {process.key!r}", problems)
        self._hooks = hooks.hand_over()
        self._moving: dict[int, Passage[DealT]] = {}
        super().__init__(
            process,
            hooks=self._hooks,
            predicates=predicates or {},
            stage=stage,
            seq=seq,
            facts=facts or {},
            clock=_utc_now if clock is None else lambda: aware(clock(), "the engine's clock"),
        )
        self._machine.fire = self.fire

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
        self._run(move, change, Passage(deal, decision, context, was, seq))
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
        passage = Passage(deal, decision, context, was, seq)
        try:
            passage.begin(self._moving, self._access)
            try:
                for hook in move.first:
                    await awaited(hook(passage))
                passage.write(change, self._access)
                for hook in move.then:
                    await awaited(hook(passage))
            except BaseException as error:
                passage.undo(error, self._access)
                raise
            finally:
                del self._moving[id(deal)]
        except Veto as veto:
            if passage.change is not None:
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
        return self._run(move, change, Passage(deal, decision, context, was, seq, copies=True)), change

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
        self._run(move, change, Passage(deal, decision, context, was, seq))
        return change

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
        if self._hooks.first_async is not None and not awaits:
            self._refuse_async()
        at = self._clock() if at is None else aware(at, "at")
        move = was = seq = None
        if to is None and expect is None:
            try:
                was = self._stage_of(deal)
                move = self._quick[was][trigger]  # type: ignore[index]
            except (AttributeError, KeyError, TypeError):
                move = None
        if move is None:
            move, decision, was, seq = self._look_for(deal, trigger, to, context, at, expect)
        else:
            decision = move.decide(deal, context, at)
        if decision._case is move.allowed and not move.needs_reason:  # noqa: SLF001 - a property costs a call
            return move, decision, move.record(None if seq is None else seq + 1, at, by, reason), was, seq
        change = self._admit(move, decision, seq, by, reason, at, override)
        if isinstance(change, StageChange):
            return move, decision, change, was, seq
        return move, change, None, was, seq

    def _run(self, move: Move, change: StageChange, passage: Passage[DealT]) -> DealT:
        """The move with its hooks; the deal in its new stage, which may be a copy."""
        deal = passage.deal
        try:
            passage.begin(self._moving, self._access)
            try:
                for hook in move.first:
                    if (result := hook(passage)) is not None:
                        refuse_awaitable(hook, result)
                moved = passage.write(change, self._access)
                for hook in move.then:
                    if (result := hook(passage)) is not None:
                        refuse_awaitable(hook, result)
            except BaseException as error:
                passage.undo(error, self._access)
                raise
            finally:
                del self._moving[id(deal)]
        except Veto as veto:
            if passage.change is not None:
                raise
            raise self._refused(deal, self._answers.vetoed(move, str(veto)), passage.context) from veto
        return moved

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

    def overdue(
        self, deal: DealT, history: History, *, at: datetime | None = None, calendar: Calendar | None = None
    ) -> Overdue | None:
        """The deal's stay in its stage if it is longer than the stage's time limit; `None` otherwise.

        Counted from the entry into the stage, in calendar time or in the working time of `calendar`.

        Raises:
            DealError: if the history ends in another stage than the deal's.
        """
        key = self._stage_key(self._access.look(deal)[0])
        if history.stage != key:
            raise DealError(f"the deal is in {key!r}, its history ends in {history.stage!r}", found=history.stage)
        limit, since = self._process.stage(key).time_limit, history.entered_at
        spent = spent_in_stage(history, self._clock() if at is None else aware(at, "at"), calendar)
        if limit is None or since is None or spent is None or spent <= limit:
            return None
        return Overdue(key, since, limit, spent)

    def __repr__(self) -> str:
        return f"<Engine on {self._process}>"
