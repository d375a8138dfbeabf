"""Pictures of the metrics, as matplotlib axes. Needs the extra `plots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from matplotlib.ticker import MaxNLocator, PercentFormatter

from salesprocess._text import suggestion
from salesprocess.errors import DealError
from salesprocess.frames._any_dataframe import open_frame
from salesprocess.frames._backends import rows_of

__all__ = ["calibration", "flow", "forecast", "funnel", "time_in_stage"]

Row = Mapping[str, Any]

_INK: Final = "#1f2933"
_MUTED: Final = "#9aa5b1"
_FAINT: Final = "#d9e2ec"
_MAIN: Final = "#2f6f9f"
_ACCENT: Final = "#d9822b"
_BACK: Final = "#b23b3b"
_LONGEST: Final = 32


def _axes(ax: Axes | None, labels: Sequence[str]) -> Axes:
    """Return axes with a line for each label, from the top down."""
    if ax is None:
        ax = Figure(figsize=(8, 0.42 * len(labels) + 1.3), layout="constrained").add_subplot()
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(_MUTED)
    ax.tick_params(colors=_INK, labelsize=9)
    short = [label if len(label) <= _LONGEST else f"{label[:16]}…{label[-15:]}" for label in labels]
    # A dollar sign in a name begins no formula.
    ax.set_yticks(range(len(labels)), short, parse_math=False)
    ax.set_ylim(len(labels) - 0.5, -0.5)
    return ax


def _rows(frame: Any, columns: Sequence[str]) -> list[dict[str, Any]]:
    opened = open_frame(frame).frame
    there = opened.collect_schema().names()
    for name in columns:
        if name not in there:
            raise DealError(f"the frame has no column {name!r}{suggestion(name, there)}", expected=there)
    rows = list(rows_of(opened))
    if not rows:
        raise DealError("the frame has no rows to draw")
    return rows


def _labels(rows: Sequence[Row], last: str, first: str) -> list[str]:
    """Return a label for each row: its groups, which come before the column `first`, and the column `last`."""
    names = list(rows[0])
    groups = names[: names.index(first)]
    return [" · ".join("none" if row[name] is None else str(row[name]) for name in (*groups, last)) for row in rows]


def _beside(ax: Axes, texts: Sequence[str], heading: str) -> None:
    """Write the counts at the right of each line."""
    for place, text in enumerate(texts):
        ax.text(1.02, place, text, transform=ax.get_yaxis_transform(), va="center", fontsize=8, color=_INK)
    ax.annotate(heading, (1.02, 0), (0, -5), ax.transAxes, textcoords="offset points", va="top", fontsize=8, color=_INK)


def _legend(ax: Axes) -> None:
    if ax.get_legend_handles_labels()[0]:
        ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, frameon=False, fontsize=8, borderaxespad=0.2)


def _dots(ax: Axes, rows: Sequence[Row], name: str, label: str) -> None:
    points = [(row[name], place) for place, row in enumerate(rows) if row[name] is not None]
    if points:
        across, places = zip(*points, strict=True)
        ax.scatter(across, places, marker="o", color=_MAIN, label=label, zorder=3, s=34)


def _diamonds(ax: Axes, rows: Sequence[Row], name: str, label: str) -> None:
    """Draw hollow diamonds, so that a dot at the same place is seen."""
    points = [(row[name], place) for place, row in enumerate(rows) if row[name] is not None]
    if points:
        across, places = zip(*points, strict=True)
        ax.scatter(across, places, marker="D", facecolor="none", edgecolor=_ACCENT, lw=1.8, label=label, zorder=4, s=74)


def _spans(ax: Axes, rows: Sequence[Row], left: str, right: str, label: str | None = None) -> None:
    for place, row in enumerate(rows):
        if row[left] is not None and row[right] is not None:
            ax.plot(
                [row[left], row[right]], [place] * 2, color=_FAINT, lw=9, solid_capstyle="butt", label=label, zorder=1
            )
            label = None


def funnel(reached: Any, entered: Any | None = None, *, ax: Axes | None = None) -> Axes:
    """Draw bars of a `frames.funnel` by `reached`, and inside them, where it is given, the one by `entered`.

    Raises:
        DealError: for a frame that is no funnel.
    """
    rows = _rows(reached, ("position", "deals"))
    ax = _axes(ax, _labels(rows, "phase" if "phase" in rows[0] else "stage", "position"))
    places, deals = range(len(rows)), [row["deals"] for row in rows]
    ax.barh(places, deals, color=_FAINT, height=0.72, label="reached")
    if entered is not None:
        inside = [row["deals"] for row in _rows(entered, ("position", "deals"))]
        ax.barh(places, inside, color=_MAIN, height=0.46, label="entered")
        _legend(ax)
    most = max(deals) or 1
    for place, count in zip(places, deals, strict=True):
        ax.text(count + most * 0.01, place, f"{count:,}", va="center", fontsize=9, color=_INK)
    ax.set_xlim(0, most * 1.12)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel("deals", color=_INK)
    return ax


def time_in_stage(times: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the medians of each stage of a `frames.time_in_stage`, with a line to the 90th percentile.

    Raises:
        DealError: for a frame of another metric.
    """
    rows = _rows(times, ("stage", "finished", "open", "median_days", "p90_days", "km_median_days"))
    ax = _axes(ax, _labels(rows, "stage", "position"))
    _spans(ax, rows, "median_days", "p90_days", "to the 90th percentile")
    _dots(ax, rows, "median_days", "median of those over")
    _diamonds(ax, rows, "km_median_days", "median with those open")
    if not ax.collections:
        ax.text(0.5, 0.5, "no stay is over yet", transform=ax.transAxes, ha="center", va="center", color=_INK)
        ax.set_xticks([])
    _beside(ax, [f"{row['finished']:,} + {row['open']:,}" for row in rows], "over + open")
    ax.set_xlim(left=0)
    ax.set_xlabel("days in stage", color=_INK)
    _legend(ax)
    return ax


