"""One move of one deal under way: marked while it lasts, undone if anything raises."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import iscoroutine
from typing import TYPE_CHECKING

from salesprocess.engine.deal_access import same_kind
from salesprocess.engine.hooks import DealT, HookEvent
from salesprocess.errors import DealError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from salesprocess.engine.deal_access import Access
    from salesprocess.engine.decision import Decision
    from salesprocess.engine.hooks import Hook
    from salesprocess.history.change import StageChange


class Passage(HookEvent[DealT]):
    """The time from the first hook of a move to the last, on a deal that nobody else may move meanwhile.

    It is itself the event that the hooks get.
    """

    __slots__ = ("_copies", "_origin", "_seq", "_was")

    def __init__(
        self,
        deal: DealT,
        decision: Decision,
        context: Mapping[str, object] | None,
        was: object,
        seq: int | None,
        copies: bool = False,  # noqa: FBT001, FBT002 - a name costs as much as two of these lines
    ) -> None:
        # Written out, since a call of the base's constructor costs as much as all of this.
        self._deal = self._origin = deal
        self._decision = decision
        self._context = context
        self._change = None
        self._was = was
        self._seq = seq
        self._copies = copies

    def begin(self, moving: dict[int, Passage[DealT]], access: Access) -> None:
        """Marks the deal as being moved, until it is taken out again.

        Raises:
            DealError: if it is being moved already, or has been since it was read.
        """
        # One atomic step, so that of two threads only one gets the deal.
        other = moving.setdefault(id(self._origin), self)
        if other is not self:
            raise DealError(f"{self} cannot begin: {other} is under way on the same deal", found=self._origin)
        # Another thread may have come and gone between the decision and the claim.
        if not access.is_still(self._origin, self._was, self._seq):
            del moving[id(self._origin)]
            raise DealError(f"{self} cannot begin: the deal has been moved since that was decided", found=self._origin)

    def write(self, change: StageChange, access: Access) -> DealT:
        """Puts the deal, or a copy of it, in its new stage; from here on the hooks see that and the change."""
        self._change = change
        was, stage, seq = self._was, change.dest, change.seq
        if type(was) is not str:
            stage = same_kind(stage, was)
        if self._copies:
            self._deal = access.copied(self._origin, stage, seq)
        elif stage != was or seq != self._seq:
            access.write(self._origin, stage, seq)
        return self._deal

    def undo(self, error: BaseException, access: Access) -> None:
        """Puts the deal back where it was, if it is elsewhere; a failure to do so is noted on the error."""
        try:
            if access.peek(self._origin) != (self._was, self._seq):
                access.restore(self._origin, self._was, self._seq)
        except Exception as failure:  # noqa: BLE001 - the first error is the one to raise
            error.add_note(f"and the deal could not be put back into stage {self._was!r}: {failure!r}")

    def __str__(self) -> str:
        decision = self._decision
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
