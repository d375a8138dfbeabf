"""What is derived from a history, what may be added to it, and what a past is reported for."""

from __future__ import annotations

import csv
import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import DealError, Engine, SalesProcess, Stage, StageChange, Transition
from salesprocess.catalog import PIPELINER
from salesprocess.history import History, read_changes, replay

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROCESS = SalesProcess.linear(
    key="p",
    stages=[
        *(Stage(key=key) for key in "abc"),
        Stage(key="won", kind="won"),
        Stage(key="more", kind="won"),
        Stage(key="hold", kind="on_hold"),
    ],
)


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def change(source: str | None, dest: str, at: float, **more: Any) -> StageChange:
    triggers = {(move.source, move.dest): move.trigger for move in PROCESS.moves()}
    trigger = "start" if source is None else triggers.get((source, dest), "import")
    usual: dict[str, Any] = {"seq": None, "trigger": trigger, "fingerprint": PROCESS.fingerprint}
    return StageChange(process="p", version=1, source=source, dest=dest, at=day(at), **usual | more)


def path(*stages: str, **more: Any) -> list[StageChange]:
    """One change a day through these stages."""
    sources = (None, *stages)
    return [change(sources[index], dest, index, **more) for index, dest in enumerate(stages)]


def test_empty_history_is_in_no_stage() -> None:
    history = History(PROCESS)
    assert (history.stage, history.outcome, history.entered_at, history.closed_at) == (None, None, None, None)
    assert history.reached == history.visited == ()


def test_stage_and_entry_are_those_of_the_last_change() -> None:
    history = History(PROCESS, path("a", "b"))
    assert (history.stage, history.entered_at, history.outcome) == ("b", day(1), "open")


def test_closing_date_is_gone_once_the_deal_is_reopened() -> None:
    """A CRM that stores the closing date keeps it after reopening, and counts the deal as closed."""
    history = History(PROCESS, path("a", "lost"))
    assert history.closed_at == day(1)
    history.append(change("lost", "a", 2, reason="r"))
    assert history.closed_at is None


def test_closing_date_is_that_of_winning_while_a_deal_moves_on_through_won_stages() -> None:
    history = History(PROCESS, path("a", "b", "c", "won", "more"))
    assert (history.outcome, history.closed_at) == ("won", day(3))


def test_first_win_is_kept_when_a_won_deal_is_lost_later() -> None:
    history = History(PROCESS, path("c", "won", "c", "lost"))
    assert (history.first_won_at, history.closed_at, history.outcome) == (day(1), day(3), "lost")


def test_closing_date_is_that_of_the_last_change_of_outcome() -> None:
    assert History(PROCESS, path("a", "won", "lost")).closed_at == day(2)
    assert History(PROCESS, path("a", "lost", "won")).closed_at == day(2)
    assert History(PROCESS, path("a", "won", "more", "lost")).closed_at == day(3)
    assert History(PROCESS, path("a", "lost", "lost")).closed_at == day(1)
    assert History(PROCESS, path("a", "won", "nowhere")).closed_at is None
    assert History(PROCESS, path("a", "won", "hold")).closed_at is None
    assert History(PROCESS, path("won")).closed_at == day(0)


def test_deal_that_was_never_won_has_no_first_win() -> None:
    assert History(PROCESS, path("a", "b", "lost")).first_won_at is None


def test_history_is_a_sequence_of_its_changes() -> None:
    changes = path("a", "b", "c")
    history = History(PROCESS, changes)
    assert (len(history), list(history), history[0], history[-1]) == (3, changes, changes[0], changes[2])
    assert history[1:] == history.changes[1:] == tuple(changes[1:])
    assert history.process is PROCESS
    assert repr(history) == "<History of 3 changes, now in 'c'>"


def test_histories_are_equal_with_the_same_changes_of_the_same_process() -> None:
    history = History(PROCESS, path("a", "b"))
    assert history == History(SalesProcess.model_validate(PROCESS.model_dump()), history.model_dump())
    assert history != History(PROCESS, path("a"))
    assert History(PROCESS, path("a")) != history
    assert history != History(PROCESS.model_copy(update={"version": 2}), path("a", "b"))
    assert history != list(history)
    with pytest.raises(TypeError, match="unhashable"):
        hash(history)


