"""The shipped processes are exercised in full, with the tools that the library has for it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings

from salesprocess import Criterion, Engine, SalesProcess, Transition, catalog
from salesprocess.testing import assert_refused, covering, deals_failing, deals_meeting, paths


def walk_every_path(process: SalesProcess, engine: Engine[Any]) -> None:
    for path in paths(process, kind="all_transitions"):
        path.walk(engine, path.deal(dict))


def fail_every_criterion(process: SalesProcess, engine: Engine[Any]) -> None:
    asked = {each: (move.source, move.transition) for move in process.moves() for each in move.gate}
    for criterion, (source, move) in asked.items():
        fail(engine, criterion, source, move)


def fail(engine: Engine[Any], criterion: Criterion, source: str, move: Transition) -> None:
    @settings(max_examples=20, deadline=None, database=None, derandomize=True)
    @given(deals_failing(criterion, dict, stage=source), deals_meeting(criterion, dict, stage=source))
    def check(failing: Any, meeting: Any) -> None:
        for deal, fails in ((failing, True), (meeting, False)):
            unmet = engine.check(deal, move.trigger, to=move.dest).unmet
            assert (criterion.key in [found.key for found in unmet]) is fails

    check()


def try_what_is_no_move(process: SalesProcess, engine: Engine[Any]) -> None:
    moves = {(move.source, move.trigger) for move in process.moves()}
    for stage, trigger in product(process.stages, {move.trigger for move in process.transitions}):
        if (stage.key, trigger) not in moves:
            assert_refused(engine, {"stage": stage.key}, trigger)
    for source, move in ((move.source, move.transition) for move in process.moves()):
        if move.needs_reason:
            assert_refused(engine, {"stage": source}, move.trigger, to=move.dest, kind="needs_reason")


@pytest.mark.parametrize("process", catalog.all(), ids=lambda process: process.key)
def test_a_shipped_process_is_covered_in_full(process: SalesProcess) -> None:
    engine: Engine[Any] = Engine(process)
    with covering() as coverage:
        walk_every_path(process, engine)
        fail_every_criterion(process, engine)
        try_what_is_no_move(process, engine)
    account = coverage.of(process)
    assert account.missing == (), str(account)
    assert account.percent == 100
