"""SEVEN_STAGE: from prospecting to referrals."""

from __future__ import annotations

from salesprocess.catalog._moves import linear_with_exits
from salesprocess.criteria import Criterion, fact
from salesprocess.process import SalesProcess, Stage, Transition

SEVEN_STAGE: SalesProcess = linear_with_exits(
    key="seven_stage",
    name="Seven-stage sales process",
    presented_from="presenting",
    stages=[
        Stage(
            key="prospecting",
            phase="top",
            objective="Know what you sell, whose problem it solves, and pick the people worth talking to.",
            outcome="A named prospect who fits the profile.",
            exit_criteria=[fact("prospect").is_known(), fact("fits_profile").is_true()],
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
                    rule=fact("contact_channels").distinct() >= 2,  # noqa: PLR2004 - two channels is the method's own number
                    label="Contact on two channels",
                    evidence="seller_action",
                ),
                Criterion(
                    key="appointment_at",
                    rule=fact("appointment_at").is_known(),
                    label="Appointment agreed",
                    evidence="dated_commitment",
                ),
            ],
        ),
        Stage(
            key="qualifying",
            phase="middle",
            objective="Find out whether this can become a customer before time goes into a pitch.",
            outcome="A need, a budget and somebody with the authority to spend it.",
            exit_criteria=[fact("need").is_true(), fact("budget").is_true(), fact("authority").is_true()],
        ),
        Stage(
            key="presenting",
            phase="middle",
            objective="Give a prepared, two-way pitch that solves an issue the prospect has.",
            outcome="A pitch held, on a known issue.",
            exit_criteria=[fact("issue").is_known(), fact("presented_at").is_known()],
        ),
        Stage(
            key="overcoming_objections",
            phase="bottom",
            objective="Show that each concern is understood, and answer it.",
            outcome="No objection left open.",
            exit_criteria=fact("open_objections") == 0,
        ),
        Stage(
            key="closing",
            phase="bottom",
            objective="Get the signature, in the style that suits the prospect.",
            outcome="A signature.",
            exit_criteria=Criterion(
                key="signed_at", rule=fact("signed_at").is_known(), label="Contract signed", evidence="document"
            ),
        ),
        Stage(
            key="generating_referrals",
            kind="won",
            phase="after",
            objective="Ask the new client who else could use the offering.",
            outcome="Referrals asked for.",
            exit_criteria=fact("referrals_asked").is_true(),
        ),
    ],
    transitions=[
        Transition(
            trigger="fast_track",
            source="prospecting",
            dest="qualifying",
            criteria=fact("source") == "referral",
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
