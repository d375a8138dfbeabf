"""`show` and `convert` on the command line: files and CRMs in, every format out, exit codes fit for CI."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from salesprocess import SalesProcess
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import dot, dump, html, load, markdown, mermaid, salesforce
from salesprocess.formats.commands import add_convert, add_show

pytest.importorskip("yaml", reason="PyYAML is an extra")
ODOO = "id,name,sequence,is_won\n1,New,1,False\n4,Won,70,True\n"


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    add_show(commands, load)
    add_convert(commands, load)
    given = parser.parse_args([str(argument) for argument in arguments])
    code: int = given.run(given)
    return code


@pytest.fixture
def seven(tmp_path: Path) -> str:
    dump(SEVEN_STAGE, tmp_path / "seven.yaml")
    return str(tmp_path / "seven.yaml")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("markdown", "## 1. Prospecting"),
        ("table", "| Move |"),
        ("html", "<h1>"),
        ("mermaid", "stateDiagram-v2"),
        ("dot", "digraph"),
    ],
)
def test_show_prints_a_process_in_words_and_pictures(
    seven: str, form: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("show", seven, "--as", form) == 0
    assert said in capsys.readouterr().out


def test_show_highlights_a_path(seven: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("show", seven, "--as", "mermaid", "--path", "prospecting,making_contact") == 0
    assert "class s1_making_contact current" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["json", "yml", "toml"])
def test_convert_goes_from_file_to_file(seven: str, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"out.{suffix}"
    assert run("convert", seven, str(target)) == 0
    assert load(target) == SEVEN_STAGE


@pytest.mark.parametrize(
    ("suffix", "written"),
    [
        ("md", markdown.dumps),
        ("html", html.dumps),
        ("mmd", mermaid.dumps),
        ("dot", dot.dumps),
        ("xml", salesforce.dump),
    ],
)
def test_convert_writes_what_the_suffix_asks_for(
    seven: str, tmp_path: Path, suffix: str, written: Callable[[SalesProcess], str]
) -> None:
    target = tmp_path / f"out.{suffix}"
    assert run("convert", seven, str(target)) == 0
    assert target.read_text(encoding="utf-8") == written(SEVEN_STAGE)


def test_convert_takes_a_crm_in_and_says_what_it_assumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "stages.csv").write_text(ODOO)
    assert run("convert", "--from", "odoo", str(tmp_path / "stages.csv"), "-") == 0
    out = capsys.readouterr()
    assert SalesProcess.model_validate_json(out.out).stage("4").kind == "won"
    assert "assumed: no stage is for lost deals" in out.err


def test_convert_writes_for_a_crm(seven: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", seven, "-", "--to", "hubspot") == 0
    assert '"isClosed": "true"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["show", "missing.json"], "missing.json"),
        (["show", "bad.json"], "line 1, column 2"),
        (["convert", "{seven}", "out.pdf"], "no format for 'out.pdf'"),
        (["show", "{seven}", "--as", "dot", "--path", "closng"], "did you mean 'closing'"),
        (["show", "{seven}", "--path", "closing"], "a path is for pictures"),
        (["convert", "--from", "hubspot", "bad.json", "-"], "line 1, column 2"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_clear_message(
    seven: str, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(seven).parent)
    Path("bad.json").write_text("{bad")
    assert run(*(argument.format(seven=seven) for argument in arguments)) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert said in out.err
