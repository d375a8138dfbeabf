"""Two processes are merged into one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Activity, Criterion, DefinitionError, SalesProcess, Stage, Transition, fact
from salesprocess.catalog import SEVEN_STAGE
from salesprocess.catalog import all as shipped

Codes: TypeAlias = Callable[[Callable[[], Any]], dict[str, str]]
Triggers: TypeAlias = Callable[[SalesProcess, str, str], list[str]]


@given(st.sampled_from(shipped()))
@settings(max_examples=6, deadline=None)
def test_merge_with_itself(process: SalesProcess) -> None:
    """A process merged with itself stays as it is."""
    merged = process.merge(process)
    former, moves = (
        {(move.key, move.transition.needs_reason, move.transition.direction) for move in each.moves()}
        for each in (process, merged)
    )
    assert moves == former
    assert merged.stages == process.stages


def test_merge(triggers: Triggers) -> None:
    """A merge adds stages, criteria, activities and the moves between them."""
    review = Stage(key="legal", exit_criteria=fact("approved").is_true())
    stages = [
        Stage(key="presenting", activities=[Activity(key="demo")]),
        review,
        Stage(key="closing", exit_criteria=fact("contract").is_known()),
    ]
    process = SEVEN_STAGE.merge(SalesProcess.linear(key="legal_add_on", stages=stages))
    keys = [stage.key for stage in process.stages]
    assert keys.index("legal") == keys.index("presenting") + 1
    assert [each.key for each in process.stage("closing").exit_criteria] == ["signed_at", "contract"]
    assert [each.key for each in process.stage("presenting").activities] == ["demo"]
    assert triggers(process, "presenting", "legal") == ["advance"]


def test_merge_conflicts() -> None:
    """A merge of processes that contradict each other is refused with every conflict."""
    other = SEVEN_STAGE.require("closing", Criterion(key="signed_at", rule=fact("signed_at").is_true()))
    with pytest.raises(DefinitionError, match=r"stages.closing.exit_criteria.signed_at.rule") as caught:
        SEVEN_STAGE.merge(other)
    assert [problem.code for problem in caught.value.problems] == ["conflict"]


def test_merge_reports_all(codes: Codes) -> None:
    """Every conflict is reported at once, in stages and in moves; labels are none."""
    first = Criterion(key="budget", rule=fact("budget") >= 1, label="Money")
    second = Criterion(key="budget", rule=fact("budget") >= 2, label="Budget")

    def process(owner: str, criterion: Criterion, reason: str) -> SalesProcess:
        stages = [Stage(key="a", owner=owner, exit_criteria=criterion), Stage(key="b"), Stage(key="won", kind="won")]
        win = Transition(trigger="win", source="b", dest="won", needs_reason=True, reasons=reason)
        return SalesProcess.linear(key="p", stages=stages, transitions=[win])

    ours, theirs = process("sales", first, "price"), process("service", second, "fit")
    assert codes(lambda: ours.merge(theirs)) == {
        "stages.a.owner": "conflict",
        "stages.a.exit_criteria.budget.rule": "conflict",
        "transitions.win.b.reasons": "conflict",
    }


def test_merge_keeps_labels() -> None:
    """Of two labels, that of the first process stays."""
    ours, theirs = (
        SalesProcess.linear(
            key="p", stages=[Stage(key="a", exit_criteria=Criterion(key="x", rule=fact("x") > 1, label=label))]
        )
        for label in ("Ours", "Theirs")
    )
    assert ours.merge(theirs).stage("a").exit_criteria[0].label == "Ours"


def test_merge_step() -> None:
    """A step of the other process leads where the first one's step does, with both of their criteria."""
    ours = SalesProcess.linear(key="p", stages=[Stage(key="a"), Stage(key="b"), Stage(key="c")])
    step = Transition(trigger="go", source="a", dest="c", criteria=fact("x").is_known())
    theirs = SalesProcess(key="q", stages=[Stage(key="a"), Stage(key="c")], transitions=[step])
    merged = ours.merge(theirs)
    moves = [move for move in merged.graph.out_of["a"] if move.direction == "forward"]
    assert [(move.trigger, move.dest, [each.key for each in move.transition.criteria]) for move in moves] == [
        ("advance", "b", ["x"])
    ]


def test_merge_at_the_front() -> None:
    """A stage that follows none of the first process is inserted before the next one that it has."""
    theirs = SalesProcess(key="q", stages=[Stage(key="targeting"), Stage(key="qualifying")])
    merged = SEVEN_STAGE.merge(theirs)
    keys = [stage.key for stage in merged.stages]
    assert keys.index("targeting") == keys.index("qualifying") - 1
