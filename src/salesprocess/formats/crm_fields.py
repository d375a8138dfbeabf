"""Keys and values as a CRM writes them, made from a process and made into one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from salesprocess._text import is_slug
from salesprocess.criteria import Comparison, Criterion
from salesprocess.process import SalesProcess, Stage

_MAX_KEY = 90


def slug(text: str) -> str:
    """Return the text as a key: unchanged if it is one, else in small letters with `_` for what a key cannot hold."""
    return text if is_slug(text) else re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_MAX_KEY].strip("_")


def original_id(key: str, text: str) -> dict[str, Any]:
    """Return what `extra` keeps of an id: nothing if the key is the id."""
    return {} if key == text else {"id": text}


def id_of(part: Stage | SalesProcess) -> str:
    """Return the id that the part has in the other system."""
    return str(part.extra.get("id", part.key))


def others(fields: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the fields that are not known, which `extra` keeps as they are."""
    return {field: value for field, value in fields.items() if field not in known}


def percent(probability: float | None) -> float | None:
    """Return a share as a percentage, as an integer if it is whole."""
    if probability is None:
        return None
    value = round(probability * 100, 6)
    return int(value) if value.is_integer() else value


def required_fields(criteria: Iterable[Criterion]) -> list[tuple[str, Criterion]]:
    """Return the facts that the criteria ask to be known, with their criteria: what a CRM has as mandatory fields."""
    return [
        (str(criterion.rule.term.path), criterion)
        for criterion in criteria
        if isinstance(criterion.rule, Comparison)
        and criterion.rule.operator.question == "presence"
        and criterion.rule.term.source == "fact"
    ]
