"""The same calls on PySpark and on Dask give the same numbers.

The log is as bad as logs are: ties, gaps in every column, stages that the process lacks, deals won twice, rows in no
order and the rows of a deal in several partitions. Spark's session is in a zone with summer time, not in UTC.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from math import isnan
from pathlib import Path
from random import Random
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import Criterion, DealError, Engine, SalesProcess, Stage, fact, frames, now  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "pipedrive" / "deal_changes.csv"
DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
MIDDLE = FIRST + 15 * DAY
PROCESS = SalesProcess.linear(
    key="short",
    back="with_reason",
    stages=[
        Stage(key="lead", phase="top", probability=0.1, time_limit=10 * DAY),
        Stage(key="talk", phase="middle", probability=0.3),
        Stage(key="offer", phase="middle", probability=0.6),
        Stage(key="won", kind="won", phase="after"),
        Stage(key="later", kind="on_hold"),
        Stage(key="unfit", kind="disqualified"),
    ],
)
USUAL = ["lead", "lead", "talk", "talk", "offer", "offer", "won", "lost"]
ODD = ["later", "unfit", "nowhere", None]
SCHEMA = {
    "deal": pl.String,
    "stage": pl.String,
    "at": pl.Datetime("us", "UTC"),
    "owner": pl.String,
    "amount": pl.Float64,
    "currency": pl.String,
    "reason": pl.String,
    "version": pl.Int64,
}


def journey(deal: str, random: Random) -> Iterator[tuple[Any, ...]]:
    """The changes of one deal; now and then two at one time, and one a microsecond later."""
    owner, amount = random.choice(["ana", "ben", None]), random.choice([None, 100.0, 250.5])
    at = FIRST + random.randrange(30) * DAY
    steps = random.randrange(1, 8)
    for step in range(steps):
        at += random.choice([0 * DAY, timedelta(microseconds=1), DAY, 2.5 * DAY])
        stage = random.choice([*USUAL, *ODD]) if step else random.choice(["lead", "lead", "talk", None])
        stage = random.choice(["won", "lost", stage]) if step == steps - 1 else stage
        reason = random.choice(["price", None]) if stage in {"lost", "unfit"} else None
        currency = random.choice(["EUR", "USD", None]) if step == 0 else "EUR"
        yield (deal, stage, at, owner, amount, currency, reason, 1 + step % 2)


def messy_log(deals: int = 60, seed: int = 7) -> Any:
    random = Random(seed)  # noqa: S311 - the same log each time, no secret
    rows = [row for n in range(deals) for row in journey(f"d{n}", random)]
    rows += [(None, "talk", FIRST, "ana", 1.0, "EUR", None, 1), ("d0", "won", None, "ben", 1.0, "EUR", None, 1)]
    random.shuffle(rows)
    log = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    return log.unique(["deal", "stage", "at"], maintain_order=True)


LOG = messy_log()
METRICS: dict[str, Callable[[Any], Any]] = {
    "spells": lambda log: frames.spells(PROCESS, log),
    "spells then": lambda log: frames.spells(PROCESS, log, at=MIDDLE),
    "conform": lambda log: frames.conform(PROCESS, log),
    "conform versions": lambda log: frames.conform({1: PROCESS, 2: PROCESS.with_version(2)}, log),
    "entered": lambda log: frames.funnel(PROCESS, log, measure="entered"),
    "reached by two": lambda log: frames.funnel(PROCESS, log, by=["owner", "currency"]),
    "skipped phases": lambda log: frames.funnel(PROCESS, log, measure="skipped", per="phase", by="owner"),
    "reentered": lambda log: frames.funnel(PROCESS, log, measure="reentered", at=MIDDLE),
    "conversion": lambda log: frames.conversion(PROCESS, log),
    "conversion by": lambda log: frames.conversion(PROCESS, log, measure="entered", per="phase", by="owner"),
    "time_in_stage": lambda log: frames.time_in_stage(PROCESS, log),
    "cumulative by": lambda log: frames.time_in_stage(PROCESS, log, which="cumulative", by="owner", at=MIDDLE),
    "stalled": lambda log: frames.stalled(PROCESS, log),
    "outcomes": lambda log: frames.outcomes(PROCESS, log),
    "win_rate": lambda log: frames.win_rate(PROCESS, log),
    "win_rate by": lambda log: frames.win_rate(PROCESS, log, by="owner"),
    "loss_reasons": lambda log: frames.loss_reasons(PROCESS, log, by="owner"),
    "velocity": lambda log: frames.velocity(PROCESS, log, by="owner"),
    "cohorts": lambda log: frames.cohorts(PROCESS, log, within=[5, 20], by="owner"),
    "chances": lambda log: frames.chances(PROCESS, log),
    "forecast": lambda log: frames.forecast(PROCESS, log, by="owner"),
    "calibration": lambda log: frames.calibration(PROCESS, log, at=MIDDLE),
    "backtest": lambda log: frames.backtest(PROCESS, log, at=[MIDDLE]),
    "bottleneck": lambda log: frames.bottleneck(PROCESS, log),
    "variants": lambda log: frames.variants(PROCESS, log, longest=3),
    "to_pm4py": frames.to_pm4py,
}
SORTED = ("conversion by", "reached by two", "stalled", "variants", "loss_reasons")


def collected(frame: Any, *columns: str) -> list[tuple[str, ...]]:
    """A result as rows of text, in the order that the engine has them in."""
    import narwhals.stable.v2 as nw

    found = nw.from_native(frame).lazy().collect()
    return [tuple(map(plain, row)) for row in (found.select(*columns) if columns else found).iter_rows()]


def rows(frame: Any, *columns: str) -> list[tuple[str, ...]]:
    return sorted(collected(frame, *columns))


def plain(value: Any) -> str:
    if value is None or type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and isnan(value)):
        return "null"
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).replace(tzinfo=None).isoformat()
    return str(round(float(value), 9)) if isinstance(value, int | float) else str(value)


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    if shutil.which("java") is None:
        pytest.skip("Java is not on this machine")
    sql = pytest.importorskip("pyspark.sql")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    # Small frames: to compile each plan takes longer than to interpret it.
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        "spark.sql.session.timeZone": "Europe/Berlin",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    }
    builder = sql.SparkSession.builder.master("local[2]")
    for name, value in settings.items():
        builder = builder.config(name, value)
    made = builder.getOrCreate()
    made.sparkContext.setLogLevel("ERROR")
    yield made
    made.stop()


@pytest.fixture(scope="module", params=["Spark", "Dask"])
def engine(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    """What makes a polars frame one of the engine's, in several partitions."""
    if request.param == "Spark":
        spark = request.getfixturevalue("session")
        return lambda frame: spark.createDataFrame(frame.to_arrow()).repartition(4)
    return in_dask


