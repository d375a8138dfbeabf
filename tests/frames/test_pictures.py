"""Pictures, the report, and logs for other tools."""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from runpy import run_path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import DealError, frames  # noqa: E402 - behind the skip
from salesprocess.catalog.seven_stage import SEVEN_STAGE  # noqa: E402

LOG = pl.DataFrame(frames.example_log())


class TestWriters:
    def test_pm4py_gets_its_column_names_and_text_ids(self) -> None:
        log = frames.to_pm4py(LOG.with_columns(deal=pl.lit(7)))
        assert log.columns[:4] == ["case:concept:name", "concept:name", "time:timestamp", "org:resource"]
        assert log["case:concept:name"].to_list() == ["7"] * 14

    def test_xes_has_a_trace_a_deal_and_times_with_a_zone(self) -> None:
        page = io.StringIO()
        assert frames.to_xes(LOG.with_columns(owner=pl.lit('<"ana" & co>')), page) == 14
        log = ET.fromstring(page.getvalue())  # noqa: S314 - written a line above
        traces = [[event.find("string").get("value") for event in trace.iter("event")] for trace in log.iter("trace")]
        assert traces[3] == ["prospecting", "presenting"]
        assert log.find(".//event/date").get("value") == "2026-01-01T00:00:00.000+00:00"
        assert log.find(".//event/string[@key='org:resource']").get("value") == '<"ana" & co>'

    def test_xes_can_be_read_whatever_the_names_hold(self) -> None:
        page = io.StringIO()
        frames.to_xes(LOG.with_columns(owner=pl.lit("a\x0b\x00b")), page)
        log = ET.fromstring(page.getvalue())  # noqa: S314 - written a line above
        assert log.find(".//event/string[@key='org:resource']").get("value") == "a\ufffd\ufffdb"

    def test_nobody_is_no_owner(self) -> None:
        pytest.importorskip("pandas")
        log = LOG.with_columns(owner=pl.when(pl.col("deal") == "a").then("owner")).to_pandas()
        objects = json.loads(frames.to_ocel(SEVEN_STAGE, log))["objects"]
        assert [each["id"] for each in objects if each["type"] == "owner"] == ["owner:ana"]
        page = io.StringIO()
        frames.to_xes(log, page)
        assert page.getvalue().count("org:resource") == 7

    def test_an_empty_log_is_a_log(self) -> None:
        page = io.StringIO()
        assert frames.to_xes(LOG.clear(), page) == 0
        assert list(ET.fromstring(page.getvalue()).iter("trace")) == []  # noqa: S314

    def test_ocel_relates_events_to_deals_and_owners(self) -> None:
        log = json.loads(frames.to_ocel(SEVEN_STAGE, LOG))
        objects = {each["id"]: each["type"] for each in log["objects"]}
        assert objects == {**{f"deal:{d}": "deal" for d in "abcd"}, "owner:ana": "owner", "owner:ben": "owner"}
        types = {each["name"] for each in log["eventTypes"]}
        assert all(event["type"] in types for event in log["events"])
        assert {link["objectId"] for event in log["events"] for link in event["relationships"]} == set(objects)

    def test_every_kind_of_frame_writes_the_same_xes(self) -> None:
        pages = []
        for log in (LOG, LOG.lazy(), LOG.to_arrow()):
            page = io.StringIO()
            frames.to_xes(log, page)
            pages.append(page.getvalue())
        assert len(set(pages)) == 1


