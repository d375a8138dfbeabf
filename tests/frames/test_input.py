"""What a new user does wrong gets an error that says what is expected; what is odd but right gets a number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import DealError, frames  # noqa: E402 - behind the skip
from salesprocess.catalog.seven_stage import SEVEN_STAGE as PROCESS  # noqa: E402
from tests.frames.conftest import rows  # noqa: E402

LOG = pl.DataFrame(frames.example_log())
TWELFTH = datetime(2026, 1, 12, tzinfo=UTC)


def objects(frame: Any) -> Any:
    return pytest.importorskip("pandas").DataFrame(frame.to_dict(as_series=False))


KINDS: dict[str, Callable[[Any], Any]] = {
    "polars": lambda frame: frame,
    "polars lazy": lambda frame: frame.lazy(),
    "pandas": lambda frame: pytest.importorskip("pandas") and frame.to_pandas(),
    "pandas objects": objects,
    "pyarrow": lambda frame: frame.to_arrow(),
    "DuckDB": lambda frame: pytest.importorskip("duckdb").from_arrow(frame.to_arrow()),
}
METRICS: dict[str, Callable[..., Any]] = {
    "spells": frames.spells,
    "funnel": frames.funnel,
    "conversion": frames.conversion,
    "time_in_stage": frames.time_in_stage,
    "stalled": frames.stalled,
    "outcomes": frames.outcomes,
    "win_rate": frames.win_rate,
    "loss_reasons": frames.loss_reasons,
    "velocity": frames.velocity,
    "cohorts": frames.cohorts,
    "variants": frames.variants,
    "chances": frames.chances,
    "bottleneck": frames.bottleneck,
    "forecast": frames.forecast,
}
GROUPED = ("funnel", "conversion", "time_in_stage", "win_rate", "loss_reasons", "velocity", "cohorts", "forecast")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    return KINDS[request.param]


def sorted_rows(frame: Any, *columns: str) -> list[tuple[Any, ...]]:
    """Return a result of any kind as sorted rows, with moments as seconds."""
    return sorted((tuple(map(as_seconds, row)) for row in rows(frame, *columns)), key=repr)


def as_seconds(value: Any) -> Any:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp() if isinstance(value, datetime) else value


@pytest.mark.parametrize("metric", METRICS)
def test_columns_without_a_value_count_the_same_everywhere(metric: str) -> None:
    blank = LOG.with_columns(pl.lit(None).alias(name) for name in ("reason", "owner", "amount", "currency"))
    assert blank.schema["reason"] == pl.Null
    found = {name: sorted_rows(METRICS[metric](PROCESS, make(blank))) for name, make in KINDS.items()}
    assert all(each == found["polars"] for each in found.values())


@pytest.mark.parametrize("metric", GROUPED)
def test_a_group_without_a_value_is_a_group(metric: str) -> None:
    owned = pl.when(pl.col("deal").is_in(["a", "d"])).then("owner")
    mixed, named = LOG.with_columns(owner=owned), LOG.with_columns(owner=owned.otherwise(pl.lit("nobody")))
    expected = [
        tuple(None if value == "nobody" else value for value in row)
        for row in sorted_rows(METRICS[metric](PROCESS, named, by="owner"))
    ]
    assert None in {row[0] for row in expected}
    for make in KINDS.values():
        assert sorted_rows(METRICS[metric](PROCESS, make(mixed), by="owner")) == sorted(expected, key=repr)


def test_nan_is_no_amount(kind: Callable[[Any], Any]) -> None:
    amount = pl.when(pl.col("deal").is_in(["a", "c"])).then(float("nan")).otherwise("amount")
    log = kind(LOG.with_columns(amount=amount))
    assert sorted_rows(frames.forecast(PROCESS, log), "deals", "without_amount", "amount") == [(2, 1, 8000.0)]
    assert sorted_rows(frames.velocity(PROCESS, log), "mean_amount", "velocity") == [(None, None)]
    assert sorted_rows(frames.loss_reasons(PROCESS, log), "amount") == [(4000.0,)]


@pytest.mark.parametrize("metric", ["spells", "funnel", "time_in_stage", "win_rate", "cohorts"])
def test_a_log_without_a_time_or_a_type_is_an_empty_log(metric: str, kind: Callable[[Any], Any]) -> None:
    untimed = kind(LOG.clear(LOG.height).drop("at").with_columns(at=pl.lit(None)))
    if "INTEGER" in map(str, getattr(untimed, "types", ())):
        pytest.skip("this DuckDB makes numbers of nulls")
    empty = sorted_rows(METRICS[metric](PROCESS, untimed))
    assert empty == sorted_rows(METRICS[metric](PROCESS, LOG.clear()))
    bare = pl.DataFrame({"deal": [], "stage": [], "at": []})
    assert len(sorted_rows(METRICS[metric](PROCESS, kind(bare)))) == len(empty)


def test_changes_of_no_deal_follow_none(kind: Callable[[Any], Any]) -> None:
    judged = frames.conform(PROCESS, kind(LOG.with_columns(deal=pl.lit(None, dtype=pl.String))))
    assert set(sorted_rows(judged, "verdict", "previous")) == {("incomplete", None)}


@pytest.mark.parametrize("metric", METRICS)
def test_numbers_or_text_for_deals_and_times_with_a_zone_or_without_are_alike(metric: str) -> None:
    numbered = LOG.with_columns(
        deal=pl.col("deal").replace_strict({"a": 1, "b": 2, "c": 3, "d": 4}), at=pl.col("at").dt.replace_time_zone(None)
    )
    texts = dict(enumerate("abcd", 1))
    found = sorted_rows(METRICS[metric](PROCESS, numbered, at=datetime(2026, 1, 20)))  # noqa: DTZ001 - without one is asked
    if metric in {"spells", "stalled", "outcomes"}:
        found = sorted(((texts[row[0]], *row[1:]) for row in found), key=repr)
    assert found == sorted_rows(METRICS[metric](PROCESS, LOG, at=datetime(2026, 1, 20, tzinfo=UTC)))


@pytest.mark.parametrize("metric", METRICS)
def test_rows_given_twice_count_once(metric: str) -> None:
    twice = pl.concat([LOG, LOG])
    assert sorted_rows(METRICS[metric](PROCESS, twice)) == sorted_rows(METRICS[metric](PROCESS, LOG))


@pytest.mark.parametrize("metric", [metric for metric in METRICS if metric != "spells"])
def test_a_process_with_other_stages_is_refused_with_the_nearest(metric: str) -> None:
    log = LOG.with_columns(pl.col("stage").str.to_titlecase())
    with pytest.raises(DealError, match="none of the log's stages .*did you mean 'closing'.*frames.events"):
        METRICS[metric](PROCESS, log)


def test_the_first_stages_of_a_log_may_be_unknown() -> None:
    strange = pl.concat([LOG.with_columns(stage=pl.lit("zzz"))] * 100 + [LOG])
    assert frames.funnel(PROCESS, strange).height == 7


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: frames.funnel(LOG, PROCESS), "process comes first, then the frame"),
        (lambda: frames.report(LOG, PROCESS), "process comes first, then the frame"),
        (lambda: frames.win_rate({1: PROCESS}, LOG), "conform alone takes several"),
        (lambda: frames.spells("seven", LOG), "expected a SalesProcess, found builtins.str"),
        (lambda: frames.conform("seven", LOG), "expected a SalesProcess, found builtins.str"),
        (lambda: frames.funnel(PROCESS, LOG, per="phases"), "unknown per 'phases'; did you mean 'phase'"),
        (lambda: frames.funnel(PROCESS, LOG, by="stage"), "by='stage': the result has a column of that name"),
        (lambda: frames.velocity(PROCESS, LOG, by="currency"), "by='currency': the result has a column"),
        (lambda: frames.funnel(PROCESS, LOG, by="ownr"), "no column 'ownr'; did you mean 'owner'"),
        (lambda: frames.funnel(PROCESS, LOG.rename({"owner": "_n"}), by="_n"), "begin with _ are in use"),
        (lambda: frames.win_rate(PROCESS, LOG.rename({"owner": "won"}), by="won"), "has a column 'won' itself"),
        (lambda: frames.spells(PROCESS, LOG.rename({"owner": "_place"})), "'_place', and so have the metrics"),
        (lambda: frames.funnel(PROCESS, LOG, at=date(2026, 1, 2)), "at is a moment, a datetime; found date 2026-01-02"),
        (lambda: frames.stalled(PROCESS, LOG, at="2026-01-02"), "at is a moment, a datetime; found str"),
        (lambda: frames.stalled(PROCESS, LOG, percentile=90), "percentile is a share .* found 90"),
        (lambda: frames.chances(PROCESS, LOG, interval=90), "interval is a share .* found 90"),
        (lambda: frames.calibration(PROCESS, LOG, at=TWELFTH, interval=-1), "interval is a share"),
        (lambda: frames.bottleneck(PROCESS, LOG, keep="a"), "keep is a share .* found 'a'"),
        (lambda: frames.bottleneck(PROCESS, LOG, keep=0), "keep is a share above 0, found 0"),
        (lambda: frames.backtest(PROCESS, LOG, at=TWELFTH), r"several moments, such as \[datetime"),
        (lambda: frames.backtest(PROCESS, LOG, at=[]), "several moments"),
        (lambda: frames.cohorts(PROCESS, LOG, within=30), r"such as \[30, 90\]; found 30"),
        (lambda: frames.cohorts(PROCESS, LOG, within=["30"]), "whole days"),
        (lambda: frames.variants(PROCESS, LOG, longest=2.5), "whole number from 1 to 40, found 2.5"),
        (lambda: frames.discover(LOG, won="closng"), "no deal moves to or from 'closng'.*did you mean 'closing'"),
        (lambda: frames.discover(LOG, won="lost", lost="lost"), "'lost' is named as won and as lost"),
        (lambda: frames.discover(LOG, won="closing", at_least=5), "at_least is a share"),
        (lambda: frames.events(LOG, deal="owner", owner="owner"), "'owner' is to be 'deal' and 'owner': give it twice"),
        (lambda: frames.events(LOG, stages=["lead"]), "stages maps the log's stages to keys"),
    ],
)
def test_what_is_asked_wrongly_is_refused_in_one_sentence(ask: Callable[[], Any], message: str) -> None:
    with pytest.raises(DealError, match=message):
        ask()


def test_a_forecast_can_be_grouped_by_a_date(kind: Callable[[Any], Any]) -> None:
    log = kind(LOG.with_columns(closes=pl.lit(date(2026, 3, 1))))
    ((closes, deals),) = sorted_rows(frames.forecast(PROCESS, log, by="closes"), "closes", "deals")
    assert (closes[:10], deals) == ("2026-03-01", 2)


def test_two_results_of_one_connection_do_not_change_each_other(kind: Callable[[Any], Any]) -> None:
    made = frames.spells(PROCESS, kind(LOG))
    reached, entered = (frames.funnel(PROCESS, made, measure=measure) for measure in ("reached", "entered"))
    assert sorted_rows(reached, "deals", "stage")[-2:] == [(3, "qualifying"), (4, "prospecting")]
    assert sorted_rows(entered, "deals", "stage")[-2:] == [(2, "qualifying"), (4, "prospecting")]
