"""Deals in flight go to a new definition by a plan that was checked, tried and can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import DealError, DefinitionError, Engine, SalesProcess, Stage, fact, predicate
from salesprocess.assurance import MigrationPlan
from salesprocess.catalog import SEVEN_STAGE
from salesprocess.history import History, replay

AT = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHORTER = SEVEN_STAGE.without("presenting").with_version(2)
LONGER = SEVEN_STAGE.insert(
    Stage(key="legal", exit_criteria=fact("approved").is_true()), before="closing"
).with_version(2)


@dataclass(frozen=True)
class Deal:
    stage: str
    approved: bool | None = None
    seq: int = 0


def linear(keys: list[str], version: int) -> SalesProcess:
    stages = [*(Stage(key=key) for key in keys), Stage(key="won", kind="won")]
    return SalesProcess.linear(key="p", version=version, stages=stages)


def test_a_plan_is_drafted_from_equal_keys() -> None:
    plan = MigrationPlan.draft(SEVEN_STAGE, SHORTER, presenting="qualifying")
    assert plan.stages["presenting"] == "qualifying"
    assert all(plan.stages[stage.key] == stage.key for stage in SHORTER.stages)


def test_a_plan_that_forgets_a_stage_is_refused() -> None:
    """krayin/laravel-crm#678: deleting a stage must never lose, or silently move, its deals."""
    with pytest.raises(DefinitionError, match="deals in 'presenting' have no stage to go to"):
        MigrationPlan.draft(SEVEN_STAGE, SHORTER)


def test_a_stage_without_deals_needs_no_place() -> None:
    plan = MigrationPlan.draft(SEVEN_STAGE, SHORTER, occupied=["closing", "prospecting"])
    assert "presenting" not in plan.stages


def test_every_mistake_in_a_plan_is_told_at_once() -> None:
    with pytest.raises(DefinitionError) as caught:
        MigrationPlan(SEVEN_STAGE, SHORTER, {"closng": "closing", "closing": "closng"}, occupied=["presenting", "x"])
    codes = [problem.code for problem in caught.value.problems]
    assert codes == ["unknown_stage", "unknown_stage", "unmapped_stage", "unknown_stage"]
    assert "did you mean 'closing'" in str(caught.value)


def test_a_dry_run_counts_the_deals_of_each_stage() -> None:
    plan = MigrationPlan.draft(SEVEN_STAGE, LONGER)
    run = plan.dry_run({"stage": key} for key in ["prospecting", "lost", "prospecting", "prospecting"])
    assert run.counts == {"prospecting": 3, "lost": 1}
    assert run
    assert "prospecting to prospecting: 3" in str(run)


def test_a_dry_run_tells_the_deals_that_would_fail_the_new_gates() -> None:
    old = linear(["talk", "sign"], 1)
    new = old.require("talk", fact("approved").is_true()).with_version(2)
    deals = [Deal("talk"), Deal("sign"), Deal("sign", approved=True), Deal("won", approved=False)]
    run = MigrationPlan.draft(old, new).dry_run(deals)
    assert not run
    assert [(failing.deal, failing.dest) for failing in run.failing] == [(deals[1], "sign"), (deals[3], "won")]
    assert [found.status for failing in run.failing for found in failing.unmet] == ["unknown", "unmet"]


def test_a_lost_deal_fails_no_gate() -> None:
    plan = MigrationPlan.draft(SEVEN_STAGE, LONGER)
    assert plan.dry_run([Deal("lost")])
    assert not plan.dry_run([Deal("generating_referrals")])


def test_a_dry_run_tells_deals_in_stages_that_the_plan_leaves_out() -> None:
    run = MigrationPlan.draft(SEVEN_STAGE, SHORTER, occupied=["closing"]).dry_run([Deal("presenting"), Deal("gone")])
    assert not run
    assert run.unmapped == {"presenting": 1, "gone": 1}


def test_a_dry_run_asks_the_hosts_own_functions_and_names() -> None:
    old = linear(["talk", "sign"], 1)
    new = old.require("talk", predicate("solvent"), fact("approval").is_true())
    plan = MigrationPlan.draft(old, new)
    with pytest.raises(DefinitionError, match="solvent"):
        plan.dry_run([])
    options: dict[str, Any] = {"facts": {"approval": "approved"}, "predicates": {"solvent": lambda _deal: True}}
    assert plan.dry_run([Deal("sign", approved=True)], **options)


def test_a_dry_run_changes_nothing_and_takes_any_iterable() -> None:
    deals = [{"stage": "presenting"}, {"stage": "lost"}]

    def stream() -> Iterator[dict[str, str]]:
        yield from deals

    run = MigrationPlan.draft(SEVEN_STAGE, SHORTER, presenting="qualifying").dry_run(stream())
    assert run.counts == {"presenting": 1, "lost": 1}
    assert deals == [{"stage": "presenting"}, {"stage": "lost"}]


