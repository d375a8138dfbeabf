"""What the engine decides and does, on every kind of deal."""

from __future__ import annotations

import copy
import json
import pickle
import re
import threading
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, StrEnum
from types import MappingProxyType, SimpleNamespace
from typing import Any

import attrs
import pytest
from pydantic import BaseModel, ConfigDict

from salesprocess import (
    AmbiguousMove,
    Blocked,
    CriteriaErrored,
    Criterion,
    DealClosed,
    DealError,
    Decision,
    DefinitionError,
    Engine,
    History,
    Hooks,
    NoTransition,
    Override,
    ReasonNeeded,
    SalesProcess,
    Stage,
    StageChange,
    StaleDeal,
    Transition,
    TransitionRefused,
    UnknownStage,
    UnknownTrigger,
    at_least,
    fact,
    predicate,
)
from salesprocess.catalog import SEVEN_STAGE
from salesprocess.history import read_changes

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Plain:
    def __init__(self, **facts: Any) -> None:
        self.stage = "prospecting"
        self.__dict__.update(facts)


@dataclass
class Data:
    stage: str = "prospecting"
    prospect: str | None = None
    fits_profile: bool | None = None


@dataclass(slots=True)
class Slots:
    stage: str = "prospecting"
    prospect: str | None = None
    fits_profile: bool | None = None


class Model(BaseModel):
    stage: str = "prospecting"
    prospect: str | None = None
    fits_profile: bool | None = None


@attrs.define
class Attrs:
    stage: str = "prospecting"
    prospect: str | None = None
    fits_profile: bool | None = None


def namespace(**facts: Any) -> SimpleNamespace:
    return SimpleNamespace(stage="prospecting", **facts)


def mapping(**facts: Any) -> dict[str, Any]:
    return {"stage": "prospecting", **facts}


KINDS = [Plain, Data, Slots, Model, Attrs, namespace, mapping]
each_kind = pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)


def stage_of(deal: Any) -> Any:
    return deal["stage"] if isinstance(deal, dict) else deal.stage


@pytest.fixture(scope="module")
def engine() -> Engine[Any]:
    return Engine(SEVEN_STAGE, clock=lambda: NOON)


@each_kind
def test_refuses_with_every_unmet_criterion_and_changes_nothing(engine: Engine[Any], make: Any) -> None:
    deal = make(prospect=None)
    before = copy.deepcopy(deal)
    decision = engine.check(deal, "advance")
    assert not decision
    assert (decision.kind, [found.key for found in decision.unmet]) == ("blocked", ["prospect", "fits_profile"])
    assert deal.__dict__ == before.__dict__ if isinstance(deal, Plain) else deal == before


@each_kind
def test_fires_what_check_allows_and_returns_the_change(engine: Engine[Any], make: Any) -> None:
    deal = make(prospect="Acme", fits_profile=True)
    assert engine.check(deal, to="making_contact")
    change = engine.fire(deal, "advance", by="ana")
    assert stage_of(deal) == "making_contact"
    assert change == StageChange(
        None, "seven_stage", 1, SEVEN_STAGE.fingerprint, "advance", "prospecting", "making_contact", NOON, "ana"
    )


def refused(engine: Engine[Any], deal: Any, *args: Any, **options: Any) -> TransitionRefused:
    before = copy.deepcopy(deal)
    with pytest.raises(TransitionRefused) as caught:
        engine.fire(deal, *args, **options)
    assert deal == before
    return caught.value