@pytest.fixture(scope="module", autouse=True)
def _dask_in_one_thread() -> Iterator[None]:
    if find_spec("dask") is None:
        yield
        return
    import dask

    with dask.config.set(scheduler="synchronous"):
        yield


def in_dask(frame: Any, partitions: int = 3) -> Any:
    dask = pytest.importorskip("dask.dataframe")
    return dask.from_pandas(frame.to_pandas().convert_dtypes(), npartitions=partitions, sort=False)


@pytest.fixture(scope="module")
def log(engine: Callable[[Any], Any]) -> Any:
    made = engine(LOG)
    return made.cache() if hasattr(made, "cache") else made.persist()


class TestMetrics:
    @pytest.mark.parametrize("metric", METRICS)
    def test_give_the_same_numbers_as_on_one_machine(self, log: Any, metric: str) -> None:
        found, expected = collected(METRICS[metric](log)), collected(METRICS[metric](LOG))
        assert sorted(found) == sorted(expected)
        if metric in SORTED:
            assert found == expected

    def test_take_spells_in_place_of_the_log(self, log: Any) -> None:
        made = frames.spells(PROCESS, log)
        assert rows(METRICS["time_in_stage"](made)) == rows(METRICS["time_in_stage"](LOG))

    def test_of_a_log_without_rows_have_none(self, engine: Callable[[Any], Any]) -> None:
        made = engine(LOG.clear())
        for metric in ("spells", "stalled", "win_rate"):
            assert rows(METRICS[metric](made)) == rows(METRICS[metric](LOG.clear()))

    def test_discover_the_same_process(self, log: Any) -> None:
        kinds: dict[str, list[str]] = {"won": ["won"], "lost": ["lost"], "disqualified": ["unfit"]}
        assert frames.discover(log, **kinds) == frames.discover(LOG, **kinds)

    def test_write_the_same_logs_for_other_tools(self, log: Any) -> None:
        pages = io.StringIO(), io.StringIO()
        frames.to_xes(log, pages[0])
        frames.to_xes(LOG, pages[1])
        assert pages[0].getvalue() == pages[1].getvalue()
        assert frames.to_ocel(PROCESS, log) == frames.to_ocel(PROCESS, LOG)

    def test_make_the_same_report(self, session: Any) -> None:
        pytest.importorskip("matplotlib")
        few = LOG.select("deal", "stage", "at").head(60)
        made = session.createDataFrame(few.to_arrow()).cache()
        pages = [frames.report(PROCESS, each, at=MIDDLE) for each in (made, few)]
        words = [re.sub(r"(?s)<svg.*?</svg>", "", page) for page in pages]
        assert words[0] == words[1]

    def test_are_drawn_from_a_frame_of_the_engine(self, log: Any) -> None:
        pytest.importorskip("matplotlib")
        from salesprocess.frames import plots

        bars = [[bar.get_width() for bar in plots.funnel(METRICS["entered"](each)).patches] for each in (log, LOG)]
        assert bars[0] == bars[1] != []

    def test_stay_lazy_frames_of_the_engine(self, log: Any) -> None:
        assert {type(METRICS[metric](log)) for metric in ("spells", "variants", "chances")} == {type(log)}


