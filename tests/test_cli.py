"""The command line: files, CRMs and Python in, every form out, exit codes fit for CI."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from salesprocess import SalesProcess, Stage
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.cli import main
from salesprocess.formats import dot, dump, html, load, markdown, mermaid, salesforce

pytest.importorskip("yaml", reason="PyYAML is an extra")

IN_PYTHON = "salesprocess.catalog:SEVEN_STAGE"
ONE_WAY = SalesProcess.linear(
    key="p", stages=[Stage(key="a"), Stage(key="b"), Stage(key="won", kind="won")], back="forbid"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every command runs in an empty folder, apart from a process in `seven.yaml` and one in `one_way.json`."""
    monkeypatch.chdir(tmp_path)
    dump(SEVEN_STAGE, "seven.yaml")
    dump(ONE_WAY, "one_way.json")
    return tmp_path


def test_module_runs_the_command() -> None:
    """`python -m salesprocess` is the command, and its exit code is the program's."""
    run = subprocess.run(
        [sys.executable, "-m", "salesprocess", "check", "one_way.json"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 1
    assert "no_way_back" in run.stdout


# check


def test_check_of_sound_process(capsys: pytest.CaptureFixture[str]) -> None:
    """A process without problems is exit code 0."""
    assert main(["check", "seven.yaml"]) == 0
    assert capsys.readouterr().out.endswith("no problems\n")


def test_check_reports_problems(capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem is printed with path and code, and the exit code is 1 unless all are waived."""
    assert main(["check", "one_way.json"]) == 1
    assert "stages[1]: no_way_back: a deal" in capsys.readouterr().out
    assert main(["check", "one_way.json", "--waive", "no_way_back=one meeting"]) == 0


def test_check_of_wrong_definition(capsys: pytest.CaptureFixture[str]) -> None:
    """A definition with mistakes is exit code 1, and the mistakes are the report."""
    text = Path("seven.yaml").read_text(encoding="utf-8")
    Path("wrong.yaml").write_text(text.replace("dest: making_contact", "dest: making_contct"), encoding="utf-8")
    assert main(["check", "wrong.yaml"]) == 1
    assert "did you mean 'making_contact'" in capsys.readouterr().out


def test_check_with_deal_type(capsys: pytest.CaptureFixture[str]) -> None:
    """The process and the deal type may be names in Python."""
    assert main(["check", IN_PYTHON]) == 0
    assert main(["check", IN_PYTHON, "--deal", "salesprocess.catalog:Score"]) == 1
    assert "unknown_fact" in capsys.readouterr().out


# diff


def test_diff(capsys: pytest.CaptureFixture[str]) -> None:
    """Two processes that differ are exit code 1, two that do not are 0."""
    assert main(["diff", "seven.yaml", IN_PYTHON]) == 0
    assert main(["diff", "seven.yaml", "salesprocess.catalog:FUNNEL"]) == 1
    assert "Removed" in capsys.readouterr().out


# show


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("markdown", "## 1. Prospecting"),
        ("table", "| Move |"),
        ("html", "<h1>"),
        ("mermaid", "stateDiagram-v2"),
        ("dot", "digraph"),
    ],
)
def test_show(form: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A process is printed in words or as a picture."""
    assert main(["show", "seven.yaml", "--as", form]) == 0
    assert text in capsys.readouterr().out


def test_show_path(capsys: pytest.CaptureFixture[str]) -> None:
    """A picture highlights the stages that a deal went through."""
    assert main(["show", "seven.yaml", "--as", "mermaid", "--path", "prospecting,making_contact"]) == 0
    assert "class s1_making_contact current" in capsys.readouterr().out


# convert


@pytest.mark.parametrize("target", ["out.json", "out.yml", "out.toml"])
def test_convert_between_files(target: str) -> None:
    """A process is the same in every kind of file."""
    assert main(["convert", "seven.yaml", target]) == 0
    assert load(target) == SEVEN_STAGE


@pytest.mark.parametrize(
    ("target", "write"),
    [
        ("out.md", markdown.dumps),
        ("out.html", html.dumps),
        ("out.mmd", mermaid.dumps),
        ("out.dot", dot.dumps),
        ("out.xml", salesforce.dump),
    ],
)
def test_convert_by_suffix(target: str, write: Callable[[SalesProcess], str]) -> None:
    """The suffix of the target says what is written."""
    assert main(["convert", "seven.yaml", target]) == 0
    assert Path(target).read_text(encoding="utf-8") == write(SEVEN_STAGE)


def test_convert_from_crm(capsys: pytest.CaptureFixture[str]) -> None:
    """What a CRM gave is read with --from, and what was assumed is on the error stream."""
    Path("stages.csv").write_text("id,name,sequence,is_won\n1,New,1,False\n4,Won,70,True\n", encoding="utf-8")
    assert main(["convert", "--from", "odoo", "stages.csv", "-"]) == 0
    out = capsys.readouterr()
    assert SalesProcess.model_validate_json(out.out).stage("4").kind == "won"
    assert "assumed: no stage is for lost deals" in out.err


def test_convert_to_crm(capsys: pytest.CaptureFixture[str]) -> None:
    """A process is written for a CRM with --to."""
    assert main(["convert", "seven.yaml", "-", "--to", "hubspot"]) == 0
    assert '"isClosed": "true"' in capsys.readouterr().out


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("check missing.json", "cannot read missing.json"),
        ("check bad.json", "line 1, column 2"),
        ("check no_such_module:X", "cannot import no_such_module"),
        ("check salesprocess.catalog:NOTHING", "salesprocess.catalog has no 'NOTHING'"),
        ("check salesprocess.catalog:BANT", "is a Framework, not a SalesProcess"),
        ("check salesprocess:", "write module:NAME"),
        ("check seven.yaml --waive no_such=x", "no_such"),
        ("diff bad.json seven.yaml", "line 1, column 2"),
        ("show missing.json", "missing.json"),
        ("show bad.json", "line 1, column 2"),
        ("show seven.yaml --as dot --path closng", "did you mean 'closing'"),
        ("show seven.yaml --path closing", "a path is for pictures"),
        ("convert seven.yaml out.pdf", "no format for 'out.pdf'"),
        ("convert --from hubspot bad.json -", "line 1, column 2"),
    ],
)
def test_bad_input(arguments: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad input is exit code 2, one clear message on the error stream, and no output."""
    Path("bad.json").write_text("{bad", encoding="utf-8")
    assert main(arguments.split()) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert out.err.startswith("salesprocess: ")
    assert message in out.err
