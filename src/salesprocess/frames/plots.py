"""Pictures of the metrics, as matplotlib axes. Needs the extra `plots`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from salesprocess._names import suggestion
from salesprocess.errors import DealError
from salesprocess.frames._forecast import collected
from salesprocess.frames._kinds import open_frame

__all__ = ["calibration", "flow", "forecast", "funnel", "time_in_stage"]

_FEW: Final = 3
_INK: Final = "#1f2933"
_MUTED: Final = "#9aa5b1"
_FAINT: Final = "#d9e2ec"
_MAIN: Final = "#2f6f9f"
_ACCENT: Final = "#d9822b"
_BACK: Final = "#b23b3b"


def _axes(ax: Axes | None, rows: int = 8) -> Axes:
    if ax is None:
        ax = Figure(figsize=(8, max(2.6, 0.42 * rows + 1.0)), layout="constrained").add_subplot()
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color(_MUTED)
    ax.tick_params(colors=_INK, labelsize=9)
    return ax


def _rows(frame: Any, columns: Sequence[str]) -> list[dict[str, Any]]:
    opened = open_frame(frame).frame
    there = opened.collect_schema().names()
    for name in columns:
        if name not in there:
            raise DealError(f"the frame has no column {name!r}{suggestion(name, there)}", expected=there)
    return collected(opened)


def _bars_down(ax: Axes, labels: Sequence[str]) -> None:
    ax.set_yticks(range(len(labels)), labels)
    ax.set_ylim(len(labels) - 0.5, -0.5)


def funnel(reached: Any, entered: Any | None = None, *, ax: Axes | None = None) -> Axes:
    """Bars of a `frames.funnel`, by `reached`; inside them, where it is given, the one by `entered`.

    Raises:
        DealError: for a frame that is no funnel.
    """
    rows = _rows(reached, ("stage", "deals"))
    ax = _axes(ax, len(rows))
    places, deals = range(len(rows)), [row["deals"] for row in rows]
    ax.barh(places, deals, color=_FAINT, height=0.72, label="reached")
    if entered is not None:
        inside = [row["deals"] for row in _rows(entered, ("stage", "deals"))]
        ax.barh(places, inside, color=_MAIN, height=0.46, label="entered")
        ax.legend(loc="lower right", frameon=False, fontsize=9)
    most = max(deals, default=0) or 1
    for place, count in zip(places, deals, strict=True):
        ax.text(count + most * 0.01, place, f"{count:,}", va="center", fontsize=9, color=_INK)
    _bars_down(ax, [row["stage"] for row in rows])
    ax.set_xlim(0, most * 1.12)
    ax.set_xlabel("deals", color=_INK)
    return ax


def time_in_stage(times: Any, *, ax: Axes | None = None) -> Axes:
    """For each stage of a `frames.time_in_stage` the medians, and the way to the 90th percentile.

    Raises:
        DealError: for a frame of another metric.
    """
    rows = _rows(times, ("stage", "median_days", "p90_days", "km_median_days"))
    ax = _axes(ax, len(rows))
    for place, row in enumerate(rows):
        if row["median_days"] is not None and row["p90_days"] is not None:
            ax.plot([row["median_days"], row["p90_days"]], [place, place], color=_FAINT, lw=9, solid_capstyle="butt")
    _dots(ax, rows, "median_days", "o", _MAIN, "median of finished stays")
    _dots(ax, rows, "p90_days", "|", _MUTED, "90th percentile")
    _dots(ax, rows, "km_median_days", "D", _ACCENT, "median, open stays counted in")
    _bars_down(ax, [row["stage"] for row in rows])
    ax.set_xlim(left=0)
    ax.set_xlabel("days in stage", color=_INK)
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, frameon=False, fontsize=8)
    return ax


def _dots(ax: Axes, rows: Sequence[Mapping[str, Any]], name: str, marker: str, color: str, label: str) -> None:
    points = [(row[name], place) for place, row in enumerate(rows) if row[name] is not None and row[name] == row[name]]
    if points:
        days, places = zip(*points, strict=True)
        ax.scatter(days, places, marker=marker, color=color, label=label, zorder=3, s=46)


def flow(moves: Sequence[Mapping[str, Any]], *, order: Sequence[str] | None = None, ax: Axes | None = None) -> Axes:
    """Who goes where: stages in a row and an arc for each move, as wide as it is frequent; backwards below.

    `moves` are rows of `source`, `dest` and `count`, as `frames.discover` gives; `order` the stages from left to right.

    Raises:
        DealError: where there is no move.
    """
    if not moves:
        raise DealError("there is no move to draw")
    names = list(order or dict.fromkeys(name for move in moves for name in (move["source"], move["dest"])))
    place = {name: number for number, name in enumerate(names)}
    ax = _axes(ax, 9)
    most = max(move["count"] for move in moves)
    for move in sorted(moves, key=lambda each: each["count"]):
        if move["source"] in place and move["dest"] in place:
            _arc(ax, place[move["source"]], place[move["dest"]], move["count"] / most)
    ax.scatter(range(len(names)), [0] * len(names), color=_INK, zorder=4, s=30)
    span = len(names)
    ax.set_xlim(-0.6, span - 0.4)
    back = max(
        (place[m["source"]] - place[m["dest"]] for m in moves if {m["source"], m["dest"]} <= set(place)), default=0
    )
    ax.set_ylim(-0.4 * max(back, 0) - 0.4, span * 0.42)
    ax.set_xticks(range(span), names, rotation=35, ha="right")
    ax.set_yticks([])
    for side in ("left", "bottom"):
        ax.spines[side].set_visible(False)
    ax.text(
        0.01, 0.97, "forward: blue, above   back: red, below", transform=ax.transAxes, fontsize=8, color=_INK, va="top"
    )
    return ax


def _arc(ax: Axes, left: int, right: int, share: float) -> None:
    height = (right - left) * 0.5
    curve = [(left, 0.0), (left, height), (right, height), (right, 0.0)]
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    color = _MAIN if right > left else _BACK
    patch = PathPatch(Path(curve, codes), fill=False, edgecolor=color, alpha=0.25 + 0.6 * share, lw=0.6 + 9 * share)
    ax.add_patch(patch)


def forecast(forecast: Any, *, ax: Axes | None = None) -> Axes:
    """For each row of a `frames.forecast` what is expected, with its interval, beside the weighted sum.

    Raises:
        DealError: for a frame of another metric.
    """
    rows = _rows(forecast, ("currency", "learned", "low", "high", "weighted"))
    ax = _axes(ax, len(rows))
    groups = [name for name in rows[0] if name in {"owner", "segment"}] if rows else []
    labels = [" ".join(str(row[name]) for name in (*groups, "currency")) for row in rows]
    for place, row in enumerate(rows):
        ax.plot([row["low"], row["high"]], [place, place], color=_FAINT, lw=11, solid_capstyle="butt")
    _dots(ax, rows, "learned", "o", _MAIN, "learned, with its interval")
    _dots(ax, rows, "weighted", "D", _ACCENT, "weighted by declared probability")
    _bars_down(ax, labels)
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.set_xlabel("amount", color=_INK)
    ax.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.35 if len(rows) < _FEW else -0.16),
        ncols=2,
        frameon=False,
        fontsize=8,
    )
    return ax


def calibration(calibrated: Any, *, ax: Axes | None = None) -> Axes:
    """What was said against what came, of a `frames.calibration`: on the diagonal a forecast is right.

    Raises:
        DealError: for a frame of another metric.
    """
    rows = _rows(calibrated, ("stage", "learned", "observed", "deals", "low", "high"))
    ax = _axes(ax, 9)
    ax.plot([0, 1], [0, 1], color=_MUTED, lw=1, ls="--", zorder=1)
    for row in rows:
        ax.plot([row["low"], row["high"]], [row["observed"]] * 2, color=_FAINT, lw=5, zorder=2)
        ax.annotate(row["stage"], (row["learned"], row["observed"]), (7, 5), textcoords="offset points", fontsize=8)
    most = max((row["deals"] for row in rows), default=1)
    sizes = [30 + 170 * row["deals"] / most for row in rows]
    ax.scatter([row["learned"] for row in rows], [row["observed"] for row in rows], s=sizes, color=_MAIN, zorder=3)
    ax.set_xlim(-0.03, 1.05)
    ax.set_ylim(-0.03, 1.05)
    ax.set_xlabel("chance of winning that was learnt", color=_INK)
    ax.set_ylabel("share that was won", color=_INK)
    return ax