class TestPictures:
    @pytest.fixture
    def plots(self) -> Any:
        pytest.importorskip("matplotlib")
        from salesprocess.frames import plots

        return plots

    def test_a_funnel_has_a_bar_a_stage(self, plots: Any) -> None:
        axes = plots.funnel(frames.funnel(SEVEN_STAGE, LOG))
        assert [bar.get_width() for bar in axes.patches] == [4, 3, 3, 2, 1, 1, 1]

    def test_draws_on_the_axes_given(self, plots: Any) -> None:
        from matplotlib.figure import Figure

        axes = Figure().add_subplot()
        assert not axes.has_data()
        assert plots.time_in_stage(frames.time_in_stage(SEVEN_STAGE, LOG), ax=axes) is axes
        assert axes.has_data()

    def test_a_flow_is_an_arc_a_move(self, plots: Any) -> None:
        found = frames.discover(LOG, won=["generating_referrals"], lost=["lost"])
        axes = plots.flow(found.moves, order=["disqualified", *(stage.key for stage in found.process.stages)])
        assert len(axes.patches) == len(found.moves) == 8
        assert "disqualified" not in {label.get_text() for label in axes.get_yticklabels()}
        with pytest.raises(DealError, match="no move to draw"):
            plots.flow([])

    def test_the_frame_of_another_metric_is_refused(self, plots: Any) -> None:
        with pytest.raises(DealError, match="no column 'position'"):
            plots.funnel(LOG)
        with pytest.raises(DealError, match="no rows to draw"):
            plots.funnel(frames.funnel(SEVEN_STAGE, LOG).clear())

    def test_phases_and_groups_have_a_bar_each(self, plots: Any) -> None:
        axes = plots.funnel(frames.funnel(SEVEN_STAGE, LOG, per="phase", by="owner"))
        assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["ana · top", "ana · middle"]

    def test_a_long_name_keeps_both_its_ends(self, plots: Any) -> None:
        log = LOG.with_columns(owner=pl.lit("x" * 30))
        axes = plots.funnel(frames.funnel(SEVEN_STAGE, log, by="owner"))
        assert axes.get_yticklabels()[0].get_text() == "x" * 16 + "…x · prospecting"

    def test_a_dollar_sign_begins_no_formula(self, plots: Any) -> None:
        axes = plots.forecast(frames.forecast(SEVEN_STAGE, LOG.with_columns(currency=pl.lit("$x_1$"))))
        assert not axes.get_yticklabels()[0].get_parse_math()
        assert axes.get_xlabel() == "amount in $x_1$"

    def test_several_currencies_are_shares_and_one_is_money(self, plots: Any) -> None:
        two = LOG.with_columns(currency=pl.when(pl.col("deal") == "c").then(pl.lit("JPY")).otherwise(pl.lit(None)))
        axes = plots.forecast(frames.forecast(SEVEN_STAGE, two))
        assert [label.get_text() for label in axes.get_yticklabels()] == ["JPY", "none"]
        assert axes.get_xlim()[1] < 1.1
        assert plots.forecast(frames.forecast(SEVEN_STAGE, LOG)).get_xlim()[1] > 10_000

    def test_each_line_says_of_how_many_it_is(self, plots: Any) -> None:
        axes = plots.time_in_stage(frames.time_in_stage(SEVEN_STAGE, LOG))
        assert "3 + 1" in {text.get_text() for text in axes.texts}

    @pytest.mark.parametrize("deals", ["c", "ab", "d"])
    def test_a_log_with_little_in_it_is_drawn_without_a_warning(self, plots: Any, deals: str) -> None:
        log = LOG.filter(pl.col("deal").is_in(list(deals)))
        times = plots.time_in_stage(frames.time_in_stage(SEVEN_STAGE, log))
        plots.funnel(frames.funnel(SEVEN_STAGE, log)).figure.canvas.draw()
        times.figure.canvas.draw()
        assert ("no stay is over yet" in {text.get_text() for text in times.texts}) == (deals == "c")

    def test_a_calibration_has_a_point_a_stage(self, plots: Any) -> None:
        calibrated = frames.calibration(SEVEN_STAGE, LOG, at=datetime(2026, 1, 12, tzinfo=UTC))
        marks = plots.calibration(calibrated).collections
        assert [len(mark.get_offsets()) for mark in marks] == [1, 1]


@pytest.fixture(scope="module")
def page() -> str:
    pytest.importorskip("matplotlib")
    return frames.report(SEVEN_STAGE, LOG, title="<Monday>")


class TestReport:
    def test_opens_without_a_network(self, page: str) -> None:
        fetched = re.findall(r"""(?:src|href)=["'](?!#)[^"']+|@import|url\((?!#)[^)]*""", page)
        assert fetched == []
        assert "<script" not in page

    def test_escapes_what_comes_from_data(self, page: str) -> None:
        assert "<title>&lt;Monday&gt;</title>" in page
        hostile = "--!><script>alert(1)</script>"
        log = LOG.with_columns(pl.lit(hostile).alias(name) for name in ("deal", "reason", "currency", "owner"))
        assert "<script" not in frames.report(SEVEN_STAGE, log)

    def test_has_a_section_for_what_the_log_can_tell(self, page: str) -> None:
        headings = re.findall(r"<h2>(.*?)</h2>", page)
        assert headings[:5] == ["Funnel", "Time in stage", "Which stage to work on", "Stalled deals", "Forecast"]
        bare = frames.report(SEVEN_STAGE, LOG.select("deal", "stage", "at"))
        assert "Forecast" not in bare

    def test_every_kind_of_frame_makes_the_same_page(self, page: str) -> None:
        duckdb, _ = pytest.importorskip("duckdb"), pytest.importorskip("pandas")
        for log in (LOG.to_pandas(), duckdb.from_arrow(LOG.to_arrow())):
            assert frames.report(SEVEN_STAGE, log, title="<Monday>") == page


def test_the_example_makes_the_page_from_the_log_beside_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    script = Path(__file__).parents[2] / "examples" / "pipeline_review.py"
    log = script.parent / "data" / "stage_changes.csv"
    run_path(str(script))["main"]([str(log), str(tmp_path / "page.html")])
    assert capsys.readouterr().out.startswith("60 deals, 32 open, 57% of those decided were won")
    assert "Our pipeline" in (tmp_path / "page.html").read_text(encoding="utf-8")
