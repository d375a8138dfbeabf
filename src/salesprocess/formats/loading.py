"""What the loaders share: input that somebody else wrote is read within limits, and refused with line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn, TypeAlias

from salesprocess._base import path_of
from salesprocess._text import shown
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import SalesProcess

# Far above any process that people work by, far below what would keep a machine busy.
MAX_BYTES = 4_000_000
MAX_DEPTH = 100
MAX_VALUES = 200_000
MAX_PARTS = 1_000

Path: TypeAlias = tuple[str | int, ...]


class Position(NamedTuple):
    """A position in a text: line and column, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


def refuse(name: str, code: str, message: str, *, path: str = "", position: Position | None = None) -> NoReturn:
    """Raise a `DefinitionError` with this one problem; `name` is what the error calls the input."""
    placed = message if position is None else f"{message} ({position})"
    raise DefinitionError(name, [Problem(code, path, placed)]) from None


def position_at(text: str, index: int) -> Position:
    """Return the line and column of a character of the text."""
    start = text.rfind("\n", 0, index) + 1
    return Position(text.count("\n", 0, index) + 1, index - start + 1)


def text_of(source: str | bytes, name: str) -> str:
    """Return the source as text, without a byte order mark.

    Raises:
        DefinitionError: for a source that is too long or not UTF-8.
        TypeError: for a source that is neither text nor bytes.
    """
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
        refuse(name, "not_utf8", message, position=position_at(before, len(before)))


def check_nesting(text: str, tokens: re.Pattern[str], name: str, *, start: int = 0, depth: int = 0) -> None:
    """Refuse a text whose brackets are nested too deep.

    `tokens` finds brackets, and as a whole what may hold other brackets, such as a text in quotes. A parser that is
    given the text afterwards may call itself for each level, and give up at a depth of its own.
    """
    for found in tokens.finditer(text, start):
        if found[0] in {"[", "{"}:
            depth += 1
            if depth > MAX_DEPTH:
                message = f"a definition may be nested {MAX_DEPTH} deep, this one is deeper"
                refuse(name, "too_deep", message, position=position_at(text, found.start()))
        elif found[0] in {"]", "}"}:
            depth -= 1


def check_limits(data: object, name: str) -> None:
    """Refuse data that is nested too deep, holds too many values, or holds a number that is not finite."""
    count, level = 0, [((), data)]
    for _ in range(MAX_DEPTH):
        deeper: list[tuple[Any, object]] = []
        for path, value in level:
            if isinstance(value, float) and not math.isfinite(value):
                refuse(name, "not_finite", f"{value} cannot be stored", path=path_of(path))
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


def check_count(values: object, what: str, name: str, path: str = "", *, most: int = MAX_PARTS) -> None:
    """Refuse a list of more parts than a process may have."""
    if isinstance(values, list | tuple) and len(values) > most:
        refuse(name, "too_many", f"a process may have {most:,} {what}, found {len(values):,}", path=path or what)


def process_from(data: object, name: str, positions: Callable[[], Mapping[Path, Position]]) -> SalesProcess:
    """Return the process that the data describes; `positions` is called only if there is a mistake to report.

    Raises:
        DefinitionError: with every mistake, each with its path and, where it is known, its line and column.
    """
    if not isinstance(data, dict):
        refuse(name, "not_a_process", f"expected a process with a key and stages, found {shown(data)}")
    check_count(data.get("stages"), "stages", name)
    check_count(data.get("transitions"), "transitions", name)
    # Editors look for the schema under this key.
    definition = {key: value for key, value in data.items() if key != "$schema"}
    try:
        return SalesProcess.model_validate(definition)
    except DefinitionError as error:
        known = {path_of(path): position for path, position in positions().items()}
        raise DefinitionError(name, [_with_position(problem, known) for problem in error.problems]) from None


def _with_position(problem: Problem, known: Mapping[str, Position]) -> Problem:
    path = problem.path
    # A missing part has no position of its own, so that the part around it stands in.
    while path and path not in known:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    position = known.get(path)
    return problem if position is None else problem._replace(message=f"{problem.message} ({position})")
