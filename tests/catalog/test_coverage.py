"""The shipped processes are exercised in full, with the tools that the library has for it."""

from __future__ import annotations

from itertools import product
from typing import Any

from hypothesis import given, settings

from salesprocess import Criterion, Engine, SalesProcess
from salesprocess.process.graph import Move
from salesprocess.testing import assert_refused, covering, deals_failing, deals_meeting, paths


def walk_every_path(process: SalesProcess, engine: Engine[Any]) -> None:
    """Walk each path with a deal that has just what it needs."""
    for path in paths(process, kind="all_transitions"):
        path.walk(engine, path.deal(dict))


def fail_every_criterion(process: SalesProcess, engine: Engine[Any]) -> None:
    """Try deals that fail each criterion, and deals that meet it."""
    asked = {criterion: move for move in process.moves() for criterion in move.gate}
    for criterion, move in asked.items():
        fail(engine, criterion, move)


def fail(engine: Engine[Any], criterion: Criterion, move: Move) -> None:
    @settings(max_examples=20, deadline=None, database=None, derandomize=True)
    @given(deals_failing(criterion, dict, stage=move.source), deals_meeting(criterion, dict, stage=move.source))
    def check(failing: Any, meeting: Any) -> None:
        for deal, fails in ((failing, True), (meeting, False)):
            unmet = engine.check(deal, move.trigger, to=move.dest).unmet
            assert (criterion.key in [found.key for found in unmet]) is fails

    check()


def try_illegal_moves(process: SalesProcess, engine: Engine[Any]) -> None:
    """Try each trigger where no move has it, and each move that needs a reason without one."""
    moves = {(move.source, move.trigger) for move in process.moves()}
    for stage, trigger in product(process.stages, {move.trigger for move in process.transitions}):
        if (stage.key, trigger) not in moves:
            assert_refused(engine, {"stage": stage.key}, trigger)
    for move in process.moves():
        if move.transition.needs_reason:
            assert_refused(engine, {"stage": move.source}, move.trigger, to=move.dest, kind="needs_reason")


def test_process_coverage(process: SalesProcess) -> None:
    """Every stage, move, criterion and refusal of a shipped process is exercised."""
    engine: Engine[Any] = Engine(process)
    with covering() as coverage:
        walk_every_path(process, engine)
        fail_every_criterion(process, engine)
        try_illegal_moves(process, engine)
    account = coverage.of(process)
    assert account.missing == (), str(account)
    assert account.percent == 100
