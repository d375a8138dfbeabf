"""Pasts of deals, legal ones and those with a given fault."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from salesprocess._text import suggestion
from salesprocess.history import History, replay
from salesprocess.history.change import StageChange
from salesprocess.process import SalesProcess
from salesprocess.testing.host_values import MONDAY
from salesprocess.testing.process_paths import Path, Step, route, ways_out

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["histories", "walks"]

_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=400)
_UNKNOWN = "no_such_stage"
_OF_RECORDS = ("tie", "clock_back", "duplicate")
_OF_MOVES = ("illegal_move", "skip", "backward", "after_closing")


def walks(process: SalesProcess, *, max_size: int = 12) -> st.SearchStrategy[Path]:
    """Legal ways from the first stage, of up to `max_size` moves, whatever their criteria ask for."""
    ways = ways_out(process)

    @st.composite
    def walk(draw: st.DrawFn) -> Path:
        steps: list[Step] = []
        stage = process.initial.key
        for _ in range(draw(st.integers(0, max_size))):
            if not ways[stage]:
                break
            steps.append(draw(st.sampled_from(ways[stage])))
            stage = steps[-1].dest
        return Path(process, tuple(steps))

    return walk()


def histories(
    process: SalesProcess,
    *,
    conformant: bool = True,
    faults: Collection[str] | None = None,
    max_size: int = 12,
    at: datetime = MONDAY,
) -> st.SearchStrategy[History]:
    """Pasts of deals that end at `at` at the latest: legal ones, or with `conformant=False` odd ones.

    `faults` are the codes of `replay` that a past is to have, all of them and no others; without it each past has some.

    Raises:
        ValueError: for faults that there are not, that the process cannot have, or that are asked of a conformant past.
    """
    if conformant and faults:
        raise ValueError("a conformant past has no faults: say conformant=False")
    if conformant:
        return walks(process, max_size=max_size).flatmap(lambda path: pasts(path, at))
    odd = _odd_moves(process)
    # In the order in which they are put in: what needs a legal move to go on with comes first.
    possible = [*_OF_RECORDS, *(code for code in _OF_MOVES if odd[code]), "broken_chain", "unknown_stage"]
    for code in faults or ():
        if code not in possible:
            raise ValueError(f"process {process.key!r} can have no fault {code!r}{suggestion(code, possible)}")
    some = st.sets(st.sampled_from(possible), min_size=1, max_size=3) if faults is None else st.just(set(faults))
    in_order = some.map(lambda codes: [code for code in possible if code in codes])
    return in_order.flatmap(lambda codes: _faulty(process, codes, odd, at))


def pasts(path: Path, at: datetime) -> st.SearchStrategy[History]:
    """Pasts of deals that walked a path."""

    def past(moments: list[datetime]) -> History:
        return History(path.process, changes_of(path.process, path.steps, moments))

    return times(len(path.steps) + 1, at).map(past)


def times(count: int, at: datetime) -> st.SearchStrategy[list[datetime]]:
    """So many times in order, the last of them `at` or before."""
    spans = st.lists(st.timedeltas(_SHORTEST, _LONGEST), min_size=count, max_size=count)
    return spans.map(lambda each: [at - sum(each[index:], timedelta(0)) for index in range(count)])


def changes_of(process: SalesProcess, steps: Iterable[Step], moments: Sequence[datetime]) -> list[StageChange]:
    """The records of a start and of these steps."""
    record = _recorder(process)
    first, *rest = moments
    changes = [record(1, "start", None, process.initial.key, first, None)]
    for step, moment in zip(steps, rest, strict=True):
        changes.append(record(len(changes) + 1, step.trigger, step.source, step.dest, moment, step.reason))
    return changes


def _recorder(process: SalesProcess) -> Callable[..., StageChange]:
    fingerprint = process.fingerprint

    def record(seq: int, trigger: str, source: str | None, dest: str, at: datetime, reason: str | None) -> StageChange:
        return StageChange(seq, process.key, process.version, fingerprint, trigger, source, dest, at, reason=reason)

    return record


def _odd_moves(process: SalesProcess) -> dict[str, list[tuple[str, str, str]]]:
    """Moves that the process has not, by what a replay calls them: trigger, source and stage entered."""
    record = _recorder(process)
    found: dict[str, list[tuple[str, str, str]]] = {code: [] for code in _OF_MOVES}
    for left in process.stages:
        for entered in process.stages:
            change = record(1, "no_such_trigger", left.key, entered.key, MONDAY, None)
            for oddity in replay(process, [change]).oddities:
                found[oddity.code].append((change.trigger, left.key, entered.key))
    return found


@st.composite
def _faulty(
    draw: st.DrawFn, process: SalesProcess, codes: list[str], odd: dict[str, list[tuple[str, str, str]]], at: datetime
) -> History:
    ways = ways_out(process)
    past = _Past(process, ways)
    for code in codes:
        if code in _OF_MOVES:
            reachable = [move for move in odd[code] if past.goes_to(move[1])]
            trigger, source, dest = draw(st.sampled_from(reachable or odd[code]))
            past.go_to(source)
            past.add(trigger, source, dest)
        elif code == "unknown_stage":
            past.add("advance", past.stage, _UNKNOWN)
        elif code == "broken_chain":
            elsewhere = [step for key, steps in ways.items() for step in steps if key != past.stage]
            step = draw(st.sampled_from(elsewhere))
            past.add(step.trigger, step.source, step.dest)
        else:
            past.go_on(draw)
            past.spoil(code)
    moments = draw(times(len(past.changes), at))
    return History(process, past.timed(moments))


class _Past:
    """A past in the making: where the deal is, and what was recorded so far."""

    def __init__(self, process: SalesProcess, ways: dict[str, list[Step]]) -> None:
        self.ways = ways
        self.record = _recorder(process)
        self.stage = process.initial.key
        self.changes = [self.record(1, "start", None, self.stage, MONDAY, None)]
        self.spoilt: dict[int, str] = {}

    def add(self, trigger: str, source: str, dest: str, reason: str | None = None) -> None:
        """Records a move, whether or not it is one."""
        self.changes.append(self.record(len(self.changes) + 1, trigger, source, dest, MONDAY, reason))
        self.stage = dest

    def goes_to(self, stage: str) -> bool:
        """Whether legal moves lead there."""
        return route(self.ways, self.stage, lambda key: key == stage) is not None

    def go_to(self, stage: str) -> None:
        """Records the shortest way there."""
        for step in route(self.ways, self.stage, lambda key: key == stage) or ():
            self.add(step.trigger, step.source, step.dest, step.reason)

    def go_on(self, draw: st.DrawFn) -> None:
        """Records any legal move, of those with another one after it if there are such."""
        steps = self.ways[self.stage]
        step = draw(st.sampled_from([each for each in steps if self.ways[each.dest]] or steps))
        self.add(step.trigger, step.source, step.dest, step.reason)

    def spoil(self, code: str) -> None:
        """Makes the record of the last move wrong."""
        self.spoilt[len(self.changes) - 1] = code

    def timed(self, moments: list[datetime]) -> list[StageChange]:
        """The changes with their times, and what was spoilt of them."""
        timed: list[StageChange] = []
        for index, (change, moment) in enumerate(zip(self.changes, moments, strict=True)):
            before: Any = timed[-1] if timed else None
            code = self.spoilt.get(index)
            if code == "tie":
                moment = before.at  # noqa: PLW2901 - the time that is recorded is another one
            elif code == "clock_back":
                moment = before.at - _SHORTEST / 2  # noqa: PLW2901
            seq = before.seq if code == "duplicate" else change.seq
            timed.append(change._replace(at=moment, seq=seq))
        return timed
