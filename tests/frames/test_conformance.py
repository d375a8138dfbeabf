"""`conform` counts what pm4py's token replay counts.

The numbers were read off pm4py 2.7.23.11, run by hand on the same log, since its licence (AGPL) keeps it out of every
environment of this project. The Petri net had a place for each stage, a transition named after the stage it leads to
for each move, one from the source place to the initial stage, and a silent one from each stage to the final place,
since a deal may still be open.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import SalesProcess, catalog, frames  # noqa: E402 - behind the skip

# Of 500 deals each, those whose trace token replay finds fit, by their number of changes from 1 to 9.
FIT = {
    "pipeliner": [66, 60, 53, 34, 49, 45, 37, 30, 31],
    "seven_stage": [47, 67, 55, 54, 39, 35, 37, 45, 36],
    "seven_step": [47, 50, 49, 46, 38, 40, 41, 35, 33],
    "six_step": [54, 53, 47, 51, 49, 34, 47, 33, 35],
    "commercial": [54, 43, 44, 42, 32, 32, 54, 47, 39],
    "funnel": [50, 41, 55, 42, 33, 44, 42, 46, 50],
}


def sample_log(process: SalesProcess) -> Any:
    """500 deals that mostly move as they may; the same log on every run and every Python."""
    random, stages = Random(process.key), [stage.key for stage in process.stages]  # noqa: S311 - chance, not secrecy
    leads_to = {key: sorted({move.dest for move in process.graph.out_of[key]} - {key}) for key in stages}
    rows = []
    for deal in range(500):
        stage = random.choice(stages) if random.random() < 0.05 else process.initial.key
        for hour in range(random.randint(1, 9)):
            rows.append((deal, stage, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=hour)))
            odd = random.random() < 0.1 or not leads_to[stage]
            stage = random.choice([key for key in stages if key != stage] if odd else leads_to[stage])
    return pl.DataFrame(rows, schema=["deal", "stage", "at"], orient="row")


@pytest.mark.parametrize("key", FIT)
def test_the_deals_that_conform_are_those_that_token_replay_finds_fit(key: str) -> None:
    process = catalog.get(key)
    judged = frames.conform(process, sample_log(process)).group_by("deal")
    deals = judged.agg(changes=pl.len(), fit=(pl.col("verdict") == "legal").all())
    assert deals.filter("fit").group_by("changes").len().sort("changes")["len"].to_list() == FIT[key]
