"""Strategies for histories of deals, legal ones and those with a given fault."""

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
from salesprocess.testing.process_paths import Path, Step, nearest, path_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess.process.graph import Move

__all__ = ["histories", "walks"]

_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(days=400)
_UNKNOWN = "no_such_stage"
_OF_RECORDS = ("tie", "clock_back", "duplicate")
_OF_MOVES = ("illegal_move", "skip", "backward", "after_closing")


def walks(process: SalesProcess, *, max_size: int = 12) -> st.SearchStrategy[Path]:
    """Return a strategy of legal paths from the first stage, of up to `max_size` moves; criteria are ignored."""
    out_of = process.graph.out_of

    @st.composite
    def walk(draw: st.DrawFn) -> Path:
        moves: list[Move] = []
        stage = process.initial.key
        for _ in range(draw(st.integers(0, max_size))):
            if not out_of[stage]:
                break
            moves.append(draw(st.sampled_from(out_of[stage])))
            stage = moves[-1].dest
        return path_of(process, moves)

    return walk()


def histories(
    process: SalesProcess,
    *,
    conformant: bool = True,
    faults: Collection[str] | None = None,
    max_size: int = 12,
    at: datetime = MONDAY,
) -> st.SearchStrategy[History]:
    """Return a strategy of histories that end at `at` at the latest: legal, or faulty with `conformant=False`.

    `faults` are codes of `replay`: each history has all of them and no others. Without it, each has one to three.

    Raises:
        ValueError: for an unknown fault, one that the process cannot have, or any fault of a conformant history.
    """
    if conformant and faults:
        raise ValueError("a conformant history has no faults: pass conformant=False")
    if conformant:
        return walks(process, max_size=max_size).flatmap(lambda path: histories_along(path, at))
    odd = _odd_moves(process)
    # The order in which faults are put in: those that need a legal move after the start come first.
    possible = [*_OF_RECORDS, *(code for code in _OF_MOVES if odd[code]), "broken_chain", "unknown_stage"]
    for code in faults or ():
        if code not in possible:
            raise ValueError(
                f"a history of process {process.key!r} cannot have fault {code!r}{suggestion(code, possible)}"
            )
    some = st.sets(st.sampled_from(possible), min_size=1, max_size=3) if faults is None else st.just(set(faults))
    in_order = some.map(lambda codes: [code for code in possible if code in codes])
    return in_order.flatmap(lambda codes: _faulty(process, codes, odd, at))


def histories_along(path: Path, at: datetime) -> st.SearchStrategy[History]:
    """Return a strategy of the histories of deals that walked a path."""

    def history(moments: list[datetime]) -> History:
        return History(path.process, changes_of(path.process, path.steps, moments))

    return times(len(path.steps) + 1, at).map(history)


def times(count: int, at: datetime) -> st.SearchStrategy[list[datetime]]:
    """Return a strategy of lists of so many times in ascending order, the last one at `at` or before."""
    spans = st.lists(st.timedeltas(_SHORTEST, _LONGEST), min_size=count, max_size=count)
    return spans.map(lambda each: [at - sum(each[index:], timedelta(0)) for index in range(count)])


def changes_of(process: SalesProcess, steps: Iterable[Step], moments: Sequence[datetime]) -> list[StageChange]:
    """Return the records of a start and of these steps."""
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
    """Return moves that the process lacks, as trigger, source and target, by the code that a replay gives them."""
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
    past = _FaultyHistory(process)
    for code in codes:
        if code in _OF_MOVES:
            reachable = [move for move in odd[code] if past.can_go_to(move[1])]
            trigger, source, dest = draw(st.sampled_from(reachable or odd[code]))
            past.go_to(source)
            past.add(trigger, source, dest)
        elif code == "unknown_stage":
            past.add("advance", past.stage, _UNKNOWN)
        elif code == "broken_chain":
            elsewhere = [move for move in process.moves() if move.source != past.stage]
            move = draw(st.sampled_from(elsewhere))
            past.add(move.trigger, move.source, move.dest)
        else:
            past.go_on(draw)
            past.spoil(code)
    moments = draw(times(len(past.changes), at))
    return History(process, past.timed(moments))


class _FaultyHistory:
    """A history in the making: where the deal is, and what was recorded so far."""

    def __init__(self, process: SalesProcess) -> None:
        self.graph = process.graph
        self.record = _recorder(process)
        self.stage = process.initial.key
        self.changes = [self.record(1, "start", None, self.stage, MONDAY, None)]
        self._faults: dict[int, str] = {}

    def add(self, trigger: str, source: str, dest: str, reason: str | None = None) -> None:
        """Record a move, whether or not the process has it."""
        self.changes.append(self.record(len(self.changes) + 1, trigger, source, dest, MONDAY, reason))
        self.stage = dest

    def can_go_to(self, stage: str) -> bool:
        """Return whether legal moves lead there."""
        return self._way_to(stage) is not None

    def go_to(self, stage: str) -> None:
        """Record the shortest way there."""
        for move in self._way_to(stage) or ():
            self._make(move)

    def go_on(self, draw: st.DrawFn) -> None:
        """Record any legal move, where possible one after which there is another."""
        moves = self.graph.out_of[self.stage]
        self._make(draw(st.sampled_from([move for move in moves if self.graph.out_of[move.dest]] or moves)))

    def spoil(self, code: str) -> None:
        """Put a fault into the record of the last move."""
        self._faults[len(self.changes) - 1] = code

    def _way_to(self, stage: str) -> list[Move] | None:
        return nearest(self.graph, self.stage, lambda key: key == stage)

    def _make(self, move: Move) -> None:
        self.add(move.trigger, move.source, move.dest, Step(move).reason)

    def timed(self, moments: list[datetime]) -> list[StageChange]:
        """Return the changes with their times, and the faults put into them."""
        timed: list[StageChange] = []
        for index, (change, moment) in enumerate(zip(self.changes, moments, strict=True)):
            before: Any = timed[-1] if timed else None
            code = self._faults.get(index)
            if code == "tie":
                moment = before.at  # noqa: PLW2901 - the time that is recorded is another one
            elif code == "clock_back":
                moment = before.at - _SHORTEST / 2  # noqa: PLW2901
            seq = before.seq if code == "duplicate" else change.seq
            timed.append(change._replace(at=moment, seq=seq))
        return timed
