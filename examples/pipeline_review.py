"""Makes the Monday-morning report of a pipeline: one HTML page from a CSV of stage changes.

    python pipeline_review.py
    python pipeline_review.py my.csv page.html --deal id --stage status --at changed --won Won --lost Lost

Without arguments it reads `data/stage_changes.csv`, a change log as Pipedrive exports it, with the process below. Of
any other CSV name the columns, and with `--won` the stages that won a deal: then the process is what the log suggests.
Needs `salesprocess[frames,plots]` and polars; shows a bar where tqdm is installed.
"""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl

from salesprocess import DealError, SalesProcess, Stage, frames

SHIPPED_LOG = Path(__file__).parent / "data" / "stage_changes.csv"
REASONS = {"1": "customer not ready", "2": "price", "3": "unreachable", "4": "wrong product", "5": "entered twice"}
STAGES = {
    "1": Stage(key="lead", phase="top", time_limit=timedelta(days=30)),
    "2": Stage(key="qualified", phase="top", time_limit=timedelta(days=30)),
    "3": Stage(key="needs", phase="middle", time_limit=timedelta(days=30)),
    "4": Stage(key="proposal", phase="middle", time_limit=timedelta(days=30)),
    "5": Stage(key="negotiation", phase="bottom", time_limit=timedelta(days=30)),
    "6": Stage(key="closing", phase="bottom", time_limit=timedelta(days=30)),
    "7": Stage(key="implementation", kind="won", phase="after"),
    "8": Stage(key="follow_up", kind="won", phase="after"),
    "9": Stage(key="renewal", kind="won", phase="after"),
}
PROCESS = SalesProcess.linear(key="company", name="Our pipeline", stages=list(STAGES.values()))
NUMBERS = {"amount": pl.Float64, "seq": pl.Int64}
COLUMNS = ("amount", "currency", "owner", "segment", "reason", "seq")


def parser() -> ArgumentParser:
    """What the command takes."""
    made = ArgumentParser(description="Makes the Monday-morning report of a pipeline from a CSV of stage changes.")
    made.add_argument("log", nargs="?", type=Path, default=SHIPPED_LOG, help="the CSV (the one shipped beside this)")
    made.add_argument("page", nargs="?", type=Path, default=Path("pipeline_review.html"), help="the page to write")
    made.add_argument("--deal", default="deal_id", metavar="COLUMN", help="names the deal (deal_id)")
    made.add_argument("--stage", default="new_value", metavar="COLUMN", help="the stage entered (new_value)")
    made.add_argument("--at", default="change_time", metavar="COLUMN", help="the time of it, ISO 8601 (change_time)")
    for name in COLUMNS:
        made.add_argument(f"--{name}", metavar="COLUMN", help=f"the column of the {name}, where there is one")
    made.add_argument("--won", nargs="+", default=[], metavar="STAGE", help="stages that won a deal")
    made.add_argument("--lost", nargs="+", default=[], metavar="STAGE", help="stages that lost a deal")
    return made


def read(asked: Namespace) -> pl.DataFrame:
    """The stage changes of the file, in the columns that the metrics look for."""
    raw, starts = pl.read_csv(asked.log, infer_schema=False), None
    columns: dict[str, Any] = {name: getattr(asked, name) for name in COLUMNS if getattr(asked, name)}
    if "changed_field_key" in raw.columns:
        raw, starts, columns = of_pipedrive(raw), "begins", {"seq": "row", "reason": "reason"} | columns
    log: pl.DataFrame = frames.events(raw, deal=asked.deal, stage=asked.stage, at=asked.at, **columns)
    try:
        log = log.with_columns(pl.col("at").str.to_datetime(time_zone="UTC"))
    except pl.exceptions.ComputeError:
        raise DealError(f"{asked.at!r} has values that are no times, such as 2026-01-31 09:30") from None
    log = log.with_columns(pl.col(name).cast(kind) for name, kind in NUMBERS.items() if name in columns)
    if "amount" in columns and "currency" not in columns:
        log = log.with_columns(currency=pl.lit("amount"))
    return log if starts is None else frames.events(log, starts=starts)


def of_pipedrive(raw: pl.DataFrame) -> pl.DataFrame:
    """Pipedrive has a row for each change of any field; those of three are changes of the stage."""
    field, value = pl.col("changed_field_key"), pl.col("new_value")
    reason = pl.when(field == "lost_reason").then(value.replace(REASONS)).alias("reason")
    stage = pl.when(field == "stage_id").then(value).when(field == "lost_reason").then(pl.lit("lost"))
    rows = raw.with_row_index("row").filter(field.is_in(["add_time", "stage_id", "lost_reason"]))
    return rows.with_columns(reason, (field == "add_time").alias("begins"), stage.alias("new_value"))


def judged(asked: Namespace, log: pl.DataFrame) -> tuple[SalesProcess, pl.DataFrame]:
    """The process, and the log with its keys: the process above, or the one that the log suggests."""
    process, keys = PROCESS, {number: stage.key for number, stage in STAGES.items()}
    if asked.won:
        process = frames.discover(log, won=asked.won, lost=asked.lost, key="discovered").process
        keys = {stage.name: stage.key for stage in process.stages}
    log = frames.events(log, stages=keys)
    strange = sorted(set(log["stage"].drop_nulls()) - {stage.key for stage in process.stages})
    if strange:
        known = ", ".join(stage.key for stage in process.stages)
        raise DealError(f"the process has no stage {strange[0]!r}, only {known}; --won takes the stages from the log")
    return process, log


def review(asked: Namespace) -> None:
    """Reads the log, writes the page, and says the three things that matter on a Monday."""
    process, log = judged(asked, read(asked))
    bar = import_module("tqdm").tqdm if find_spec("tqdm") and sys.stderr.isatty() else None
    asked.page.write_text(frames.report(process, log, progress=bar), encoding="utf-8")
    rate = frames.win_rate(process, log).row(0, named=True)
    work = frames.bottleneck(process, log).row(0, named=True)
    won = "none is decided" if rate["win_rate"] is None else f"{rate['win_rate']:.0%} of those decided were won"
    print(f"{rate['deals']} deals, {rate['open']} open, {won}")
    print(f"work on {work['stage']}: one in ten kept there makes {work['gain'] * 100:.1f} points of win rate")
    print(f"{frames.stalled(process, log).height} deals are stalled; the page is {asked.page}")


def main(arguments: list[str]) -> None:
    """Makes the review, or says in one line why there is none."""
    command = parser()
    asked = command.parse_args(arguments)
    try:
        review(asked)
    except (DealError, OSError, pl.exceptions.PolarsError) as error:
        command.exit(2, f"{command.prog}: {str(error).splitlines()[0]}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
