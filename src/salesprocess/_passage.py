"""One move of one deal under way: marked while it lasts, undone if anything raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from salesprocess._access import same_kind
from salesprocess.errors import DealError

if TYPE_CHECKING:
    from types import TracebackType

    from salesprocess._access import Access
    from salesprocess.decision import StageChange
    from salesprocess.hooks import HookEvent


class Passage:
    """The time from the first hook of a move to the last, on a deal that nobody else may move meanwhile."""

    __slots__ = ("_access", "_deal", "_event", "_moving", "_seq", "_was", "written")

    def __init__(
        self, event: HookEvent[Any], access: Access, moving: dict[int, Passage], was: object, seq: int | None
    ) -> None:
        self._deal = event.deal
        self._event = event
        self._access = access
        self._moving = moving
        self._was = was
        self._seq = seq
        self.written = False

    def write(self, change: StageChange) -> None:
        """Puts the deal in its new stage; from here on the hooks see the change."""
        self.written = True
        self._access.write(self._deal, same_kind(change.dest, self._was), change.seq)
        self._event._change = change  # noqa: SLF001 - a view for hooks, filled from here alone

    def write_copy(self, change: StageChange) -> Any:
        """Makes the copy of the deal in its new stage, which is the deal that the hooks see from here on."""
        self.written = True
        changed = self._access.copied(self._deal, same_kind(change.dest, self._was), change.seq)
        self._event._deal, self._event._change = changed, change  # noqa: SLF001
        return changed

    def __enter__(self) -> Self:
        # One atomic step, so that of two threads only one gets the deal.
        other = self._moving.setdefault(id(self._deal), self)
        if other is not self:
            raise DealError(
                f"{self} was asked for while {other} is under way on the same deal: fire it when that has returned",
                found=self._deal,
            )
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self._undo(error)
        finally:
            del self._moving[id(self._deal)]

    def _undo(self, error: BaseException) -> None:
        """Puts the deal back where it was, if it is elsewhere; a failure to do so is noted on the error."""
        try:
            if self._access.look(self._deal) != (self._was, self._seq):
                self._access.write(self._deal, self._was, self._seq)
        except Exception as failure:  # noqa: BLE001 - the first error is the one to raise
            error.add_note(f"and the deal could not be put back into stage {self._was!r}: {failure!r}")

    def __str__(self) -> str:
        decision = self._event.decision
        return f"{decision.trigger!r} from {decision.source!r} to {decision.dest!r}"
