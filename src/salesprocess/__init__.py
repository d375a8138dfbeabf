"""Sales processes as data: stages, exit criteria and validated moves, for applications to embed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from salesprocess.criteria import (
        Criterion,
        Finding,
        at_least,
        context,
        days,
        fact,
        hours,
        now,
        predicate,
        time_in_stage,
    )
    from salesprocess.engine import Alternative, Decision, Engine, HookEvent, Hooks, Override, Plan, Veto
    from salesprocess.errors import (
        AmbiguousMove,
        Blocked,
        CriteriaErrored,
        DealClosed,
        DealError,
        DefinitionError,
        NoTransition,
        Problem,
        ReasonNeeded,
        SalesProcessError,
        StaleDeal,
        TransitionRefused,
        UnknownTrigger,
        Vetoed,
    )
    from salesprocess.history import History, StageChange
    from salesprocess.history.replay import replay
    from salesprocess.process import Activity, SalesProcess, Stage, Transition

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
    "Finding",
    "History",
    "HookEvent",
    "Hooks",
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
    "UnknownTrigger",
    "Veto",
    "Vetoed",
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

# Each name is imported when it is first asked for, so that the import of the package alone is quick.
_NAMES: Final = {
    "criteria": "Criterion Finding at_least context days fact hours now predicate time_in_stage",
    "engine": "Alternative Decision Engine HookEvent Hooks Override Plan Veto",
    "errors": (
        "AmbiguousMove Blocked CriteriaErrored DealClosed DealError DefinitionError NoTransition Problem ReasonNeeded "
        "SalesProcessError StaleDeal TransitionRefused UnknownTrigger Vetoed"
    ),
    "history": "History StageChange replay",
    "process": "Activity SalesProcess Stage Transition",
}
_MODULES: Final = {name: module for module, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
