"""A process as an XState v5 machine, its criteria as data; `salesprocess-guards.mjs` beside this file asks them."""

from __future__ import annotations

from importlib import resources
from typing import Any, Final

from salesprocess.formats.json_ import json_text, parse, plain
from salesprocess.formats.loading import text_of
from salesprocess.formats.statecharts import (
    GUARD,
    META,
    is_final,
    own_of_move,
    own_of_process,
    process_of_machine,
)
from salesprocess.process import SalesProcess
from salesprocess.process.graph import Move

__all__ = ["DROPS", "dumps", "guards_source", "loads", "machine"]

DROPS: Final = (
    "a decision: a machine moves or does not, and says nothing of what is missing (ask `answer` of the guards)",
    "the refusal of an ambiguous move: a machine takes the first that is allowed, unless the event says `to`",
    "hooks, overrides and the record of a change: they belong to the host",
)
"""What a machine does not do that an engine does; nothing of the definition is lost."""


def machine(process: SalesProcess) -> dict[str, Any]:
    """Return the machine's configuration, for `createMachine`.

    A stage is a state, tagged with its kind; its guards hold the whole gate of each move. A closed stage that no move
    leaves is a final state. Give the deal's facts as the machine's `context`, or as `facts` with each event.
    """
    states: dict[str, dict[str, Any]] = {}
    for stage in process.stages:
        state: dict[str, Any] = {"tags": [stage.kind], "meta": {META: plain(stage)}}
        if stage.objective:
            state["description"] = stage.objective
        if is_final(process, stage.key):
            state["type"] = "final"
        states[stage.key] = state
    for move in process.moves():
        states[move.source].setdefault("on", {}).setdefault(move.trigger, []).append(_entry(process, move))
    meta = {META: own_of_process(process)}
    return {"id": process.key, "initial": process.initial.key, "states": states, "meta": meta}


def _entry(process: SalesProcess, move: Move) -> dict[str, Any]:
    transition = move.transition
    params: dict[str, Any] = {"dest": move.dest}
    if transition.needs_reason:
        params["needs_reason"] = True
        params |= {"reasons": list(transition.reasons)} if transition.reasons else {}
    params |= {"criteria": [plain(criterion) for criterion in move.gate]} if move.gate else {}
    return {
        "target": f"#{process.key}.{move.dest}",
        "reenter": True,
        "meta": {META: own_of_move(move)},
        "guard": {"type": GUARD, "params": params},
    }


def dumps(process: SalesProcess) -> str:
    """Return the machine's configuration as JSON text; `loads` gives the process back."""
    return json_text(machine(process))


def loads(text: str | bytes, *, name: str = "the XState machine") -> SalesProcess:
    """Return the process that `dumps` wrote, with the stages and moves that the machine has now.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True

    A machine of another's making is read if it is flat: its states become open stages, final ones won.

    Raises:
        DefinitionError: for nested states, for guards and actions that are not the library's, and for moves that were
            changed in one place and not in the other.
    """
    return process_of_machine(parse(text_of(text, name), name), name)


def guards_source() -> str:
    """Return the text of `salesprocess-guards.mjs`, to write beside the machine."""
    return resources.files("salesprocess.formats").joinpath("salesprocess-guards.mjs").read_text(encoding="utf-8")
