"""Assertions fail in sentences that a salesperson could read."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from salesprocess import Engine, Hooks, SalesProcess, Stage, StageChange, Veto, fact
from salesprocess.catalog import FUNNEL, SEVEN_STAGE
from salesprocess.history import History
from salesprocess.testing import (
    FrozenClock,
    RecordingHooks,
    Seen,
    assert_allowed,
    assert_conforms,
    assert_moves,
    assert_refused,
    assert_unchanged,
    paths,
    stored_histories,
)
from salesprocess.testing.snapshot import changes

ENGINE: Engine[dict[str, Any]] = Engine(SEVEN_STAGE)


def deal(**facts: Any) -> dict[str, Any]:
    return {"stage": "qualifying", **facts}


def test_an_allowed_move_gives_its_decision() -> None:
    assert assert_allowed(ENGINE, deal(need=True, budget=True, authority=True), "advance").dest == "presenting"


def test_a_move_that_should_be_allowed_says_what_is_missing() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_allowed(ENGINE, deal(need=True, budget=False), "advance")
    assert str(caught.value).splitlines()[:4] == [
        "'advance' should be allowed, but it is refused (blocked)",
        "'advance' from 'qualifying' to 'presenting' is blocked: 2 of 3 criteria are not met",
        "  - Budget confirmed (budget): expected true, found false",
        "  - Decision-maker involved (authority): expected true, found nothing yet",
    ]


def test_a_refused_move_may_name_what_it_wants_in_any_order() -> None:
    decision = assert_refused(ENGINE, deal(need=True), "advance", unmet=["authority", "budget"], kind="blocked")
    assert not decision


def test_a_move_that_wants_something_else_says_what() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_refused(ENGINE, deal(need=True), "advance", unmet=["need", "bugdet"])
    lines = str(caught.value).splitlines()
    assert lines[0] == "'advance' should want need, bugdet, but it wants budget, authority"
    assert "  - need is met" in lines
    assert "  - bugdet is not asked for; did you mean 'budget'?" in lines
    assert "  - authority was not expected" in lines


def test_a_move_that_should_be_refused_but_is_allowed_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="'lose' to 'lost' should be refused, but it is allowed"):
        assert_refused(ENGINE, deal(), "lose", to="lost")


def test_a_refusal_of_another_kind_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="refused as 'closed', but it is refused as 'blocked'"):
        assert_refused(ENGINE, deal(), "advance", kind="closed")


def test_a_reason_is_asked_for_when_the_move_is_tried() -> None:
    here = deal()
    assert_refused(ENGINE, here, "lose", kind="needs_reason")
    with pytest.raises(AssertionError, match="should be refused, but the deal went from 'qualifying' to 'lost'"):
        assert_refused(ENGINE, here, "lose", kind="needs_reason", reason="price")


def test_a_veto_shows_when_the_move_is_tried() -> None:
    hooks: Hooks[dict[str, Any]] = Hooks()

    @hooks.before("lose")
    def forbid(_event: object) -> None:
        raise Veto("not on a Friday")

    decision = assert_refused(Engine(SEVEN_STAGE, hooks=hooks), deal(), "lose", kind="vetoed", reason="price")
    assert "not on a Friday" in decision.message


def test_a_move_is_made_and_recorded() -> None:
    here = deal()
    assert assert_moves(ENGINE, here, "lose", reason="price", by="ana").reason == "price"
    assert here["stage"] == "lost"


def test_a_move_that_should_be_made_says_why_it_is_not() -> None:
    with pytest.raises(AssertionError, match=r"'advance' should be made, but it is refused \(blocked\)"):
        assert_moves(ENGINE, deal(), "advance")


def test_a_past_that_obeys_passes_and_one_that_does_not_names_each_oddity() -> None:
    clock = FrozenClock()
    engine: Engine[dict[str, Any]] = Engine(FUNNEL, clock=clock)
    here: dict[str, Any] = {"stage": None, "problem_aware": True}
    past = History(FUNNEL, [engine.start(here)])
    clock.advance(timedelta(days=1))
    past.append(engine.fire(here, "advance"))
    assert assert_conforms(FUNNEL, past)
    jump: StageChange = past[1]._replace(dest="customer", at=past[0].at)
    with pytest.raises(AssertionError) as caught:
        assert_conforms(FUNNEL, [past[0], jump])
    assert "the history should obey 'funnel', but 2 things are odd" in str(caught.value)
    assert "  - change 1: 'advance' from 'top' to 'customer' (skip)" in str(caught.value)


def test_recording_hooks_note_each_event_in_order_beside_the_hosts_own() -> None:
    ran: list[str] = []
    own: Hooks[dict[str, Any]] = Hooks()
    own.won(lambda event: ran.append(event.decision.source))
    recording: RecordingHooks[dict[str, Any]] = RecordingHooks()
    engine = Engine(FUNNEL, hooks=own | recording)
    engine.fire({"stage": "bottom", "qualified": True, "signed_at": 1}, "win")
    assert [seen.phase for seen in recording.seen] == ["before", "exit", "enter", "after", "won"]
    assert recording.seen[0] == Seen("before", "win", "bottom", "customer")
    assert recording.events[-1].deal["stage"] == "customer"
    assert ran == ["bottom"]


OLD = SalesProcess.linear(
    key="sale", stages=[Stage(key="talk", exit_criteria=fact("amount") >= 10), Stage(key="offer")]
)


def test_a_snapshot_is_kept_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "sale.json"
    with pytest.raises(AssertionError, match=r"has no snapshot at .*sale.json; to accept it"):
        assert_unchanged(OLD, path)
    assert_unchanged(OLD, path, update=True)
    assert_unchanged(OLD.rename("talk", "Talking"), path)


def test_a_process_that_changed_says_where(tmp_path: Path) -> None:
    path = tmp_path / "sale.json"
    assert_unchanged(OLD, path, update=True)
    new = SalesProcess.linear(
        key="sale",
        stages=[Stage(key="talk", exit_criteria=fact("amount") >= 20), Stage(key="won", kind="won")],
    )
    with pytest.raises(AssertionError) as caught:
        assert_unchanged(new, path)
    text = str(caught.value)
    assert "stages[talk].exit_criteria[amount].rule: was" in text
    assert "stages[offer] is gone" in text
    assert "stages[won] is new" in text


def test_stages_in_another_order_are_a_change() -> None:
    assert list(changes([{"key": "a"}, {"key": "b"}], [{"key": "b"}, {"key": "a"}], "stages")) == [
        "stages is in another order: b, a"
    ]


@pytest.mark.parametrize("path", list(paths(SEVEN_STAGE, kind="all_transitions")))
def test_a_path_builds_the_deal_that_walks_it(path: Any) -> None:
    here = path.deal(dict)
    assert path.walk(ENGINE, here)[-1].dest == here["stage"] == path.stages[-1]


def test_paths_that_make_every_move_leave_none_out() -> None:
    made = {
        (step.source, step.trigger, step.dest) for path in paths(FUNNEL, kind="all_transitions") for step in path.steps
    }
    assert made == {(move.source, move.trigger, move.dest) for move in FUNNEL.moves()}


def test_paths_that_make_every_move_go_on_to_a_stage() -> None:
    assert {path.stages[-1] for path in paths(FUNNEL, kind="all_transitions", to="customer")} == {"customer"}


def test_the_shortest_paths_are_those_of_a_plan() -> None:
    (path,) = paths(SEVEN_STAGE, to="closing")
    plan = ENGINE.plan({"stage": "prospecting", "source": "referral"}, to="closing")
    assert path.stages == plan.stages
    assert [each.stages[-1] for each in paths(FUNNEL)] == ["middle", "bottom", "customer", "lost", "disqualified"]


def test_simple_paths_enter_no_stage_twice_and_come_as_they_are_asked_for() -> None:
    found = paths(SEVEN_STAGE, kind="simple", limit=50)
    assert str(next(found)) == "prospecting>making_contact"
    rest = list(found)
    assert len(rest) == 49
    assert all(len(set(path.stages)) == len(path.stages) for path in rest)
    assert len(list(paths(SEVEN_STAGE, kind="simple", limit=3))) == 3


def test_a_path_says_the_trigger_where_stages_do_not_tell() -> None:
    stages = [Stage(key="a"), Stage(key="b", kind="won")]
    process = SalesProcess.linear(key="p", stages=stages)
    both = process.model_dump(mode="json")
    both["transitions"].append({"trigger": "gift", "source": ["a"], "dest": "b"})
    names = [str(path) for path in paths(SalesProcess.model_validate(both), to="b", kind="simple")]
    assert names[:2] == ["a>win:b", "a>gift:b"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "closed"}, "unknown stage 'closed' in process"),
        ({"kind": "longest"}, "unknown kind of path 'longest'"),
        ({"limit": 0}, "limit must be at least 1, found 0"),
    ],
)
def test_a_wrong_question_about_paths_is_refused_at_once(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        paths(SEVEN_STAGE, **options)


def test_a_path_that_no_deal_can_walk_says_what_contradicts() -> None:
    stages = [Stage(key="a", exit_criteria=fact("n") > 5), Stage(key="b", exit_criteria=fact("n") < 5), Stage(key="c")]
    (path,) = paths(SalesProcess.linear(key="p", stages=stages), to="c")
    with pytest.raises(ValueError, match="no single dict can walk a>b>c, which asks for: n is more than 5; n is less"):
        path.deal(dict)


def test_stored_histories_are_cases_of_a_test(tmp_path: Path) -> None:
    here: dict[str, Any] = {"stage": None}
    past = History(FUNNEL, [Engine[dict[str, Any]](FUNNEL).start(here)])
    (tmp_path / "deal-7.json").write_text(json.dumps(past.model_dump(mode="json")))
    (tmp_path / "all").mkdir()
    (tmp_path / "all" / "deals.json").write_text(json.dumps({"deal-7": past.model_dump(mode="json")}))
    for stored in (tmp_path, tmp_path / "all" / "deals.json", {"deal-7": past.changes}):
        (case,) = stored_histories(FUNNEL, stored)
        assert (case.id, case.values) == ("deal-7", (past,))
