"""The process as SQLite triggers: an illegal change of stage is refused, whoever writes it."""

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
    """Return the DDL that guards a table of deals: two triggers, and the history table that they write to.

    A new row starts in the first stage, or in none; a changed one follows a move of the process. Given a SQLAlchemy
    table or a mapped class instead of a name, the criteria over its columns are enforced too; what is not is listed in
    comments at the top, and by `unenforced`. It is safe to run the DDL again, which puts a new version in force.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> "a deal in closing may go to generating_referrals" in trigger_sql(SEVEN_STAGE, table="deal")
    True

    Raises:
        ValueError: for a name that SQL cannot have.
    """
    rules = rules_of(process, table, facts, _dialect)
    target, old, new = table_name(table), f"OLD.{quoted(column)}", f"NEW.{quoted(column)}"
    parts = [history_table(history, deal="", seq="INTEGER", text="TEXT", at="TEXT")]
    for event, when, checks, source in (
        ("INSERT", f"{new} IS NOT NULL", _checks_from("", rules.out_of[""], new, ""), "NULL"),
        ("UPDATE", f"{old} IS NOT {new}", _checks(process, rules, old, new), old),
    ):
        name = own_name(table, column, f"{event.lower()}_guard")
        body = "\n".join([*checks, _insert_change(process, rules, history, f"NEW.{quoted(key)}", source, new)])
        parts.append(
            f"DROP TRIGGER IF EXISTS {name};\nCREATE TRIGGER {name} AFTER {event} ON {target}\n"
            f"WHEN {when}\nBEGIN\n{body}\nEND;\n"
        )
    return heading(process, rules) + "\n".join(parts)


def unenforced(process: SalesProcess, *, table: Any, facts: Mapping[str, str] | None = None) -> tuple[Problem, ...]:
    """Return what the triggers cannot enforce, each with its move: reasons, and criteria that SQL cannot say."""
    return rules_of(process, table, facts, _dialect).unenforced


def _dialect() -> Any:
    from sqlalchemy.dialects import sqlite  # noqa: PLC0415 - the extra that the table comes from

    return sqlite.dialect(paramstyle="named")


def _checks(process: SalesProcess, rules: TriggerRules, old: str, new: str) -> Iterator[str]:
    for source, changes in rules.out_of.items():
        leaves = f"{old} = {literal(source)}" if source else f"{old} IS NULL"
        yield from _checks_from(source, changes, new, f"{leaves} AND ")
    known = ", ".join(literal(stage.key) for stage in process.stages)
    message = literal(f"the deal is in a stage that process {process.key} does not have")
    yield f"  SELECT RAISE(ABORT, {message}) WHERE {old} NOT IN ({known});"


def _checks_from(source: str, changes: tuple[AllowedChange, ...], new: str, where: str) -> Iterator[str]:
    """Yield the statements that refuse a change out of one stage that no move makes, or whose gate is not met."""
    allowed = allowed_text(source, changes)
    targets = ", ".join(literal(change.dest) for change in changes)
    # RAISE takes no expression in most versions, so that there is one message a stage.
    unlisted = f"({new} IS NULL OR {new} NOT IN ({targets}))" if targets else "1"
    yield f"  SELECT RAISE(ABORT, {literal(allowed)}) WHERE {where}{unlisted};"
    for change in changes:
        condition = change.condition()
        if condition is not None:
            message = literal(f"the way to {change.dest} asks for {', '.join(change.criteria())}; {allowed}")
            is_made = f"{new} = {literal(change.dest)}"
            yield f"  SELECT RAISE(ABORT, {message}) WHERE {where}{is_made} AND NOT ({condition});"


def _insert_change(process: SalesProcess, rules: TriggerRules, history: str, deal: str, source: str, new: str) -> str:
    others = {"at": "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"}
    return insert_change(process, rules, history, deal=deal, source=source, dest=new, others=others)
