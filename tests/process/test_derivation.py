"""A methodology of one's own is derived from another process, which stays what it was."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Activity, Criterion, DefinitionError, SalesProcess, Stage, Transition, fact
from salesprocess.catalog import BANT, PIPELINER, SEVEN_STAGE, SIX_STEP
from salesprocess.catalog import all as shipped

KEYS = list("abcdefgh")
POLICIES = st.fixed_dictionaries(
    {name: st.sampled_from(["forbid", "allow", "with_reason"]) for name in ("skip", "back", "reopen")}
)


def linear(keys: list[str], policies: dict[str, Any]) -> SalesProcess:
    aside = [Stage(key="after", kind="won"), Stage(key="lost", kind="lost"), Stage(key="hold", kind="on_hold")]
    stages = [*(Stage(key=key) for key in keys), Stage(key="won", kind="won"), *aside]
    return SalesProcess.linear(key="p", stages=stages, **policies)


def moves_of(process: SalesProcess) -> set[tuple[object, ...]]:
    return {(*move.key, move.transition.needs_reason, move.transition.direction) for move in process.moves()}


def triggers(process: SalesProcess, source: str, dest: str) -> list[str]:
    return [move.trigger for move in process.graph.out_of[source] if move.dest == dest]


@given(st.permutations(KEYS), st.integers(3, 6), st.data(), POLICIES)
@settings(max_examples=60, deadline=None)
def test_inserting_into_a_linear_process_gives_the_linear_process_of_all_stages(
    keys: list[str], size: int, data: st.DataObject, policies: dict[str, Any]
) -> None:
    place = data.draw(st.integers(0, size))
    base, whole = keys[:size], [*keys[:place], "new", *keys[place:size]]
    where = {"after": keys[place - 1]} if place else {"before": keys[0]}
    assert moves_of(linear(base, policies).insert(Stage(key="new"), **where)) == moves_of(linear(whole, policies))


@given(st.permutations(KEYS), st.integers(4, 6), st.data(), POLICIES)
@settings(max_examples=60, deadline=None)
def test_taking_a_stage_out_of_a_linear_process_gives_the_linear_process_of_the_rest(
    keys: list[str], size: int, data: st.DataObject, policies: dict[str, Any]
) -> None:
    gone = data.draw(st.sampled_from(keys[:size]))
    rest = [key for key in keys[:size] if key != gone]
    assert moves_of(linear(keys[:size], policies).without(gone)) == moves_of(linear(rest, policies))


@given(st.permutations(KEYS[:5]), POLICIES)
@settings(max_examples=40, deadline=None)
def test_reordering_a_linear_process_gives_the_linear_process_of_that_order(
    order: list[str], policies: dict[str, Any]
) -> None:
    assert moves_of(linear(KEYS[:5], policies).reorder(*order)) == moves_of(linear(order, policies))


@given(POLICIES)
@settings(max_examples=10, deadline=None)
def test_what_was_inserted_and_taken_out_again_is_gone_without_a_trace(policies: dict[str, Any]) -> None:
    process = linear(KEYS[:4], policies)
    assert process.insert(Stage(key="new"), after="b").without("new").fingerprint == process.fingerprint


DERIVATIONS = [
    lambda process, pick: process.insert(Stage(key="new", exit_criteria=fact("x").is_known()), after=pick),
    lambda process, pick: process.insert(Stage(key="paused", kind="on_hold"), before=pick),
    lambda process, pick: process.without(pick),
    lambda process, pick: process.rename(pick, "Another name"),
    lambda process, pick: process.require(pick, fact("budget") >= 1),
    lambda process, pick: process.reorder(pick, process.initial.key) if pick != process.initial.key else process,
    lambda process, pick: process.with_transition(Transition(trigger="jump", source="*", dest=pick)),
    lambda process, _pick: process.without_transition("lose"),
    lambda process, _pick: process.with_version(2, key="mine", name="Mine"),
    lambda process, _pick: process.merge(PIPELINER.with_version(1, key=process.key)),
]


@given(
    st.sampled_from(shipped()),
    st.lists(st.tuples(st.integers(0, len(DERIVATIONS) - 1), st.integers(0, 20)), max_size=5),
)
@settings(max_examples=80, deadline=None)
def test_any_derivation_keeps_all_construction_checks(base: SalesProcess, steps: list[tuple[int, int]]) -> None:
    """What a derivation gives is a definition like any other: it survives JSON, and so all checks, unchanged."""
    before, process = base.model_dump_json(), base
    for index, pick in steps:
        try:
            process = DERIVATIONS[index](process, process.stages[pick % len(process.stages)].key)
        except DefinitionError as error:
            assert error.problems
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process
    assert base.model_dump_json() == before


def test_an_inserted_stage_is_on_the_way_and_its_neighbours_are_no_longer_linked() -> None:
    process = SEVEN_STAGE.insert(Stage(key="legal_review"), before="closing")
    assert triggers(process, "overcoming_objections", "closing") == []
    assert triggers(process, "overcoming_objections", "legal_review") == ["advance"]
    assert triggers(process, "legal_review", "closing") == ["advance"]
    assert triggers(process, "legal_review", "overcoming_objections") == ["go_back"]


def test_an_inserted_stage_is_lost_and_reopened_as_its_neighbour_is() -> None:
    process = SEVEN_STAGE.insert(Stage(key="discovery"), after="qualifying")
    assert triggers(process, "discovery", "lost") == ["lose"]
    assert triggers(process, "lost", "discovery") == ["reopen"]
    assert triggers(process, "discovery", "disqualified") == ["disqualify"]


def test_a_stage_after_the_first_presentation_is_not_disqualified_as_its_neighbour_is_not() -> None:
    process = SEVEN_STAGE.insert(Stage(key="trial"), after="presenting")
    assert triggers(process, "trial", "disqualified") == []


def test_a_stage_before_the_win_is_what_the_win_now_leaves() -> None:
    process = SEVEN_STAGE.insert(Stage(key="signature"), after="closing")
    assert triggers(process, "closing", "signature") == ["advance"]
    assert triggers(process, "signature", "generating_referrals") == ["win"]


def test_a_new_first_stage_is_where_deals_start() -> None:
    process = SEVEN_STAGE.insert(Stage(key="targeting"), before="prospecting")
    assert process.initial.key == "targeting"
    assert triggers(process, "targeting", "prospecting") == ["advance"]


def test_a_first_stage_on_hold_gets_the_moves_that_such_a_stage_usually_has() -> None:
    process = SEVEN_STAGE.insert(Stage(key="paused", kind="on_hold"), after="closing")
    assert triggers(process, "closing", "paused") == ["hold"]
    assert triggers(process, "paused", "closing") == ["resume"]
    assert triggers(process, "paused", "lost") == ["lose"]


def test_a_steps_own_criteria_stay_with_the_stage_that_it_leaves() -> None:
    step = Transition(trigger="advance", source="a", dest="b", criteria=fact("x").is_known())
    process = SalesProcess(
        key="p", stages=[Stage(key="a"), Stage(key="b"), Stage(key="won", kind="won")], transitions=[step]
    ).insert(Stage(key="new"), after="a")
    criteria = {(move.source, move.dest): [each.key for each in move.transition.criteria] for move in process.moves()}
    assert criteria == {("a", "new"): ["x"], ("new", "b"): []}


def test_moves_to_a_stage_that_is_taken_out_lead_where_it_is_said() -> None:
    process = SEVEN_STAGE.without("qualifying", into="presenting")
    assert triggers(process, "prospecting", "presenting") == ["fast_track"]
    assert triggers(process, "making_contact", "presenting") == ["advance"]


def test_waivers_of_a_stage_that_is_taken_out_go_with_it() -> None:
    (fast,) = [move for move in SEVEN_STAGE.without("making_contact").transitions if move.trigger == "fast_track"]
    assert fast.waives == ("prospecting",)


def test_taking_out_the_last_open_stage_is_refused() -> None:
    process = SalesProcess.linear(key="p", stages=[Stage(key="only"), Stage(key="won", kind="won")])
    with pytest.raises(DefinitionError, match="needs a stage of kind 'open'"):
        process.without("only")


def test_a_name_changes_and_the_meaning_does_not() -> None:
    """Kademi wanted a rename that old deals survive; another label is no other process."""
    process = SEVEN_STAGE.rename("closing", "Signature")
    assert process.stage("closing").name == "Signature"
    assert process.fingerprint == SEVEN_STAGE.fingerprint


def test_a_key_never_changes() -> None:
    with pytest.raises(DefinitionError, match="fixed for ever"):
        SEVEN_STAGE.rename("closing", key="signing")


@pytest.mark.parametrize(
    "derive",
    [
        lambda: SEVEN_STAGE.insert(Stage(key="x"), after="closng"),
        lambda: SEVEN_STAGE.without("closng"),
        lambda: SEVEN_STAGE.without("presenting", into="closng"),
        lambda: SEVEN_STAGE.rename("closng", "X"),
        lambda: SEVEN_STAGE.require("closng", fact("x").is_known()),
        lambda: SEVEN_STAGE.relax("closng", "signed_at"),
        lambda: SEVEN_STAGE.reorder("closng"),
        lambda: SEVEN_STAGE.with_transition(Transition(trigger="t", source="closng", dest="lost")),
        lambda: SEVEN_STAGE.without_transition("win", source="closng"),
    ],
)
def test_every_error_names_the_nearest_stage(derive: Any) -> None:
    with pytest.raises(DefinitionError, match="did you mean 'closing'"):
        derive()


def test_a_stage_is_asked_for_more() -> None:
    process = SEVEN_STAGE.require("closing", fact("contract").is_known())
    assert [each.key for each in process.stage("closing").exit_criteria] == ["signed_at", "contract"]


def test_a_criterion_takes_the_place_of_the_one_of_the_same_key() -> None:
    process = SEVEN_STAGE.require("qualifying", Criterion(key="budget", rule=fact("budget") >= 1000))
    assert [each.key for each in process.stage("qualifying").exit_criteria] == ["need", "budget", "authority"]
    assert str(process.stage("qualifying").exit_criteria[1].rule) == "budget is at least 1,000"


def test_a_framework_attaches_to_a_stage() -> None:
    process = SEVEN_STAGE.require("qualifying", *BANT)
    assert {"need", "budget", "authority", "timeline"} <= {each.key for each in process.stage("qualifying").gate()}


def test_a_stage_is_asked_for_less_by_the_keys_that_decisions_show() -> None:
    process = SIX_STEP.relax("closing", "closing.closing_techniques")
    assert [activity.key for activity in process.stage("closing").activities] == ["securing_commitment"]
    assert SEVEN_STAGE.relax("closing", "signed_at").stage("closing").exit_criteria == ()


def test_a_criterion_that_a_stage_has_not_is_named_with_the_nearest() -> None:
    with pytest.raises(DefinitionError, match="did you mean 'signed_at'"):
        SEVEN_STAGE.relax("closing", "signedat")


def test_a_transition_takes_the_place_of_the_same_move_alone() -> None:
    strict = Transition(trigger="lose", source="closing", dest="lost", needs_reason=True, reasons=("price", "timing"))
    process = SEVEN_STAGE.with_transition(strict)
    reasons = {move.source: move.transition.reasons for move in process.moves() if move.trigger == "lose"}
    assert reasons["closing"] == ("price", "timing")
    assert reasons["presenting"] == ()


def test_moves_are_taken_out_by_trigger_source_and_target() -> None:
    assert triggers(SEVEN_STAGE.without_transition("lose", source="closing"), "closing", "lost") == []
    assert triggers(SEVEN_STAGE.without_transition("lose", source="closing"), "presenting", "lost") == ["lose"]
    with pytest.raises(DefinitionError, match="did you mean 'fast_track'"):
        SEVEN_STAGE.without_transition("fast_trak")


def test_a_process_of_its_own_starts_itself_under_its_new_key() -> None:
    process = SEVEN_STAGE.with_version("2027.1", key="acme", name="Acme")
    assert (process.key, process.version, process.name) == ("acme", "2027.1", "Acme")
    assert [move.starts for move in process.transitions if move.trigger == "refer"] == [("acme",)]


@given(st.sampled_from(shipped()))
@settings(max_examples=6, deadline=None)
def test_a_process_merged_with_itself_is_itself(process: SalesProcess) -> None:
    merged = process.merge(process)
    assert moves_of(merged) == moves_of(process)
    assert merged.stages == process.stages


def test_a_merge_adds_stages_criteria_and_activities() -> None:
    review = Stage(key="legal", exit_criteria=fact("approved").is_true())
    stages = [
        Stage(key="presenting", activities=[Activity(key="demo")]),
        review,
        Stage(key="closing", exit_criteria=fact("contract").is_known()),
    ]
    process = SEVEN_STAGE.merge(SalesProcess.linear(key="legal_add_on", stages=stages))
    keys = [stage.key for stage in process.stages]
    assert keys.index("legal") == keys.index("presenting") + 1
    assert [each.key for each in process.stage("closing").exit_criteria] == ["signed_at", "contract"]
    assert [each.key for each in process.stage("presenting").activities] == ["demo"]
    assert triggers(process, "presenting", "legal") == ["advance"]


def test_a_merge_of_two_that_contradict_each_other_is_refused_with_every_conflict() -> None:
    other = SEVEN_STAGE.require("closing", Criterion(key="signed_at", rule=fact("signed_at").is_true()))
    with pytest.raises(DefinitionError, match=r"stages.closing.exit_criteria.signed_at.rule") as caught:
        SEVEN_STAGE.merge(other)
    assert [problem.code for problem in caught.value.problems] == ["conflict"]


def test_an_insertion_needs_one_place() -> None:
    with pytest.raises(DefinitionError, match="after= one stage, or before= one"):
        SEVEN_STAGE.insert(Stage(key="x"))
    with pytest.raises(DefinitionError, match="already"):
        SEVEN_STAGE.insert(Stage(key="closing"), after="presenting")
