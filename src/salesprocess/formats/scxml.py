"""A process as SCXML (W3C, 2015), for the state machines of other languages; python-statemachine loads it."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import chain, count
from typing import Any, Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from salesprocess.criteria import Criterion
from salesprocess.errors import DefinitionError
from salesprocess.formats import safe_xml, xstate
from salesprocess.formats.scxml_conditions import Conditions, written
from salesprocess.process import CLOSED_KINDS, SalesProcess, Transition
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


def dumps(process: SalesProcess) -> str:
    """The process as an SCXML document; `loads` gives it back.

    A stage is a state and its gates are conditions over a datum for each fact, null while it is unknown. A criterion
    that a condition cannot say, such as a count or a time, is a datum of its own that the host sets to true: see
    `asked_of_host`. A move that needs a reason asks for the datum `sp_reason`.
    """
    writer = _Writer(process)
    root = Element("scxml", {"version": "1.0", "datamodel": "ecmascript", "initial": process.initial.key})
    root.attrib |= {"xmlns": "http://www.w3.org/2005/07/scxml", "xmlns:sp": _OURS, "name": process.key}
    root.set("sp:own", _json({k: v for k, v in _plain(process).items() if k not in {"stages", "transitions"}}))
    datamodel = SubElement(root, "datamodel")
    leaves = {move.source for move in process.moves()}
    for stage in process.stages:
        is_final = stage.kind in CLOSED_KINDS and stage.key not in leaves
        state = SubElement(root, "final" if is_final else "state", {"id": stage.key, "sp:own": _json(_plain(stage))})
        writer.write_moves(stage.key, state)
    # No `expr`: to some, a datum that is said to be null is one that is not there.
    for name in writer.data:
        SubElement(datamodel, "data", {"id": name})
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def asked_of_host(process: SalesProcess) -> dict[str, Criterion]:
    """The data that the host sets itself, each with the criterion that it stands for: true where that is met."""
    writer = _Writer(process)
    for stage in process.stages:
        writer.write_moves(stage.key, Element("state"))
    return {name: criterion for criterion, name in writer.asked.items()}


def loads(text: str | bytes, *, name: str = "the SCXML document") -> SalesProcess:
    """The process that `dumps` wrote, stages and moves as the document has them now.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True

    A document of another's making is read where it is flat and without conditions.

    Raises:
        DefinitionError: for what is no such XML, has a document type, or says what a process does not.
    """
    root = safe_xml.parse(text, name, "scxml")
    states: dict[str, Any] = {}
    for node in root:
        if node.tag in {"state", "final"}:
            states[node.get("id", "")] = _state(node)
        elif node.tag != "datamodel":
            states[node.tag] = {node.tag: True}
    return xstate.process_from({"id": root.get("name", ""), "states": states, "meta": _own(root)}, name)


class _Writer:
    """Conditions, with the data that they turn out to need."""

    def __init__(self, process: SalesProcess) -> None:
        self._process = process
        self._orders = {id(transition): order for order, transition in enumerate(process.transitions)}
        self.data: dict[str, None] = {}
        self.asked: dict[Criterion, str] = {}

    def write_moves(self, source: str, state: Element) -> None:
        """Adds the ways out of a stage to its state."""
        moves = [move.transition for move in self._process.graph.out_of[source]]
        rivals = Counter(transition.trigger for transition in moves)
        for transition in moves:
            parts = [self._of_criterion(each) for each in self._process.gate(source, transition) if _counts(each)]
            if transition.needs_reason:
                parts.insert(0, self._of_reason(transition))
            if rivals[transition.trigger] > 1:
                parts.insert(0, f"(sp_to == null || sp_to == {written(transition.dest)})")
                self.data["sp_to"] = None
            own = _json(_plain(transition) | {"order": self._orders[id(transition)]})
            node = SubElement(state, "transition", {"event": transition.trigger, "target": transition.dest})
            if parts:
                node.set("cond", " && ".join(parts))
            node.set("sp:own", own)

    def _of_criterion(self, criterion: Criterion) -> str:
        try:
            condition = compiled(criterion, Conditions(), Given()).met.yes
        except DefinitionError:
            return f"{self._asked_as(criterion)} == true"
        self.data |= dict.fromkeys(criterion.facts())
        return condition

    def _asked_as(self, criterion: Criterion) -> str:
        if criterion not in self.asked:
            plain = f"sp_{re.sub(r'[^A-Za-z0-9]+', '_', criterion.key).strip('_')[:60]}"
            taken = {"sp_to", "sp_reason", "sp_reason_fits", *self.asked.values()}
            others = (f"{plain}_{number}" for number in count(2))
            self.asked[criterion] = next(name for name in chain([plain], others) if name not in taken)
        self.data[self.asked[criterion]] = None
        return self.asked[criterion]

    def _of_reason(self, transition: Transition) -> str:
        self.data["sp_reason"] = None
        try:
            fitting = " || ".join(f"sp_reason == {written(reason)}" for reason in transition.reasons)
        except DefinitionError:
            self.data["sp_reason_fits"] = None
            return "sp_reason_fits == true"
        return f"({fitting})" if fitting else "(sp_reason != null && sp_reason != '')"


def _counts(criterion: Criterion) -> bool:
    return criterion.severity == "required"


def _state(node: Element) -> dict[str, Any]:
    """The state as an XState one, whose reader knows what to make of it."""
    state: dict[str, Any] = {"meta": _own(node), "on": {}} | ({"type": "final"} if node.tag == "final" else {})
    for inner in node:
        if inner.tag == "transition" and inner.get("event"):
            entry: dict[str, Any] = {"target": inner.get("target", node.get("id")), "meta": _own(inner)}
            if inner.get("cond") and not entry["meta"]:
                entry["guard"] = inner.get("cond")
            state["on"].setdefault(inner.get("event"), []).append(entry)
        else:
            state[{"onentry": "entry", "onexit": "exit", "transition": "always"}.get(inner.tag, "states")] = True
    return state


def _own(node: Element) -> dict[str, Any]:
    text = node.get(f"{_OURS}}}own")
    return {} if text is None else {"salesprocess": xstate.parsed(text, "the attribute sp:own")}


def _plain(part: Any) -> dict[str, Any]:
    plain: dict[str, Any] = part.model_dump(mode="json", exclude_defaults=True)
    return plain


def _json(data: dict[str, Any]) -> str:
    return json.dumps(data, separators=(",", ":"))