def test_spell_lasts_to_its_end_or_to_the_time_asked_for() -> None:
    first, last = History(PROCESS, path("a", "b")).spells
    assert (first.stage, first.length(), first.length(day(9))) == ("a", timedelta(days=1), timedelta(days=1))
    assert (last.left_at, last.length(), last.length(day(9))) == (None, None, timedelta(days=8))


def test_lost_deal_knows_the_stage_it_was_lost_in() -> None:
    assert History(PROCESS, path("a", "b", "lost")).lost_in == "b"
    assert History(PROCESS, [change("c", "lost", 1)]).lost_in == "c"
    assert History(PROCESS, path("a", "won", "lost")).lost_in == "a"
    assert History(PROCESS, path("lost")).lost_in is None
    assert History(PROCESS, path("a", "b", "hold", "lost")).lost_in == "b"
    assert History(PROCESS, path("a", "b")).lost_in is None


def test_reopening_goes_back_to_the_stage_it_was_lost_in() -> None:
    engine: Engine[Any] = Engine(PROCESS)
    history = History(PROCESS, path("a", "b", "lost"))
    deal = {"stage": history.stage}
    assert engine.fire(deal, "reopen", to=history.lost_in, reason="budget is back").dest == "b"


def test_time_in_a_stage_is_of_the_latest_stay_or_of_all() -> None:
    history = History(PROCESS, path("a", "b", "a", "b", "c"))
    assert history.time_in("a") == timedelta(days=1)
    assert history.time_in("a", which="cumulative") == timedelta(days=2)
    assert history.time_in("won") is None


def test_stay_that_goes_on_counts_up_to_the_time_asked_for() -> None:
    history = History(PROCESS, path("a", "b", "a"))
    assert history.time_in("a") is None
    assert history.time_in("a", which="cumulative") == timedelta(days=1)
    assert history.time_in("a", at=day(5)) == timedelta(days=3)
    assert history.time_in("a", which="cumulative", at=day(5)) == timedelta(days=4)


def test_stay_is_never_shorter_than_nothing() -> None:
    history = History(PROCESS, [change(None, "a", 3), change("a", "b", 1)])
    assert history.time_in("a") == timedelta(0)


def test_move_within_a_stage_does_not_begin_a_new_stay() -> None:
    history = History(PIPELINER, [])
    engine: Engine[Any] = Engine(PIPELINER)
    deal = {"stage": "close"}
    history = History(PIPELINER, [engine.fire(deal, "repeat_sale", at=day(n)) for n in (0, 1)])
    assert history.entered_at == day(0)
    reread = History(PIPELINER, json.loads(json.dumps(history.model_dump(mode="json"))))
    assert reread.entered_at == day(0)
    assert reread.time_in("close", at=day(3)) == timedelta(days=3)


def test_time_in_an_unknown_stage_names_the_nearest() -> None:
    with pytest.raises(DealError, match="did you mean 'more'"):
        History(PROCESS).time_in("mor")
    old = History(PROCESS, path("a", "mor", "b"))
    assert old.time_in("mor") == timedelta(days=1)
    with pytest.raises(DealError, match="did you mean 'more'"):
        old.time_in("moor")


def test_stay_in_hand_is_measured_in_aware_time() -> None:
    with pytest.raises(DealError, match="at needs a time zone"):
        History(PROCESS, path("a")).time_in("a", at=datetime(2026, 3, 4))  # noqa: DTZ001 - the point


def test_skipped_stages_are_reached_but_not_visited() -> None:
    history = History(PROCESS, path("a", "c", "lost"))
    assert (history.visited, history.reached, history.skipped) == (("a", "c", "lost"), ("a", "b", "c"), ("b",))
    back = History(PROCESS, path("a", "won", "b"))
    assert (back.visited, back.reached, back.skipped) == (("a", "b", "won"), ("a", "b", "c", "won"), ("c",))
    aside = History(PROCESS, path("hold", "nowhere"))
    assert (aside.visited, aside.reached, aside.skipped) == (("hold",), (), ())


