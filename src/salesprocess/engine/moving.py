"""One deal under way: marked while it moves, put back if anything raises."""

from __future__ import annotations

from collections.abc import Awaitable
from inspect import iscoroutine
from typing import TYPE_CHECKING, Any, NamedTuple

from salesprocess.engine.deal_access import as_host_writes
from salesprocess.engine.hooks import FailedEvent, HookEvent, MovedEvent, Veto
from salesprocess.engine.refusals import vetoed
from salesprocess.errors import DealError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from enum import Enum

    from pydantic import JsonValue

    from salesprocess.engine.compiled import CompiledMove
    from salesprocess.engine.deal_access import DealAccess
    from salesprocess.engine.decision import Decision, Override
    from salesprocess.engine.hooks import Hook
    from salesprocess.history.change import StageChange


class Call(NamedTuple):
    """What a caller gave to a verb of the engine."""

    verb: str
    trigger: str | None
    to: str | Enum | None = None
    by: str | None = None
    reason: str | None = None
    at: datetime | None = None
    expect: str | int | Enum | None = None
    override: Override | None = None
    context: Mapping[str, object] | None = None
    metadata: Mapping[str, JsonValue] | None = None
    copies: bool = False


class Decided(NamedTuple):
    """A decision on a deal, with the move that it is about, if it is about one, and the deal as it was read."""

    move: CompiledMove | None
    decision: Decision
    was: object
    seq: int | None


