"""What keeps an engine from being built on a sound process."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from salesprocess._text import suggestion
from salesprocess.criteria.rules import predicates as predicates_in
from salesprocess.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from salesprocess.process import SalesProcess


def engine_problems(
    process: SalesProcess, predicates: Mapping[str, Callable[..., object]], names: Mapping[str, str | None]
) -> Iterator[Problem]:
    """Yield what keeps an engine from being built on a sound process.

    `names` has the deal's attributes for stage, seq and version; they name one attribute or key each.
    """
    for name, function in predicates.items():
        if not callable(function) or inspect.iscoroutinefunction(function):
            yield Problem("bad_predicate", f"predicates.{name}", "a predicate is a plain function that takes the deal")
    criteria = dict.fromkeys(criterion for move in process.moves() for criterion in move.gate)
    criteria |= dict.fromkeys(process.initial.entry_criteria)
    rules = (rule for criterion in criteria for rule in criterion.rules)
    for name in dict.fromkeys(each.function_name for each in predicates_in(*rules) if each.function is None):
        if name not in predicates:
            yield Problem(
                "unknown_predicate",
                "predicates",
                f"criteria ask for {name!r}, which is not given{suggestion(name, predicates)}",
            )
    for argument, attribute in names.items():
        if attribute is not None and (not attribute or "." in attribute):
            message = f"expected one attribute or key of the deal, found {attribute!r}: give the deal a property for it"
            yield Problem("bad_attribute", argument, message)
    stage = names["stage"]
    if any(transition.trigger == stage for transition in process.transitions):
        yield Problem("trigger_is_stage", "stage", f"{stage!r} is a trigger and cannot name the deal's stage as well")