class TestOrder:
    """The order of the rows and the number of partitions never change a number."""

    METRICS = ("spells", "forecast")

    @pytest.mark.parametrize("seed", range(3))
    def test_of_rows_changes_nothing_in_memory(self, seed: int) -> None:
        shuffled = LOG.sample(fraction=1.0, shuffle=True, seed=seed)
        for metric, reckon in METRICS.items():
            assert rows(reckon(shuffled)) == rows(reckon(LOG)), metric

    @pytest.mark.parametrize("partitions", [1, 5])
    def test_and_partitions_change_nothing_on_dask(self, partitions: int) -> None:
        shuffled = in_dask(LOG.sample(fraction=1.0, shuffle=True, seed=partitions), partitions)
        assert shuffled.npartitions == partitions
        for metric in self.METRICS:
            assert rows(METRICS[metric](shuffled)) == rows(METRICS[metric](LOG)), metric

    @pytest.mark.parametrize("partitions", [1, 5])
    def test_and_partitions_change_nothing_on_spark(self, session: Any, partitions: int) -> None:
        spark = session.newSession()
        spark.conf.set("spark.sql.shuffle.partitions", partitions)
        shuffled = spark.createDataFrame(LOG.sample(fraction=1.0, shuffle=True, seed=partitions).to_arrow())
        for metric in self.METRICS:
            assert rows(METRICS[metric](shuffled.repartition(partitions))) == rows(METRICS[metric](LOG)), metric

    def test_of_rows_of_one_time_is_that_of_the_process(self, engine: Callable[[Any], Any]) -> None:
        tied = [("a", stage, FIRST) for stage in ("won", "offer", "lead", "talk")]
        made = engine(pl.DataFrame(tied, schema=["deal", "stage", "at"], orient="row"))
        assert rows(frames.variants(PROCESS, made, longest=4), "variant") == [("lead > talk > offer > won",)]
        assert rows(frames.conform(PROCESS, made), "verdict", "tie") == [("legal", "0.0"), *[("legal", "1.0")] * 3]


