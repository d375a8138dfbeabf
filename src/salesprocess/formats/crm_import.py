"""A process from another system, and what was assumed to make one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain
from typing import Any, NamedTuple

from pydantic import JsonValue

from salesprocess._text import shown, suggestion
from salesprocess.errors import DefinitionError
from salesprocess.formats.crm_fields import original_id, slug
from salesprocess.formats.crm_rows import Row
from salesprocess.formats.loading import refuse
from salesprocess.process import Kind, SalesProcess, Stage, Transition
from salesprocess.process.linear import usual_transitions

# Stages that every pipeline needs, with their probability.
_ENDINGS: tuple[tuple[Kind, float], ...] = (("won", 1.0), ("lost", 0.0))


class Assumption(NamedTuple):
    """Something that the source does not say: a stable `code`, the `path` in the source, and what was assumed."""

    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


@dataclass(frozen=True, slots=True)
class Imported:
    """A process from another system, and what was assumed to make it. Read the assumptions once."""

    process: SalesProcess
    assumptions: tuple[Assumption, ...]

    def __str__(self) -> str:
        return "\n".join([str(self.process), *(f"  - {assumption}" for assumption in self.assumptions)])


@dataclass(slots=True)
class Import:
    """An import under way. `source` is what errors call the source; the assumptions are collected."""

    source: str
    assumptions: list[Assumption] = field(default_factory=list)

    def assume(self, code: str, path: str, message: str) -> None:
        """Note an assumption."""
        self.assumptions.append(Assumption(code, path, message))

    def without(self, rows: Iterable[Row], is_left_out: Callable[[Row], bool], what: str, name: str) -> Iterator[Row]:
        """Yield the rows but those that are left out, and note these as `what`, by the field `name`."""
        for row in rows:
            if is_left_out(row):
                self.assume("left_out", row.path, f"{what} {row.fields.get(name)!r} was left out")
            else:
                yield row

    def with_keys(self, rows: Sequence[Row], id_in: Callable[[Row], str], path: str) -> list[tuple[str, str, Row]]:
        """Return each row with the key that is made of its id, and the id."""
        ids = [id_in(row) for row in rows]
        return list(zip(self.keys(ids, path), ids, rows, strict=True))

    def keys(self, ids: Sequence[str], path: str) -> list[str]:
        """Return a key for each id: the id itself if it can be one, else one made of it, and noted."""
        keys: list[str] = []
        for index, text in enumerate(ids):
            base = slug(text) or f"stage_{index + 1}"
            # Ids that become the same key are numbered.
            keys.append(base if base not in keys else next(key for key in _numbered(base) if key not in keys))
            if keys[-1] != text:
                self.assume("key", f"{path}[{index}]", f"the id {shown(text)} became the key {keys[-1]!r}")
        return keys

    def rotting_days(self, row: Row, field: str) -> timedelta | None:
        """Return the days until a deal rots as a time limit, which is noted, or `None` if there are none."""
        limit = row.days(field)
        if limit is not None:
            days = f"{limit / timedelta(days=1):g}"
            message = f"{days} days until a deal rots, since its last change, were taken as time in stage"
            self.assume("time_limit", row.path, message)
        return limit

    def finish(
        self, key: str, name: str, stages: Iterable[Stage], extra: Mapping[str, JsonValue] | None = None
    ) -> Imported:
        """Return the import of a process that says nothing of moves: deals may move as freely as CRMs let them."""
        stages = list(stages)
        for kind, probability in _ENDINGS:
            if not any(stage.kind == kind for stage in stages):
                taken = {stage.key for stage in stages}
                added = next(free for free in chain([kind], _numbered(kind)) if free not in taken)
                stages.append(Stage(key=added, kind=kind, probability=probability))
                self.assume("added_stage", "", f"no stage is for {kind} deals, {added!r} was added")
        self.assume("moves", "", "nothing is said of moves: any open stage may follow any other, and deals reopen")
        return self.finish_with_moves(key, name, stages, _free_moves(stages), extra)

    def finish_with_moves(
        self,
        key: str,
        name: str,
        stages: Iterable[Stage],
        transitions: Iterable[Transition],
        extra: Mapping[str, JsonValue] | None = None,
    ) -> Imported:
        """Return the import of a process with these moves.

        Raises:
            DefinitionError: with every mistake in the process, under the name of the source.
        """
        try:
            process = SalesProcess(
                key=slug(key) or "imported",
                name=name,
                stages=tuple(stages),
                transitions=tuple(transitions),
                extra={**(extra or {}), **original_id(slug(key), key)},
            )
        except DefinitionError as error:
            raise DefinitionError(self.source, error.problems) from None
        return Imported(process, tuple(self.assumptions))


def chosen(pipelines: Mapping[str, Any], wanted: str | None, source: str) -> str:
    """Return the key of the pipeline that is asked for, or of the only one.

    Raises:
        DefinitionError: for several pipelines of which none is asked for, and for an unknown one.
    """
    if wanted is None and len(pipelines) == 1:
        return next(iter(pipelines))
    if wanted is None:
        message = "there are several pipelines: choose one with pipeline="
        refuse(source, "pipeline", f"{message}{suggestion('', pipelines)}")
    if wanted not in pipelines:
        refuse(source, "pipeline", f"unknown pipeline {wanted!r}{suggestion(wanted, pipelines)}")
    return wanted


def _numbered(base: str) -> Iterator[str]:
    return (f"{base}_{number}" for number in range(2, 10_000))


def _free_moves(stages: Sequence[Stage]) -> Iterator[Transition]:
    """Yield the usual moves, and those from any open stage to any other or to a won one: one for each stage entered."""
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
