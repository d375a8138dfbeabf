"""The process as SQLite triggers: an illegal change of stage is refused, whoever writes it."""

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
    """The DDL that guards a table of deals: two triggers, and the history table that they write to.

    A new row starts in the first stage, or in none; a changed one follows a move of the process. Given a SQLAlchemy
    table or a mapped class instead of a name, the criteria over its columns are enforced too; what is not is listed in
    comments at the top, and by `unenforced`. Safe to run again, which puts a new version in force.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> "a deal in closing may go to generating_referrals" in trigger_sql(SEVEN_STAGE, table="deal")
    True

    Raises:
        ValueError: for a name that SQL cannot have.
    """
    rules = _rules(process, table, facts)
    target, old, new = table_name(table), f"OLD.{quoted(column)}", f"NEW.{quoted(column)}"
    parts = [_history_table(history)]
    start = next(way for way in rules.ways if way.source is None)
    for event, when, checks, source in (
        ("INSERT", f"{new} IS NOT NULL", _checks_of("NULL", new, "", (start,)), "NULL"),
        ("UPDATE", f"{old} IS NOT {new}", _checks(process, rules, old, new, start), old),
    ):
        name = quoted(own_name(table, column, f"{event.lower()}_guard"))
        body = "\n".join([*checks, _record(process, rules, history, f"NEW.{quoted(key)}", source, new)])
        parts.append(
            f"DROP TRIGGER IF EXISTS {name};\nCREATE TRIGGER {name} AFTER {event} ON {target}\n"
            f"WHEN {when}\nBEGIN\n{body}\nEND;\n"
        )
    return heading(process, rules) + "\n".join(parts)


def unenforced(process: SalesProcess, *, table: Any, facts: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """What of the process the triggers cannot see to, each with its move: reasons, and criteria that are no SQL."""
    return _rules(process, table, facts).unenforced


def _rules(process: SalesProcess, table: Any, facts: Mapping[str, str] | None) -> Rules:
    if isinstance(table, str):
        return rules_of(process, asker(table, None, facts))
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - the extra that the table comes from

    return rules_of(process, asker(table, sqlite.dialect(paramstyle="named"), facts))


def _checks(process: SalesProcess, rules: Rules, old: str, new: str, start: Way) -> Iterator[str]:
    yield from _checks_of("NULL", new, f"{old} IS NULL AND ", (start,))
    for source, ways in rules.from_each(process):
        yield from _checks_of(source, new, f"{old} = {literal(source)} AND ", ways)
    known = ", ".join(literal(stage.key) for stage in process.stages)
    yield f"  SELECT RAISE(ABORT, 'the deal is in a stage that the process has not') WHERE {old} NOT IN ({known});"


def _checks_of(source: str, new: str, where: str, ways: tuple[Way, ...]) -> Iterator[str]:
    """Statements that refuse what leaves a stage by no way, and each way whose gate is not met."""
    allowed = f"a new deal starts in {ways[0].dest}" if source == "NULL" else refused(source, ways)
    targets = ", ".join(literal(way.dest) for way in ways)
    # RAISE takes no expression in most versions, so that there is one message a stage.
    unlisted = f"({new} IS NULL OR {new} NOT IN ({targets}))" if targets else "1"
    yield f"  SELECT RAISE(ABORT, {literal(allowed)}) WHERE {where}{unlisted};"
    for way in ways:
        condition = way.condition()
        if condition is not None:
            message = literal(f"the way to {way.dest} asks for {way.names()}; {allowed}")
            yield f"  SELECT RAISE(ABORT, {message}) WHERE {where}{new} = {literal(way.dest)} AND NOT ({condition});"


def _record(process: SalesProcess, rules: Rules, history: str, deal: str, source: str, new: str) -> str:
    """The statement that writes the history row."""
    log = quoted(history)
    own = ", ".join(literal(text) for text in (process.key, str(process.version), process.fingerprint))
    return (
        f'  INSERT INTO {log} ("deal", "seq", "process", "version", "fingerprint", "trigger", "source", "dest", "at")\n'
        f'  VALUES ({deal}, 1 + (SELECT coalesce(max("seq"), 0) FROM {log} WHERE "deal" = {deal}),\n'
        f"    {own}, {trigger_of(rules, source, new)}, {source}, {new}, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));"
    )


def _history_table(history: str) -> str:
    return (
        f'CREATE TABLE IF NOT EXISTS {quoted(history)} (\n  "deal" NOT NULL, "seq" INTEGER NOT NULL,\n'
        '  "process" TEXT NOT NULL, "version" TEXT NOT NULL, "fingerprint" TEXT NOT NULL,\n'
        '  "trigger" TEXT, "source" TEXT, "dest" TEXT NOT NULL, "at" TEXT NOT NULL,\n'
        '  "by" TEXT, "reason" TEXT, UNIQUE ("deal", "seq")\n);\n'
    )
