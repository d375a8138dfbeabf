"""Every metric on one large log, by streaming in DuckDB: how long each takes, and the most memory.

    python benchmarks/frames_scale.py [millions of events, 47] [--memory GiB, 8]

The log is Parquet files in no order of deals, as a CRM's table is. `spells` is made from it once, and every other
metric reads that; frames of a row for each deal or change are written to Parquet, all others are read. Needs duckdb,
polars, numpy and tqdm, and about 100 bytes of disk for each event.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from frames import KEYS, PROCESS, make_log
from tqdm import tqdm

from salesprocess import frames

ENOUGH = 47.0
CHUNK = 2_000_000
SOME = 0.3
WON, LOST = KEYS.index_of("won"), KEYS.index_of("lost")
THEN = datetime(2025, 1, 1, tzinfo=UTC)

METRICS: dict[str, Callable[[Any], Any]] = {
    "funnel reached": lambda log: frames.funnel(PROCESS, log),
    "funnel skipped": lambda log: frames.funnel(PROCESS, log, measure="skipped", by="owner"),
    "funnel reentered": lambda log: frames.funnel(PROCESS, log, measure="reentered", per="phase"),
    "conversion": lambda log: frames.conversion(PROCESS, log, by="owner"),
    "time_in_stage": lambda log: frames.time_in_stage(PROCESS, log),
    "time in all": lambda log: frames.time_in_stage(PROCESS, log, which="cumulative", by="owner"),
    "stalled": lambda log: frames.stalled(PROCESS, log),
    "outcomes": lambda log: frames.outcomes(PROCESS, log),
    "win_rate": lambda log: frames.win_rate(PROCESS, log, by="owner"),
    "loss_reasons": lambda log: frames.loss_reasons(PROCESS, log),
    "velocity": lambda log: frames.velocity(PROCESS, log),
    "cohorts": lambda log: frames.cohorts(PROCESS, log),
    "variants": lambda log: frames.variants(PROCESS, log, longest=10),
    "chances": lambda log: frames.chances(PROCESS, log),
    "bottleneck": lambda log: frames.bottleneck(PROCESS, log),
    "forecast": lambda log: frames.forecast(PROCESS, log),
    "calibration": lambda log: frames.calibration(PROCESS, log, at=THEN),
    "backtest": lambda log: frames.backtest(PROCESS, log, at=[THEN]),
}
A_ROW_EACH = {"stalled", "outcomes"}


def write_log(events: int, path: Path, seed: int = 1) -> None:
    """Deals of about five changes, a third of them lost, in files of two million changes."""
    for part, first in enumerate(range(0, events, CHUNK)):
        make_part(min(CHUNK, events - first), part, seed).write_parquet(path / f"{part:03}.parquet")


def make_part(events: int, part: int, seed: int) -> pl.DataFrame:
    log = make_log(events, seed, part)
    random = np.random.default_rng([seed, part, 1])
    deal = log["deal"].to_numpy()
    deals = int(deal[-1]) + 1
    ends = np.r_[deal[1:] != deal[:-1], True] & np.r_[False, deal[1:] == deal[:-1]]
    lost = ends & (random.random(deals) < SOME)[deal]
    stage = np.where(lost, LOST, np.minimum(log["stage"].to_numpy(), WON))
    return pl.DataFrame(
        {
            "deal": deal + part * CHUNK,
            "stage": KEYS.gather(stage),
            "at": log["at"],
            "owner": pl.Series([f"owner {n}" for n in range(20)]).gather(random.integers(0, 20, deals)[deal]),
            "amount": random.integers(1, 500, deals)[deal] * 100.0,
            "currency": pl.Series(["EUR", "USD"]).gather((deal % 3 == 0).astype(np.uint32)),
            "reason": pl.Series(["price", "no budget", None]).gather((deal % 3).astype(np.uint32)),
        }
    ).sort("at")


def measure(millions: float, memory: float) -> dict[str, float]:
    """Seconds for each metric, and `GiB`, the most memory that the process had."""
    taken: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_log(int(millions * 1_000_000), folder)
        connection = duckdb.connect(str(folder / "work.duckdb"))
        connection.execute(f"SET memory_limit = '{memory}GB'; SET preserve_insertion_order = false")
        log = connection.read_parquet(f"{folder}/*.parquet")
        tasks: dict[str, Callable[[], Any]] = {
            "spells": lambda: frames.spells(PROCESS, log).create("spells"),
            "conform": lambda: frames.conform(PROCESS, log).write_parquet(f"{folder}/out"),
            "discover": lambda: frames.discover(log, won=["won"], lost=["lost"]),
            **{name: lambda name=name: run(connection, name, folder) for name in METRICS},
        }
        for task in (bar := tqdm(tasks, unit="metric", leave=False)):
            bar.set_postfix_str(task)
            start = time.perf_counter()
            tasks[task]()
            taken[task] = time.perf_counter() - start
    return taken | {"GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}


def run(connection: Any, name: str, folder: Path) -> None:
    result = METRICS[name](connection.table("spells"))
    if name in A_ROW_EACH:
        result.write_parquet(f"{folder}/out")
    else:
        result.fetchall()


def main(arguments: list[str]) -> None:
    memory = float(arguments[arguments.index("--memory") + 1]) if "--memory" in arguments else 8.0
    millions = float(arguments[0]) if arguments and not arguments[0].startswith("-") else ENOUGH
    print(json.dumps(measure(millions, memory)))


if __name__ == "__main__":
    main(sys.argv[1:])
