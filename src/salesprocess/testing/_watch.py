"""Listening to engines from outside, so that the core has nothing in it for tests and costs what it costs.

For as long as somebody watches, methods of `Engine` are replaced by ones that pass on what they return.
"""

from __future__ import annotations

import functools
import inspect
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from salesprocess.engine import Engine
from salesprocess.errors import TransitionRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from salesprocess.decision import Decision, StageChange
    from salesprocess.process import SalesProcess


class Account(Protocol):
    """What takes note, one a process."""

    def note_decision(self, decision: Decision) -> None:
        """A move was decided, on a deal that is where the decision says."""

    def note_findings(self, decision: Decision) -> None:
        """A move was decided, on a deal that may be elsewhere."""

    def note_change(self, change: StageChange) -> None:
        """A move was made."""


def _each(account: Account, decisions: tuple[Decision, ...]) -> None:
    for decision in decisions:
        account.note_decision(decision)


def _steps(account: Account, plan: Any) -> None:
    for step in plan.steps:
        account.note_findings(step)


# `_find` is where every verb that moves a deal has its decision from; what they return is the change alone.
_NOTES: dict[str, Callable[[Any, Any], None]] = {
    "__init__": lambda _account, _nothing: None,
    "check": lambda account, decision: account.note_decision(decision),
    "options": _each,
    "plan": _steps,
    "_find": lambda account, found: account.note_decision(found[1]),
    "fire": lambda account, change: account.note_change(change),
    "afire": lambda account, change: account.note_change(change),
    "start": lambda account, change: account.note_change(change),
    "transition": lambda account, result: account.note_change(result[1]),
}


@contextmanager
def watching(account_of: Callable[[SalesProcess], Account]) -> Iterator[None]:
    """Passes on what every engine decides and does while it lasts; engines are the same afterwards."""
    # A fingerprint takes a while, so a process is looked up once; it is kept, so that its id stays its own.
    known: dict[int, tuple[SalesProcess, Account]] = {}

    def account_for(engine: Engine[Any]) -> Account:
        process = engine.process
        if id(process) not in known:
            known[id(process)] = process, account_of(process)
        return known[id(process)][1]

    with ExitStack() as undo:
        for name, note in _NOTES.items():
            original = vars(Engine).get(name)
            if original is not None:
                undo.callback(setattr, Engine, name, original)
                setattr(Engine, name, _noting(original, note, account_for))
        yield


def _noting(
    original: Callable[..., Any], note: Callable[[Any, Any], None], account_for: Callable[[Engine[Any]], Account]
) -> Callable[..., Any]:
    """The method, which passes on what it returns, and the decision of a refusal that it raises."""
    if inspect.iscoroutinefunction(original):

        @functools.wraps(original)
        async def noting_later(engine: Engine[Any], /, *args: Any, **kwargs: Any) -> Any:
            with _noting_refusal(engine, account_for):
                result = await original(engine, *args, **kwargs)
            note(account_for(engine), result)
            return result

        return noting_later

    @functools.wraps(original)
    def noting(engine: Engine[Any], /, *args: Any, **kwargs: Any) -> Any:
        with _noting_refusal(engine, account_for):
            result = original(engine, *args, **kwargs)
        note(account_for(engine), result)
        return result

    return noting


@contextmanager
def _noting_refusal(engine: Engine[Any], account_for: Callable[[Engine[Any]], Account]) -> Iterator[None]:
    try:
        yield
    except TransitionRefused as refusal:
        account_for(engine).note_decision(refusal.decision)
        raise
