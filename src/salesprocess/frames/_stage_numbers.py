"""The stages of a process as numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import narwhals.stable.v2 as nw

from salesprocess._text import suggestion
from salesprocess.errors import DealError
from salesprocess.frames._arguments import check_process
from salesprocess.frames._backends import Frame, same_kind
from salesprocess.frames._columns import switch
from salesprocess.process import SalesProcess
from salesprocess.process.stages import Kind, Stage

NOWHERE: Final = -1

P = ParamSpec("P")
NativeT = TypeVar("NativeT")

_FIRST: Final = 1000
_SHOWN: Final = 3


@dataclass(frozen=True, slots=True)
class Places:
    """A process's stages by their number, from 0 in declared order; `unknown` is the number of any other."""

    process: SalesProcess

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self.process.stages

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each stage, by its key."""
        return {stage.key: number for number, stage in enumerate(self.stages)}

    @property
    def unknown(self) -> int:
        return len(self.stages)

    @property
    def way(self) -> tuple[int, ...]:
        """The numbers of the stages that a sale goes through: the open and the won ones."""
        return self.of("open", "won")

    @property
    def unclosed(self) -> tuple[int, ...]:
        """The numbers of the stages of deals that are neither won nor lost: a chance is asked for in these."""
        return self.of("open", "on_hold")

    def of(self, *kinds: Kind) -> tuple[int, ...]:
        """The numbers of the stages of these kinds."""
        return tuple(number for number, stage in enumerate(self.stages) if stage.kind in kinds)

    def number(self, column: str) -> nw.Expr:
        """The number of the stage that a text column names."""
        return switch(column, self.numbers, self.unknown).cast(nw.Int64)

    def key(self, column: str) -> nw.Expr:
        """The key of the stage that a number stands for; null for no stage, and for an unknown one."""
        return switch(column, {number: stage.key for number, stage in enumerate(self.stages)}).cast(nw.String)

    def phase(self, column: str) -> nw.Expr:
        """The phase of the stage that a number stands for."""
        return switch(column, {number: stage.phase for number, stage in enumerate(self.stages)}).cast(nw.String)

    def rank(self, column: str) -> nw.Expr:
        """How far along the way a number is, from 1; 0 for what is not on it."""
        return switch(column, {number: rank for rank, number in enumerate(self.way, 1)}, 0).cast(nw.Int64)


def metric(
    reckon: Callable[Concatenate[SalesProcess, Frame, P], Frame],
) -> Callable[Concatenate[SalesProcess, NativeT, P], NativeT]:
    """As `same_kind`, and refuses a log in memory none of whose stages the process has: its figures would all be 0."""
    over_any_kind = same_kind(reckon)

    @wraps(reckon)
    def checked(process: SalesProcess, native: NativeT, /, *args: P.args, **options: P.kwargs) -> NativeT:
        check_process(process)
        refuse_strangers(process, nw.from_native(native, eager_only=True, pass_through=True))
        result: NativeT = over_any_kind(process, native, *args, **options)
        return result

    return checked


def refuse_strangers(process: SalesProcess, log: Any) -> None:
    """Raises `DealError` where the log has stages and the process none of them. Lazy frames are not looked into."""
    if not isinstance(log, nw.DataFrame) or "stage" not in log.columns or log["stage"].dtype.is_numeric():
        return
    keys = [stage.key for stage in process.stages]
    # The first rows of a log that fits say so at once.
    for stages in (log["stage"].head(_FIRST), log["stage"]):
        known = stages.drop_nulls().cast(nw.String)
        if known.is_in(keys).any() or not len(known):
            return
    found = sorted(set(known.unique().to_list()))
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    named = ", ".join(map(repr, found[:_SHOWN])) + more
    fix = f"frames.events(log, stages={{{found[0]!r}: ...}}) names them" if "deal" in log.columns else "rename them"
    raise DealError(
        f"process {process.key!r} has none of the log's stages ({named}){suggestion(found[0], keys)} ({fix})",
        found=found,
        expected=keys,
    )