@pytest.mark.parametrize(
    ("stage", "ask", "error", "words"),
    [
        ("prospecting", {"trigger": "advnce"}, UnknownTrigger, "did you mean 'advance'"),
        ("prospecting", {"trigger": "win"}, NoTransition, "'win' does not lead out of 'prospecting'"),
        ("prospecting", {"to": "qualifing"}, NoTransition, "did you mean 'qualifying'"),
        ("prospecting", {"to": "closing"}, NoTransition, "to 'closing'"),
        ("prospecting", {"to": "prospecting"}, NoTransition, "already"),
        ("lost", {"trigger": "advance"}, DealClosed, "the deal is lost"),
        ("prospecting", {"trigger": "advance"}, Blocked, "2 of 2 criteria are not met"),
        ("prospecting", {"trigger": "advance", "expect": "closing"}, StaleDeal, "not in 'closing' as expected"),
        ("lost", {"trigger": "reopen", "reason": "r"}, AmbiguousMove, "name the stage with to="),
        ("prospecting", {"trigger": "lose"}, ReasonNeeded, "needs a reason"),
    ],
)
def test_each_kind_of_refusal_is_its_own_error(
    engine: Engine[Any], stage: str, ask: dict[str, Any], error: type[TransitionRefused], words: str
) -> None:
    caught = refused(engine, {"stage": stage}, **ask)
    assert type(caught) is error
    assert words in str(caught)
    assert caught.decision.alternatives


def test_errored_criterion_is_its_own_refusal_and_the_cause() -> None:
    process = SalesProcess.linear(
        key="p", stages=[Stage(key="a", exit_criteria=predicate("boom")), Stage(key="w", kind="won")]
    )
    engine: Engine[Any] = Engine(process, predicates={"boom": lambda deal: deal["nothing"]})
    caught = refused(engine, {"stage": "a"}, "win", override=Override("vp", "now"))
    assert isinstance(caught, CriteriaErrored)
    assert isinstance(caught.__cause__, KeyError)


def test_check_allows_a_move_that_needs_a_reason_and_says_so(engine: Engine[Any]) -> None:
    decision = engine.check({"stage": "prospecting"}, "lose")
    assert decision.allowed
    assert decision.needs_reason


def test_listed_reasons_are_the_only_ones() -> None:
    lose = Transition(trigger="lose", source="*", dest="lost", needs_reason=True, reasons=("price", "timing"))
    process = SalesProcess.linear(key="p", stages=[Stage(key="a"), Stage(key="w", kind="won")], transitions=[lose])
    engine: Engine[Any] = Engine(process)
    assert "did you mean 'price'" in str(refused(engine, {"stage": "a"}, "lose", reason="prize"))
    assert engine.fire({"stage": "a"}, "lose", reason="price").reason == "price"


@pytest.mark.parametrize("stage", [None, "", "qualifing", 3, ["a"], {}])
def test_wrong_stage_on_the_deal_says_which_there_are(engine: Engine[Any], stage: object) -> None:
    """A deal in an unknown stage is refused with the stages of the process, and check never raises for it."""
    decision = engine.check({"stage": stage}, "advance")
    assert decision.kind == ("unknown_stage" if stage is not None else "no_transition")
    assert re.search("prospecting|qualifying", decision.message)
    with pytest.raises(UnknownStage if stage is not None else NoTransition, match="prospecting|qualifying"):
        engine.fire({"stage": stage}, "advance")


def test_deal_without_a_stage_says_how_to_name_it(engine: Engine[Any]) -> None:
    with pytest.raises(DealError, match=r"Engine\(stage="):
        engine.check(object(), "advance")
    decision = engine.check({}, "advance")
    assert decision.kind == "no_transition"
    assert "no key 'stage'" in decision.message


def test_asking_for_no_move_at_all_is_an_error(engine: Engine[Any]) -> None:
    with pytest.raises(TypeError, match="name the move"):
        engine.check({"stage": "prospecting"})


@pytest.mark.parametrize("call", ["check", "fire", "options"])
def test_naive_time_is_refused_with_the_fix(engine: Engine[Any], call: str) -> None:
    args = () if call == "options" else ("lose",)
    with pytest.raises(DealError, match="add tzinfo=UTC"):
        getattr(engine, call)({"stage": "prospecting"}, *args, at=datetime(2026, 1, 1))  # noqa: DTZ001


