"""Where the criteria of a process are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from salesprocess.criteria import Criterion
from salesprocess.process import SalesProcess


class Place(NamedTuple):
    """A criterion, and its path in the definition."""

    path: str
    criterion: Criterion


def placed_criteria(process: SalesProcess) -> Iterator[Place]:
    """Every criterion that is written down, in order; the ticks of activities are not."""
    for index, stage in enumerate(process.stages):
        path = f"stages[{index}]"
        yield from _placed(f"{path}.entry_criteria", stage.entry_criteria)
        for place, activity in enumerate(stage.activities):
            yield from _placed(f"{path}.activities[{place}].criteria", activity.criteria)
        yield from _placed(f"{path}.exit_criteria", stage.exit_criteria)
    for index, transition in enumerate(process.transitions):
        yield from _placed(f"transitions[{index}].criteria", transition.criteria)


def _placed(path: str, criteria: Iterable[Criterion]) -> Iterator[Place]:
    for index, criterion in enumerate(criteria):
        yield Place(f"{path}[{index}]", criterion)
