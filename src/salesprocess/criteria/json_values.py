"""What was found on a host's deal as JSON that is safe to show."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json, to_json

from salesprocess._text import one_line, type_name

NOT_SHOWN: Final = "not shown"

_DEEPEST: Final = 8
# Larger integers cannot be read as a float by other programs, and Python itself refuses to write the largest.
_MOST_BITS: Final = 1024
_SAFE: Final = 2**53


def as_json(value: object, depth: int = 0) -> Any:
    r"""Return a value as JSON types: its own form, that of its parts, or the name of its type where it has none.

    No attribute of an object is shown, and no text has a character that does not print.

    >>> as_json({"at": date(2026, 10, 25), "who": [object(), "Ann" + chr(10)]})
    {'at': '2026-10-25', 'who': ['<object>', 'Ann ']}
    """
    kind = value.__class__
    if kind is str:
        return one_line(value)  # type: ignore[arg-type]  # a class that says that it is `str`
    if kind is bool or value is None or (kind is int and -_SAFE < value < _SAFE):  # type: ignore[operator]
        return value
    try:
        return _converted(value, depth)
    except Exception:  # noqa: BLE001 - a value that cannot be read must not hide the refusal
        return type_name(value)


def _converted(value: object, depth: int) -> Any:  # noqa: PLR0911 - one return a type
    match value:
        case Enum():
            return as_json(value.value, depth)
        case str():
            return one_line(str.__str__(value))
        case int():
            return int(value) if value.bit_length() <= _MOST_BITS else type_name(value)
        case float():
            return float(value) if math.isfinite(value) else from_json(to_json(value, inf_nan_mode="strings"))
        case Decimal() | date() | time() | timedelta() | UUID():
            return from_json(to_json(value))
    if depth > _DEEPEST or is_record(value):
        return type_name(value)
    if isinstance(value, Mapping):
        return {_key(key, depth): as_json(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list | tuple | deque | AbstractSet):
        return [as_json(part, depth + 1) for part in value]
    return type_name(value)


def is_record(value: object) -> bool:
    """Return whether a value is a named tuple, whose items are attributes."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _key(key: object, depth: int) -> str:
    found = as_json(key, depth)
    return found if isinstance(found, str) else str(found)
