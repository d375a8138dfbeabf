"""The funnel told right, on the dataframe that the caller has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from salesprocess.frames._bottleneck import bottleneck
from salesprocess.frames._columns import events
from salesprocess.frames._conform import VERDICTS, conform, conform_codes
from salesprocess.frames._discover import Discovered, discover, variants
from salesprocess.frames._example import example_log
from salesprocess.frames._forecast import backtest, calibration, chances, forecast
from salesprocess.frames._funnel import conversion, funnel
from salesprocess.frames._gate_table import gate
from salesprocess.frames._outcomes import cohorts, loss_reasons, outcomes, velocity, win_rate
from salesprocess.frames._stays import spells
from salesprocess.frames._times import stalled, time_in_stage
from salesprocess.frames._writers import to_ocel, to_pm4py, to_xes

if TYPE_CHECKING:
    from salesprocess.frames._report import report

__all__ = [
    "VERDICTS",
    "Discovered",
    "backtest",
    "bottleneck",
    "calibration",
    "chances",
    "cohorts",
    "conform",
    "conform_codes",
    "conversion",
    "discover",
    "events",
    "example_log",
    "forecast",
    "funnel",
    "gate",
    "loss_reasons",
    "outcomes",
    "report",
    "spells",
    "stalled",
    "time_in_stage",
    "to_ocel",
    "to_pm4py",
    "to_xes",
    "variants",
    "velocity",
    "win_rate",
]


def __getattr__(name: str) -> Any:
    """Return the report, imported when it is asked for, since it alone needs matplotlib."""
    if name == "report":
        from salesprocess.frames._report import report  # noqa: PLC0415

        return report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
