"""Stage changes out of another system's log."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, tzinfo
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from salesprocess._text import shown, suggestion
from salesprocess.errors import DealError
from salesprocess.history.change import StageChange
from salesprocess.history.history import History
from salesprocess.history.replay import Oddity, Replay
from salesprocess.process import SalesProcess
from salesprocess.process.stages import START

Row: TypeAlias = Mapping[str, Any]
DealKey: TypeAlias = "str | tuple[str, int]"

IMPORTED = "import"


@dataclass(frozen=True, slots=True)
class ImportedLog:
    """The histories of a log, by deal; of a deal id used again, the later ones by `(id, 2)` and so on.

    `oddities` has what did not obey, by deal, with positions in that deal's history; `skipped_rows` what could not be
    read at all, as row numbers from 1 with the reason; `collapsed` counts the rows whose stage had not changed.
    """

    histories: Mapping[DealKey, History]
    oddities: Mapping[DealKey, tuple[Oddity, ...]]
    skipped_rows: tuple[tuple[int, str], ...]
    collapsed: int


@dataclass(frozen=True, slots=True)
class _Entry:
    at: datetime
    seq: int
    row: int
    stage: str
    by: str | None
    reason: str | None
    episode: int


def read_changes(  # noqa: PLR0913 - one argument a column
    log: Iterable[Row] | str | PathLike[str],
    process: SalesProcess,
    *,
    deal: str = "deal_id",
    stage: str = "stage",
    at: str = "at",
    seq: str | None = None,
    by: str | None = None,
    reason: str | None = None,
    stages: Mapping[str, str] | None = None,
    zone: tzinfo | None = None,
    keep: Callable[[Row], bool] | None = None,
    begins: Callable[[Row], bool] | None = None,
) -> ImportedLog:
    """The histories in a log: rows (mappings), or the path of a CSV file with a header.

    `deal`, `stage`, `at`, `seq`, `by` and `reason` name columns; `stages` maps the log's stage values to keys. `keep`
    says which rows are stage changes, `begins` which rows begin the deal anew, so that an id used twice makes two
    histories. Rows of one time are ordered by `seq`, then as they stand. Nothing that the log says is fatal: what
    cannot be read is in `skipped_rows`, what does not obey the process in `oddities`.

    Raises:
        DealError: for a column that the log lacks, and for a time without a zone unless `zone` says which is meant.
    """
    columns = {"deal": deal, "stage": stage, "at": at} | ({} if seq is None else {"seq": seq})
    reader = _Reader(columns, by, reason, stages or {}, zone)
    with _rows(log) as rows:
        for number, row in enumerate(rows, 1):
            reader.take(number, row, starts=begins is not None and begins(row), counts=keep is None or keep(row))
    histories: dict[DealKey, History] = {}
    collapsed = 0
    fingerprint, triggers = process.fingerprint, _triggers(process)
    for key, entries in reader.episodes():
        changes = list(_changes_of(entries, process, fingerprint, triggers))
        collapsed += len(entries) - len(changes)
        histories[key] = History(process, changes)
    rules = Replay(process)
    oddities = {key: tuple(rules.of(history.changes)) for key, history in histories.items()}
    return ImportedLog(histories, {key: odd for key, odd in oddities.items() if odd}, tuple(reader.skipped), collapsed)


@contextmanager
def _rows(log: Iterable[Row] | str | PathLike[str]) -> Iterator[Iterable[Row]]:
    if not isinstance(log, str | PathLike):
        yield log
        return
    with Path(log).open(encoding="utf-8-sig", newline="") as file:
        yield csv.DictReader(file)


class _Reader:
    """Collects the entries of a log by deal and episode."""

    def __init__(
        self,
        columns: Mapping[str, str],
        by: str | None,
        reason: str | None,
        stages: Mapping[str, str],
        zone: tzinfo | None,
    ) -> None:
        self._columns = columns
        self._by, self._reason = by, reason
        self._stages = stages
        self._zone = zone
        self._entries: dict[str, list[_Entry]] = {}
        self._begun: dict[str, int] = {}
        self.skipped: list[tuple[int, str]] = []

    def take(self, number: int, row: Row, *, starts: bool, counts: bool) -> None:
        for column in self._columns.values():
            if column not in row:
                raise DealError(f"row {number} has no column {column!r}{suggestion(column, row)}", found=dict(row))
        deal = str(row[self._columns["deal"]])
        if starts:
            self._begun[deal] = self._begun.get(deal, 0) + 1
        if not counts:
            return
        try:
            moment = self._time(row[self._columns["at"]], number)
            seq = _whole(row[self._columns["seq"]]) if "seq" in self._columns else 0
        except ValueError as error:
            if isinstance(error, DealError):
                raise
            self.skipped.append((number, str(error)))
            return
        value = str(row[self._columns["stage"]])
        entry = _Entry(
            moment,
            seq,
            number,
            self._stages.get(value, value),
            _text(row, self._by),
            _text(row, self._reason),
            max(self._begun.get(deal, 1), 1),
        )
        self._entries.setdefault(deal, []).append(entry)

    def _time(self, value: object, number: int) -> datetime:
        moment = value if isinstance(value, datetime) else _parsed(value)
        if moment.utcoffset() is not None:
            return moment
        if self._zone is None:
            raise DealError(
                f"row {number}: {moment.isoformat()} has no time zone: name the one that is meant with zone=",
                found=value,
            )
        return moment.replace(tzinfo=self._zone)

    def episodes(self) -> Iterator[tuple[DealKey, list[_Entry]]]:
        """The entries of each history, in order."""
        for deal, entries in self._entries.items():
            for episode in sorted({entry.episode for entry in entries}):
                chosen = [entry for entry in entries if entry.episode == episode]
                chosen.sort(key=lambda entry: (entry.at, entry.seq, entry.row))
                yield deal if episode == 1 else (deal, episode), chosen


def _parsed(value: object) -> datetime:
    try:
        return datetime.fromisoformat(str(value).strip())
    except ValueError:
        raise ValueError(f"{shown(value)} is no time; expected ISO 8601, such as 2026-03-01T09:30:00Z") from None


def _whole(value: object) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise ValueError(f"{shown(value)} is no whole number to order the changes by") from None


def _text(row: Row, column: str | None) -> str | None:
    value = None if column is None else row.get(column)
    return None if value in {None, ""} else str(value)


def _triggers(process: SalesProcess) -> dict[tuple[str, str], str]:
    """The first trigger that leads from one stage to another."""
    return {(move.source, move.dest): move.trigger for move in reversed(process.moves())}


def _changes_of(
    entries: list[_Entry], process: SalesProcess, fingerprint: str, triggers: Mapping[tuple[str, str], str]
) -> Iterator[StageChange]:
    """One change for each entry whose stage is another than the last one's."""
    last: str | None = None
    number = 0
    for entry in entries:
        if entry.stage == last:
            continue
        number += 1
        yield StageChange(
            seq=number,
            process=process.key,
            version=process.version,
            fingerprint=fingerprint,
            trigger=START if last is None else triggers.get((last, entry.stage), IMPORTED),
            source=last,
            dest=entry.stage,
            at=entry.at,
            by=entry.by,
            reason=entry.reason,
            source_kind="import",
        )
        last = entry.stage
