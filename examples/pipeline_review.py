"""Makes the Monday-morning report of a pipeline: one HTML page from a CSV of stage changes.

    python pipeline_review.py [LOG.csv] [REPORT.html]

Without arguments it reads `data/stage_changes.csv`, a change log as Pipedrive exports it: `deal_id`, `change_time`,
`changed_field_key`, `new_value`. Needs `salesprocess[frames,plots]` and polars.
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import polars as pl

from salesprocess import SalesProcess, Stage, frames

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


def read_log(path: Path) -> pl.DataFrame:
    """The stage changes of the file, in the columns that the metrics look for."""
    field, value = pl.col("changed_field_key"), pl.col("new_value")
    raw = pl.read_csv(path, schema_overrides={"new_value": pl.String}).with_row_index("row")
    raw = raw.filter(field.is_in(["add_time", "stage_id", "lost_reason"])).with_columns(
        pl.col("change_time").str.to_datetime(),
        pl.when(field == "stage_id").then(value).when(field == "lost_reason").then(pl.lit("lost")).alias("stage"),
        pl.when(field == "lost_reason").then(value.replace(REASONS)).alias("reason"),
        (field == "add_time").alias("begins"),
    )
    keys = {number: stage.key for number, stage in STAGES.items()}
    log: pl.DataFrame = frames.events(raw, deal="deal_id", at="change_time", seq="row", starts="begins", stages=keys)
    return log


def main(arguments: list[str]) -> None:
    """Reads the log, writes the page, and says the three things that matter on a Monday."""
    log = read_log(Path(arguments[0]) if arguments else SHIPPED_LOG)
    page = Path(arguments[1] if len(arguments) > 1 else "pipeline_review.html")
    page.write_text(frames.report(PROCESS, log), encoding="utf-8")
    rate = frames.win_rate(PROCESS, log).row(0, named=True)
    work = frames.bottleneck(PROCESS, log).row(0, named=True)
    print(f"{rate['deals']} deals, {rate['open']} open, {rate['win_rate']:.0%} of those decided were won")
    print(f"work on {work['stage']}: one in ten kept there makes {work['gain'] * 100:.1f} points of win rate")
    print(f"{frames.stalled(PROCESS, log).height} deals are stalled; the page is {page}")


if __name__ == "__main__":
    main(sys.argv[1:])
