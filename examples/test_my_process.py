"""A company's own process, tested completely: run with `pytest examples/test_my_process.py --process-coverage`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings

from salesprocess import Engine, SalesProcess, Stage, TransitionRefused, fact
from salesprocess.history import History
from salesprocess.testing import (
    Path,
    assert_conforms,
    assert_refused,
    deals_at,
    deals_failing,
    deals_meeting,
    paths,
    process_machine,
)

LEAST = 1_000
BIG_ENOUGH = fact("amount") >= LEAST
PROCESS = SalesProcess.linear(
    key="our_sale",
    stages=[
        Stage(key="talk", probability=0.1, exit_criteria=fact("need").is_true()),
        Stage(key="offer", probability=0.5, exit_criteria=[BIG_ENOUGH, fact("sent_on").is_known()]),
        Stage(key="won", kind="won", probability=1.0),
        Stage(key="lost", kind="lost", probability=0.0),
    ],
)


@dataclass
class Deal:
    """The application's own class."""

    stage: str = "talk"
    need: bool | None = None
    amount: int | None = None
    sent_on: date | None = None
    lost_because: str | None = None


ENGINE: Engine[Deal] = Engine(PROCESS)


class Application:
    """The application's buttons, as the oracle presses them."""

    def create(self) -> Deal:
        """Return a new deal."""
        return Deal()

    def set(self, deal: Deal, fact: str, value: Any) -> None:
        """Fill in a field, or clear it."""
        setattr(deal, fact, value)

    def fire(self, deal: Deal, trigger: str, *, to: str, reason: str | None) -> bool:
        """Press a button; say whether the deal moved."""
        try:
            change = ENGINE.fire(deal, trigger, to=to, reason=reason)
        except TransitionRefused:
            return False
        deal.lost_because = change.reason if change.dest == "lost" else None
        return True

    def stage(self, deal: Deal) -> str:
        """Return the stage that the page shows."""
        return deal.stage


@pytest.mark.parametrize("path", list(paths(PROCESS, kind="all_transitions")))
def test_every_move_can_be_made(path: Path) -> None:
    """Every move can be made by a deal that has just what it needs."""
    path.walk(ENGINE, path.deal(Deal))


@settings(max_examples=20)
@given(deals_failing(BIG_ENOUGH, Deal, stage="offer", sent_on=date(2026, 1, 5)))
def test_a_small_offer_is_not_won(deal: Deal) -> None:
    """An offer just below the bound, far below it, or without an amount is not won."""
    assert_refused(ENGINE, deal, "win", unmet=["amount"])


@settings(max_examples=20)
@given(deals_meeting(BIG_ENOUGH, Deal, stage="offer"))
def test_a_big_offer_still_has_to_be_sent(deal: Deal) -> None:
    """An offer on the bound or above it still has to be sent."""
    assert_refused(ENGINE, deal, "win", unmet=["sent_on"])


@settings(max_examples=20)
@given(deals_at(PROCESS, "lost", Deal))
def test_a_lost_deal_is_not_lost_again(drawn: tuple[Deal, History]) -> None:
    """A lost deal, with the past that made it so, is not lost again."""
    deal, past = drawn
    assert_conforms(PROCESS, past)
    assert_refused(ENGINE, deal, "lose", kind="closed")


TestApplication = process_machine(PROCESS, Application, deal_type=Deal).TestCase
TestApplication.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
