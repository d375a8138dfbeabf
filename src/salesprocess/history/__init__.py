"""What happened: the past of a deal, kept as changes, from which everything else is derived."""

from __future__ import annotations

from salesprocess.history.change import SourceKind, StageChange
from salesprocess.history.changelog import ImportedLog, read_changes
from salesprocess.history.clocks import Calendar, Clock, Clocks, Overdue, WorkingHours, read_clocks
from salesprocess.history.history import History, Spell
from salesprocess.history.replay import Conformance, Oddity, replay

__all__ = [
    "Calendar",
    "Clock",
    "Clocks",
    "Conformance",
    "History",
    "ImportedLog",
    "Oddity",
    "Overdue",
    "SourceKind",
    "Spell",
    "StageChange",
    "WorkingHours",
    "read_changes",
    "read_clocks",
    "replay",
]
