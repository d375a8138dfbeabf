"""Coverage of processes: what a stretch of code exercises, and what a pytest run does."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import salesprocess
from salesprocess import Engine, Override, SalesProcess, Stage, TransitionRefused, fact
from salesprocess.testing import Coverage, Point, covering

pytest_plugins = ["pytester"]

SALE = SalesProcess.linear(
    key="sale",
    back="forbid",
    stages=[
        Stage(key="talk", exit_criteria=[fact("need").is_true(), fact("name").is_known()]),
        Stage(key="won", kind="won"),
    ],
)
INSTALLED = bool(entry_points(group="pytest11", name="salesprocess"))
PLUGIN = [] if INSTALLED else ["-p", "salesprocess.testing.plugin"]


def seen(act: Any) -> set[str]:
    """What an engine exercises while it is used."""
    engine: Engine[dict[str, Any]] = Engine(SALE)
    with covering() as coverage:
        act(engine)
    return {f"{point.kind} {point.name}" for point in coverage.of(SALE).seen}


MET = {"criterion need met", "criterion name met"}
READY = {"need": True, "name": "Acme"}


def test_a_check_exercises_the_stage_the_answers_and_the_refusal() -> None:
    found = seen(lambda engine: engine.check({"stage": "talk", "need": False}, "win"))
    assert found == {"stage talk", "criterion need unmet", "criterion name unmet", "refusal blocked"}


@pytest.mark.parametrize(
    "act",
    [
        lambda engine: engine.fire({"stage": "talk", **READY}, "win"),
        lambda engine: asyncio.run(engine.afire({"stage": "talk", **READY}, "win")),
        lambda engine: engine.transition({"stage": "talk", **READY}, "win"),
    ],
    ids=["fire", "afire", "transition"],
)
def test_a_move_exercises_the_transition_both_stages_and_the_answers(act: Any) -> None:
    assert seen(act) == {"stage talk", "stage won", "transition win from talk to won", *MET}


def test_a_move_refused_when_tried_exercises_the_refusal() -> None:
    def lose_without_reason(engine: Engine[Any]) -> None:
        with pytest.raises(TransitionRefused):
            engine.fire({"stage": "talk"}, "lose")

    assert "refusal needs_reason" in seen(lose_without_reason)


def test_an_override_is_no_refusal() -> None:
    found = seen(lambda engine: engine.fire({"stage": "talk"}, "win", override=Override(by="vp", reason="now")))
    assert "transition win from talk to won" in found
    assert "refusal blocked" not in found


def test_options_and_plans_exercise_answers_and_a_start_the_first_stage() -> None:
    assert "criterion need unknown" in seen(lambda engine: engine.options({"stage": "talk"}))
    assert "criterion need unknown" in seen(lambda engine: engine.plan({"stage": "talk"}, to="won"))
    assert seen(lambda engine: engine.start({"stage": None})) == {"stage talk"}


def test_what_is_missing_is_told_in_the_order_of_the_definition() -> None:
    with covering() as coverage:
        Engine[Any](SALE).fire({"stage": "talk", **READY}, "win")
    account = coverage.of(SALE)
    assert account.missing[:2] == (Point("stage", "lost"), Point("transition", "lose from talk to lost"))
    assert Point("criterion", "name unknown") not in account.points
    assert account.count("criterion") == (2, 5)
    assert "  - never came out: need unmet" in str(account)


def test_engines_are_as_they_were_before() -> None:
    before = Engine.check, Engine.fire, Engine.__init__
    with covering(), covering():
        assert Engine.check is not before[0]
    assert (Engine.check, Engine.fire, Engine.__init__) == before


def test_coverage_of_several_runs_adds_up() -> None:
    total = Coverage()
    for act in ({"need": True}, {"need": False, "name": "Acme"}):
        with covering() as coverage:
            Engine[Any](SALE).check({"stage": "talk", **act}, "win")
        total.add(json.loads(json.dumps(coverage.model_dump())))
    names = {point.name for point in total.of(SALE).seen if point.kind == "criterion"}
    assert names == {"need met", "need unmet", "name met", "name unmet"}


TEST_FILE = """
import pytest
from salesprocess import Engine, SalesProcess, Stage, fact
SALE = SalesProcess.linear(key="sale", back="forbid", stages=[
    Stage(key="talk", exit_criteria=fact("need").is_true()), Stage(key="won", kind="won")])
ENGINE = Engine(SALE)

@pytest.mark.parametrize("need", [True, False])
def test_win(need):
    ENGINE.check({"stage": "talk", "need": need}, "win")
"""


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a test run elsewhere import the package that is under test."""
    monkeypatch.setenv("PYTHONPATH", str(Path(salesprocess.__file__).parents[1]))


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    pytester.makepyfile(TEST_FILE)
    return pytester.runpytest_subprocess(*PLUGIN, "-p", "no:cacheprovider", *arguments)


def test_a_run_that_does_not_ask_reports_nothing(pytester: pytest.Pytester) -> None:
    result = run(pytester)
    result.assert_outcomes(passed=2)
    result.stdout.no_fnmatch_line("*process coverage*")


def test_a_run_that_asks_ends_with_a_table_and_files(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--process-coverage", "--process-coverage-json=c.json", "--process-coverage-html=c.html")
    result.stdout.fnmatch_lines(
        ["process *stages*transitions*criteria*refusals*total", "sale (version 1) *1/3*0/*2/3*"]
    )
    assert result.ret == 0
    data = json.loads((pytester.path / "c.json").read_text())
    assert ["criterion", "need unknown"] in data["processes"][0]["missing"]
    assert "never came out: need unknown" in (pytester.path / "c.html").read_text()


def test_too_little_coverage_fails_the_run(pytester: pytest.Pytester) -> None:
    assert run(pytester, "--process-fail-under=90").ret == 1
    assert run(pytester, "--process-fail-under=10").ret == 0


@pytest.mark.skipif(find_spec("xdist") is None, reason="pytest-xdist is not installed")
def test_coverage_adds_up_over_the_workers_of_xdist(pytester: pytest.Pytester) -> None:
    result = run(pytester, "-n2", "--process-coverage")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["sale (version 1) *1/3*0/*2/3*"])


def test_fixtures_come_with_the_plugin(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from salesprocess import Engine
        from salesprocess.catalog import FUNNEL

        def test_it(frozen_clock, recording_hooks):
            engine = Engine(FUNNEL, clock=frozen_clock, hooks=recording_hooks)
            assert engine.fire({"stage": "top"}, "lose", reason="price").at == frozen_clock.at
            assert recording_hooks.seen[-1].phase == "lost"

        def test_snapshot(process_snapshot):
            process_snapshot(FUNNEL)
        """
    )
    arguments = [*PLUGIN, "-p", "no:cacheprovider"]
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=1, failed=1)
    pytester.runpytest_subprocess(*arguments, "--process-snapshot-update").assert_outcomes(passed=2)
    pytester.runpytest_subprocess(*arguments).assert_outcomes(passed=2)


def test_the_plugin_loads_nothing_heavy() -> None:
    heavy = "{'pydantic', 'hypothesis', 'transitions', 'salesprocess.engine', 'salesprocess.testing.coverage_session'}"
    code = f"import sys, salesprocess.testing.plugin; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
