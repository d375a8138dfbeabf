"""Hooks: the host's own functions, run around a move."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NamedTuple, TypeAlias, get_args, overload

from salesprocess._text import unknown
from salesprocess.errors import Problem
from salesprocess.process.stages import START

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    from salesprocess.engine.decision import Decision
    from salesprocess.history.change import StageChange
    from salesprocess.process import SalesProcess
else:
    from typing import TypeVar

if TYPE_CHECKING:
    # Hooks and engines of no deal type in particular take any; only type checkers need to know.
    DealT = TypeVar("DealT", default=Any)
    DealT_co = TypeVar("DealT_co", covariant=True, default=Any)
    ResultT = TypeVar("ResultT", default=Any)
else:
    DealT, DealT_co, ResultT = TypeVar("DealT"), TypeVar("DealT_co", covariant=True), TypeVar("ResultT")
Phase: TypeAlias = Literal["before", "exit", "enter", "after", "won", "lost", "refused", "failed"]
# The phases whose hooks are named by stage; the others are named by trigger.
_BY_STAGE: Final = frozenset({"enter", "exit"})


class Veto(Exception):  # noqa: N818 - a hook's word, not a failure
    """Raised by a hook before the write: refuses the move, in the host's words."""


class HookEvent(Generic[DealT_co]):
    """What a hook gets: a view of the move, which it cannot change."""

    __slots__ = ("_context", "_deal", "_decision")

    def __init__(self, deal: DealT_co, decision: Decision, context: Mapping[str, object] | None) -> None:
        self._deal = deal
        self._decision = decision
        self._context = context

    @property
    def deal(self) -> DealT_co:
        """The host's deal; in the hooks after the write, in its new stage."""
        return self._deal

    @property
    def decision(self) -> Decision:
        """The decision that let the move through, or refused it."""
        return self._decision

    @property
    def context(self) -> Mapping[str, object]:
        """What the caller gave as `context=`; empty where nothing was given."""
        return {} if self._context is None else self._context

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._decision.trigger!r} on {self._deal!r}>"


class MovedEvent(HookEvent[DealT_co]):
    """What the hooks after the write get: the move with its record."""

    __slots__ = ("_change",)

    def __init__(
        self, deal: DealT_co, decision: Decision, context: Mapping[str, object] | None, change: StageChange
    ) -> None:
        # Written out, since a call of the base's constructor costs as much as all of this.
        self._deal = deal
        self._decision = decision
        self._context = context
        self._change = change

    @property
    def change(self) -> StageChange:
        """The record of the move."""
        return self._change


class FailedEvent(HookEvent[DealT_co]):
    """What the hooks for a failed hook get, once the deal has been put back."""

    __slots__ = ("_error", "_hook")

    def __init__(
        self,
        deal: DealT_co,
        decision: Decision,
        context: Mapping[str, object] | None,
        hook: Hook,
        error: BaseException,
    ) -> None:
        super().__init__(deal, decision, context)
        self._hook = hook
        self._error = error

    @property
    def hook(self) -> Hook:
        """The hook that raised."""
        return self._hook

    @property
    def error(self) -> BaseException:
        """What it raised."""
        return self._error


Hook: TypeAlias = Callable[[Any], Any]
EventT = TypeVar("EventT")


class _Entry(NamedTuple):
    phase: Phase
    name: str | None
    source: str | None
    dest: str | None
    hook: Hook


class AddHook(Generic[EventT]):
    """The decorator of one phase, with names or without: `@hooks.after`, `@hooks.after("win", dest="customer")`."""

    __slots__ = ("_entries", "_phase")

    def __init__(self, entries: _Entries, phase: Phase) -> None:
        self._entries = entries
        self._phase: Phase = phase

    @overload
    def __call__(self, hook: Callable[[EventT], ResultT], /) -> Callable[[EventT], ResultT]: ...
    @overload
    def __call__(
        self, *names: str, source: str | None = None, dest: str | None = None
    ) -> Callable[[Callable[[EventT], ResultT]], Callable[[EventT], ResultT]]: ...
    def __call__(self, *names: Any, source: str | None = None, dest: str | None = None) -> Any:
        """Add a hook, and return it as it is; with names, return the decorator that does."""
        if len(names) == 1 and callable(names[0]):
            return self._register((None,), source, dest, names[0])
        return partial(self._register, names or (None,), source, dest)

    def _register(self, names: tuple[str | None, ...], source: str | None, dest: str | None, hook: Hook) -> Hook:
        self._entries.extend(_Entry(self._phase, name, source, dest, hook) for name in names)
        return hook


