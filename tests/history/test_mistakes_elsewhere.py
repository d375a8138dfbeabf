"""Mistakes of other systems that a history does not make; each test says what goes wrong elsewhere."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

import pytest

from salesprocess import Engine, History, Hooks, SalesProcess, StageChange
from salesprocess.history import read_changes

Live: TypeAlias = Callable[..., History]
Day: TypeAlias = Callable[[float], datetime]


def test_won_again(live: Live, day: Day) -> None:
    """A win that is taken back has no closing date, and the next win has its own.

    Elsewhere a reopened deal keeps its closing date and is counted as closed, or never gets a second one.
    """
    assert live("advance", "win", "go_back").closed_at is None
    again = live("advance", "win", "go_back", "win")
    assert (again.closed_at, again.first_won_at) == (day(4), day(2))


def test_losing(live: Live) -> None:
    """Losing sets stage, outcome and closing date in one change.

    Elsewhere two writes undo one another, and a lost deal has no closing date.
    """
    history = live("advance", "lose")
    assert (history[-1].dest, history.outcome, history.closed_at) == ("lost", "lost", history[-1].at)


def test_lost_in(live: Live, sale: SalesProcess) -> None:
    """The stage in which a deal was lost stays known after it is reopened and lost again.

    Elsewhere the loss overwrites the stage, so that nobody can say where deals are lost.
    """
    history = live("advance", "lose", ("reopen", "lead"), "lose")
    assert history.lost_in == "lead"
    assert History(sale, history[:3]).lost_in == "offer"


@pytest.mark.parametrize(("trigger", "outcome"), [("win", "won"), ("lose", "lost")])
def test_outcome(live: Live, sale: SalesProcess, trigger: str, outcome: str) -> None:
    """Won and lost mean the same in hooks, history and definition.

    Elsewhere one product has two definitions of a won deal, by stage and by percentage.
    """
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.won(lambda _event: ran.append("won"))
    hooks.lost(lambda _event: ran.append("lost"))
    history = live("advance", trigger, hooks=hooks)
    assert (ran, history.outcome, sale.stage(str(history.stage)).kind) == ([outcome], outcome, outcome)


def test_open_at_zero(live: Live) -> None:
    """An open stage with a probability of 0 is open.

    Elsewhere a stage at 0 % is taken for lost, though public stage sets have open ones there.
    """
    assert live().outcome == "open"
    assert live().closed_at is None


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_outcome_without_probability(live: Live, sale: SalesProcess, probability: float) -> None:
    """A probability makes no outcome.

    Elsewhere a lost deal whose probability is computed anew falls out of the lost ones.
    """
    data = json.loads(sale.model_dump_json())
    data["stages"][-1]["probability"] = probability
    assert History(SalesProcess.model_validate(data), live("advance", "lose")).outcome == "lost"


def test_no_invented_record(sale: SalesProcess, day: Day) -> None:
    """No first record is invented for a log that begins in the middle.

    Elsewhere a first row a minute earlier is made up, and with it a stay in a stage where the deal never was.
    """
    log = read_changes([{"deal_id": "1", "stage": "offer", "at": day(0)}], sale)
    history = log.histories["1"]
    assert [(change.source, change.dest, change.at) for change in history] == [(None, "offer", day(0))]
    assert (history.visited, history.time_in("lead")) == (("offer",), None)
    assert [oddity.code for oddity in log.oddities["1"]] == ["skip"]


def test_stage_entered_twice(live: Live) -> None:
    """A deal that enters a stage again is one deal there.

    Elsewhere a funnel counts moves: a deal that comes back counts twice, a lost one not at all.
    """
    histories = [live("advance", "go_back", "advance"), live("advance", "lose")]
    counts = Counter(stage for history in histories for stage in history.visited)
    assert counts == {"lead": 2, "offer": 2, "lost": 1}


def test_same_second(sale: SalesProcess, day: Day) -> None:
    """Changes of the same second come back in order.

    Elsewhere a history is sorted by time alone, and changes of one second change places.
    """
    engine: Engine[Any] = Engine(sale, seq="seq", clock=lambda: day(0))
    deal: dict[str, Any] = {"seq": 0, "signed": True}
    changes = [engine.start(deal), *(engine.fire(deal, trigger) for trigger in ("advance", "win"))]
    stored = [json.dumps(change.model_dump(mode="json")) for change in reversed(changes)]
    loaded = sorted((StageChange.model_validate(json.loads(row)) for row in stored), key=lambda change: change.seq or 0)
    assert loaded == changes
    assert History(sale, loaded).visited == ("lead", "offer", "won")


def test_stays(live: Live) -> None:
    """Every stay has its entry, its exit and its length.

    Elsewhere the history has moves alone, and everybody writes the query for times in stages again.
    """
    spells = live("advance", "lose", ("reopen", "offer")).spells
    assert [spell.stage for spell in spells] == ["lead", "offer", "lost", "offer"]
    assert all(left.left_at == entered.entered_at for left, entered in pairwise(spells))
    assert [spell.length() for spell in spells] == [timedelta(days=1)] * 3 + [None]


def test_day_of_closing(sale: SalesProcess) -> None:
    """The day of closing is the day where the deal was closed.

    Elsewhere a deal closed on an evening in Arizona is stored as closed on the next day.
    """
    evening = datetime(2026, 3, 31, 20, 30, tzinfo=ZoneInfo("America/Phoenix"))
    change = Engine[Any](sale).fire({"stage": "offer", "signed": True}, "win", at=evening)
    stored = json.loads(json.dumps(change.model_dump(mode="json")))
    closed_at = History(sale, [stored]).closed_at
    assert closed_at is not None
    assert (closed_at.date(), closed_at) == (date(2026, 3, 31), evening)


def test_two_spellings(sale: SalesProcess, day: Day) -> None:
    """Two spellings of a stage are mapped to one key, and a third is reported.

    Elsewhere names are the keys: a sixth of the rows of a public export has a second spelling of one product.
    """
    rows = [
        {"deal_id": "1", "stage": name, "at": day(number)} for number, name in enumerate(["Lead", "New Lead", "ofer"])
    ]
    log = read_changes(rows, sale, stages={"Lead": "lead", "New Lead": "lead"})
    assert (len(log.histories["1"]), log.collapsed) == (2, 1)
    assert "did you mean 'offer'" in log.oddities["1"][0].message
