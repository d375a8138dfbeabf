"""What changed between two definitions is told by keys, as a release note, and what it does to deals in flight."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, Engine, SalesProcess, Stage, Transition, fact, predicate
from salesprocess.assurance import Difference, MigrationPlan, diff
from salesprocess.catalog import SEVEN_STAGE
from salesprocess.catalog import all as shipped
from salesprocess.criteria.gate import Gate, Lookup
from salesprocess.criteria.rules import Rule


def only(old: SalesProcess, new: SalesProcess) -> Difference:
    (difference,) = diff(old, new)
    return difference


def asking(*rules: Rule) -> SalesProcess:
    criteria = [Criterion(key=f"k{number}", rule=rule) for number, rule in enumerate(rules)]
    stages = [Stage(key="talk", exit_criteria=criteria), Stage(key="won", kind="won")]
    return SalesProcess.linear(key="p", stages=stages)


@given(st.sampled_from(shipped()))
@settings(max_examples=6, deadline=None)
def test_a_process_does_not_differ_from_itself(process: SalesProcess) -> None:
    assert not diff(process, process)
    assert not diff(process, SalesProcess.model_validate_json(process.model_dump_json()))
    assert str(diff(process, process)).endswith("No differences")


def test_another_version_alone_is_no_difference() -> None:
    assert not diff(SEVEN_STAGE, SEVEN_STAGE.with_version(2))


@given(st.sampled_from(shipped()), st.sampled_from(shipped()))
@settings(max_examples=36, deadline=None)
def test_what_one_way_adds_the_other_way_removes(old: SalesProcess, new: SalesProcess) -> None:
    there, back = diff(old, new), diff(new, old)
    assert [each.path for each in there.added] == [each.path for each in back.removed]
    assert bool(there) == (old != new)


@given(st.sampled_from(shipped()), st.integers(0, 20), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_what_one_way_tightens_the_other_way_loosens(process: SalesProcess, pick: int, less: int, more: int) -> None:
    keys = [stage.key for stage in process.stages if stage.kind == "open"]
    old, new = (process.require(keys[pick % len(keys)], fact("extra") >= bound) for bound in (less, less + more))
    there, back = diff(old, new), diff(new, old)
    tightened, loosened = ([(each.path, each.stages) for each in found] for found in (there.tightened, back.loosened))
    assert tightened == loosened
    assert len(tightened) == bool(more)
    assert there.loosened == back.tightened == ()


def test_a_new_stage_and_its_moves_are_added() -> None:
    found = diff(SEVEN_STAGE, SEVEN_STAGE.insert(Stage(key="legal_review"), before="closing"))
    assert found.added[0].path == "stages.legal_review"
    assert found.added[0].message == "stage 'legal_review' (Legal review) after 'overcoming_objections'"
    assert ("transitions.advance", ("overcoming_objections",)) in [(each.path, each.stages) for each in found.removed]


def test_a_renamed_stage_is_the_same_one_and_breaks_nothing() -> None:
    """Kademi reused a stage by renaming it: the key says which one it is, never the label."""
    difference = only(SEVEN_STAGE, SEVEN_STAGE.rename("closing", "Signature"))
    assert (difference.kind, difference.path, difference.stages) == ("renamed", "stages.closing", ("closing",))
    assert not diff(SEVEN_STAGE, SEVEN_STAGE.rename("closing", "Signature")).breaking(["closing"])


def test_a_stage_under_another_key_was_removed_and_added_whatever_its_label() -> None:
    other = SEVEN_STAGE.insert(Stage(key="signing", name="Closing"), after="closing").without("closing")
    found = diff(SEVEN_STAGE, other)
    assert "stages.closing" in [each.path for each in found.removed]
    assert "stages.signing" in [each.path for each in found.added]
    assert not found.renamed


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ([fact("a") >= 10], [fact("a") >= 20], "tightened"),
        ([fact("a") >= 20], [fact("a") >= 10], "loosened"),
        ([fact("a") >= 20], [fact("a") <= 30], "re-gated"),
        ([fact("a").one_of(1, 2)], [fact("a") == 1], "tightened"),
        ([fact("a").is_known()], [fact("a") > 1], "tightened"),
        ([fact("a") > 1], [(fact("a") > 1) | fact("b").is_true()], "loosened"),
        ([fact("a") > 1], [fact("a") > 1, fact("b").is_true()], "tightened"),
        ([fact("a") > 1, fact("b").is_true()], [fact("a") > 1], "loosened"),
        ([fact("c").count() >= 2], [fact("c").distinct() >= 2], "tightened"),
        ([predicate("ok")], [predicate("better")], "re-gated"),
        ([~(fact("a") < 5)], [fact("a") >= 5], "changed"),
    ],
)
def test_a_gate_is_tightened_or_loosened_where_that_is_certain(old: list[Rule], new: list[Rule], kind: str) -> None:
    assert only(asking(*old), asking(*new)).kind == kind


def test_an_advisory_criterion_gates_nothing() -> None:
    advice = Criterion(key="advice", rule=fact("b").is_true(), severity="advisory")
    assert only(SEVEN_STAGE, SEVEN_STAGE.require("closing", advice)).kind == "changed"


def test_a_tightened_stage_touches_every_stage_that_has_a_move_past_it() -> None:
    process = SEVEN_STAGE.with_transition(Transition(trigger="jump", source="presenting", dest="generating_referrals"))
    difference = only(process, process.require("closing", fact("contract").is_known()))
    assert difference.stages == ("presenting", "closing")


def test_a_gate_on_entering_touches_the_stages_that_lead_there() -> None:
    strict = SEVEN_STAGE.merge(
        SalesProcess(key="add_on", stages=[Stage(key="closing", entry_criteria=fact("offer").is_known())])
    )
    difference = only(SEVEN_STAGE, strict)
    assert (difference.kind, difference.stages) == ("tightened", ("overcoming_objections",))


def test_an_unchanged_move_over_a_new_stage_asks_for_more() -> None:
    jump = Transition(trigger="jump", source="presenting", dest="closing")
    process = SEVEN_STAGE.with_transition(jump)
    found = diff(process, process.insert(Stage(key="legal", exit_criteria=fact("x").is_known()), before="closing"))
    assert "'jump' to 'closing' also asks for the exit criteria of 'legal'" in [
        each.message for each in found.tightened
    ]


def test_a_reason_that_is_needed_now_tightens() -> None:
    fast = next(move for move in SEVEN_STAGE.transitions if move.trigger == "fast_track")
    strict = SEVEN_STAGE.with_transition(fast.model_copy(update={"needs_reason": True}))
    assert only(SEVEN_STAGE, strict).kind == "tightened"
    assert only(strict, SEVEN_STAGE).kind == "loosened"


def test_a_shorter_list_of_reasons_tightens() -> None:
    lose = Transition(trigger="lose", source="closing", dest="lost", needs_reason=True, reasons=("price", "timing"))
    listed = SEVEN_STAGE.with_transition(lose)
    assert only(SEVEN_STAGE, listed).kind == "tightened"
    assert only(listed.with_transition(lose.model_copy(update={"reasons": ("price",)})), listed).kind == "loosened"


def test_waiving_a_stage_loosens() -> None:
    fast = next(move for move in SEVEN_STAGE.transitions if move.trigger == "fast_track")
    strict = SEVEN_STAGE.with_transition(fast.model_copy(update={"waives": ("prospecting",)}))
    difference = only(strict, SEVEN_STAGE)
    assert (difference.kind, difference.stages) == ("loosened", ("prospecting",))


def test_a_stage_of_another_kind_and_another_order_are_told() -> None:
    moved = diff(SEVEN_STAGE, SEVEN_STAGE.reorder("presenting", "qualifying"))
    assert "moved: the order is" in next(each for each in moved if each.path == "stages").message
    stages = [
        stage.model_copy(update={"probability": 0.5}) if stage.key == "closing" else stage
        for stage in SEVEN_STAGE.stages
    ]
    likely = SalesProcess(**{**dict(SEVEN_STAGE), "stages": stages})
    assert only(SEVEN_STAGE, likely).message == "the probability of 'closing' is 0.5, was nothing"


def test_what_breaks_is_told_for_the_stages_that_deals_are_in() -> None:
    """krayin/laravel-crm#678, Palmetto#276: a stage went, and its deals with it."""
    found = diff(SEVEN_STAGE, SEVEN_STAGE.without("presenting").require("closing", fact("contract").is_known()))
    assert "stages.presenting" in [each.path for each in found.breaking(["presenting"])]
    assert [each.kind for each in found.breaking(["closing"]) if each.path.startswith("stages")] == ["tightened"]
    assert not found.breaking(["prospecting"])
    with pytest.raises(KeyError, match="did you mean 'closing'"):
        found.breaking(["closng"])


