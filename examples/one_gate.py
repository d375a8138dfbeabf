"""The gate of one move, asked in Python, in SQL and in JSON Logic: one definition, one answer."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from salesprocess import Engine, SalesProcess, Stage, fact
from salesprocess.targets import jsonlogic, sqlalchemy

PROCESS = SalesProcess.linear(
    key="short",
    stages=[
        Stage(
            key="qualifying",
            exit_criteria=[fact("budget") >= 1_000, ~fact("country").one_of("XX", "YY"), fact("need").is_true()],
        ),
        Stage(key="won", kind="won"),
    ],
)
DEALS: list[dict[str, Any]] = [
    {"id": 1, "budget": 5_000, "country": "DE", "need": True},
    {"id": 2, "budget": 5_000, "country": None, "need": True},
    {"id": 3, "budget": 500, "country": None, "need": None},
    {"id": 4, "budget": None, "country": "XX", "need": True},
]

deals = sa.Table(
    "deal",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("budget", sa.Integer),
    sa.Column("country", sa.Text),
    sa.Column("need", sa.Boolean),
)


def in_sql(gate: Any) -> list[str]:
    """Return the answers of the gate as a column of a query."""
    engine = sa.create_engine("sqlite://")
    answer = sqlalchemy.compile_gate(gate, deals)
    with engine.begin() as connection:
        deals.metadata.create_all(connection)
        connection.execute(deals.insert(), DEALS)
        found = list(connection.scalars(sa.select(answer.status).order_by(deals.c.id)))
    engine.dispose()
    return found


def main() -> None:
    """Print the answers of Python and SQL, and the rule in JSON Logic."""
    gate = next(move.gate for move in PROCESS.moves() if move.trigger == "win")
    engine = Engine[dict[str, Any]](PROCESS)
    print("Python:    ", [engine.check({**deal, "stage": "qualifying"}, "win").kind for deal in DEALS])
    print("SQL:       ", in_sql(gate))
    print("JSON Logic:", json.dumps(jsonlogic.compile_gate(gate).met)[:100], "...")


if __name__ == "__main__":
    main()
