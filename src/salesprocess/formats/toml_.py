"""A process as TOML; writing it needs tomli-w: `pip install salesprocess[toml]`."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from salesprocess.formats.json_ import plain
from salesprocess.formats.text_source import (
    MAX_DEPTH,
    Path,
    Place,
    as_text,
    check_bounds,
    check_nesting,
    place_at,
    process_of,
    refuse,
    text_of,
)
from salesprocess.process import SalesProcess

__all__ = ["dumps", "loads"]

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")
# Nothing here is tried twice: a text in quotes that has no end is taken as ending with its line, or the document.
_NESTING = re.compile(
    r""""{3}(?:[^"\\]|\\.|"{1,2}(?!"))*+(?:"{3})?|'{3}(?:[^']|'{1,2}(?!'))*+(?:'{3})?"""
    r"""|"(?:[^"\\\n]|\\.)*+"?|'[^'\n]*+'?|\#[^\n]*+|[\[\]{}]""",
    re.DOTALL,
)
_BEFORE_TEXT = re.compile(r"[^\"'#]*")
# What tomllib takes for dotted keys grows with the square of their parts.
_MOST_SQUARED_DOTS = 10_000_000
# A value that goes on for more lines than this is read again too often.
_LONGEST_VALUE = 200


def loads(text: str | bytes, *, name: str = "the TOML text") -> SalesProcess:
    """The process that a TOML text means; comments mean nothing, `name` is what errors call the text.

    >>> loads('''
    ... key = "short"
    ... [[stages]]
    ... key = "talk"    # the first call
    ... ''').initial.name
    'Talk'

    Raises:
        DefinitionError: with every mistake, each with its line. So are refused: a key given twice, NaN, and a text of
            more than 4 MB, 100 levels or 1,000 stages.
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
        refuse(name, "bad_toml", "a number of thousands of digits is no number to store")
    check_bounds(data, name)
    return process_of(data, name, lambda: _places(text))


def _is_too_dotted(text: str) -> bool:
    squared = 0
    for line in text.split("\n"):
        dots = line.count(".")
        if dots > MAX_DEPTH:
            keys = line if line.lstrip().startswith("[") else _BEFORE_TEXT.match(line)[0]  # type: ignore[index]
            if keys.count(".") > MAX_DEPTH:
                return True
            squared += dots**2
    return squared > _MOST_SQUARED_DOTS


def _refuse_syntax(error: tomllib.TOMLDecodeError, text: str, name: str) -> NoReturn:
    message = str(error)
    found = _PLACE.search(message)
    if found is None:
        refuse(name, "bad_toml", message)
    place = Place(int(found[1]), int(found[2])) if found[1] else place_at(text, len(text))
    refuse(name, "bad_toml", f"{message[:1].lower()}{message[1 : found.start()]}", place=place)


def _places(text: str) -> dict[Path, Place]:
    """Where each value of a valid TOML text stands: its statement's first line, since tomllib keeps no places."""
    found: dict[Path, Place] = {}
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
        place = Place(number - len(lines) + 1, len(lines[0]) - len(lines[0].lstrip()) + 1)
        statement, lines = lines[0].lstrip(), []
        if statement.startswith("["):
            table = _table(data, tables, several=statement.startswith("[["))
            found.setdefault(table, place)
            continue
        for path in _paths(data):
            found.setdefault(table + path, place)
    return found


def _table(data: dict[str, Any], tables: Counter[Path], *, several: bool) -> Path:
    """The path of the table that a header opens, where `tables` counts those of each list so far."""
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
    """The path of every value in the data, the outer before the inner."""
    members = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in members:
        yield (*path, key)
        yield from _paths(value, (*path, key))


def dumps(process: SalesProcess) -> str:
    """The process as TOML text, less what is as by default; `loads` gives it back.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True

    Raises:
        DefinitionError: for nothing (`null`) somewhere in an `extra`, which TOML has no word for.
    """
    import tomli_w  # noqa: PLC0415 - reading needs no extra

    data = plain(process)
    try:
        return tomli_w.dumps(data)
    except TypeError:
        path = next(as_text(path) for path in _paths(data) if _at(data, path) is None)
        refuse("the process", "no_null", "TOML has no word for nothing", path=path)


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data[part]
    return data
