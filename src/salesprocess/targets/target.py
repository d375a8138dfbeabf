"""What every target has to provide, and what it returns."""

from __future__ import annotations

import operator
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final, Generic, Literal, NamedTuple, TypeAlias, TypeVar

from salesprocess._text import Literal as Value
from salesprocess.criteria import Criterion, Rule
from salesprocess.criteria.operators import glob_tokens
from salesprocess.criteria.rules import Measure
from salesprocess.errors import DefinitionError, Problem

E = TypeVar("E")

Subject: TypeAlias = Rule | Criterion | Iterable[Rule | Criterion]
Family: TypeAlias = Literal[
    "bool",
    "enum",
    "integer",
    "float",
    "decimal",
    "text",
    "moment",
    "date",
    "duration",
    "list",
    "nothing",
    "other",
    "any",
]
Order: TypeAlias = Literal["==", "<", "<=", ">", ">="]

ORDERS: Final[Mapping[Order, Callable[[Any, Any], Any]]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Answer(NamedTuple, Generic[E]):
    """A gate's answer as four expressions, none of which is ever null.

    Exactly one of `met`, `unmet` and `unknown` is true; `status` is that word as text. Of a gate of several criteria
    the required ones count: met when all are, unmet when one is, else unknown.
    """

    met: E
    unmet: E
    unknown: E
    status: E


class Column(NamedTuple, Generic[E]):
    """A fact as a target has it: what kind of value it holds, the expression, its values where they are few.

    `type` is the target's own for the column, and `name` what it is called, where it has one. The family `nothing` is
    that of nulls alone.
    """

    family: Family
    expression: E
    domain: tuple[object, ...] = ()
    type: Any = None
    name: str = ""


class Target(ABC, Generic[E]):
    """The comparisons and connectives of one target. A column may be null; `known` and the connectives never are."""

    name: ClassVar[str]

    @abstractmethod
    def column(self, path: str) -> Column[E]:
        """Return the column that holds a fact."""

    @abstractmethod
    def known(self, column: Column[E]) -> E:
        """Return whether there is a value: neither null nor NaN."""

    @abstractmethod
    def compare(self, order: Order, column: Column[E], value: Value | Column[E]) -> E:
        """Return the comparison of a column with a literal that fits its family, or with another column."""

    @abstractmethod
    def one_of(self, column: Column[E], values: Sequence[object]) -> E:
        """Return whether the value is one of several, at least one."""

    @abstractmethod
    def matches(self, column: Column[E], glob: str) -> E:
        """Return whether the text fits a pattern of `*` and `?`; case counts."""

    @abstractmethod
    def contains(self, column: Column[E], item: Value) -> E:
        """Return whether the text has the part, or the list the item."""

    def measured(self, column: Column[E], measure: Measure) -> Column[E]:
        """Return the number of known items in a list, or of different ones."""
        del column
        raise refusal(f"{self.name} has no way to ask for the {measure} of a collection")

    def truth(self, column: Column[E]) -> E:
        """Return the truth of a column whose family is not known; others are compared with their zero."""
        raise refusal(f"{self.name} cannot tell the truth of a {column.family} column: compare it with a value")

    @abstractmethod
    def constant(self, value: bool) -> E:  # noqa: FBT001 - the value itself
        """Return what is true, or false, for every row."""

    @abstractmethod
    def negated(self, part: E) -> E:
        """Return the opposite of what is true or false, or of a comparison that is guarded by being known."""

    @abstractmethod
    def all_of(self, parts: Sequence[E]) -> E:
        """Return what is true when all parts are; there are at least two."""

    @abstractmethod
    def any_of(self, parts: Sequence[E]) -> E:
        """Return what is true when one part is; there are at least two."""

    @abstractmethod
    def so_many(self, needed: int, parts: Sequence[E]) -> E:
        """Return what is true when at least `needed` parts are: more than one, fewer than all."""

    @abstractmethod
    def worded(self, met: E, unmet: E) -> E:
        """Return the text `met`, `unmet` or `unknown`."""


def refusal(message: str) -> DefinitionError:
    """Return the error for what a target cannot say; which criterion asked for it is added later."""
    return DefinitionError("the target", [Problem("not_in_target", "", message)])


def between_stars(glob: str) -> list[list[tuple[str, bool]]]:
    """Return the characters of a pattern between its stars, as `glob_tokens` has them, many stars in a row as one."""
    parts: list[list[tuple[str, bool]]] = [[]]
    was_star = False
    for token in glob_tokens(glob):
        is_star = token == ("*", True)
        if not is_star:
            parts[-1].append(token)
        elif not was_star:
            parts.append([])
        was_star = is_star
    return parts


def like_of(glob: str) -> str:
    """Return the glob as a LIKE pattern whose escape character is `!`."""
    return "".join(
        {"*": "%", "?": "_"}[character] if is_wild else re.sub("[!%_]", r"!\g<0>", character)
        for character, is_wild in glob_tokens(glob)
    )
