"""Criteria: rules over the facts of a deal, and what was found when they were asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from salesprocess import _text
from salesprocess._base import Definition
from salesprocess.criteria.rules import AtLeast, Predicate, Rule, Term
from salesprocess.criteria.stored import parse

Status: TypeAlias = Literal["met", "unmet", "unknown", "errored"]
Severity: TypeAlias = Literal["required", "advisory"]
Evidence: TypeAlias = Literal["buyer_action", "dated_commitment", "document", "field", "seller_action"]


def fact(path: str) -> Term:
    """A fact of the deal: an attribute or a key, or several joined with dots.

    A fact that is missing, `None` or not a number (NaN) is unknown.

    >>> print(fact("contact.email").is_known() & (fact("amount") >= 10_000))
    contact.email is known and amount is at least 10,000

    Raises:
        ValueError: for a path with an empty or private (`_x`) part.
    """
    return Term("fact", path)


def context(path: str) -> Term:
    """A fact of the call, such as who asks: `check(deal, "advance", context={"role": "manager"})`."""
    return Term("context", path)


def now() -> Term:
    """The time of the decision: the call's `at`, or the engine's clock."""
    return Term("now")


def time_in_stage() -> Term:
    """How long the deal has been in its stage: the time of the decision less the deal's fact `entered_at`.

    Name the host's own attribute with `Engine(facts={"entered_at": "stage_since"})`; unknown where it is.
    """
    return Term("time_in_stage")


def days(count: float) -> timedelta:
    """So many days of 24 hours."""
    return timedelta(days=count)


def hours(count: float) -> timedelta:
    """So many hours."""
    return timedelta(hours=count)


def predicate(function: str | Callable[[Any], object]) -> Predicate:
    """A function of the host's that takes the deal: met when its result is true, unknown when it is `None`.

    Given by name, the function is looked up in `Engine(predicates={...})`; given itself, its `__name__` is what
    the stored form keeps. It must have no side effects: `check` calls it.

    Raises:
        TypeError: for what is neither a name nor a function with one.
    """
    if isinstance(function, str):
        return Predicate(function)
    name = getattr(function, "__name__", None)
    if not callable(function) or not isinstance(name, str):
        raise TypeError(f"expected a function or its name, found {_text.shown(function)}")
    return Predicate(name, function)


def at_least(needed: int, *, of: list[Rule] | tuple[Rule, ...]) -> AtLeast:
    """Met when at least `needed` of the rules are.

    >>> print(at_least(2, of=[fact("budget").is_true(), fact("need").is_true(), fact("timeline").is_known()]))
    at least 2 of: budget is true; need is true; timeline is known
    """
    return AtLeast(needed, tuple(of))


StoredRule: TypeAlias = Annotated[
    Rule,
    PlainValidator(parse),
    PlainSerializer(lambda rule: rule.data(), return_type=dict[str, Any]),
    WithJsonSchema({"type": "object", "title": "Rule"}),
]


class Criterion(Definition, frozen=True):
    """A rule with what a person needs to know of it.

    `key` names it in decisions, `label` is what a salesperson reads, `evidence` says what kind of proof it is,
    `severity="advisory"` reports without blocking, and `when` limits it to the deals for which that rule holds.
    """

    key: str
    rule: StoredRule
    label: str | None = None
    evidence: Evidence | None = None
    severity: Severity = "required"
    when: StoredRule | None = None

    def facts(self) -> tuple[str, ...]:
        """The paths of the facts that the criterion looks at, each once."""
        rules = (self.rule,) if self.when is None else (self.rule, self.when)
        return tuple(
            dict.fromkeys(term.path for rule in rules for term in rule.terms() if term.source == "fact" and term.path)
        )

    def __str__(self) -> str:
        text = str(self.rule) if self.label is None else f"{self.label}: {self.rule}"
        return text if self.when is None else f"{text} (when {self.when})"


def _as_criterion(value: object) -> object:
    if isinstance(value, Rule):
        return Criterion(key=value.name(), rule=value)
    if isinstance(value, Mapping) and "rule" not in value and "key" not in value:
        return _as_criterion(parse(value))
    if isinstance(value, Term):
        raise ValueError(f"{value!r} is no rule yet: compare it, or write {value!r}.is_true() or {value!r}.is_known()")  # noqa: TRY004 - pydantic collects ValueError alone
    return value


def _as_criteria(value: object) -> object:
    return (value,) if isinstance(value, Rule | Criterion) else value


CriteriaLike: TypeAlias = Rule | Criterion | Sequence[Rule | Criterion]
Criteria: TypeAlias = Annotated[
    tuple[Annotated[Criterion, BeforeValidator(_as_criterion)], ...], BeforeValidator(_as_criteria)
]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one criterion came to on one deal.

    `expected` is in words; `actual` is the value found, or all of them by name where the rule looks at several;
    `facts` is every value that was looked at, by name, with `None` for an unknown one. `error` is the exception
    of an errored criterion.
    """

    key: str
    label: str
    status: Status
    expected: str
    actual: Any
    facts: Mapping[str, Any]
    severity: Severity = "required"
    error: Exception | None = field(default=None, compare=False)

    def __str__(self) -> str:
        name = self.key if self.label == self.key else f"{self.label} ({self.key})"
        return f"{name}: expected {self.expected}, {self._found()}"

    def _found(self) -> str:
        if self.status == "errored":
            return f"raised {type(self.error).__name__}: {self.error}"
        known = {name: value for name, value in self.facts.items() if value is not None}
        if not known:
            return "found nothing yet"
        if len(self.facts) == 1:
            return f"found {_text.shown(self.actual)}"
        return "found " + ", ".join(f"{name} {_text.shown(value)}" for name, value in self.facts.items())
