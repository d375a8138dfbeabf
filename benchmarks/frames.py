"""How fast the metrics are, as ratios within one run.

    python benchmarks/frames.py [millions of events, 1] [--scale]

Needs polars, numpy and pandas; with `--scale` also DuckDB and tqdm: all metrics at 1, 5, 10 and 50 million events,
which takes a quarter of an hour.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl

from salesprocess import Engine, SalesProcess, Stage, days, fact, frames

ENOUGH = 1000
ODD = 0.05
STAGES = ("lead", "contacted", "qualified", "presented", "objections", "closing")
PHASES = ("top", "top", "middle", "middle", "bottom", "bottom")
PROCESS = SalesProcess.linear(
    key="bench",
    stages=[
        *(
            Stage(key=key, phase=phase, probability=(n + 1) / 7, time_limit=days(60))
            for n, (key, phase) in enumerate(zip(STAGES, PHASES, strict=True))
        ),
        Stage(key="won", kind="won", phase="after"),
    ],
)
KEYS = pl.Series([stage.key for stage in PROCESS.stages])
GATED = SalesProcess.linear(
    key="gated",
    stages=[
        Stage(key="lead", exit_criteria=fact("fits").is_true()),
        Stage(key="qualified", exit_criteria=[fact(name).is_true() for name in ("need", "budget", "authority")]),
        Stage(key="closing", exit_criteria=[fact("amount") >= ENOUGH, fact("signed").is_true()]),
        Stage(key="won", kind="won"),
    ],
)
TRIGGERS = {"lead": "advance", "qualified": "advance", "closing": "win"}


def best(action: Callable[[], Any], times: int = 3) -> float:
    """The shortest of several runs, in seconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return min(taken)


def make_log(events: int, *seed: int) -> pl.DataFrame:
    """Sorted, numbered moves, about five a deal; most legal, some that skip or go back."""
    random = np.random.default_rng(seed or 1)
    lengths = random.integers(2, 9, size=events // 4 + 9)
    deal = np.repeat(np.arange(len(lengths)), lengths)[:events]
    first = np.r_[True, deal[1:] != deal[:-1]]
    nth = np.arange(events) - np.maximum.accumulate(np.where(first, np.arange(events), 0))
    stage = np.minimum(nth, len(STAGES) + 1)
    odd = random.random(events) < ODD
    stage[odd] = random.integers(0, len(STAGES) + 2, size=int(odd.sum()))
    minutes = random.integers(0, 900_000, size=len(lengths))[deal] + nth * random.integers(60, 40_000, size=events)
    at = np.datetime64("2024-01-01", "us") + minutes.astype("timedelta64[m]")
    return pl.DataFrame({"deal": deal, "stage": stage.astype(np.uint8), "at": at})


def named(log: pl.DataFrame, seed: int = 2) -> pl.DataFrame:
    """The same log with names for stages, in no order."""
    return log.with_columns(stage=pl.lit(KEYS).gather(pl.col("stage"))).sample(fraction=1.0, shuffle=True, seed=seed)


def conform_by_hand(log: pl.DataFrame) -> pl.DataFrame:
    """What a polars user would write: sort, shift, and a join with the moves that are legal."""
    moves = [(source, move.dest, "legal") for source, move in PROCESS.moves()]
    legal = pl.LazyFrame(moves, schema=["previous", "stage", "verdict"], orient="row")
    previous = pl.when(pl.col("deal") == pl.col("deal").shift(1)).then(pl.col("stage").shift(1))
    chained = log.lazy().sort("deal", "at").with_columns(previous=previous)
    return chained.join(legal, on=["previous", "stage"], how="left").collect()


def bench_conform(events: int) -> None:
    log = make_log(events)
    for name, frame in (("polars", log), ("pandas", log.to_pandas())):
        rate = events / best(lambda frame=frame: frames.conform_codes(PROCESS, frame)) / 1e6
        print(f"conform_codes, {name}, sorted numbers     {rate:8.0f} million events a second (goal 100)")
    loose = named(log)
    ours, theirs = best(lambda: frames.conform(PROCESS, loose), 2), best(lambda: conform_by_hand(loose), 2)
    print(f"conform, unsorted names / by hand in polars {ours / theirs:8.2f} times the time (goal 1.5)")


def bench_gate(deals: int, sample: int = 50_000) -> None:
    random = Random(3)
    flags = (True, False, None)
    table = pl.DataFrame(
        {
            "stage": random.choices([*TRIGGERS, "won"], k=deals),
            **{name: random.choices(flags, k=deals) for name in ("fits", "need", "budget", "authority", "signed")},
            "amount": random.choices([None, 500.0, 5000.0], k=deals),
        }
    )
    engine = Engine(GATED)
    some = [SimpleNamespace(**row) for row in table.filter(pl.col("stage") != "won").head(sample).iter_rows(named=True)]
    looped = best(lambda: [engine.check(deal, TRIGGERS[deal.stage]) for deal in some], 2) / len(some)
    listed = best(lambda: [[f.key for f in engine.check(deal, TRIGGERS[deal.stage]).unmet] for deal in some], 1)
    bulk = best(lambda: frames.gate(GATED, table)) / (deals * 0.75)
    print(f"gate / loop over engine.check               {looped / bulk:8.0f} times faster (goal 40)")
    print(f"gate / the same loop with what is lacking   {listed / len(some) / bulk:8.0f} times faster")


def bench_scale(sizes: tuple[int, ...] = (1, 5, 10, 50)) -> None:
    """Each size in a process of its own, so that the most memory is that size's."""
    script = Path(__file__).with_name("frames_scale.py")
    for millions in sizes:
        command = [sys.executable, script, str(millions)]
        run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own script
        taken = json.loads(run.stdout)
        memory = taken.pop("GiB")
        whole, slowest = sum(taken.values()), max(taken, key=taken.__getitem__)
        cost = f"{whole:7.1f} s, {whole / millions * 100:7.0f} s per 100 million, {memory:5.1f} GiB at most"
        print(f"{millions:3d} million events: {cost}; most for {slowest}, {taken[slowest]:.1f} s")


def main(arguments: list[str]) -> None:
    millions = next((float(argument) for argument in arguments if not argument.startswith("-")), 1.0)
    print(f"{millions:g} million events, {datetime.now(UTC):%Y-%m-%d}")
    # First, since a process counts the memory that its parent had when it was made as its own.
    if "--scale" in arguments:
        bench_scale()
    bench_conform(int(millions * 1_000_000))
    bench_gate(1_000_000)


if __name__ == "__main__":
    main(sys.argv[1:])
