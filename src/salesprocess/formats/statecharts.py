"""What XState and SCXML share: the parts of a process that a machine carries, and a process made of its states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from salesprocess._text import shown, suggestion
from salesprocess.errors import DefinitionError, Problem
from salesprocess.formats.json_ import plain
from salesprocess.formats.loading import process_from, refuse
from salesprocess.process import CLOSED_KINDS, SalesProcess
from salesprocess.process.graph import Move

META: Final = "salesprocess"
GUARD: Final = "salesprocess.gate"
_FEATURES_NO_STAGE_HAS: Final = frozenset(
    {"states", "always", "after", "invoke", "entry", "exit", "parallel", "script"}
)


def is_final(process: SalesProcess, stage: str) -> bool:
    """Whether a stage is closed and no move leaves it."""
    return process.graph.stages[stage].kind in CLOSED_KINDS and not process.graph.out_of[stage]


def own_of_process(process: SalesProcess) -> dict[str, Any]:
    """Return what a machine carries of the process itself, besides its stages and moves."""
    return {name: value for name, value in plain(process).items() if name not in {"stages", "transitions"}}


def own_of_move(move: Move) -> dict[str, Any]:
    """Return what a machine carries of a move: its transition, and the place of that among the transitions."""
    return plain(move.transition) | {"order": move.index}


def process_of_machine(machine: Any, name: str) -> SalesProcess:
    """Return the process that a machine in XState's form describes; `name` is what errors call it.

    Raises:
        DefinitionError: for nested states, for guards and actions that are not the library's, and for moves that were
            changed in one place and not in the other.
    """
    if not isinstance(machine, dict) or not isinstance(machine.get("states"), dict):
        refuse(name, "not_a_machine", f"expected a machine with states, found {shown(machine)}")
    reader = _StateReader(machine["states"])
    stages = [reader.stage(key, state) for key, state in machine["states"].items()]
    transitions = reader.transitions()
    if reader.problems:
        raise DefinitionError(name, reader.problems)
    key = str(machine.get("id", "")).lower()
    process = {"key": key, **_own(machine), "stages": stages, "transitions": transitions}
    return process_from(process, name, dict)


def _own(node: dict[str, Any]) -> dict[str, Any]:
    """Return what the library wrote into a node's `meta`."""
    meta = node.get("meta")
    own = meta.get(META) if isinstance(meta, dict) else None
    return dict(own) if isinstance(own, dict) else {}


class _StateReader:
    """Reads states with their moves, and collects every problem."""

    def __init__(self, states: dict[str, Any]) -> None:
        self._states = states
        self.problems: list[Problem] = []

    def stage(self, key: str, state: Any) -> dict[str, Any]:
        """Return the stage that a state stands for: won if it is a final state of another's making, else open."""
        if not isinstance(state, dict):
            self._report("not_a_state", f"states.{key}", f"expected a state, found {shown(state)}")
            return {"key": key}
        for feature in (name for name in state if name in _FEATURES_NO_STAGE_HAS):
            self._report("not_ours", f"states.{key}.{feature}", f"a stage has no {feature!r}")
        return {"kind": "won" if state.get("type") == "final" else "open", **_own(state), "key": key}

    def transitions(self) -> list[dict[str, Any]]:
        """Return the transitions in their order, each once though several states have it."""
        found: dict[str, tuple[float, dict[str, Any]]] = {}
        for source, trigger, entry in self._entries():
            transition = self._transition(source, trigger, entry)
            order = transition.pop("order", len(found))
            # Each state carries the whole transition, which has all of its sources.
            found.setdefault(json.dumps(transition, sort_keys=True), (order, transition))
        return [transition for _, transition in sorted(found.values(), key=lambda each: each[0])]

    def _entries(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        for source, state in self._states.items():
            on = state.get("on", {}) if isinstance(state, dict) else {}
            for trigger, entries in on.items():
                for entry in entries if isinstance(entries, list) else [entries]:
                    yield source, trigger, {"target": entry} if isinstance(entry, str) else entry

    def _transition(self, source: str, trigger: str, entry: dict[str, Any]) -> dict[str, Any]:
        path = f"states.{source}.on.{trigger}"
        dest = str(entry.get("target", source)).rpartition(".")[2]
        own = _own(entry)
        if dest not in self._states:
            self._report("unknown_state", path, f"unknown state {dest!r}{suggestion(dest, self._states)}")
        guard = entry.get("guard")
        if guard is not None and (not isinstance(guard, dict) or guard.get("type") != GUARD):
            self._report("not_ours", f"{path}.guard", f"{shown(guard)} is no criterion: write it as one")
        if "actions" in entry:
            self._report("not_ours", f"{path}.actions", "a move has no actions: hooks are the host's")
        if own and (own.get("trigger"), own.get("dest")) != (trigger, dest):
            message = f"the move leads to {dest!r}, but its meta says {own.get('dest')!r}"
            self._report("changed", path, message)
        return own or {"trigger": trigger, "source": [source], "dest": dest}

    def _report(self, code: str, path: str, message: str) -> None:
        self.problems.append(Problem(code, path, message))
