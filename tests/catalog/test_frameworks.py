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
# How the last meeting ended is a text; another kind of value cannot be compared with it.
deals = st.builds(
    lambda facts, outcome: facts | outcome,
    st.dictionaries(st.sampled_from([name for name in FACTS if name != "last_outcome"]), levels),
    st.fixed_dictionaries({}, optional={"last_outcome": st.none() | st.sampled_from(["order", "continuation"])}),
)


@pytest.fixture(params=ALL, ids=lambda framework: framework.key)
def framework(request: pytest.FixtureRequest) -> Framework:
    """Each framework in turn."""
    found: Framework = request.param
    return found


def unmet(framework: Framework, **facts: Any) -> list[str]:
    """Return what a stage with the whole framework as its exit criteria still asks of a deal."""
    stages = [Stage(key="talk", exit_criteria=[*framework]), Stage(key="won", kind="won")]
    engine = Engine[Any](SalesProcess.linear(key="short", stages=stages))
    return [found.key for found in engine.check({"stage": "talk", **facts}, "win").unmet]


# Criteria


def test_elements(framework: Framework) -> None:
    """A framework is a sequence of the elements of the method, in its order."""
    keys = KEYS[framework.key].split()
    assert [criterion.key for criterion in framework] == keys
    assert framework[0].key == keys[0]
    assert [*framework[:]] == [*framework]


def test_guidance(framework: Framework) -> None:
    """Every element says what it means and what proves it."""
    assert all(criterion.label and criterion.evidence for criterion in framework)


def test_framework_in_stage(framework: Framework) -> None:
    """A stage can ask for a whole framework, and JSON keeps it."""
    process = SalesProcess.linear(key="short", stages=[Stage(key="talk", exit_criteria=[*framework])])
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process
    assert json.loads(process.model_dump_json())["stages"][0]["exit_criteria"][0]["key"] == framework[0].key


def test_spread(framework: Framework) -> None:
    """The spread has all elements and no others."""
    spread = {criterion for criteria in framework.spread.values() for criterion in criteria}
    assert spread == set(framework)


def test_frozen(framework: Framework) -> None:
    """A framework cannot be changed."""
    with pytest.raises(AttributeError, match="key"):
        framework.key = "other"  # type: ignore[misc]
    with pytest.raises(TypeError, match="item assignment"):
        framework.spread["close"] = ()  # type: ignore[index]


def test_bant_in_catalog() -> None:
    """Need, budget and authority are the criteria that SEVEN_STAGE asks for when qualifying."""
    asked = set(catalog.SEVEN_STAGE.stage("qualifying").exit_criteria)
    assert asked < set(BANT)
    assert {criterion.key for criterion in set(BANT) - asked} == {"timeline"}


def test_meddpicc_spread() -> None:
    """MEDDPICC asks for pain and champion first, and for the paperwork last."""
    steps = {step: [criterion.key for criterion in criteria] for step, criteria in MEDDPICC.spread.items()}
    assert steps == {
        "discover": ["identify_pain", "champion"],
        "present": ["metrics", "economic_buyer", "decision_criteria", "decision_process"],
        "propose": ["paper_process", "competition"],
    }


@pytest.mark.parametrize(
    ("outcome", "missing"),
    [("order", []), ("advance", []), ("continuation", ["last_outcome"]), (None, ["last_outcome"])],
)
def test_spin_progress(outcome: str | None, missing: list[str]) -> None:
    """SPIN takes an order or an advance for progress."""
    assert unmet(SPIN, last_outcome=outcome) == missing


def test_spin_spread() -> None:
    """SPIN is asked for at every step."""
    assert list(SPIN.spread) == ["contact", "discover", "present", "propose", "close"]


