"""How long a deal has been where it is: by which clock, in which calendar, against which limit."""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from salesprocess._text import shown
from salesprocess._time import aware
from salesprocess.errors import DealError
from salesprocess.history.history import History

_WEEKDAYS = frozenset(range(5))


class Calendar(Protocol):
    """Which part of a period counts."""

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """Return the time that counts between two aware moments: zero if the end is not after the start."""
        ...


@dataclass(frozen=True, slots=True)
class WorkingHours:
    """The same hours on some days of the week, without holidays.

    `weekdays` are 0 (Monday) to 6. `holidays` is anything that dates can be looked up in: a set, or a country's
    holidays from the package `holidays`. The hours are those of the clocks in `zone`.

    >>> office = WorkingHours(holidays={date(2026, 1, 1)})
    >>> office.working_time(datetime(2025, 12, 31, 16, tzinfo=UTC), datetime(2026, 1, 2, 10, tzinfo=UTC))
    datetime.timedelta(seconds=7200)

    Raises:
        DealError: for hours that end before they begin, and for a weekday that is not from 0 to 6.
    """

    weekdays: frozenset[int] = _WEEKDAYS
    opens: time = time(9)
    closes: time = time(17)
    holidays: Container[date] = field(default=frozenset())
    zone: tzinfo = UTC

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise DealError(f"working hours end after they begin, found {self.opens} to {self.closes}")
        if not set(self.weekdays) <= set(range(7)):
            raise DealError(f"weekdays are 0 (Monday) to 6, found {sorted(self.weekdays)}")

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """Return the working time between two aware moments."""
        total = timedelta(0)
        day = start.astimezone(self.zone).date()
        last = end.astimezone(self.zone).date()
        while day <= last:
            if day.weekday() in self.weekdays and day not in self.holidays:
                # In UTC, so that a day on which the clocks change has the hours that it really has.
                opened = max(datetime.combine(day, self.opens, self.zone).astimezone(UTC), start)
                closed = min(datetime.combine(day, self.closes, self.zone).astimezone(UTC), end)
                total += max(closed - opened, timedelta(0))
            day += timedelta(days=1)
        return total


@dataclass(frozen=True, slots=True)
class Clock:
    """One clock: the time it shows, the moment it counts from (or to), and why. Both are `None` if it does not run."""

    time: timedelta | None
    moment: datetime | None
    reason: str

    def __str__(self) -> str:
        return self.reason if self.time is None else f"{shown(self.time)}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Clocks:
    """Three clocks that are easily confused.

    `in_stage` counts from the entry into the stage, `since_activity` from the last activity that the host counts, and
    `to_next_step` to the next planned one: it is negative once that has passed.
    """

    in_stage: Clock
    since_activity: Clock
    to_next_step: Clock


@dataclass(frozen=True, slots=True)
class Overdue:
    """A deal that has been in its stage for longer than the stage's time limit."""

    stage: str
    since: datetime
    limit: timedelta
    spent: timedelta

    @property
    def by(self) -> timedelta:
        """By how much the limit is exceeded."""
        return self.spent - self.limit

    def __str__(self) -> str:
        return (
            f"{shown(self.spent)} in {self.stage!r} since {self.since.isoformat()}, "
            f"{shown(self.by)} past the limit of {shown(self.limit)}"
        )


def read_clocks(
    history: History,
    *,
    at: datetime,
    activities: Iterable[datetime] = (),
    next_step: datetime | None = None,
    calendar: Calendar | None = None,
) -> Clocks:
    """Return what the three clocks of a deal show at a time; with a `calendar`, in working time.

    `activities` are the times of the activities that count as contact; the host decides which those are. Those after
    `at` are left out.

    Raises:
        DealError: for a time without a zone.
    """
    aware(at, "at")
    past = [moment for moment in (aware(each, "an activity") for each in activities) if moment <= at]
    last = max(past, default=None)
    entered = history.entered_at
    planned = None if next_step is None else aware(next_step, "next_step")
    return Clocks(
        in_stage=_counting_from(entered, at, calendar, f"in {history.stage!r}", "in no stage yet"),
        since_activity=_counting_from(last, at, calendar, "since the last activity", "no activity counted yet"),
        to_next_step=_counting_to(planned, at, calendar),
    )


def spent_in_stage(history: History, at: datetime, calendar: Calendar | None) -> timedelta | None:
    """Return how long the deal has been in its stage at a time; with a calendar, in working time."""
    entered = history.entered_at
    return None if entered is None else _between(entered, aware(at, "at"), calendar)


def _counting_from(start: datetime | None, at: datetime, calendar: Calendar | None, what: str, nothing: str) -> Clock:
    if start is None:
        return Clock(None, None, nothing)
    return Clock(_between(start, at, calendar), start, f"{what}, from {start.isoformat()}")


def _counting_to(planned: datetime | None, at: datetime, calendar: Calendar | None) -> Clock:
    if planned is None:
        return Clock(None, None, "no next step planned")
    if planned >= at:
        return Clock(_between(at, planned, calendar), planned, f"until the next step at {planned.isoformat()}")
    return Clock(-_between(planned, at, calendar), planned, f"past the step planned for {planned.isoformat()}")


def _between(start: datetime, end: datetime, calendar: Calendar | None) -> timedelta:
    if calendar is not None:
        return calendar.working_time(start, end)
    return max(end - start, timedelta(0))
