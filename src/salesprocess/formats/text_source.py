"""Text that somebody else wrote: read within bounds, its mistakes reported with line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn, TypeAlias

from salesprocess._text import shown
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import SalesProcess

# Far above any process that people work by, far below what would keep a machine busy.
MAX_BYTES = 4_000_000
MAX_DEPTH = 100
MAX_VALUES = 200_000
MAX_PARTS = 1_000

Path: TypeAlias = tuple[str | int, ...]


class Place(NamedTuple):
    """A place in a text; both count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


def refuse(name: str, code: str, message: str, *, path: str = "", place: Place | None = None) -> NoReturn:
    """Raises a `DefinitionError` with this one problem."""
    raise DefinitionError(name, [Problem(code, path, message if place is None else f"{message} ({place})")]) from None


def place_at(text: str, position: int) -> Place:
    """The line and column of a position in the text."""
    start = text.rfind("\n", 0, position) + 1
    return Place(text.count("\n", 0, position) + 1, position - start + 1)


def text_of(source: str | bytes, name: str) -> str:
    """The source as text, if it is not too long and is UTF-8."""
    if not isinstance(source, str | bytes):
        raise TypeError(f"expected text or bytes, found {shown(source)}")
    if len(source) > MAX_BYTES:
        refuse(name, "too_long", f"a definition may be {MAX_BYTES:,} bytes long, this one has {len(source):,}")
    if isinstance(source, str):
        return source.removeprefix("\ufeff")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8", "replace")
        message = f"byte 0x{source[error.start]:02x} is not UTF-8"
        refuse(name, "not_utf8", message, place=place_at(before, len(before)))


def check_nesting(text: str, tokens: re.Pattern[str], name: str, *, start: int = 0, depth: int = 0) -> None:
    """Refuses a text whose brackets nest too deep; `tokens` finds them, and whole whatever may hold others.

    What reads the text afterwards may call itself for each level, and give up at a depth and in words of its own.
    """
    for found in tokens.finditer(text, start):
        if found[0] in {"[", "{"}:
            depth += 1
            if depth > MAX_DEPTH:
                message = f"a definition may be nested {MAX_DEPTH} deep, this one is deeper"
                refuse(name, "too_deep", message, place=place_at(text, found.start()))
        elif found[0] in {"]", "}"}:
            depth -= 1


def check_bounds(data: object, name: str) -> None:
    """Refuses data that nests too deep, holds too many values, or a number that is not finite."""
    count, level = 0, [((), data)]
    for _ in range(MAX_DEPTH):
        deeper: list[tuple[Any, object]] = []
        for path, value in level:
            if isinstance(value, float) and not math.isfinite(value):
                refuse(name, "not_finite", f"{value} is no number to store", path=as_text(path))
            if isinstance(value, Mapping):
                deeper.extend(((*path, key), inner) for key, inner in value.items())
            elif isinstance(value, list | tuple):
                deeper.extend(((*path, index), inner) for index, inner in enumerate(value))
        count += len(level)
        if count > MAX_VALUES:
            refuse(name, "too_many", f"a definition may hold {MAX_VALUES:,} values, this one holds more")
        if not deeper:
            return
        level = deeper
    refuse(name, "too_deep", f"a definition may be nested {MAX_DEPTH} deep, this one is deeper")


def check_length(values: object, what: str, name: str, path: str = "", *, most: int = MAX_PARTS) -> None:
    """Refuses a list of more parts than a process may have."""
    if isinstance(values, list | tuple) and len(values) > most:
        refuse(name, "too_many", f"a process may have {most:,} {what}, found {len(values):,}", path=path or what)


def as_text(path: Path) -> str:
    """A path as problems write it: `stages[2].key`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def process_of(data: object, name: str, places: Callable[[], Mapping[Path, Place]]) -> SalesProcess:
    """The process that the data means; `places` is asked only when there is something to complain of.

    Raises:
        DefinitionError: with every mistake, each with its path and, where it is known, its line and column.
    """
    if not isinstance(data, dict):
        refuse(name, "not_a_process", f"expected a process with a key and stages, found {shown(data)}")
    check_length(data.get("stages"), "stages", name)
    check_length(data.get("transitions"), "transitions", name)
    # Editors look for the schema under this key.
    meaning = {key: value for key, value in data.items() if key != "$schema"}
    try:
        return SalesProcess.model_validate(meaning)
    except DefinitionError as error:
        known = {as_text(path): place for path, place in places().items()}
        raise DefinitionError(name, [_placed(problem, known) for problem in error.problems]) from None


def _placed(problem: Problem, known: Mapping[str, Place]) -> Problem:
    path = problem.path
    # What is missing has no place of its own: its owner has.
    while path and path not in known:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    place = known.get(path)
    return problem if place is None else problem._replace(message=f"{problem.message} ({place})")
