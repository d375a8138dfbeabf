"""Rules as data: the terms that they look at, the conditions on those, and the one walk over a tree of rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, NamedTuple, NoReturn, TypeAlias

from salesprocess import _text
from salesprocess.criteria.operators import LITERALS, OPERATORS, Operator, Wording
from salesprocess.criteria.wording import ENGLISH, Words

Source: TypeAlias = Literal["fact", "context", "now", "time_in_stage"]
Measure: TypeAlias = Literal["count", "distinct"]
# Working with a rule takes a call for each rule inside another one, and a file is read no deeper.
DEEPEST: Final = 40
# Room for what is built around a rule that is as deep as it may be: its negation, or the condition of its criterion.
_DEEPER_INSIDE: Final = 10
Operand: TypeAlias = "Term | _text.Literal | tuple[_text.Literal, ...] | None"


class Input(NamedTuple):
    """Something that is read before a rule can be evaluated: a fact, the context, the time, or a predicate's answer."""

    source: Source | Literal["predicate"]
    path: str


class Rule:
    """A condition that can be read, stored, explained, combined and evaluated.

    Combine rules with `&`, `|` and `~`; `and`, `or` and `not` raise, since Python would take the rule itself for the
    answer. Two rules are equal when their stored forms are.
    """

    __slots__ = ()

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rules that this one is made of, in order."""
        return ()

    if TYPE_CHECKING:
        depth: int
        """How many rules are nested in each other inside this one."""
    else:
        depth = property(lambda _rule: 0)

    def data(self) -> dict[str, Any]:
        """Return the stored form, of plain JSON types."""
        raise NotImplementedError

    def text(self, words: Words = ENGLISH) -> str:
        """Return the rule as a sentence."""
        raise NotImplementedError

    def expected(self, words: Words = ENGLISH) -> str:
        """Return what would meet the rule, as a report puts it."""
        return self.text(words)

    def name(self) -> str:
        """Return the key of a criterion that is given as this bare rule: what it looks at."""
        return "_and_".join(dict.fromkeys(term.input.path for term in terms(self)))

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

    def __str__(self) -> str:
        return self.text()

    __repr__ = __str__


@dataclass(frozen=True, slots=True, eq=False)
class Term:
    """Something that a rule looks at: a fact of the deal, of the caller's context, or time.

    Comparing a term builds a rule: `fact("amount") >= 10_000`.
    """

    source: Source
    path: str | None = None
    measure: Measure | None = None

    def __post_init__(self) -> None:
        for segment in () if self.path is None else _text.checked_text(self.path).split("."):
            if not segment or segment.startswith("_"):
                raise ValueError(f"{self.path!r} is no fact: name attributes or keys, joined with dots, none private")

    @property
    def input(self) -> Input:
        """What is read for the term, before it is counted."""
        return Input(self.source, self.path or self.source)

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
        """Return a rule that is met when there is a value, and never unknown."""
        return Comparison(self, "known")

    def is_true(self) -> Rule:
        """Return a rule that is met when the value is true, as Python's `bool` has it."""
        return Comparison(self, "true")

    def is_false(self) -> Rule:
        """Return a rule that is met when there is a value and it is not true."""
        return Comparison(self, "false")

    def one_of(self, *values: object) -> Rule:
        """Return a rule that is met when the value equals one of these."""
        return Comparison(self, "in", tuple(_text.as_literal(value) for value in values))

    def between(self, low: object, high: object) -> Rule:
        """Return a rule that is met when the value is neither less than `low` nor more than `high`.

        >>> print(fact("amount").between(1_000, 5_000))
        amount is between 1,000 and 5,000

        Raises:
            ValueError: for ends that cannot be compared, or the higher one first.
        """
        return Comparison(self, "between", (_text.as_literal(low), _text.as_literal(high)))

    def contains(self, value: object) -> Rule:
        """Return a rule that is met when the collection has this value, or the text this text."""
        return Comparison(self, "contains", _text.as_literal(value))

    def matches(self, glob: str) -> Rule:
        """Return a rule that is met when the text fits the pattern: `*` is any text, `?` any character; case counts.

        `[*]` and `[?]` are a star and a question mark themselves.
        """
        return Comparison(self, "matches", glob)

    def before(self, moment: object) -> Rule:
        """Return a rule that is met when the time is earlier: `<` in words."""
        return self < moment

    def after(self, moment: object) -> Rule:
        """Return a rule that is met when the time is later: `>` in words."""
        return self > moment

    def count(self) -> Term:
        """Return the number of known values in the collection, as a term."""
        return Term(self.source, self.path, "count")

    def distinct(self) -> Term:
        """Return the number of different known values in the collection, as a term."""
        return Term(self.source, self.path, "distinct")

    def data(self) -> dict[str, Any]:
        """Return the stored form: `{"fact": "contacts", "measure": "count"}`."""
        stored: dict[str, Any] = {self.source: self.path or True}
        return stored | {"measure": self.measure} if self.measure else stored

    def text(self, words: Words = ENGLISH) -> str:
        """Return the term as it stands in a sentence."""
        text = words.terms[self.source].format(words.labels.get(self.path or "", self.path))
        return words.measures[self.measure].format(text) if self.measure else text

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        call = f"{self.source}({'' if self.path is None else repr(self.path)})"
        return f"{call}.{self.measure}()" if self.measure else call