def test_a_migration_gives_one_change_for_each_deal() -> None:
    plan = MigrationPlan.draft(SEVEN_STAGE, SHORTER, presenting="qualifying")
    deals = [Deal("presenting", seq=4), Deal("closing", seq=7)]
    changes = list(plan.migrate(deals, at=AT, by="ops", reason="one pitch less", seq="seq"))
    assert [(change.seq, change.source, change.dest) for change in changes] == [
        (5, "presenting", "qualifying"),
        (8, "closing", "closing"),
    ]
    assert {(change.source_kind, change.version, change.by) for change in changes} == {("migration", 2, "ops")}
    assert {change.fingerprint for change in changes} == {SHORTER.fingerprint}


def test_stages_may_be_members_of_an_enum() -> None:
    stages = Enum("stages", {"CLOSING": "closing"})
    (change,) = MigrationPlan.draft(SEVEN_STAGE, LONGER).migrate([{"stage": stages.CLOSING}], at=AT)
    assert change.source == "closing"


def test_a_deal_that_the_plan_leaves_out_is_refused() -> None:
    plan = MigrationPlan.draft(SEVEN_STAGE, SHORTER, occupied=["closing"])
    with pytest.raises(DealError, match="which the plan leaves out"):
        list(plan.migrate([Deal("presenting")], at=AT))


def test_a_time_without_a_zone_is_refused_before_the_first_deal() -> None:
    plan = MigrationPlan.draft(SEVEN_STAGE, LONGER)
    with pytest.raises(DealError, match="time zone"):
        plan.migrate([], at=datetime(2026, 1, 1))  # noqa: DTZ001 - what is tested


KEYS = st.lists(st.sampled_from([f"k{number}" for number in range(9)]), min_size=2, max_size=7, unique=True)


@given(KEYS, st.randoms(use_true_random=False), st.data())
@settings(max_examples=50, deadline=None)
def test_there_and_back_is_where_the_deals_were(keys: list[str], random: Any, data: st.DataObject) -> None:
    """Migrating by a plan and then by its inverse is the identity on stages."""
    renamed = [f"new_{key}" for key in keys]
    random.shuffle(renamed)
    plan = MigrationPlan(
        linear(keys, 1), linear(renamed, 2), dict(zip([*keys, "won", "lost"], [*renamed, "won", "lost"], strict=True))
    )
    deals = [Deal(stage) for stage in data.draw(st.lists(st.sampled_from(sorted(plan.stages))))]
    moved = [replace(deal, stage=change.dest) for deal, change in zip(deals, plan.migrate(deals, at=AT), strict=True)]
    back = [change.dest for change in plan.inverse().migrate(moved, at=AT)]
    assert back == [deal.stage for deal in deals]


def test_stages_that_became_one_cannot_be_told_apart_again() -> None:
    with pytest.raises(DefinitionError, match="deals in 'qualifying' come from 'qualifying', 'presenting'"):
        MigrationPlan.draft(SEVEN_STAGE, SHORTER, presenting="qualifying").inverse()


def test_a_migrated_deal_goes_on_by_the_new_definition() -> None:
    """Moving records between Zoho blueprints takes a script and every transition by hand; here it is a loop."""
    deal = {"stage": "presenting", "need": True, "budget": True, "authority": True}
    (change,) = MigrationPlan.draft(SEVEN_STAGE, SHORTER, presenting="qualifying").migrate([deal], at=AT)
    deal["stage"] = change.dest
    assert Engine(SHORTER).fire(deal, "advance").dest == "overcoming_objections"
    assert deal["stage"] == "overcoming_objections"


def test_a_history_takes_the_migration_in_and_goes_on() -> None:
    deal: dict[str, Any] = {"stage": None}
    started = Engine(SEVEN_STAGE).start(deal, at=AT.replace(day=1))
    (change,) = MigrationPlan.draft(SEVEN_STAGE, LONGER).migrate([deal], at=AT)
    history = History(LONGER, [started, change])
    assert history.stage == "prospecting"


def recorded(*moves: str, process: SalesProcess) -> list[Any]:
    engine, deal = Engine(process), {"stage": None}
    changes = [engine.start(deal, at=AT.replace(hour=1))]
    for hour, trigger in enumerate(moves, 2):
        changes.append(engine.fire(deal, trigger, reason="told", at=AT.replace(hour=hour)))
    return changes


def test_recorded_histories_are_replayed_against_the_new_version() -> None:
    old = linear(["talk", "offer", "sign"], 1)
    past = recorded("advance", "advance", "win", process=old)
    same = MigrationPlan.draft(old, old.rename("offer", "Proposal").with_version(2))
    assert replay(same.new, same.translated(past))
    longer = MigrationPlan.draft(old, old.insert(Stage(key="legal"), after="offer"))
    assert [oddity.code for oddity in replay(longer.new, longer.translated(past)).oddities] == ["skip"]


def test_a_move_between_stages_that_became_one_is_no_move_any_more() -> None:
    old = linear(["talk", "offer", "sign"], 1)
    plan = MigrationPlan.draft(old, old.without("offer").with_version(2), offer="talk")
    past = list(plan.translated(recorded("advance", "advance", "win", process=old)))
    assert [change.dest for change in past] == ["talk", "sign", "won"]
    assert replay(plan.new, past)
