"""SIX_STEP: a selling process with two activities inside each step."""

from __future__ import annotations

from typing import Final

from salesprocess.catalog.shared_criteria import (
    AUTHORITY,
    BUDGET,
    NEED,
    NO_OPEN_OBJECTIONS,
    PRESENTED,
    SATISFACTION,
    known,
    true,
)
from salesprocess.catalog.shared_moves import linear_with_exits
from salesprocess.criteria import Criterion, fact
from salesprocess.process import Activity, SalesProcess, Stage

SIX_STEP: Final[SalesProcess] = linear_with_exits(
    key="six_step",
    name="Six-step selling process",
    presented_from="presentation",
    stages=[
        Stage(
            key="prospecting_qualifying",
            name="Prospecting and qualifying",
            phase="top",
            objective="Find possible customers, and keep those who can and may buy.",
            outcome="A prospect with a need, a budget and the authority to spend it.",
            activities=("prospecting", "qualifying"),
            exit_criteria=[NEED, BUDGET, AUTHORITY],
        ),
        Stage(
            key="needs_discovery",
            phase="middle",
            objective="Win trust, and understand what the prospect needs and wants to reach.",
            outcome="Known needs, and the result the prospect is after.",
            activities=("building_rapport", "needs_discovery"),
            exit_criteria=[
                known("needs", "Needs understood", "buyer_action"),
                known("desired_outcome", "Desired result stated", "buyer_action"),
            ],
        ),
        Stage(
            key="presentation",
            phase="middle",
            objective="Position the offering, and present it as the answer to those needs.",
            outcome="A presentation held, on a clear value.",
            activities=("positioning", "presentation"),
            exit_criteria=[known("value_proposition", "Value stated for this prospect", "document"), PRESENTED],
        ),
        Stage(
            key="objections_negotiation",
            name="Objections and negotiation",
            phase="bottom",
            objective="Address every concern, and agree on terms.",
            outcome="No open objection, and terms both sides accept.",
            activities=("addressing_concerns", "negotiation"),
            exit_criteria=[NO_OPEN_OBJECTIONS, true("terms_agreed", "Terms agreed", "buyer_action")],
        ),
        Stage(
            key="closing",
            phase="bottom",
            objective="Ask for the decision, and secure the commitment.",
            outcome="A signature, an order or a first payment.",
            activities=("closing_techniques", "securing_commitment"),
            exit_criteria=Criterion(
                key="commitment",
                rule=fact("signed_at").is_known() | fact("ordered_at").is_known() | (fact("initial_payment") > 0),
                label="Signed, ordered or paid",
                evidence="document",
            ),
        ),
        Stage(
            key="follow_up",
            name="Follow-up",
            kind="won",
            phase="after",
            objective="See that the customer is served, and build on the relationship.",
            outcome="A customer whose satisfaction is known.",
            activities=(Activity(key="post_sale_follow_up", name="Post-sale follow-up"), "relationship_building"),
            exit_criteria=SATISFACTION,
        ),
    ],
)
