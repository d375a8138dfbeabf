"""What happens: an engine decides and makes the moves of a host's deals."""

from __future__ import annotations

from salesprocess.engine.decision import Alternative, Decision, DecisionKind, Override, Plan
from salesprocess.engine.engine import Engine
from salesprocess.engine.hooks import Hook, HookEvent, Hooks, Veto

__all__ = [
    "Alternative",
    "Decision",
    "DecisionKind",
    "Engine",
    "Hook",
    "HookEvent",
    "Hooks",
    "Override",
    "Plan",
    "Veto",
]
