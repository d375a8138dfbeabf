"""The shipped processes: what they ask for, where their deals can go, and that nobody changes them by accident."""

from __future__ import annotations

import runpy
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from salesprocess import Blocked, Engine, ReasonNeeded, SalesProcess, catalog
from salesprocess.history import History, replay

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCS = Path(__file__).parents[2] / "docs"
DAY = date(2026, 3, 2)
EACH = pytest.mark.parametrize("process", catalog.all(), ids=lambda process: process.key)

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

# A change here changes what a deal is asked for: it needs a new version of the process and a line in the CHANGELOG.
FINGERPRINTS = {
    "pipeliner": "abc97a28aa4b5431",
    "seven_stage": "097a30de6f434898",
    "seven_step": "e01f2ee78d9e78c0",
    "six_step": "f71c3f011b0a83b2",
    "commercial": "6870f2a0d86d6c32",
    "funnel": "bc58a3899ac2a94c",
}


def deal_in(stage: str, **facts: Any) -> SimpleNamespace:
    return SimpleNamespace(stage=stage, done=[], **facts)


def meet(deal: SimpleNamespace, process: SalesProcess, key: str, value: object) -> None:
    if "." in key:
        deal.done.append(key)
    elif (process.key, key) == ("six_step", "commitment"):
        deal.signed_at = value
    else:
        setattr(deal, key, value)


def at(hour: int) -> datetime:
    return datetime(2026, 3, 2, hour, tzinfo=UTC)


def keys_of(process: SalesProcess, *kinds: str) -> list[str]:
    return [stage.key for stage in process.stages if stage.kind in kinds]


@EACH
def test_a_deal_walks_from_the_first_stage_to_the_last_by_meeting_criteria_one_by_one(process: SalesProcess) -> None:
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


@EACH
def test_lost_is_reached_from_every_open_stage_with_a_reason_alone(process: SalesProcess) -> None:
    engine = Engine[Any](process)
    for stage in keys_of(process, "open"):
        deal = deal_in(stage)
        with pytest.raises(ReasonNeeded):
            engine.fire(deal, "lose")
        assert engine.fire(deal, "lose", reason="chose another").dest == "lost"
    assert {engine.check(deal_in(stage), "lose").kind for stage in keys_of(process, "won")} == {"closed"}


@EACH
def test_disqualified_is_reached_from_the_stages_before_the_first_presentation_alone(process: SalesProcess) -> None:
    engine = Engine[Any](process)
    way = keys_of(process, "open", "won")
    before = way[: way.index(FIRST_PRESENTATION[process.key])]
    assert [stage for stage in way if engine.check(deal_in(stage), "disqualify")] == before
    for stage in before:
        with pytest.raises(ReasonNeeded):
            engine.fire(deal_in(stage), "disqualify")
        assert engine.fire(deal_in(stage), "disqualify", reason="too small").dest == "disqualified"


@EACH
def test_a_deal_goes_back_one_stage_from_any_but_the_first_with_a_reason(process: SalesProcess) -> None:
    engine = Engine[Any](process)
    way = keys_of(process, "open", "won")
    assert not engine.check(deal_in(way[0]), "go_back")
    for entered, left in pairwise(way):
        with pytest.raises(ReasonNeeded):
            engine.fire(deal_in(left), "go_back")
        assert engine.fire(deal_in(left), "go_back", reason="not ready").dest == entered


@EACH
@pytest.mark.parametrize("closed", ["lost", "disqualified"])
def test_a_closed_deal_is_reopened_with_a_reason_into_the_stage_that_is_named(
    process: SalesProcess, closed: str
) -> None:
    engine = Engine[Any](process)
    assert engine.check(deal_in(closed), "reopen").kind == "ambiguous"
    for stage in keys_of(process, "open"):
        with pytest.raises(ReasonNeeded):
            engine.fire(deal_in(closed), "reopen", to=stage)
        assert engine.fire(deal_in(closed), "reopen", to=stage, reason="budget found").dest == stage


@EACH
def test_a_deal_that_is_given_up_twice_comes_back_to_where_it_was_and_its_history_has_no_oddity(
    process: SalesProcess,
) -> None:
    """Ahead, back, disqualified, reopened, on to the presentation, lost, reopened."""
    engine, history = Engine[Any](process), History(process)
    first, second = keys_of(process, "open")[:2]
    deal = deal_in(first)
    history.append(engine.start(deal, at=at(0)))
    for key, value in WALKS[process.key][first].items():
        meet(deal, process, key, value)
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


@EACH
def test_a_win_that_was_a_slip_is_taken_back(process: SalesProcess) -> None:
    engine = Engine[Any](process)
    deal = deal_in(keys_of(process, "open")[-1])
    for key, value in WALKS[process.key][deal.stage].items():
        meet(deal, process, key, value)
    history = History(process, [engine.fire(deal, "win", at=at(0))])
    assert (deal.stage, history.outcome) == (keys_of(process, "won")[0], "won")
    history.append(engine.fire(deal, "go_back", at=at(1), reason="the signature is missing"))
    assert (history.outcome, history.closed_at, history.first_won_at) == ("open", None, at(0))


@EACH
def test_no_stage_is_skipped_but_by_the_fast_track(process: SalesProcess) -> None:
    order = [stage.key for stage in process.stages]
    skips = [
        move.trigger
        for move in process.moves()
        if move.direction == "forward" and order.index(move.dest) != order.index(move.source) + 1
    ]
    assert skips == (["fast_track"] if process.key == "seven_stage" else [])