def test_clock_of_the_host_must_be_aware() -> None:
    engine: Engine[Any] = Engine(SEVEN_STAGE, clock=lambda: datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(DealError, match="the engine's clock needs a time zone"):
        engine.fire({"stage": "prospecting"}, "lose", reason="r")


class Colour(Enum):
    PROSPECTING = "prospecting"
    LOST = "lost"


class Text(StrEnum):
    PROSPECTING = "prospecting"
    LOST = "lost"


@pytest.mark.parametrize("kind", [Colour, Text])
def test_stage_kept_as_an_enum_stays_one(engine: Engine[Any], kind: Any) -> None:
    deal = {"stage": kind.PROSPECTING}
    engine.fire(deal, "lose", reason="r")
    assert deal["stage"] is kind.LOST


def test_options_are_one_decision_for_every_way_out(engine: Engine[Any]) -> None:
    found = engine.options({"stage": "prospecting", "source": "referral"})
    assert [(decision.trigger, decision.allowed) for decision in found] == [
        ("advance", False),
        ("lose", True),
        ("disqualify", True),
        ("fast_track", True),
    ]


def branching(*criteria: Any) -> Engine[Any]:
    stages = [Stage(key="a"), Stage(key="b"), Stage(key="c"), Stage(key="w", kind="won")]
    moves = [
        Transition(trigger="go", source="a", dest=dest, criteria=rule)
        for dest, rule in zip("bc", criteria, strict=True)
    ]
    return Engine(SalesProcess(key="p", stages=stages, transitions=moves))


def test_of_several_moves_of_a_trigger_the_one_that_is_allowed_is_made() -> None:
    engine = branching(fact("size") < 10, fact("size") >= 10)
    assert engine.fire({"stage": "a", "size": 3}, "go").dest == "b"
    assert engine.fire({"stage": "a", "size": 30}, "go").dest == "c"
    assert engine.check({"stage": "a"}, "go").kind == "blocked"


def test_several_allowed_moves_of_a_trigger_are_ambiguous_without_a_target() -> None:
    engine = branching(fact("size") < 10, fact("size") < 20)
    assert engine.check({"stage": "a", "size": 3}, "go").kind == "ambiguous"
    assert engine.check({"stage": "a", "size": 3}, "go", to="c").allowed


def test_two_triggers_to_one_target_are_ambiguous_by_target() -> None:
    stages = [Stage(key="a"), Stage(key="b"), Stage(key="w", kind="won")]
    moves = [Transition(trigger=trigger, source="a", dest="b") for trigger in ("walk", "run")]
    decision = Engine[Any](SalesProcess(key="p", stages=stages, transitions=moves)).check({"stage": "a"}, to="b")
    assert decision.kind == "ambiguous"
    assert "name the trigger" in str(decision)


def test_override_lets_a_blocked_move_through_and_says_what_was_waived(engine: Engine[Any]) -> None:
    deal = {"stage": "prospecting", "prospect": "Acme"}
    change = engine.fire(deal, "advance", override=Override(by="vp", reason="strategic"))
    assert (change.source_kind, change.by, change.reason) == ("override", "vp", "strategic")
    assert change.waived == ("fits_profile",)


def test_override_lets_nothing_else_through(engine: Engine[Any]) -> None:
    override = Override(by="vp", reason="now")
    assert isinstance(refused(engine, {"stage": "prospecting"}, "win", override=override), NoTransition)
    change = engine.fire({"stage": "prospecting", "prospect": 1, "fits_profile": 1}, "advance", override=override)
    assert (change.source_kind, change.waived) == ("live", ())


def test_override_does_not_choose_between_two_moves_nor_mend_an_error() -> None:
    override = Override(by="vp", reason="now")
    both = branching(fact("size") < 10, fact("size") < 20)
    assert isinstance(refused(both, {"stage": "a", "size": 3}, "go", override=override), AmbiguousMove)
    broken = branching(predicate(unreachable), fact("size") > 20)
    assert isinstance(refused(broken, {"stage": "a", "size": 3}, "go", to="b", override=override), CriteriaErrored)


def unreachable(_deal: object) -> bool:
    raise RuntimeError("no network")


def test_override_names_who_and_why() -> None:
    with pytest.raises(ValueError, match="who makes it and why"):
        Override(by="vp", reason="")


@dataclass
class Counted:
    stage: str = "prospecting"
    stage_seq: int | None = 0


def test_number_is_read_and_written_with_the_stage() -> None:
    engine: Engine[Counted] = Engine(SEVEN_STAGE, seq="stage_seq")
    deal = Counted(stage_seq=4)
    assert engine.fire(deal, "lose", reason="r").seq == 5
    assert deal == Counted("lost", 5)
    assert engine.check(deal, "reopen", to="closing", expect=4).kind == "stale"
    assert engine.check(deal, "reopen", to="closing", expect=5).allowed


@pytest.mark.parametrize("make", [dict, SimpleNamespace])
@pytest.mark.parametrize("seq", [None, "n"], ids=["plain", "counted"])
def test_move_is_made_only_to_the_target_and_from_the_stage_that_the_call_expects(make: Any, seq: str | None) -> None:
    process = SalesProcess.linear(key="short", stages=[Stage(key="talk"), Stage(key="won", kind="won")])
    engine, deal = Engine[Any](process, seq=seq), make(stage="talk", n=3)
    move = engine.fire
    with pytest.raises(NoTransition):
        move(deal, "win", to="lost")
    for stale in ("won", *((2, 4) if seq else ())):
        with pytest.raises(StaleDeal):
            move(deal, "win", expect=stale)
    assert deal == make(stage="talk", n=3)
    for right in ({"to": "won"}, {"expect": "talk"}, *(({"expect": 3}, {"to": "won", "expect": 3}) if seq else ())):
        assert move(make(stage="talk", n=3), "win", **right).dest == "won"


@pytest.mark.parametrize("count", range(6))
def test_change_is_numbered_one_after_the_deals_last(count: int) -> None:
    process = SalesProcess.linear(key="short", stages=[Stage(key="talk"), Stage(key="won", kind="won")])
    engine: Engine[dict[str, Any]] = Engine(process, seq="n")
    win, lose = {"stage": "talk", "n": count}, {"stage": "talk", "n": count}
    assert engine.fire(win, "win").seq == win["n"] == count + 1
    assert engine.fire(lose, "lose", reason="price").seq == lose["n"] == count + 1


@pytest.mark.parametrize("number", ["4", -1, True])
def test_number_that_is_none_is_refused(number: Any) -> None:
    with pytest.raises(DealError, match="whole number"):
        Engine[Any](SEVEN_STAGE, seq="stage_seq").check(Counted(stage_seq=number), "lose")


@dataclass(frozen=True)
class FrozenData:
    stage: str = "prospecting"


class FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True)
    stage: str = "prospecting"