def test_history_is_by_key_so_that_a_renamed_stage_keeps_its_past() -> None:
    """A CRM that keeps names in its log loses the history of a renamed stage."""
    data = json.loads(PROCESS.model_dump_json())
    data["stages"][0]["name"] = "Something else"
    renamed = SalesProcess.model_validate(data)
    assert replay(renamed, path("a", "b"))
    assert History(renamed, path("a", "b")).time_in("a") == timedelta(days=1)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ({"source": "c"}, "it leaves 'c', the deal is in 'b'"),
        ({"dest": "nowhere"}, "unknown stage 'nowhere' in process 'p'"),
        ({"at": day(0.5)}, "its time .* is before .*, that of the last change"),
        ({"process": "other"}, "of process 'other'"),
        ({"process": "quite other"}, "of process 'quite other'"),
        ({"process": "other", "source_kind": "override"}, "of process 'other'"),
        ({"source": "c", "source_kind": "override"}, "it leaves 'c', the deal is in 'b'"),
        ({"source": "a"}, "it leaves 'a', the deal is in 'b'"),
        ({"seq": 9}, "its number is 9, expected 3"),
        ({"dest": "more"}, "'advance' does not lead from 'b' to 'more'"),
    ],
)
def test_append_refuses_what_does_not_follow(spoil: dict[str, Any], words: str) -> None:
    history = History(PROCESS)
    for each in path("a", "b"):
        history.append(each)
    following = change("b", "c", 2)._replace(**spoil)
    with pytest.raises(DealError, match=words):
        history.append(following)
    assert len(history) == 2


def test_append_says_which_change_it_is_that_does_not_follow() -> None:
    history = History(PROCESS, path("a", "b", "c"))
    with pytest.raises(DealError, match="^change 4 does not follow: it leaves 'b', the deal is in 'c'$"):
        history.append(change("b", "c", 3))
    with pytest.raises(DealError, match="^change 4 does not follow: its time 2026-03-03T09:00:00"):
        history.append(change("c", "won", 1))


def test_append_numbers_what_the_engine_did_not_count() -> None:
    history = History(PROCESS)
    assert [history.append(each).seq for each in path("a", "b")] == [1, 2]
    late = History(PROCESS, [change(None, "a", 0, seq=7)])
    assert [late.append(each).seq for each in path("a", "b", "c")[1:]] == [8, 9]
    uncounted = History(PROCESS, path("a", "b"))
    assert uncounted.append(change("b", "c", 3)).seq == 1
    assert len(late) == len(uncounted) == 3


def test_history_read_back_from_json_takes_what_follows() -> None:
    def reread(changes: list[StageChange]) -> Any:
        return json.loads(json.dumps([each.model_dump(mode="json") for each in changes]))

    engine: Engine[Any] = Engine(PIPELINER, seq="seq")
    deal: dict[str, Any] = {}
    changes = [
        engine.start(deal),
        engine.fire(deal, "lose", reason="r"),
        engine.fire(deal, "reopen", to="engage", reason="r"),
    ]
    changes = [each._replace(seq=1000 + number) for number, each in enumerate(changes)]
    history = History(PIPELINER, reread(changes[:1]))
    for each in reread(changes[1:]):
        history.append(StageChange.model_validate(each))
    assert list(history) == changes
    assert replay(PIPELINER, history.changes)
    still = [reread(changes)[0], {**reread(changes)[2], "source": "focus", "dest": json.loads('"focus"')}]
    assert "illegal_move" in replay(PIPELINER, History(PIPELINER, still)).counts
    former = History(PIPELINER, [{**reread(changes)[0], "dest": "former"}])
    assert former.time_in(json.loads('"former"'), at=changes[0].at + timedelta(days=2)) == timedelta(days=2)


@pytest.mark.parametrize("number", [4, 5, 6, 7, 9, 11])
def test_append_takes_the_next_number_alone(number: int) -> None:
    history = History(PROCESS, [change(None, "a", 0, seq=5)])
    if number == 6:
        assert history.append(change("a", "b", 1, seq=number)).seq == 6
        return
    with pytest.raises(DealError, match=f"its number is {number}, expected 6"):
        history.append(change("a", "b", 1, seq=number))


