"""What the triggers of all databases enforce: the legal changes of stage, with the SQL of their gates."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from salesprocess.criteria import Criterion, required
from salesprocess.errors import DefinitionError, Problem
from salesprocess.formats.sql_names import quoted, table_of
from salesprocess.process import SalesProcess

CompileCriterion = Callable[[Criterion], str]


class AllowedChange(NamedTuple):
    """A change of stage that at least one move makes; `source` is empty for a new deal.

    `gates` has one mapping for each of these moves: the SQL of its criteria by their keys.
    """

    source: str
    dest: str
    triggers: tuple[str, ...]
    gates: tuple[Mapping[str, str], ...]

    def condition(self) -> str | None:
        """Return the SQL that holds if one of the moves is allowed, or `None` if one of them asks for nothing."""
        if not all(self.gates):
            return None
        return " OR ".join(f"({' AND '.join(gate.values())})" for gate in self.gates)

    def criteria(self) -> dict[str, str]:
        """Return the SQL of all criteria of the moves by their keys."""
        return {key: condition for gate in self.gates for key, condition in gate.items()}


class TriggerRules(NamedTuple):
    """The changes of stage that a trigger allows, by the stage they leave, and what it cannot enforce."""

    out_of: Mapping[str, tuple[AllowedChange, ...]]
    unenforced: tuple[Problem, ...]

    @property
    def start(self) -> AllowedChange:
        """The change that puts a new deal in its first stage."""
        return self.out_of[""][0]


def rules_of(
    process: SalesProcess, table: Any, facts: Mapping[str, str] | None, dialect: Callable[[], Any]
) -> TriggerRules:
    """Return the rules for a table; `dialect` gives SQLAlchemy's dialect, asked for if the columns are known."""
    compile_criterion = _unknown_columns if isinstance(table, str) else _compiler(table, dialect(), facts)
    unenforced: list[Problem] = []
    found: dict[tuple[str, str], list[tuple[str, Mapping[str, str]]]] = {}
    for move in (process.graph.start, *process.moves()):
        path = f"{move.source}.{move.trigger}.{move.dest}" if move.source else move.path
        if move.transition.needs_reason:
            unenforced.append(Problem("not_enforced", path, "a row does not say for what reason it changes"))
        if move.source == move.dest:
            unenforced.append(Problem("not_enforced", path, "a move that stays in its stage changes no row"))
            continue
        gate = _compiled(move.gate, compile_criterion, path, unenforced)
        found.setdefault((move.source, move.dest), []).append((move.trigger, gate))
    out_of: dict[str, tuple[AllowedChange, ...]] = dict.fromkeys(("", *process.graph.stages), ())
    for (source, dest), moves in found.items():
        triggers = tuple(dict.fromkeys(trigger for trigger, _ in moves))
        out_of[source] += (AllowedChange(source, dest, triggers, tuple(gate for _, gate in moves)),)
    return TriggerRules(out_of, tuple(unenforced))


def _compiled(
    gate: Iterable[Criterion], compile_criterion: CompileCriterion, path: str, unenforced: list[Problem]
) -> dict[str, str]:
    """Return the SQL of the required criteria by their keys, and note those that have none."""
    compiled: dict[str, str] = {}
    for criterion in required(gate):
        try:
            compiled[criterion.key] = f"({compile_criterion(criterion)})"
        except DefinitionError as error:
            why = "; ".join(problem.message for problem in error.problems)
            unenforced.append(Problem("not_enforced", f"{path}.{criterion.key}", why))
    return compiled


def _compiler(table: Any, dialect: Any, facts: Mapping[str, str] | None) -> CompileCriterion:
    """Return a function that gives a criterion's SQL over the row that is being written."""
    import sqlalchemy as sa  # noqa: PLC0415 - the extra that a table given as an object comes from
    from sqlalchemy.exc import CompileError  # noqa: PLC0415 - the same

    from salesprocess.targets.sqlalchemy import compile_gate  # noqa: PLC0415 - the same

    columns = {
        name: sa.literal_column(f"NEW.{quoted(column.name)}", column.type) for name, column in table_of(table).c.items()
    }

    def compile_criterion(criterion: Criterion) -> str:
        met = compile_gate(criterion, columns, facts=facts).met
        try:
            return str(met.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
        except CompileError as error:
            raise DefinitionError("the trigger", [Problem("not_in_target", criterion.key, str(error))]) from None

    return compile_criterion


def _unknown_columns(_criterion: Criterion) -> str:
    message = "the columns are not known: give the table as a SQLAlchemy one"
    raise DefinitionError("the trigger", [Problem("not_in_target", "", message)])