class VetoedBeforeWrite(Exception):  # noqa: N818 - a message between two modules, not a failure
    """Carries the refusal of a move that a hook vetoed before the write."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(decision)


class MovesUnderWay:
    """Makes decided moves: marks the deal, runs the hooks, writes the stage, and undoes all of it where one raises."""

    def __init__(self, access: DealAccess) -> None:
        self._access = access
        # The changes under way, by the id of their deal.
        self._moving: dict[int, StageChange] = {}

    def run(  # noqa: C901, PLR0912 - written out, since a move spends its time here
        self,
        deal: Any,
        was: object,
        compiled: CompiledMove,
        decision: Decision,
        change: StageChange,
        context: Mapping[str, object] | None,
        copies: bool = False,  # noqa: FBT001, FBT002 - a name costs as much as two of these lines
    ) -> Any:
        """Run the hooks and put the deal, or a copy of it, in its new stage; return what is in the new stage.

        If anything raises, the deal is put back and the exception is raised as it is.
        """
        access = self._access
        known = access.classes[deal.__class__]
        # One atomic step, so that of two threads only one gets the deal.
        if self._moving.setdefault(id(deal), change) is not change:
            raise self._taken(deal, change)
        hook: Hook | None = None
        begun = written = False
        try:
            # Another thread may have moved the deal between the decision and the mark.
            if not known.is_plain or change.seq is not None or change.source is None or known.stage_of(deal) != was:
                self._refuse_moved(deal, was, change)
            begun = True
            if compiled.first:
                event = HookEvent(deal, decision, context)
                for hook in compiled.first:
                    if (result := hook(event)) is not None:
                        refuse_awaitable(hook, result)
                hook = None
            dest: object = compiled.dest
            if was.__class__ is not str:
                dest = as_host_writes(compiled.dest, was)
            if copies:
                moved = access.copied(deal, dest, change.seq)
            else:
                moved = deal
                if change.seq is None and known.is_plain:
                    known.set(deal, access.stage, dest)
                else:
                    access.write(deal, dest, change.seq)
            written = True
            if compiled.then:
                event = MovedEvent(moved, decision, context, change)
                for hook in compiled.then:
                    if (result := hook(event)) is not None:
                        refuse_awaitable(hook, result)
        except BaseException as error:
            if begun:
                self._undo(deal, was, change, error)
            if isinstance(error, Veto) and not written:
                raise VetoedBeforeWrite(vetoed(compiled, str(error))) from error
            if hook is not None and compiled.failed:
                self._tell(compiled.failed, FailedEvent(deal, decision, context, hook, error), error)
            raise
        finally:
            del self._moving[id(deal)]
        return moved

    async def arun(
        self,
        deal: Any,
        was: object,
        compiled: CompiledMove,
        decision: Decision,
        change: StageChange,
        context: Mapping[str, object] | None,
        copies: bool = False,  # noqa: FBT001, FBT002 - the same
    ) -> Any:
        """Do the same as `run`, awaiting the async hooks among the others: one at a time, in order."""
        if self._moving.setdefault(id(deal), change) is not change:
            raise self._taken(deal, change)
        hook: Hook | None = None
        begun = written = False
        try:
            self._refuse_moved(deal, was, change)
            begun = True
            event = HookEvent(deal, decision, context)
            for hook in compiled.first:
                await awaited(hook(event))
            hook = None
            dest = compiled.dest if was.__class__ is str else as_host_writes(compiled.dest, was)
            moved = self._access.copied(deal, dest, change.seq) if copies else deal
            if not copies:
                self._access.write(deal, dest, change.seq)
            written = True
            event = MovedEvent(moved, decision, context, change)
            for hook in compiled.then:
                await awaited(hook(event))
        except BaseException as error:
            if begun:
                self._undo(deal, was, change, error)
            if isinstance(error, Veto) and not written:
                raise VetoedBeforeWrite(vetoed(compiled, str(error))) from error
            if hook is not None and compiled.failed:
                await self._atell(compiled.failed, FailedEvent(deal, decision, context, hook, error), error)
            raise
        finally:
            del self._moving[id(deal)]
        return moved

    def _stage_is(self, deal: Any, was: object) -> bool:
        try:
            return bool(self._access.classes[deal.__class__].stage_of(deal) == was)
        except (AttributeError, KeyError):
            return False

    def _taken(self, deal: Any, change: StageChange) -> DealError:
        other = self._moving.get(id(deal), change)
        return DealError(f"{_named(change)} cannot begin: {_named(other)} is under way on the same deal", found=deal)

    def _refuse_moved(self, deal: Any, was: object, change: StageChange) -> None:
        """Refuse a deal that has been moved since the decision."""
        if self._access.read(deal) != (was, None if change.seq is None else change.seq - 1):
            raise DealError(
                f"{_named(change)} cannot begin: the deal has been moved since that was decided", found=deal
            )

    def _undo(self, deal: Any, was: object, change: StageChange, error: BaseException) -> None:
        """Put the deal back where it was; note on the error where that fails."""
        try:
            self._access.restore(deal, was, None if change.seq is None else change.seq - 1)
        except Exception as failure:  # noqa: BLE001 - the first error is the one to raise
            error.add_note(f"and the deal could not be put back into stage {was!r}: {failure!r}")

    def _tell(self, hooks: Sequence[Hook], event: FailedEvent[Any], error: BaseException) -> None:
        for hook in hooks:
            try:
                refuse_awaitable(hook, hook(event))
            except Exception as failure:  # noqa: BLE001 - the first error is the one to raise
                error.add_note(f"and the hook {hook!r} for failed hooks raised {failure!r}")

    async def _atell(self, hooks: Sequence[Hook], event: FailedEvent[Any], error: BaseException) -> None:
        for hook in hooks:
            try:
                await awaited(hook(event))
            except Exception as failure:  # noqa: BLE001 - the first error is the one to raise
                error.add_note(f"and the hook {hook!r} for failed hooks raised {failure!r}")


def _named(change: StageChange) -> str:
    origin = "" if change.source is None else f" from {change.source!r}"
    return f"{change.trigger!r}{origin} to {change.dest!r}"


async def awaited(result: object) -> None:
    """Wait for what an async hook returned; ignore what a plain hook did."""
    if isinstance(result, Awaitable):
        await result


def refuse_awaitable(hook: Hook, result: object) -> None:
    """Refuse a hook that turns out to be async only when it is called.

    Raises:
        TypeError: if the result must be awaited.
    """
    if result is not None and isinstance(result, Awaitable):
        if iscoroutine(result):
            result.close()
        raise TypeError(f"{hook!r} returned an awaitable: use the verb that awaits it, such as afire()")


def first_of(failures: Sequence[BaseException], refusal: BaseException) -> BaseException:
    """Return what to raise after the hooks for a refusal: the first of their errors, or the refusal itself."""
    if not failures:
        return refusal
    first, *others = failures
    first.__cause__ = refusal
    for other in others:
        first.add_note(f"and another hook raised {other!r}")
    return first
