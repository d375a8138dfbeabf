"""How rules and findings read: the sentences of a language, kept apart from what they are about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from salesprocess._text import shown
from salesprocess.criteria.operators import OPERATORS, Wording


@dataclass(frozen=True, slots=True)
class Words:
    """The sentences of one language, with braces where a part goes.

    `operators` has the wording of each operator, and `times` that beside a moment or a date, where it differs. `terms`
    and `measures` say what is looked at; `joints` and `empty` are of rules joined by `all` and `any`.
    """

    operators: Mapping[str, Wording]
    times: Mapping[str, Wording]
    terms: Mapping[str, str]
    measures: Mapping[str, str]
    joints: Mapping[str, str]
    empty: Mapping[str, str]
    negation: str
    predicate: str
    at_least: str
    criterion: str
    when: str
    finding: str
    label: str
    raised: str
    found: str
    found_nothing: str

    def value(self, value: object) -> str:
        """Return a value as a person reads it."""
        return shown(value)


ENGLISH: Final = Words(
    operators={name: each.wording for name, each in OPERATORS.items()},
    times={name: each.wording_of_times for name, each in OPERATORS.items() if each.wording_of_times},
    terms={"fact": "{}", "context": "{} (of the context)", "now": "now", "time_in_stage": "time in stage"},
    measures={"count": "the number of {}", "distinct": "the number of distinct {}"},
    joints={"all": " and ", "any": " or "},
    empty={"all": "all of nothing", "any": "any of nothing"},
    negation="not ({})",
    predicate="{} holds",
    at_least="at least {needed} of: {rules}",
    criterion="{label}: {rule}",
    when="{criterion} (when {rule})",
    finding="{name}: expected {expected}, {found}",
    label="{label} ({key})",
    raised="raised {type}: {error}",
    found="found {}",
    found_nothing="found nothing yet",
)