@attrs.frozen
class FrozenAttrs:
    stage: str = "prospecting"


Row = namedtuple("Row", ["stage"])  # noqa: PYI024 - the untyped kind is what is tested


class Replaceable:
    def __init__(self, stage: str) -> None:
        object.__setattr__(self, "stage", stage)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __replace__(self, **changes: str) -> Replaceable:
        return Replaceable(**changes)


FROZEN = [FrozenData(), FrozenModel(), FrozenAttrs(), Row("prospecting"), Replaceable("prospecting")]
FROZEN += [MappingProxyType({"stage": "prospecting"})]


@pytest.mark.parametrize("deal", FROZEN, ids=lambda deal: type(deal).__name__)
def test_frozen_deal_comes_back_as_a_changed_copy(engine: Engine[Any], deal: Any) -> None:
    moved, change = engine.transition(deal, "lose", reason="r")
    stages = [each["stage"] if isinstance(each, MappingProxyType) else each.stage for each in (deal, moved)]
    assert stages == ["prospecting", "lost"]
    assert type(moved) is type(deal)
    assert change.dest == "lost"


@pytest.mark.parametrize("deal", FROZEN, ids=lambda deal: type(deal).__name__)
def test_fire_on_a_frozen_deal_says_what_to_call(engine: Engine[Any], deal: Any) -> None:
    with pytest.raises(DealError, match=r"use transition\(\)"):
        engine.fire(deal, "lose", reason="r")


def test_deal_that_cannot_be_copied_is_refused_with_what_can(engine: Engine[Any]) -> None:
    class Stubborn:
        @property
        def stage(self) -> str:
            return "prospecting"

    with pytest.raises(DealError, match="__replace__"):
        engine.transition(Stubborn(), "lose", reason="r")


