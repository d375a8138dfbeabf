"""What the CRM formats share: rows in, a process and what was assumed of it out."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple, TypeAlias

from pydantic import JsonValue

from salesprocess._text import is_slug, shown, suggestion
from salesprocess.errors import DefinitionError
from salesprocess.formats import json_
from salesprocess.formats.text_source import check_bounds, check_length, refuse, text_of
from salesprocess.process import Kind, SalesProcess, Stage, Transition
from salesprocess.process.linear import usual_transitions

Json: TypeAlias = "Mapping[str, Any] | Sequence[Any]"
_ENDINGS: tuple[tuple[Kind, float], ...] = (("won", 1.0), ("lost", 0.0))
_MAX_KEY = 90
# More than any CRM lets a pipeline have; moves grow with the square.
_MOST_STAGES = 300
_WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class Assumption(NamedTuple):
    """Something that the source did not say: a stable `code`, the `path` in the source, and what was taken for it."""

    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Imported:
    """A process from another system, and what had to be assumed to make one. Read the assumptions once."""

    process: SalesProcess
    assumptions: tuple[Assumption, ...]

    def __str__(self) -> str:
        return "\n".join([str(self.process), *(f"  - {assumption}" for assumption in self.assumptions)])


@dataclass(slots=True)
class Import:
    """One import as it goes on: what errors call the source, and the assumptions so far."""

    name: str
    assumptions: list[Assumption] = field(default_factory=list)

    def assume(self, code: str, path: str, message: str) -> None:
        """Notes an assumption."""
        self.assumptions.append(Assumption(code, path, message))

    def data(self, source: str | bytes | Json) -> Any:
        """The source as plain data: JSON text is read, data is checked for its bounds."""
        if isinstance(source, str | bytes):
            return json_.parse(text_of(source, self.name), self.name)
        check_bounds(source, self.name)
        return source

    def table(self, source: str | bytes | Json) -> list[Mapping[str, Any]]:
        """The rows of CSV text with a header, or of a JSON list, or of plain data; or what stands under `data`."""
        if isinstance(source, str | bytes):
            text = text_of(source, self.name)
            if not text.lstrip().startswith(("[", "{")):
                return self.rows(list(self._csv(text)), "rows")
            source = text
        data = self.data(source)
        return self.rows(data.get("data") if isinstance(data, Mapping) else data, "rows")

    def _csv(self, text: str) -> Iterator[dict[str, str]]:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        try:
            header = next(reader, [])
            if len(set(header)) < len(header):
                refuse(self.name, "duplicate_key", f"the header names a column twice: {shown(header)}")
            for cells in reader:
                if len(cells) not in {0, len(header)}:
                    message = f"{len(header)} cells expected, found {len(cells)}"
                    refuse(self.name, "bad_csv", f"{message} (line {reader.line_num})")
                if cells:
                    yield dict(zip(header, cells, strict=True))
        except csv.Error as error:
            refuse(self.name, "bad_csv", f"{error} (line {reader.line_num})")

    def rows(self, value: object, path: str) -> list[Mapping[str, Any]]:
        """The value, if it is a list of objects and not too long."""
        if not isinstance(value, list | tuple):
            refuse(self.name, "not_a_list", f"expected a list of stages, found {shown(value)}", path=path)
        check_length(value, "stages", self.name, path, most=_MOST_STAGES)
        for index, row in enumerate(value):
            if not isinstance(row, Mapping) or not all(isinstance(key, str) for key in row):
                refuse(self.name, "not_an_object", f"expected an object, found {shown(row)}", path=f"{path}[{index}]")
        return list(value)

    def text(self, row: Mapping[str, Any], key: str, path: str) -> str:
        """A member that must be there, as text; a number is taken for its digits."""
        value = row.get(key)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            refuse(self.name, "no_text", f"{key!r} is needed, as text, found {shown(value)}", path=path)
        return str(value)

    def flag(self, value: object, path: str) -> bool | None:
        """True, false, or `None` for nothing; CRMs write `"false"` and 0 as well."""
        if value is None or value == "":
            return None
        word = str(value).strip().lower()
        if word not in _WORDS:
            refuse(self.name, "no_flag", f"expected true or false, found {shown(value)}", path=path)
        return _WORDS[word]

    def number(self, value: Any, path: str) -> float | None:
        """A number, also one written as text, or `None` for nothing."""
        if value is None or value == "" or value is False:
            return None
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            refuse(self.name, "no_number", f"expected a number, found {shown(value)}", path=path)

    def share(self, value: object, path: str) -> float | None:
        """A percentage as a share of 1."""
        number = self.number(value, path)
        return None if number is None else number / 100

    def days(self, count: float, path: str) -> timedelta:
        """So many days, if that is a length of time."""
        try:
            return timedelta(days=count)
        except (OverflowError, ValueError):
            refuse(self.name, "no_number", f"expected a number of days, found {shown(count)}", path=path)

    def keys(self, ids: Sequence[str], path: str) -> list[str]:
        """A key for each id: the id itself where it will do, else made of it, and said."""
        keys: list[str] = []
        for index, text in enumerate(ids):
            base = slug(text) or f"stage_{index + 1}"
            # Two ids that differ only in what a key cannot hold get a number each.
            same = sum(1 for key in keys if key == base)
            keys.append(base if not same else next(k for k in _numbered(base) if k not in keys))
            if keys[-1] != text:
                self.assume("key", f"{path}[{index}]", f"the id {shown(text)} became the key {keys[-1]!r}")
        return keys

    def process(
        self, key: str, name: str, stages: Iterable[Stage], extra: dict[str, JsonValue] | None = None
    ) -> Imported:
        """A process over these stages, which a deal may move through as freely as CRMs let it."""
        stages = list(stages)
        for kind, probability in _ENDINGS:
            if not any(stage.kind == kind for stage in stages):
                added = next(k for k in (kind, *_numbered(kind)) if all(stage.key != k for stage in stages))
                stages.append(Stage(key=added, kind=kind, probability=probability))
                self.assume("added_stage", "", f"no stage is for {kind} deals, {added!r} was added")
        self.assume("moves", "", "nothing is said of moves: any open stage may follow any other, and deals reopen")
        return self.finish(key, name, stages, _free_moves(stages), extra)

    def finish(
        self,
        key: str,
        name: str,
        stages: Iterable[Stage],
        transitions: Iterable[Transition],
        extra: dict[str, JsonValue] | None = None,
    ) -> Imported:
        """The import's result; mistakes are told under its name."""
        try:
            process = SalesProcess(
                key=slug(key) or "imported",
                name=name,
                stages=tuple(stages),
                transitions=tuple(transitions),
                extra=(extra or {}) | identity(slug(key), key),
            )
        except DefinitionError as error:
            raise DefinitionError(self.name, error.problems) from None
        return Imported(process, tuple(self.assumptions))


