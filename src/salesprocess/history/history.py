"""A deal's history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, overload

from salesprocess._text import suggestion
from salesprocess.errors import DealError
from salesprocess.history.change import StageChange, aware
from salesprocess.process import CLOSED_KINDS, Kind, SalesProcess

_LOST_KINDS = {"lost", "disqualified"}


class Spell(NamedTuple):
    """One stay in a stage; `left_at` is `None` for the stay that goes on."""

    stage: str
    entered_at: datetime
    left_at: datetime | None

    def length(self, at: datetime | None = None) -> timedelta | None:
        """How long the stay was, or has been at a time; never less than nothing."""
        end = self.left_at or at
        return None if end is None else max(end - self.entered_at, timedelta(0))


class History:  # noqa: PLW1641 - it grows, so it has no hash
    """The changes of one deal, oldest first. It only grows, and everything else is derived from it.

    Making one from the past takes it as it is: nothing is refused, no hook runs, and `replay` says what is odd.
    `append` takes only what follows.

    >>> from salesprocess import Engine
    >>> from salesprocess.catalog import FUNNEL
    >>> deal, engine = {"stage": None}, Engine(FUNNEL)
    >>> history = History(FUNNEL, [engine.start(deal)])
    >>> history.stage, history.outcome
    ('top', 'open')
    """

    __slots__ = ("_changes", "_kinds", "_process")

    def __init__(self, process: SalesProcess, changes: Iterable[StageChange | Mapping[str, Any]] = ()) -> None:
        self._process = process
        self._kinds: dict[str | None, Kind] = {stage.key: stage.kind for stage in process.stages}
        self._changes = [
            change if isinstance(change, StageChange) else StageChange.model_validate(change) for change in changes
        ]

    @property
    def process(self) -> SalesProcess:
        """The process by which the history is read."""
        return self._process

    @property
    def changes(self) -> tuple[StageChange, ...]:
        """Every change, oldest first."""
        return tuple(self._changes)

    def append(self, change: StageChange) -> StageChange:
        """Adds a change that follows, and returns it as it is kept: numbered, where the engine did not count.

        Raises:
            DealError: if it does not follow in stage, number or time, or is no move of the process.
        """
        last = self._changes[-1] if self._changes else None
        problem = self._unlike(change, last)
        if problem:
            raise DealError(f"change {len(self._changes) + 1} does not follow: {problem}", found=change)
        if change.seq is None:
            change = change._replace(seq=1 if last is None or last.seq is None else last.seq + 1)
        self._changes.append(change)
        return change

    def _unlike(self, change: StageChange, last: StageChange | None) -> str:
        """What keeps the change from following, or nothing."""
        if change.process != self._process.key and change.source_kind != "migration":
            return f"it is of process {change.process!r}, the history of {self._process.key!r}"
        if change.dest not in self._kinds:
            return f"no stage {change.dest!r}{suggestion(change.dest, self._stages())}"
        if last is not None and change.seq is not None and last.seq is not None and change.seq != last.seq + 1:
            return f"its number is {change.seq}, the last one's {last.seq}"
        if last is not None and change.at < last.at:
            return f"its time {change.at.isoformat()} is before the last one's {last.at.isoformat()}"
        if change.source != self.stage and change.source_kind != "migration":
            return f"it leaves {change.source!r}, the deal is in {self.stage!r}"
        return self._unknown_move(change)

    def _unknown_move(self, change: StageChange) -> str:
        """Why the process that is in force has no such move; another version's moves are its own business."""
        # The move first: telling another version apart takes a hash of the process.
        problem = self._no_such_move(change)
        if change.source_kind not in {"live", "override"} or not problem:
            return ""
        return problem if change.fingerprint == self._process.fingerprint else ""

    def _no_such_move(self, change: StageChange) -> str:
        if change.source is None:
            initial = self._process.initial.key
            return "" if change.dest == initial else f"it starts in {change.dest!r}, not in {initial!r}"
        moves = ((move.source, move.trigger, move.dest) for move in self._process.moves())
        if (change.source, change.trigger, change.dest) in moves:
            return ""
        return f"{change.trigger!r} does not lead from {change.source!r} to {change.dest!r}"

    @property
    def stage(self) -> str | None:
        """The key of the stage that the deal is in; `None` before the first change."""
        return self._changes[-1].dest if self._changes else None

    @property
    def outcome(self) -> Kind | None:
        """What being in the stage means; `None` before the first change and in a stage that the process lacks."""
        return self._kinds.get(self.stage)

    @property
    def entered_at(self) -> datetime | None:
        """When the deal entered the stage it is in."""
        spells = self.spells
        return spells[-1].entered_at if spells else None

    @property
    def closed_at(self) -> datetime | None:
        """When the deal was won, lost or disqualified; `None` while it is open, and again once it is reopened."""
        since: datetime | None = None
        for change in self._changes:
            kind = self._kinds.get(change.dest)
            if kind not in CLOSED_KINDS:
                since = None
            elif since is None or kind != self._kinds.get(change.source):
                since = change.at
        return since

    @property
    def first_won_at(self) -> datetime | None:
        """When the deal was won first, whatever came after."""
        return next((change.at for change in self._changes if self._kinds.get(change.dest) == "won"), None)

    @property
    def lost_in(self) -> str | None:
        """The open stage in which the deal, lost or disqualified now, was given up."""
        if self.outcome not in _LOST_KINDS:
            return None
        stages = (stage for change in reversed(self._changes) for stage in (change.dest, change.source))
        return next((stage for stage in stages if self._kinds.get(stage) == "open"), None)

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
        """How long the deal was in a stage: in its latest stay there, or in all of them together.

        A stay that goes on counts up to `at`; without it the latest is `None` and the cumulative leaves it out.
        `None` for a stage never entered.

        Raises:
            DealError: for a stage that neither the process nor the history has.
        """
        if stage not in self._kinds and all(spell.stage != stage for spell in self.spells):
            raise DealError(f"no stage {stage!r}{suggestion(stage, self._stages())}", found=stage)
        at = None if at is None else aware(at, "at")
        lengths = [spell.length(at) for spell in self.spells if spell.stage == stage]
        if not lengths or which == "latest":
            return lengths[-1] if lengths else None
        return sum((length for length in lengths if length is not None), timedelta(0))

    @property
    def visited(self) -> tuple[str, ...]:
        """The stages of the process that the deal was in, in the order of the process."""
        entered = {change.dest for change in self._changes}
        return tuple(key for key in self._stages() if key in entered)

    @property
    def reached(self) -> tuple[str, ...]:
        """The stages of the sale, open and won, that the deal entered or went past."""
        way = [key for key in self._stages() if self._kinds[key] in {"open", "won"}]
        last = max((way.index(key) for key in self.visited if key in way), default=-1)
        return tuple(way[: last + 1])

    @property
    def skipped(self) -> tuple[str, ...]:
        """The stages reached but never entered."""
        visited = self.visited
        return tuple(key for key in self.reached if key not in visited)

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> list[dict[str, Any]]:
        """The changes as dicts, which `History(process, ...)` takes back."""
        return [change.model_dump(mode=mode) for change in self._changes]

    def _stages(self) -> tuple[str, ...]:
        return tuple(stage.key for stage in self._process.stages)

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[StageChange]:
        return iter(self._changes)

    @overload
    def __getitem__(self, index: int) -> StageChange: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[StageChange, ...]: ...
    def __getitem__(self, index: int | slice) -> StageChange | tuple[StageChange, ...]:
        return self._changes[index] if isinstance(index, int) else tuple(self._changes[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, History):
            return NotImplemented
        return self._changes == other._changes and self._process == other._process

    def __repr__(self) -> str:
        return f"<History of {len(self)} changes, now in {self.stage!r}>"