def test_error_of_the_hosts_own_setter_is_passed_on(engine: Engine[Any]) -> None:
    class Checked(BaseModel):
        model_config = ConfigDict(validate_assignment=True)
        stage: str = field(default="prospecting")

        def __setattr__(self, name: str, value: object) -> None:
            raise PermissionError(name)

    with pytest.raises(PermissionError):
        engine.fire(Checked(stage="prospecting"), "lose", reason="r")


def test_start_puts_a_new_deal_in_the_first_stage(engine: Engine[Any]) -> None:
    for deal in ({}, {"stage": None}, {"stage": "prospecting"}):
        change = engine.start(deal, by="ana")
        assert (change.trigger, change.source, change.dest, change.by) == ("start", None, "prospecting", "ana")
        assert deal == {"stage": "prospecting"}


def test_start_is_refused_for_a_deal_that_has_begun() -> None:
    with pytest.raises(NoTransition, match="has started already: it is in 'closing'"):
        Engine[Any](SEVEN_STAGE).start({"stage": "closing"})
    with pytest.raises(NoTransition, match="has started already"):
        Engine[Any](SEVEN_STAGE, seq="n").start({"stage": "prospecting", "n": 1})


@pytest.mark.parametrize("stage", ["closing", "qualifying", "lost", "elsewhere"])
def test_start_is_refused_in_any_other_stage_and_allowed_again_in_the_first(stage: str) -> None:
    engine: Engine[Any] = Engine(SEVEN_STAGE)
    with pytest.raises(TransitionRefused, match=f"started already: it is in '{stage}'|unknown stage 'elsewhere'"):
        engine.start({"stage": stage})
    assert engine.start(json.loads('{"stage": "prospecting"}')).source is None


def test_start_asks_for_the_entry_criteria_of_the_first_stage() -> None:
    process = SalesProcess.linear(
        key="p", stages=[Stage(key="a", entry_criteria=fact("owner").is_known()), Stage(key="w", kind="won")]
    )
    deal: dict[str, Any] = {}
    with pytest.raises(Blocked):
        Engine[Any](process).start(deal)
    assert deal == {}


def test_plan_is_the_shortest_way_with_what_each_step_needs(engine: Engine[Any]) -> None:
    plan = engine.plan({"stage": "presenting", "issue": "churn"}, to="generating_referrals")
    assert plan
    assert plan.stages == ("presenting", "overcoming_objections", "closing", "generating_referrals")
    assert [found.key for found in plan.unmet] == ["presented_at", "open_objections", "signed_at"]


def test_plan_takes_a_conditional_way_only_for_deals_that_qualify(engine: Engine[Any]) -> None:
    assert engine.plan({"stage": "prospecting", "source": "referral"}, to="qualifying").steps[0].trigger == "fast_track"
    assert engine.plan({"stage": "prospecting", "source": "web"}, to="qualifying").steps[0].trigger == "advance"


def test_plan_never_goes_by_losing_and_reopening(engine: Engine[Any]) -> None:
    assert len(engine.plan({"stage": "prospecting"}, to="closing").steps) == 5


def test_plan_says_when_there_is_no_way(engine: Engine[Any]) -> None:
    assert "did you mean 'closing'" in str(engine.plan({"stage": "prospecting"}, to="closng"))
    one_way = Engine[Any](
        SalesProcess.linear(key="p", stages=[Stage(key="a"), Stage(key="w", kind="won")], back="forbid")
    )
    no_way = one_way.plan({"stage": "w"}, to="a")
    assert not no_way
    assert no_way.model_dump(mode="json")["message"] == "no moves lead from 'w' to 'a'"


def test_plan_to_where_the_deal_is_has_no_steps(engine: Engine[Any]) -> None:
    plan = engine.plan({"stage": "closing"}, to="closing")
    assert plan
    assert plan.steps == ()


def test_progress_is_the_share_of_the_gate_that_is_met(engine: Engine[Any]) -> None:
    assert engine.progress({"stage": "qualifying", "need": True, "budget": False}) == pytest.approx(1 / 3)
    assert engine.progress({"stage": "lost"}) == 1


