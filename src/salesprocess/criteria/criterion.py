"""Criteria, and what was found when they were asked of a deal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from pydantic import BeforeValidator, PlainSerializer, PlainValidator, WithJsonSchema

from salesprocess._base import Definition
from salesprocess._dumped import Dumped
from salesprocess._text import one_line
from salesprocess.criteria.json_values import NOT_SHOWN, as_json
from salesprocess.criteria.rules import AnyOf, Not, Rule, Term, inputs
from salesprocess.criteria.stored import parse
from salesprocess.criteria.wording import ENGLISH, Words

Status: TypeAlias = Literal["met", "unmet", "unknown", "errored"]
Severity: TypeAlias = Literal["required", "advisory"]
About: TypeAlias = Literal["deal", "caller"]
Evidence: TypeAlias = Literal["buyer_action", "dated_commitment", "document", "field", "seller_action"]

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
    `about="caller"` says that it is about who asks: a move that it refuses is `forbidden`, and no override passes it.
    What a `confidential` criterion finds is kept in its finding for the program, and never shown.
    """

    key: str
    rule: StoredRule
    label: str | None = None
    evidence: Evidence | None = None
    severity: Severity = "required"
    when: StoredRule | None = None
    about: About = "deal"
    confidential: bool = False

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rule, and the one that limits it if there is one."""
        return (self.rule,) if self.when is None else (self.rule, self.when)

    @property
    def condition(self) -> Rule:
        """What a deal has to meet, as one rule: `rule`, or that `when` does not hold."""
        return self.rule if self.when is None else AnyOf((Not(self.when), self.rule))

    def facts(self) -> tuple[str, ...]:
        """Return the paths of the facts that the criterion looks at, each once."""
        return tuple(each.path for each in inputs(*self.rules) if each.source == "fact")

    def text(self, words: Words = ENGLISH) -> str:
        """Return the criterion as a sentence."""
        rule = self.rule.text(words)
        text = rule if self.label is None else words.criterion.format(label=self.label, rule=rule)
        return text if self.when is None else words.when.format(criterion=text, rule=self.when.text(words))

    def __str__(self) -> str:
        return self.text()


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


class _FindingFields(NamedTuple):
    key: str
    label: str
    status: Status
    expected: str
    actual: Any
    facts: Mapping[str, Any]
    severity: Severity
    error: Exception | None
    rule: Rule
    confidential: bool


class Finding(_FindingFields, Dumped):
    """What one criterion came to on one deal, as it was measured at the decision.

    `expected` is in words; `actual` is the value found, or all of them by name where the rule looks at several. `facts`
    has every value that was looked at by name, `None` for an unknown one. `error` is the exception of an errored
    criterion, and `rule` what was asked.

    These are for the program. `text`, `str` and `model_dump(mode="json")` are safe to show: no text of an exception, no
    attribute of an object, nothing that a confidential criterion found.
    """

    __slots__ = ()

    def text(self, words: Words = ENGLISH) -> str:
        """Return the finding as a sentence of one line."""
        label = words.labels.get(self.key, self.label)
        name = self.key if label == self.key else words.label.format(label=label, key=self.key)
        expected = self.expected if words is ENGLISH else self.rule.expected(words)
        return one_line(words.finding.format(name=name, expected=expected, found=self._found(words)))

    def _found(self, words: Words) -> str:
        if self.status == "errored":
            return words.raised.format(type=type(self.error).__name__)
        if self.confidential:
            return words.not_shown
        facts = self.facts
        if len(facts) == 1 and self.actual is not None:
            return words.found.format(words.value(self.actual))
        if all(value is None for value in facts.values()):
            return words.found_nothing
        named = (f"{words.input(name)} {words.value(value)}" for name, value in facts.items())
        return words.found.format(words.separator.join(named))

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> dict[str, Any]:
        """Return the finding as a dict: key, label, status, severity, expected, actual, facts and error.

        With `mode="json"` it is of JSON types alone and safe to show; otherwise it has the values as they were found.
        """
        key, label, status, expected, actual, facts, severity, error, _, confidential = self
        shown: Any = error
        if mode == "json":
            key, label, expected = one_line(key), one_line(label), one_line(expected)
            if confidential:
                actual, facts = NOT_SHOWN, dict.fromkeys(facts, NOT_SHOWN)
            else:
                actual, facts = as_json(actual), {one_line(name): as_json(value) for name, value in facts.items()}
            shown = None if error is None else type(error).__name__
        return {
            "key": key,
            "label": label,
            "status": status,
            "severity": severity,
            "expected": expected,
            "actual": actual,
            "facts": facts,
            "error": shown,
        }

    @classmethod
    def _dump_fields(cls) -> dict[str, Any]:
        texts = dict.fromkeys(("key", "label"), str)
        values = {"expected": str, "actual": Any, "facts": dict[str, Any], "error": str | None}
        return {**texts, "status": Status, "severity": Severity, **values}

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Finding {self.status}: {self.text()}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Finding):
            return NotImplemented
        # Two exceptions of one kind are never equal.
        return self[:7] == other[:7] and self[8:] == other[8:]

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__: ClassVar[None] = None  # type: ignore[assignment]  # it holds whatever the deal does

    def __reduce__(self) -> tuple[object, ...]:
        # A rule may hold a function of the host's, which cannot be pickled; its stored form can.
        return _finding_of, (*self[:8], self.rule.data(), self.confidential)


def _finding_of(*values: Any) -> Finding:
    *found, rule, confidential = values
    return Finding._make((*found, parse(rule), confidential))


class _HasSeverity(Protocol):
    @property
    def severity(self) -> Severity: ...


ItemT = TypeVar("ItemT", bound=_HasSeverity)


def required(items: Iterable[ItemT]) -> tuple[ItemT, ...]:
    """Return the criteria, or findings, that can block a move: all but the advisory ones."""
    return tuple(item for item in items if item.severity == "required")
