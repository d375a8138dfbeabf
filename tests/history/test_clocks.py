"""Clocks that are not taken for one another, and the limits they are held against."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesprocess import DealError, Engine, SalesProcess, Stage
from salesprocess.history import History
from salesprocess.history.clocks import WorkingHours, read_clocks

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROCESS = SalesProcess.linear(
    key="p", stages=[Stage(key="a"), Stage(key="b", time_limit=timedelta(days=7)), Stage(key="won", kind="won")]
)


@pytest.fixture
def engine() -> Engine[Any]:
    return Engine(PROCESS, clock=lambda: MONDAY + timedelta(days=20))


@pytest.fixture
def history(engine: Engine[Any]) -> History:
    """A deal that was created on a Monday and entered stage b ten days later."""
    deal: dict[str, Any] = {}
    started = engine.start(deal, at=MONDAY)
    return History(PROCESS, [started, engine.fire(deal, "advance", at=MONDAY + timedelta(days=10))])


def test_overdue(engine: Engine[Any], history: History) -> None:
    """A deal is overdue from its entry into the stage, not from its creation.

    A CRM that counts from creation calls a deal rotten on the day it arrives.
    """
    assert engine.overdue({"stage": "b"}, history, at=MONDAY + timedelta(days=16)) is None
    assert engine.overdue({"stage": "b"}, history, at=MONDAY + timedelta(days=17)) is None
    overdue = engine.overdue(json.loads('{"stage": "b"}'), history)
    assert overdue is not None
    assert (overdue.spent, overdue.by) == (timedelta(days=10), timedelta(days=3))
    assert str(overdue) == "10 days in 'b' since 2026-03-12T09:00:00+00:00, 3 days past the limit of 7 days"


def test_limit_in_working_time(engine: Engine[Any], history: History) -> None:
    """A limit can be in working time."""
    assert engine.overdue({"stage": "b"}, history, calendar=WorkingHours()) is None


def test_overdue_of_other_history(engine: Engine[Any], history: History) -> None:
    """The history of another deal is refused."""
    with pytest.raises(DealError, match="the deal is in 'a', its history ends in 'b'"):
        engine.overdue({"stage": "a"}, history)
    with pytest.raises(DealError, match="the deal is in 'won', its history ends in 'b'"):
        engine.overdue({"stage": "won"}, history)


def test_no_limit(engine: Engine[Any], history: History) -> None:
    """A stage without a limit is never overdue."""
    assert engine.overdue({"stage": "a"}, History(PROCESS, history[:1])) is None


def test_three_clocks(history: History) -> None:
    """The three clocks show three times, each with its reason."""
    at = MONDAY + timedelta(days=20)
    clocks = read_clocks(
        history,
        at=at,
        activities=[MONDAY + timedelta(days=n) for n in (1, 18, 25)],
        next_step=at + timedelta(days=2),
    )
    assert [clocks.in_stage.time, clocks.since_activity.time, clocks.to_next_step.time] == [
        timedelta(days=10),
        timedelta(days=2),
        timedelta(days=2),
    ]
    assert clocks.since_activity.reason == "since the last activity, from 2026-03-20T09:00:00+00:00"


def test_step_passed(history: History) -> None:
    """A planned step that has passed shows as a negative time."""
    clocks = read_clocks(history, at=MONDAY + timedelta(days=20), next_step=MONDAY + timedelta(days=19))
    assert clocks.to_next_step.time == timedelta(days=-1)


def test_stopped_clock() -> None:
    """A clock that does not run says why."""
    clocks = read_clocks(History(PROCESS), at=MONDAY)
    assert [str(clock) for clock in (clocks.in_stage, clocks.since_activity, clocks.to_next_step)] == [
        "in no stage yet",
        "no activity counted yet",
        "no next step planned",
    ]


def test_working_time() -> None:
    """Working time leaves out nights, weekends and holidays."""
    office = WorkingHours(holidays={date(2026, 3, 4)})
    friday = MONDAY + timedelta(days=4)
    assert office.working_time(MONDAY, friday) == timedelta(hours=24)
    assert office.working_time(friday, MONDAY + timedelta(days=7)) == timedelta(hours=8)
    assert office.working_time(friday, MONDAY) == timedelta(0)


def test_working_time_in_zone() -> None:
    """Working hours are those of their zone, also when its clocks change."""
    night = WorkingHours(weekdays=frozenset({6}), opens=time(0), closes=time(6), zone=ZoneInfo("Europe/Berlin"))
    sunday = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Berlin"))
    assert night.working_time(sunday, sunday + timedelta(days=1)) == timedelta(hours=5)


@pytest.mark.parametrize(
    ("options", "words"),
    [({"opens": time(17)}, "end after they begin"), ({"weekdays": frozenset({7})}, r"0 \(Monday\) to 6, found \[7\]")],
)
def test_impossible_hours(options: dict[str, Any], words: str) -> None:
    """Impossible working hours are refused."""
    with pytest.raises(DealError, match=words):
        WorkingHours(**options)


moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments, moments, moments)
def test_working_time_adds_up(a: datetime, b: datetime, c: datetime) -> None:
    """The working time of two periods is that of both together."""
    start, middle, end = sorted((a, b, c))
    office = WorkingHours()
    whole = office.working_time(start, end)
    assert whole == office.working_time(start, middle) + office.working_time(middle, end)
    assert timedelta(0) <= whole <= end - start