class TestConform:
    def test_names_what_each_move_is(self, engine: Callable[[Any], Any]) -> None:
        stages = ["talk", "lead", "lead", "nowhere", "talk", "won", "lost", "later", "unfit", "offer", None]
        log = pl.DataFrame({"deal": "a", "stage": stages, "at": [FIRST + n * DAY for n in range(11)]})
        found = collected(frames.conform(PROCESS, engine(log)), "at", "verdict")
        assert [verdict for _, verdict in sorted(found)] == [
            "skip",
            "legal",
            "repeat",
            "unknown_stage",
            "unknown_stage",
            "skip",
            "after_closing",
            "after_closing",
            "illegal_move",
            "legal",
            "unknown_stage",
        ]

    def test_goes_by_seq_against_the_clock(self, engine: Callable[[Any], Any]) -> None:
        times = [FIRST, FIRST - DAY, FIRST - DAY]
        log = pl.DataFrame({"deal": [1, 1, 1], "seq": [1, 2, 3], "at": times, "stage": ["lead", "talk", "lead"]})
        found = frames.conform(PROCESS, engine(log.sample(fraction=1.0, shuffle=True, seed=3)))
        assert rows(found, "seq", "verdict", "clock_back", "tie") == [
            ("1.0", "legal", "0.0", "0.0"),
            ("2.0", "legal", "1.0", "0.0"),
            ("3.0", "legal", "0.0", "1.0"),
        ]


class TestTimes:
    """A time without a zone is UTC, and a month is one of UTC, whatever zone the session is in."""

    METRICS = ("spells then", "cohorts", "stalled", "backtest")

    @pytest.mark.parametrize("metric", METRICS[:2])
    def test_of_dates_are_midnight(self, engine: Callable[[Any], Any], metric: str) -> None:
        days = LOG.with_columns(pl.col("at").dt.date()).unique(["deal", "stage", "at"], maintain_order=True)
        assert rows(METRICS[metric](engine(days))) == rows(METRICS[metric](days))

    @pytest.mark.parametrize("metric", METRICS)
    def test_without_a_zone_are_utc_on_spark(self, session: Any, metric: str) -> None:
        assert rows(METRICS[metric](without_zone(session, LOG, "at"))) == rows(METRICS[metric](LOG))

    def test_without_a_zone_are_utc_on_dask(self) -> None:
        naive = LOG.with_columns(pl.col("at").dt.replace_time_zone(None))
        assert rows(METRICS["cohorts"](in_dask(naive))) == rows(METRICS["cohorts"](LOG))

    @pytest.mark.parametrize("day", ["1969-12-31", "2024-02-29", "2100-03-01"])
    def test_have_months_of_utc_to_the_last_microsecond(self, engine: Callable[[Any], Any], day: str) -> None:
        last = datetime.fromisoformat(day).replace(tzinfo=UTC) + DAY - timedelta(microseconds=1)
        made = engine(pl.DataFrame({"deal": ["a"], "stage": ["lead"], "at": [last]}))
        assert rows(frames.cohorts(PROCESS, made), "month") == [(day[:7],)]

    def test_in_the_hour_that_summer_time_takes_are_told_apart(self, session: Any) -> None:
        # 02:30 is no time of Berlin on this day, and both would be read as half past three.
        hours = [datetime(2026, 3, 29, hour, 30, tzinfo=UTC) for hour in (2, 3)]
        log = pl.DataFrame({"deal": "a", "stage": ["lead", "talk"], "at": hours})
        found = frames.spells(PROCESS, without_zone(session, log, "at"))
        assert rows(found, "nth", "days") == [("1.0", str(round(1 / 24, 9))), ("2.0", "null")]


