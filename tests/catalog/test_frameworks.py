"""Qualification frameworks: criteria that fit any stage, and a score that agrees with them."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import DealError, Engine, SalesProcess, Stage, catalog
from salesprocess.catalog import BANT, MEDDIC, MEDDPICC, SANDLER, SPICED, SPIN, Framework

ALL = (BANT, MEDDIC, MEDDPICC, SPICED, SPIN, SANDLER)
EACH = pytest.mark.parametrize("framework", ALL, ids=lambda framework: framework.key)
SIX = "metrics economic_buyer decision_criteria decision_process identify_pain champion"
KEYS = {
    "bant": "budget authority need timeline",
    "meddic": SIX,
    "meddpicc": f"{SIX} paper_process competition",
    "spiced": "situation pain impact critical_event decision",
    "spin": "last_outcome",
    "sandler": "up_front_contract pain budget decision proposal",
}
FACTS = sorted({key for keys in KEYS.values() for key in keys.split()} - {"proposal"} | {"proposal_at"})

levels = st.none() | st.booleans() | st.sampled_from([0, 1, 2])
deals = st.dictionaries(st.sampled_from(FACTS), levels)


def unmet(framework: Framework, **facts: Any) -> list[str]:
    """What a stage with the whole framework as its exit criteria still asks of a deal."""
    stages = [Stage(key="talk", exit_criteria=[*framework]), Stage(key="won", kind="won")]
    engine = Engine[Any](SalesProcess.linear(key="short", stages=stages))
    return [found.key for found in engine.check({"stage": "talk", **facts}, "win").unmet]


@EACH
def test_the_elements_are_those_of_the_method_in_its_order(framework: Framework) -> None:
    assert [criterion.key for criterion in framework] == KEYS[framework.key].split()
    assert framework[0].key == KEYS[framework.key].split()[0]
    assert [*framework[:]] == [*framework]


@EACH
def test_every_element_says_what_it_means_and_what_proves_it(framework: Framework) -> None:
    assert all(criterion.label and criterion.evidence for criterion in framework)


@EACH
def test_a_whole_framework_is_asked_for_at_a_stage_and_survives_json(framework: Framework) -> None:
    process = SalesProcess.linear(key="short", stages=[Stage(key="talk", exit_criteria=[*framework])])
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process
    assert json.loads(process.model_dump_json())["stages"][0]["exit_criteria"][0]["key"] == framework[0].key


@EACH
def test_the_spread_leaves_no_element_out_and_has_no_other(framework: Framework) -> None:
    spread = {criterion for criteria in framework.spread.values() for criterion in criteria}
    assert spread == set(framework)


def test_meddpicc_asks_for_pain_and_champion_first_and_for_the_paperwork_last() -> None:
    steps = {step: [criterion.key for criterion in criteria] for step, criteria in MEDDPICC.spread.items()}
    assert steps == {
        "discover": ["identify_pain", "champion"],
        "present": ["metrics", "economic_buyer", "decision_criteria", "decision_process"],
        "propose": ["paper_process", "competition"],
    }


@EACH
def test_a_framework_cannot_be_changed(framework: Framework) -> None:
    with pytest.raises(AttributeError, match="key"):
        framework.key = "other"  # type: ignore[misc]
    with pytest.raises(TypeError, match="item assignment"):
        framework.spread["close"] = ()  # type: ignore[index]


def test_need_budget_and_authority_are_the_criteria_that_the_catalog_asks_for_when_qualifying() -> None:
    assert {criterion.key for criterion in BANT} - {
        criterion.key for criterion in catalog.SEVEN_STAGE.stage("qualifying").exit_criteria
    } == {"timeline"}
    assert set(catalog.SEVEN_STAGE.stage("qualifying").exit_criteria) < set(BANT)


def test_bant_counts_what_is_met_and_names_what_is_missing() -> None:
    score = BANT.score({"budget": True, "authority": False, "timeline": date(2026, 6, 30)})
    assert (score.total, score.out_of, score.share, score.missing) == (2, 4, 0.5, ("authority", "need"))
    assert dict(score.points) == {"budget": 1, "authority": 0, "need": 0, "timeline": 1}


def test_meddpicc_runs_from_0_to_16() -> None:
    keys = KEYS["meddpicc"].split()
    assert MEDDPICC.score({}).total == 0
    assert MEDDPICC.score(dict.fromkeys(keys, 1)).total == 8
    assert MEDDPICC.score(dict.fromkeys(keys, 2)).total == MEDDPICC.score({}).out_of == 16


def test_meddpicc_tells_partial_from_unknown() -> None:
    score = MEDDPICC.score(dict.fromkeys(KEYS["meddpicc"].split(), 2) | {"champion": 1, "competition": None})
    assert str(score) == "MEDDPICC: 13 of 16; missing: champion (1 of 2), competition"


def test_a_tick_is_partial_and_does_not_validate_an_element() -> None:
    assert MEDDPICC.score({"champion": True, "metrics": False}).points["champion"] == 1
    assert "champion" in unmet(MEDDPICC, champion=True)


@pytest.mark.parametrize("value", [3, -1, 1.5, "2", [2]])
def test_a_score_that_is_no_level_is_refused_by_name(value: object) -> None:
    with pytest.raises(DealError, match="'champion' is scored 0") as refused:
        MEDDPICC.score({"champion": value})
    assert (refused.value.found, refused.value.expected) == (value, (0, 1, 2))


def test_a_nan_is_unknown() -> None:
    assert MEDDPICC.score({"champion": float("nan")}).total == 0


def test_facts_under_other_names_are_found() -> None:
    deal = SimpleNamespace(crm=SimpleNamespace(champion=2, pain="returns"))
    assert MEDDPICC.score(deal, facts={"champion": "crm.champion"}).total == 2
    assert SPICED.score(deal, facts={"pain": "crm.pain"}).total == 1


class Broken:
    @property
    def budget(self) -> bool:
        raise RuntimeError("no ledger")


def test_what_a_deal_raises_is_no_score() -> None:
    with pytest.raises(RuntimeError, match="no ledger"):
        BANT.score(Broken())


@given(deals)
@settings(max_examples=60, deadline=None)
def test_an_element_is_missing_exactly_when_a_stage_would_ask_for_it(facts: dict[str, Any]) -> None:
    for framework in ALL:
        assert list(framework.score(facts).missing) == unmet(framework, **facts)


@given(deals, st.sampled_from(FACTS))
@settings(max_examples=60, deadline=None)
def test_meddic_scores_no_less_for_one_fact_more(facts: dict[str, Any], name: str) -> None:
    assert MEDDIC.score(facts | {name: True}).total >= MEDDIC.score(facts).total


@pytest.mark.parametrize(
    ("outcome", "missing"),
    [("order", []), ("advance", []), ("continuation", ["last_outcome"]), (None, ["last_outcome"])],
)
def test_spin_takes_an_order_or_an_advance_for_progress(outcome: str | None, missing: list[str]) -> None:
    assert unmet(SPIN, last_outcome=outcome) == missing


def test_spin_is_asked_for_at_every_step() -> None:
    assert list(SPIN.spread) == ["contact", "discover", "present", "propose", "close"]


def test_sandler_counts_nothing_ahead_of_its_turn() -> None:
    assert SANDLER.score({"budget": True, "decision": True}).total == 0
    score = SANDLER.score({"up_front_contract": True, "pain": True, "decision": True})
    assert str(score) == "SANDLER: 2 of 4; missing: budget, decision"


def test_sandler_has_no_proposal_before_pain_budget_and_decision() -> None:
    settled = {"up_front_contract": True, "pain": True, "budget": True}
    early = settled | {"proposal_at": date(2026, 3, 2)}
    assert unmet(SANDLER, **early) == ["decision", "proposal"]
    assert unmet(SANDLER, **early, decision=True) == []


def test_sandler_asks_nothing_of_a_proposal_that_is_not_out() -> None:
    assert "proposal" not in SANDLER.score({}).points
    assert unmet(SANDLER) == ["up_front_contract", "pain", "budget", "decision"]
