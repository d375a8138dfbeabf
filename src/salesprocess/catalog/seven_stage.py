"""SEVEN_STAGE: from prospecting to referrals."""

from __future__ import annotations

from typing import Final

from salesprocess.catalog.shared_criteria import (
    AUTHORITY,
    BUDGET,
    NEED,
    NO_OPEN_OBJECTIONS,
    PRESENTED,
    PROSPECT,
    SIGNED,
    known,
    true,
)
from salesprocess.catalog.shared_moves import linear_with_exits
from salesprocess.criteria import Criterion, fact
from salesprocess.process import SalesProcess, Stage, Transition

_CHANNELS: Final = 2

SEVEN_STAGE: Final[SalesProcess] = linear_with_exits(
    key="seven_stage",
    name="Seven-stage sales process",
    presented_from="presenting",
    stages=[
        Stage(
            key="prospecting",
            phase="top",
            objective="Know what you sell, whose problem it solves, and pick the people worth talking to.",
            outcome="A named prospect who fits the profile.",
            exit_criteria=[PROSPECT, true("fits_profile", "Fits the customer profile", "field")],
        ),
        Stage(
            key="making_contact",
            phase="top",
            objective="Open the conversation on two different channels, and leave the pitch for later.",
            tactics=("email", "social media", "phone"),
            outcome="An appointment.",
            exit_criteria=[
                Criterion(
                    key="contact_channels",
                    rule=fact("contact_channels").distinct() >= _CHANNELS,
                    label="Contact on two channels",
                    evidence="seller_action",
                ),
                known("appointment_at", "Appointment agreed", "dated_commitment"),
            ],
        ),
        Stage(
            key="qualifying",
            phase="middle",
            objective="Find out whether this can become a customer before time goes into a pitch.",
            outcome="A need, a budget and somebody with the authority to spend it.",
            exit_criteria=[NEED, BUDGET, AUTHORITY],
        ),
        Stage(
            key="presenting",
            phase="middle",
            objective="Give a prepared, two-way pitch that solves an issue the prospect has.",
            outcome="A pitch held, on a known issue.",
            exit_criteria=[known("issue", "Issue to solve named", "buyer_action"), PRESENTED],
        ),
        Stage(
            key="overcoming_objections",
            phase="bottom",
            objective="Show that each concern is understood, and answer it.",
            outcome="No objection left open.",
            exit_criteria=NO_OPEN_OBJECTIONS,
        ),
        Stage(
            key="closing",
            phase="bottom",
            objective="Get the signature, in the style that suits the prospect.",
            outcome="A signature.",
            exit_criteria=SIGNED,
        ),
        Stage(
            key="generating_referrals",
            kind="won",
            phase="after",
            objective="Ask the new client who else could use the offering.",
            outcome="Referrals asked for.",
            exit_criteria=true("referrals_asked", "Referrals asked for", "seller_action"),
        ),
    ],
    transitions=[
        Transition(
            trigger="fast_track",
            source="prospecting",
            dest="qualifying",
            criteria=Criterion(
                key="source", rule=fact("source") == "referral", label="Came by referral", evidence="field"
            ),
            waives=("prospecting", "making_contact"),
        ),
        Transition(
            trigger="refer",
            source="generating_referrals",
            dest="generating_referrals",
            starts="seven_stage",
            start_facts={"source": "referral"},
        ),
    ],
)
