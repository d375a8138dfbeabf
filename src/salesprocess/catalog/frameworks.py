"""Qualification frameworks: sets of criteria to ask for at the stages of any process.

Their names are those under which the methods are known; the wording is this library's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, get_args

from salesprocess.catalog.scoring import Framework, SaleStep, Score
from salesprocess.catalog.shared_criteria import AUTHORITY, BUDGET, NEED, true
from salesprocess.criteria import Criterion, Evidence, fact

__all__ = ["BANT", "MEDDIC", "MEDDPICC", "SANDLER", "SPICED", "SPIN", "Framework", "SaleStep", "Score"]

_VALIDATED: Final = 2


def _spread(criteria: Sequence[Criterion], **steps: str) -> Mapping[Any, tuple[Criterion, ...]]:
    """Return the criteria by step; each step is given as the keys of its criteria."""
    named = {criterion.key: criterion for criterion in criteria}
    return MappingProxyType({step: tuple(named[key] for key in keys.split()) for step, keys in steps.items()})


_BANT: Final = (BUDGET, AUTHORITY, NEED, true("timeline", "Date to decide by", "dated_commitment"))

BANT: Final[Framework] = Framework(
    key="bant", name="BANT", criteria=_BANT, spread=_spread(_BANT, discover="budget authority need timeline")
)

_MEDDIC_ELEMENTS: Final[Mapping[str, tuple[str, Evidence]]] = {
    "metrics": ("Gain put in the buyer's numbers", "document"),
    "economic_buyer": ("Met who releases the money", "buyer_action"),
    "decision_criteria": ("What the choice is judged by", "document"),
    "decision_process": ("Steps and dates to the decision", "dated_commitment"),
    "identify_pain": ("Pain stated by those who have it", "buyer_action"),
    "champion": ("Somebody inside who sells for us", "buyer_action"),
}
_MEDDPICC_ELEMENTS: Final[Mapping[str, tuple[str, Evidence]]] = {
    **_MEDDIC_ELEMENTS,
    "paper_process": ("Steps and dates to the signature", "dated_commitment"),
    "competition": ("Alternatives, doing nothing among them", "field"),
}
_DISCOVERED: Final = "identify_pain champion"
_BEFORE_THE_PROPOSAL: Final = "metrics economic_buyer decision_criteria decision_process"

_MEDDIC: Final = tuple(true(key, label, evidence) for key, (label, evidence) in _MEDDIC_ELEMENTS.items())

MEDDIC: Final[Framework] = Framework(
    key="meddic",
    name="MEDDIC",
    criteria=_MEDDIC,
    spread=_spread(_MEDDIC, discover=_DISCOVERED, present=_BEFORE_THE_PROPOSAL),
)

_MEDDPICC: Final = tuple(
    Criterion(key=key, rule=fact(key) >= _VALIDATED, label=label, evidence=evidence)
    for key, (label, evidence) in _MEDDPICC_ELEMENTS.items()
)

MEDDPICC: Final[Framework] = Framework(
    key="meddpicc",
    name="MEDDPICC",
    criteria=_MEDDPICC,
    spread=_spread(_MEDDPICC, discover=_DISCOVERED, present=_BEFORE_THE_PROPOSAL, propose="paper_process competition"),
    most=_VALIDATED,
)

_SPICED: Final = (
    true("situation", "Situation understood", "field"),
    true("pain", "Pain stated by the buyer", "buyer_action"),
    true("impact", "Impact put in the buyer's numbers", "buyer_action"),
    true("critical_event", "Date after which waiting costs", "dated_commitment"),
    true("decision", "Way to the decision known", "field"),
)

SPICED: Final[Framework] = Framework(
    key="spiced",
    name="SPICED",
    criteria=_SPICED,
    spread=_spread(_SPICED, discover="situation pain", present="impact critical_event", propose="decision"),
)

_SPIN: Final = (
    Criterion(
        key="last_outcome",
        rule=fact("last_outcome").one_of("order", "advance"),
        label="Last meeting ended in an order, or in a step that the buyer agreed to take",
        evidence="buyer_action",
    ),
)

SPIN: Final[Framework] = Framework(
    key="spin", name="SPIN", criteria=_SPIN, spread=_spread(_SPIN, **dict.fromkeys(get_args(SaleStep), "last_outcome"))
)


def _in_strict_order() -> Iterator[Criterion]:
    """Yield the elements, each of which asks for all before it as well, so that none counts ahead of its turn."""
    rule = fact("up_front_contract").is_true()
    yield Criterion(
        key="up_front_contract", rule=rule, label="Agreed what the meeting may end in", evidence="buyer_action"
    )
    for key in ("pain", "budget", "decision"):
        rule &= fact(key).is_true()
        yield Criterion(key=key, rule=rule, label=f"{key.capitalize()} settled, in order", evidence="buyer_action")
    yield Criterion(
        key="proposal",
        rule=rule,
        label="No proposal before pain, budget and decision",
        evidence="seller_action",
        when=fact("proposal_at").is_known(),
    )


_SANDLER: Final = tuple(_in_strict_order())

SANDLER: Final[Framework] = Framework(
    key="sandler",
    name="SANDLER",
    criteria=_SANDLER,
    spread=_spread(_SANDLER, contact="up_front_contract proposal", discover="pain budget decision proposal"),
)
