"""Hooks: the host's own functions, run around a move."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeAlias, overload

from salesprocess._text import suggestion
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
Phase: TypeAlias = Literal["before", "exit", "enter", "after", "won", "lost", "refused"]


class Veto(Exception):  # noqa: N818 - a hook's word, not a failure
    """Raised by a hook before the write: refuses the move, in the host's words."""


class HookEvent(Generic[DealT_co]):
    """What a hook gets: a view of the move, not to be changed.

    `change` is `None` until the stage is written, and in `refused` hooks.
    """

    __slots__ = ("_change", "_context", "_deal", "_decision")

    def __init__(self, deal: DealT_co, decision: Decision, context: Mapping[str, object] | None) -> None:
        self._deal = deal
        self._decision = decision
        self._context = context
        self._change: StageChange | None = None

    @property
    def deal(self) -> DealT_co:
        """The host's deal; from the write on, in its new stage."""
        return self._deal

    @property
    def decision(self) -> Decision:
        """The decision that let the move through, or refused it."""
        return self._decision

    @property
    def change(self) -> StageChange | None:
        """The record of the move, once the stage is written."""
        return self._change

    @property
    def context(self) -> Mapping[str, object]:
        """What the caller said with `context=`; empty where nothing was."""
        return {} if self._context is None else self._context

    def __repr__(self) -> str:
        return f"<HookEvent {self._decision.trigger!r} on {self._deal!r}>"


Hook: TypeAlias = Callable[[HookEvent[Any]], Any]
# What a decorator takes and gives back: a function of an event on a deal of the host's type.
HookOn: TypeAlias = Callable[[HookEvent[DealT]], ResultT]


class _Entry(NamedTuple):
    phase: Phase
    name: str | None
    hook: Hook


class Hooks(Generic[DealT]):
    """The hooks of an application, as a value: built once, handed to an engine, combined with `|`.

    Around a move they run in the order before, exit, *write*, enter, after, and then won or lost; within a phase in
    the order given. Each decorator takes triggers (`before`, `after`, `refused`) or stages (`enter`, `exit`), or none
    for all of them.

    >>> hooks = Hooks()
    >>> @hooks.enter("closing")
    ... def call_legal(event):
    ...     print("legal:", event.change.dest)
    """

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._handed_over = False

    @overload
    def before(self, hook: HookOn[DealT, ResultT], /) -> HookOn[DealT, ResultT]: ...
    @overload
    def before(self, *names: str) -> Callable[[HookOn[DealT, ResultT]], HookOn[DealT, ResultT]]: ...
    def before(self, *names: Any) -> Any:
        """Before anything is written; may raise `Veto`. By trigger, or for all."""
        return self._add("before", names)

    @overload
    def after(self, hook: HookOn[DealT, ResultT], /) -> HookOn[DealT, ResultT]: ...
    @overload
    def after(self, *names: str) -> Callable[[HookOn[DealT, ResultT]], HookOn[DealT, ResultT]]: ...
    def after(self, *names: Any) -> Any:
        """When the deal is in its new stage. By trigger, or for all."""
        return self._add("after", names)

    @overload
    def enter(self, hook: HookOn[DealT, ResultT], /) -> HookOn[DealT, ResultT]: ...
    @overload
    def enter(self, *names: str) -> Callable[[HookOn[DealT, ResultT]], HookOn[DealT, ResultT]]: ...
    def enter(self, *names: Any) -> Any:
        """When the deal has entered a stage. By stage, or for all."""
        return self._add("enter", names)

    @overload
    def exit(self, hook: HookOn[DealT, ResultT], /) -> HookOn[DealT, ResultT]: ...
    @overload
    def exit(self, *names: str) -> Callable[[HookOn[DealT, ResultT]], HookOn[DealT, ResultT]]: ...
    def exit(self, *names: Any) -> Any:
        """Before the deal leaves a stage; may raise `Veto`. By stage, or for all."""
        return self._add("exit", names)

    @overload
    def refused(self, hook: HookOn[DealT, ResultT], /) -> HookOn[DealT, ResultT]: ...
    @overload
    def refused(self, *names: str) -> Callable[[HookOn[DealT, ResultT]], HookOn[DealT, ResultT]]: ...
    def refused(self, *names: Any) -> Any:
        """When `fire` refuses a move. By trigger, or for all."""
        return self._add("refused", names)

    def won(self, hook: HookOn[DealT, ResultT]) -> HookOn[DealT, ResultT]:
        """When a deal has entered a won stage from one that is not."""
        self._append("won", None, hook)
        return hook

    def lost(self, hook: HookOn[DealT, ResultT]) -> HookOn[DealT, ResultT]:
        """When a deal has entered a lost stage from one that is not."""
        self._append("lost", None, hook)
        return hook

    def _add(self, phase: Phase, names: tuple[Any, ...]) -> Any:
        if len(names) == 1 and callable(names[0]):
            self._append(phase, None, names[0])
            return names[0]

        def register(hook: Hook) -> Hook:
            for name in names or (None,):
                self._append(phase, name, hook)
            return hook

        return register

    def _append(self, phase: Phase, name: str | None, hook: Hook) -> None:
        if self._handed_over:
            raise RuntimeError(
                "these hooks are an engine's already, which would not run this one: add hooks before Engine(...)"
            )
        self._entries.append(_Entry(phase, name, hook))

    def __or__(self, other: Hooks[DealT]) -> Hooks[DealT]:
        both: Hooks[DealT] = Hooks()
        both._entries = [*self._entries, *other._entries]
        return both

    def __iter__(self) -> Iterator[tuple[Phase, str | None, Hook]]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def problems(self, process: SalesProcess) -> list[Problem]:
        """One problem for each trigger or stage that a hook names and the process lacks."""
        triggers = {transition.trigger for transition in process.transitions} | {START}
        stages = {stage.key for stage in process.stages}
        return [
            Problem("unknown_hook", f"hooks.{phase}", f"no {what} {name!r}{suggestion(name, known)}")
            for phase, name, _ in self._entries
            for what, known in [("stage", stages) if phase in {"enter", "exit"} else ("trigger", triggers)]
            if name is not None and name not in known
        ]

    def hand_over(self) -> BoundHooks:
        """The hooks as an engine runs them; from here on none can be added."""
        self._handed_over = True
        return BoundHooks(tuple(self._entries))


class BoundHooks:
    """Hooks whose names a process has, in the order in which they run."""

    def __init__(self, entries: tuple[_Entry, ...] = ()) -> None:
        self._entries = entries
        self.first_async: Hook | None = next((hook for _, _, hook in entries if is_async(hook)), None)

    def of(self, phase: Phase, name: str | None) -> Iterator[Hook]:
        """The hooks of a phase for a trigger or stage, in the order given."""
        return (entry.hook for entry in self._entries if entry.phase == phase and entry.name in {None, name})


def is_async(hook: Hook) -> bool:
    """Whether calling the hook gives a coroutine."""
    while isinstance(hook, partial):
        hook = hook.func
    return inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(getattr(hook, "__call__", None))  # noqa: B004
