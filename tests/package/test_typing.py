"""Type checkers know what a host's deal is: a wrong one in a hook, a predicate or an assertion is an error."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "typing"
ROOT = Path(__file__).parents[2]
WRONG = {
    number
    for number, line in enumerate((FOLDER / "wrong.py").read_text(encoding="utf-8").splitlines(), 1)
    if line.endswith("# error")
}


def mypy(path: Path) -> set[int]:
    output = run("mypy", "--strict", "--show-error-codes", str(path))
    return {int(line) for line in re.findall(rf"{path.name}:(\d+): error", output)}


def pyright(path: Path) -> set[int]:
    report = json.loads(run("pyright", "--outputjson", "--pythonpath", sys.executable, str(path)))
    return {
        found["range"]["start"]["line"] + 1 for found in report["generalDiagnostics"] if found["severity"] == "error"
    }


def run(module: str, *arguments: str) -> str:
    if find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    # 1 is for errors that were found; more is for a checker that did not get to look.
    assert done.returncode in {0, 1}, done.stderr
    return done.stdout


@pytest.mark.parametrize("check", [mypy, pyright], ids=lambda check: check.__name__)
def test_right(check: object) -> None:
    """Code that is right passes."""
    assert check(FOLDER / "right.py") == set()  # type: ignore[operator]


@pytest.mark.parametrize("check", [mypy, pyright], ids=lambda check: check.__name__)
def test_wrong(check: object) -> None:
    """Each wrong type is an error."""
    assert check(FOLDER / "wrong.py") == WRONG  # type: ignore[operator]
