"""Names and texts as SQL writes them."""

from __future__ import annotations

import hashlib
from typing import Any

# PostgreSQL cuts a longer name, which could then be another one.
_LONGEST_NAME = 63


def table_of(table: Any) -> Any:
    """Return the SQLAlchemy table, also of a mapped class."""
    return getattr(table, "__table__", table)


def table_name(table: Any) -> str:
    """Return the table's name as SQL writes it, with its schema if it has one."""
    if isinstance(table, str):
        return quoted(table)
    found = table_of(table)
    return quoted(found.name) if found.schema is None else f"{quoted(found.schema)}.{quoted(found.name)}"


def own_name(table: Any, column: str, what: str) -> str:
    """Return a quoted name for what is made on a table, shortened to what PostgreSQL keeps of one."""
    name = table if isinstance(table, str) else table_of(table).name
    full = f"{name}_{column}_{what}"
    if len(full.encode()) > _LONGEST_NAME:
        digest = hashlib.sha256(full.encode()).hexdigest()[:12]
        full = f"{full.encode()[:45].decode(errors='ignore')}_{digest}"
    return quoted(full)


def quoted(name: str) -> str:
    """Return a name as SQL writes it.

    Raises:
        ValueError: for a name that no database accepts.
    """
    if not name or "\0" in name or len(name.encode()) > _LONGEST_NAME:
        raise ValueError(f"a name in SQL has 1 to {_LONGEST_NAME} bytes, none of them zero, found {name!r}")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Return a text as SQL writes it.

    Raises:
        ValueError: for a text with a zero byte, which SQL cannot write.
    """
    if "\0" in text:
        raise ValueError(f"a text in SQL has no zero byte, found {text!r}")
    return "'" + text.replace("'", "''") + "'"
