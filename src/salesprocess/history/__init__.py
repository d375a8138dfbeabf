"""The past of a deal: kept as changes, everything else derived from them."""

from __future__ import annotations

from salesprocess.history._changelog import ImportedLog, read_changes
from salesprocess.history._history import History, Spell
from salesprocess.history._replay import Conformance, Oddity, replay

__all__ = ["Conformance", "History", "ImportedLog", "Oddity", "Spell", "read_changes", "replay"]
