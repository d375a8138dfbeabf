"""Histories from another system's log."""

from __future__ import annotations

import csv
from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from salesprocess import DealError, SalesProcess, Stage, Transition
from salesprocess.history import read_changes

PROCESS = SalesProcess.linear(
    key="p",
    stages=[
        *(Stage(key=key) for key in "abc"),
        Stage(key="won", kind="won"),
        Stage(key="more", kind="won"),
        Stage(key="hold", kind="on_hold"),
    ],
)
ROWS = [
    {"deal_id": "1", "stage": "a", "at": "2026-03-01T09:00:00Z"},
    {"deal_id": "1", "stage": "a", "at": "2026-03-02T09:00:00Z"},
    {"deal_id": "1", "stage": "b", "at": "2026-03-03T09:00:00Z"},
]


def test_collapsed() -> None:
    """Rows whose stage did not change are collapsed.

    A moved amount or closing date makes a row too: such rows are no moves.
    """
    log = read_changes(ROWS, PROCESS)
    assert [each.dest for each in log.histories["1"]] == ["a", "b"]
    assert log.collapsed == 1
    repeated = [{**row, "deal_id": deal} for deal in "12" for row in [*ROWS[:1] * 4, ROWS[2]]]
    assert read_changes(repeated, PROCESS).collapsed == 6
    assert {each.source_kind for each in log.histories["1"]} == {"import"}


def test_csv(tmp_path: Path) -> None:
    """A log in a CSV file is read as its rows are."""
    file = tmp_path / "log.csv"
    with file.open("w", newline="") as out:
        writer = csv.DictWriter(out, ["deal_id", "stage", "at"])
        writer.writeheader()
        writer.writerows(ROWS)
    assert read_changes(file, PROCESS).histories == read_changes(ROWS, PROCESS).histories


def test_same_second() -> None:
    """Rows of the same second are ordered by their number."""
    rows = [{"deal_id": "1", "stage": key, "at": "2026-03-01T09:00:00Z", "n": n} for key, n in [("b", 2), ("a", 1)]]
    log = read_changes(rows, PROCESS, seq="n")
    assert [each.dest for each in log.histories["1"]] == ["a", "b"]
    assert [oddity.code for oddity in log.oddities["1"]] == ["tie"]


def test_naive_time() -> None:
    """A time without a zone is refused with the fix, or taken in the zone that is named."""
    rows = [{"deal_id": "1", "stage": "a", "at": "2026-03-01 23:30:00"}]
    with pytest.raises(DealError, match="^row 1: 2026-03-01T23:30:00 has no time zone: name the one that is meant"):
        read_changes(rows, PROCESS)
    log = read_changes(rows, PROCESS, zone=ZoneInfo("America/Phoenix"))
    assert log.histories["1"][0].at.astimezone(UTC) == datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


def test_skipped_rows() -> None:
    """Rows that cannot be read are reported, and the rest is kept."""
    rows = [{**ROWS[0], "at": "soon"}, *ROWS, {**ROWS[2], "stage": "zz", "at": "2026-03-04T09:00:00Z"}]
    log = read_changes(rows, PROCESS)
    assert [(row, "'soon' is no time" in why) for row, why in log.skipped_rows] == [(1, True)]
    assert [oddity.code for oddity in log.oddities["1"]] == ["unknown_stage"]


def test_skipped_reasons() -> None:
    """Numbers and times that cannot be read are reported by row, with the reason."""
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


def test_missing_column() -> None:
    """A missing column is refused with the nearest one."""
    with pytest.raises(DealError, match="^row 1: unknown column 'dealid'; did you mean 'deal_id'"):
        read_changes(ROWS, PROCESS, deal="dealid")
    with pytest.raises(DealError, match="^row 3: unknown column 'at'"):
        read_changes([*ROWS[:2], {"deal_id": "1", "stage": "b"}], PROCESS)


def test_imported_changes() -> None:
    """Imported changes have what the log says, and say that they were imported."""
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


def test_imported_trigger() -> None:
    """An imported move that several triggers make has the one declared first."""
    process = SalesProcess.linear(
        key="p",
        stages=[Stage(key="a"), Stage(key="b"), Stage(key="w", kind="won")],
        transitions=[Transition(trigger="leap", source="a", dest="b")],
    )
    assert read_changes(ROWS, process).histories["1"][1].trigger == "advance"


def test_order() -> None:
    """Rows of one time, and deals, stay in the order of the log."""
    same = "2026-03-01T09:00:00Z"
    rows = [{"deal_id": deal, "stage": stage, "at": same} for deal, stage in ["2a", "1c", "2b", "1a"]]
    log = read_changes(rows, PROCESS)
    assert {key: [each.dest for each in history] for key, history in log.histories.items()} == {
        "2": ["a", "b"],
        "1": ["c", "a"],
    }
    assert list(log.histories) == ["2", "1"]
    assert log.collapsed == 0


def test_nothing_odd() -> None:
    """A log that conforms has no oddities."""
    log = read_changes(ROWS, PROCESS)
    assert (log.oddities, log.skipped_rows) == ({}, ())
    assert read_changes([], PROCESS).histories == {}


def test_byte_order_mark(tmp_path: Path) -> None:
    """A CSV file with a byte order mark is read."""
    file = tmp_path / "log.csv"
    file.write_text("deal_id,stage,at\n1,a,2026-03-01T09:00:00Z\n", encoding="utf-8-sig")
    assert read_changes(str(file), PROCESS).histories["1"].stage == "a"


def test_frozen_log(tmp_path: Path) -> None:
    """An imported log cannot be changed, and collapses stages that are equal but not identical."""
    file = tmp_path / "log.csv"
    file.write_text("deal_id,stage,at\n1,more,2026-03-01T09:00:00Z\n1,more,2026-03-02T09:00:00Z\n", encoding="utf-8")
    log = read_changes(file, PROCESS)
    assert log.collapsed == 1
    with pytest.raises(FrozenInstanceError):
        log.collapsed = 0  # type: ignore[misc]


def test_mapped_stages() -> None:
    """Stage values of the log are mapped to keys."""
    log = read_changes([{**ROWS[0], "stage": "7"}], PROCESS, stages={"7": "c"})
    assert log.histories["1"].stage == "c"


def test_id_used_again() -> None:
    """An id that is used again makes several histories."""
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
def test_large_log() -> None:
    """A large log comes out as 2,000 deals and 6,906 moves.

    Read by id alone it would be 1,995 deals, 8 of whose moves would look backward.
    """
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
