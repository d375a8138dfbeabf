"""A pipeline review as one page.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from html import escape
from io import StringIO
from typing import Any, Final

import narwhals.stable.v2 as nw
from matplotlib import rc_context

from salesprocess.errors import DealError
from salesprocess.frames import plots
from salesprocess.frames._any_dataframe import check_process, open_frame, refuse_unknown_stages
from salesprocess.frames._arguments import Progress, followed
from salesprocess.frames._backends import rows_like, rows_of, with_micros
from salesprocess.frames._bottleneck import bottleneck
from salesprocess.frames._columns import EPOCH, micros, rows_per
from salesprocess.frames._conform import conform
from salesprocess.frames._forecast import calibrated, forecast, scored
from salesprocess.frames._funnel import conversion, funnel
from salesprocess.frames._outcomes import loss_reasons, velocity, win_rate
from salesprocess.frames._stays import is_spells, spells
from salesprocess.frames._times import stalled, time_in_stage
from salesprocess.process import SalesProcess

_MOST_ROWS: Final = 50
_CSS: Final = """
:root { color-scheme: light }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2933; background: #f5f7fa; margin: 0 }
main { max-width: 980px; margin: 0 auto; padding: 28px 20px 60px }
h1 { font-size: 26px; margin: 0 } h2 { font-size: 18px; margin: 0 0 4px }
p { margin: 4px 0 12px; color: #52606d }
section { background: #fff; border: 1px solid #e4e7eb; border-radius: 8px; padding: 18px 20px; margin-top: 18px }
.numbers { display: flex; flex-wrap: wrap; gap: 12px; margin-top: 18px }
.numbers div { background: #fff; border: 1px solid #e4e7eb; border-radius: 8px; padding: 10px 16px; min-width: 110px }
.numbers b { display: block; font-size: 22px } .numbers span { color: #52606d; font-size: 13px }
table { border-collapse: collapse; width: 100%; font-size: 14px; margin-top: 8px }
th, td { text-align: right; padding: 4px 10px; border-bottom: 1px solid #e4e7eb; font-variant-numeric: tabular-nums }
th { color: #52606d; font-weight: 600 } .text { text-align: left }
td { white-space: nowrap } .scroll { overflow-x: auto }
svg { width: 100%; max-width: 768px; min-width: 520px; height: auto }
"""


def report(
    process: SalesProcess,
    events: Any,
    *,
    title: str | None = None,
    at: datetime | None = None,
    progress: Progress | None = None,
) -> str:
    """Return a review of the pipeline as one HTML page that needs no network: pictures, tables and what they mean.

    `events` is a log as for every metric; with `amount` and `currency` there is a forecast, with `reason` the reasons
    for losses. `at` is the moment of the review, the last change in the log where it is not given. Needs the extra
    `plots`. On a large log it takes seconds: `progress` is wrapped around the steps, as `tqdm.tqdm` is.

    >>> page = frames.report(SEVEN_STAGE, LOG)
    >>> page.startswith("<!doctype html>"), page.count("<svg")
    (True, 5)

    Raises:
        DealError: for a missing column, or a log without a change in it.
    """
    check_process(process)
    columns = set(open_frame(events).frame.collect_schema().names())
    money = {"amount", "currency"} <= columns
    made = cache(lambda: _checked_spells(process, events, at))
    steps: list[Callable[[], Any]] = [
        made,
        lambda: _numbers(process, made(), at, money=money),
        lambda: _funnel(process, made(), at),
        lambda: _times(process, made(), at),
        lambda: _bottleneck(process, made(), at),
        lambda: _stalled(process, made(), at),
        lambda: _forecast(process, made(), at) if money else "",
        lambda: _calibration(process, made()),
        lambda: _losses(process, made(), at) if "reason" in columns else "",
        lambda: _flow(process, made()),
        lambda: _conformance(process, events, at),
    ]
    _, *sections = [step() for step in followed(steps, progress)]
    return _page(escape(title or f"{process.name or process.key}: pipeline review"), at or _ends(made())[1], sections)


def _checked_spells(process: SalesProcess, events: Any, at: datetime | None) -> Any:
    log = open_frame(events).frame
    refuse_unknown_stages(process, log.select("stage").unique().collect())
    made = spells(process, events, at=at)
    if next(rows_of(open_frame(made).frame.head(1)), None) is None:
        raise DealError("the log has no change of a stage" + ("" if at is None else f" until {at.isoformat()}"))
    return made


def _page(name: str, at: datetime, sections: Sequence[str]) -> str:
    body = f"<h1>{name}</h1><p>As of {at:%Y-%m-%d %H:%M} {at.tzname() or 'UTC'}</p>{''.join(sections)}"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{_CSS}</style></head><body><main>{body}</main></body></html>\n"
    )


def _ends(made: Any) -> tuple[datetime, datetime]:
    """Return the times of the first and of the last change, in UTC."""
    times = with_micros(open_frame(made).frame.select("entered_at"), "entered_at", "_us")
    (ends,) = rows_of(times.select(nw.col("_us").min().alias("first"), nw.col("_us").max().alias("last")))
    first, last = (EPOCH + timedelta(microseconds=int(ends[name])) for name in ("first", "last"))
    return first, last


def _section(heading: str, says: str, *parts: str) -> str:
    return f"<section><h2>{escape(heading)}</h2><p>{escape(says)}</p>{''.join(parts)}</section>"


def _read(frame: Any) -> list[dict[str, Any]]:
    return list(rows_of(open_frame(frame).frame))


def _picture(axes: Any, what: str) -> str:
    page = StringIO()
    # Without a salt of our own the names inside differ each time, and so does the page.
    with rc_context({"svg.hashsalt": "salesprocess"}):
        axes.figure.savefig(page, format="svg", metadata={"Date": None, "Creator": None})
    text = page.getvalue()
    picture = text[text.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{escape(what)}"', 1)
    return f'<div class="scroll">{picture}</div>'


def _table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> str:
    """Return the rows as a table; `columns` has the heading of each column."""
    texts = {
        name
        for name in columns
        if any(isinstance(row[name], str) and not row[name].endswith(("%", "-", "points")) for row in rows)
    }
    head = "".join(f"<th{_class(name in texts)}>{escape(heading)}</th>" for name, heading in columns.items())
    body = "".join(
        "<tr>" + "".join(f"<td{_class(name in texts)}>{escape(_text(row[name]))}</td>" for name in columns) + "</tr>"
        for row in rows[:_MOST_ROWS]
    )
    more = f"<p>and {len(rows) - _MOST_ROWS:,} more</p>" if len(rows) > _MOST_ROWS else ""
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>{more}'


def _class(text: bool) -> str:  # noqa: FBT001 - what the class says
    return ' class="text"' if text else ""


def _text(value: object) -> str:
    if value is None or value != value:  # noqa: PLR0124 - NaN
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.1f}"  # noqa: PLR2004 - as many digits as help
    return f"{value:,}" if isinstance(value, int) else str(value)


def _percent(rows: Iterable[Mapping[str, Any]], *names: str) -> list[dict[str, Any]]:
    return [{**row, **{name: _share(row[name]) for name in names}} for row in rows]


def _share(value: float | None) -> str:
    return "-" if value is None or value != value else f"{value:.1%}"  # noqa: PLR0124 - NaN


def _numbers(process: SalesProcess, made: Any, at: datetime | None, *, money: bool) -> str:
    (rates,) = _read(win_rate(process, made, at=at))
    shown = {name: _text(rates[name]) for name in ("deals", "open", "won", "lost")}
    shown["win rate"] = _share(rates["win_rate"])
    if money:
        for row in _read(velocity(process, made, at=at)):
            if row["velocity"] is not None and row["velocity"] == row["velocity"]:
                shown[f"{row['currency']} a day"] = _text(row["velocity"])
    boxes = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in shown.items())
    return f'<div class="numbers">{boxes}</div>'


def _funnel(process: SalesProcess, made: Any, at: datetime | None) -> str:
    reached = funnel(process, made, measure="reached", at=at)
    entered = funnel(process, made, measure="entered", at=at)
    steps = _percent(_read(conversion(process, made, at=at)), "rate")
    columns = {"stage": "from", "next": "to", "deals": "reached", "went_on": "went on", "rate": "rate"}
    says = "Reached: the deals that came to the stage or past it. Entered: those in it. The gap is what jumped over."
    return _section("Funnel", says, _picture(plots.funnel(reached, entered), "Deals by stage"), _table(steps, columns))


def _times(process: SalesProcess, made: Any, at: datetime | None) -> str:
    times = time_in_stage(process, made, at=at)
    columns = {
        "stage": "stage",
        "finished": "finished stays",
        "open": "still there",
        "mean_days": "mean",
        "median_days": "median",
        "p90_days": "90th percentile",
        "km_median_days": "median with those still there",
    }
    says = "Days of a deal's latest stay. In the last column, stays not over yet count as lasting at least until now."
    return _section(
        "Time in stage", says, _picture(plots.time_in_stage(times), "Days by stage"), _table(_read(times), columns)
    )


def _bottleneck(process: SalesProcess, made: Any, at: datetime | None) -> str:
    rows = _percent(_read(bottleneck(process, made, at=at)), "loss_share", "win_rate", "win_rate_after", "gain")
    rows = [{**row, "gain": f"{row['gain'].removesuffix('%')} points"} for row in rows]
    columns = {
        "stage": "stage",
        "lost": "lost from here",
        "loss_share": "of the moves out",
        "win_rate_after": "win rate then",
        "gain": "gain",
    }
    says = (
        "If one in ten of the deals lost from a stage stayed, and went on as the others do. "
        f"The win rate of a new deal is now {rows[0]['win_rate']}."
    )
    return _section("Which stage to work on", says, _table(rows, columns))


def _stalled(process: SalesProcess, made: Any, at: datetime | None) -> str:
    rows = [{**row, "deal": str(row["deal"])} for row in _read(stalled(process, made, at=at))]
    if not rows:
        return _section(
            "Stalled deals", "None: no open deal is over its limit, or longer in its stage than nine in ten were."
        )
    columns = {
        "deal": "deal",
        "stage": "stage",
        "days": "days there",
        "limit_days": "limit",
        "usual_days": "nine in ten left by",
    }
    return _section(
        "Stalled deals",
        "Open deals over their stage's limit, or longer there than nine in ten were.",
        _table(rows, columns),
    )


def _forecast(process: SalesProcess, made: Any, at: datetime | None) -> str:
    try:
        expected = forecast(process, made, at=at)
    except DealError:
        return _section("Forecast", "No deal is open.")
    columns = {
        "currency": "currency",
        "deals": "open deals",
        "amount": "amount",
        "weighted": "weighted",
        "learned": "learned",
        "low": "low",
        "high": "high",
        "without_amount": "without amount",
    }
    says = (
        "Weighted: by each stage's declared probability. "
        "Learned: by what became of the deals before, with the middle 90% of outcomes."
    )
    return _section(
        "Forecast", says, _picture(plots.forecast(expected), "Forecast by currency"), _table(_read(expected), columns)
    )


def _calibration(process: SalesProcess, made: Any) -> str:
    """Return the section that compares a forecast made half way through the log with what came of it."""
    first, last = _ends(made)
    middle = first + (last - first) / 2
    log = open_frame(made).frame
    try:
        compared = calibrated(process, log, middle, 0.9)
    except DealError:
        return ""
    scores = scored(process, log, middle, compared)
    says = (
        "The chances learnt from the first half of the log, "
        f"beside what became of the {scores['deals']:,} deals open then. "
        f"Brier score {scores['learned']:.3f}; {scores['naive']:.3f} for one chance for all."
    )
    picture = _picture(plots.calibration(rows_like(log, compared).to_native()), "Chance and outcome by stage")
    return _section("Was the forecast right?", says, picture)


def _losses(process: SalesProcess, made: Any, at: datetime | None) -> str:
    rows = _read(loss_reasons(process, made, at=at))
    rows.sort(key=lambda row: (-row["deals"], row["position"], str(row["reason"])))
    columns = {"lost_in": "lost in", "outcome": "outcome", "reason": "reason", "deals": "deals"}
    return _section("Why deals are lost", "By the stage that they were in.", _table(rows, columns)) if rows else ""


def _flow(process: SalesProcess, made: Any) -> str:
    moves = open_frame(made).frame.filter(~nw.col("went_to").is_null())
    counts = rows_of(rows_per(moves, ["stage", "went_to"], "count").sort("stage", "went_to"))
    rows = [{"source": row["stage"], "dest": row["went_to"], "count": row["count"]} for row in counts]
    if not rows:
        return ""
    picture = _picture(plots.flow(rows, order=[stage.key for stage in process.stages]), "Moves between stages")
    return _section("Who goes where", "The wider an arc, the more moves.", picture)


def _conformance(process: SalesProcess, events: Any, at: datetime | None) -> str:
    log = open_frame(events).frame
    if is_spells(log):
        return ""
    judged = open_frame(conform(process, events)).frame
    if at is not None:
        judged = with_micros(judged, "at", "_us").filter(nw.col("_us") <= micros(at))
    counts = rows_of(rows_per(judged, ["verdict"], "changes"))
    rows = sorted(counts, key=lambda row: (-row["changes"], row["verdict"]))
    says = "Every change in the log, held against the process."
    return _section("By the rules?", says, _table(rows, {"verdict": "verdict", "changes": "changes"}))
