"""An engine as a `transitions` machine: its states are the stages, its transitions the moves.

The engine decides and moves; the machine lists, draws and lets registered models call the engine by the names that
`transitions` gives them. What it cannot honour, such as callbacks, it refuses when it is asked for: use `Hooks`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn

from transitions import Event, EventData, State, Transition
from transitions.core import Condition, listify
from transitions.extensions import GraphMachine

from salesprocess.criteria.criterion import required
from salesprocess.errors import Blocked, Forbidden

if TYPE_CHECKING:
    from collections.abc import Iterable

    from salesprocess.engine.compiled import CompiledMove
    from salesprocess.engine.engine import Engine

# What `may_advance(...)` hands on to `check`; the other arguments of `fire` say nothing about what is allowed.
_ASKED = ("to", "context", "at", "expect")


def _refuse_callback(*_args: object, **_kwargs: object) -> NoReturn:
    raise TypeError("an engine's machine runs no callbacks: give the engine Hooks instead")


class StageState(State):
    """A stage, named by its key; its name is the label in diagrams."""

    add_callback: Any = _refuse_callback

    def __init__(self, name: str, *, label: str) -> None:
        super().__init__(name)
        self.label: str = " ".join(label.replace('"', "'").split())


class GateCondition(Condition):
    """A whole gate as one condition, for whoever looks at the transitions of the machine."""

    def __init__(self, compiled: CompiledMove) -> None:
        # Diagrams show the conditions by name.
        super().__init__(" & ".join(criterion.key for criterion in required(compiled.gate.criteria)))
        self.compiled = compiled

    def check(self, event_data: EventData) -> bool:
        """Return whether the engine allows the move."""
        given = event_data.kwargs
        return bool(self.compiled.decide(event_data.model, given.get("context"), given.get("at")))


class MoveTransition(Transition):
    """One move. It is made by the engine alone, which its trigger on a registered model calls."""

    add_callback: Any = _refuse_callback

    def __init__(self, compiled: CompiledMove) -> None:
        super().__init__(compiled.move.source, compiled.move.dest)
        self.compiled = compiled
        self.conditions: list[Condition] = [GateCondition(compiled)] if required(compiled.gate.criteria) else []


class FireEvent(Event):
    """A trigger; on a registered model it runs the engine's `fire`."""

    add_callback: Any = _refuse_callback

    def trigger(self, model: object, *args: Any, **kwargs: Any) -> bool:
        """Move the model's deal; return whether it was moved. A refusal other than by criteria is raised."""
        try:
            self.machine.engine.fire(model, self.name, *args, **kwargs)
        except (Blocked, Forbidden):
            return False
        return True


class StageMachine(GraphMachine):
    """The stages and moves of an engine's process. Nothing can be added to it but models."""

    state_cls: type[State] = StageState
    event_cls: type[Event] = FireEvent

    def __init__(self, engine: Engine[Any], moves: Iterable[CompiledMove], *, stage: str) -> None:
        process = engine.process
        self.engine = engine
        self._is_sealed = False
        super().__init__(
            model=None,
            states=[StageState(each.key, label=each.name) for each in process.stages],
            initial=process.initial.key,
            auto_transitions=False,
            model_attribute=stage,
            graph_engine="mermaid",
            title=process.name or process.key,
            show_conditions=True,
        )
        for compiled in moves:
            event = self.events.setdefault(compiled.move.trigger, FireEvent(compiled.move.trigger, self))
            event.transitions[compiled.move.source].append(MoveTransition(compiled))
        for event in self.events.values():
            event.transitions = MappingProxyType(dict(event.transitions))
        self.events: Any = MappingProxyType(dict(self.events))
        self._is_sealed = True

    def add_model(self, model: Any, initial: Any = None) -> None:
        """Register models: each gets the triggers as methods. A deal that is in a stage already stays in it."""
        for each in listify(model):
            stage = getattr(each, self.model_attribute, None)
            super().add_model(each, initial if stage is None else getattr(stage, "value", stage))
            if stage is not None:
                setattr(each, self.model_attribute, stage)

    def _can_trigger(self, model: Any, trigger: str, *_args: Any, **kwargs: Any) -> bool:
        decision = self.engine.check(model, trigger, **{key: kwargs[key] for key in _ASKED if key in kwargs})
        return decision.allowed or (decision.kind == "blocked" and kwargs.get("override") is not None)

    def get_graph(self, title: str | None = None, force_new: bool = False, show_roi: bool = False) -> Any:  # noqa: FBT001, FBT002 - the signature of `transitions`
        """Return the process as a diagram of the library's own; `force_new` and `show_roi` are for models."""
        del force_new, show_roi
        return self.graph_cls(self).get_graph(_front_matter(title or self.title))

    def _get_graph(self, model: Any, title: str | None = None, force_new: bool = False, show_roi: bool = False) -> Any:  # noqa: FBT001, FBT002 - the same
        # The engine moves the model without the machine, so that the highlight of an older graph may be wrong.
        del force_new
        return super()._get_graph(model, _front_matter(title or self.title), True, show_roi)

    def __setattr__(self, name: str, value: object) -> None:
        if name in _CALLBACKS and value:
            _refuse_callback()
        super().__setattr__(name, value)

    def _sealed(self, method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._is_sealed:
            raise TypeError("an engine's machine is fixed: derive a process and build an engine on that")
        return method(*args, **kwargs)

    def add_transition(self, *args: Any, **kwargs: Any) -> None:
        """Refuse once the machine is built: the process says which moves it has."""
        self._sealed(super().add_transition, args, kwargs)

    def add_states(self, *args: Any, **kwargs: Any) -> None:
        """Refuse once the machine is built."""
        self._sealed(super().add_states, args, kwargs)

    def remove_transition(self, *args: Any, **kwargs: Any) -> None:
        """Refuse once the machine is built."""
        self._sealed(super().remove_transition, args, kwargs)


_CALLBACKS = frozenset(
    {"prepare_event", "before_state_change", "after_state_change", "finalize_event", "on_exception", "on_final"}
)


def _front_matter(title: str) -> str:
    """Return the title as Mermaid reads it between its lines of dashes: YAML, of which JSON is a part."""
    return title if title.startswith("title: ") else f"title: {json.dumps(title, ensure_ascii=False)}"
