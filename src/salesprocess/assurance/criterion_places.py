"""Where the criteria of a process are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from salesprocess.criteria import Criterion
from salesprocess.criteria.rules import AllOf, AnyOf, AtLeast, Comparison, Not, Rule
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


def comparisons(criterion: Criterion) -> Iterator[Comparison]:
    """Every comparison in a criterion, its `when` included."""
    for rule in (criterion.rule, criterion.when):
        if rule is not None:
            yield from _comparisons_in(rule)


def _comparisons_in(rule: Rule) -> Iterator[Comparison]:
    match rule:
        case Comparison():
            yield rule
        case Not(rule=inner):
            yield from _comparisons_in(inner)
        case AllOf(rules=rules) | AnyOf(rules=rules) | AtLeast(rules=rules):
            for inner in rules:
                yield from _comparisons_in(inner)