def test_append_takes_a_change_of_the_same_time_and_a_number_where_none_was_before() -> None:
    history = History(PROCESS, [change(None, "a", 0)])
    assert history.append(change("a", "b", 0, seq=4)).seq == 4


def test_migration_begins_anew_in_any_stage_of_the_process_and_in_no_other() -> None:
    history = History(PROCESS, path("a", "b"))
    moved = change("elsewhere", "more", 2, source_kind="migration", trigger="migrate")._replace(process="old")
    with pytest.raises(DealError, match="unknown stage 'mor' in process 'p'; did you mean 'more'"):
        history.append(moved._replace(dest="mor"))
    history.append(moved)
    assert history.stage == "more"


@pytest.mark.parametrize("kind", ["live", "override"])
@pytest.mark.parametrize("other", ["0" * 16, "f" * 16])
def test_move_that_the_process_has_not_is_taken_from_another_version_of_it_alone(kind: Any, other: str) -> None:
    history = History(PROCESS, path("a"))
    jump = change("a", "more", 1, source_kind=kind)
    with pytest.raises(DealError, match="'import' does not lead from 'a' to 'more'"):
        history.append(jump)
    history.append(jump._replace(fingerprint=other))
    assert history.stage == "more"


def test_imported_move_is_taken_as_it_is() -> None:
    history = History(PROCESS, path("a"))
    history.append(change("a", "more", 1, source_kind="import"))
    assert history.visited == ("a", "more")


def test_first_change_enters_the_first_stage() -> None:
    with pytest.raises(DealError, match="it starts in 'b', not in 'a'"):
        History(PROCESS).append(change(None, "b", 0))
    later = SalesProcess.linear(key="p", stages=[Stage(key="m"), Stage(key="a"), Stage(key="won", kind="won")])
    for stage in ("a", "won"):
        with pytest.raises(DealError, match=f"it starts in '{stage}', not in 'm'"):
            History(later).append(change(None, stage, 0, fingerprint=later.fingerprint))
        assert [odd.code for odd in replay(later, [change(None, stage, 0)]).oddities] == ["skip"]
    History(later).append(change(None, "m", 0, fingerprint=later.fingerprint))


def test_json_round_trip_is_the_identity() -> None:
    history = History(PROCESS, path("a", "b", "lost", by="ana", reason="r"))
    assert History(PROCESS, json.loads(json.dumps(history.model_dump(mode="json")))) == history


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        (path("a", "b", "c", "won"), []),
        (path("a", "c"), ["skip"]),
        (path("b"), ["skip"]),
        ([*path("a", "b", "c"), change("c", "a", 3)], ["backward"]),
        (path("a", "lost", "won"), ["after_closing"]),
        (path("a", "nowhere"), ["unknown_stage"]),
        ([change(None, "a", 0), change("b", "c", 1)], ["broken_chain"]),
        ([change(None, "a", 1), change("a", "b", 0)], ["clock_back"]),
        ([change(None, "a", 0), change("a", "b", 0)], ["tie"]),
        ([change(None, "a", 0, seq=1), change("a", "b", 1, seq=1)], ["duplicate"]),
        ([change(None, "a", 0), change("a", "b", 1, trigger="win")], ["illegal_move"]),
        ([change(None, "a", 0), change("a", "won", 1, source_kind="migration")], []),
        ([change(None, "a", 0), change("b", "c", 1, source_kind="migration")], []),
        ([change(None, "a", 0), change("a", "b", 1, trigger="win", source_kind="import")], []),
        ([*path("a", "b", "c"), change("c", "c", 3)], ["illegal_move"]),
        ([*path("a", "b", "c", "won"), change("won", "b", 4)], ["after_closing"]),
        ([*path("a", "b"), change("b", "hold", 2), change("hold", "won", 3)], ["illegal_move"]),
        ([*path("a"), change("nowhere", "b", 1)], ["unknown_stage"]),
        ([*path("a"), change("a", "c", 0)], ["tie", "skip"]),
        ([change(None, "a", 0, seq=3), change("a", "b", 1, seq=1)], []),
        ([change(None, "a", 0), change("a", "c", 1, source_kind="override")], ["skip"]),
        ([change(None, "a", 0), change("b", "c", 1, source_kind="override")], ["broken_chain"]),
        ([change(None if n == 0 else "ab"[n % 2 - 1], "ab"[n % 2], n, seq=n + 1) for n in range(400)], []),
    ],
)
def test_replay_reports_each_oddity_with_its_position(changes: list[StageChange], codes: list[str]) -> None:
    conformance = replay(PROCESS, changes)
    assert [oddity.code for oddity in conformance.oddities] == codes
    assert bool(conformance) is not bool(codes)
    assert all(oddity.position == len(changes) - 1 for oddity in conformance.oddities)


