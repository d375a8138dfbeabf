"""The shipped processes: what their gates ask for, and where their deals can go."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from salesprocess import Blocked, Engine, ReasonNeeded, SalesProcess, catalog
from salesprocess.history import History, replay

if TYPE_CHECKING:
    from collections.abc import Mapping

DAY = date(2026, 3, 2)

# What each gate asks for, by the key of its criterion, with a value that meets it. A dotted key is an activity.
WALKS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "pipeliner": {
        "focus": {"needs": "fewer returns", "prospect": "Acme"},
        "engage": {"last_reply_at": DAY},
        "convince": {"commitment": True},
        "close": {"delivered": True},
        "cooperate": {},
    },
    "seven_stage": {
        "prospecting": {"prospect": "Acme", "fits_profile": True},
        "making_contact": {"contact_channels": ["email", "phone"], "appointment_at": DAY},
        "qualifying": {"need": True, "budget": True, "authority": True},
        "presenting": {"issue": "returns", "presented_at": DAY},
        "overcoming_objections": {"open_objections": 0},
        "closing": {"signed_at": DAY},
        "generating_referrals": {},
    },
    "seven_step": {
        "prospecting": {"prospect": "Acme", "interest": True},
        "preparation": {"pain_points": ["returns"], "strategy": "start with the warehouse"},
        "approach": {"meeting_at": DAY},
        "presentation": {"presented_at": DAY},
        "handling_objections": {"open_objections": 0},
        "closing": {"signed_at": DAY},
        "follow_up": {},
    },
    "six_step": {
        "prospecting_qualifying": {
            "prospecting_qualifying.prospecting": True,
            "prospecting_qualifying.qualifying": True,
            "need": True,
            "budget": True,
            "authority": True,
        },
        "needs_discovery": {
            "needs_discovery.building_rapport": True,
            "needs_discovery.needs_discovery": True,
            "needs": "fewer returns",
            "desired_outcome": "half of them",
        },
        "presentation": {
            "presentation.positioning": True,
            "presentation.presentation": True,
            "value_proposition": "pays for itself",
            "presented_at": DAY,
        },
        "objections_negotiation": {
            "objections_negotiation.addressing_concerns": True,
            "objections_negotiation.negotiation": True,
            "open_objections": 0,
            "terms_agreed": True,
        },
        "closing": {"closing.closing_techniques": True, "closing.securing_commitment": True, "commitment": DAY},
        "follow_up": {},
    },
    "commercial": {
        "prospecting": {"prospect": "Acme", "channel": "fair"},
        "approach_presentation": {"presented_at": DAY},
        "negotiation": {"price": 1200, "deadline": DAY},
        "closing": {"delivery_date": DAY, "shipping_method": "lorry", "agreement_summary": "20 units in May"},
        "after_sales": {},
    },
    "funnel": {
        "top": {"problem_aware": True},
        "middle": {"interest": True, "contact": "ana@acme.example"},
        "bottom": {"qualified": True, "signed_at": DAY},
        "customer": {},
    },
}

FIRST_PRESENTATION = {
    "pipeliner": "convince",
    "seven_stage": "presenting",
    "seven_step": "presentation",
    "six_step": "presentation",
    "commercial": "approach_presentation",
    "funnel": "bottom",
}


def deal_in(stage: str, **facts: Any) -> SimpleNamespace:
    return SimpleNamespace(stage=stage, done=[], **facts)


def meet(deal: SimpleNamespace, process: SalesProcess, key: str, value: object) -> None:
    """Give the deal what meets one criterion, by its key."""
    if "." in key:
        deal.done.append(key)
    elif (process.key, key) == ("six_step", "commitment"):
        deal.signed_at = value
    else:
        setattr(deal, key, value)


def ready_in(process: SalesProcess, stage: str) -> SimpleNamespace:
    """Return a deal in a stage that meets all of its exit criteria."""
    deal = deal_in(stage)
    for key, value in WALKS[process.key][stage].items():
        meet(deal, process, key, value)
    return deal


def at(hour: int) -> datetime:
    return datetime(2026, 3, 2, hour, tzinfo=UTC)


def keys_of(process: SalesProcess, *kinds: str) -> list[str]:
    return [stage.key for stage in process.stages if stage.kind in kinds]


def unmet(process: SalesProcess, deal: object, trigger: str) -> list[str]:
    return [found.key for found in Engine[Any](process).check(deal, trigger).unmet]


def test_walk(process: SalesProcess) -> None:
    """A deal gets from the first stage to the last by meeting the criteria of each gate, one by one."""
    engine, walk = Engine[Any](process), WALKS[process.key]
    assert list(walk) == keys_of(process, "open", "won")
    deal = deal_in(process.initial.key)
    for left, entered in pairwise(walk):
        trigger = "win" if process.stage(left).kind != process.stage(entered).kind else "advance"
        waiting = list(walk[left])
        for key, value in walk[left].items():
            with pytest.raises(Blocked) as refused:
                engine.fire(deal, trigger)
            assert [found.key for found in refused.value.decision.unmet] == waiting
            meet(deal, process, key, value)
            waiting.remove(key)
        change = engine.fire(deal, trigger)
        assert (change.source, change.dest, deal.stage) == (left, entered, entered)


def test_lose(process: SalesProcess) -> None:
    """A deal is lost from every open stage, for which it needs a reason alone, and from no won one."""
    engine = Engine[Any](process)
    for stage in keys_of(process, "open"):
        deal = deal_in(stage)
        with pytest.raises(ReasonNeeded):
            engine.fire(deal, "lose")
        assert engine.fire(deal, "lose", reason="chose another").dest == "lost"
    assert {engine.check(deal_in(stage), "lose").kind for stage in keys_of(process, "won")} == {"closed"}


def test_disqualify(process: SalesProcess) -> None:
    """A deal is disqualified, with a reason, in the stages before the first presentation alone."""
    engine = Engine[Any](process)
    way = keys_of(process, "open", "won")
    before = way[: way.index(FIRST_PRESENTATION[process.key])]
    assert [stage for stage in way if engine.check(deal_in(stage), "disqualify")] == before
    for stage in before:
        with pytest.raises(ReasonNeeded):
            engine.fire(deal_in(stage), "disqualify")
        assert engine.fire(deal_in(stage), "disqualify", reason="too small").dest == "disqualified"


def test_go_back(process: SalesProcess) -> None:
    """A deal goes back one stage, with a reason, from any stage but the first."""
    engine = Engine[Any](process)
    way = keys_of(process, "open", "won")
    assert not engine.check(deal_in(way[0]), "go_back")
    for entered, left in pairwise(way):
        with pytest.raises(ReasonNeeded):
            engine.fire(deal_in(left), "go_back")
        assert engine.fire(deal_in(left), "go_back", reason="not ready").dest == entered


@pytest.mark.parametrize("closed", ["lost", "disqualified"])
def test_reopen(process: SalesProcess, closed: str) -> None:
    """A closed deal is reopened, with a reason, into the open stage that the caller names."""
    engine = Engine[Any](process)
    assert engine.check(deal_in(closed), "reopen").kind == "ambiguous"
    for stage in keys_of(process, "open"):
        with pytest.raises(ReasonNeeded):
            engine.fire(deal_in(closed), "reopen", to=stage)
        assert engine.fire(deal_in(closed), "reopen", to=stage, reason="budget found").dest == stage


def test_reopened_history(process: SalesProcess) -> None:
    """A deal that is given up twice comes back to where it was each time, and its history has no oddity."""
    engine, history = Engine[Any](process), History(process)
    first, second = keys_of(process, "open")[:2]
    deal = ready_in(process, first)
    history.append(engine.start(deal, at=at(0)))
    history.append(engine.fire(deal, "advance", at=at(1)))
    history.append(engine.fire(deal, "go_back", at=at(2), reason="wrong person"))
    history.append(engine.fire(deal, "disqualify", at=at(3), reason="too small"))
    history.append(engine.fire(deal, "reopen", at=at(4), to=history.lost_in, reason="they grew"))
    assert deal.stage == first
    history.append(engine.fire(deal, "advance", at=at(5)))
    history.append(engine.fire(deal, "lose", at=at(6), reason="chose another"))
    history.append(engine.fire(deal, "reopen", at=at(7), to=history.lost_in, reason="and regretted it"))
    assert deal.stage == history.stage == second
    assert replay(process, history.changes)


def test_win_taken_back(process: SalesProcess) -> None:
    """A win that was a mistake is taken back, and the deal is open again but was won once."""
    engine = Engine[Any](process)
    deal = ready_in(process, keys_of(process, "open")[-1])
    history = History(process, [engine.fire(deal, "win", at=at(0))])
    assert (deal.stage, history.outcome) == (keys_of(process, "won")[0], "won")
    history.append(engine.fire(deal, "go_back", at=at(1), reason="the signature is missing"))
    assert (history.outcome, history.closed_at, history.first_won_at) == ("open", None, at(0))


def test_skips(process: SalesProcess) -> None:
    """No move skips a stage, apart from the fast track of SEVEN_STAGE."""
    order = [stage.key for stage in process.stages]
    skips = [
        move.trigger
        for move in process.moves()
        if move.direction == "forward" and order.index(move.dest) != order.index(move.source) + 1
    ]
    assert skips == (["fast_track"] if process.key == "seven_stage" else [])


def test_fast_track() -> None:
    """A referral goes past the criteria of two stages, and nothing else does."""
    engine = Engine[Any](catalog.SEVEN_STAGE)
    assert unmet(catalog.SEVEN_STAGE, deal_in("prospecting"), "fast_track") == ["source"]
    assert engine.check(deal_in("prospecting", source="fair"), "fast_track").kind == "blocked"
    assert engine.fire(deal_in("prospecting", source="referral"), "fast_track").dest == "qualifying"


def test_two_channels() -> None:
    """Two messages on one channel are contact on one channel."""
    deal = deal_in("making_contact", contact_channels=["email", "email"], appointment_at=DAY)
    assert unmet(catalog.SEVEN_STAGE, deal, "advance") == ["contact_channels"]


def test_interest_after_presentation() -> None:
    """SEVEN_STEP asks for interest again after the presentation."""
    deal = deal_in("presentation", presented_at=DAY, interest=False)
    assert unmet(catalog.SEVEN_STEP, deal, "advance") == ["interest"]


@pytest.mark.parametrize(
    ("facts", "missing"),
    [
        ({"signed_at": DAY}, []),
        ({"ordered_at": DAY}, []),
        ({"initial_payment": 100}, []),
        ({"initial_payment": 0}, ["commitment"]),
    ],
)
def test_commitment(facts: dict[str, Any], missing: list[str]) -> None:
    """A signature, an order or a payment wins a deal of SIX_STEP; a payment of 0 does not."""
    deal = deal_in("closing", **facts)
    deal.done += ["closing.closing_techniques", "closing.securing_commitment"]
    assert unmet(catalog.SIX_STEP, deal, "win") == missing


def test_delivery_starts() -> None:
    """Entering `close` of PIPELINER starts the delivery."""
    change = Engine[Any](catalog.PIPELINER).fire(deal_in("convince", commitment=True), "win")
    assert change.starts == ("delivery",)


@pytest.mark.parametrize("trigger", ["repeat_sale", "refer"])
@pytest.mark.parametrize("stage", ["close", "cooperate"])
def test_customer_starts_new_deal(stage: str, trigger: str) -> None:
    """A customer starts a new deal and stays in the same stage."""
    change = Engine[Any](catalog.PIPELINER).fire(deal_in(stage), trigger)
    assert (change.trigger, change.dest, change.starts) == (trigger, stage, ("pipeliner",))


def test_referral() -> None:
    """A referred client begins the seven stages as a referral."""
    change = Engine[Any](catalog.SEVEN_STAGE).fire(deal_in("generating_referrals"), "refer")
    refer = next(move for move in catalog.SEVEN_STAGE.transitions if move.trigger == "refer")
    assert (change.dest, change.starts) == ("generating_referrals", ("seven_stage",))
    assert refer.start_facts == {"source": "referral"}
