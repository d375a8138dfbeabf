"""Sales processes as data: stages, exit criteria and validated moves, for applications to embed."""

from __future__ import annotations

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
from salesprocess.decision import Alternative, Decision, Override, Plan, StageChange
from salesprocess.engine import Engine
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
from salesprocess.hooks import HookEvent, Hooks, Veto
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
    "time_in_stage",
]
