"""A deal's history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, overload

from salesprocess._text import unknown
from salesprocess._time import aware
from salesprocess.errors import DealError
from salesprocess.history.change import StageChange
from salesprocess.process import CLOSED_KINDS, Kind, SalesProcess
from salesprocess.process.stages import LOST_KINDS, MAIN_KINDS


class Spell(NamedTuple):
    """One stay in a stage; `left_at` is `None` for a stay that has not ended."""

    stage: str
    entered_at: datetime
    left_at: datetime | None

    def length(self, at: datetime | None = None) -> timedelta | None:
        """Return how long the stay was, or has been at a time: never less than nothing."""
        end = self.left_at or at
        return None if end is None else max(end - self.entered_at, timedelta(0))


class History:  # noqa: PLW1641 - it grows, so it has no hash
    """The changes of one deal, oldest first. It only grows, and everything else is derived from it.

    A history made from the past takes it as it is: nothing is refused, no hook runs, and `replay` says what is odd.
    `append` takes only what follows.

    >>> from salesprocess import Engine
    >>> from salesprocess.catalog import FUNNEL
    >>> deal, engine = {"stage": None}, Engine(FUNNEL)
    >>> history = History(FUNNEL, [engine.start(deal)])
    >>> history.stage, history.outcome
    ('top', 'open')
    """

    __slots__ = ("_changes", "_process", "_stages")

    def __init__(self, process: SalesProcess, changes: Iterable[StageChange | Mapping[str, Any]] = ()) -> None:
        self._process = process
        self._stages = process.graph.stages
        self._changes = [StageChange.model_validate(change) for change in changes]

    @property
    def process(self) -> SalesProcess:
        """The process by which the history is read."""
        return self._process

    @property
    def changes(self) -> tuple[StageChange, ...]:
        """Every change, oldest first."""
        return tuple(self._changes)

    def append(self, change: StageChange) -> StageChange:
        """Add a change that follows, and return it as it is kept: numbered, if the engine did not count.

        Raises:
            DealError: if it does not follow in stage, number or time, or is no move of the process.
        """
        last = self._changes[-1] if self._changes else None
        problem = self._misfit(change, last)
        if problem is not None:
            raise DealError(f"change {len(self._changes) + 1} does not follow: {problem}", found=change)
        if change.seq is None:
            change = change._replace(seq=1 if last is None or last.seq is None else last.seq + 1)
        self._changes.append(change)
        return change

    def _misfit(self, change: StageChange, last: StageChange | None) -> str | None:
        """Return why a change cannot follow the last one, if it cannot."""
        migrates = change.source_kind == "migration"
        if change.process != self._process.key and not migrates:
            return f"it is of process {change.process!r}, the history is of process {self._process.key!r}"
        if self._kind(change.dest) is None:
            return self._unknown_stage(change.dest)
        if last is not None and change.seq is not None and last.seq is not None and change.seq != last.seq + 1:
            return f"its number is {change.seq}, expected {last.seq + 1}"
        if last is not None and change.at < last.at:
            return f"its time {change.at.isoformat()} is before {last.at.isoformat()}, that of the last change"
        if change.source != self.stage and not migrates:
            return f"it leaves {change.source!r}, the deal is in {self.stage!r}"
        return self._missing_move(change)

    def _missing_move(self, change: StageChange) -> str | None:
        """Return that the process has no such move, unless another version of it may have had it."""
        graph = self._process.graph
        if change.source is None:
            if change.dest == graph.start.dest:
                return None
            problem = f"it starts in {change.dest!r}, not in {graph.start.dest!r}"
        else:
            moves = graph.out_of.get(change.source, ())
            if any((move.trigger, move.dest) == (change.trigger, change.dest) for move in moves):
                return None
            problem = f"{change.trigger!r} does not lead from {change.source!r} to {change.dest!r}"
        # The fingerprint last: it takes a hash of the whole process.
        is_live = change.source_kind in {"live", "override"}
        return problem if is_live and change.fingerprint == self._process.fingerprint else None

    def _kind(self, key: str | None) -> Kind | None:
        stage = self._stages.get(key or "")
        return None if stage is None else stage.kind

    def _unknown_stage(self, key: str) -> str:
        return unknown("stage", key, self._stages, f"process {self._process.key!r}")

    @property
    def stage(self) -> str | None:
        """The key of the stage that the deal is in; `None` before the first change."""
        return self._changes[-1].dest if self._changes else None

    @property
    def outcome(self) -> Kind | None:
        """The kind of the stage that the deal is in; `None` before the first change and in an unknown stage."""
        return self._kind(self.stage)

    @property
    def entered_at(self) -> datetime | None:
        """When the deal entered the stage it is in."""
        spells = self.spells
        return spells[-1].entered_at if spells else None

    @property
    def closed_at(self) -> datetime | None:
        """When the deal was won, lost or disqualified; `None` while it is open, also after it was reopened."""
        since: datetime | None = None
        for change in self._changes:
            kind = self._kind(change.dest)
            if kind not in CLOSED_KINDS:
                since = None
            elif since is None or kind != self._kind(change.source):
                since = change.at
        return since

    @property
    def first_won_at(self) -> datetime | None:
        """When the deal was won first, whatever came after."""
        return next((change.at for change in self._changes if self._kind(change.dest) == "won"), None)

    @property
    def lost_in(self) -> str | None:
        """The open stage in which a deal that is lost or disqualified was given up."""
        if self.outcome not in LOST_KINDS:
            return None
        stages = (stage for change in reversed(self._changes) for stage in (change.dest, change.source))
        return next((stage for stage in stages if self._kind(stage) == "open"), None)

    @property
    def spells(self) -> tuple[Spell, ...]:
        """Every stay in a stage, in order; a move that stays in its stage ends none."""
        spells: list[Spell] = []
        for change in self._changes:
            if spells and spells[-1].stage == change.dest:
                continue
            if spells:
                spells[-1] = spells[-1]._replace(left_at=change.at)
            spells.append(Spell(change.dest, change.at, None))
        return tuple(spells)

    def time_in(
        self, stage: str, *, which: Literal["latest", "cumulative"] = "latest", at: datetime | None = None
    ) -> timedelta | None:
        """Return how long the deal was in a stage: in its latest stay there, or in all of them together.

        A stay that has not ended counts up to `at`; without it the latest is `None` and the cumulative leaves it out.
        The answer is `None` for a stage never entered.

        Raises:
            DealError: for a stage that neither the process nor the history has.
        """
        spells = [spell for spell in self.spells if spell.stage == stage]
        if not spells and self._kind(stage) is None:
            raise DealError(self._unknown_stage(stage), found=stage)
        at = None if at is None else aware(at, "at")
        lengths = [spell.length(at) for spell in spells]
        if not lengths or which == "latest":
            return lengths[-1] if lengths else None
        return sum((length for length in lengths if length is not None), timedelta(0))

    @property
    def visited(self) -> tuple[str, ...]:
        """The stages of the process that the deal was in, in the order of the process."""
        entered = {change.dest for change in self._changes}
        return tuple(key for key in self._stages if key in entered)

    @property
    def reached(self) -> tuple[str, ...]:
        """The main stages, open and won, that the deal entered or went past."""
        main = [stage.key for stage in self._stages.values() if stage.kind in MAIN_KINDS]
        last = max((main.index(key) for key in self.visited if key in main), default=-1)
        return tuple(main[: last + 1])

    @property
    def skipped(self) -> tuple[str, ...]:
        """The stages reached but never entered."""
        visited = self.visited
        return tuple(key for key in self.reached if key not in visited)

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> list[dict[str, Any]]:
        """Return the changes as dicts, which `History(process, ...)` takes back."""
        return [change.model_dump(mode=mode) for change in self._changes]

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[StageChange]:
        return iter(self._changes)

    @overload
    def __getitem__(self, index: int) -> StageChange: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[StageChange, ...]: ...
    def __getitem__(self, index: int | slice) -> StageChange | tuple[StageChange, ...]:
        return self.changes[index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return self._changes == other._changes and self._process == other._process

    def __repr__(self) -> str:
        return f"<History of {len(self)} changes, now in {self.stage!r}>"
