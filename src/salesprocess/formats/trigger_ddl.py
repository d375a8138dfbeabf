"""The SQL that the triggers of all databases have in common: comments, messages, the history table and its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from salesprocess.formats.sql_names import literal, quoted
from salesprocess.formats.trigger_rules import AllowedChange, TriggerRules
from salesprocess.process import SalesProcess


def heading(process: SalesProcess, rules: TriggerRules) -> str:
    """Return comments that say what the DDL is for, and what it leaves to the application."""
    lines = [f"-- Stage changes of process {process.key}, version {json.dumps(str(process.version))}"]
    lines += [f"-- not enforced: {json.dumps(f'{each.path}: {each.message}')}" for each in rules.unenforced]
    return "\n".join(lines) + "\n"


def allowed_text(source: str, changes: Sequence[AllowedChange]) -> str:
    """Return the words for what is allowed from a stage, which a refusal says."""
    if not source:
        return f"a new deal starts in {changes[0].dest}"
    targets = ", ".join(change.dest for change in changes)
    return f"a deal in {source} may go to {targets}" if targets else f"a deal in {source} may go nowhere"


def history_table(history: str, *, deal: str, seq: str, text: str, at: str) -> str:
    """Return the statement that makes the history table where it is missing, with these types."""
    columns = [f'"deal" {deal} NOT NULL', f'"seq" {seq} NOT NULL']
    columns += [f'"{name}" {text} NOT NULL' for name in ("process", "version", "fingerprint")]
    columns += [f'"trigger" {text}', f'"source" {text}', f'"dest" {text} NOT NULL', f'"at" {at} NOT NULL']
    columns += [f'"by" {text}', f'"reason" {text}', 'UNIQUE ("deal", "seq")']
    listed = ",\n  ".join(columns)
    return f"CREATE TABLE IF NOT EXISTS {quoted(history)} (\n  {listed}\n);\n"


def insert_change(
    process: SalesProcess,
    rules: TriggerRules,
    history: str,
    *,
    deal: str,
    source: str,
    dest: str,
    others: Mapping[str, str],
) -> str:
    """Return the statement that writes a row of the history, of SQL expressions; `others` has them by column."""
    log = quoted(history)
    values = {
        "deal": deal,
        "seq": f'1 + (SELECT coalesce(max("log"."seq"), 0) FROM {log} AS "log" WHERE "log"."deal" = {deal})',
        "process": literal(process.key),
        "version": literal(str(process.version)),
        "fingerprint": literal(process.fingerprint),
        "trigger": _trigger_case(rules, source, dest),
        "source": source,
        "dest": dest,
        **others,
    }
    columns, listed = ", ".join(f'"{name}"' for name in values), ",\n    ".join(values.values())
    return f"  INSERT INTO {log} ({columns})\n  VALUES ({listed});"


def _trigger_case(rules: TriggerRules, source: str, dest: str) -> str:
    """Return SQL for the trigger of a change, null where several triggers make it."""
    cases = " ".join(
        f"WHEN {source} = {literal(change.source)} AND {dest} = {literal(change.dest)}"
        f" THEN {literal(change.triggers[0])}"
        for changes in rules.out_of.values()
        for change in changes
        if change.source and len(change.triggers) == 1
    )
    return f"CASE WHEN {source} IS NULL THEN {literal(rules.start.triggers[0])} {cases} END"
