"""One move of one deal under way: marked while it lasts, undone if anything raises."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import iscoroutine
from typing import TYPE_CHECKING, Generic, Self, TypeVar

from salesprocess._access import same_kind
from salesprocess.errors import DealError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from salesprocess._access import Access
    from salesprocess.decision import StageChange
    from salesprocess.hooks import Hook, HookEvent

DealT = TypeVar("DealT")


class Passage(Generic[DealT]):
    """The time from the first hook of a move to the last, on a deal that nobody else may move meanwhile."""

    __slots__ = ("_access", "_copies", "_deal", "_moving", "_seq", "_was", "event", "written")

    def __init__(
        self,
        event: HookEvent[DealT],
        access: Access,
        moving: dict[int, Passage[DealT]],
        was: object,
        seq: int | None,
        *,
        copies: bool,
    ) -> None:
        self.event = event
        self.written = False
        self._deal = event.deal
        self._access = access
        self._moving = moving
        self._was = was
        self._seq = seq
        self._copies = copies

    def write(self, change: StageChange) -> DealT:
        """Puts the deal, or a copy of it, in its new stage; from here on the hooks see that and the change."""
        self.written = True
        deal, stage = self._deal, same_kind(change.dest, self._was)
        if self._copies:
            deal = self._access.copied(deal, stage, change.seq)
            self.event._deal = deal  # noqa: SLF001 - a view for hooks, filled from here alone
        elif (stage, change.seq) != (self._was, self._seq):
            self._access.write(deal, stage, change.seq)
        self.event._change = change  # noqa: SLF001
        return deal

    def __enter__(self) -> Self:
        # One atomic step, so that of two threads only one gets the deal.
        other = self._moving.setdefault(id(self._deal), self)
        if other is not self:
            raise DealError(f"{self} cannot begin: {other} is under way on the same deal", found=self._deal)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self._undo(error)
        finally:
            del self._moving[id(self._deal)]

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _undo(self, error: BaseException) -> None:
        """Puts the deal back where it was, if it is elsewhere; a failure to do so is noted on the error."""
        try:
            if self._access.peek(self._deal) != (self._was, self._seq):
                self._access.restore(self._deal, self._was, self._seq)
        except Exception as failure:  # noqa: BLE001 - the first error is the one to raise
            error.add_note(f"and the deal could not be put back into stage {self._was!r}: {failure!r}")

    def __str__(self) -> str:
        decision = self.event.decision
        return f"{decision.trigger!r} from {decision.source!r} to {decision.dest!r}"


async def awaited(result: object) -> None:
    """Waits for what an async hook returned; of a plain hook's result nothing is made."""
    if isinstance(result, Awaitable):
        await result


def refuse_awaitable(hook: Hook, result: object) -> None:
    """Raises for a hook that turned out to be async only when it was called."""
    if result is not None and isinstance(result, Awaitable):
        if iscoroutine(result):
            result.close()
        raise TypeError(f"{hook!r} returned an awaitable: use afire(), which awaits it")


def first_of(failures: Sequence[BaseException], refusal: BaseException) -> BaseException:
    """What to raise after the hooks of a refusal: the first of their errors, with the others noted, or the refusal."""
    if not failures:
        return refusal
    first, *others = failures
    first.__cause__ = refusal
    for other in others:
        first.add_note(f"and another hook raised {other!r}")
    return first
