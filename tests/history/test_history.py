"""What is derived from a history, what may be added to it, and what in a past does not conform."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import DealError, Engine, SalesProcess, Stage, StageChange
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


def test_empty() -> None:
    """An empty history is in no stage."""
    history = History(PROCESS)
    assert (history.stage, history.outcome, history.entered_at, history.closed_at) == (None, None, None, None)
    assert history.reached == history.visited == ()


def test_stage() -> None:
    """Stage and entry are those of the last change."""
    history = History(PROCESS, path("a", "b"))
    assert (history.stage, history.entered_at, history.outcome) == ("b", day(1), "open")


def test_closed_at_reopened() -> None:
    """A reopened deal has no closing date.

    A CRM that stores the closing date keeps it after reopening, and counts the deal as closed.
    """
    history = History(PROCESS, path("a", "lost"))
    assert history.closed_at == day(1)
    history.append(change("lost", "a", 2, reason="r"))
    assert history.closed_at is None


def test_closed_at_won() -> None:
    """A deal that moves on through won stages keeps the closing date of its win."""
    history = History(PROCESS, path("a", "b", "c", "won", "more"))
    assert (history.outcome, history.closed_at) == ("won", day(3))


def test_first_won_at() -> None:
    """The first win is kept when a won deal is lost later."""
    history = History(PROCESS, path("c", "won", "c", "lost"))
    assert (history.first_won_at, history.closed_at, history.outcome) == (day(1), day(3), "lost")


def test_closed_at_outcome() -> None:
    """The closing date is that of the last change of the outcome."""
    assert History(PROCESS, path("a", "won", "lost")).closed_at == day(2)
    assert History(PROCESS, path("a", "lost", "won")).closed_at == day(2)
    assert History(PROCESS, path("a", "won", "more", "lost")).closed_at == day(3)
    assert History(PROCESS, path("a", "lost", "lost")).closed_at == day(1)
    assert History(PROCESS, path("a", "won", "nowhere")).closed_at is None
    assert History(PROCESS, path("a", "won", "hold")).closed_at is None
    assert History(PROCESS, path("won")).closed_at == day(0)


def test_never_won() -> None:
    """A deal that was never won has no first win."""
    assert History(PROCESS, path("a", "b", "lost")).first_won_at is None


def test_sequence() -> None:
    """A history is a sequence of its changes."""
    changes = path("a", "b", "c")
    history = History(PROCESS, changes)
    assert (len(history), list(history), history[0], history[-1]) == (3, changes, changes[0], changes[2])
    assert history[1:] == history.changes[1:] == tuple(changes[1:])
    assert history.process is PROCESS
    assert repr(history) == "<History of 3 changes, now in 'c'>"


def test_equality() -> None:
    """Histories are equal if they have the same changes and the same process."""
    history = History(PROCESS, path("a", "b"))
    assert history == History(SalesProcess.model_validate(PROCESS.model_dump()), history.model_dump())
    assert history != History(PROCESS, path("a"))
    assert History(PROCESS, path("a")) != history
    assert history != History(PROCESS.model_copy(update={"version": 2}), path("a", "b"))
    assert history != list(history)
    with pytest.raises(TypeError, match="unhashable"):
        hash(history)


def test_spell_length() -> None:
    """A stay lasts to its end, or to the time asked for."""
    first, last = History(PROCESS, path("a", "b")).spells
    assert (first.stage, first.length(), first.length(day(9))) == ("a", timedelta(days=1), timedelta(days=1))
    assert (last.left_at, last.length(), last.length(day(9))) == (None, None, timedelta(days=8))


def test_lost_in() -> None:
    """A lost deal was lost in the last open stage that it was in."""
    assert History(PROCESS, path("a", "b", "lost")).lost_in == "b"
    assert History(PROCESS, [change("c", "lost", 1)]).lost_in == "c"
    assert History(PROCESS, path("a", "won", "lost")).lost_in == "a"
    assert History(PROCESS, path("lost")).lost_in is None
    assert History(PROCESS, path("a", "b", "hold", "lost")).lost_in == "b"
    assert History(PROCESS, path("a", "b")).lost_in is None


def test_reopen_where_lost() -> None:
    """A deal is reopened in the stage that it was lost in."""
    engine: Engine[Any] = Engine(PROCESS)
    history = History(PROCESS, path("a", "b", "lost"))
    deal = {"stage": history.stage}
    assert engine.fire(deal, "reopen", to=history.lost_in, reason="budget is back").dest == "b"


def test_time_in() -> None:
    """The time in a stage is that of the latest stay, or of all stays."""
    history = History(PROCESS, path("a", "b", "a", "b", "c"))
    assert history.time_in("a") == timedelta(days=1)
    assert history.time_in("a", which="cumulative") == timedelta(days=2)
    assert history.time_in("won") is None


def test_time_in_going_on() -> None:
    """A stay that has not ended counts up to the time asked for."""
    history = History(PROCESS, path("a", "b", "a"))
    assert history.time_in("a") is None
    assert history.time_in("a", which="cumulative") == timedelta(days=1)
    assert history.time_in("a", at=day(5)) == timedelta(days=3)
    assert history.time_in("a", which="cumulative", at=day(5)) == timedelta(days=4)


def test_time_in_backwards() -> None:
    """A stay is never shorter than nothing."""
    history = History(PROCESS, [change(None, "a", 3), change("a", "b", 1)])
    assert history.time_in("a") == timedelta(0)


def test_move_within_stage() -> None:
    """A move within a stage does not begin a new stay."""
    history = History(PIPELINER, [])
    engine: Engine[Any] = Engine(PIPELINER)
    deal = {"stage": "close"}
    history = History(PIPELINER, [engine.fire(deal, "repeat_sale", at=day(n)) for n in (0, 1)])
    assert history.entered_at == day(0)
    reread = History(PIPELINER, json.loads(json.dumps(history.model_dump(mode="json"))))
    assert reread.entered_at == day(0)
    assert reread.time_in("close", at=day(3)) == timedelta(days=3)


def test_time_in_unknown() -> None:
    """The time in an unknown stage is refused with the nearest key."""
    with pytest.raises(DealError, match="did you mean 'more'"):
        History(PROCESS).time_in("mor")
    old = History(PROCESS, path("a", "mor", "b"))
    assert old.time_in("mor") == timedelta(days=1)
    with pytest.raises(DealError, match="did you mean 'more'"):
        old.time_in("moor")


def test_time_in_naive() -> None:
    """A stay is measured up to a time with a zone."""
    with pytest.raises(DealError, match="at needs a time zone"):
        History(PROCESS, path("a")).time_in("a", at=datetime(2026, 3, 4))  # noqa: DTZ001 - the point


def test_skipped() -> None:
    """Skipped stages are reached but not visited."""
    history = History(PROCESS, path("a", "c", "lost"))
    assert (history.visited, history.reached, history.skipped) == (("a", "c", "lost"), ("a", "b", "c"), ("b",))
    back = History(PROCESS, path("a", "won", "b"))
    assert (back.visited, back.reached, back.skipped) == (("a", "b", "won"), ("a", "b", "c", "won"), ("c",))
    aside = History(PROCESS, path("hold", "nowhere"))
    assert (aside.visited, aside.reached, aside.skipped) == (("hold",), (), ())


def test_renamed_stage() -> None:
    """A stage under another name keeps its past.

    A CRM that keeps names in its log loses the history of a renamed stage.
    """
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
def test_append_refuses(spoil: dict[str, Any], words: str) -> None:
    """A change that does not follow is refused with the reason, and not kept."""
    history = History(PROCESS)
    for each in path("a", "b"):
        history.append(each)
    following = change("b", "c", 2)._replace(**spoil)
    with pytest.raises(DealError, match=words):
        history.append(following)
    assert len(history) == 2


def test_append_names_the_change() -> None:
    """A refusal names the change that does not follow."""
    history = History(PROCESS, path("a", "b", "c"))
    with pytest.raises(DealError, match="^change 4 does not follow: it leaves 'b', the deal is in 'c'$"):
        history.append(change("b", "c", 3))
    with pytest.raises(DealError, match="^change 4 does not follow: its time 2026-03-03T09:00:00"):
        history.append(change("c", "won", 1))


def test_append_numbers() -> None:
    """A change that the engine did not count is numbered."""
    history = History(PROCESS)
    assert [history.append(each).seq for each in path("a", "b")] == [1, 2]
    late = History(PROCESS, [change(None, "a", 0, seq=7)])
    assert [late.append(each).seq for each in path("a", "b", "c")[1:]] == [8, 9]
    uncounted = History(PROCESS, path("a", "b"))
    assert uncounted.append(change("b", "c", 3)).seq == 1
    assert len(late) == len(uncounted) == 3


def test_append_after_json() -> None:
    """A history that was read back from JSON takes what follows."""

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
def test_append_next_number(number: int) -> None:
    """A change that is numbered has the next number."""
    history = History(PROCESS, [change(None, "a", 0, seq=5)])
    if number == 6:
        assert history.append(change("a", "b", 1, seq=number)).seq == 6
        return
    with pytest.raises(DealError, match=f"its number is {number}, expected 6"):
        history.append(change("a", "b", 1, seq=number))


def test_append_same_time() -> None:
    """A change may have the time of the last one, and a number if the last one has none."""
    history = History(PROCESS, [change(None, "a", 0)])
    assert history.append(change("a", "b", 0, seq=4)).seq == 4


def test_append_migration() -> None:
    """A migration leads from anywhere to any stage of the process, and to no other."""
    history = History(PROCESS, path("a", "b"))
    moved = change("elsewhere", "more", 2, source_kind="migration", trigger="migrate")._replace(process="old")
    with pytest.raises(DealError, match="unknown stage 'mor' in process 'p'; did you mean 'more'"):
        history.append(moved._replace(dest="mor"))
    history.append(moved)
    assert history.stage == "more"


@pytest.mark.parametrize("kind", ["live", "override"])
@pytest.mark.parametrize("other", ["0" * 16, "f" * 16])
def test_append_other_version(kind: Any, other: str) -> None:
    """An unknown move is taken if it was made under another version of the process."""
    history = History(PROCESS, path("a"))
    jump = change("a", "more", 1, source_kind=kind)
    with pytest.raises(DealError, match="'import' does not lead from 'a' to 'more'"):
        history.append(jump)
    history.append(jump._replace(fingerprint=other))
    assert history.stage == "more"


def test_append_imported() -> None:
    """An imported move is taken as it is."""
    history = History(PROCESS, path("a"))
    history.append(change("a", "more", 1, source_kind="import"))
    assert history.visited == ("a", "more")


def test_append_start() -> None:
    """The first change enters the first stage."""
    with pytest.raises(DealError, match="it starts in 'b', not in 'a'"):
        History(PROCESS).append(change(None, "b", 0))
    later = SalesProcess.linear(key="p", stages=[Stage(key="m"), Stage(key="a"), Stage(key="won", kind="won")])
    for stage in ("a", "won"):
        with pytest.raises(DealError, match=f"it starts in '{stage}', not in 'm'"):
            History(later).append(change(None, stage, 0, fingerprint=later.fingerprint))
        assert [odd.code for odd in replay(later, [change(None, stage, 0)]).oddities] == ["skip"]
    History(later).append(change(None, "m", 0, fingerprint=later.fingerprint))


def test_json() -> None:
    """A history comes back from JSON as it was."""
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
def test_replay(changes: list[StageChange], codes: list[str]) -> None:
    """A replay reports each oddity with its code and position."""
    conformance = replay(PROCESS, changes)
    assert [oddity.code for oddity in conformance.oddities] == codes
    assert bool(conformance) is not bool(codes)
    assert all(oddity.position == len(changes) - 1 for oddity in conformance.oddities)


def test_conformance_text() -> None:
    """A conformance reads as what was found, and where."""
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
def test_replay_refuses_nothing(changes: list[StageChange]) -> None:
    """No past is ever refused."""
    conformance = replay(PROCESS, changes)
    history = conformance.history
    assert list(history) == changes
    assert set(history.skipped) | set(history.visited) >= set(history.reached)
    total = [history.time_in(key, which="cumulative", at=day(9)) for key in {each.dest for each in changes}]
    assert all(time is not None and time >= timedelta(0) for time in total)


def test_frozen_conformance() -> None:
    """What was found in a past cannot be changed."""
    found = replay(PROCESS, path("a", "b"))
    with pytest.raises(FrozenInstanceError):
        found.oddities = ()  # type: ignore[misc]
    assert not any(hasattr(each, "__dict__") for each in (found, read_changes([], PROCESS)))