def test_conformance_reads_as_what_it_found_and_where() -> None:
    odd = replay(PROCESS, [*path("a"), change("a", "c", 0), change("b", "won", -1), change("won", "wun", 3, seq=1)])
    assert str(odd).splitlines() == [
        "4 changes, 6 oddities",
        "  [1] tie: the same time as the change before, 2026-03-02T09:00:00+00:00",
        "  [1] skip: 'import' from 'a' to 'c'",
        "  [2] clock_back: 2026-03-01T09:00:00+00:00 is before 2026-03-02T09:00:00+00:00",
        "  [2] broken_chain: it leaves 'b', the change before entered 'c'",
        "  [2] skip: 'import' from 'b' to 'won'",
        "  [3] unknown_stage: unknown stage 'wun' in process 'p'; did you mean 'won'?",
    ]
    assert odd.counts == {"tie": 1, "skip": 2, "clock_back": 1, "broken_chain": 1, "unknown_stage": 1}
    assert str(replay(PROCESS, path("a", "b"))) == "2 changes, all in order"
    assert str(replay(PROCESS, path("b")).oddities[0]) == "[0] skip: the past starts in 'b'"
    twice = replay(PROCESS, [change(None, "a", 0, seq=1), change("a", "b", 1, seq=2), change("b", "c", 2, seq=1)])
    assert str(twice.oddities[0]) == "[2] duplicate: number 1 is used by [0] already"


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.builds(change, st.none() | st.sampled_from("abcx"), st.sampled_from("abcx"), st.integers(0, 5)), max_size=6
    )
)
def test_no_past_is_ever_refused(changes: list[StageChange]) -> None:
    conformance = replay(PROCESS, changes)
    history = conformance.history
    assert list(history) == changes
    assert set(history.skipped) | set(history.visited) >= set(history.reached)
    total = [history.time_in(key, which="cumulative", at=day(9)) for key in {each.dest for each in changes}]
    assert all(time is not None and time >= timedelta(0) for time in total)


ROWS = [
    {"deal_id": "1", "stage": "a", "at": "2026-03-01T09:00:00Z"},
    {"deal_id": "1", "stage": "a", "at": "2026-03-02T09:00:00Z"},
    {"deal_id": "1", "stage": "b", "at": "2026-03-03T09:00:00Z"},
]


def test_rows_whose_stage_did_not_change_are_collapsed() -> None:
    """A moved amount or closing date makes a row too: such rows are no moves."""
    log = read_changes(ROWS, PROCESS)
    assert [each.dest for each in log.histories["1"]] == ["a", "b"]
    assert log.collapsed == 1
    repeated = [{**row, "deal_id": deal} for deal in "12" for row in [*ROWS[:1] * 4, ROWS[2]]]
    assert read_changes(repeated, PROCESS).collapsed == 6
    assert {each.source_kind for each in log.histories["1"]} == {"import"}


def test_log_from_a_csv_file_is_read_the_same(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, ["deal_id", "stage", "at"])
        writer.writeheader()
        writer.writerows(ROWS)
    assert read_changes(file, PROCESS).histories == read_changes(ROWS, PROCESS).histories