def test_predicate_is_called_at_most_once_in_a_decision() -> None:
    calls: list[object] = []
    process = SalesProcess.linear(
        key="p",
        stages=[
            Stage(key="a", exit_criteria=[predicate("ok"), Criterion(key="again", rule=~predicate("ok"))]),
            Stage(key="w", kind="won"),
        ],
    )
    decision = Engine[Any](process, predicates={"ok": calls.append}).check({"stage": "a"}, "win")
    assert len(decision.findings) == 2
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"predicates": {"crdit_ok": bool}}, "did you mean 'crdit_ok'"),
        ({}, "criteria ask for 'credit_ok'"),
        ({"predicates": {"credit_ok": 3}}, "plain function"),
        ({"predicates": {"credit_ok": bool}, "stage": "win"}, "is a trigger"),
    ],
)
def test_engine_that_cannot_work_is_not_built(options: dict[str, Any], words: str) -> None:
    process = SalesProcess.linear(
        key="p", stages=[Stage(key="a", exit_criteria=predicate("credit_ok")), Stage(key="w", kind="won")]
    )
    with pytest.raises(DefinitionError, match=words):
        Engine(process, **options)


def test_decision_keeps_its_statuses_when_the_deal_changes_later(engine: Engine[Any]) -> None:
    deal: dict[str, Any] = {"stage": "making_contact", "contact_channels": ["email"], "appointment_at": NOON}
    decision = engine.check(deal, "advance")
    deal["contact_channels"].append("phone")
    assert [found.key for found in decision.unmet] == ["contact_channels"]


def test_decision_is_json_for_a_response_body(engine: Engine[Any]) -> None:
    decision = engine.check({"stage": "qualifying", "budget": object(), "need": float("inf")}, "advance")
    body = json.loads(json.dumps(decision.model_dump(mode="json"), allow_nan=False))
    assert list(body) == [
        *("allowed", "kind", "message", "process", "version", "trigger", "source", "dest", "needs_reason"),
        *("reasons", "findings", "unmet", "unknown", "advisories", "alternatives"),
    ]
    assert body["unmet"] == body["unknown"] == ["authority"]
    assert list(body["findings"][0]) == [
        *("key", "label", "status", "severity", "expected", "actual", "facts", "error")
    ]


def test_report_says_what_is_missing_what_was_found_and_what_else_there_is(engine: Engine[Any]) -> None:
    summary, *missing, others = str(
        engine.check({"stage": "making_contact", "contact_channels": ["email"]}, "advance")
    ).splitlines()
    assert summary == "'advance' from 'making_contact' to 'qualifying' is blocked: 2 of 2 criteria are not met"
    assert missing == [
        "  - Contact on two channels (contact_channels): expected at least 2, found 1",
        "  - Appointment agreed (appointment_at): expected a value, found nothing yet",
    ]
    assert others.startswith("Other moves from 'making_contact': go_back to prospecting (with a reason); lose")


def test_decision_and_its_refusal_travel_to_another_process(engine: Engine[Any]) -> None:
    error = refused(engine, {"stage": "prospecting"}, "advance")
    sent = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    assert sent.decision == error.decision
    assert str(sent) == str(error)


def test_decision_cannot_be_changed(engine: Engine[Any]) -> None:
    decision: Any = engine.check({"stage": "prospecting"}, "advance")
    with pytest.raises(AttributeError):
        decision.allowed = True


def test_change_is_a_row_and_comes_back_from_json() -> None:
    change = Engine[Any](SEVEN_STAGE).fire({"stage": "prospecting"}, "lose", reason="r", at=NOON)
    assert StageChange.model_validate(json.loads(json.dumps(change.model_dump(mode="json")))) == change
    assert pickle.loads(pickle.dumps(change)) == change  # noqa: S301 - our own

    class Table(BaseModel):
        change: StageChange

    assert Table.model_validate_json(Table(change=change).model_dump_json()).change == change


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        ({"at": datetime(2026, 1, 1)}, DealError, "at needs a time zone"),  # noqa: DTZ001
        ({"at": "noon"}, ValueError, "'noon'"),
        ({"color": 1}, DealError, "no stage change: .* 'color'"),
    ],
)
def test_change_with_a_mistake_is_refused(spoil: dict[str, Any], error: type[Exception], words: str) -> None:
    row = Engine[Any](SEVEN_STAGE).fire({"stage": "prospecting"}, "lose", reason="r").model_dump()
    with pytest.raises(error, match=words):
        StageChange.model_validate({**row, **spoil})


