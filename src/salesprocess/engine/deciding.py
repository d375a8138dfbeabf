"""The deciding half of an engine: what may be done with a deal, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Generic

from salesprocess._text import shown, suggestion
from salesprocess._time import aware
from salesprocess.criteria.gate import Sources
from salesprocess.engine.deal_access import Access
from salesprocess.engine.decision import Decision, Plan
from salesprocess.engine.hooks import BoundHooks, DealT
from salesprocess.engine.refusals import Answers
from salesprocess.errors import DealError
from salesprocess.process import SalesProcess, graph
from salesprocess.process.graph import shortest

if TYPE_CHECKING:
    from salesprocess.engine.machine import Move, StageMachine


class Decider(Generic[DealT]):
    """A process compiled for a host's deals."""

    def __init__(
        self,
        process: SalesProcess,
        *,
        hooks: BoundHooks,
        predicates: Mapping[str, Callable[[DealT], object]],
        stage: str,
        seq: str | None,
        facts: Mapping[str, str],
        clock: Callable[[], datetime],
    ) -> None:
        # Machines that can be drawn cost an import that those who only define processes need not pay.
        from salesprocess.engine.machine import StageMachine, start_move  # noqa: PLC0415

        self._process = process
        self._clock = clock
        self._access = Access(stage, seq)
        self._stage_of = self._access.stage_of
        sources = Sources(dict(facts), dict(predicates), clock)
        self._machine = StageMachine(process, hooks, sources, stage=stage)
        self._start = start_move(process, hooks, sources)
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

        def is_open(move: graph.Move) -> bool:
            own = {criterion.key for criterion in move.transition.criteria}
            unmet = self._machine.by_key[move.key].decide(deal, context, at).unmet
            return not own or own.isdisjoint(found.key for found in unmet)

        ways = self._process.graph
        moves = shortest(ways, source, to, is_open) or shortest(ways, source, to)
        if moves is None:
            return Plan(source, to, (), f"no moves lead from {source!r} to {to!r}")
        return Plan(source, to, tuple(self._machine.by_key[move.key].decide(deal, context, at) for move in moves))

    def progress(
        self, deal: DealT, *, context: Mapping[str, object] | None = None, at: datetime | None = None
    ) -> float:
        """The share of the gate ahead that is met, 0 to 1: of the required criteria of the first forward move.

        1 where nothing is asked, or no move leads forward.
        """
        source = self._stage_key(self._access.look(deal)[0])
        for way in self._process.graph.out_of[source]:
            if way.direction == "forward":
                move = self._machine.by_key[way.key]
                asked = [found for found in move.decide(deal, context, at).findings if found.severity == "required"]
                return sum(found.status == "met" for found in asked) / len(asked) if asked else 1.0
        return 1.0

    # Behind the verbs

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


def _single(ways: list[Move]) -> dict[str, Move]:
    """The moves out of a stage that their trigger alone names."""
    triggers = [way.trigger for way in ways]
    return {way.trigger: way for way in ways if triggers.count(way.trigger) == 1}
