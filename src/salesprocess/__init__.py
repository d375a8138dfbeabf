"""Sales processes as data: stages, exit criteria and validated moves, for applications to embed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from salesprocess.criteria import *
    from salesprocess.engine import *
    from salesprocess.errors import *
    from salesprocess.history import *
    from salesprocess.process import *

__all__ = [
    "Activity",
    "Alternative",
    "AmbiguousMove",
    "Blocked",
    "CriteriaErrored",
    "Criterion",
    "DealClosed",
    "DealError",
    "Decision",
    "DefinitionError",
    "Engine",
    "FailedEvent",
    "Finding",
    "Forbidden",
    "History",
    "HookEvent",
    "Hooks",
    "MovedEvent",
    "NoTransition",
    "Override",
    "Plan",
    "Problem",
    "ReasonNeeded",
    "SalesProcess",
    "SalesProcessError",
    "Stage",
    "StageChange",
    "StaleDeal",
    "Transition",
    "TransitionRefused",
    "UnknownStage",
    "UnknownTrigger",
    "Veto",
    "Vetoed",
    "WrongVersion",
    "at_least",
    "context",
    "days",
    "fact",
    "hours",
    "now",
    "predicate",
    "replay",
    "time_in_stage",
]


def __getattr__(name: str) -> Any:
    """Return a public name from the package that has it, loaded when it is first asked for."""
    if name in __all__:
        # From the lowest layer up, so that no package is loaded that the one with the name does not need.
        for package in ("errors", "criteria", "process", "history", "engine"):
            found = vars(import_module(f"{__name__}.{package}")).get(name)
            if found is not None:
                return globals().setdefault(name, found)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
