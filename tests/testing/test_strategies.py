"""Deals, pasts and definitions are built to be what was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypedDict

import attrs
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from salesprocess import Criterion, Engine, SalesProcess, Stage, at_least, fact, now
from salesprocess.catalog import FUNNEL, SEVEN_STAGE
from salesprocess.history import History, replay
from salesprocess.testing import deals_at, deals_failing, deals_meeting, histories, processes, walks

FEW = settings(max_examples=30, deadline=None)


class Source(Enum):
    REFERRAL = "referral"
    WEB = "web"


@dataclass
class Contact:
    name: str
    email: str | None = None


@dataclass
class DataclassDeal:
    name: str
    stage: str = "talk"
    amount: int | None = None
    approved: bool | None = None
    source: Source | None = None
    channels: list[str] = field(default_factory=list)
    contact: Contact | None = None
    opened: date | None = None
    closed: date | None = None


class PydanticDeal(BaseModel):
    name: str
    stage: str = "talk"
    amount: Decimal | None = None
    approved: bool | None = None
    source: Literal["referral", "web"] | None = None
    channels: tuple[str, ...] = ()
    contact: Any = None


@attrs.define
class AttrsDeal:
    name: str
    stage: str = "talk"
    amount: float | None = None
    approved: bool | None = None
    source: str | None = None
    channels: set[str] = attrs.field(factory=set)
    contact: Any = None


class Needed(TypedDict):
    name: str


class TypedDictDeal(Needed, total=False):
    stage: str
    amount: int
    approved: bool
    source: str
    channels: list[str]
    contact: dict[str, str]


def factory(**facts: Any) -> dict[str, Any]:
    return {"stage": "talk", **facts}


TYPES = [DataclassDeal, PydanticDeal, AttrsDeal, TypedDictDeal, factory]
RULES = [
    fact("amount") >= 10_000,
    (fact("amount") > 10) & (fact("amount") < 20),
    fact("amount").between(1_000, 5_000),
    fact("approved").is_true() | (fact("amount") < 500),
    fact("source") == "referral",
    fact("channels").distinct() >= 2,
    fact("contact.email").is_known(),
    ~fact("approved").is_true() & fact("source").is_known(),
    at_least(2, of=[fact("approved").is_true(), fact("amount").is_known(), fact("source").one_of("web", "referral")]),
]


def status(rule: Any, deal: Any, **options: Any) -> str:
    """What an engine says of one criterion on a deal."""
    criterion = rule if isinstance(rule, Criterion) else Criterion(key="it", rule=rule)
    process = SalesProcess.linear(
        key="one", stages=[Stage(key="talk", exit_criteria=[criterion]), Stage(key="won", kind="won")]
    )
    findings = Engine[Any](process, **options).check(deal, to="won").findings
    return findings[0].status if findings else "met"


@pytest.mark.parametrize("deal_type", TYPES, ids=lambda each: each.__name__)
@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_deal_is_built_to_meet_a_rule_or_to_fail_it(rule: Any, deal_type: Any) -> None:
    @settings(max_examples=12, deadline=None)
    @given(deals_meeting(rule, deal_type, stage="talk"), deals_failing(rule, deal_type, stage="talk"))
    def check(met: Any, failing: Any) -> None:
        assert status(rule, met) == "met"
        assert status(rule, failing) in {"unmet", "unknown"}

    check()


@pytest.mark.parametrize("amount", [10_000, 10_001])
def test_deals_that_meet_a_bound_lie_on_it_and_beyond(amount: int) -> None:
    find(deals_meeting(RULES[0], DataclassDeal), lambda deal: deal.amount == amount)
    find(deals_meeting(RULES[0], DataclassDeal), lambda deal: deal.amount > 1_000_000)


@pytest.mark.parametrize("amount", [9_999, None])
def test_deals_that_fail_a_bound_lie_just_short_of_it_or_do_not_say(amount: int | None) -> None:
    find(deals_failing(RULES[0], DataclassDeal), lambda deal: deal.amount == amount)


def test_values_have_the_types_of_the_fields() -> None:
    deal = deals_meeting(
        [fact("source") == "referral", fact("amount") >= 5, fact("channels").count() >= 1], PydanticDeal
    )
    example = find(deal, lambda _deal: True)
    assert isinstance(example.amount, Decimal)
    assert isinstance(example.channels, tuple)
    enum = find(deals_meeting(fact("source") == "referral", DataclassDeal), lambda _deal: True)
    assert enum.source is Source.REFERRAL


def test_facts_that_are_compared_with_each_other_go_together() -> None:
    rule = fact("opened") < fact("closed")
    deal = find(deals_meeting(rule, DataclassDeal), lambda _deal: True)
    assert deal.opened < deal.closed
    late = find(deals_failing(rule, DataclassDeal), lambda deal: deal.opened is not None and deal.closed is not None)
    assert late.opened >= late.closed


def test_a_criterion_that_does_not_apply_is_met() -> None:
    criterion = Criterion(key="it", rule=fact("approved").is_true(), when=fact("amount") > 100)
    assert status(criterion, find(deals_meeting(criterion, DataclassDeal), lambda deal: deal.amount == 100)) == "met"
    failing = find(deals_failing(criterion, DataclassDeal), lambda deal: deal.approved is False)
    assert failing.amount is None or failing.amount > 100


def test_criteria_about_time_are_met_at_the_time_given() -> None:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    deal = find(deals_meeting(fact("signed_at").before(now()), factory, at=at), lambda _deal: True)
    assert deal["signed_at"] < at


def test_fields_get_what_is_given_for_them_and_facts_the_names_of_the_host() -> None:
    strategy = deals_meeting(fact("budget") >= 5, DataclassDeal, facts={"budget": "amount"}, name=st.just("Acme"))
    deal = find(strategy, lambda _deal: True)
    assert (deal.name, deal.amount >= 5) == ("Acme", True)


def test_deals_that_cannot_be_are_refused_when_asked_for() -> None:
    with pytest.raises(ValueError, match="no DataclassDeal meets amount is more than 5; amount is less than 3"):
        deals_meeting([fact("amount") > 5, fact("amount") < 3], DataclassDeal)
    with pytest.raises(ValueError, match="no factory fails"):
        deals_failing(fact("amount").is_known() | ~fact("amount").is_known(), factory)


def test_a_fact_that_the_type_has_no_place_for_is_an_error() -> None:
    with pytest.raises(ValueError, match="has no place for 'amonut'; did you mean 'amount'"):
        find(deals_meeting(fact("amonut") > 5, AttrsDeal), lambda _deal: True)


@pytest.mark.parametrize("stage", [stage.key for stage in SEVEN_STAGE.stages])
def test_a_deal_in_a_stage_got_there_in_a_legal_way(stage: str) -> None:
    @settings(max_examples=5, deadline=None)
    @given(deals_at(SEVEN_STAGE, stage, dict))
    def check(drawn: tuple[dict[str, Any], History]) -> None:
        deal, history = drawn
        assert deal["stage"] == history.stage == stage
        assert replay(SEVEN_STAGE, history)

    check()


@FEW
@given(st.data())
def test_a_walk_is_legal(data: st.DataObject) -> None:
    process = data.draw(processes())
    path = data.draw(walks(process))
    moves = {(move.source, move.trigger, move.dest) for move in process.moves()}
    assert all((step.source, step.trigger, step.dest) in moves for step in path.steps)
    assert path.stages == (process.initial.key, *(step.dest for step in path.steps))
    assert path.stages[:-1] == tuple(step.source for step in path.steps)


@FEW
@given(st.data())
def test_a_conformant_history_has_nothing_odd(data: st.DataObject) -> None:
    process = data.draw(processes())
    assert replay(process, data.draw(histories(process)))


CODES = (
    "tie",
    "clock_back",
    "duplicate",
    "illegal_move",
    "skip",
    "backward",
    "after_closing",
    "broken_chain",
    "unknown_stage",
)


@pytest.mark.parametrize("code", CODES)
def test_a_history_has_the_fault_that_is_asked_for_and_no_other(code: str) -> None:
    process = SalesProcess.linear(
        key="sale",
        back="forbid",
        stages=[*(Stage(key=key) for key in "abc"), Stage(key="won", kind="won"), Stage(key="lost", kind="lost")],
    )

    @settings(max_examples=10, deadline=None)
    @given(histories(process, conformant=False, faults={code}))
    def check(history: History) -> None:
        assert set(replay(process, history).counts) == {code}

    check()


@FEW
@given(histories(FUNNEL, conformant=False))
def test_a_history_that_does_not_conform_has_some_fault(history: History) -> None:
    assert not replay(FUNNEL, history)


def test_a_fault_that_cannot_be_is_refused_when_asked_for() -> None:
    with pytest.raises(ValueError, match="did you mean 'skip'"):
        histories(FUNNEL, conformant=False, faults={"skips"})
    with pytest.raises(ValueError, match="a conformant history has no faults"):
        histories(FUNNEL, faults={"skip"})


@FEW
@given(processes())
def test_a_drawn_process_is_the_same_after_a_trip_through_json(process: SalesProcess) -> None:
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process
