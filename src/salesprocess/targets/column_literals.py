"""Literals in the type of the column that they are compared with, without changing the answer.

Python compares an integer, a float and a `Decimal` by their exact values; most programs convert one to the other first.
"""

from __future__ import annotations

import math
from datetime import date, datetime, timedelta
from decimal import Decimal
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
ROUNDED_DOWN: Final[dict[Order, Order]] = {"<": "<=", "<=": "<=", ">": ">", ">=": ">"}
ROUNDED_UP: Final[dict[Order, Order]] = {"<": "<", "<=": "<", ">": ">=", ">=": ">="}
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


def fitted(op: Any, family: Family, value: Any) -> tuple[Order, Any] | bool:
    """Return the comparison in the column's own type, or the answer where it is the same for every value.

    Raises:
        DefinitionError: for an order between what has none, where Python raises.
    """
    if family == "any":
        return op, value
    if _KINDS.get(family) != _kind(value):
        if op == "==":
            return False
        raise refusal(f"a {family} column has no order with {shown(value)}, {_kind(value)}")
    match family:
        case "integer":
            return _as_integer(op, value)
        case "float":
            return _as_float(op, value)
        case "decimal":
            return op, Decimal(value)
    return op, value


def fits(op: str, family: Family, other: Family) -> bool:
    """Return whether two columns can be compared; false where they can never be equal."""
    if "any" in {family, other}:
        return True
    kind, other_kind = _KINDS.get(family), _KINDS.get(other)
    if kind is not None and kind == other_kind:
        return True
    if family == other == "bool" and op == "==":
        return True
    if op == "==" and kind is not None and other_kind is not None:
        return False
    raise refusal(f"a {family} column cannot be compared with a {other} column")


def _kind(value: object) -> str:
    match value:
        case bool() | int() | float() | Decimal():
            return "number"
        case str():
            return "text"
        case datetime():
            return "moment"
        case date():
            return "date"
        case timedelta():
            return "duration"
    return type(value).__name__


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
    if near == value:
        return op, near
    if op == "==":
        return False
    return (ROUNDED_DOWN if near < value else ROUNDED_UP)[op], near