def _free_moves(stages: Sequence[Stage]) -> Iterator[Transition]:
    """The usual moves, and those from any open stage to any other or to a won one: one transition for each entered."""
    opened = [stage.key for stage in stages if stage.kind == "open"]
    yield from (move for move in usual_transitions(stages, "forbid", "forbid", "allow") if move.trigger != "win")
    for index, dest in enumerate(opened):
        if index > 1:
            yield Transition(trigger="skip", source=opened[: index - 1], dest=dest)
        if index + 1 < len(opened):
            yield Transition(trigger="go_back", source=opened[index + 1 :], dest=dest, direction="back")
    for stage in stages:
        if stage.kind == "won" and opened:
            yield Transition(trigger="win", source=opened, dest=stage.key)


def slug(text: str) -> str:
    """The text as a key: itself where it is one, else in small letters with `_` for what a key cannot hold."""
    return text if is_slug(text) else re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")[:_MAX_KEY].strip("_")


def _numbered(base: str) -> Iterator[str]:
    return (f"{base}_{number}" for number in range(2, 10_000))


def chosen(groups: Mapping[str, Any], wanted: str | None, source: Import) -> str:
    """The one pipeline there is, or the one asked for."""
    if wanted is None and len(groups) == 1:
        return next(iter(groups))
    if wanted is None or wanted not in groups:
        found = "there are several pipelines" if wanted is None else f"no pipeline {wanted!r}"
        close = suggestion("" if wanted is None else wanted, groups)
        refuse(source.name, "pipeline", f"{found}, choose with pipeline={close}")
    return wanted


def others(row: Mapping[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """The members that the format's module has no use for."""
    return {key: value for key, value in row.items() if key not in known}


def identity(key: str, text: str) -> dict[str, Any]:
    """What `extra` keeps of an id that is not the key."""
    return {} if key == text else {"id": text}


def id_of(part: Stage | SalesProcess) -> str:
    """The id that the part had in the other system."""
    return str(part.extra.get("id", part.key))


def percent(probability: float | None) -> float | None:
    """A share as a percentage, whole where it is."""
    if probability is None:
        return None
    value = round(probability * 100, 6)
    return int(value) if value.is_integer() else value


def write_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows as CSV text; nothing is an empty cell, lists and objects are JSON."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: json.dumps(value) if isinstance(value, list | dict) else value for key, value in row.items()}
        for row in rows
    )
    return text.getvalue()
