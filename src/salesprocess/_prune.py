"""Data less its invalid parts, so that the rest can be checked in the same pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import ValidationError


# `stages[2]` and `transitions[2]` stay, whatever is wrong inside: other parts name them.
_NAMED_BY_OTHERS = 2


def pruned(data: Any, error: ValidationError) -> Any:
    """The data without each part that the error points at; a part that lacks something goes whole."""
    # Backwards, so that an item taken out of a list moves none that is still to be taken out.
    for detail in reversed(error.errors(include_url=False)):
        path = list(detail["loc"])
        data = _without(data, path[:-1] if detail["type"] == "missing" else path, depth=1)
    return data


def _without(data: Any, path: list[int | str], depth: int) -> Any:
    if not path or not isinstance(data, dict | list | tuple):
        return data
    head, *tail = path
    changed: Any = dict(data) if isinstance(data, dict) else list(data)
    try:
        if tail:
            changed[head] = _without(changed[head], tail, depth + 1)
        elif isinstance(data, dict) or depth > _NAMED_BY_OTHERS:
            del changed[head]
    except (LookupError, TypeError):
        return data
    return changed