def test_a_diff_reads_as_a_release_note() -> None:
    new = SEVEN_STAGE.rename("closing", "Signature").relax("closing", "signed_at").with_version(2)
    assert str(diff(SEVEN_STAGE, new)) == (
        "Seven-stage sales process: version 1 to 2\n"
        "Renamed\n"
        "  - stage 'closing' is named 'Signature', was 'Closing' (touches closing)\n"
        "Loosened\n"
        "  - leaving 'closing' no longer asks for signed_at: Contract signed: signed_at is known (touches closing)"
    )


GRID = [None, *(number / 2 for number in range(-1, 7))]
COMPARISONS = st.builds(
    lambda name, at_least, number: fact(name) >= number if at_least else fact(name) < number,
    st.sampled_from(["x", "y"]),
    st.booleans(),
    st.integers(0, 2),
)


@given(st.lists(COMPARISONS, max_size=3), st.lists(COMPARISONS, max_size=3))
@settings(max_examples=100, deadline=None)
def test_what_is_told_tightened_or_loosened_is_so_for_every_deal(old: list[Rule], new: list[Rule]) -> None:
    def passing(rules: list[Rule]) -> set[tuple[object, object]]:
        criteria = [Criterion(key=f"k{number}", rule=rule) for number, rule in enumerate(rules)]
        gate = Gate(criteria, Lookup({}, {}, lambda: datetime.now(UTC)))
        deals = product(GRID, GRID)
        return {(x, y) for x, y in deals if gate.judge_each(gate.read_each({"x": x, "y": y}, None, None)) is None}

    before, after = passing(old), passing(new)
    for difference in diff(asking(*old), asking(*new)):
        assert difference.kind != "tightened" or after <= before
        assert difference.kind != "loosened" or before <= after
        assert difference.kind != "changed" or before == after
        assert difference.kind != "re-gated" or not (after <= before or before <= after)


@given(st.sampled_from(shipped()), st.data())
@settings(max_examples=30, deadline=None)
def test_a_diffs_migration_covers_every_stage(old: SalesProcess, data: st.DataObject) -> None:
    """The removed stages are all that a draft has to be told about."""
    new = data.draw(st.sampled_from([*shipped(), *(old.without(stage.key) for stage in old.stages[1:4])]))
    removed = [each.path.removeprefix("stages.") for each in diff(old, new).removed if each.path.startswith("stages.")]
    plan = MigrationPlan.draft(old, new, **dict.fromkeys(removed, new.initial.key))
    assert set(plan.stages) == {stage.key for stage in old.stages}
    assert set(plan.stages.values()) <= {stage.key for stage in new.stages}


def test_what_a_loosened_move_lets_through_is_what_the_engine_lets_through() -> None:
    loose = SEVEN_STAGE.relax("closing", "signed_at")
    assert diff(SEVEN_STAGE, loose).loosened
    deal = {"stage": "closing"}
    assert not Engine(SEVEN_STAGE).check(deal, "win")
    assert Engine(loose).check(deal, "win")
