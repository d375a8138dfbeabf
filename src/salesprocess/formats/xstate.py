"""A process as an XState v5 machine, its criteria as data; `salesprocess-guards.mjs` beside this file asks them."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any, Final

from salesprocess._text import shown, suggestion
from salesprocess.errors import DefinitionError, Problem
from salesprocess.formats import json_
from salesprocess.formats.text_source import process_of, refuse, text_of
from salesprocess.process import CLOSED_KINDS, SalesProcess

__all__ = ["DROPS", "dumps", "guards_source", "loads", "machine"]

DROPS: Final = (
    "a decision: a machine moves or does not, and says nothing of what is missing (ask `answer` of the guards)",
    "the refusal of an ambiguous move: a machine takes the first that is allowed, unless the event says `to`",
    "hooks, overrides and the record of a change: they belong to the host",
)
"""What a machine does not do that an engine does; nothing of the definition is lost."""

_GUARD: Final = "salesprocess.gate"
_META: Final = "salesprocess"
_NO_STAGE_HAS: Final = frozenset({"states", "always", "after", "invoke", "entry", "exit", "parallel", "script"})


def machine(process: SalesProcess) -> dict[str, Any]:
    """The machine's configuration, for `createMachine`.

    A stage is a state, tagged with its kind; its guards hold the whole gate of each move. A closed stage that nothing
    leads out of is a final state. Give the deal's facts as the machine's `context`, or as `facts` with each event.
    """
    states: dict[str, dict[str, Any]] = {}
    leaves = {move.source for move in process.moves()}
    for stage in process.stages:
        state: dict[str, Any] = {"tags": [stage.kind], "meta": {_META: _plain(stage)}}
        if stage.objective:
            state["description"] = stage.objective
        if stage.kind in CLOSED_KINDS and stage.key not in leaves:
            state["type"] = "final"
        states[stage.key] = state
    for order, transition in enumerate(process.transitions):
        own = _plain(transition) | {"order": order}
        for source in process.sources(transition):
            entry = {"target": f"#{process.key}.{transition.dest}", "reenter": True, "meta": {_META: own}}
            params: dict[str, Any] = {"dest": transition.dest}
            if transition.needs_reason:
                params["needs_reason"] = True
                params |= {"reasons": list(transition.reasons)} if transition.reasons else {}
            criteria = process.gate(source, transition)
            params |= {"criteria": [_plain(each) for each in criteria]} if criteria else {}
            entry["guard"] = {"type": _GUARD, "params": params}
            states[source].setdefault("on", {}).setdefault(transition.trigger, []).append(entry)
    own = _plain(process)
    meta = {name: value for name, value in own.items() if name not in {"stages", "transitions"}}
    return {"id": process.key, "initial": process.initial.key, "states": states, "meta": {_META: meta}}


def dumps(process: SalesProcess) -> str:
    """The machine's configuration as JSON text; `loads` gives the process back."""
    return json.dumps(machine(process), indent=2, ensure_ascii=False) + "\n"


def loads(text: str | bytes, *, name: str = "the XState machine") -> SalesProcess:
    """The process that `dumps` wrote, stages and moves as the machine has them now.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True

    A machine of another's making is read where it is flat: its states become open stages, final ones won.

    Raises:
        DefinitionError: for nested states, for guards and actions that are not ours, and for moves that were changed
            in one place and not in the other.
    """
    return process_from(parsed(text, name), name)


def parsed(text: str | bytes, name: str) -> Any:
    """The data of a JSON text, within bounds."""
    return json_.parse(text_of(text, name), name)


def process_from(data: Any, name: str) -> SalesProcess:
    """The process that a machine's configuration means."""
    if not isinstance(data, dict) or not isinstance(data.get("states"), dict):
        refuse(name, "not_a_machine", f"expected a machine with states, found {shown(data)}")
    reader = _Reader(data["states"])
    stages = [reader.stage(key, state) for key, state in data["states"].items()]
    moves = reader.moves()
    if reader.problems:
        raise DefinitionError(name, reader.problems)
    key = str(data.get("id", "")).lower()
    process = {"key": key, **_own(data), "stages": stages, "transitions": moves}
    return process_of(process, name, dict)


def guards_source() -> str:
    """The text of `salesprocess-guards.mjs`, to write beside the machine."""
    return resources.files("salesprocess.formats").joinpath("salesprocess-guards.mjs").read_text(encoding="utf-8")


def _plain(part: Any) -> dict[str, Any]:
    plain: dict[str, Any] = part.model_dump(mode="json", exclude_defaults=True)
    return plain


def _own(node: dict[str, Any]) -> dict[str, Any]:
    meta = node.get("meta")
    own = meta.get(_META) if isinstance(meta, dict) else None
    return dict(own) if isinstance(own, dict) else {}


class _Reader:
    def __init__(self, states: dict[str, Any]) -> None:
        self._states = states
        self.problems: list[Problem] = []

    def stage(self, key: str, state: Any) -> dict[str, Any]:
        """The stage that a state means."""
        if not isinstance(state, dict):
            self._refuse("not_a_state", f"states.{key}", f"expected a state, found {shown(state)}")
            return {"key": key}
        for unknown in (name for name in state if name in _NO_STAGE_HAS):
            self._refuse("not_ours", f"states.{key}.{unknown}", f"a stage has no {unknown!r}")
        return {"kind": "won" if state.get("type") == "final" else "open", **_own(state), "key": key}

    def moves(self) -> list[dict[str, Any]]:
        """The transitions, each with all the states that it leaves."""
        found: dict[str, tuple[float, dict[str, Any]]] = {}
        for source, state in self._states.items():
            on = state.get("on", {}) if isinstance(state, dict) else {}
            for trigger, entries in on.items():
                for entry in entries if isinstance(entries, list) else [entries]:
                    move = self._move(source, trigger, {"target": entry} if isinstance(entry, str) else entry)
                    order = move.pop("order", len(found))
                    found.setdefault(json.dumps(move, sort_keys=True), (order, move))
        return [move for _, move in sorted(found.values(), key=lambda each: each[0])]

    def _move(self, source: str, trigger: str, entry: dict[str, Any]) -> dict[str, Any]:
        path = f"states.{source}.on.{trigger}"
        dest = str(entry.get("target", source)).rpartition(".")[2]
        own = _own(entry)
        if dest not in self._states:
            self._refuse("unknown_state", path, f"no state {dest!r}{suggestion(dest, self._states)}")
        guard = entry.get("guard")
        if guard is not None and (not isinstance(guard, dict) or guard.get("type") != _GUARD):
            self._refuse("not_ours", f"{path}.guard", f"{shown(guard)} is no criterion: write it as one")
        if "actions" in entry:
            self._refuse("not_ours", f"{path}.actions", "a move has no actions: hooks are the host's")
        if own and (own.get("trigger"), own.get("dest")) != (trigger, dest):
            self._refuse("changed", path, f"the move leads to {dest!r}, and its meta says {own.get('dest')!r}")
        return own or {"trigger": trigger, "source": [source], "dest": dest}

    def _refuse(self, code: str, path: str, message: str) -> None:
        self.problems.append(Problem(code, path, message))
