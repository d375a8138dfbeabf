"""PIPELINER: the five steps that any sale runs through, the last of which feeds the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from salesprocess.catalog.shared_criteria import PROSPECT, known, true
from salesprocess.catalog.shared_moves import linear_with_exits
from salesprocess.process import SalesProcess, Stage, Transition

if TYPE_CHECKING:
    from collections.abc import Iterator


def _new_deals(stage: str) -> Iterator[Transition]:
    """Yield the moves that start another deal while this one stays where it is."""
    yield Transition(trigger="repeat_sale", source=stage, dest=stage, starts="pipeliner")
    yield Transition(trigger="refer", source=stage, dest=stage, starts="pipeliner", start_facts={"source": "referral"})


PIPELINER: Final[SalesProcess] = linear_with_exits(
    key="pipeliner",
    name="Five-step Pipeliner process",
    presented_from="convince",
    stages=[
        Stage(
            key="focus",
            phase="top",
            objective="Investigate: find out who the prospect is and what they need.",
            outcome="A named prospect with a known need.",
            exit_criteria=[known("needs", "Needs understood", "field"), PROSPECT],
        ),
        Stage(
            key="engage",
            phase="middle",
            objective="Reach out and start a conversation that goes both ways.",
            outcome="A reply.",
            exit_criteria=known("last_reply_at", "Prospect replied", "buyer_action"),
        ),
        Stage(
            key="convince",
            phase="bottom",
            objective="Show that yours is the right company to buy from. The sale is made here.",
            outcome="A commitment to buy.",
            exit_criteria=true("commitment", "Buyer committed", "buyer_action"),
        ),
        Stage(
            key="close",
            kind="won",
            phase="after",
            objective="Deliver what was promised: the client is a customer now.",
            outcome="Everything promised is delivered.",
            exit_criteria=true("delivered", "Promise delivered", "document"),
            starts="delivery",
        ),
        Stage(
            key="cooperate",
            kind="won",
            phase="after",
            objective="Make the customer an advocate, and a source of referrals.",
            outcome="Repeat sales and referrals.",
        ),
    ],
    transitions=[*_new_deals("close"), *_new_deals("cooperate")],
)
