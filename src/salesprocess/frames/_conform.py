"""Every move of a log judged by the process.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeAlias

import narwhals.stable.v2 as nw

from salesprocess.errors import DealError
from salesprocess.frames._any_dataframe import open_frame, same_kind
from salesprocess.frames._backends import Frame, Neighbour, keyed, kind_of, with_neighbours
from salesprocess.frames._columns import REQUIRED, prepared, require
from salesprocess.frames._stage_numbers import NOWHERE, switch
from salesprocess.process import CLOSED_KINDS, SalesProcess, Stage

Processes: TypeAlias = "SalesProcess | Mapping[Any, SalesProcess]"

VERDICTS: Final = (
    "legal",
    "skip",
    "backward",
    "illegal_move",
    "after_closing",
    "unknown_stage",
    "repeat",
    "migration",
    "incomplete",
)
_BYTE: Final = 256


@same_kind
def conform(process: Processes, events: Frame) -> Frame:
    """Return the log with a verdict on every change, by the rules of `history.replay` for imported changes.

    Columns besides the log's own: `verdict`, `previous` (stage), `tie` (the same time as the deal's change before),
    `clock_back` (an earlier time, in a log with `seq`).

    Verdicts: `legal`; for a move that the process lacks `skip`, `backward`, `after_closing` or `illegal_move`, by
    what it looks like (a deal's first change anywhere but in the first stage is a `skip`); `unknown_stage` to or from
    one; `repeat` for the stage that the deal is in; `incomplete` without a deal or a time. Changes of one time
    without a `seq` are taken in the order of the process.

    For a log over several versions give a mapping of versions to processes; each change is judged by the one in its
    column `version`, and `migration` is a change of version, which no process judges.

    >>> frames.conform(SEVEN_STAGE, LOG).group_by("verdict").len().sort("verdict").rows()
    [('legal', 13), ('skip', 1)]

    Raises:
        DealError: for a missing column.
    """
    rules = _Rules.of(process)
    columns = events.collect_schema().names()
    require(events, (*REQUIRED, *(("version",) if rules.versions else ())))
    others = [name for name in columns if name not in {*REQUIRED, "seq"}]
    judged = keyed(events, ["deal"], lambda log: _judged(rules, prepared(log, others)))
    return judged.select(*columns, "verdict", "previous", "tie", "clock_back")


class _Rules(NamedTuple):
    keys: tuple[str, ...]
    processes: tuple[SalesProcess, ...]
    versions: tuple[Any, ...]

    @classmethod
    def of(cls, process: Processes) -> _Rules:
        versioned: dict[Any, SalesProcess] = {} if isinstance(process, SalesProcess) else dict(process)
        processes = (process,) if isinstance(process, SalesProcess) else tuple(versioned.values())
        keys = dict.fromkeys(stage.key for one in processes for stage in one.stages)
        return cls(tuple(keys), processes, tuple(versioned))

    @property
    def width(self) -> int:
        """Numbers a stage can have here: the known ones, no stage, and an unknown one."""
        return len(self.keys) + 2

    def table(self, process: SalesProcess) -> list[int]:
        """Return the verdict on each move as its index in `VERDICTS`, at `previous * width + current`."""
        stages = {stage.key: stage for stage in process.stages}
        known = [stages.get(key) for key in self.keys]
        moves = {(move.source, move.dest) for move in process.moves()}
        nowhere = [_first(process, entered) for entered in known] + ["unknown_stage"] * 2
        unknown = ["unknown_stage"] * self.width
        rows = [[_verdict(process, left, entered, moves) for entered in (*known, None, None)] for left in known]
        return [VERDICTS.index(verdict) for row in (*rows, nowhere, unknown) for verdict in row]


def _first(process: SalesProcess, entered: Stage | None) -> str:
    if entered is None:
        return "unknown_stage"
    return "legal" if entered == process.initial else "skip"


def _verdict(process: SalesProcess, left: Stage | None, entered: Stage | None, moves: set[tuple[str, str]]) -> str:
    if left is None or entered is None:
        return "unknown_stage"
    if (left.key, entered.key) in moves:
        return "legal"
    if left == entered:
        return "repeat"
    if left.kind in CLOSED_KINDS:
        return "after_closing"
    if {left.kind, entered.kind} <= {"open", "won"}:
        return "skip" if process.stages.index(entered) > process.stages.index(left) else "backward"
    return "illegal_move"


def _judged(rules: _Rules, log: Frame) -> Frame:
    nowhere, unknown = len(rules.keys), len(rules.keys) + 1
    complete = ~nw.col("deal").is_null() & ~nw.col("at").is_null()
    versions = {version: number for number, version in enumerate(rules.versions)}
    log = log.with_columns(
        nw.when(complete).then(nw.col("deal")).alias("_deal"),
        switch("stage", {key: number for number, key in enumerate(rules.keys)}, unknown).cast(nw.Int64).alias("_place"),
        (switch("version", versions, -2) if versions else nw.lit(0)).cast(nw.Int64).alias("_version"),
    )
    order = ["seq"] if "seq" in log.collect_schema().names() else []
    log = with_neighbours(
        log,
        "_deal",
        [*order, "_us", "_place", "stage"],
        {
            "_came": Neighbour("_place", 1),
            "_us_before": Neighbour("_us", 1),
            "_version_before": Neighbour("_version", 1),
            "previous": Neighbour("stage", 1, None),
        },
    )
    came = nw.when(nw.col("_came") == NOWHERE).then(nw.lit(nowhere)).otherwise(nw.col("_came"))
    log = log.with_columns((came * rules.width + nw.col("_place")).alias("_move"))
    moved = complete & (nw.col("_came") != NOWHERE)
    return log.with_columns(
        _verdict_of_move(rules, complete).alias("verdict"),
        nw.when(complete).then(nw.col("previous")).alias("previous"),
        (moved & (nw.col("_us") == nw.col("_us_before"))).fill_null(value=False).alias("tie"),
        (moved & (nw.col("_us") < nw.col("_us_before"))).fill_null(value=False).alias("clock_back"),
    )


def _verdict_of_move(rules: _Rules, complete: nw.Expr) -> nw.Expr:
    verdict: nw.Expr = nw.lit("unknown_stage")
    for number, process in enumerate(rules.processes):
        table = rules.table(process)
        verdict = nw.when(nw.col("_version") == number).then(_looked_up(table)).otherwise(verdict)
    changed = (nw.col("_came") != NOWHERE) & (nw.col("_version") != nw.col("_version_before"))
    verdict = nw.when(changed).then(nw.lit("migration")).otherwise(verdict)
    return nw.when(complete).then(verdict).otherwise(nw.lit("incomplete"))


def _looked_up(table: Sequence[int]) -> nw.Expr:
    verdict: nw.Expr = nw.lit(VERDICTS[0])
    for code in set(table) - {0}:
        moves = [move for move, found in enumerate(table) if found == code]
        verdict = nw.when(nw.col("_move").is_in(moves)).then(nw.lit(VERDICTS[code])).otherwise(verdict)
    return verdict


def conform_codes(process: SalesProcess, events: Any, *, deal: str = "deal", stage: str = "stage") -> Any:
    """Return the verdicts on a log sorted by deal and time whose stages are numbers: for very large logs.

    Numbers count the stages of `process.stages` from 0; any other is unknown. In comes a polars or pandas frame, out
    comes the same with a column `verdict`, each the place of the verdict in `VERDICTS`.

    >>> coded = pl.DataFrame({"deal": [1, 1, 1], "stage": [0, 1, 3]})
    >>> [frames.VERDICTS[code] for code in frames.conform_codes(SEVEN_STAGE, coded)["verdict"]]
    ['legal', 'legal', 'skip']

    Raises:
        DealError: for another kind of frame, a missing column, or stages that are not numbers.
    """
    frame = open_frame(events).frame
    require(frame, (deal, stage))
    if not frame.collect_schema()[stage].is_integer():
        raise DealError(f"{stage} holds numbers of stages, found {frame.collect_schema()[stage]}")
    rules = _Rules.of(process)
    if kind_of(frame) is nw.Implementation.POLARS:
        return _codes_in_polars(rules, events, nw.get_native_namespace(frame), deal, stage)
    if kind_of(frame) is nw.Implementation.PANDAS:
        return _codes_in_pandas(rules, events, deal, stage)
    raise DealError(f"expected a frame of polars or pandas, found {kind_of(frame)}: conform takes the others")


def _codes_in_polars(rules: _Rules, events: Any, pl: Any, deal: str, stage: str) -> Any:
    narrow = pl.UInt8 if rules.width**2 <= _BYTE else pl.UInt16
    table = pl.lit(pl.Series(rules.table(rules.processes[0]), dtype=pl.UInt8))
    known = len(rules.keys)
    place = pl.when(pl.col(stage).is_between(0, known - 1)).then(pl.col(stage)).otherwise(known + 1).cast(narrow)
    same = pl.col(deal) == pl.col(deal).shift(1)
    came = pl.when(same).then(place.shift(1)).otherwise(pl.lit(known, dtype=narrow))
    return events.with_columns(verdict=table.gather(came * pl.lit(rules.width, dtype=narrow) + place))


def _codes_in_pandas(rules: _Rules, events: Any, deal: str, stage: str) -> Any:
    np = import_module("numpy")
    known = len(rules.keys)
    narrow = np.uint8 if rules.width**2 <= _BYTE else np.uint16
    place, deals = events[stage].to_numpy(), events[deal].to_numpy()
    place = np.where((place >= 0) & (place < known), place, known + 1).astype(narrow)
    moves = np.full(len(place), known, dtype=narrow)
    moves[1:] = np.where(deals[1:] == deals[:-1], place[:-1], narrow(known))
    moves *= narrow(rules.width)
    moves += place
    return events.assign(verdict=np.asarray(rules.table(rules.processes[0]), dtype=np.uint8)[moves])