def test_rows_of_the_same_second_keep_their_order_by_sequence() -> None:
    rows = [{"deal_id": "1", "stage": key, "at": "2026-03-01T09:00:00Z", "n": n} for key, n in [("b", 2), ("a", 1)]]
    log = read_changes(rows, PROCESS, seq="n")
    assert [each.dest for each in log.histories["1"]] == ["a", "b"]
    assert [oddity.code for oddity in log.oddities["1"]] == ["tie"]


def test_naive_time_is_refused_with_the_fix_or_taken_in_the_zone_named() -> None:
    rows = [{"deal_id": "1", "stage": "a", "at": "2026-03-01 23:30:00"}]
    with pytest.raises(DealError, match="^row 1: 2026-03-01T23:30:00 has no time zone: name the one that is meant"):
        read_changes(rows, PROCESS)
    log = read_changes(rows, PROCESS, zone=ZoneInfo("America/Phoenix"))
    assert log.histories["1"][0].at.astimezone(UTC) == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def test_what_cannot_be_read_is_reported_and_the_rest_is_kept() -> None:
    rows = [{**ROWS[0], "at": "soon"}, *ROWS, {**ROWS[2], "stage": "zz", "at": "2026-03-04T09:00:00Z"}]
    log = read_changes(rows, PROCESS)
    assert [(row, "'soon' is no time" in why) for row, why in log.skipped_rows] == [(1, True)]
    assert [oddity.code for oddity in log.oddities["1"]] == ["unknown_stage"]


def test_numbers_and_times_that_are_none_are_reported_by_row() -> None:
    rows = [
        {**ROWS[0], "n": n, "at": at} for n, at in [(1, ROWS[0]["at"]), (None, ROWS[0]["at"]), ("2b", ROWS[1]["at"])]
    ]
    log = read_changes([*rows, {**rows[0], "at": None}], PROCESS, seq="n")
    assert log.skipped_rows == (
        (2, "nothing is no whole number to order the changes by"),
        (3, "'2b' is no whole number to order the changes by"),
        (4, "nothing is no time; expected ISO 8601, such as 2026-03-01T09:30:00Z"),
    )
    assert len(log.histories["1"]) == 1


def test_missing_column_names_the_nearest() -> None:
    with pytest.raises(DealError, match="^row 1: unknown column 'dealid'; did you mean 'deal_id'"):
        read_changes(ROWS, PROCESS, deal="dealid")
    with pytest.raises(DealError, match="^row 3: unknown column 'at'"):
        read_changes([*ROWS[:2], {"deal_id": "1", "stage": "b"}], PROCESS)


def test_imported_changes_say_what_the_log_said_and_how_they_came_in() -> None:
    rows = [
        {"id": 7, "to": "b", "when": datetime(2026, 3, 2, tzinfo=UTC), "user": "ana", "why": "asked"},
        {"id": 7, "to": "c", "when": datetime(2026, 3, 4, tzinfo=UTC), "user": "", "why": None},
        {"id": 7, "to": "more", "when": datetime(2026, 3, 5, tzinfo=UTC)},
        {"id": 7, "to": "a", "when": datetime(2026, 3, 1, tzinfo=UTC), "user": 12, "why": ""},
    ]
    history = read_changes(rows, PROCESS, deal="id", stage="to", at="when", by="user", reason="why").histories["7"]
    assert [(each.seq, each.trigger, each.source, each.dest, each.by, each.reason) for each in history] == [
        (1, "start", None, "a", "12", None),
        (2, "advance", "a", "b", "ana", "asked"),
        (3, "advance", "b", "c", None, None),
        (4, "import", "c", "more", None, None),
    ]
    assert {(each.process, each.version, each.fingerprint, each.source_kind) for each in history} == {
        ("p", 1, PROCESS.fingerprint, "import")
    }


def test_imported_move_that_two_triggers_make_has_the_first_of_them() -> None:
    process = SalesProcess.linear(
        key="p",
        stages=[Stage(key="a"), Stage(key="b"), Stage(key="w", kind="won")],
        transitions=[Transition(trigger="leap", source="a", dest="b")],
    )
    assert read_changes(ROWS, process).histories["1"][1].trigger == "advance"


