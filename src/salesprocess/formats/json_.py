"""A process as JSON: strict, within limits, and with line and column in every error."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, NamedTuple

from salesprocess._base import Definition
from salesprocess.formats.loading import (
    Path,
    Position,
    check_limits,
    check_nesting,
    position_at,
    process_from,
    refuse,
    text_of,
)
from salesprocess.process import SalesProcess

__all__ = ["dumps", "loads"]

_LONGEST_NUMBER = 100
# No backtracking: a text in quotes without an end is taken to end with the document.
_NESTING = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def loads(text: str | bytes, *, name: str = "the JSON text") -> SalesProcess:
    """Return the process that a JSON text defines; `name` is what errors call the text.

    A top-level `$schema` is for editors and ignored.

    >>> loads('{"key": "short", "stages": [{"key": "talk"}]}').initial.name
    'Talk'

    Raises:
        DefinitionError: with every mistake, each with its line and column. A key given twice, NaN, and a text of more
            than 4 MB, 100 levels or 1,000 stages are refused too.
    """
    text = text_of(text, name)
    return process_from(parse(text, name), name, lambda: positions(text))


def dumps(process: SalesProcess) -> str:
    """Return the process as JSON text without defaults; `loads` gives it back.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True
    """
    return json_text(plain(process))


def plain(part: Definition) -> dict[str, Any]:
    """Return a process, or a part of one, as JSON types without defaults."""
    return part.model_dump(mode="json", exclude_defaults=True)


def json_text(data: object) -> str:
    """Return the data as indented JSON text, as all formats write it."""
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


class _NumberError(ValueError):
    """A number that cannot be stored; `token` is how the text writes it."""

    def __init__(self, token: str, message: str) -> None:
        super().__init__(message)
        self.token = token


class _RepeatedKeyError(ValueError):
    """A key stands twice in one object."""


def parse(text: str, name: str) -> Any:
    """Return the data of a JSON text.

    Raises:
        DefinitionError: for a text that is not JSON or exceeds a limit.
    """
    check_nesting(text, _NESTING, name)
    try:
        data = json.loads(
            text, object_pairs_hook=_object, parse_int=_integer, parse_float=_number, parse_constant=_number
        )
    except _RepeatedKeyError:
        path, position = _first_repeated(text)
        refuse(name, "duplicate_key", f"{path[-1]!r} is given twice in one object", position=position)
    except _NumberError as error:
        at = next((start for kind, start, end in _tokens(text) if kind == "bare" and text[start:end] == error.token), 0)
        refuse(name, "not_finite", str(error), position=position_at(text, at))
    except json.JSONDecodeError as error:
        message = f"{error.msg[:1].lower()}{error.msg[1:]}"
        refuse(name, "bad_json", message, position=Position(error.lineno, error.colno))
    check_limits(data, name)
    return data


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _RepeatedKeyError
    return members


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise _NumberError(digits, f"a number of {len(digits):,} digits cannot be stored")
    return int(digits)


def _number(token: str) -> float:
    number = float(token.replace("Infinity", "inf"))
    if not math.isfinite(number):
        raise _NumberError(token, f"{token[:_LONGEST_NUMBER]} cannot be stored")
    return number


# The decoder keeps no positions, so that the text is read a second time once there is a mistake to report.
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


def _values(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path of every value with where it starts; a member starts where its key does."""
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


def positions(text: str) -> dict[Path, Position]:
    """Return the position of each value of a valid JSON text."""
    starts = [0, *(found.end() for found in re.finditer("\n", text))]
    found: dict[Path, Position] = {(): Position(1, 1)}
    for path, index in _values(text):
        line = bisect_right(starts, index)
        found[path] = Position(line, index - starts[line - 1] + 1)
    return found


def _first_repeated(text: str) -> tuple[Path, Position]:
    seen: set[Path] = set()
    for path, start in _values(text):
        if path in seen:
            return path, position_at(text, start)
        seen.add(path)
    raise AssertionError("the decoder found a key twice that the tokens have once")
