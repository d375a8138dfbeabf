"""Which parts of a process a stretch of code exercises."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from salesprocess.process import SalesProcess
from salesprocess.testing.coverage_points import KINDS, Point, PointKind, move_point, names_of, points_of
from salesprocess.testing.engine_listener import watching

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salesprocess.engine.decision import Decision
    from salesprocess.history.change import StageChange

__all__ = ["Coverage", "Point", "ProcessCoverage", "covering"]


@dataclass
class ProcessCoverage:
    """What was exercised of one process. `str()` says what was not.

    The points are the stages a deal was in, the moves that were made, the answers that each criterion gave (met,
    unmet and unknown, where it can), and the kinds of refusal that the process itself gives rise to.
    """

    process: SalesProcess
    seen: set[Point] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.points: tuple[Point, ...] = tuple(dict.fromkeys(points_of(self.process)))
        self._names = names_of(self.process)
        self._stages = {stage.key for stage in self.process.stages}

    @property
    def missing(self) -> tuple[Point, ...]:
        """What was not exercised, in the order of the definition."""
        return tuple(point for point in self.points if point not in self.seen)

    @property
    def percent(self) -> float:
        """The share of all points that was exercised, 0 to 100."""
        return _percent(len(self.points) - len(self.missing), len(self.points))

    def count(self, kind: PointKind) -> tuple[int, int]:
        """Return how many points of a kind were exercised, and how many there are in all."""
        points = [point for point in self.points if point.kind == kind]
        return sum(point in self.seen for point in points), len(points)

    def note_decision(self, decision: Decision) -> None:
        """Record what a decision on a deal exercised."""
        if decision.source in self._stages:
            self.seen.add(Point("stage", decision.source))
        if not decision:
            self.seen.add(Point("refusal", decision.kind))
        self.note_findings(decision)

    def note_findings(self, decision: Decision) -> None:
        """Record the status of each criterion."""
        for found in decision.findings:
            name = self._names.get((found.key, found.expected), found.key)
            self.seen.add(Point("criterion", f"{name} {found.status}"))

    def note_change(self, change: StageChange) -> None:
        """Record a move that was made."""
        self.seen.add(Point("stage", change.dest))
        if change.source is not None:
            self.seen.add(Point("stage", change.source))
            self.seen.add(move_point(change.source, change.trigger, change.dest))

    def __str__(self) -> str:
        counts = ", ".join(f"{done} of {all_} {kind}s" for kind in KINDS for done, all_ in [self.count(kind)])
        lines = [f"{self.process.key} (version {self.process.version}): {self.percent:.0f}%, {counts}"]
        return "\n".join([*lines, *(f"  - {point}" for point in self.missing)])


class Coverage:
    """What was exercised of each process that an engine was built for, told apart by fingerprint."""

    def __init__(self) -> None:
        self._by_fingerprint: dict[str, ProcessCoverage] = {}

    @property
    def processes(self) -> tuple[ProcessCoverage, ...]:
        """The coverage of each process, sorted by its key."""
        return tuple(sorted(self._by_fingerprint.values(), key=lambda each: each.process.key))

    @property
    def percent(self) -> float:
        """The share of the points of all processes that was exercised, 0 to 100; 100 where there are none."""
        every = self.processes
        points = sum(len(each.points) for each in every)
        return _percent(points - sum(len(each.missing) for each in every), points)

    def of(self, process: SalesProcess) -> ProcessCoverage:
        """Return the coverage of one process; empty where nothing was exercised."""
        return self._by_fingerprint.setdefault(process.fingerprint, ProcessCoverage(process))

    def model_dump(self) -> dict[str, Any]:
        """Return the coverage as JSON types: what was seen and what is missing, with each whole process."""
        return {
            "percent": round(self.percent, 2),
            "processes": [
                {
                    "key": each.process.key,
                    "version": each.process.version,
                    "fingerprint": fingerprint,
                    "percent": round(each.percent, 2),
                    "seen": sorted(map(list, each.seen)),
                    "missing": [list(point) for point in each.missing],
                    "process": each.process.model_dump(mode="json"),
                }
                for fingerprint, each in sorted(self._by_fingerprint.items())
            ],
        }

    def add(self, dump: dict[str, Any]) -> None:
        """Add what another run saw, from its `model_dump`."""
        for data in dump["processes"]:
            process = SalesProcess.model_validate(data["process"])
            self.of(process).seen.update(Point(kind, name) for kind, name in data["seen"])


@contextmanager
def covering() -> Iterator[Coverage]:
    """Record which parts of their processes all engines exercise inside the `with` block.

    >>> from salesprocess import Engine
    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> with covering() as coverage:
    ...     decision = Engine(SEVEN_STAGE).check({"stage": "closing"}, "win")
    >>> [point.name for point in coverage.of(SEVEN_STAGE).seen if point.kind == "criterion"]
    ['signed_at unmet']
    """
    coverage = Coverage()
    with watching(coverage.of):
        yield coverage


def _percent(done: int, of: int) -> float:
    return 100 * done / of if of else 100.0
