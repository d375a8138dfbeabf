"""What each operator does with a value that was found."""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any, Final

from salesprocess._text import shown
from salesprocess.criteria.rules import Term

MET: Final = 0
UNMET: Final = 1
UNKNOWN: Final = 2


def is_missing(value: object) -> bool:
    """Whether a value says nothing: `None`, or one that differs from itself, as NaN and NaT do."""
    if value is None:
        return True
    try:
        return bool(value != value)  # noqa: PLR0124
    except Exception:  # noqa: BLE001 - an array has no one answer; the rule's own operation will say so
        return False


def measured(value: Any, term: Term) -> int | None:
    if is_missing(value):
        return None
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        raise TypeError(f"{term} asks for a collection, found {shown(value)}")
    known = [item for item in value if item is not None]
    if term.measure == "count":
        return len(known)
    try:
        return len(set(known))
    except TypeError:
        return sum(item not in known[:index] for index, item in enumerate(known))


def operation(op: str, value: Any) -> Callable[[Any, Any], Any]:
    """What an operator does with the value found and the value asked for; the result counts as truth."""
    if op == "matches":
        # The only pattern in a definition: a glob of bounded length, whose translation does not backtrack.
        pattern = re.compile(fnmatch.translate(str(value).replace("[", "[[]")))
        return lambda a, _glob: _matches(pattern, a)
    return _OPERATIONS[op]


def _equals(a: Any, b: Any) -> Any:
    return a == b or (isinstance(a, Enum) and a.value == b)


def _contains(container: Any, item: Any) -> bool:
    if isinstance(container, str) and not isinstance(item, str):
        raise TypeError(f"text can contain text alone, not {shown(item)}")
    if isinstance(container, str):
        return item in container
    if not isinstance(container, Collection):
        raise TypeError(f"expected a collection or text, found {shown(container)}")
    return item in container or any(_equals(held, item) for held in container)


_OPERATIONS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": _equals,
    "!=": lambda a, b: a == a and not _equals(a, b),  # noqa: PLR0124 - NaN is unknown
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda a, options: any(_equals(a, option) for option in options),
    "contains": _contains,
    "true": lambda a, _b: a,
    "false": lambda a, _b: not a,
}


def _matches(pattern: re.Pattern[str], text: Any) -> bool:
    if isinstance(text, Enum):
        text = text.value
    if not isinstance(text, str):
        raise TypeError(f"a pattern fits text alone, found {shown(text)}")
    return pattern.match(text) is not None
