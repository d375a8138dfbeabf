"""A process as JSON: strict, bounded, and with line and column in every complaint."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

from salesprocess.formats.text_source import (
    Path,
    Place,
    check_bounds,
    check_nesting,
    place_at,
    process_of,
    refuse,
    text_of,
)
from salesprocess.process import SalesProcess

__all__ = ["dumps", "loads"]

_LONGEST_NUMBER = 100
# Nothing here is tried twice: a text in quotes that has no end is taken as ending with the document.
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def loads(text: str | bytes, *, name: str = "the JSON text") -> SalesProcess:
    """The process that a JSON text means; `name` is what errors call it. A top `$schema` is for editors and ignored.

    >>> loads('{"key": "short", "stages": [{"key": "talk"}]}').initial.name
    'Talk'

    Raises:
        DefinitionError: with every mistake, each with its line and column. So are refused: a key given twice, NaN,
            and a text of more than 4 MB, 100 levels or 1,000 stages.
    """
    text = text_of(text, name)
    return process_of(parse(text, name), name, lambda: places(text))


def dumps(process: SalesProcess) -> str:
    """The process as JSON text, less what is as by default; `loads` gives it back.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True
    """
    return json.dumps(plain(process), indent=2, ensure_ascii=False) + "\n"


def plain(process: SalesProcess) -> dict[str, Any]:
    """The process as JSON types, less what is as by default."""
    return process.model_dump(mode="json", exclude_defaults=True)


class _UnfitError(ValueError):
    def __init__(self, token: str, message: str) -> None:
        super().__init__(message)
        self.token = token


class _RepeatedError(ValueError):
    """A key stands twice in one object."""


def parse(text: str, name: str) -> Any:
    """The data of a JSON text.

    Raises:
        DefinitionError: for what is no JSON, or breaks a bound.
    """
    check_nesting(text, _NESTING, name)
    try:
        data = json.loads(
            text, object_pairs_hook=_members, parse_int=_whole, parse_float=_finite, parse_constant=_finite
        )
    except _RepeatedError:
        path, place = _first_repeated(text)
        refuse(name, "duplicate_key", f"{path[-1]!r} is given twice in one object", place=place)
    except _UnfitError as error:
        at = next((start for kind, start, end in _tokens(text) if kind == "bare" and text[start:end] == error.token), 0)
        refuse(name, "not_finite", str(error), place=place_at(text, at))
    except json.JSONDecodeError as error:
        refuse(name, "bad_json", f"{error.msg[:1].lower()}{error.msg[1:]}", place=Place(error.lineno, error.colno))
    check_bounds(data, name)
    return data


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _RepeatedError
    return members


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise _UnfitError(digits, f"a number of {len(digits):,} digits is no number to store")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits.replace("Infinity", "inf"))
    if not math.isfinite(number):
        raise _UnfitError(digits, f"{digits[:_LONGEST_NUMBER]} is no number to store")
    return number


class _Token(NamedTuple):
    kind: str
    start: int
    end: int


_TOKEN = re.compile(r'(?P<mark>[{}\[\]:,])|(?P<text>")|(?P<bare>[^\s{}\[\]:,"]+)')


def _tokens(text: str) -> Iterator[_Token]:
    position = 0
    while found := _TOKEN.search(text, position):
        position = found.end()
        if found["text"]:
            _, position = json.decoder.scanstring(text, position, True)  # type: ignore[attr-defined]
        yield _Token(str(found.lastgroup), found.start(), position)


def _walk(text: str) -> Iterator[tuple[Path, int]]:
    """Every value's path with where it starts, a member's with where its key does."""
    path: list[str | int | None] = []
    for kind, start, end in _tokens(text):
        piece = text[start:end]
        if piece in {"}", "]"}:
            path.pop()
        elif piece == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif piece != ":":
            is_key = bool(path) and path[-1] is None and kind == "text"
            if is_key:
                path[-1] = str(json.loads(piece))
            if path and (is_key or isinstance(path[-1], int)):
                yield tuple(part for part in path if part is not None), start
            if piece in {"{", "["}:
                path.append(None if piece == "{" else 0)


def places(text: str) -> dict[Path, Place]:
    """Where each value of a valid JSON text stands."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    found: dict[Path, Place] = {(): Place(1, 1)}
    for path, position in _walk(text):
        line = bisect_right(starts, position)
        found[path] = Place(line, position - starts[line - 1] + 1)
    return found


def _first_repeated(text: str) -> tuple[Path, Place]:
    seen: set[Path] = set()
    for path, start in _walk(text):
        if path in seen:
            return path, place_at(text, start)
        seen.add(path)
    raise AssertionError("the decoder found a key twice and the walk did not")
