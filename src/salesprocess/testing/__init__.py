"""Deal transitions checked in a host's own tests: assertions, paths, generated deals, an oracle, and coverage.

Needs the extra `salesprocess[testing]`; what needs hypothesis or pytest imports it when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salesprocess.testing.assertions import assert_allowed, assert_conforms, assert_moves, assert_refused
    from salesprocess.testing.coverage import Coverage, Point, ProcessCoverage, covering
    from salesprocess.testing.doubles import FrozenClock, RecordingHooks, Seen
    from salesprocess.testing.history_strategies import histories, walks
    from salesprocess.testing.oracle import Adapter, ProcessMachine, process_machine
    from salesprocess.testing.process_paths import Path, Step, paths
    from salesprocess.testing.process_strategies import processes
    from salesprocess.testing.snapshot import assert_unchanged
    from salesprocess.testing.stored import stored_histories
    from salesprocess.testing.strategies import deals_at, deals_failing, deals_meeting

__all__ = [
    "Adapter",
    "Coverage",
    "FrozenClock",
    "Path",
    "Point",
    "ProcessCoverage",
    "ProcessMachine",
    "RecordingHooks",
    "Seen",
    "Step",
    "assert_allowed",
    "assert_conforms",
    "assert_moves",
    "assert_refused",
    "assert_unchanged",
    "covering",
    "deals_at",
    "deals_failing",
    "deals_meeting",
    "histories",
    "paths",
    "process_machine",
    "processes",
    "stored_histories",
    "walks",
]

_MODULES = (
    "assertions",
    "coverage",
    "doubles",
    "snapshot",
    "process_paths",
    "stored",
    "strategies",
    "history_strategies",
    "process_strategies",
    "oracle",
)


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _MODULES:
            loaded = import_module(f"{__name__}.{module}")
            if name in loaded.__all__:
                return getattr(loaded, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
