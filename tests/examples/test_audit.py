"""The audit of a log of stage changes: the first program that a new user reads."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from types import ModuleType

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SHARED_LOG = ROOT.parent / "shared" / "data" / "pipedrive" / "deal_changes.csv"
HEADER = "deal_id,change_time,changed_field_key,new_value\n"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its own module up as it is made.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


audit = load("audit")
make_log = load("make_log")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, EXAMPLES / "audit.py", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def log_of(folder: Path, *rows: str) -> Path:
    """A log of deal 1, whose rows are given as `hour,key,value`."""
    path = folder / "log.csv"
    lines = [f"1,2025-01-01 {row.replace(',', ':00:00,', 1)}\n" for row in rows]
    path.write_text(HEADER + "".join(lines), encoding="utf-8")
    return path


def report_on(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert audit.main([str(path), *options]) == 0
    return capsys.readouterr().out


def row_of(report: str, name: str) -> list[int]:
    """The numbers in the row of a kind of refusal: allowed, refused."""
    row = next(line.split() for line in report.splitlines() if line.split()[:1] == [name])
    return [int(number.replace(",", "")) for number in row[1:3]]


OWNED = ("01,add_time,2025-01-01T01:00:00", "02,user_id,7")


def test_it_runs_as_a_script_on_the_log_that_ships() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("60 deals\n")


def test_the_log_that_ships_shows_every_kind_of_refusal() -> None:
    report = run().stdout
    assert all(row_of(report, kind)[1] > 0 for kind in audit.QUESTIONS)


def test_the_log_that_ships_is_the_one_its_generator_makes(tmp_path: Path) -> None:
    make_log.main([str(tmp_path / "log.csv")])
    assert (tmp_path / "log.csv").read_bytes() == (EXAMPLES / "data" / "stage_changes.csv").read_bytes()


@pytest.mark.skipif(not SHARED_LOG.exists(), reason="the shared Pipedrive log is not on this machine")
def test_on_the_shared_log_it_finds_what_is_known_to_be_there() -> None:
    report = run(SHARED_LOG).stdout.splitlines()
    assert [line.strip() for line in report[:5]] == [
        "2,000 deals",
        "6,906 moves",
        "4,405 to the next stage",
        "2,501 skipping",
        "0 backward",
    ]
    assert row_of("\n".join(report), "no_transition") == [4405, 2501]


def test_a_move_to_the_next_stage_is_allowed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_on(log_of(tmp_path, *OWNED, "03,stage_id,1", "05,stage_id,2"), capsys)
    assert "1 to the next stage" in report
    assert "No move was refused." in report


def test_a_jump_over_a_stage_is_refused_as_no_transition(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_on(log_of(tmp_path, *OWNED, "03,stage_id,1", "05,stage_id,3"), capsys)
    assert "1 skipping" in report
    assert row_of(report, "no_transition") == [0, 1]
    assert "no move leads out of 'new_lead' to 'needs_known'" in report


def test_a_move_back_is_refused_for_want_of_a_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_on(log_of(tmp_path, *OWNED, "03,stage_id,2", "05,stage_id,1"), capsys)
    assert "1 backward" in report
    assert row_of(report, "needs_reason") == [0, 1]


def test_a_deal_without_an_owner_is_blocked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_on(log_of(tmp_path, "03,stage_id,1", "05,stage_id,2"), capsys)
    assert row_of(report, "blocked") == [0, 1]
    assert "owner: expected a value, found nothing yet" in report


def test_a_stage_left_within_the_hour_is_blocked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_on(log_of(tmp_path, *OWNED, "03,stage_id,1", "03,stage_id,2"), capsys)
    assert row_of(report, "blocked") == [0, 1]


def test_a_move_of_a_lost_deal_is_refused_as_closed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = (*OWNED, "03,stage_id,1", "05,lost_reason,4", "07,stage_id,2")
    report = report_on(log_of(tmp_path, *rows), capsys)
    assert "1 after the deal was lost" in report
    assert row_of(report, "closed") == [0, 1]


def test_a_repeated_row_is_no_move(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "0 moves" in report_on(log_of(tmp_path, "03,stage_id,1", "05,stage_id,1"), capsys)


def test_rows_of_a_deal_are_taken_in_order_of_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = report_on(log_of(tmp_path, *OWNED, "05,stage_id,2", "03,stage_id,1"), capsys)
    assert "1 to the next stage" in report


def test_an_id_used_again_is_another_deal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again = ("08,add_time,2025-01-01T08:00:00", "09,stage_id,1")
    report = report_on(log_of(tmp_path, *OWNED, "03,stage_id,3", *again), capsys)
    assert report.startswith("2 deals\n0 moves\n")


def test_stages_beside_the_log_are_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stages.csv").write_text("stage_id,stage_name\n40,Call\n20,Visit\n30,Sign\n", encoding="utf-8")
    report = report_on(log_of(tmp_path, *OWNED, "03,stage_id,40", "05,stage_id,30"), capsys)
    assert "no move leads out of 'call' to 'sign'" in report


def test_stages_named_on_the_command_line_win(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stages.csv").write_text("stage_id,stage_name\n1,Call\n", encoding="utf-8")
    (tmp_path / "other.csv").write_text("stage_id,stage_name\na,Visit\nb,Sign\n", encoding="utf-8")
    log = log_of(tmp_path, *OWNED, "03,stage_id,a", "05,stage_id,b")
    assert "1 to the next stage" in report_on(log, capsys, "--stages", str(tmp_path / "other.csv"))


ROW = "1,2025-01-01 01:00:00,add_time,2025-01-01T01:00:00\n"
MALFORMED = {
    "a missing column": (b"deal_id,change_time,new_value\n", ["log.csv:1:", "expected a column changed_field_key"]),
    "an empty file": (b"", ["log.csv:1:", "found nothing", "expected a column deal_id"]),
    "a bad time": (f"{HEADER}{ROW}1,yesterday,stage_id,1\n".encode(), ["log.csv:3:", "'yesterday'", "expected a time"]),
    "an unknown stage": (f"{HEADER}1,2025-01-01,stage_id,12\n".encode(), ["log.csv:2:", "'12'", "one of 1, 2, 3"]),
    "no deal id": (f"{HEADER},2025-01-01,stage_id,1\n".encode(), ["log.csv:2:", "found no deal_id"]),
    "a short row": (f"{HEADER}1,2025-01-01,stage_id\n".encode(), ["log.csv:2:", "found 3 values, expected 4"]),
    "other than UTF-8": (HEADER.encode() + b"1,caf\xe9,a,b\n", ["log.csv:2:", "0xe9", "expected UTF-8"]),
    "an open quote": (f'{HEADER}1,"2025,stage_id,1\n'.encode(), ["log.csv:2:", "expected CSV"]),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_input_gets_one_line_and_status_2(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, expected = MALFORMED[what]
    (tmp_path / "log.csv").write_bytes(content)
    assert audit.main([str(tmp_path / "log.csv")]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert all(part in output.err for part in expected)


def test_malformed_input_is_told_to_the_shell_too(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes(b"\xff\xfe")
    done = run(tmp_path / "log.csv")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_a_log_that_cannot_be_read_is_malformed_input(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main([str(tmp_path / name)]) == 2
    assert "expected a CSV file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("1,Call\n1,Visit\n", "other.csv:3: found stage_id 1 again"),
        ("1,Call\n2,call\n", "stages[1].key"),
        ("1,?\n", "stages[0].key"),
        ("", "needs a stage"),
    ],
)
def test_stages_that_make_no_process_are_malformed_input(
    rows: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.csv").write_text(f"stage_id,stage_name\n{rows}", encoding="utf-8")
    assert audit.main([str(log_of(tmp_path)), "--stages", str(tmp_path / "other.csv")]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