class _Entries(list[_Entry]):
    """The hooks in the order given; closed once an engine has them."""

    closed = False

    def extend(self, entries: Iterable[_Entry]) -> None:
        if self.closed:
            raise RuntimeError(
                "these hooks are an engine's already, which would not run this one: add hooks before Engine(...)"
            )
        super().extend(entries)


class Hooks(Generic[DealT]):
    """The hooks of an application, as a value: built once, handed to an engine, combined with `|`.

    Around a move they run in the order `before`, `exit`, *write*, `enter`, `after`, then `won` or `lost`; within a
    phase in the order given. `refused` hooks run when a move is refused, `failed` hooks when a hook raised and the
    deal has been put back. Each decorator takes triggers (`before`, `after`, `refused`, `failed`) or stages (`enter`,
    `exit`), or no name for all of them; `source=` and `dest=` limit it to moves between these stages.

    >>> hooks = Hooks()
    >>> @hooks.enter("closing")
    ... def call_legal(event):
    ...     print("legal:", event.change.dest)
    """

    before: AddHook[HookEvent[DealT]]
    exit: AddHook[HookEvent[DealT]]
    enter: AddHook[MovedEvent[DealT]]
    after: AddHook[MovedEvent[DealT]]
    won: AddHook[MovedEvent[DealT]]
    lost: AddHook[MovedEvent[DealT]]
    refused: AddHook[HookEvent[DealT]]
    failed: AddHook[FailedEvent[DealT]]

    def __init__(self) -> None:
        self._entries = _Entries()
        for phase in get_args(Phase):
            setattr(self, phase, AddHook(self._entries, phase))

    def __or__(self, other: Hooks[DealT]) -> Hooks[DealT]:
        both: Hooks[DealT] = Hooks()
        both._entries.extend([*self._entries, *other._entries])
        return both

    def __iter__(self) -> Iterator[tuple[Phase, str | None, Hook]]:
        return ((entry.phase, entry.name, entry.hook) for entry in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def problems(self, process: SalesProcess) -> list[Problem]:
        """Return one problem for each unknown trigger or stage that a hook names."""
        triggers = {transition.trigger for transition in process.transitions} | {START}
        stages = {stage.key for stage in process.stages}
        return [
            Problem("unknown_hook", f"hooks.{entry.phase}", unknown(what, name, known))
            for entry in self._entries
            for what, name, known in (
                ("stage", entry.name, stages) if entry.phase in _BY_STAGE else ("trigger", entry.name, triggers),
                ("stage", entry.source, stages),
                ("stage", entry.dest, stages),
            )
            if name is not None and name not in known
        ]

    def hand_over(self) -> BoundHooks:
        """Return the hooks as an engine runs them; from here on none can be added."""
        self._entries.closed = True
        return BoundHooks(tuple(self._entries))


class BoundHooks:
    """The hooks of an engine, in the order in which they run."""

    def __init__(self, entries: tuple[_Entry, ...]) -> None:
        self._entries = entries
        self.first_async: Hook | None = next((entry.hook for entry in entries if is_async(entry.hook)), None)

    def of(self, phase: Phase, name: str | None, source: str | None, dest: str | None) -> Iterator[Hook]:
        """Yield the hooks of a phase for a trigger or stage, on a move between two stages, in the order given."""
        for entry in self._entries:
            asked = ((entry.name, name), (entry.source, source), (entry.dest, dest))
            if entry.phase == phase and all(given in {None, actual} for given, actual in asked):
                yield entry.hook


def is_async(hook: Hook) -> bool:
    """Whether calling the hook gives a coroutine."""
    while isinstance(hook, partial):
        hook = hook.func
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None))  # noqa: B004