def without_zone(session: Any, frame: Any, column: str) -> Any:
    """A Spark frame whose column is a TIMESTAMP_NTZ with the clock of UTC."""
    clock = pl.col(column).dt.to_string("%Y-%m-%d %H:%M:%S%.6f")
    made = session.createDataFrame(frame.with_columns(clock).to_arrow())
    made = made.selectExpr("* EXCEPT (`" + column + "`)", f"CAST(`{column}` AS TIMESTAMP_NTZ) AS `{column}`")
    assert made.schema[column].dataType.typeName() == "timestamp_ntz"
    return made.select(*frame.columns)


GATED = SalesProcess.linear(
    key="gated",
    stages=[
        Stage(key="lead", exit_criteria=[fact("fits").is_true(), fact("source").one_of("web", "fair")]),
        Stage(
            key="talk",
            exit_criteria=[
                Criterion(key="budget", rule=fact("amount") >= 1000, when=fact("fits").is_true()),
                Criterion(key="advice", rule=fact("source").is_known(), severity="advisory"),
                Criterion(key="kleene", rule=fact("fits").is_true() | ~(fact("amount") > 5)),
                Criterion(key="glob", rule=fact("source").matches("w*b")),
                Criterion(key="champion", rule=fact("roles").contains("champion")),
                Criterion(key="no_user", rule=~fact("roles").contains("user")),
                Criterion(key="two_roles", rule=fact("roles").count() >= 2),
                Criterion(key="many_roles", rule=fact("roles").distinct() > 1),
            ],
        ),
        Stage(key="offer", exit_criteria=[Criterion(key="signed", rule=fact("signed_at").before(now()))]),
        Stage(key="won", kind="won"),
    ],
)
DEAL = {
    "stage": ["lead", "talk", "talk", "offer", "won", "lost"],
    "fits": [None, True, False],
    "source": [None, "web", "w b", "fair", "we"],
    "amount": [None, 0.5, 999.0, 1000.0],
    "roles": [None, [], ["champion"], ["user", None], ["champion", "user"], ["user", "user"]],
    "signed_at": [None, FIRST - DAY, FIRST - timedelta(minutes=30), FIRST + timedelta(minutes=30)],
}


def make_deals(count: int = 120) -> list[dict[str, Any]]:
    random = Random(5)  # noqa: S311 - the same deals each time, no secret
    return [{name: random.choice(values) for name, values in DEAL.items()} for _ in range(count)]


DEALS = make_deals()
TABLE = pl.DataFrame(
    [deal | {"n": n} for n, deal in enumerate(DEALS)],
    schema={
        "n": pl.Int64,
        "stage": pl.String,
        "fits": pl.Boolean,
        "source": pl.String,
        "amount": pl.Float64,
        "roles": pl.List(pl.String),
        "signed_at": pl.Datetime("us", "UTC"),
    },
)


def lacking(found: Any) -> dict[int, tuple[bool, list[str]]]:
    """What each deal lacks, by its number."""
    import narwhals.stable.v2 as nw

    table = nw.from_native(found).lazy().collect().select("n", "may_advance", "lacks")
    lists = {n: [] if lacks is None or isinstance(lacks, float) else list(lacks) for n, _, lacks in table.iter_rows()}
    return {int(n): (bool(may), lists[n]) for n, may, _ in table.iter_rows()}


def decided() -> dict[int, tuple[bool, list[str]]]:
    """The same from the engine, deal by deal."""
    engine, triggers = Engine(GATED), {"lead": "advance", "talk": "advance", "offer": "win"}
    decisions = {
        n: engine.check(deal, triggers[deal["stage"]], at=FIRST)
        for n, deal in enumerate(DEALS)
        if deal["stage"] in triggers
    }
    return {n: (one.allowed, [finding.key for finding in one.unmet]) for n, one in decisions.items()}


