"""A machine of the `transitions` library as a process, and a process as the arguments of a machine.

That library knows states, not what they mean for a sale, and its conditions are functions. So the kind of a stage is
taken from its name or from `kinds=`, and a condition becomes a predicate that the engine is given by name. What had
to be assumed, and what could not be carried over, is listed with the process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

from salesprocess._text import shown, suggestion
from salesprocess.criteria import Criterion, Rule, predicate, required
from salesprocess.formats.crm_import import Import, Imported
from salesprocess.formats.loading import refuse
from salesprocess.process import Kind, SalesProcess, Stage, Transition

__all__ = ["DROPS", "dump", "load"]

DROPS: Final = (
    "names, guidance and probabilities of stages; a machine has the key, and the name as `label` in diagrams",
    "rules: a condition is the name of a method that the model has to have, one for each required criterion",
    "advisory criteria, reasons, the processes that a move starts, and the kind of a stage but `final`",
)
"""What `dump` does not write of a process."""

_SOURCE: Final = "the transitions machine"
_CALLBACKS: Final = ("before", "after", "prepare", "on_enter", "on_exit")
# Names under which a stage says what it is; every other stage is taken as open.
_KINDS: Final[dict[str, Kind]] = {
    "won": "won",
    "closed_won": "won",
    "customer": "won",
    "lost": "lost",
    "closed_lost": "lost",
    "rejected": "lost",
    "disqualified": "disqualified",
    "on_hold": "on_hold",
    "paused": "on_hold",
}
Data: TypeAlias = Mapping[str, Any]


class _State(NamedTuple):
    name: str
    final: bool
    callbacks: tuple[str, ...]


class _Way(NamedTuple):
    trigger: str
    source: str
    dest: str | None
    conditions: tuple[tuple[str, bool], ...]
    callbacks: tuple[str, ...]


def load(machine: Any, *, key: str = "machine", kinds: Mapping[str, Kind] | None = None) -> Imported:
    """Return the process of a `transitions.Machine`, or of its markup.

    `kinds` says what states mean for a sale; a state that it does not name is open, unless its name says otherwise.
    The conditions are predicates: give the functions to `Engine(predicates={...})`.

    >>> machine = {
    ...     "states": ["lead", "offer", "won", "lost"],
    ...     "initial": "lead",
    ...     "transitions": [
    ...         {"trigger": "qualify", "source": "lead", "dest": "offer", "conditions": "has_budget"},
    ...         {"trigger": "sign", "source": "offer", "dest": "won"},
    ...         ["lose", ["lead", "offer"], "lost"],
    ...     ],
    ... }
    >>> imported = load(machine)
    >>> [(move.trigger, move.source, move.dest) for move in imported.process.moves()]
    [('qualify', 'lead', 'offer'), ('sign', 'offer', 'won'), ('lose', 'lead', 'lost'), ('lose', 'offer', 'lost')]
    >>> [str(criterion.rule) for criterion in imported.process.transitions[0].criteria]
    ['has_budget holds']

    Raises:
        DefinitionError: for nested states, a condition without a name, an unknown state, and what is no machine.
    """
    importing = Import(_SOURCE)
    states, ways, initial = _from_markup(machine) if isinstance(machine, Mapping) else _from_machine(machine)
    names = [state.name for state in states]
    for name in kinds or {}:
        if name not in names:
            refuse(_SOURCE, "unknown_state", f"unknown state {name!r} in kinds={suggestion(name, names)}")
    if initial in names and initial != names[0]:
        importing.assume("order", "states", f"the initial state {initial!r} was put first, since deals start there")
        states = sorted(states, key=lambda state: state.name != initial)
    keys = dict(
        zip([state.name for state in states], importing.keys([each.name for each in states], "states"), strict=True)
    )
    stages = [_stage(state, keys[state.name], kinds or {}, importing) for state in states]
    transitions = list(_transitions(ways, keys, importing))
    return importing.finish_with_moves(key, "", stages, transitions)


def dump(process: SalesProcess) -> dict[str, Any]:
    """Return the arguments for a `transitions.Machine` with the stages and moves of a process.

    >>> from salesprocess.catalog import FUNNEL
    >>> arguments = dump(FUNNEL)
    >>> arguments["initial"], arguments["transitions"][0]
    ('top', {'trigger': 'advance', 'source': 'top', 'dest': 'middle', 'conditions': ['problem_aware']})
    """
    leaves = {move.source for move in process.moves()}
    return {
        "states": [
            {"name": stage.key, "final": True} if stage.key not in leaves else {"name": stage.key}
            for stage in process.stages
        ],
        "initial": process.initial.key,
        "auto_transitions": False,
        "transitions": [
            {"trigger": move.trigger, "source": move.source, "dest": move.dest}
            | ({"conditions": names} if (names := _method_names(move.gate)) else {})
            for move in process.moves()
        ],
    }


def _method_names(gate: Iterable[Criterion]) -> list[str]:
    return list(dict.fromkeys(re.sub(r"\W", "_", criterion.key) for criterion in required(gate)))


def _stage(state: _State, key: str, kinds: Mapping[str, Kind], importing: Import) -> Stage:
    kind = kinds.get(state.name) or _KINDS.get(key, "open")
    if state.name not in kinds:
        importing.assume("kind", f"states.{state.name}", f"taken as {kind}: say otherwise with kinds=")
    _note_callbacks(importing, f"states.{state.name}", state.callbacks)
    return Stage(key=key, name="" if key == state.name else state.name, kind=kind)


def _transitions(ways: Sequence[_Way], keys: Mapping[str, str], importing: Import) -> Iterator[Transition]:
    triggers = list(dict.fromkeys(way.trigger for way in ways))
    trigger_keys = dict(zip(triggers, importing.keys(triggers, "transitions"), strict=True))
    for index, way in enumerate(ways):
        path = f"transitions[{index}]"
        if way.dest is None:
            importing.assume("left_out", path, f"{way.trigger!r} from {way.source!r} leads nowhere and was left out")
            continue
        for state in (way.source, way.dest):
            if state not in keys:
                refuse(_SOURCE, "unknown_state", f"{path}: unknown state {state!r}{suggestion(state, keys)}")
        _note_callbacks(importing, path, way.callbacks)
        yield Transition(
            trigger=trigger_keys[way.trigger],
            source=keys[way.source],
            dest=keys[way.dest],
            criteria=[_rule(name, wanted) for name, wanted in way.conditions],
        )


def _rule(name: str, wanted: bool) -> Rule:  # noqa: FBT001 - the wanted answer itself
    return predicate(name) if wanted else ~predicate(name)


def _note_callbacks(importing: Import, path: str, callbacks: Sequence[str]) -> None:
    for name in callbacks:
        importing.assume("callback", path, f"the callback {name!r} was left out: register it with Hooks")


def _from_machine(machine: Any) -> tuple[list[_State], list[_Way], str | None]:
    try:
        states = [_state_of(state) for state in machine.states.values()]
        events = machine.events.items()
        initial = machine.initial
    except AttributeError:
        refuse(_SOURCE, "not_a_machine", f"expected a transitions.Machine or its markup, found {shown(machine)}")
    names = {state.name for state in states}
    ways = [
        _Way(
            trigger,
            transition.source,
            transition.dest,
            tuple((_name_of(each.func), each.target) for each in transition.conditions),
            _callbacks_of(transition),
        )
        for trigger, event in events
        # A machine adds `to_<state>` for every state unless it is told not to: they are no moves of a process.
        if trigger.removeprefix("to_") not in names
        for transitions in event.transitions.values()
        for transition in transitions
    ]
    return states, ways, initial


def _state_of(state: Any) -> _State:
    if getattr(state, "states", None):
        refuse(_SOURCE, "nested_state", f"state {state.name!r} has states inside: a process has one level of stages")
    return _State(str(state.name), bool(getattr(state, "final", False)), _callbacks_of(state))


def _callbacks_of(part: Any) -> tuple[str, ...]:
    return tuple(_name_of(each) for kind in _CALLBACKS for each in getattr(part, kind, ()))


def _name_of(function: object) -> str:
    name = function if isinstance(function, str) else getattr(function, "__name__", "")
    if not name.isidentifier():
        refuse(_SOURCE, "no_name", f"{function!r} has no name that a definition can keep: give a named function")
    return name


def _from_markup(data: Data) -> tuple[list[_State], list[_Way], str | None]:
    states = [_state_in(each, f"states[{index}]") for index, each in enumerate(_list_in(data, "states"))]
    names = [state.name for state in states]
    ways = [
        way
        for index, each in enumerate(_list_in(data, "transitions"))
        for way in _ways_in(each, f"transitions[{index}]", names)
    ]
    return states, ways, data.get("initial")


def _list_in(data: Data, name: str) -> Sequence[Any]:
    found = data.get(name)
    if not isinstance(found, list | tuple):
        refuse(_SOURCE, "not_a_machine", f"{name}: expected a list, found {shown(found)}")
    return found


def _state_in(data: Any, path: str) -> _State:
    fields: Data = data if isinstance(data, Mapping) else {"name": data}
    name = fields.get("name")
    if not isinstance(name, str):
        refuse(_SOURCE, "bad_state", f"{path}: expected a state's name, found {shown(data)}")
    if fields.get("children") or fields.get("states"):
        refuse(_SOURCE, "nested_state", f"{path}: state {name!r} has states inside: a process has one level of stages")
    return _State(name, bool(fields.get("final")), _callbacks_in(fields))


def _ways_in(data: Any, path: str, states: Sequence[str]) -> Iterator[_Way]:
    names = ("trigger", "source", "dest", "conditions", "unless", "before", "after", "prepare")
    fields: Data = (
        data
        if isinstance(data, Mapping)
        else dict(zip(names, data if isinstance(data, list | tuple) else (), strict=False))
    )
    trigger, sources, dest = fields.get("trigger"), fields.get("source"), fields.get("dest")
    if not isinstance(trigger, str) or sources is None or not isinstance(dest, str | None):
        refuse(_SOURCE, "bad_transition", f"{path}: expected trigger, source and dest, found {shown(data)}")
    conditions = [(_name_of(each), True) for each in _listed(fields.get("conditions"))]
    conditions += [(_name_of(each), False) for each in _listed(fields.get("unless"))]
    for source in states if sources == "*" else _listed(sources):
        yield _Way(trigger, source, source if dest == "=" else dest, tuple(conditions), _callbacks_in(fields))


def _callbacks_in(fields: Data) -> tuple[str, ...]:
    return tuple(_name_of(each) for kind in _CALLBACKS for each in _listed(fields.get(kind)))


def _listed(value: Any) -> Sequence[Any]:
    return () if value is None else value if isinstance(value, list | tuple) else (value,)
