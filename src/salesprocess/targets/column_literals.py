"""Literals in the type of the column that they are compared with, without changing the answer.

Python compares an integer, a float and a `Decimal` by their exact values; most programs convert one to the other first.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Any, Final

from salesprocess._text import shown
from salesprocess.targets.target import Family, Order, refusal

_KINDS: Final[dict[Family, str]] = {
    "integer": "number",
    "float": "number",
    "decimal": "number",
    "text": "text",
    "moment": "moment",
    "date": "date",
    "duration": "duration",
}
_WORDS_BY_TYPE: Final[tuple[tuple[type | UnionType, str], ...]] = (
    (bool, "bool"),
    (int | float | Decimal, "number"),
    (str, "text"),
    (datetime, "moment"),
    (date, "date"),
    (timedelta, "duration"),
)
ROUNDED_DOWN: Final[dict[Order, Order]] = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}
ROUNDED_UP: Final[dict[Order, Order]] = {"<": "<", "<=": "<", ">": ">=", ">=": ">="}
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def fitted(op: Any, family: Family, value: Any) -> tuple[Order, Any] | bool:
    """Return the comparison in the column's own type, or the answer where it is the same for every value.

    Raises:
        DefinitionError: for what cannot be compared, where the engine's answer is errored.
    """
    if family == "any":
        return op, value
    if not is_comparable(family, value):
        relation = "cannot be equal to" if op == "==" else "has no order with"
        raise refusal(f"a {family} column {relation} {shown(value)}, {_kind(value)}")
    match family:
        case "integer":
            return _as_integer(op, value)
        case "float":
            return _as_float(op, value)
        case "decimal":
            return op, Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return op, value


def is_comparable(family: Family, value: object) -> bool:
    """Return whether a column of the family can be compared with the value, as the engine has it."""
    return family == "any" or _KINDS.get(family) == _kind(value)


def fits(op: str, family: Family, other: Family) -> bool:
    """Return whether two columns can be compared with the operator; refuse those that cannot be compared at all."""
    if "any" in {family, other}:
        return True
    kind, other_kind = _KINDS.get(family), _KINDS.get(other)
    if kind is not None and kind == other_kind:
        return True
    if family == other == "bool" and op == "==":
        return True
    raise refusal(f"a {family} column cannot be compared with a {other} column")


def _kind(value: object) -> str:
    return next((word for kind, word in _WORDS_BY_TYPE if isinstance(value, kind)), type(value).__name__)


def _as_integer(op: Order, value: Any) -> tuple[Order, int] | bool:
    whole = math.floor(value)
    if not _SMALLEST <= whole <= _LARGEST:
        return op in ({"<", "<="} if whole > 0 else {">", ">="})
    if whole == value:
        return op, whole
    if op == "==":
        return False
    return ROUNDED_DOWN[op], whole


def _as_float(op: Order, value: Any) -> tuple[Order, float] | bool:
    try:
        near = float(value)
    except OverflowError:
        near = math.inf if value > 0 else -math.inf
    # The engine compares a float with a decimal as the decimal that the float is written as.
    exact = Decimal(repr(near)) if isinstance(value, Decimal) else near
    if exact == value:
        return op, near
    if op == "==":
        return False
    return (ROUNDED_DOWN if exact < value else ROUNDED_UP)[op], near
