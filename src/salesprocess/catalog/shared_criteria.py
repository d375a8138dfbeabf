"""The exit criteria that several shipped processes share, and the usual forms of the others."""

from __future__ import annotations

from typing import Final

from salesprocess.criteria import Criterion, Evidence, fact


def known(name: str, label: str, evidence: Evidence) -> Criterion:
    """Return a criterion that asks for a known fact."""
    return Criterion(key=name, rule=fact(name).is_known(), label=label, evidence=evidence)


def true(name: str, label: str, evidence: Evidence) -> Criterion:
    """Return a criterion that asks for a true fact."""
    return Criterion(key=name, rule=fact(name).is_true(), label=label, evidence=evidence)


PROSPECT: Final = known("prospect", "Prospect named", "field")
NEED: Final = true("need", "Need confirmed", "buyer_action")
BUDGET: Final = true("budget", "Budget confirmed", "buyer_action")
AUTHORITY: Final = true("authority", "Decision-maker involved", "buyer_action")
PRESENTED: Final = known("presented_at", "Presentation held", "buyer_action")
NO_OPEN_OBJECTIONS: Final = Criterion(
    key="open_objections", rule=fact("open_objections") == 0, label="No objection left open", evidence="buyer_action"
)
SIGNED: Final = known("signed_at", "Contract signed", "document")
SATISFACTION: Final = known("satisfaction", "Satisfaction known", "buyer_action")
