"""A process as TOML; writing it needs tomli-w: `pip install salesprocess[toml]`."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from salesprocess._base import path_of
from salesprocess.formats.json_ import plain
from salesprocess.formats.loading import (
    MAX_DEPTH,
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

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
# No backtracking: a text in quotes without an end is taken to end with its line, or with the document.
_NESTING = re.compile(
    r""""{3}(?:[^"\\]|\\.|"{1,2}(?!"))*+(?:"{3})?|'{3}(?:[^']|'{1,2}(?!'))*+(?:'{3})?"""
    r"""|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|\#[^\n]*+|[\[\]{}]""",
    re.DOTALL,
)
_BEFORE_QUOTES = re.compile(r"[^\"'#]*")
# What tomllib takes for dotted keys grows with the square of their parts.
_MOST_SQUARED_DOTS = 10_000_000
# A value that goes on for more lines than this is read again too often.
_LONGEST_VALUE = 200


def loads(text: str | bytes, *, name: str = "the TOML text") -> SalesProcess:
    """Return the process that a TOML text defines; comments are ignored, `name` is what errors call the text.

    >>> loads('''
    ... key = "short"
    ... [[stages]]
    ... key = "talk"    # the first call
    ... ''').initial.name
    'Talk'

    Raises:
        DefinitionError: with every mistake, each with its line. A key given twice, NaN, and a text of more than 4 MB,
            100 levels or 1,000 stages are refused too.
    """
    text = text_of(text, name)
    if _is_too_dotted(text):
        refuse(name, "too_deep", f"a definition may be nested {MAX_DEPTH} deep, a key here is deeper")
    check_nesting(text, _NESTING, name)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        _refuse_syntax(error, text, name)
    except ValueError:
        refuse(name, "bad_toml", "a number of thousands of digits cannot be stored")
    check_limits(data, name)
    return process_from(data, name, lambda: _positions(text))


def _is_too_dotted(text: str) -> bool:
    squared = 0
    for line in text.split("\n"):
        dots = line.count(".")
        if dots > MAX_DEPTH:
            keys = line if line.lstrip().startswith("[") else _BEFORE_QUOTES.match(line)[0]  # type: ignore[index]
            if keys.count(".") > MAX_DEPTH:
                return True
            squared += dots**2
    return squared > _MOST_SQUARED_DOTS


def _refuse_syntax(error: tomllib.TOMLDecodeError, text: str, name: str) -> NoReturn:
    message = str(error)
    found = _POSITION.search(message)
    if found is None:
        refuse(name, "bad_toml", message)
    position = Position(int(found[1]), int(found[2])) if found[1] else position_at(text, len(text))
    refuse(name, "bad_toml", f"{message[:1].lower()}{message[1 : found.start()]}", position=position)


def _positions(text: str) -> dict[Path, Position]:
    """Return the position of each value of a valid TOML text: where its statement starts, as tomllib keeps none."""
    found: dict[Path, Position] = {}
    table: Path = ()
    tables: Counter[Path] = Counter()
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        lines.append(line)
        if len(lines) > _LONGEST_VALUE:
            break
        try:
            # A statement is as many lines as it takes to be TOML by itself.
            data = tomllib.loads("\n".join(lines))
        except tomllib.TOMLDecodeError:
            continue
        position = Position(number - len(lines) + 1, len(lines[0]) - len(lines[0].lstrip()) + 1)
        statement, lines = lines[0].lstrip(), []
        if statement.startswith("["):
            table = _table(data, tables, several=statement.startswith("[["))
            found.setdefault(table, position)
            continue
        for path in _paths(data):
            found.setdefault(table + path, position)
    return found


def _table(data: dict[str, Any], tables: Counter[Path], *, several: bool) -> Path:
    """Return the path of the table that a header opens; `tables` counts the tables of each list so far."""
    path: Path = ()
    while data:
        ((key, inner),) = data.items()
        path = (*path, key)
        data = inner[0] if isinstance(inner, list) else inner
        if several and not data:
            tables[path] += 1
        if path in tables:
            path = (*path, tables[path] - 1)
    return path


def _paths(data: object, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value in the data, the outer before the inner."""
    members = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in members:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def dumps(process: SalesProcess) -> str:
    """Return the process as TOML text without defaults; `loads` gives it back.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True

    Raises:
        DefinitionError: for a `None` in an `extra`, since TOML has no null.
    """
    import tomli_w  # noqa: PLC0415 - reading needs no extra

    data = plain(process)
    try:
        return tomli_w.dumps(data)
    except TypeError:
        path = next(path_of(path) for path in _paths(data) if _at(data, path) is None)
        refuse("the process", "no_null", "TOML has no null", path=path)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data
