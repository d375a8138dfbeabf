"""What tests of several folders share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from salesprocess import Engine, History, Hooks, SalesProcess, Stage, fact

if TYPE_CHECKING:
    from collections.abc import Callable

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
def sale() -> SalesProcess:
    """A short sale with a gate before the win, and a won stage after it."""
    return SalesProcess.linear(
        key="sale",
        stages=[
            Stage(key="lead", probability=0.0),
            Stage(key="offer", probability=0.5, exit_criteria=fact("signed").is_true()),
            Stage(key="won", kind="won", probability=1.0),
            Stage(key="grown", kind="won", probability=1.0),
        ],
        skip="allow",
    )


@pytest.fixture
def day() -> Callable[[float], datetime]:
    """A function that returns the moment so many days after a Monday."""
    return lambda number: MONDAY + timedelta(days=number)


@pytest.fixture
def live(sale: SalesProcess, day: Callable[[float], datetime]) -> Callable[..., History]:
    """A function that starts a deal, moves it once a day by these triggers (or pairs of trigger and target)."""

    def history_of(*moves: str | tuple[str, str], hooks: Hooks[Any] | None = None) -> History:
        engine: Engine[Any] = Engine(sale, hooks=hooks)
        deal: dict[str, Any] = {"signed": True}
        history = History(sale, [engine.start(deal, at=day(0))])
        for number, move in enumerate(moves, 1):
            trigger, to = (move, None) if isinstance(move, str) else move
            history.append(engine.fire(deal, trigger, to=to, reason="a reason", at=day(number)))
        return history

    return history_of
