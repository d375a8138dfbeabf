"""Rules as data: the terms they look at, the expressions over them, their stored form and their wording."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, TypeAlias

from salesprocess import _text

if TYPE_CHECKING:
    from collections.abc import Callable

Source: TypeAlias = Literal["fact", "context", "now", "time_in_stage"]
Measure: TypeAlias = Literal["count", "distinct"]

_LONGEST_GLOB = 200

_WORDING = {
    "==": "{}",
    "!=": "anything but {}",
    "<": "less than {}",
    "<=": "at most {}",
    ">": "more than {}",
    ">=": "at least {}",
    "in": "one of {}",
    "contains": "contains {}",
    "matches": "matches {}",
    "known": "known",
    "true": "true",
    "false": "false",
}
_WORDING_OF_TIMES = {"<": "before {}", "<=": "at or before {}", ">": "after {}", ">=": "at or after {}"}
_VERBLESS = {"contains", "matches"}
UNARY = {"known", "true", "false"}
OPERATORS = tuple(_WORDING)


class Rule:
    """A condition that can be read, stored, explained, combined and run.

    Combine rules with `&`, `|` and `~`; `and`, `or` and `not` raise, since Python would take the rule itself
    for the answer. Two rules are equal when their stored forms are.
    """

    __slots__ = ()

    def data(self) -> dict[str, Any]:
        """The stored form: plain JSON types."""
        raise NotImplementedError

    def terms(self) -> Iterator[Term]:
        """Every term the rule looks at, in order, repeats included."""
        raise NotImplementedError

    def __and__(self, other: Rule) -> AllOf:
        return AllOf(_joined(AllOf, self, other))

    def __or__(self, other: Rule) -> AnyOf:
        return AnyOf(_joined(AnyOf, self, other))

    def __invert__(self) -> Rule:
        return self.rule if isinstance(self, Not) else Not(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the rule ({self}) has no truth of its own: combine rules with & | ~ instead of and, or, not, "
            "write a < b & b < c instead of a < b < c, and ask an engine for the answer on a deal"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rule) and self._canonical() == other._canonical()

    def __hash__(self) -> int:
        return hash(self._canonical())

    def _canonical(self) -> str:
        return json.dumps(self.data(), sort_keys=True)

    def expected(self) -> str:
        """What would meet the rule, as a report puts it."""
        return str(self)

    def name(self) -> str:
        """The key of a criterion that is given as this bare rule: what it looks at."""
        return "_and_".join(dict.fromkeys(str(term.path or term.source) for term in self.terms()))


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """Something a rule looks at: a fact of the deal, of the caller's context, or time.

    Comparing a term builds a rule: `fact("amount") >= 10_000`.
    """

    source: Source
    path: str | None = None
    measure: Measure | None = None

    def __post_init__(self) -> None:
        for segment in () if self.path is None else self.path.split("."):
            if not segment or segment.startswith("_"):
                raise ValueError(f"{self.path!r} is no fact: name attributes or keys, joined with dots, none private")

    def __eq__(self, other: object) -> Rule:  # type: ignore[override]
        return Comparison(self, "==", _operand(other))

    def __ne__(self, other: object) -> Rule:  # type: ignore[override]
        return Comparison(self, "!=", _operand(other))

    def __lt__(self, other: object) -> Rule:
        return Comparison(self, "<", _operand(other))

    def __le__(self, other: object) -> Rule:
        return Comparison(self, "<=", _operand(other))

    def __gt__(self, other: object) -> Rule:
        return Comparison(self, ">", _operand(other))

    def __ge__(self, other: object) -> Rule:
        return Comparison(self, ">=", _operand(other))

    def __hash__(self) -> int:
        return hash((self.source, self.path, self.measure))

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self} has no truth of its own: write {self!r}.is_true() or {self!r}.is_known()")

    def is_known(self) -> Rule:
        """Met when there is a value at all; never unknown."""
        return Comparison(self, "known")

    def is_true(self) -> Rule:
        """Met when the value is true, as Python's `bool` has it."""
        return Comparison(self, "true")

    def is_false(self) -> Rule:
        """Met when there is a value and it is not true."""
        return Comparison(self, "false")

    def one_of(self, *values: object) -> Rule:
        """Met when the value equals one of these."""
        return Comparison(self, "in", tuple(_text.as_literal(value) for value in values))

    def contains(self, value: object) -> Rule:
        """Met when the collection has this value, or the text this text."""
        return Comparison(self, "contains", _text.as_literal(value))

    def matches(self, glob: str) -> Rule:
        """Met when the text fits the pattern: `*` is any text, `?` any one character; case counts."""
        return Comparison(self, "matches", glob)

    def before(self, moment: object) -> Rule:
        """Met when the time is earlier: `<` in words."""
        return self < moment

    def after(self, moment: object) -> Rule:
        """Met when the time is later: `>` in words."""
        return self > moment

    def count(self) -> Term:
        """How many known values the collection has."""
        return Term(self.source, self.path, "count")

    def distinct(self) -> Term:
        """How many different known values the collection has."""
        return Term(self.source, self.path, "distinct")

    def data(self) -> dict[str, Any]:
        """The stored form: `{"fact": "contacts", "measure": "count"}`."""
        stored: dict[str, Any] = {self.source: self.path or True}
        return stored | {"measure": self.measure} if self.measure else stored

    def key(self) -> tuple[Source, str | None, Measure | None]:
        """What makes two terms the same, since `==` builds a rule."""
        return self.source, self.path, self.measure

    def __str__(self) -> str:
        what = self.path or self.source.replace("_", " ")
        if self.source == "context":
            what = f"{what} (of the context)"
        return {"count": f"the number of {what}", "distinct": f"the number of distinct {what}", None: what}[
            self.measure
        ]

    def __repr__(self) -> str:
        call = f"{self.source}({'' if self.path is None else repr(self.path)})"
        return f"{call}.{self.measure}()" if self.measure else call


