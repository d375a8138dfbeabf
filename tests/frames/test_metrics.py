"""Every metric, in numbers, on every kind of frame."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from random import Random
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import DealError, SalesProcess, Stage, frames  # noqa: E402 - behind the skip
from salesprocess.history import replay  # noqa: E402
from salesprocess.history.change import StageChange  # noqa: E402
from tests.frames.conftest import rows  # noqa: E402

DAY = timedelta(days=1)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
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

Log = list[tuple[Any, Any, float | None]]
Kind = Callable[[Any], Any]


def polars_of(log: Log, **columns: list[Any]) -> Any:
    """Rows of deal, stage and day as a polars frame."""
    deals, stages, days = zip(*log, strict=True)
    times = [None if day is None else FIRST + day * DAY for day in days]
    return pl.DataFrame({"deal": deals, "stage": stages, "at": times, **columns}).with_columns(
        pl.col("at").cast(pl.Datetime("us", "UTC"))
    )


def duck(frame: Any) -> Any:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.register("given", frame.to_arrow())
    connection.execute("CREATE TABLE log AS FROM given")
    return connection.table("log")


def pandas(frame: Any) -> Any:
    pytest.importorskip("pandas")
    return frame.to_pandas()


KINDS: dict[str, Kind] = {
    "polars": lambda frame: frame,
    "polars lazy": lambda frame: frame.lazy(),
    "pandas": pandas,
    "pandas on arrow": lambda frame: pandas(frame).convert_dtypes(dtype_backend="pyarrow"),
    "pyarrow": lambda frame: frame.to_arrow(),
    "DuckDB": duck,
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


JOURNEYS: Log = [
    ("a", "lead", 0),
    ("a", "talk", 4),
    ("a", "offer", 6),
    ("a", "won", 16),
    ("b", "lead", 1),
    ("b", "offer", 3),
    ("b", "talk", 8),
    ("b", "offer", 9),
    ("b", "lost", 12),
    ("c", "lead", 2),
    ("c", "talk", 4),
    ("d", "lead", 2),
    ("d", "unfit", 5),
    ("e", "lead", 6),
]


def journeys(kind: Kind = KINDS["polars"]) -> Any:
    size = {"a": 100.0, "b": 200.0, "c": 400.0, "d": 800.0, "e": 1600.0}
    return kind(
        polars_of(
            JOURNEYS,
            amount=[size[deal] for deal, _, _ in JOURNEYS],
            currency=["EUR" if deal in "abe" else "USD" for deal, _, _ in JOURNEYS],
            owner=["ana" if deal in "ac" else "ben" for deal, _, _ in JOURNEYS],
            reason=["price" if stage == "lost" else None for _, stage, _ in JOURNEYS],
        )
    )


class TestFunnel:
    @pytest.mark.parametrize(
        ("measure", "deals"),
        [
            ("entered", [5, 3, 2, 1]),
            ("reached", [5, 3, 2, 1]),
            ("skipped", [0, 0, 0, 0]),
            ("reentered", [0, 0, 1, 0]),
        ],
    )
    def test_counts_deals_by_the_measure_asked_for(self, kind: Kind, measure: Any, deals: list[int]) -> None:
        found = frames.funnel(PROCESS, journeys(kind), measure=measure)
        assert rows(found, "stage", "deals") == list(zip(("lead", "talk", "offer", "won"), deals, strict=True))

    def test_groups_by_other_columns_and_keeps_stages_without_deals(self, kind: Kind) -> None:
        found = frames.funnel(PROCESS, journeys(kind), by="owner")
        assert [row[3] for row in rows(found)] == [2, 2, 1, 1, 3, 1, 1, 0]

    def test_by_phase_a_move_within_the_phase_is_no_new_visit(self, kind: Kind) -> None:
        again = frames.funnel(PROCESS, journeys(kind), per="phase", measure="reentered")
        assert rows(again, "phase", "deals") == [("top", 0), ("middle", 0), ("after", 0)]

    def test_as_it_was_on_a_day(self, kind: Kind) -> None:
        found = frames.funnel(PROCESS, journeys(kind), at=FIRST + 3 * DAY)
        assert [row[2] for row in rows(found)] == [4, 1, 1, 0]

    def test_takes_spells_in_place_of_the_log(self, kind: Kind) -> None:
        made = frames.spells(PROCESS, journeys(kind))
        assert rows(frames.funnel(PROCESS, made, at=FIRST + 3 * DAY)) == rows(
            frames.funnel(PROCESS, journeys(kind), at=FIRST + 3 * DAY)
        )

    def test_conversion_by_reached_is_a_share(self, kind: Kind) -> None:
        found = frames.conversion(PROCESS, journeys(kind))
        assert rows(found, "stage", "next", "rate") == [
            ("lead", "talk", 0.6),
            ("talk", "offer", 0.666666667),
            ("offer", "won", 0.5),
        ]

    def test_conversion_by_entered_can_pass_one(self, kind: Kind) -> None:
        log = kind(polars_of([("a", "lead", 0), ("a", "offer", 1), ("b", "talk", 0), ("b", "offer", 1)]))
        found = frames.conversion(PROCESS, log, measure="entered")
        assert [row[0] for row in rows(found, "rate")] == [1.0, 2.0, 0.0]

    def test_an_unknown_measure_names_the_nearest(self) -> None:
        with pytest.raises(DealError, match="did you mean 'entered'"):
            frames.funnel(PROCESS, journeys(), measure="enterd")  # type: ignore[arg-type]


class TestSpells:
    def test_are_one_row_a_stay(self, kind: Kind) -> None:
        found = sorted(rows(frames.spells(PROCESS, journeys(kind)), "deal", "nth", "stage", "visit", "days", "went_to"))
        assert found[4:9] == [
            ("b", 1, "lead", 1, 2.0, "offer"),
            ("b", 2, "offer", 1, 5.0, "talk"),
            ("b", 3, "talk", 1, 1.0, "offer"),
            ("b", 4, "offer", 2, 3.0, "lost"),
            ("b", 5, "lost", 1, None, None),
        ]

    def test_a_change_to_the_same_stage_begins_none(self, kind: Kind) -> None:
        log = kind(polars_of([("a", "lead", 0), ("a", "lead", 2), ("a", "talk", 5)]))
        assert sorted(rows(frames.spells(PROCESS, log), "nth", "days")) == [(1, 5.0), (2, None)]

    def test_stages_that_the_process_has_not_are_visited_each_by_itself(self, kind: Kind) -> None:
        stages = ["lead", "one", "two", None, "one", "lead", None]
        log = kind(polars_of([("a", stage, n) for n, stage in enumerate(stages)]))
        found = sorted(rows(frames.spells(PROCESS, log), "nth", "visit"))
        assert found == list(enumerate([1, 1, 1, 1, 2, 2, 2], 1))

    def test_microseconds_count(self, kind: Kind) -> None:
        log = kind(polars_of([("a", "lead", 0), ("a", "talk", 1 / 86_400 / 2)]))
        assert (round(0.5 / 86_400, 9),) in rows(frames.spells(PROCESS, log), "days")


class TestTimeInStage:
    def test_latest_and_cumulative_differ_where_a_deal_came_back(self, kind: Kind) -> None:
        latest = frames.time_in_stage(PROCESS, journeys(kind))
        whole = frames.time_in_stage(PROCESS, journeys(kind), which="cumulative")
        assert rows(latest, "stage", "mean_days")[2] == ("offer", 6.5)
        assert rows(whole, "stage", "mean_days")[2] == ("offer", 9.0)

    def test_open_stays_are_counted_apart_and_lengthen_the_median(self, kind: Kind) -> None:
        found = frames.time_in_stage(PROCESS, journeys(kind))
        assert rows(found, "stage", "finished", "open", "median_days", "km_median_days")[:2] == [
            ("lead", 4, 1, 2.5, 3.0),
            ("talk", 2, 1, 1.5, 2.0),
        ]

    def test_the_survival_median_is_none_while_most_stay_on(self, kind: Kind) -> None:
        log = kind(polars_of([("a", "lead", 0), ("a", "talk", 1), ("b", "lead", 0), ("c", "lead", 0)]))
        found = frames.time_in_stage(PROCESS, log, at=FIRST + 9 * DAY)
        assert rows(found, "stage", "median_days", "km_median_days")[0] == ("lead", 1.0, None)

    def test_the_ninetieth_percentile_is_interpolated(self, kind: Kind) -> None:
        log = kind(polars_of([row for n in range(1, 12) for row in ((f"d{n}", "lead", 0), (f"d{n}", "talk", n))]))
        assert rows(frames.time_in_stage(PROCESS, log), "p90_days")[0] == (10.0,)

    def test_stalled_names_what_was_broken(self, kind: Kind) -> None:
        found = frames.stalled(PROCESS, journeys(kind), at=FIRST + 20 * DAY)
        assert rows(found) == [
            ("c", "talk", 16.0, None, 1.9, False, True),
            ("e", "lead", 14.0, 10.0, 3.7, True, True),
        ]


class TestOutcomes:
    def test_are_one_row_a_deal(self, kind: Kind) -> None:
        assert sorted(rows(frames.outcomes(PROCESS, journeys(kind)))) == [
            ("a", "won", "won", None, 4, 16.0),
            ("b", "lost", "lost", "offer", 5, 11.0),
            ("c", "talk", "open", None, 2, None),
            ("d", "unfit", "disqualified", "lead", 2, 3.0),
            ("e", "lead", "open", None, 1, None),
        ]

    def test_a_deal_won_again_after_a_reopening_closes_when_it_closed_last(self, kind: Kind) -> None:
        log = kind(polars_of([("a", "lead", 0), ("a", "won", 1), ("a", "talk", 5), ("a", "won", 9)]))
        assert rows(frames.outcomes(PROCESS, log), "outcome", "days") == [("won", 9.0)]

    def test_win_rate_leaves_out_the_disqualified_and_the_open(self, kind: Kind) -> None:
        assert rows(frames.win_rate(PROCESS, journeys(kind))) == [(5, 1, 1, 1, 2, 0.5, 0.333333333)]
        by_owner = frames.win_rate(PROCESS, journeys(kind), by=["owner"])
        assert rows(by_owner, "owner", "deals", "win_rate") == [("ana", 2, 1.0), ("ben", 3, 0.0)]

    def test_loss_reasons_keep_losses_without_one(self, kind: Kind) -> None:
        assert rows(frames.loss_reasons(PROCESS, journeys(kind))) == [
            (1, "lead", "disqualified", None, 1, 800.0),
            (3, "offer", "lost", "price", 1, 200.0),
        ]

    def test_velocity_is_per_currency(self, kind: Kind) -> None:
        found = frames.velocity(PROCESS, journeys(kind))
        assert rows(found) == [
            ("EUR", 1, 0.5, 100.0, 16.0, 3.125),
            ("USD", 1, None, None, None, None),
        ]

    def test_cohorts_hold_back_shares_that_can_still_rise(self, kind: Kind) -> None:
        found = frames.cohorts(PROCESS, journeys(kind), within=[10, 20, 30], at=FIRST + 26 * DAY)
        assert rows(found) == [("2026-01", 5, 1, 1, 1, 2, 0.0, 0.2, None)]

    @pytest.mark.parametrize("day", ["1999-12-31", "2000-02-29", "2024-02-29", "2026-03-01", "2100-03-01"])
    def test_months_are_those_of_the_calendar(self, kind: Kind, day: str) -> None:
        at = datetime.fromisoformat(day).replace(tzinfo=UTC)
        log = kind(polars_of([("a", "lead", (at - FIRST) / DAY)]))
        assert rows(frames.cohorts(PROCESS, log), "month") == [(day[:7],)]

    def test_variants_count_ways(self, kind: Kind) -> None:
        found = rows(frames.variants(PROCESS, journeys(kind), longest=3))
        assert ("lead > talk > offer > ...", 4, 1, 0.2) in found
        assert len(found) == 5


class TestConform:
    def test_agrees_with_replay_on_every_change(self, kind: Kind) -> None:
        log = _wandering()
        found = sorted(rows(frames.conform(PROCESS, kind(polars_of(log))), "deal", "at", "verdict"))
        expected = _replayed(log)
        assert [verdict for _, _, verdict in found] == expected
        assert set(expected) == {"legal", "skip", "backward", "illegal_move", "after_closing", "unknown_stage"}

    def test_names_what_each_move_is(self, kind: Kind) -> None:
        log: Log = [
            ("a", "talk", 0),
            ("a", "lead", 1),
            ("a", "lead", 2),
            ("a", "nowhere", 3),
            ("a", "talk", 4),
            ("a", "won", 5),
            ("a", "lost", 6),
            ("a", "later", 7),
            ("a", "unfit", 8),
        ]
        found = sorted(rows(frames.conform(PROCESS, kind(polars_of(log))), "at", "verdict"))
        assert [verdict for _, verdict in found] == [
            "skip",
            "legal",
            "repeat",
            "unknown_stage",
            "unknown_stage",
            "skip",
            "after_closing",
            "after_closing",
            "illegal_move",
        ]

    def test_ties_and_nulls_are_told_and_disturb_nothing(self, kind: Kind) -> None:
        log = [
            ("a", "lead", 0),
            ("a", "offer", 1),
            ("a", "talk", 1),
            (None, "talk", 1),
            ("a", None, 5),
            ("a", "won", None),
        ]
        found = frames.conform(PROCESS, kind(polars_of(log)))
        assert sorted(rows(found, "verdict", "tie")) == [
            ("incomplete", False),
            ("incomplete", False),
            ("legal", False),
            ("legal", False),
            ("legal", True),
            ("unknown_stage", False),
        ]

    def test_each_version_judges_its_own_changes(self, kind: Kind) -> None:
        new = SalesProcess.linear(
            key="short", version=2, stages=[Stage(key="lead"), Stage(key="offer"), Stage(key="won", kind="won")]
        )
        log = polars_of(
            [
                ("a", "lead", 0),
                ("a", "offer", 1),
                ("b", "lead", 0),
                ("b", "offer", 1),
                ("c", "talk", 0),
                ("c", "offer", 2),
            ],
            version=[1, 1, 2, 2, 1, 2],
        )
        found = sorted(rows(frames.conform({1: PROCESS, 2: new}, kind(log)), "deal", "stage", "verdict"))
        assert [verdict for _, _, verdict in found] == ["legal", "skip", "legal", "legal", "migration", "skip"]

    def test_codes_are_the_verdicts_of_sorted_numbers(self) -> None:
        number = {stage.key: n for n, stage in enumerate(PROCESS.stages)}
        log = journeys()
        coded = log.with_columns(pl.col("stage").replace_strict(number, default=99))
        expected = rows(frames.conform(PROCESS, log), "verdict")
        for frame in (coded, coded.to_pandas()):
            verdicts = frames.conform_codes(PROCESS, frame)["verdict"]
            assert [(frames.VERDICTS[code],) for code in verdicts] == expected


def _wandering() -> Log:
    """Deals that go from any stage to any other, one change a day."""
    random, keys = Random(1), [*(stage.key for stage in PROCESS.stages), "nowhere"]  # noqa: S311 - no secret
    log: Log = []
    for deal in "abcdefgh":
        stage = None
        for day in range(9):
            stage = random.choice([key for key in keys if key != stage])
            log.append((deal, stage, day))
    return log


def _replayed(log: Log) -> list[str]:
    """What replay says of each change, in order."""
    verdicts = []
    for _, rows_of_deal in groupby(log, key=itemgetter(0)):
        before = None
        changes = []
        for _, stage, day in rows_of_deal:
            at = FIRST + (day or 0) * DAY
            changes.append(StageChange(None, "short", 1, "", "x", before, stage, at, source_kind="import"))
            before = stage
        odd = {oddity.position: oddity.code for oddity in replay(PROCESS, changes).oddities}
        verdicts += [odd.get(position, "legal") for position in range(len(changes))]
    return verdicts


class TestForecast:
    def test_sums_per_currency_and_counts_lost_deals_as_nothing(self, kind: Kind) -> None:
        found = frames.forecast(PROCESS, journeys(kind))
        assert rows(found, "currency", "deals", "amount", "weighted") == [
            ("EUR", 1, 1600.0, 160.0),
            ("USD", 1, 400.0, 120.0),
        ]

    def test_learned_chances_solve_the_chain(self, kind: Kind) -> None:
        # By hand, with a quarter of a deal on each of four ways: lead = .45 talk + .25 offer + .05 later,
        # talk = (9 offer + lead + later) / 12, offer = (5 + 5 talk + later) / 16, later = (lead + talk + offer) / 4.
        found = frames.chances(PROCESS, journeys(kind))
        stages = {
            stage: (learned, low, high) for stage, learned, low, high in rows(found, "stage", "learned", "low", "high")
        }
        assert all(low < learned < high for learned, low, high in stages.values())
        assert [round(stages[stage][0], 3) for stage in ("lead", "talk", "offer")] == [0.301, 0.387, 0.451]

    def test_amounts_that_are_missing_are_counted(self, kind: Kind) -> None:
        log = polars_of([("a", "lead", 0), ("b", "talk", 0)], amount=[None, 10.0], currency=["EUR", "EUR"])
        assert rows(frames.forecast(PROCESS, kind(log)), "deals", "without_amount", "weighted") == [(2, 1, 3.0)]

    def test_backtest_scores_only_what_is_decided_by_now(self, kind: Kind) -> None:
        (score,) = rows(frames.backtest(PROCESS, journeys(kind), at=[FIRST + 4 * DAY]), "deals", "won", "declared")
        # Open on day 4 and closed now: a in talk (won), b in offer (lost), d in lead (disqualified).
        assert score == (3, 1, round((0.7**2 + 0.6**2 + 0.1**2) / 3, 9))

    def test_calibration_says_what_came_of_each_stage(self, kind: Kind) -> None:
        found = frames.calibration(PROCESS, journeys(kind), at=FIRST + 4 * DAY)
        assert rows(found, "stage", "deals", "won", "observed") == [
            ("lead", 1, 0, 0.0),
            ("talk", 1, 1, 1.0),
            ("offer", 1, 0, 0.0),
        ]

    def test_bottleneck_ranks_by_what_the_win_rate_would_gain(self, kind: Kind) -> None:
        found = rows(frames.bottleneck(PROCESS, journeys(kind)), "stage", "lost", "gain")
        assert [gain for _, _, gain in found] == sorted((gain for _, _, gain in found), reverse=True)
        assert {stage: lost for stage, lost, _ in found} == {"lead": 1, "talk": 0, "offer": 1, "later": 0}


class TestDiscover:
    def test_finds_the_stages_in_order_and_the_moves(self, kind: Kind) -> None:
        found = frames.discover(journeys(kind), won=["won"], lost=["lost"], disqualified=["unfit"])
        assert [stage.key for stage in found.process.stages] == ["lead", "talk", "offer", "won", "lost", "unfit"]
        assert {(row["source"], row["dest"]): row["count"] for row in found.moves}["talk", "offer"] == 2

    def test_what_it_finds_conforms(self, kind: Kind) -> None:
        found = frames.discover(journeys(kind), won=["won"], lost=["lost"], disqualified=["unfit"])
        assert set(rows(frames.conform(found.process, journeys(kind)), "verdict")) == {("legal",)}

    def test_names_become_keys(self) -> None:
        log = polars_of([("a", "Lead In", 0), ("a", "Won!", 1)])
        found = frames.discover(log, won=["Won!"])
        assert [(stage.key, stage.name) for stage in found.process.stages] == [("lead_in", "Lead In"), ("won", "Won!")]


class TestKinds:
    def test_results_are_of_the_kind_given(self) -> None:
        for make in KINDS.values():
            log = journeys(make)
            assert type(frames.funnel(PROCESS, log)) is type(log)
            assert type(frames.chances(PROCESS, log)) is type(log)

    def test_another_kind_is_refused_by_name(self) -> None:
        with pytest.raises(DealError, match="expected a frame of polars"):
            frames.spells(PROCESS, [1, 2])

    def test_a_missing_column_names_the_nearest(self) -> None:
        with pytest.raises(DealError, match="no column 'stage'; did you mean 'stages'"):
            frames.spells(PROCESS, journeys().rename({"stage": "stages"}))

    def test_times_as_text_are_refused(self) -> None:
        with pytest.raises(DealError, match="at holds times, found String: parse it first"):
            frames.spells(PROCESS, journeys().with_columns(pl.col("at").cast(pl.String)))

    def test_numbers_for_stages_are_refused_until_they_are_named(self) -> None:
        log = journeys().with_columns(stage=pl.lit(1))
        with pytest.raises(DealError, match="stage holds keys of stages, found Int32: name the keys"):
            frames.spells(PROCESS, log)
        assert rows(frames.funnel(PROCESS, frames.events(log, stages={1: "lead"})), "deals")[0] == (5,)

    def test_categories_are_text(self) -> None:
        log = journeys().with_columns(pl.col("stage").cast(pl.Categorical))
        assert rows(frames.funnel(PROCESS, log)) == rows(frames.funnel(PROCESS, journeys()))

    def test_dates_are_times_at_midnight(self) -> None:
        log = journeys().with_columns(pl.col("at").dt.date())
        assert rows(frames.funnel(PROCESS, log)) == rows(frames.funnel(PROCESS, journeys()))
