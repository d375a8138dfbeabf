"""The stages of a process, and the steps of a funnel, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, TypeAlias

import narwhals.stable.v2 as nw

from salesprocess.errors import DealError
from salesprocess.frames._backends import Frame
from salesprocess.process import SalesProcess
from salesprocess.process.stages import Kind, Stage

Per: TypeAlias = Literal["stage", "phase"]

NOWHERE: Final = -1
# Greater than any number of a stage, so that at one time the stages of the process come first.
UNKNOWN: Final = 1_000_000
_ON_THE_WAY: Final[tuple[Kind, ...]] = ("open", "won")


def switch(column: str, values: Mapping[Any, Any], otherwise: Any = None) -> nw.Expr:
    """Return the value that a column's value stands for, by nested conditions: only these are right on every engine."""
    result: nw.Expr = nw.lit(otherwise)
    for found, value in reversed(list(values.items())):
        result = nw.when(nw.col(column) == found).then(nw.lit(value)).otherwise(result)
    return result


@dataclass(frozen=True, slots=True)
class StageNumbers:
    """The stages of a process by number, from 0 in declared order; any other stage is `UNKNOWN`."""

    process: SalesProcess

    @property
    def stages(self) -> tuple[Stage, ...]:
        return self.process.stages

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each stage, by its key."""
        return {stage.key: number for number, stage in enumerate(self.stages)}

    @property
    def way(self) -> tuple[int, ...]:
        """The numbers of the stages that a sale goes through: the open and the won ones."""
        return self.of(*_ON_THE_WAY)

    @property
    def unclosed(self) -> tuple[int, ...]:
        """The numbers of the stages in which a deal is neither won nor lost."""
        return self.of("open", "on_hold")

    def of(self, *kinds: Kind) -> tuple[int, ...]:
        """Return the numbers of the stages of these kinds."""
        return tuple(number for number, stage in enumerate(self.stages) if stage.kind in kinds)

    def number(self, column: str) -> nw.Expr:
        """Return the number of the stage that a text column names."""
        return switch(column, self.numbers, UNKNOWN).cast(nw.Int64)

    def key(self, column: str) -> nw.Expr:
        """Return the key of the stage that a number stands for; null for no stage and for an unknown one."""
        return switch(column, {number: stage.key for number, stage in enumerate(self.stages)}).cast(nw.String)

    def phase(self, column: str) -> nw.Expr:
        """Return the phase of the stage that a number stands for."""
        return switch(column, {number: stage.phase for number, stage in enumerate(self.stages)}).cast(nw.String)

    def rank(self, column: str) -> nw.Expr:
        """Return how far along the way a stage is, from 1; 0 for a stage that is not on it."""
        return switch(column, {number: rank for rank, number in enumerate(self.way, 1)}, 0).cast(nw.Int64)


class FunnelSteps(NamedTuple):
    """The steps of a funnel in order: the key of each stage or phase, with the numbers of its stages."""

    per: Per
    stages: dict[str, tuple[int, ...]]

    @classmethod
    def of(cls, process: SalesProcess, per: Per) -> FunnelSteps:
        """Return the open and won stages of a process, or their phases.

        Raises:
            DealError: for phases of a process that names none.
        """
        steps: dict[str, tuple[int, ...]] = {}
        for number, stage in enumerate(process.stages):
            key = stage.key if per == "stage" else stage.phase
            if key is not None and stage.kind in _ON_THE_WAY:
                steps[key] = (*steps.get(key, ()), number)
        if not steps:
            raise DealError(f"process {process.key!r} names no phases: use funnel(per='stage')")
        return cls(per, steps)

    def step(self, column: str) -> nw.Expr:
        """Return the step, from 1, that a stage's number belongs to; 0 for a stage that is in none."""
        steps = {number: step for step, numbers in enumerate(self.stages.values(), 1) for number in numbers}
        return switch(column, steps, 0).cast(nw.Int64)

    def with_names(self, frame: Frame, column: str, names: Mapping[int, str]) -> Frame:
        """Return the frame with `position` and the key of each step, whose name is in the column."""
        positions = {name: step for step, name in names.items()}
        keys = dict(zip(positions, self.stages, strict=True))
        return frame.with_columns(
            switch(column, positions).cast(nw.Int64).alias("position"),
            switch(column, keys).cast(nw.String).alias(self.per),
        )