def test_a_referral_takes_the_fast_track_past_the_criteria_of_two_stages() -> None:
    engine = Engine[Any](catalog.SEVEN_STAGE)
    assert [found.key for found in engine.check(deal_in("prospecting"), "fast_track").unmet] == ["source"]
    assert engine.check(deal_in("prospecting", source="fair"), "fast_track").kind == "blocked"
    assert engine.fire(deal_in("prospecting", source="referral"), "fast_track").dest == "qualifying"


def test_two_messages_on_one_channel_are_contact_on_one_channel() -> None:
    deal = deal_in("making_contact", contact_channels=["email", "email"], appointment_at=DAY)
    assert [found.key for found in Engine[Any](catalog.SEVEN_STAGE).check(deal, "advance").unmet] == [
        "contact_channels"
    ]


def test_interest_is_asked_for_again_after_the_presentation() -> None:
    deal = deal_in("presentation", presented_at=DAY, interest=False)
    assert [found.key for found in Engine[Any](catalog.SEVEN_STEP).check(deal, "advance").unmet] == ["interest"]


@pytest.mark.parametrize("facts", [{"signed_at": DAY}, {"ordered_at": DAY}, {"initial_payment": 100}])
def test_a_signature_an_order_or_a_payment_closes_a_deal_of_six_steps(facts: dict[str, Any]) -> None:
    deal = deal_in("closing", **facts)
    deal.done += ["closing.closing_techniques", "closing.securing_commitment"]
    assert Engine[Any](catalog.SIX_STEP).check(deal, "win")


def test_a_payment_of_nothing_closes_no_deal() -> None:
    deal = deal_in("closing", initial_payment=0)
    assert "commitment" in [found.key for found in Engine[Any](catalog.SIX_STEP).check(deal, "win").unmet]


def test_entering_close_starts_the_delivery() -> None:
    change = Engine[Any](catalog.PIPELINER).fire(deal_in("convince", commitment=True), "win")
    assert change.starts == ("delivery",)


@pytest.mark.parametrize("trigger", ["repeat_sale", "refer"])
@pytest.mark.parametrize("stage", ["close", "cooperate"])
def test_a_customer_starts_a_new_deal_and_stays_where_it_is(stage: str, trigger: str) -> None:
    change = Engine[Any](catalog.PIPELINER).fire(deal_in(stage), trigger)
    assert (change.trigger, change.dest, change.starts) == (trigger, stage, ("pipeliner",))


def test_a_referred_client_begins_the_seven_stages_as_a_referral() -> None:
    change = Engine[Any](catalog.SEVEN_STAGE).fire(deal_in("generating_referrals"), "refer")
    refer = next(move for move in catalog.SEVEN_STAGE.transitions if move.trigger == "refer")
    assert (change.dest, change.starts) == ("generating_referrals", ("seven_stage",))
    assert refer.start_facts == {"source": "referral"}


@EACH
def test_the_meaning_of_a_shipped_process_is_what_it_was(process: SalesProcess) -> None:
    assert process.fingerprint == FINGERPRINTS[process.key], (
        f"{process.key} means something else than it did: deals under way are asked for other things. "
        "If that is meant, raise its version, say so in the CHANGELOG, and pin the new fingerprint here."
    )


@EACH
def test_json_keeps_all_of_a_process(process: SalesProcess) -> None:
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process


@EACH
def test_every_process_folds_onto_top_middle_bottom_and_after(process: SalesProcess) -> None:
    phases = [process.stage(key).phase for key in keys_of(process, "open", "won")]
    assert list(dict.fromkeys(phases)) == ["top", "middle", "bottom", "after"]
    assert [phase == "after" for phase in phases] == [process.stage(key).kind == "won" for key in WALKS[process.key]]


@EACH
def test_every_stage_has_an_objective_and_every_criterion_a_label_and_its_evidence(process: SalesProcess) -> None:
    assert all(stage.objective for stage in process.stages)
    criteria = [criterion for stage in process.stages for criterion in stage.exit_criteria]
    criteria += [criterion for move in process.transitions for criterion in move.criteria]
    assert [criterion.key for criterion in criteria if not (criterion.label and criterion.evidence)] == []


def test_somebody_is_responsible_for_every_commercial_stage() -> None:
    assert [stage.key for stage in catalog.COMMERCIAL.stages if not stage.owner] == []


def test_every_step_of_the_selling_process_has_two_activities() -> None:
    way = keys_of(catalog.SIX_STEP, "open", "won")
    assert {len(catalog.SIX_STEP.stage(key).activities) for key in way} == {2}


@EACH
def test_no_probability_is_made_up(process: SalesProcess) -> None:
    assert {stage.probability for stage in process.stages} == {None}


@EACH
def test_a_process_is_found_by_its_key_under_its_own_constant(process: SalesProcess) -> None:
    assert catalog.get(process.key) is process
    assert getattr(catalog, process.key.upper()) is process


def test_an_unknown_key_gets_the_nearest_one() -> None:
    with pytest.raises(KeyError, match="no process 'seven_stages'; did you mean 'seven_stage'"):
        catalog.get("seven_stages")


def test_the_page_of_the_catalog_is_what_its_script_prints() -> None:
    printed = runpy.run_path(str(DOCS / "generate_catalog.py"))["page"]()
    assert (DOCS / "catalog.md").read_text(encoding="utf-8") == printed, (
        "the page is out of date: python docs/generate_catalog.py > docs/catalog.md"
    )
