"""The example that makes a page from a CSV, run as its users run it; and the progress of what takes seconds."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("matplotlib")
pytest.importorskip("narwhals")

from salesprocess import DealError, frames  # noqa: E402 - behind the skip
from salesprocess.catalog.seven_stage import SEVEN_STAGE  # noqa: E402

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "pipeline_review.py"
LOG = pl.DataFrame(frames.example_log())
OWN = """id,status,changed,eur
1,Lead,2026-01-05,100
1,Demo,2026-01-08,100
1,Won,2026-01-20 10:30,100
2,Lead,2026-01-06,
2,Lost,2026-01-09,
3,Lead,2026-01-11,50
"""
COLUMNS = ("--deal", "id", "--stage", "status", "--at", "changed")


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.csv"
    path.write_text(OWN, encoding="utf-8")
    return path


def test_the_example_says_what_it_takes() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--amount COLUMN" in done.stdout


def test_the_example_makes_a_page_of_a_log_with_columns_of_its_own(own: Path) -> None:
    page = own.with_suffix(".html")
    done = run(own, page, *COLUMNS, "--won", "Won", "--lost", "Lost", "--amount", "eur")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 deals, 1 open, 50% of those decided were won")
    assert "<h2>Forecast</h2>" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (None, (), "No such file"),
        ("", (), "empty CSV"),
        (OWN, (), "no column 'deal_id'; there are 'id', 'status', 'changed', 'eur'"),
        (OWN, (*COLUMNS[:4], "--at", "change"), "no column 'change'; did you mean 'changed'?"),
        (OWN, (*COLUMNS[:4], "--at", "eur"), "'eur' has values that are no times"),
        (OWN, COLUMNS, "the process has no stage 'Demo', only lead, qualified"),
        (OWN, (*COLUMNS, "--won", "won"), "no deal moves to or from 'won' in this log; did you mean 'Won'?"),
        ("id,status,changed\n", COLUMNS, "the log has no change of a stage"),
    ],
)
def test_the_example_says_in_one_line_why_it_makes_no_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, arguments: Sequence[str], message: str
) -> None:
    log, page = tmp_path / "log.csv", tmp_path / "page.html"
    if text is not None:
        log.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        run_path(str(SCRIPT))["main"]([str(log), str(page), *arguments])
    said = capsys.readouterr()
    assert (ended.value.code, said.out, page.exists()) == (2, "", False)
    assert message in said.err
    assert said.err.count("\n") == 1


class Recorder:
    """What tqdm is to the calls: something around the steps that sees each of them go by."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.total = 0

    def __call__(self, steps: Sequence[Any]) -> Iterator[Any]:
        self.total = len(steps)
        for step in steps:
            self.steps.append(step)
            yield step


def test_the_steps_of_a_report_can_be_followed() -> None:
    seen = Recorder()
    assert frames.report(SEVEN_STAGE, LOG, progress=seen) == frames.report(SEVEN_STAGE, LOG)
    assert len(seen.steps) == seen.total == 11


def test_the_moments_of_a_backtest_can_be_followed() -> None:
    seen, moments = Recorder(), [datetime(2026, 1, day, tzinfo=UTC) for day in (11, 12)]
    followed = frames.backtest(SEVEN_STAGE, LOG, at=moments, progress=seen)
    assert followed.equals(frames.backtest(SEVEN_STAGE, LOG, at=moments))
    assert seen.steps == moments


def test_tqdm_itself_will_do(capsys: pytest.CaptureFixture[str]) -> None:
    tqdm = pytest.importorskip("tqdm")
    frames.report(SEVEN_STAGE, LOG, progress=tqdm.tqdm)
    assert "11/11" in capsys.readouterr().err


def test_a_report_is_of_a_moment() -> None:
    page = frames.report(SEVEN_STAGE, LOG, at=datetime(2026, 1, 12, tzinfo=UTC))
    assert "<p>As of 2026-01-12 00:00 UTC</p>" in page
    assert '<td class="text">legal</td><td>8</td>' in page
    assert "<p>As of 2026-01-31 00:00 UTC</p>" in frames.report(SEVEN_STAGE, LOG)


@pytest.mark.parametrize("lazy", [False, True])
def test_a_report_on_nothing_is_refused(lazy: bool) -> None:
    def given(log: Any) -> Any:
        return log.lazy() if lazy else log

    with pytest.raises(DealError, match="no change of a stage"):
        frames.report(SEVEN_STAGE, given(LOG.clear()))
    with pytest.raises(DealError, match="until 2020-01-01"):
        frames.report(SEVEN_STAGE, given(LOG), at=datetime(2020, 1, 1, tzinfo=UTC))
    with pytest.raises(DealError, match="none of the log's stages"):
        frames.report(SEVEN_STAGE, given(LOG.with_columns(stage=pl.lit("zzz"))))
