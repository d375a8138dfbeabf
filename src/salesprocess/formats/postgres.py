"""The process as a PostgreSQL trigger: an illegal change of stage is refused, whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from salesprocess.errors import Problem
from salesprocess.formats.sql_names import literal, own_name, quoted, table_name
from salesprocess.formats.trigger_ddl import allowed_text, heading, history_table, insert_change
from salesprocess.formats.trigger_rules import AllowedChange, TriggerRules, rules_of
from salesprocess.process import SalesProcess

__all__ = ["trigger_sql", "unenforced"]


def trigger_sql(
    process: SalesProcess,
    *,
    table: Any,
    column: str = "stage",
    history: str = "stage_change",
    key: str = "id",
    facts: Mapping[str, str] | None = None,
) -> str:
    """Return the DDL that guards a table of deals: a trigger with its function, and the history table it writes to.

    A new row starts in the first stage, or in none; a changed one follows a move of the process. Given a SQLAlchemy
    table or a mapped class instead of a name, the criteria over its columns are enforced too; what is not is listed in
    comments at the top, and by `unenforced`. A refusal is a check violation (23514) whose message has the allowed
    stages. The history takes who and why from the settings `salesprocess.by` and `salesprocess.reason`, and the
    database's user if nobody is set. It is safe to run the DDL again, which puts a new version in force.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> "a deal in closing may go to generating_referrals" in trigger_sql(SEVEN_STAGE, table="deal")
    True

    Raises:
        ValueError: for a name that SQL cannot have.
    """
    rules = rules_of(process, table, facts, _dialect)
    name, target = own_name(table, column, "guard"), table_name(table)
    body = "\n".join(
        [
            "DECLARE was text := NULL; wanted text; refusal text := NULL;",
            "BEGIN",
            f"  wanted := NEW.{quoted(column)};",
            f"  IF TG_OP = 'UPDATE' THEN was := OLD.{quoted(column)}; END IF;",
            "  IF wanted IS NOT DISTINCT FROM was THEN RETURN NULL; END IF;",
            *_checks(process, rules),
            "  IF refusal IS NOT NULL THEN",
            "    RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = refusal;",
            "  END IF;",
            _insert_change(process, rules, history, f"NEW.{quoted(key)}::text"),
            "  RETURN NULL;",
            "END",
        ]
    )
    mark = _mark(body)
    return (
        f"{heading(process, rules)}{history_table(history, deal='text', seq='bigint', text='text', at='timestamptz')}"
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS {mark}\n{body}\n{mark};\n"
        f"DROP TRIGGER IF EXISTS {name} ON {target};\n"
        f"CREATE TRIGGER {name} AFTER INSERT OR UPDATE ON {target} FOR EACH ROW EXECUTE FUNCTION {name}();\n"
    )


def unenforced(process: SalesProcess, *, table: Any, facts: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Return what the trigger cannot enforce, each with its move: reasons, and criteria that SQL cannot say."""
    return rules_of(process, table, facts, _dialect).unenforced


def _dialect() -> Any:
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - the extra that the table comes from

    dialect: Any = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    # As the server has been since version 9.1; SQLAlchemy learns it when it connects.
    dialect._backslash_escapes = False  # noqa: SLF001
    return dialect


def _checks(process: SalesProcess, rules: TriggerRules) -> Iterator[str]:
    yield "  IF was IS NULL THEN"
    for source, changes in rules.out_of.items():
        if source:
            yield f"  ELSIF was = {literal(source)} THEN"
        yield from _checks_from(source, changes)
    yield f"  ELSE refusal := {literal(f'the deal is in a stage that process {process.key} does not have')};"
    yield "  END IF;"


def _checks_from(source: str, changes: tuple[AllowedChange, ...]) -> Iterator[str]:
    """Yield the assignment of the refusal of a change out of one stage: null if the change is allowed."""
    allowed = allowed_text(source, changes)
    if not changes:
        yield f"    refusal := {literal(allowed)};"
        return
    yield "    refusal := CASE"
    for change in changes:
        condition = change.condition() or "true"
        yield f"      WHEN wanted = {literal(change.dest)} AND ({condition}) THEN NULL"
        yield f"      WHEN wanted = {literal(change.dest)} THEN {literal(f'the way to {change.dest} asks for ')}"
        yield f"        || concat_ws(', ', {_missing(change)}) || {literal(f'; {allowed}')}"
    no_way = "' is not one of its ways out'"
    yield f"      ELSE {literal(allowed)} || '; ' || coalesce(quote_literal(wanted), 'no stage') || {no_way} END;"


def _missing(change: AllowedChange) -> str:
    """Return SQL for the keys of the criteria that are not met."""
    criteria = change.criteria().items()
    return ", ".join(f"CASE WHEN NOT {condition} THEN {literal(key)} END" for key, condition in criteria) or "NULL"


def _insert_change(process: SalesProcess, rules: TriggerRules, history: str, deal: str) -> str:
    """Return the statement that writes the history; the deal's row is locked by now, so no number is used twice."""
    others = {
        "at": "clock_timestamp()",
        "by": "coalesce(nullif(current_setting('salesprocess.by', true), ''), session_user)",
        "reason": "nullif(current_setting('salesprocess.reason', true), '')",
    }
    return insert_change(process, rules, history, deal=deal, source="was", dest="wanted", others=others)


def _mark(body: str) -> str:
    """Return a quotation mark for the function's body that is not in the body, whatever its names and texts are."""
    mark = "$guard$"
    while mark in body:
        mark = f"{mark[:-1]}_$"
    return mark
