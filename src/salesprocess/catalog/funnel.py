"""FUNNEL: top, middle and bottom, as marketing and sales both read it."""

from __future__ import annotations

from typing import Final

from salesprocess.catalog.shared_criteria import SIGNED, known, true
from salesprocess.catalog.shared_moves import linear_with_exits
from salesprocess.process import SalesProcess, Stage

FUNNEL: Final[SalesProcess] = linear_with_exits(
    key="funnel",
    name="Sales funnel",
    # The bottom is where an offer is made: whoever reaches it has been found worth one.
    presented_from="bottom",
    stages=[
        Stage(
            key="top",
            name="Top of the funnel",
            phase="top",
            objective="Help a visitor who still looks for information to see that there is a problem.",
            outcome="A visitor aware of the problem.",
            exit_criteria=true("problem_aware", "Aware of the problem", "buyer_action"),
        ),
        Stage(
            key="middle",
            name="Middle of the funnel",
            phase="middle",
            objective="Turn interest in the solution into a lead that can be reached.",
            outcome="An interested lead with contact data.",
            exit_criteria=[
                true("interest", "Interest shown", "buyer_action"),
                known("contact", "Contact data left", "buyer_action"),
            ],
        ),
        Stage(
            key="bottom",
            name="Bottom of the funnel",
            phase="bottom",
            objective="Win a real opportunity that is ready to buy.",
            outcome="A signature from a qualified lead.",
            exit_criteria=[true("qualified", "Qualified as ready to buy", "buyer_action"), SIGNED],
        ),
        Stage(
            key="customer",
            kind="won",
            phase="after",
            objective="Keep the customer.",
        ),
    ],
)
