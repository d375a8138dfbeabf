"""What the triggers of all databases share: which changes of stage are legal, and what of their gates SQL can ask."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from salesprocess.criteria import Criterion
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import SalesProcess

Ask = Callable[[Criterion], str]


class Way(NamedTuple):
    """A legal change of stage: `asked` has the SQL of each criterion, one mapping for each move that makes it."""

    source: str | None
    dest: str
    triggers: tuple[str, ...]
    asked: tuple[Mapping[str, str], ...]

    def condition(self) -> str | None:
        """The SQL that holds where one of the moves is allowed; `None` where nothing is asked."""
        if not all(self.asked):
            return None
        return " OR ".join(f"({' AND '.join(move.values())})" for move in self.asked)

    def names(self) -> str:
        """What the moves ask for, by the criteria's keys."""
        return ", ".join(dict.fromkeys(key for move in self.asked for key in move))


class Rules(NamedTuple):
    """The ways of a process, and what a trigger on the table cannot see to."""

    ways: tuple[Way, ...]
    unenforced: tuple[Problem, ...]

    def from_each(self, process: SalesProcess) -> Iterator[tuple[str, tuple[Way, ...]]]:
        """Each stage with the ways out of it."""
        for stage in process.stages:
            yield stage.key, tuple(way for way in self.ways if way.source == stage.key)


def rules_of(process: SalesProcess, ask: Ask) -> Rules:
    """The legal changes of stage; `ask` gives a criterion's SQL, or raises for one that it has none for."""
    problems: list[Problem] = []
    moves: dict[tuple[str | None, str], list[tuple[str, Mapping[str, str]]]] = {}
    first = process.initial
    moves[None, first.key] = [("start", _asked(first.entry_criteria, ask, "start", problems))]
    for move in process.moves():
        source, transition = move.source, move.transition
        path = f"{source}.{transition.trigger}.{transition.dest}"
        if transition.needs_reason:
            problems.append(Problem("not_enforced", path, "a row does not say for what reason it changes"))
        if source == transition.dest:
            problems.append(Problem("not_enforced", path, "a move that stays in its stage changes no row"))
            continue
        asked = _asked(move.gate, ask, path, problems)
        moves.setdefault((source, transition.dest), []).append((transition.trigger, asked))
    ways = (
        Way(source, dest, tuple(dict.fromkeys(name for name, _ in found)), tuple(asked for _, asked in found))
        for (source, dest), found in moves.items()
    )
    return Rules(tuple(ways), tuple(problems))


def _asked(criteria: Iterable[Criterion], ask: Ask, path: str, problems: list[Problem]) -> dict[str, str]:
    asked: dict[str, str] = {}
    for criterion in criteria:
        if criterion.severity == "advisory":
            continue
        try:
            asked[criterion.key] = f"({ask(criterion)})"
        except DefinitionError as error:
            why = "; ".join(problem.message for problem in error.problems)
            problems.append(Problem("not_enforced", f"{path}.{criterion.key}", why))
    return asked


def asker(table: Any, dialect: Any, facts: Mapping[str, str] | None) -> Ask:
    """How criteria are asked of the row that is being written: not at all where only the table's name is known."""
    if isinstance(table, str):
        return _refuse
    import sqlalchemy as sa  # noqa: PLC0415 - the extra that a table given as an object comes from
    from sqlalchemy.exc import CompileError  # noqa: PLC0415 - the same

    from salesprocess.targets.sqlalchemy import compile_gate  # noqa: PLC0415 - the same

    columns = {
        name: sa.literal_column(f"NEW.{quoted(column.name)}", column.type) for name, column in table_of(table).c.items()
    }

    def ask(criterion: Criterion) -> str:
        met = compile_gate(criterion, columns, facts=facts).met
        try:
            return str(met.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        except CompileError as error:
            raise DefinitionError("the trigger", [Problem("not_in_target", criterion.key, str(error))]) from None

    return ask


def _refuse(_criterion: Criterion) -> str:
    message = "the columns are not known: give the table as a SQLAlchemy one"
    raise DefinitionError("the trigger", [Problem("not_in_target", "", message)])


def table_of(table: Any) -> Any:
    """The table itself, where a mapped class is given."""
    return getattr(table, "__table__", table)


def table_name(table: Any) -> str:
    """The table's name as SQL has it, with its schema if it has one."""
    if isinstance(table, str):
        return quoted(table)
    found = table_of(table)
    return quoted(found.name) if found.schema is None else f"{quoted(found.schema)}.{quoted(found.name)}"


def own_name(table: Any, column: str, what: str) -> str:
    """A name for what is made on a table, at most the 63 bytes that PostgreSQL keeps of one."""
    name = table if isinstance(table, str) else table_of(table).name
    full = f"{name}_{column}_{what}"
    if len(full.encode()) > 63:  # noqa: PLR2004
        digest = hashlib.sha256(full.encode()).hexdigest()[:12]
        full = f"{full.encode()[:45].decode(errors='ignore')}_{digest}"
    return full


def quoted(name: str) -> str:
    """A name as SQL has it, whatever is in it.

    Raises:
        ValueError: for a name that no database takes.
    """
    if not name or "\0" in name or len(name.encode()) > 63:  # noqa: PLR2004
        raise ValueError(f"a name in SQL has 1 to 63 bytes, none of them zero, found {name!r}")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL has it, whatever is in it.

    Raises:
        ValueError: for a text with a zero byte, which SQL has no way to write.
    """
    if "\0" in text:
        raise ValueError(f"a text in SQL has no zero byte, found {text!r}")
    return "'" + text.replace("'", "''") + "'"


def refused(source: str, ways: Iterable[Way]) -> str:
    """The message for a change that is no move: what is allowed instead."""
    targets = ", ".join(way.dest for way in ways)
    return f"a deal in {source} may go to {targets}" if targets else f"a deal in {source} may go nowhere"


def trigger_of(rules: Rules, source: str, new: str) -> str:
    """SQL for the trigger of a change, null where two triggers make the same one."""
    cases = " ".join(
        f"WHEN {source} = {literal(way.source)} AND {new} = {literal(way.dest)} THEN {literal(way.triggers[0])}"
        for way in rules.ways
        if way.source is not None and len(way.triggers) == 1
    )
    return f"CASE WHEN {source} IS NULL THEN 'start' {cases} END"


def heading(process: SalesProcess, rules: Rules) -> str:
    """Comments that say what the DDL is of, and what it leaves to the application."""
    lines = [f"-- Stage changes of process {process.key}, version {json.dumps(str(process.version))}"]
    lines += [f"-- not enforced: {json.dumps(f'{each.path}: {each.message}')}" for each in rules.unenforced]
    return "\n".join(lines) + "\n"
