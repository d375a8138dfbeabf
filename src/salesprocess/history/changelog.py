"""Stage changes from another system's log."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import groupby
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

from salesprocess._text import shown, unknown
from salesprocess.errors import DealError
from salesprocess.history.change import StageChange
from salesprocess.history.history import History
from salesprocess.history.replay import Oddity, oddities_of
from salesprocess.process import SalesProcess
from salesprocess.process.stages import START

Row: TypeAlias = Mapping[str, Any]
DealKey: TypeAlias = "str | tuple[str, int]"


@dataclass(frozen=True, slots=True)
class ImportedLog:
    """The histories of a log, by deal id; if an id is used again, the later ones are under `(id, 2)` and so on.

    `oddities` has what does not conform to the process, by deal, with positions in that deal's history;
    `skipped_rows` the rows that could not be read, by number from 1, with the reason; `collapsed` is the number of
    rows whose stage had not changed.
    """

    histories: Mapping[DealKey, History]
    oddities: Mapping[DealKey, tuple[Oddity, ...]]
    skipped_rows: tuple[tuple[int, str], ...]
    collapsed: int


@dataclass(frozen=True, slots=True)
class _RowReader:
    """How the rows of a log are read: the names of its columns, its stages, its zone, and what all changes share."""

    deal: str
    stage: str
    at: str
    seq: str | None
    by: str | None
    reason: str | None
    stages: Mapping[str, str]
    zone: tzinfo | None
    shared: Mapping[str, Any]

    def check(self, number: int, row: Row) -> None:
        """Refuse a row that lacks a column."""
        for column in (self.deal, self.stage, self.at, self.seq):
            if column is not None and column not in row:
                raise DealError(f"row {number}: {unknown('column', column, row)}", found=dict(row))

    def change(self, number: int, row: Row) -> StageChange:
        """Return what a row says, with the log's own number, and without the source, which the row does not say.

        Raises:
            ValueError: if the row cannot be read.
            DealError: for a time without a zone.
        """
        stage = str(row[self.stage])
        return StageChange(
            at=self._moment(number, row[self.at]),
            seq=0 if self.seq is None else _whole(row[self.seq]),
            dest=self.stages.get(stage, stage),
            by=_text(row, self.by),
            reason=_text(row, self.reason),
            **self.shared,
        )

    def _moment(self, number: int, value: object) -> datetime:
        moment = value if isinstance(value, datetime) else _parsed(value)
        if moment.utcoffset() is not None:
            return moment
        if self.zone is None:
            message = f"row {number}: {moment.isoformat()} has no time zone: name the one that is meant with zone="
            raise DealError(message, found=value)
        return moment.replace(tzinfo=self.zone)


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
    """Return the histories in a log: rows (mappings), or the path of a CSV file with a header.

    `deal`, `stage`, `at`, `seq`, `by` and `reason` name columns; `stages` maps the log's stage values to keys. `keep`
    says which rows are stage changes, `begins` which rows begin the deal anew, so that an id used twice makes two
    histories. Rows of one time are ordered by `seq`, then as they stand. Nothing that the log says is fatal: what
    cannot be read is in `skipped_rows`, what does not conform to the process in `oddities`.

    Raises:
        DealError: for a column that the log lacks, and for a time without a zone unless `zone` says which is meant.
    """
    shared: dict[str, Any] = {"process": process.key, "version": process.version, "fingerprint": process.fingerprint}
    shared |= {"trigger": "import", "source": None, "source_kind": "import"}
    reader = _RowReader(deal, stage, at, seq, by, reason, stages or {}, zone, shared)
    # The changes of each deal, by how often the deal had begun.
    logged: dict[str, dict[int, list[StageChange]]] = {}
    begun: Counter[str] = Counter()
    skipped: list[tuple[int, str]] = []
    for number, row in enumerate(_rows(log), 1):
        reader.check(number, row)
        key = str(row[deal])
        begun[key] += begins is not None and begins(row)
        if keep is not None and not keep(row):
            continue
        try:
            change = reader.change(number, row)
        except DealError:
            raise
        except ValueError as error:
            skipped.append((number, str(error)))
        else:
            logged.setdefault(key, {}).setdefault(max(begun[key], 1), []).append(change)
    return _imported(process, logged, skipped)


def _rows(log: Iterable[Row] | str | PathLike[str]) -> Iterator[Row]:
    if isinstance(log, str | PathLike):
        with Path(log).open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
    else:
        yield from log


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


def _imported(
    process: SalesProcess,
    logged: Mapping[str, Mapping[int, list[StageChange]]],
    skipped: Iterable[tuple[int, str]],
) -> ImportedLog:
    # Backwards, so that of several triggers the one declared first is taken.
    triggers = {(move.source, move.dest): move.trigger for move in reversed(process.moves())}
    histories: dict[DealKey, History] = {}
    collapsed = 0
    for deal, episodes in logged.items():
        for episode, rows in episodes.items():
            history = History(process, _following(rows, triggers))
            histories[deal if episode == 1 else (deal, episode)] = history
            collapsed += len(rows) - len(history)
    odd = {key: tuple(oddities_of(process, history.changes)) for key, history in histories.items()}
    return ImportedLog(histories, {key: found for key, found in odd.items() if found}, tuple(skipped), collapsed)


def _following(rows: Iterable[StageChange], triggers: Mapping[tuple[str, str], str]) -> Iterator[StageChange]:
    """Yield the rows in order, numbered, each with the stage that the one before entered, without repeated stages."""
    source: str | None = None
    # Rows of the same time and number stay in the order of the log.
    ordered = sorted(rows, key=lambda row: (row.at, row.seq))
    for number, (stage, repeated) in enumerate(groupby(ordered, key=lambda row: row.dest), 1):
        trigger = START if source is None else triggers.get((source, stage), "import")
        yield next(repeated)._replace(seq=number, trigger=trigger, source=source)
        source = stage
