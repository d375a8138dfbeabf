"""Criteria as the conditions of an SCXML document, in the little that ECMAScript and its stand-ins have in common."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import combinations
from keyword import iskeyword
from math import comb
from typing import Any, Final, NamedTuple

from salesprocess._text import Literal, shown
from salesprocess.targets.target import Column, Order, Target, refusal

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}")
# Words of ECMAScript, and names that python-statemachine does not allow in conditions.
_RESERVED: Final = frozenset(
    """
    break case catch const debugger default delete do enum event event_data export extends false function implements
    instanceof interface let machine model new null package private protected public source state static super switch
    target this throw transition true typeof undefined var void In
    """.split()  # noqa: SIM905 - a list of words reads better without its quotation marks
)
# python-statemachine rewrites these wherever they stand, also inside a text.
_REWRITTEN: Final = re.compile(r"""\b(?:true|false|null)\b|===|!==|&|\|\||['"\\]|[^\x20-\x7e]""")
_MOST_COMBINATIONS: Final = 60
_OPPOSITE: Final = {"==": "!=", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


class Condition(NamedTuple):
    """A condition and its opposite, since `!` is not understood everywhere."""

    yes: str
    no: str


class ScxmlConditions(Target[Condition]):
    """The target that compiles a criterion to a condition."""

    name = "an SCXML condition"

    def column(self, path: str) -> Column[Condition]:
        """Return the datum of a fact."""
        if not _NAME.fullmatch(path) or path in _RESERVED or path.startswith("sp_") or iskeyword(path):
            raise refusal(f"{path!r} cannot be a name in SCXML")
        return Column("any", Condition(path, path))

    def known(self, column: Column[Condition]) -> Condition:
        """Return whether the datum has a value: neither null nor NaN."""
        name = column.expression.yes
        return Condition(f"({name} != null && {name} == {name})", f"({name} == null || {name} != {name})")

    def compare(self, order: Order, column: Column[Condition], value: Literal | Column[Condition]) -> Condition:
        """Return the comparison of a datum with a literal or another datum."""
        left = column.expression.yes
        right = value.expression.yes if isinstance(value, Column) else literal(value)
        return Condition(f"{left} {order} {right}", f"{left} {_OPPOSITE[order]} {right}")

    def one_of(self, column: Column[Condition], values: Sequence[Any]) -> Condition:
        """Return whether the datum is one of several values."""
        return self.any_of([self.compare("==", column, value) for value in values])

    def matches(self, column: Column[Condition], glob: str) -> Condition:
        """Refuse a pattern."""
        raise refusal(f"{self.name} has no patterns such as {glob!r} ({column.expression.yes})")

    def contains(self, column: Column[Condition], item: Literal) -> Condition:
        """Refuse to look into a text or a list."""
        raise refusal(f"{self.name} cannot look for {shown(item)} in {column.expression.yes}")

    def truth(self, column: Column[Condition]) -> Condition:
        """Return whether the datum counts as true, in any language."""
        name = column.expression.yes
        return Condition(f"({name} != false && {name} != '')", f"({name} == false || {name} == '')")

    def constant(self, value: bool) -> Condition:  # noqa: FBT001 - the value itself
        """Return what is always true, or never."""
        return Condition("true", "false") if value else Condition("false", "true")

    def negated(self, part: Condition) -> Condition:
        """Return the opposite."""
        return Condition(part.no, part.yes)

    def all_of(self, parts: Sequence[Condition]) -> Condition:
        """Return what is true if all parts are."""
        return Condition(_joined("&&", (part.yes for part in parts)), _joined("||", (part.no for part in parts)))

    def any_of(self, parts: Sequence[Condition]) -> Condition:
        """Return what is true if one part is."""
        return self.negated(self.all_of([self.negated(part) for part in parts]))

    def so_many(self, needed: int, parts: Sequence[Condition]) -> Condition:
        """Return what is true if at least so many parts are."""
        if comb(len(parts), needed) > _MOST_COMBINATIONS:
            raise refusal(f"{self.name} for {needed} of {len(parts)} would be too long")
        return self.any_of([self.all_of(chosen) for chosen in combinations(parts, needed)])

    def worded(self, met: Condition, unmet: Condition) -> Condition:
        """Return the condition for met: a machine asks for nothing else."""
        del unmet
        return met


def _joined(operator: str, texts: Iterable[str]) -> str:
    return f"({f' {operator} '.join(texts)})"


def literal(value: Any) -> str:
    """Return a literal as a condition writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str() if not _REWRITTEN.search(value):
            return f"'{value}'"
    raise refusal(f"{shown(value)} cannot be written in an SCXML condition")
