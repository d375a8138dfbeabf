"""The same calls on PySpark and on Dask give the same numbers."""

from __future__ import annotations

import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import isnan
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import frames  # noqa: E402 - behind the skip
from salesprocess.catalog.seven_stage import SEVEN_STAGE  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")

DATA = frames.example_log()
LOG = pl.DataFrame(DATA)
TWELFTH = datetime(2026, 1, 12, tzinfo=UTC)
METRICS: dict[str, Callable[[Any], Any]] = {
    "spells": lambda log: frames.spells(SEVEN_STAGE, log),
    "conform": lambda log: frames.conform(SEVEN_STAGE, log),
    "funnel": lambda log: frames.funnel(SEVEN_STAGE, log, measure="skipped"),
    "funnel by": lambda log: frames.funnel(SEVEN_STAGE, log, by="owner"),
    "conversion": lambda log: frames.conversion(SEVEN_STAGE, log, by="owner"),
    "time_in_stage": lambda log: frames.time_in_stage(SEVEN_STAGE, log),
    "cumulative": lambda log: frames.time_in_stage(SEVEN_STAGE, log, which="cumulative", by="owner"),
    "stalled": lambda log: frames.stalled(SEVEN_STAGE, log),
    "outcomes": lambda log: frames.outcomes(SEVEN_STAGE, log),
    "win_rate": lambda log: frames.win_rate(SEVEN_STAGE, log),
    "win_rate by": lambda log: frames.win_rate(SEVEN_STAGE, log, by="owner"),
    "loss_reasons": lambda log: frames.loss_reasons(SEVEN_STAGE, log),
    "velocity": lambda log: frames.velocity(SEVEN_STAGE, log),
    "cohorts": lambda log: frames.cohorts(SEVEN_STAGE, log, within=[20]),
    "chances": lambda log: frames.chances(SEVEN_STAGE, log),
    "forecast": lambda log: frames.forecast(SEVEN_STAGE, log),
    "calibration": lambda log: frames.calibration(SEVEN_STAGE, log, at=TWELFTH),
    "backtest": lambda log: frames.backtest(SEVEN_STAGE, log, at=[TWELFTH]),
    "bottleneck": lambda log: frames.bottleneck(SEVEN_STAGE, log),
    "variants": lambda log: frames.variants(SEVEN_STAGE, log),
}


def rows(frame: Any) -> list[tuple[str, ...]]:
    """A result as rows of text, in order of the text: a cluster keeps no order but that of a sort."""
    import narwhals.stable.v2 as nw

    return sorted(tuple(map(plain, row)) for row in nw.from_native(frame).lazy().collect().iter_rows())


def plain(value: Any) -> str:
    if value is None or type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and isnan(value)):
        return "null"
    if isinstance(value, datetime):
        return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()[:19]
    return str(round(float(value), 9)) if isinstance(value, int | float) else str(value)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    if shutil.which("java") is None:
        pytest.skip("Java is not on this machine")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sql = pytest.importorskip("pyspark.sql")
        os.environ["PYSPARK_PYTHON"] = sys.executable
        builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.session.timeZone", "UTC").config("spark.sql.shuffle.partitions", "1")
        session = builder.getOrCreate()
        session.sparkContext.setLogLevel("ERROR")
        yield session.createDataFrame(LOG.rows(), schema=SCHEMA)
        session.stop()


SCHEMA = "deal string, stage string, at timestamp, owner string, amount double, currency string, reason string"


@pytest.mark.parametrize("metric", METRICS)
def test_spark_agrees(spark: Any, metric: str) -> None:
    assert rows(METRICS[metric](spark)) == rows(METRICS[metric](LOG))


@pytest.fixture(scope="module")
def dask() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = pytest.importorskip("dask.dataframe")
        return frame.from_pandas(LOG.to_pandas(), npartitions=3)


@pytest.mark.parametrize("metric", METRICS)
def test_dask_agrees(dask: Any, metric: str) -> None:
    assert rows(METRICS[metric](dask)) == rows(METRICS[metric](LOG))