class TestGate:
    def test_on_spark_is_the_engines_on_each_deal(self, session: Any) -> None:
        made = session.createDataFrame(TABLE.to_arrow()).repartition(3)
        assert lacking(frames.gate(GATED, made, at=FIRST)) == decided()

    def test_on_spark_compares_times_without_a_zone_as_utc(self, session: Any) -> None:
        made = without_zone(session, TABLE, "signed_at")
        assert lacking(frames.gate(GATED, made, at=FIRST)) == decided()

    def test_on_dask_is_the_engines_on_each_deal(self) -> None:
        found = frames.gate(GATED, arrow_in_dask(TABLE), at=FIRST)
        assert found.npartitions == 3
        assert lacking(found) == decided()

    def test_has_a_column_a_criterion_that_is_null_where_it_is_not_asked(self, engine: Callable[[Any], Any]) -> None:
        table = pl.DataFrame({"stage": ["lead", "offer", "lead"], "fits": [True, None, False], "need": [1, None, None]})
        short = SalesProcess.linear(
            key="short",
            stages=[
                Stage(key="lead", exit_criteria=[fact("fits").is_true(), fact("need").is_known()]),
                Stage(key="offer", exit_criteria=fact("need") > 0),
                Stage(key="won", kind="won"),
            ],
        )
        for each in (table, engine(table)):
            assert rows(frames.gate(short, each), "to", "met_fits", "met_need", "may_advance") == [
                ("offer", "0.0", "0.0", "0.0"),
                ("offer", "1.0", "1.0", "1.0"),
                ("won", "null", "0.0", "0.0"),
            ]

    def test_bools_that_dask_made_text_are_refused(self) -> None:
        dask = pytest.importorskip("dask.dataframe")
        loose = dask.from_pandas(TABLE.select("stage", "fits", "source").to_pandas(), npartitions=2)
        with pytest.raises(DealError, match="fits is text in this Dask frame.*convert_dtypes"):
            frames.gate(GATED, loose)


def arrow_in_dask(frame: Any) -> Any:
    dask, pandas = pytest.importorskip("dask.dataframe"), pytest.importorskip("pandas")
    return dask.from_pandas(frame.to_arrow().to_pandas(types_mapper=pandas.ArrowDtype), npartitions=3)


PAGE = ROOT / "docs" / "clusters.md"


class TestPage:
    """The page about clusters says what comes out."""

    @pytest.mark.parametrize(("begins", "engine"), [('master("local[2]")', "pyspark"), ("from_pandas(", "dask")])
    def test_shows_what_its_programs_print(
        self, request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], begins: str, engine: str
    ) -> None:
        pytest.importorskip(engine)
        if engine == "pyspark":
            request.getfixturevalue("session")
        blocks = re.findall(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
        (place,) = (place for place, block in enumerate(blocks) if begins in block)
        capsys.readouterr()
        exec(compile(blocks[place], str(PAGE), "exec"), {})  # noqa: S102 - our own page
        printed = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
        assert printed == [line.strip() for line in blocks[place + 1].splitlines()]


class TestMistakes:
    """They are told of before anything runs, as on one machine."""

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"at": "att"}, "no column 'at'; did you mean 'att'"),
            ({"owner": "owners"}, "no column 'owner'; did you mean 'owners'"),
        ],
    )
    def test_a_missing_column_names_the_nearest(
        self, engine: Callable[[Any], Any], change: dict[str, str], message: str
    ) -> None:
        with pytest.raises(DealError, match=message):
            frames.funnel(PROCESS, engine(LOG.rename(change)), by="owner")

    def test_times_as_text_and_stages_as_numbers_are_refused(self, engine: Callable[[Any], Any]) -> None:
        with pytest.raises(DealError, match="at holds times, found String: parse it first"):
            frames.spells(PROCESS, engine(LOG.with_columns(pl.col("at").cast(pl.String))))
        with pytest.raises(DealError, match="stage holds keys of stages"):
            frames.spells(PROCESS, engine(LOG.with_columns(stage=pl.lit(1))))

    def test_codes_are_for_frames_in_memory(self, engine: Callable[[Any], Any]) -> None:
        coded = LOG.select("deal", stage=pl.lit(1))
        with pytest.raises(DealError, match="expected a frame of polars or pandas, found .*: conform takes the others"):
            frames.conform_codes(PROCESS, engine(coded))

    def test_a_dot_in_the_name_of_a_column_is_refused_on_spark(self, session: Any) -> None:
        made = session.createDataFrame([("lead", "x")], ["stage", "contact.email"])
        with pytest.raises(DealError, match=r"the column 'contact.email' .* rename it, such as 'contact_email'"):
            frames.gate(PROCESS, made)


