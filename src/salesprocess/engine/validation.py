"""What keeps an engine from being built on a sound process."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from salesprocess._text import suggestion
from salesprocess.criteria import AllOf, AnyOf, AtLeast, Not, Predicate, Rule
from salesprocess.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from salesprocess.process import SalesProcess


def engine_problems(
    process: SalesProcess, predicates: Mapping[str, Callable[..., object]], stage: str
) -> Iterator[Problem]:
    """What keeps an engine from being built on a sound process."""
    for name, function in predicates.items():
        if not callable(function) or inspect.iscoroutinefunction(function):
            yield Problem("bad_predicate", f"predicates.{name}", "a predicate is a plain function that takes the deal")
    criteria = dict.fromkeys(criterion for move in process.moves() for criterion in move.gate)
    criteria |= dict.fromkeys(process.initial.entry_criteria)
    rules = (rule for criterion in criteria for rule in (criterion.rule, criterion.when) if rule is not None)
    for name in dict.fromkeys(name for rule in rules for name in _unbound(rule)):
        if name not in predicates:
            yield Problem(
                "unknown_predicate",
                "predicates",
                f"criteria ask for {name!r}, which is not given{suggestion(name, predicates)}",
            )
    if any(transition.trigger == stage for transition in process.transitions):
        yield Problem("trigger_is_stage", "stage", f"{stage!r} is a trigger and cannot name the deal's stage as well")


def _unbound(rule: Rule) -> Iterator[str]:
    """The predicates that a rule knows by name alone."""
    match rule:
        case Predicate(function_name=name, function=None):
            yield name
        case Not(rule=inner):
            yield from _unbound(inner)
        case AllOf(rules=rules) | AnyOf(rules=rules) | AtLeast(rules=rules):
            for inner in rules:
                yield from _unbound(inner)
