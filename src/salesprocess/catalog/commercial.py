"""COMMERCIAL: five steps under control, each with somebody responsible."""

from __future__ import annotations

from typing import Final

from salesprocess.catalog.shared_criteria import PRESENTED, PROSPECT, SATISFACTION, known
from salesprocess.catalog.shared_moves import linear_with_exits
from salesprocess.criteria import Criterion, fact
from salesprocess.process import SalesProcess, Stage

COMMERCIAL: Final[SalesProcess] = linear_with_exits(
    key="commercial",
    name="Five-step commercial process",
    presented_from="approach_presentation",
    owner_of_exits="sales manager",
    stages=[
        Stage(
            key="prospecting",
            phase="top",
            objective="Find the possible client on whatever channel, and record the deal from here on.",
            outcome="A named prospect, and the channel it came by.",
            owner="prospector",
            exit_criteria=[PROSPECT, known("channel", "Channel recorded", "field")],
        ),
        Stage(
            key="approach_presentation",
            name="Approach and presentation",
            phase="middle",
            objective="Approach the lead, and present the product or service in the way that suits both.",
            outcome="A presentation held.",
            owner="salesperson",
            exit_criteria=PRESENTED,
        ),
        Stage(
            key="negotiation",
            phase="bottom",
            objective="Settle price and deadline, with care for how it is said.",
            outcome="A price and a deadline.",
            owner="salesperson",
            exit_criteria=[
                Criterion(key="price", rule=fact("price") > 0, label="Price settled", evidence="buyer_action"),
                known("deadline", "Deadline settled", "dated_commitment"),
            ],
        ),
        Stage(
            key="closing",
            phase="bottom",
            objective="Give the delivery date and the way of shipping, and sum the agreement up.",
            outcome="An agreement that both sides can read.",
            owner="sales administrator",
            exit_criteria=[
                known("delivery_date", "Delivery date given", "dated_commitment"),
                known("shipping_method", "Shipping method given", "field"),
                known("agreement_summary", "Agreement summed up", "document"),
            ],
        ),
        Stage(
            key="after_sales",
            name="After-sales",
            kind="won",
            phase="after",
            objective="Earn loyalty, referrals and the next purchase.",
            outcome="A customer whose satisfaction is known.",
            owner="customer service",
            exit_criteria=SATISFACTION,
        ),
    ],
)
