"""Listening to engines from outside, so that the core has nothing in it for tests and costs what it costs.

For as long as somebody watches, methods of `Engine` are replaced by ones that pass on what they return.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from salesprocess.engine import Engine
from salesprocess.engine.moving import MovesUnderWay
from salesprocess.errors import TransitionRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from salesprocess.engine.compiled import CompiledMove
    from salesprocess.engine.decision import Decision, Plan
    from salesprocess.history.change import StageChange
    from salesprocess.process import SalesProcess


class Account(Protocol):
    """Receives what the engines of one process decide and do."""

    def note_decision(self, decision: Decision) -> None:
        """Record a decision on a deal that is in the decision's stage."""

    def note_findings(self, decision: Decision) -> None:
        """Record the findings of a decision on a deal that may be in another stage."""

    def note_change(self, change: StageChange) -> None:
        """Record a move that was made."""


Note: TypeAlias = "Callable[[Any, tuple[Any, ...], Any], None]"


def _options(account: Account, _arguments: tuple[Any, ...], decisions: tuple[Decision, ...]) -> None:
    for decision in decisions:
        account.note_decision(decision)


def _plan(account: Account, _arguments: tuple[Any, ...], plan: Plan) -> None:
    for step in plan.steps:
        account.note_findings(step)


def _change(account: Account, _arguments: tuple[Any, ...], change: StageChange) -> None:
    account.note_change(change)


# What a verb that moves a deal decided is passed to `MovesUnderWay`; the verb returns the change alone.
_NOTES: dict[str, Note] = {
    "__init__": lambda _account, _arguments, _nothing: None,
    "check": lambda account, _arguments, decision: account.note_decision(decision),
    "options": _options,
    "plan": _plan,
    "fire": _change,
    "afire": _change,
    "start": _change,
    "transition": lambda account, _arguments, result: account.note_change(result[1]),
    "atransition": lambda account, _arguments, result: account.note_change(result[1]),
}


@contextmanager
def watching(account_of: Callable[[SalesProcess], Account]) -> Iterator[None]:
    """Pass on what every engine decides and does inside the `with` block; engines are unchanged afterwards."""
    # A fingerprint takes a while, so a process is looked up once; it is kept, so that its id stays its own.
    known: dict[int, tuple[SalesProcess, Account]] = {}

    def account_of_process(process: SalesProcess) -> Account:
        if id(process) not in known:
            known[id(process)] = process, account_of(process)
        return known[id(process)][1]

    def account_for(engine: Engine[Any]) -> Account:
        return account_of_process(engine.process)

    with ExitStack() as undo:
        for name, note in _NOTES.items():
            original = vars(Engine)[name]
            undo.callback(setattr, Engine, name, original)
            setattr(Engine, name, _noting(original, note, account_for))
        for name in ("run", "arun"):
            original = vars(MovesUnderWay)[name]
            undo.callback(setattr, MovesUnderWay, name, original)
            setattr(MovesUnderWay, name, _noting_move(original, account_of_process))
        yield


def _noting_move(original: Callable[..., Any], account_of: Callable[[SalesProcess], Account]) -> Callable[..., Any]:
    """Return the method that makes a decided move, which passes on the decision first."""

    @functools.wraps(original)
    def noting(
        moves: MovesUnderWay, deal: Any, was: Any, compiled: CompiledMove, decision: Decision, *args: Any
    ) -> Any:
        account_of(compiled.process).note_findings(decision)
        return original(moves, deal, was, compiled, decision, *args)

    return noting


def _noting(
    original: Callable[..., Any], note: Note, account_for: Callable[[Engine[Any]], Account]
) -> Callable[..., Any]:
    """Return the method wrapped, so that its result, or the decision of a refusal that it raises, is passed on."""
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def noting_later(engine: Engine[Any], /, *args: Any, **kwargs: Any) -> Any:
            with _noting_refusal(engine, account_for):
                result = await original(engine, *args, **kwargs)
            note(account_for(engine), args, result)
            return result

        return noting_later

    @functools.wraps(original)
    def noting(engine: Engine[Any], /, *args: Any, **kwargs: Any) -> Any:
        with _noting_refusal(engine, account_for):
            result = original(engine, *args, **kwargs)
        note(account_for(engine), args, result)
        return result

    return noting


@contextmanager
def _noting_refusal(engine: Engine[Any], account_for: Callable[[Engine[Any]], Account]) -> Iterator[None]:
    try:
        yield
    except TransitionRefused as refusal:
        account_for(engine).note_decision(refusal.decision)
        raise