def flow(moves: Sequence[Row], *, order: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Draw the stages from the top down, with an arc for each move, as wide as it is frequent.

    `moves` are rows of `source`, `dest` and `count`, as `frames.discover` gives; `order` the stages from the top. Moves
    down are drawn at the right, moves back up at the left. Stages without a move are left out.

    Raises:
        DealError: where there is no move.
    """
    seen = dict.fromkeys(name for move in moves for name in (move["source"], move["dest"]))
    names = [name for name in order or seen if name in seen]
    place = {name: number for number, name in enumerate(names)}
    drawn = [move for move in moves if {move["source"], move["dest"]} <= set(place)]
    if not drawn:
        raise DealError("there is no move to draw")
    ax = _axes(ax, names)
    most = max(move["count"] for move in drawn)
    spans = [place[move["dest"]] - place[move["source"]] for move in drawn]
    for move in sorted(drawn, key=lambda each: int(each["count"])):
        _arc(ax, place[move["source"]], place[move["dest"]], move["count"] / most)
    ax.scatter([0] * len(names), range(len(names)), color=_INK, zorder=4, s=26)
    ax.set_xlim(min(0, *spans, 0) * 0.42 - 0.3, max(0, *spans, 0) * 0.42 + 0.3)
    ax.set_xticks([])
    ax.tick_params(axis="y", length=0)
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ways = (("on", _MAIN, max(spans)), ("back", _BACK, -min(spans)))
    lines = [Line2D([], [], color=color, lw=4, label=label) for label, color, longest in ways if longest > 0]
    widest = Line2D([], [], lw=0, label=f"widest arc: {most:,}")
    ax.legend(
        handles=[*lines, widest], loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3, frameon=False, fontsize=8
    )
    return ax


def _arc(ax: Axes, source: int, dest: int, share: float) -> None:
    # A curve goes three quarters of the way to its control points.
    out = (dest - source) * 0.42 / 0.75
    curve = [(0.0, source), (out, source), (out, dest), (0.0, dest)]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    color = _MAIN if dest > source else _BACK
    width = {"alpha": 0.25 + 0.6 * share, "lw": 0.6 + 9 * share}
    ax.add_patch(PathPatch(Path(curve, codes), fill=False, edgecolor=color, capstyle="round", **width))


def forecast(forecast: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the expected sum of each row of a `frames.forecast` with its interval, beside the weighted sum.

    Of one currency in money. Several have no common axis: each is drawn as a share of its own open amount.

    Raises:
        DealError: for a frame of another metric.
    """
    money = ("learned", "low", "high", "weighted")
    rows = _rows(forecast, ("currency", "deals", "amount", *money))
    ax = _axes(ax, _labels(rows, "currency", "currency"))
    currencies = {row["currency"] for row in rows}
    shown = rows if len(currencies) == 1 else [row | {name: _part(row, name) for name in money} for row in rows]
    _spans(ax, shown, "low", "high", "interval of learned")
    _dots(ax, shown, "learned", "learned")
    _diamonds(ax, shown, "weighted", "weighted by declared probability")
    _beside(ax, [f"{row['deals']:,}" for row in rows], "deals")
    if len(currencies) == 1:
        (currency,) = currencies
        ax.set_xlabel(f"amount in {currency}" if currency else "amount", color=_INK, parse_math=False)
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        ax.set_xlim(0, max(*(row["high"] for row in rows), *(row["weighted"] or 0 for row in rows), 1e-9) * 1.03)
    else:
        ax.set_xlabel("share of the open amount in each currency", color=_INK)
        ax.xaxis.set_major_formatter(PercentFormatter(1))
        ax.set_xlim(-0.03, 1.03)
    _legend(ax)
    return ax


def _part(row: Row, name: str) -> float | None:
    return row[name] / row["amount"] if row[name] is not None and row["amount"] else None


def calibration(calibrated: Any, *, ax: Axes | None = None) -> Axes:
    """Draw the forecast and the outcome of each stage of a `frames.calibration`: the nearer the marks, the better.

    Raises:
        DealError: for a frame of another metric.
    """
    rows = _rows(calibrated, ("stage", "learned", "observed", "deals", "low", "high"))
    ax = _axes(ax, _labels(rows, "stage", "position"))
    _spans(ax, rows, "low", "high", "its interval")
    _dots(ax, rows, "learned", "chance that was learnt")
    _diamonds(ax, rows, "observed", "share that was won")
    _beside(ax, [f"{row['deals']:,}" for row in rows], "deals")
    ax.set_xlim(-0.03, 1.03)
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.set_xlabel("won", color=_INK)
    _legend(ax)
    return ax
