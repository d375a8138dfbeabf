"""Stand-ins for what a host hands to its engine: a clock that stands still, and hooks that only take note."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from salesprocess.engine.hooks import HookEvent, Hooks, Phase

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FrozenClock", "RecordingHooks", "Seen"]

DealT = TypeVar("DealT")

_A_MONDAY = datetime(2026, 1, 5, 9, tzinfo=UTC)


class FrozenClock:
    """A clock for `Engine(clock=...)` that moves only when told to.

    >>> clock = FrozenClock()
    >>> clock.advance(timedelta(days=7))
    >>> clock().isoformat()
    '2026-01-12T09:00:00+00:00'
    """

    def __init__(self, at: datetime = _A_MONDAY) -> None:
        self.at: datetime = at

    def __call__(self) -> datetime:
        """Return the time at which the clock stands."""
        return self.at

    def advance(self, by: timedelta) -> None:
        """Move the clock forward."""
        self.at += by

    def __repr__(self) -> str:
        return f"FrozenClock({self.at.isoformat()})"


class Seen(NamedTuple):
    """One hook that ran: in which phase, for which move."""

    phase: Phase
    trigger: str | None
    source: str | None
    dest: str | None


class RecordingHooks(Hooks[DealT], Generic[DealT]):
    """Hooks that note each event in `seen`, in the order in which an engine runs them.

    Combine them with the host's own: `Engine(process, hooks=own | recording)`.

    >>> from salesprocess import Engine
    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> hooks = RecordingHooks()
    >>> change = Engine(SEVEN_STAGE, hooks=hooks).fire({"stage": "qualifying"}, "lose", reason="no budget")
    >>> [seen.phase for seen in hooks.seen]
    ['before', 'exit', 'enter', 'after', 'lost']
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Seen] = []
        self.events: list[HookEvent[DealT]] = []
        for phase in ("before", "exit", "enter", "after", "won", "lost", "refused"):
            getattr(self, phase)(self._noting(phase))

    def _noting(self, phase: Phase) -> Callable[[HookEvent[DealT]], None]:
        def note(event: HookEvent[DealT]) -> None:
            decision = event.decision
            self.seen.append(Seen(phase, decision.trigger, decision.source, decision.dest))
            self.events.append(event)

        return note
