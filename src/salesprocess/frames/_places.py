"""The stages of a process as numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import narwhals.stable.v2 as nw

from salesprocess._parts import Kind, Stage
from salesprocess.frames._asked import check_process
from salesprocess.frames._columns import switch
from salesprocess.process import SalesProcess

NOWHERE: Final = -1


@dataclass(frozen=True, slots=True)
class Places:
    """A process's stages by their number, from 0 in declared order; `unknown` is the number of any other."""

    process: SalesProcess

    def __post_init__(self) -> None:
        check_process(self.process)

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self.process.stages

    @property
    def unknown(self) -> int:
        return len(self.stages)

    @property
    def way(self) -> tuple[int, ...]:
        """The numbers of the stages that a sale goes through: the open and the won ones."""
        return self.of("open", "won")

    def of(self, *kinds: Kind) -> tuple[int, ...]:
        """The numbers of the stages of these kinds."""
        return tuple(number for number, stage in enumerate(self.stages) if stage.kind in kinds)

    def number(self, column: str) -> nw.Expr:
        """The number of the stage that a text column names."""
        numbers = {stage.key: number for number, stage in enumerate(self.stages)}
        return switch(column, numbers, self.unknown).cast(nw.Int64)

    def key(self, column: str) -> nw.Expr:
        """The key of the stage that a number stands for; null for no stage, and for an unknown one."""
        return switch(column, {number: stage.key for number, stage in enumerate(self.stages)}).cast(nw.String)

    def phase(self, column: str) -> nw.Expr:
        """The phase of the stage that a number stands for."""
        return switch(column, {number: stage.phase for number, stage in enumerate(self.stages)}).cast(nw.String)

    def rank(self, column: str) -> nw.Expr:
        """How far along the way a number is, from 1; 0 for what is not on it."""
        return switch(column, {number: rank for rank, number in enumerate(self.way, 1)}, 0).cast(nw.Int64)
