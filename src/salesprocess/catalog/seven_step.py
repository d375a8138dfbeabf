"""SEVEN_STEP: from prospecting to follow-up, with tactics and an outcome for each step."""

from __future__ import annotations

from typing import Final

from salesprocess.catalog.shared_criteria import (
    NO_OPEN_OBJECTIONS,
    PRESENTED,
    PROSPECT,
    SATISFACTION,
    SIGNED,
    known,
    true,
)
from salesprocess.catalog.shared_moves import linear_with_exits
from salesprocess.criteria import Criterion, fact
from salesprocess.process import SalesProcess, Stage

# Asked for twice: a lead that is interested, and one that still is after the presentation.
_INTEREST: Final = true("interest", "Interest shown", "buyer_action")

SEVEN_STEP: Final[SalesProcess] = linear_with_exits(
    key="seven_step",
    name="Seven-step sales process",
    presented_from="presentation",
    stages=[
        Stage(
            key="prospecting",
            phase="top",
            objective="Identify the people who may become customers.",
            tactics=("market research", "networking", "lead generation tools"),
            outcome="A qualified lead.",
            exit_criteria=[PROSPECT, _INTEREST],
        ),
        Stage(
            key="preparation",
            phase="top",
            objective="Gather what there is to know, and plan the approach.",
            tactics=("research of needs", "research of preferences", "research of pain points"),
            outcome="A strategy for this prospect alone.",
            exit_criteria=[
                Criterion(
                    key="pain_points",
                    rule=fact("pain_points").count() >= 1,
                    label="A pain point found",
                    evidence="field",
                ),
                known("strategy", "Approach planned", "document"),
            ],
        ),
        Stage(
            key="approach",
            phase="middle",
            objective="Make first contact.",
            tactics=("call", "email", "social media"),
            outcome="A connection, and a meeting.",
            exit_criteria=known("meeting_at", "Meeting agreed", "dated_commitment"),
        ),
        Stage(
            key="presentation",
            phase="middle",
            objective="Show how the offering meets the needs.",
            tactics=("demo", "pitch", "visual aids"),
            outcome="More interest than before.",
            exit_criteria=[PRESENTED, _INTEREST],
        ),
        Stage(
            key="handling_objections",
            phase="bottom",
            objective="Resolve every concern.",
            tactics=("listening", "clear answers"),
            outcome="Trust.",
            exit_criteria=NO_OPEN_OBJECTIONS,
        ),
        Stage(
            key="closing",
            phase="bottom",
            objective="Secure the commitment.",
            tactics=("call to action", "negotiation", "finalising"),
            outcome="A customer.",
            exit_criteria=SIGNED,
        ),
        Stage(
            key="follow_up",
            name="Follow-up",
            kind="won",
            phase="after",
            objective="Keep the relationship, and check that the customer is satisfied.",
            tactics=("thank-you note", "call", "feedback request"),
            outcome="Loyalty.",
            exit_criteria=[SATISFACTION, true("feedback_requested", "Feedback asked for", "seller_action")],
        ),
    ],
)