def test_sandler_proposal() -> None:
    """SANDLER allows no proposal before pain, budget and decision, and asks nothing of one that is not out."""
    settled = {"up_front_contract": True, "pain": True, "budget": True}
    early = settled | {"proposal_at": date(2026, 3, 2)}
    assert unmet(SANDLER, **early) == ["decision", "proposal"]
    assert unmet(SANDLER, **early, decision=True) == []
    assert unmet(SANDLER) == ["up_front_contract", "pain", "budget", "decision"]


# Scores


@given(deals)
@settings(max_examples=60, deadline=None)
def test_score_agrees_with_stage(facts: dict[str, Any]) -> None:
    """An element is missing in the score exactly if a stage would ask for it."""
    for framework in ALL:
        assert list(framework.score(facts).missing) == unmet(framework, **facts)


@given(deals, st.sampled_from(FACTS))
@settings(max_examples=60, deadline=None)
def test_score_is_monotonic(facts: dict[str, Any], name: str) -> None:
    """MEDDIC scores no less for one fact more."""
    assert MEDDIC.score(facts | {name: True}).total >= MEDDIC.score(facts).total


def test_bant_score() -> None:
    """BANT counts what is met and names what is missing."""
    score = BANT.score({"budget": True, "authority": False, "timeline": date(2026, 6, 30)})
    assert (score.total, score.out_of, score.share, score.missing) == (2, 4, 0.5, ("authority", "need"))
    assert dict(score.points) == {"budget": 1, "authority": 0, "need": 0, "timeline": 1}


@pytest.mark.parametrize(("level", "total"), [(None, 0), (1, 8), (2, 16)])
def test_meddpicc_score(level: int | None, total: int) -> None:
    """MEDDPICC scores from 0 to 16."""
    assert MEDDPICC.score({}).total == 0
    score = MEDDPICC.score(dict.fromkeys(KEYS["meddpicc"].split(), level))
    assert (score.total, score.out_of) == (total, 16)


def test_partial_score() -> None:
    """A score says which elements are partial and which are unknown."""
    score = MEDDPICC.score(dict.fromkeys(KEYS["meddpicc"].split(), 2) | {"champion": 1, "competition": None})
    assert str(score) == "MEDDPICC: 13 of 16; missing: champion (1 of 2), competition"


def test_tick_is_partial() -> None:
    """True is partial, and does not validate an element."""
    assert MEDDPICC.score({"champion": True, "metrics": False}).points["champion"] == 1
    assert "champion" in unmet(MEDDPICC, champion=True)


def test_nan_is_unknown() -> None:
    """NaN scores nothing."""
    assert MEDDPICC.score({"champion": float("nan")}).total == 0


@pytest.mark.parametrize("value", [3, -1, 1.5, "2", [2]])
def test_bad_level(value: object) -> None:
    """A score that is not a level is refused by name."""
    with pytest.raises(DealError, match="'champion' is scored 0") as refused:
        MEDDPICC.score({"champion": value})
    assert (refused.value.found, refused.value.expected) == (value, (0, 1, 2))


def test_fact_names() -> None:
    """Facts are found under the deal's own names."""
    deal = SimpleNamespace(crm=SimpleNamespace(champion=2, pain="returns"))
    assert MEDDPICC.score(deal, facts={"champion": "crm.champion"}).total == 2
    assert SPICED.score(deal, facts={"pain": "crm.pain"}).total == 1


class Broken:
    @property
    def budget(self) -> bool:
        raise RuntimeError("no ledger")


def test_error_in_deal() -> None:
    """What the deal raises is passed on."""
    with pytest.raises(RuntimeError, match="no ledger"):
        BANT.score(Broken())


def test_sandler_order() -> None:
    """SANDLER counts nothing ahead of its turn."""
    assert SANDLER.score({"budget": True, "decision": True}).total == 0
    score = SANDLER.score({"up_front_contract": True, "pain": True, "decision": True})
    assert str(score) == "SANDLER: 2 of 4; missing: budget, decision"


def test_sandler_without_proposal() -> None:
    """SANDLER does not score a proposal that is not out."""
    assert "proposal" not in SANDLER.score({}).points
