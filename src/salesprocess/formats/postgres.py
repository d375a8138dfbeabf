"""The process as a PostgreSQL trigger: an illegal change of stage is refused, whoever writes it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from salesprocess.errors import Problem
from salesprocess.formats.trigger_rules import (
    Rules,
    Way,
    asker,
    heading,
    literal,
    own_name,
    quoted,
    refused,
    rules_of,
    table_name,
    trigger_of,
)
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
    """The DDL that guards a table of deals: a trigger with its function, and the history table that it writes to.

    A new row starts in the first stage, or in none; a changed one follows a move of the process. Given a SQLAlchemy
    table or a mapped class instead of a name, the criteria over its columns are enforced too; what is not is listed in
    comments at the top, and by `unenforced`. A refusal is a check violation (23514) whose message has the allowed
    stages. The history keeps who and why from the settings `salesprocess.by` and `salesprocess.reason`, where they
    are set, else the database's user. Safe to run again, which puts a new version in force.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> "a deal in closing may go to generating_referrals" in trigger_sql(SEVEN_STAGE, table="deal")
    True

    Raises:
        ValueError: for a name that SQL cannot have.
    """
    rules = _rules(process, table, facts)
    name, target = quoted(own_name(table, column, "guard")), table_name(table)
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
            _record(process, rules, quoted(history), f"NEW.{quoted(key)}::text"),
            "  RETURN NULL;",
            "END",
        ]
    )
    mark = _mark(body)
    return (
        f"{heading(process, rules)}{_history_table(quoted(history))}"
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS {mark}\n{body}\n{mark};\n"
        f"DROP TRIGGER IF EXISTS {name} ON {target};\n"
        f"CREATE TRIGGER {name} AFTER INSERT OR UPDATE ON {target} FOR EACH ROW EXECUTE FUNCTION {name}();\n"
    )


def unenforced(process: SalesProcess, *, table: Any, facts: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """What of the process the trigger cannot see to, each with its move: reasons, and criteria that are no SQL."""
    return _rules(process, table, facts).unenforced


def _rules(process: SalesProcess, table: Any, facts: Mapping[str, str] | None) -> Rules:
    if isinstance(table, str):
        return rules_of(process, asker(table, None, facts))
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - the extra that the table comes from

    dialect: Any = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]
    # As the server has been since version 9.1; SQLAlchemy learns it when it connects.
    dialect._backslash_escapes = False  # noqa: SLF001
    return rules_of(process, asker(table, dialect, facts))


def _checks(process: SalesProcess, rules: Rules) -> Iterator[str]:
    start = next(way for way in rules.ways if way.source is None)
    yield "  IF was IS NULL THEN"
    yield from _of_source(f"a new deal starts in {start.dest}", (start,))
    for source, ways in rules.from_each(process):
        yield f"  ELSIF was = {literal(source)} THEN"
        yield from _of_source(refused(source, ways), ways)
    yield "  ELSE refusal := 'the deal is in a stage that the process has not';"
    yield "  END IF;"


def _of_source(allowed: str, ways: tuple[Way, ...]) -> Iterator[str]:
    """Assigns the refusal of a change out of one stage: none where a way is open."""
    if not ways:
        yield f"    refusal := {literal(allowed)};"
        return
    yield "    refusal := CASE"
    for way in ways:
        condition = way.condition() or "true"
        yield f"      WHEN wanted = {literal(way.dest)} AND ({condition}) THEN NULL"
        yield f"      WHEN wanted = {literal(way.dest)} THEN {literal(f'the way to {way.dest} asks for ')}"
        yield f"        || concat_ws(', ', {_missing(way)}) || {literal(f'; {allowed}')}"
    no_way = "' is not one of its ways out'"
    yield f"      ELSE {literal(allowed)} || '; ' || coalesce(quote_literal(wanted), 'no stage') || {no_way} END;"


def _missing(way: Way) -> str:
    """SQL for the names of the criteria that are not met."""
    asked = {key: condition for move in way.asked for key, condition in move.items()}
    return ", ".join(f"CASE WHEN NOT {condition} THEN {literal(key)} END" for key, condition in asked.items()) or "NULL"


def _record(process: SalesProcess, rules: Rules, history: str, deal: str) -> str:
    """The statement that writes the history row; the deal's row is locked by now, so no number is used twice."""
    own = ", ".join(literal(text) for text in (process.key, str(process.version), process.fingerprint))
    return (
        f'  INSERT INTO {history} ("deal", "seq", "process", "version", "fingerprint", "trigger", "source", "dest",\n'
        f'    "at", "by", "reason")\n'
        f'  VALUES ({deal}, 1 + (SELECT coalesce(max(log."seq"), 0) FROM {history} AS log WHERE log."deal" = {deal}),\n'
        f"    {own}, {trigger_of(rules, 'was', 'wanted')}, was, wanted, clock_timestamp(),\n"
        "    coalesce(nullif(current_setting('salesprocess.by', true), ''), session_user),\n"
        "    nullif(current_setting('salesprocess.reason', true), ''));"
    )


def _history_table(history: str) -> str:
    return (
        f'CREATE TABLE IF NOT EXISTS {history} (\n  "deal" text NOT NULL, "seq" bigint NOT NULL,\n'
        '  "process" text NOT NULL, "version" text NOT NULL, "fingerprint" text NOT NULL,\n'
        '  "trigger" text, "source" text, "dest" text NOT NULL, "at" timestamptz NOT NULL,\n'
        '  "by" text, "reason" text, UNIQUE ("deal", "seq")\n);\n'
    )


def _mark(body: str) -> str:
    """A quotation mark for the function's body that is not in it, whatever names and texts are."""
    mark = "$guard$"
    while mark in body:
        mark = f"{mark[:-1]}_$"
    return mark
