"""A process as SCXML (W3C, 2015), for the state machines of other languages; python-statemachine loads it."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import chain, count
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement

from salesprocess.criteria import Criterion, required
from salesprocess.errors import DefinitionError
from salesprocess.formats import safe_xml
from salesprocess.formats.json_ import parse, plain
from salesprocess.formats.loading import text_of
from salesprocess.formats.scxml_conditions import ScxmlConditions, literal
from salesprocess.formats.statecharts import META, is_final, own_of_move, own_of_process, process_of_machine
from salesprocess.process import SalesProcess, Transition
from salesprocess.process.graph import Move
from salesprocess.targets.comparisons import Given, compiled

__all__ = ["DROPS", "asked_of_host", "dumps", "loads"]

DROPS: Final = (
    "a decision: a machine moves or does not, and says nothing of what is missing",
    "hooks, overrides and the record of a change: they belong to the host",
    "the refusal of an ambiguous move: the first that is allowed is taken, unless the datum `sp_to` names one",
    "the truth of a list, which languages do not agree on: count it instead",
)
"""What the document does not do that an engine does; nothing of the definition is lost."""

_OURS: Final = "urn:salesprocess"
# SCXML's names for what XState calls otherwise.
_XSTATE_NAMES: Final = {"onentry": "entry", "onexit": "exit", "transition": "always"}


def dumps(process: SalesProcess) -> str:
    """Return the process as an SCXML document; `loads` gives it back.

    A stage is a state and its gates are conditions over a datum for each fact, null while it is unknown. A criterion
    that a condition cannot say, such as a count or a time, is a datum of its own that the host sets to true: see
    `asked_of_host`. A move that needs a reason asks for the datum `sp_reason`.
    """
    writer = _MoveWriter()
    root = Element("scxml", {"version": "1.0", "datamodel": "ecmascript", "initial": process.initial.key})
    root.attrib |= {"xmlns": "http://www.w3.org/2005/07/scxml", "xmlns:sp": _OURS, "name": process.key}
    root.set("sp:own", _compact_json(own_of_process(process)))
    datamodel = SubElement(root, "datamodel")
    for stage in process.stages:
        tag = "final" if is_final(process, stage.key) else "state"
        state = SubElement(root, tag, {"id": stage.key, "sp:own": _compact_json(plain(stage))})
        writer.write(process.graph.out_of[stage.key], state)
    # No `expr`: some take a datum that is set to null for one that is missing.
    for name in writer.data:
        SubElement(datamodel, "data", {"id": name})
    return safe_xml.write(root)


def asked_of_host(process: SalesProcess) -> dict[str, Criterion]:
    """Return the data that the host sets itself, each with the criterion that it stands for: true if that is met."""
    writer = _MoveWriter()
    for moves in process.graph.out_of.values():
        writer.write(moves, Element("state"))
    return {name: criterion for criterion, name in writer.asked.items()}


def loads(text: str | bytes, *, name: str = "the SCXML document") -> SalesProcess:
    """Return the process that `dumps` wrote, with the stages and moves that the document has now.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True

    A document of another's making is read if it is flat and without conditions.

    Raises:
        DefinitionError: for a text that is not such XML, has a document type, or says what a process cannot.
    """
    root = safe_xml.parse(text, name, "scxml")
    states: dict[str, Any] = {}
    for node in root:
        if node.tag in {"state", "final"}:
            states[node.get("id", "")] = _state(node)
        elif node.tag != "datamodel":
            states[node.tag] = {node.tag: True}
    return process_of_machine({"id": root.get("name", ""), "states": states, "meta": _meta(root)}, name)


class _MoveWriter:
    """Writes moves with their conditions, and collects the data that the conditions need."""

    def __init__(self) -> None:
        self.data: dict[str, None] = {}
        self.asked: dict[Criterion, str] = {}

    def write(self, moves: tuple[Move, ...], state: Element) -> None:
        """Add the ways out of a stage to its state."""
        rivals = Counter(move.trigger for move in moves)
        for move in moves:
            node = SubElement(state, "transition", {"event": move.trigger, "target": move.dest})
            conditions = self._conditions(move, has_rivals=rivals[move.trigger] > 1)
            if conditions:
                node.set("cond", " && ".join(conditions))
            node.set("sp:own", _compact_json(own_of_move(move)))

    def _conditions(self, move: Move, *, has_rivals: bool) -> list[str]:
        conditions = []
        if has_rivals:
            conditions.append(f"(sp_to == null || sp_to == {literal(move.dest)})")
            self.data["sp_to"] = None
        if move.transition.needs_reason:
            conditions.append(self._of_reason(move.transition))
        conditions += [self._of_criterion(each) for each in required(move.gate)]
        return conditions

    def _of_criterion(self, criterion: Criterion) -> str:
        try:
            condition = compiled(criterion, ScxmlConditions(), Given()).met.yes
        except DefinitionError:
            return f"{self._asked_as(criterion)} == true"
        self.data |= dict.fromkeys(criterion.facts())
        return condition

    def _asked_as(self, criterion: Criterion) -> str:
        """Return the name of the datum that stands for a criterion."""
        if criterion not in self.asked:
            plain_name = f"sp_{re.sub(r'[^A-Za-z0-9]+', '_', criterion.key).strip('_')[:60]}"
            taken = {"sp_to", "sp_reason", "sp_reason_fits", *self.asked.values()}
            numbered = (f"{plain_name}_{number}" for number in count(2))
            self.asked[criterion] = next(name for name in chain([plain_name], numbered) if name not in taken)
        self.data[self.asked[criterion]] = None
        return self.asked[criterion]

    def _of_reason(self, transition: Transition) -> str:
        self.data["sp_reason"] = None
        try:
            fitting = " || ".join(f"sp_reason == {literal(reason)}" for reason in transition.reasons)
        except DefinitionError:
            self.data["sp_reason_fits"] = None
            return "sp_reason_fits == true"
        return f"({fitting})" if fitting else "(sp_reason != null && sp_reason != '')"


def _state(node: Element) -> dict[str, Any]:
    """Return the state in XState's form, which `process_of_machine` reads."""
    state: dict[str, Any] = {"meta": _meta(node), "on": {}} | ({"type": "final"} if node.tag == "final" else {})
    for inner in node:
        if inner.tag == "transition" and inner.get("event"):
            entry: dict[str, Any] = {"target": inner.get("target", node.get("id")), "meta": _meta(inner)}
            if inner.get("cond") and not entry["meta"]:
                entry["guard"] = inner.get("cond")
            state["on"].setdefault(inner.get("event"), []).append(entry)
        else:
            state[_XSTATE_NAMES.get(inner.tag, "states")] = True
    return state


def _meta(node: Element) -> dict[str, Any]:
    text = node.get(f"{_OURS}}}own")
    name = "the attribute sp:own"
    return {} if text is None else {META: parse(text_of(text, name), name)}


def _compact_json(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))