def _operand(value: object) -> Term | _text.Literal:
    return value if isinstance(value, Term) else _text.as_literal(value)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Comparison(Rule):
    """A term, compared with a literal, with another term, or asked something about itself."""

    term: Term
    op: str
    value: Operand = None

    def __post_init__(self) -> None:
        if not isinstance(self.value, Term):
            self.operator.operand.check(self.value)

    @property
    def operator(self) -> Operator:
        """The row of the comparison's operator in the table of operators."""
        return OPERATORS[self.op]

    def terms(self) -> tuple[Term, ...]:
        """Return the terms that are compared: one or two."""
        return (self.term, self.value) if isinstance(self.value, Term) else (self.term,)

    def literals(self) -> tuple[_text.Literal, ...]:
        """Return the values that the term is compared with."""
        match self.value:
            case None | Term():
                return ()
            case tuple() as values:
                return values
            case value:
                return (value,)

    def inputs(self) -> tuple[Input, ...]:
        """Return what is read to evaluate the comparison, each once."""
        return tuple(dict.fromkeys(term.input for term in self.terms()))

    def lowered(self) -> Rule:
        """Return the same condition in simpler operators, or this rule where there are none."""
        operator = self.operator
        if operator.bounds:
            bounds = zip(operator.bounds, self.literals(), strict=True)
            return AllOf(tuple(Comparison(self.term, op, value) for op, value in bounds))
        return self if operator.negates is None else Not(Comparison(self.term, operator.negates, self.value))

    def data(self) -> dict[str, Any]:
        """Return the stored form: `{"fact": "amount", "op": ">=", "value": 10000}`."""
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

    def name(self) -> str:
        """Return the path of the term."""
        return self.term.input.path

    def wording(self, words: Words) -> Wording:
        """Return what a language says of the operator, with the values in it."""
        value = self.value
        of_times = value.source == "now" if isinstance(value, Term) else isinstance(value, date)
        wording = (words.times if of_times else words.operators).get(self.op, words.operators[self.op])
        texts = [value.text(words)] if isinstance(value, Term) else [words.value(each) for each in self.literals()]
        if self.operator.operand is LITERALS:
            texts = [words.separator.join(texts) or words.value(None)]
        return Wording(*(template.format(*texts) for template in wording))

    def text(self, words: Words = ENGLISH) -> str:
        """Return the comparison as a sentence."""
        return f"{self.term.text(words)} {self.wording(words).clause}"

    def expected(self, words: Words = ENGLISH) -> str:
        """Return what would meet the comparison: "at least 10,000"."""
        return self.wording(words).expected


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Predicate(Rule):
    """A function of the host's, known to the rule by its name alone."""

    function_name: str
    function: Callable[[Any], object] | None = field(default=None, compare=False)

    @property
    def input(self) -> Input:
        """The predicate's answer, which is read as a fact is."""
        return Input("predicate", self.function_name)

    def inputs(self) -> tuple[Input, ...]:
        """Return what is read to evaluate the predicate."""
        return (self.input,)

    def data(self) -> dict[str, Any]:
        """Return the stored form: `{"predicate": "credit_ok"}`."""
        return {"predicate": self.function_name}

    def name(self) -> str:
        """Return the name of the function."""
        return self.function_name

    def text(self, words: Words = ENGLISH) -> str:
        """Return the predicate as a sentence."""
        return words.predicate.format(words.labels.get(self.function_name, self.function_name))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Not(Rule):
    """Met when the rule is unmet; unknown when it is unknown."""

    rule: Rule
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", _depth_around(self.parts))

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rule that is negated."""
        return (self.rule,)

    def data(self) -> dict[str, Any]:
        """Return the stored form: `{"not": ...}`."""
        return {"not": self.rule.data()}

    def name(self) -> str:
        """Return the name of the rule, with `not_` before it."""
        return f"not_{self.rule.name()}"

    def text(self, words: Words = ENGLISH) -> str:
        """Return the negation as a sentence."""
        rule = self.rule
        if isinstance(rule, Comparison) and (negated := rule.wording(words).negated):
            return f"{rule.term.text(words)} {negated}"
        return words.negation.format(rule.text(words))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AtLeast(Rule):
    """Met when at least `needed` of the rules are.

    Three-valued logic in two numbers: it is met when `needed` of its rules are met, unmet when `unmet_at` of them are
    unmet, and unknown otherwise.
    """

    needed: int
    rules: tuple[Rule, ...]
    depth: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "depth", _depth_around(self.rules))

    @property
    def unmet_at(self) -> int:
        """How many unmet rules leave too few that could still be met."""
        return len(self.rules) - self.needed + 1

    @property
    def parts(self) -> tuple[Rule, ...]:
        """The rules, in order."""
        return self.rules

    def data(self) -> dict[str, Any]:
        """Return the stored form: `{"at_least": 2, "of": [...]}`."""
        return {"at_least": self.needed, "of": [rule.data() for rule in self.rules]}

    def text(self, words: Words = ENGLISH) -> str:
        """Return the rules as a list."""
        return words.at_least.format(needed=self.needed, rules="; ".join(rule.text(words) for rule in self.rules))


def _depth_around(rules: tuple[Rule, ...]) -> int:
    depth = 1 + max((rule.depth for rule in rules if isinstance(rule, Rule)), default=0)
    if depth > DEEPEST + _DEEPER_INSIDE:
        raise ValueError(f"a rule may be nested {DEEPEST} deep, this one is deeper")
    return depth


class _Joined(AtLeast):
    __slots__ = ()
    key: ClassVar[str]
    joint: ClassVar[str]

    def data(self) -> dict[str, Any]:
        return {self.key: [rule.data() for rule in self.rules]}

    def name(self) -> str:
        return f"_{self.joint}_".join(dict.fromkeys(rule.name() for rule in self.rules))

    def text(self, words: Words = ENGLISH) -> str:
        parts = (f"({rule.text(words)})" if isinstance(rule, AtLeast) else rule.text(words) for rule in self.rules)
        return words.joints[self.key].join(parts) or words.empty[self.key]


class AllOf(_Joined):
    """Met when every rule is."""

    __slots__ = ()
    key: ClassVar[str] = "all"
    joint: ClassVar[str] = "and"

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        super().__init__(len(rules), rules)


class AnyOf(_Joined):
    """Met when at least one rule is."""

    __slots__ = ()
    key: ClassVar[str] = "any"
    joint: ClassVar[str] = "or"

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        super().__init__(1, rules)


def _joined(kind: type[AllOf | AnyOf], left: Rule, right: Rule) -> tuple[Rule, ...]:
    if not isinstance(right, Rule):
        raise TypeError(f"expected a rule on the right, found {_text.shown(right)}")
    return tuple(part for rule in (left, right) for part in (rule.rules if type(rule) is kind else (rule,)))


def walk(*rules: Rule) -> Iterator[Rule]:
    """Yield the rules and every rule inside them, each before its parts, in order.

    >>> [type(each).__name__ for each in walk(fact("a").is_known() & ~(fact("b") > 1))]
    ['AllOf', 'Comparison', 'Not', 'Comparison']
    """
    waiting = [*reversed(rules)]
    while waiting:
        found = waiting.pop()
        yield found
        waiting.extend(reversed(found.parts))


def leaves(*rules: Rule) -> Iterator[Comparison | Predicate]:
    """Yield the comparisons and predicates that the rules are made of."""
    return (each for each in walk(*rules) if isinstance(each, Comparison | Predicate))


def comparisons(*rules: Rule) -> Iterator[Comparison]:
    """Yield every comparison in the rules."""
    return (each for each in walk(*rules) if isinstance(each, Comparison))


def predicates(*rules: Rule) -> Iterator[Predicate]:
    """Yield every predicate in the rules."""
    return (each for each in walk(*rules) if isinstance(each, Predicate))


def terms(*rules: Rule) -> Iterator[Term]:
    """Yield every term that the rules look at, repeats included."""
    return (term for comparison in comparisons(*rules) for term in comparison.terms())


def literals(*rules: Rule) -> Iterator[_text.Literal]:
    """Yield every value that the rules compare with, repeats included."""
    return (value for comparison in comparisons(*rules) for value in comparison.literals())


def inputs(*rules: Rule) -> tuple[Input, ...]:
    """Return what is read to evaluate the rules, each input once, in order."""
    return tuple(dict.fromkeys(each for leaf in leaves(*rules) for each in leaf.inputs()))


def fact(path: str) -> Term:
    """Return a fact of the deal as a term: an attribute or a key, or several joined with dots.

    A fact that is missing, `None` or not a number (NaN) is unknown.

    >>> print(fact("contact.email").is_known() & (fact("amount") >= 10_000))
    contact.email is known and amount is at least 10,000

    Raises:
        ValueError: for a path with an empty or private (`_x`) part.
    """
    return Term("fact", path)


def context(path: str) -> Term:
    """Return a fact of the call, such as who asks: `check(deal, "advance", context={"role": "manager"})`."""
    return Term("context", path)


def now() -> Term:
    """Return the time of the decision as a term: the call's `at`, or the engine's clock."""
    return Term("now")


def time_in_stage() -> Term:
    """Return how long the deal has been in its stage: the time of the decision less the deal's fact `entered_at`.

    Name the host's own attribute with `Engine(facts={"entered_at": "stage_since"})`; unknown where it is.
    """
    return Term("time_in_stage")


def days(count: float) -> timedelta:
    """Return so many days of 24 hours."""
    return timedelta(days=count)


def hours(count: float) -> timedelta:
    """Return so many hours."""
    return timedelta(hours=count)


def predicate(function: str | Callable[[Any], object]) -> Predicate:
    """Return a rule that calls a function of the host's with the deal.

    It is met when the function's result is true, and unknown when it is `None`. A function given by name is looked up
    in `Engine(predicates={...})`; of one given itself, the stored form keeps its `__name__`. It must have no side
    effects: `check` calls it.

    Raises:
        TypeError: for what is neither a name nor a function with one.
    """
    if isinstance(function, str):
        return Predicate(_text.checked_text(function))
    name = getattr(function, "__name__", None)
    if not callable(function) or not isinstance(name, str):
        raise TypeError(f"expected a function or its name, found {_text.shown(function)}")
    return Predicate(name, function)


def at_least(needed: int, *, of: Iterable[Rule]) -> AtLeast:
    """Return a rule that is met when at least `needed` of the rules are.

    >>> print(at_least(2, of=[fact("budget").is_true(), fact("need").is_true(), fact("timeline").is_known()]))
    at least 2 of: budget is true; need is true; timeline is known
    """
    return AtLeast(needed, tuple(of))
