"""Everything that is wrong with a process before a deal runs through it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from salesprocess._text import suggestion
from salesprocess.assurance.deal_type_problems import misfits
from salesprocess.assurance.gate_problems import problems_of_criteria, unknown_starts
from salesprocess.assurance.process_map import Map
from salesprocess.assurance.reachability import problems_of_ways
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import SalesProcess

__all__ = ["CODES", "problems"]

CODES: Final[Mapping[str, str]] = {
    "unreachable_stage": "a stage that no deal gets to",
    "no_way_to_win": "a stage from which no deal is won, or no won stage at all",
    "no_way_out": "an open stage that no deal leaves",
    "no_way_to_close": "an open stage that leads to dead ends alone",
    "cycle_without_exit": "open stages that lead to each other alone",
    "no_way_back": "an open stage from which a deal cannot be put back",
    "leaves_closed": "a move out of a closed stage that is no reopening",
    "falling_probability": "a later stage with a lower probability",
    "same_name": "two stages that people cannot tell apart",
    "never_met": "a criterion that no value meets",
    "always_met": "a criterion that no value fails",
    "contradictory_criteria": "a gate whose criteria exclude each other",
    "never_asked": "criteria of a stage that no move asks for",
    "activity_never_ticked": "an activity, or the tick of one, that nobody can make",
    "shadowed_transition": "a guarded move hidden by one that asks for less",
    "ambiguous_transition": "two moves of one trigger that can be allowed at once",
    "waives_not_passed": "a waived stage that the move does not pass",
    "unknown_process": "a start of a process that there is not",
    "unknown_fact": "a fact that the deal type does not have",
    "fact_is_called": "a fact that is a method or a related manager of the deal type",
    "unreadable_type": "a deal type that does not say which facts there are",
    "incomparable_types": "a comparison of types that cannot be compared",
    "literal_outside": "a literal that a Literal or an Enum does not have",
}


def problems(
    process: SalesProcess,
    deal_type: Any = None,
    *,
    known: Iterable[SalesProcess | str] | None = None,
    facts: Mapping[str, str] | None = None,
    waive: Mapping[str, str] | None = None,
) -> list[Problem]:
    """Everything that is wrong with a process, each with a code, its place and how to mend it; empty when sound.

    With `deal_type`, a dataclass, pydantic or attrs model, `TypedDict` or annotated class, the facts that criteria
    ask for must be there and comparable; `facts` maps their names as `Engine(facts=...)` does. With `known`, the
    processes that stages and moves start must be among them. `waive` lets a code pass, with a reason.

    Criteria are judged by intervals, sets and counts over conjunctions on one fact. Only what is certain is reported:
    a rule that a host's function decides, or that is too intricate to be searched, counts as one that can be met.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> problems(SEVEN_STAGE)
    []
    >>> print(problems(SEVEN_STAGE.without_transition("win"))[0])
    stages[6]: a won deal never reaches 'generating_referrals': no move leads there from ...

    Raises:
        DefinitionError: for a waived code that there is not, or one without a reason.
    """
    waived = _checked(waive or {})
    return [problem for problem in _found(process, deal_type, known, facts or {}) if problem.code not in waived]


def _found(
    process: SalesProcess,
    deal_type: Any,
    known: Iterable[SalesProcess | str] | None,
    facts: Mapping[str, str],
) -> Iterator[Problem]:
    layout = Map(process)
    yield from problems_of_ways(layout)
    yield from problems_of_criteria(layout)
    if known is not None:
        yield from unknown_starts(process, [each if isinstance(each, str) else each.key for each in known])
    if deal_type is not None:
        yield from misfits(process, deal_type, facts)


def _checked(waive: Mapping[str, str]) -> set[str]:
    mistakes = [
        Problem("unknown_code", f"waive.{code}", f"no problem has the code {code!r}{suggestion(code, CODES)}")
        for code in waive
        if code not in CODES
    ]
    mistakes += [
        Problem("no_reason", f"waive.{code}", "say why it is let pass")
        for code, reason in waive.items()
        if not str(reason or "").strip()
    ]
    if mistakes:
        raise DefinitionError("problems()", mistakes)
    return set(waive)