Operand: TypeAlias = "Term | _text.Literal | tuple[_text.Literal, ...] | None"


def _operand(value: object) -> Term | _text.Literal:
    return value if isinstance(value, Term) else _text.as_literal(value)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison(Rule):
    """A term held against a literal, another term, or nothing but itself."""

    term: Term
    op: str
    value: Operand = None

    def __post_init__(self) -> None:
        if self.op == "matches" and (not isinstance(self.value, str) or len(self.value) > _LONGEST_GLOB):
            raise ValueError(
                f"a pattern is text of at most {_LONGEST_GLOB} characters, found {_text.shown(self.value)}"
            )

    def data(self) -> dict[str, Any]:
        stored = self.term.data() | {"op": self.op}
        match self.value:
            case None:
                return stored
            case Term():
                return stored | {"value": self.value.data()}
            case tuple():
                return stored | {"value": [_text.encode(value) for value in self.value]}
            case _:
                return stored | {"value": _text.encode(self.value)}

    def terms(self) -> Iterator[Term]:
        yield self.term
        if isinstance(self.value, Term):
            yield self.value

    def name(self) -> str:
        return self.term.path or self.term.source

    def expected(self) -> str:
        match self.op:
            case "known":
                return "a value"
            case "contains" | "matches":
                return f"to {self.op.removesuffix('s').removesuffix('e')} {_text.shown(self.value)}"
        return self._predicate()

    def _predicate(self) -> str:
        match self.value:
            case Term():
                text = str(self.value)
            case tuple():
                text = ", ".join(map(_text.shown, self.value)) or "nothing"
            case _:
                text = _text.shown(self.value)
        wording = _WORDING_OF_TIMES if self._is_of_times() else _WORDING
        return wording.get(self.op, _WORDING[self.op]).format(text)

    def _is_of_times(self) -> bool:
        value = self.value
        return value.source == "now" if isinstance(value, Term) else isinstance(value, date)

    def __str__(self) -> str:
        return f"{self.term} {self._predicate()}" if self.op in _VERBLESS else f"{self.term} is {self._predicate()}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predicate(Rule):
    """A function of the host's, known to the rule by its name alone."""

    function_name: str
    function: Callable[[Any], object] | None = field(default=None, compare=False)

    def data(self) -> dict[str, Any]:
        return {"predicate": self.function_name}

    def terms(self) -> Iterator[Term]:
        return iter(())

    def name(self) -> str:
        return self.function_name

    def __str__(self) -> str:
        return f"{self.function_name} holds"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class _Several(Rule):
    rules: tuple[Rule, ...]
    stored_as: ClassVar[str]
    word: ClassVar[str]

    def data(self) -> dict[str, Any]:
        return {self.stored_as: [rule.data() for rule in self.rules]}

    def terms(self) -> Iterator[Term]:
        for rule in self.rules:
            yield from rule.terms()

    def name(self) -> str:
        return f"_{self.word}_".join(dict.fromkeys(rule.name() for rule in self.rules))

    def __str__(self) -> str:
        parts = (f"({rule})" if isinstance(rule, _Several | AtLeast) else str(rule) for rule in self.rules)
        return f" {self.word} ".join(parts) or f"{self.stored_as} of nothing"

    __repr__ = __str__


class AllOf(_Several):
    """Met when every rule is."""

    __slots__ = ()
    stored_as = "all"
    word = "and"


class AnyOf(_Several):
    """Met when at least one rule is."""

    __slots__ = ()
    stored_as = "any"
    word = "or"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Not(Rule):
    """Met when the rule is unmet; unknown when it is unknown."""

    rule: Rule

    def data(self) -> dict[str, Any]:
        return {"not": self.rule.data()}

    def terms(self) -> Iterator[Term]:
        return self.rule.terms()

    def name(self) -> str:
        return f"not_{self.rule.name()}"

    def __str__(self) -> str:
        rule = self.rule
        if isinstance(rule, Comparison) and rule.op in UNARY:
            return f"{rule.term} is not {rule.op}"
        return f"not ({rule})"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AtLeast(Rule):
    """Met when at least so many of the rules are."""

    needed: int
    rules: tuple[Rule, ...]

    def data(self) -> dict[str, Any]:
        return {"at_least": self.needed, "of": [rule.data() for rule in self.rules]}

    def terms(self) -> Iterator[Term]:
        for rule in self.rules:
            yield from rule.terms()

    def __str__(self) -> str:
        return f"at least {self.needed} of: {'; '.join(map(str, self.rules))}"

    __repr__ = __str__


def _joined(kind: type[_Several], left: Rule, right: Rule) -> tuple[Rule, ...]:
    if not isinstance(right, Rule):
        raise TypeError(f"expected a rule on the right, found {_text.shown(right)}")
    return tuple(part for rule in (left, right) for part in (rule.rules if type(rule) is kind else (rule,)))
