"""What CRMs are known to get wrong in their reports, each with the numbers that are right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import SalesProcess, Stage, frames  # noqa: E402 - behind the skip

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "pipedrive" / "deal_changes.csv"
PROCESS = SalesProcess.linear(
    key="short",
    stages=[
        Stage(key="lead", probability=0.2),
        Stage(key="talk", probability=0.4),
        Stage(key="offer", probability=0.6),
        Stage(key="won", kind="won"),
        Stage(key="lost", kind="lost", probability=0.9),
    ],
)
KINDS = ["polars", "polars lazy", "pandas", "pyarrow", "DuckDB"]


def as_kind(frame: Any, kind: str) -> Any:
    match kind:
        case "polars lazy":
            return frame.lazy()
        case "pandas":
            pytest.importorskip("pandas")
            return frame.to_pandas()
        case "pyarrow":
            return frame.to_arrow()
        case "DuckDB":
            connection = pytest.importorskip("duckdb").connect()
            connection.register("given", frame.to_arrow())
            connection.execute("CREATE TABLE log AS FROM given")
            return connection.table("log")
    return frame


def log_of(moves: str, **columns: list[Any]) -> Any:
    """A log out of text: `a lead 0, a talk 3` are deal, stage and day."""
    cells = [move.split() for move in moves.split(", ")]
    times = [FIRST + timedelta(days=float(day)) for _, _, day in cells]
    return pl.DataFrame({"deal": [c[0] for c in cells], "stage": [c[1] for c in cells], "at": times, **columns})


def column(frame: Any, *names: str) -> list[Any]:
    import narwhals.stable.v2 as nw

    rows = nw.from_native(frame).lazy().collect().select(*names).rows()
    return [row[0] if len(names) == 1 else row for row in rows]


def test_a_skip_does_not_look_like_falling_out() -> None:
    log = log_of("a lead 0, a offer 1, a won 2")
    assert column(frames.funnel(PROCESS, log, measure="entered"), "deals") == [1, 0, 1, 1]
    assert column(frames.funnel(PROCESS, log, measure="reached"), "deals") == [1, 1, 1, 1]
    assert column(frames.conversion(PROCESS, log), "rate") == [1.0, 1.0, 1.0]


def test_moves_are_not_counted_as_deals() -> None:
    log = log_of("a lead 0, a talk 1, a lead 2, a talk 3, a lead 4, a talk 5")
    assert column(frames.funnel(PROCESS, log, measure="entered"), "deals") == [1, 1, 0, 0]
    assert column(frames.funnel(PROCESS, log, measure="reentered"), "deals") == [1, 1, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_win_that_is_lost_later_is_no_win_in_a_chance_either(kind: str) -> None:
    """Two of three deals were won and lost again: a report that stops at the first win calls every one of them won."""
    moves = [f"{n} lead 0, {n} won 1" + (f", {n} lost 2" if n % 3 else "") for n in range(300)]
    log = as_kind(log_of(", ".join(moves)), kind)
    assert column(frames.win_rate(PROCESS, log), "win_rate") == [pytest.approx(1 / 3)]
    (chance,) = (row for row in column(frames.chances(PROCESS, log), "stage", "learned") if row[0] == "lead")
    assert chance[1] == pytest.approx(1 / 3, abs=0.01)
    assert column(frames.bottleneck(PROCESS, log), "win_rate")[0] == pytest.approx(1 / 3, abs=0.01)


def test_a_lost_deal_counts_nothing_in_a_forecast_whatever_its_probability() -> None:
    log = log_of("a offer 0, b lead 0, b lost 3", amount=[100.0, 9000.0, 9000.0], currency=["EUR"] * 3)
    assert column(frames.forecast(PROCESS, log), "deals", "amount", "weighted") == [(1, 100.0, 60.0)]


def test_a_deal_that_closed_without_passing_a_stage_reached_it_and_did_not_enter_it() -> None:
    log = log_of("a lead 0, a won 5, b lead 0, b lost 5")
    assert column(frames.funnel(PROCESS, log, measure="skipped"), "deals") == [0, 1, 1, 0]
    assert column(frames.funnel(PROCESS, log, measure="reached"), "deals") == [2, 1, 1, 1]
    assert column(frames.outcomes(PROCESS, log).sort("deal"), "lost_in") == [None, "lead"]


def test_a_stage_renamed_half_way_is_one_stage() -> None:
    log = log_of("a lead 0, a Demo 2, b lead 9, b talk 10")
    told = frames.events(log, stages={"Demo": "talk"})
    assert column(frames.funnel(PROCESS, told, measure="entered"), "deals") == [2, 2, 0, 0]
    assert column(frames.time_in_stage(PROCESS, told), "stage", "finished", "open") == [("lead", 2, 0), ("talk", 0, 2)]


def test_a_name_used_again_for_another_stage_is_told_apart_by_version() -> None:
    log = log_of("a lead 0, a Demo 2, b lead 9, b Demo 10", version=[1, 1, 2, 2])
    told = frames.events(log, stages={(1, "Demo"): "talk", (2, "Demo"): "offer"})
    assert column(frames.funnel(PROCESS, told, measure="entered"), "deals") == [2, 1, 1, 0]


def test_two_versions_in_one_log_are_judged_each_by_its_own() -> None:
    short = SalesProcess.linear(key="short", version=2, stages=[Stage(key="lead"), Stage(key="won", kind="won")])
    log = log_of("a lead 0, a won 2, b lead 0, b won 2", version=[1, 1, 2, 2])
    judged = frames.conform({1: PROCESS, 2: short}, log)
    assert column(judged, "verdict") == ["legal", "skip", "legal", "legal"]


def test_stays_of_open_deals_are_not_left_out_of_the_median() -> None:
    log = log_of("a lead 0, a talk 1, b lead 0, b talk 3, c lead 0, d lead 0, e lead 0")
    found = frames.time_in_stage(PROCESS, log, at=FIRST + timedelta(days=40))
    assert column(found, "finished", "open", "median_days", "km_median_days")[0] == (2, 3, 2.0, None)


def test_the_last_change_of_the_log_counts_for_open_stays_whatever_it_was() -> None:
    log = log_of("a lead 0, b lead 0, c lead 0, c lost 10")
    found = frames.time_in_stage(PROCESS, log)
    assert column(found, "stage", "finished", "open", "median_days", "km_median_days") == [("lead", 1, 2, 10.0, None)]


def test_a_stay_before_a_stage_without_a_name_is_over_in_spells_too() -> None:
    log = log_of("a lead 0, a talk 2").with_columns(stage=pl.Series(["lead", None]))
    for events in (log, frames.spells(PROCESS, log)):
        assert column(frames.time_in_stage(PROCESS, events), "finished", "open", "mean_days") == [(1, 0, 2.0)]


def test_a_stay_that_ends_before_it_begins_is_no_time_and_is_counted() -> None:
    log = log_of("a lead 5, a talk 2, b lead 0, b talk 4", seq=[1, 2, 1, 2])
    spells = frames.spells(PROCESS, log)
    assert sorted(column(spells.filter(pl.col("stage") == "lead"), "deal", "clock_back", "days")) == [
        ("a", True, None),
        ("b", False, 4.0),
    ]
    found = frames.time_in_stage(PROCESS, log)
    assert column(found, "finished", "clock_back", "mean_days")[0] == (1, 1, 4.0)
    assert sum(column(frames.conform(PROCESS, log), "clock_back")) == 1


def test_a_reopened_deal_is_open() -> None:
    log = log_of("a lead 0, a lost 2, a talk 4")
    assert column(frames.outcomes(PROCESS, log), "outcome", "days") == [("open", None)]
    assert column(frames.win_rate(PROCESS, log), "lost", "open", "win_rate") == [(0, 1, None)]


def test_an_id_used_twice_is_two_deals_once_its_beginnings_are_named() -> None:
    log = log_of("7 lead 0, 7 lost 2, 7 lead 9, 7 won 12", fresh=[True, False, True, False], seq=[1, 2, 3, 4])
    assert column(frames.outcomes(PROCESS, log), "outcome") == ["won"]
    told = frames.events(log, starts="fresh")
    assert sorted(column(frames.outcomes(PROCESS, told), "deal", "outcome")) == [("7", "lost"), ("7#2", "won")]


def test_several_currencies_are_never_added_up() -> None:
    log = log_of("a lead 0, b lead 0", amount=[10.0, 1000.0], currency=["EUR", "JPY"])
    assert column(frames.forecast(PROCESS, log), "currency", "weighted") == [("EUR", 2.0), ("JPY", 200.0)]


def test_times_count_in_utc_whatever_zone_they_are_written_in() -> None:
    log = log_of("a lead 0, a talk 1").with_columns(pl.col("at").dt.convert_time_zone("America/Phoenix"))
    assert column(frames.cohorts(PROCESS, log), "month") == ["2026-01"]
    for kind in KINDS:
        assert column(frames.time_in_stage(PROCESS, as_kind(log, kind)), "mean_days")[0] == 1.0


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

    @pytest.fixture(params=KINDS)
    def log(self, request: pytest.FixtureRequest) -> Any:
        field = pl.col("changed_field_key")
        raw = pl.read_csv(SHARED).with_row_index("row").filter(field.is_in(["add_time", "stage_id", "lost_reason"]))
        stage = pl.when(field == "stage_id").then("new_value").when(field == "lost_reason").then(pl.lit("lost"))
        raw = raw.with_columns(
            stage.alias("stage"), at=pl.col("change_time").str.to_datetime(), fresh=field == "add_time"
        )
        numbered = {str(number): key for number, key in enumerate(KEYS, 1)}
        chosen = as_kind(raw.select("row", "deal_id", "at", "stage", "fresh"), request.param)
        return frames.events(chosen, deal="deal_id", seq="row", starts="fresh", stages=numbered)

    @pytest.mark.parametrize(
        ("measure", "deals"),
        [
            ("entered", [2000, 1483, 1308, 1087, 895, 741, 588, 479, 325]),
            ("reached", [2000, 1995, 1956, 1867, 1697, 1427, 1083, 725, 325]),
            ("skipped", [0, 512, 648, 780, 802, 686, 495, 246, 0]),
            ("reentered", [0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ],
    )
    def test_counts_come_out_to_the_digit(self, log: Any, measure: Any, deals: list[int]) -> None:
        assert column(frames.funnel(self.process, log, measure=measure), "deals") == [*deals, 0]

    def test_moves_that_skip_are_2501_of_6906_and_none_goes_back(self, log: Any) -> None:
        verdicts = column(frames.conform(self.process, log), "verdict", "previous", "stage")
        onward = [verdict for verdict, previous, stage in verdicts if isinstance(previous, str) and stage != "lost"]
        assert len(onward) == 6906
        assert (onward.count("legal"), onward.count("skip"), onward.count("backward")) == (4405, 2501, 0)

    def test_median_days_are_those_of_the_table(self, log: Any) -> None:
        found = column(frames.time_in_stage(self.process, log), "median_days")
        assert found == [16, 15, 16, 16, 16, 16, 16, 16, 15]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared log is not on this machine")
def test_grouping_the_shared_log_blindly_by_id_invents_backward_moves() -> None:
    raw = pl.read_csv(SHARED).filter(pl.col("changed_field_key") == "stage_id")
    numbered = {str(number): key for number, key in enumerate(KEYS, 1)}
    raw = raw.with_columns(at=pl.col("change_time").str.to_datetime())
    log = frames.events(raw, deal="deal_id", stage="new_value", stages=numbered)
    verdicts = column(frames.conform(TestSharedLog.process, log), "verdict")
    assert (verdicts.count("backward"), verdicts.count("repeat")) == (8, 2)
    assert column(frames.funnel(TestSharedLog.process, log), "deals")[0] == 1995