def test_rows_of_one_time_stand_as_they_come_and_deals_in_the_order_of_the_log() -> None:
    same = "2026-03-01T09:00:00Z"
    rows = [{"deal_id": deal, "stage": stage, "at": same} for deal, stage in ["2a", "1c", "2b", "1a"]]
    log = read_changes(rows, PROCESS)
    assert {key: [each.dest for each in history] for key, history in log.histories.items()} == {
        "2": ["a", "b"],
        "1": ["c", "a"],
    }
    assert list(log.histories) == ["2", "1"]
    assert log.collapsed == 0


def test_log_with_nothing_odd_in_it_reports_no_oddities() -> None:
    log = read_changes(ROWS, PROCESS)
    assert (log.oddities, log.skipped_rows) == ({}, ())
    assert read_changes([], PROCESS).histories == {}


def test_csv_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("deal_id,stage,at\n1,a,2026-03-01T09:00:00Z\n", encoding="utf-8-sig")
    assert read_changes(str(file), PROCESS).histories["1"].stage == "a"


def test_stage_written_twice_is_collapsed_and_the_log_read_does_not_change(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    file.write_text("deal_id,stage,at\n1,more,2026-03-01T09:00:00Z\n1,more,2026-03-02T09:00:00Z\n", encoding="utf-8")
    log = read_changes(file, PROCESS)
    assert log.collapsed == 1
    with pytest.raises(FrozenInstanceError):
        log.collapsed = 0  # type: ignore[misc]


def test_what_was_found_in_a_past_does_not_change() -> None:
    found = replay(PROCESS, path("a", "b"))
    with pytest.raises(FrozenInstanceError):
        found.oddities = ()  # type: ignore[misc]
    assert not any(hasattr(each, "__dict__") for each in (found, read_changes([], PROCESS)))


def test_stage_values_of_the_log_are_mapped_to_keys() -> None:
    log = read_changes([{**ROWS[0], "stage": "7"}], PROCESS, stages={"7": "c"})
    assert log.histories["1"].stage == "c"


def test_id_used_again_makes_two_histories() -> None:
    rows = [
        {"deal_id": "1", "kind": kind, "stage": stage, "at": f"2026-03-0{number}T09:00:00Z"}
        for number, (kind, stage) in enumerate(
            [("add", ""), ("move", "a"), ("move", "b"), ("add", ""), ("move", "a")], 1
        )
    ]
    log = read_changes(rows, PROCESS, keep=lambda row: row["kind"] == "move", begins=lambda row: row["kind"] == "add")
    assert {key: len(history) for key, history in log.histories.items()} == {"1": 2, ("1", 2): 1}
    again = [*rows, {**rows[0]}, {**rows[1], "at": "2026-03-09T09:00:00Z"}, {**rows[1], "deal_id": "2"}]
    log = read_changes(again, PROCESS, keep=lambda row: row["kind"] == "move", begins=lambda row: row["kind"] == "add")
    assert list(log.histories) == ["1", ("1", 2), ("1", 3), "2"]


SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "pipedrive" / "deal_changes.csv"


@pytest.mark.skipif(not SHARED.exists(), reason="the large log is not here")
def test_large_log_comes_out_as_2000_deals_and_6906_moves() -> None:
    """Read by id alone it would be 1,995 deals, 8 of whose moves would look backward."""
    stages = {str(number): f"s{number}" for number in range(1, 10)}
    process = SalesProcess.linear(
        key="nine",
        stages=[*(Stage(key=key) for key in stages.values()), Stage(key="won", kind="won")],
        transitions=[Transition(trigger="lose", source="*", dest="lost")],
    )
    log = read_changes(
        SHARED,
        process,
        stage="new_value",
        at="change_time",
        stages=stages,
        zone=UTC,
        keep=lambda row: row["changed_field_key"] == "stage_id",
        begins=lambda row: row["changed_field_key"] == "add_time",
    )
    odd = [oddity.code for oddities in log.oddities.values() for oddity in oddities if oddity.position]
    assert len(log.histories) == 2000
    assert sum(len(history) - 1 for history in log.histories.values()) == 6906
    assert (odd.count("skip"), odd.count("backward")) == (2501, 0)
