"""What in a past does not obey a process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from salesprocess._text import suggestion
from salesprocess.history.change import StageChange
from salesprocess.history.history import History
from salesprocess.process import CLOSED_KINDS, SalesProcess


class Oddity(NamedTuple):
    """One thing that does not obey: a stable `code`, the `position` of the change from 0, and a `message`."""

    code: str
    position: int
    message: str

    def __str__(self) -> str:
        return f"[{self.position}] {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Conformance:
    """What a past came to. True when nothing in it is odd."""

    history: History
    oddities: tuple[Oddity, ...]

    @property
    def counts(self) -> dict[str, int]:
        """How often each code occurs."""
        return dict(Counter(oddity.code for oddity in self.oddities))

    def __bool__(self) -> bool:
        return not self.oddities

    def __str__(self) -> str:
        changes = len(self.history)
        if self:
            return f"{changes} changes, all in order"
        return "\n".join([f"{changes} changes, {len(self.oddities)} oddities", *(f"  {odd}" for odd in self.oddities)])


def replay(process: SalesProcess, changes: Iterable[StageChange]) -> Conformance:
    """Holds a past against a process. Never refuses it, and runs nothing.

    Codes: `illegal_move`, `skip`, `backward` and `after_closing` for a move that the process has not, by what it looks
    like; `unknown_stage`; `broken_chain` where a change does not leave the stage that the last one entered;
    `clock_back`, `tie` for a time before, or the same as, the last one's; `duplicate` for a number used twice.
    """
    history = History(process, changes)
    return Conformance(history, tuple(Replay(process).of(history.changes)))


class Replay:
    """A process as pasts are held against it; made once for any number of them."""

    def __init__(self, process: SalesProcess) -> None:
        self._process = process
        self._order = {stage.key: index for index, stage in enumerate(process.stages)}
        self._kinds = {stage.key: stage.kind for stage in process.stages}
        self._triggers: dict[tuple[str, str], set[str]] = {}
        for move in process.moves():
            self._triggers.setdefault((move.source, move.dest), set()).add(move.trigger)

    def of(self, changes: tuple[StageChange, ...]) -> Iterator[Oddity]:
        """Yield what is odd about each change, in order."""
        numbers: dict[int, int] = {}
        for position, change in enumerate(changes):
            last = changes[position - 1] if position else None
            for code, message in self._oddities(change, last):
                yield Oddity(code, position, message)
            if change.seq is not None:
                first = numbers.setdefault(change.seq, position)
                if first != position:
                    yield Oddity("duplicate", position, f"number {change.seq} is that of [{first}] already")

    def _oddities(self, change: StageChange, last: StageChange | None) -> Iterator[tuple[str, str]]:
        if last is not None and change.at < last.at:
            yield "clock_back", f"{change.at.isoformat()} is before {last.at.isoformat()}"
        elif last is not None and change.at == last.at:
            yield "tie", f"the same time as the change before, {change.at.isoformat()}"
        unknown = [key for key in (change.source, change.dest) if key is not None and key not in self._order]
        if unknown:
            yield "unknown_stage", "; ".join(f"no stage {key!r}{suggestion(key, self._order)}" for key in unknown)
            return
        if last is not None and change.source != last.dest and change.source_kind != "migration":
            yield "broken_chain", f"it leaves {change.source!r}, the change before entered {last.dest!r}"
        odd = self._odd_move(change)
        if odd:
            start = "the past starts" if change.source is None else f"{change.trigger!r} from {change.source!r}"
            yield odd, f"{start}{' in' if change.source is None else ' to'} {change.dest!r}"

    def _odd_move(self, change: StageChange) -> str | None:
        """What a move that the process has not looks like; `None` for one that it has."""
        source, dest = change.source, change.dest
        if change.source_kind == "migration":
            return None
        if source is None:
            return None if dest == self._process.initial.key else "skip"
        triggers = self._triggers.get((source, dest))
        if triggers:
            return None if change.source_kind == "import" or change.trigger in triggers else "illegal_move"
        if self._kinds[source] in CLOSED_KINDS:
            return "after_closing"
        if {self._kinds[source], self._kinds[dest]} <= {"open", "won"} and source != dest:
            return "skip" if self._order[dest] > self._order[source] else "backward"
        return "illegal_move"
