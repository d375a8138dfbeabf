"""What is allowed: stages, and the transitions between them, as frozen data."""

from __future__ import annotations

from salesprocess.process.linear import Policy
from salesprocess.process.process import SalesProcess
from salesprocess.process.stages import (
    ALL_OPEN,
    CLOSED_KINDS,
    Activity,
    Direction,
    Forecast,
    Kind,
    Phase,
    Stage,
    Transition,
)

__all__ = [
    "ALL_OPEN",
    "CLOSED_KINDS",
    "Activity",
    "Direction",
    "Forecast",
    "Kind",
    "Phase",
    "Policy",
    "SalesProcess",
    "Stage",
    "Transition",
]