KEYS = (
    "lead_generation",
    "qualified_lead",
    "needs_assessment",
    "proposal",
    "negotiation",
    "closing",
    "implementation",
    "follow_up",
    "renewal",
)


@pytest.mark.skipif(not SHARED.exists(), reason="the shared log is not on this machine")
class TestSharedLog:
    """A public log of 2,000 deals in nine stages, five of whose ids are used twice."""

    process = SalesProcess.linear(
        key="nine", back="forbid", stages=[*(Stage(key=key) for key in KEYS), Stage(key="won", kind="won")]
    )

    @pytest.fixture(scope="class")
    def named(self, engine: Callable[[Any], Any]) -> Any:
        field = pl.col("changed_field_key")
        raw = pl.read_csv(SHARED).with_row_index("row").filter(field.is_in(["add_time", "stage_id", "lost_reason"]))
        stage = pl.when(field == "stage_id").then("new_value").when(field == "lost_reason").then(pl.lit("lost"))
        at = pl.col("change_time").str.to_datetime(time_zone="UTC")
        raw = raw.with_columns(stage.alias("stage"), at=at, fresh=field == "add_time", row=pl.col("row").cast(pl.Int64))
        raw = raw.select("row", "deal_id", "at", "stage", "fresh").sample(fraction=1.0, shuffle=True, seed=1)
        numbered = {str(number): key for number, key in enumerate(KEYS, 1)}
        made = frames.events(engine(raw), deal="deal_id", seq="row", starts="fresh", stages=numbered)
        return made.cache() if hasattr(made, "cache") else made.persist()

    @pytest.fixture(scope="class")
    def spells(self, named: Any) -> Any:
        made = frames.spells(self.process, named)
        return made.cache() if hasattr(made, "cache") else made.persist()

    @pytest.mark.parametrize(
        ("measure", "deals"),
        [
            ("entered", [2000, 1483, 1308, 1087, 895, 741, 588, 479, 325]),
            ("reached", [2000, 1995, 1956, 1867, 1697, 1427, 1083, 725, 325]),
            ("skipped", [0, 512, 648, 780, 802, 686, 495, 246, 0]),
        ],
    )
    def test_counts_come_out_to_the_digit(self, spells: Any, measure: Any, deals: list[int]) -> None:
        found = collected(frames.funnel(self.process, spells, measure=measure), "deals")
        assert [int(float(count)) for (count,) in found] == [*deals, 0]

    def test_counts_come_from_the_log_itself_too(self, named: Any) -> None:
        found = collected(frames.funnel(self.process, named, measure="entered"), "deals")
        assert [int(float(count)) for (count,) in found] == [2000, 1483, 1308, 1087, 895, 741, 588, 479, 325, 0]

    def test_moves_that_skip_are_2501_of_6906_and_none_goes_back(self, named: Any) -> None:
        verdicts = collected(frames.conform(self.process, named), "verdict", "previous", "stage")
        onward = [verdict for verdict, previous, stage in verdicts if previous != "null" and stage != "lost"]
        assert len(onward) == 6906
        assert (onward.count("legal"), onward.count("skip"), onward.count("backward")) == (4405, 2501, 0)

    def test_median_days_are_those_of_the_table(self, spells: Any) -> None:
        found = collected(frames.time_in_stage(self.process, spells), "median_days")
        assert [float(days) for (days,) in found] == [16, 15, 16, 16, 16, 16, 16, 16, 15]
