"""The audit of a log of stage changes: the first program that a new user reads."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.examples.conftest import EXAMPLES, load_example

ROOT = Path(__file__).parents[2]
SHARED_LOG = ROOT.parent / "shared" / "data" / "pipedrive" / "deal_changes.csv"
HEADER = "deal_id,change_time,changed_field_key,new_value\n"
# A deal that begins with an owner.
OWNED = ("01,add_time,2025-01-01T01:00:00", "02,user_id,7")

Report = Callable[..., str]


audit = load_example("audit")
make_log = load_example("make_log")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, EXAMPLES / "audit.py", *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def log_of(folder: Path, *rows: str) -> Path:
    """Write a log of deal 1, whose rows are given as `hour,key,value`."""
    path = folder / "log.csv"
    lines = [f"1,2025-01-01 {row.replace(',', ':00:00,', 1)}\n" for row in rows]
    path.write_text(HEADER + "".join(lines), encoding="utf-8")
    return path


@pytest.fixture
def report_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Report:
    """Audits a log of these rows and returns what is printed."""

    def run(*rows: str, options: Sequence[str] = ()) -> str:
        assert audit.main([str(log_of(tmp_path, *rows)), *options]) == 0
        return capsys.readouterr().out

    return run


def row_of(report: str, name: str) -> list[int]:
    """Return the numbers in the row of a kind of refusal: allowed and refused."""
    row = next(line.split() for line in report.splitlines() if line.split()[:1] == [name])
    return [int(number.replace(",", "")) for number in row[1:3]]


def test_script() -> None:
    """Run as a script without arguments, it audits the log that ships."""
    done = run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("60 deals\n")


def test_refusals_in_shipped_log() -> None:
    """The log that ships has every kind of refusal."""
    report = run().stdout
    assert all(row_of(report, kind)[1] > 0 for kind in audit.QUESTIONS)


def test_shipped_log(tmp_path: Path) -> None:
    """The log that ships is the one that its generator makes."""
    make_log.main([str(tmp_path / "log.csv")])
    assert (tmp_path / "log.csv").read_bytes() == (EXAMPLES / "data" / "stage_changes.csv").read_bytes()


@pytest.mark.skipif(not SHARED_LOG.exists(), reason="the shared Pipedrive log is not on this machine")
def test_real_log() -> None:
    """On a real log it finds the known counts."""
    report = run(SHARED_LOG).stdout.splitlines()
    assert [line.strip() for line in report[:5]] == [
        "2,000 deals",
        "6,906 moves",
        "4,405 to the next stage",
        "2,501 skipping",
        "0 backward",
    ]
    assert row_of("\n".join(report), "no_transition") == [4405, 2501]


def test_next_stage(report_on: Report) -> None:
    """A move to the next stage is allowed."""
    report = report_on(*OWNED, "03,stage_id,1", "05,stage_id,2")
    assert "1 to the next stage" in report
    assert "No move was refused." in report


def test_skip(report_on: Report) -> None:
    """A jump over a stage is refused as no transition."""
    report = report_on(*OWNED, "03,stage_id,1", "05,stage_id,3")
    assert "1 skipping" in report
    assert row_of(report, "no_transition") == [0, 1]
    assert "no move leads out of 'new_lead' to 'needs_known'" in report


def test_move_back(report_on: Report) -> None:
    """A move back is refused without a reason."""
    report = report_on(*OWNED, "03,stage_id,2", "05,stage_id,1")
    assert "1 backward" in report
    assert row_of(report, "needs_reason") == [0, 1]


def test_no_owner(report_on: Report) -> None:
    """A deal without an owner is blocked."""
    report = report_on("03,stage_id,1", "05,stage_id,2")
    assert row_of(report, "blocked") == [0, 1]
    assert "owner: expected a value, found nothing yet" in report


def test_short_stay(report_on: Report) -> None:
    """A stage that is left within the hour is blocked."""
    report = report_on(*OWNED, "03,stage_id,1", "03,stage_id,2")
    assert row_of(report, "blocked") == [0, 1]


def test_lost_deal(report_on: Report) -> None:
    """A move of a lost deal is refused as closed."""
    report = report_on(*OWNED, "03,stage_id,1", "05,lost_reason,4", "07,stage_id,2")
    assert "1 after the deal was lost" in report
    assert row_of(report, "closed") == [0, 1]


def test_repeated_row(report_on: Report) -> None:
    """A repeated row is not a move."""
    assert "0 moves" in report_on("03,stage_id,1", "05,stage_id,1")


def test_order(report_on: Report) -> None:
    """The rows of a deal are taken in the order of time."""
    report = report_on(*OWNED, "05,stage_id,2", "03,stage_id,1")
    assert "1 to the next stage" in report


def test_reused_id(report_on: Report) -> None:
    """An id that is used again is another deal."""
    again = ("08,add_time,2025-01-01T08:00:00", "09,stage_id,1")
    report = report_on(*OWNED, "03,stage_id,3", *again)
    assert report.startswith("2 deals\n0 moves\n")


def test_stages_beside_log(report_on: Report, tmp_path: Path) -> None:
    """The stages in `stages.csv` beside the log are used."""
    (tmp_path / "stages.csv").write_text("stage_id,stage_name\n40,Call\n20,Visit\n30,Sign\n", encoding="utf-8")
    report = report_on(*OWNED, "03,stage_id,40", "05,stage_id,30")
    assert "no move leads out of 'call' to 'sign'" in report


def test_stages_option(report_on: Report, tmp_path: Path) -> None:
    """The stages named on the command line are used instead."""
    (tmp_path / "stages.csv").write_text("stage_id,stage_name\n1,Call\n", encoding="utf-8")
    (tmp_path / "other.csv").write_text("stage_id,stage_name\na,Visit\nb,Sign\n", encoding="utf-8")
    options = ["--stages", str(tmp_path / "other.csv")]
    assert "1 to the next stage" in report_on(*OWNED, "03,stage_id,a", "05,stage_id,b", options=options)


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
def test_malformed_log(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A malformed log gets one line with its place, and exit code 2."""
    content, expected = MALFORMED[what]
    (tmp_path / "log.csv").write_bytes(content)
    assert audit.main([str(tmp_path / "log.csv")]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert all(part in output.err for part in expected)


def test_malformed_log_in_shell(tmp_path: Path) -> None:
    """A malformed log is exit code 2 of the script as well."""
    (tmp_path / "log.csv").write_bytes(b"\xff\xfe")
    done = run(tmp_path / "log.csv")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_unreadable_log(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A log that cannot be read is malformed input."""
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
def test_malformed_stages(rows: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Stages that make no process are malformed input."""
    (tmp_path / "other.csv").write_text(f"stage_id,stage_name\n{rows}", encoding="utf-8")
    assert audit.main([str(log_of(tmp_path)), "--stages", str(tmp_path / "other.csv")]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