def test_two_equal_deals_are_two_deals(engine: Engine[Any]) -> None:
    one, other = Data(), Data()
    engine.fire(one, "lose", reason="r")
    assert (one.stage, other.stage) == ("lost", "prospecting")


def test_large_process_with_nasty_keys_works() -> None:
    keys = ["trigger", "state", "to_a", "events", "models", *(f"s{number}" for number in range(195))]
    stages = [*(Stage(key=key, name=f'"{key}" [*] -->') for key in keys), Stage(key="w", kind="won")]
    jumps = [
        Transition(trigger=f"jump_{step}", source=source, dest=keys[(index + step) % len(keys)])
        for index, source in enumerate(keys)
        for step in range(1, 11)
    ]
    engine: Engine[Any] = Engine(SalesProcess(key="p", stages=stages, transitions=jumps))
    deal = {"stage": "trigger"}
    for _ in range(20):
        engine.fire(deal, "jump_10")
    assert deal["stage"] == "trigger"
    assert len(engine.options(deal)) == 10


def test_one_engine_serves_many_threads(engine: Engine[Any]) -> None:
    def work(results: list[str]) -> None:
        for _ in range(200):
            deal = Data(prospect="Acme", fits_profile=True)
            results.append(engine.fire(deal, "advance").dest)

    results: list[str] = []
    threads = [threading.Thread(target=work, args=(results,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["making_contact"] * 800


def test_allowed_decision_shows_what_was_found(engine: Engine[Any]) -> None:
    decision = engine.check({"stage": "prospecting", "prospect": "Acme", "fits_profile": True}, "advance")
    assert isinstance(decision, Decision)
    assert [(found.key, found.status, found.actual) for found in decision.findings] == [
        ("prospect", "met", "Acme"),
        ("fits_profile", "met", True),
    ]
    assert decision.findings[0]._replace(actual="B").actual == "B"


@pytest.mark.parametrize(
    "call",
    [
        lambda engine, _deal: Engine(engine.process, Hooks()),
        lambda engine, deal: engine.fire(deal, "win", "won"),
        lambda engine, deal: engine.afire(deal, "win", "won"),
        lambda engine, deal: engine.transition(deal, "win", "won"),
        lambda engine, deal: engine.check(deal, "win", "won"),
        lambda engine, deal: engine.start(deal, "ana"),
        lambda engine, deal: engine.plan(deal, "won", 3),
        lambda engine, deal: engine.overdue(deal, History(engine.process), NOON),
        lambda _engine, _deal: SalesProcess.linear("key", [Stage(key="talk")]),
        lambda _engine, _deal: at_least(1, [fact("a").is_known()]),
        lambda engine, _deal: History(engine.process).time_in("talk", "latest"),
        lambda engine, _deal: History(engine.process).model_dump("json"),
        lambda engine, _deal: read_changes([], engine.process, "deal"),
    ],
)
def test_options_are_given_by_name_alone(call: Any) -> None:
    process = SalesProcess.linear(key="short", stages=[Stage(key="talk"), Stage(key="won", kind="won")])
    with pytest.raises(TypeError, match="takes .* positional arguments? but . were given"):
        call(Engine(process), {"stage": "talk"})


def test_deal_and_trigger_can_be_named_too() -> None:
    process = SalesProcess.linear(key="short", stages=[Stage(key="talk"), Stage(key="won", kind="won")])
    engine: Engine[dict[str, Any]] = Engine(process=process)
    deal = {"stage": "talk"}
    assert engine.check(deal=deal, trigger="win").allowed
    assert engine.transition(deal=deal, trigger="win")[0] == {"stage": "won"}
    assert engine.fire(deal=deal, trigger="win").dest == "won"
    assert engine.start(deal={"stage": None}).dest == "talk"
