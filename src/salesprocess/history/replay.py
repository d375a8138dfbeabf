"""What in a past does not conform to a process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from salesprocess._text import unknown
from salesprocess.history.change import StageChange
from salesprocess.history.history import History
from salesprocess.process import CLOSED_KINDS, SalesProcess
from salesprocess.process.stages import MAIN_KINDS


class Oddity(NamedTuple):
    """One thing that does not conform: a stable `code`, the `position` of the change from 0, and a `message`."""

    code: str
    position: int
    message: str

    def __str__(self) -> str:
        return f"[{self.position}] {self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class Conformance:
    """How a past conforms to a process. True when nothing in it is odd."""

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
    """Compare a past with a process. Nothing is refused, and no hook runs.

    Codes: `illegal_move`, `skip`, `backward` and `after_closing` for a move that the process lacks, by what it looks
    like; `unknown_stage`; `broken_chain` for a change that does not leave the stage that the last one entered;
    `clock_back`, `tie` for a time before, or the same as, the last one's; `duplicate` for a number used twice.
    """
    history = History(process, changes)
    return Conformance(history, tuple(oddities_of(process, history.changes)))


def oddities_of(process: SalesProcess, changes: Sequence[StageChange]) -> Iterator[Oddity]:
    """Yield what is odd about each change, in order."""
    numbers: dict[int, int] = {}
    last = None
    for position, change in enumerate(changes):
        for code, message in _oddities(process, change, last):
            yield Oddity(code, position, message)
        if change.seq is not None and numbers.setdefault(change.seq, position) != position:
            yield Oddity("duplicate", position, f"number {change.seq} is used by [{numbers[change.seq]}] already")
        last = change


def _oddities(process: SalesProcess, change: StageChange, last: StageChange | None) -> Iterator[tuple[str, str]]:
    if last is not None and change.at < last.at:
        yield "clock_back", f"{change.at.isoformat()} is before {last.at.isoformat()}"
    elif last is not None and change.at == last.at:
        yield "tie", f"the same time as the change before, {change.at.isoformat()}"
    stages = process.graph.stages
    strange = [key for key in (change.source, change.dest) if key is not None and key not in stages]
    if strange:
        place = f"process {process.key!r}"
        yield "unknown_stage", "; ".join(unknown("stage", key, stages, place) for key in strange)
    elif change.source_kind != "migration":
        if last is not None and change.source != last.dest:
            yield "broken_chain", f"it leaves {change.source!r}, the change before entered {last.dest!r}"
        code = _code_of_move(process, change)
        if code is not None and change.source is None:
            yield code, f"the past starts in {change.dest!r}"
        elif code is not None:
            yield code, f"{change.trigger!r} from {change.source!r} to {change.dest!r}"


def _code_of_move(process: SalesProcess, change: StageChange) -> str | None:
    """Return what a move that the process lacks looks like; `None` for one that it has."""
    graph, source, dest = process.graph, change.source, change.dest
    if source is None:
        return None if dest == graph.start.dest else "skip"
    triggers = {move.trigger for move in graph.out_of[source] if move.dest == dest}
    if triggers:
        return None if change.source_kind == "import" or change.trigger in triggers else "illegal_move"
    left, entered = graph.stages[source].kind, graph.stages[dest].kind
    if left in CLOSED_KINDS:
        return "after_closing"
    if {left, entered} <= MAIN_KINDS and source != dest:
        return "skip" if graph.places[dest] > graph.places[source] else "backward"
    return "illegal_move"
