"""The oracle: an application and the model of its process do the same, until they disagree."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, ClassVar, Protocol

from hypothesis import Phase
from hypothesis import settings as Settings  # noqa: N812 - it is a class
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from salesprocess._text import shown
from salesprocess.engine.decision import Decision
from salesprocess.errors import TransitionRefused
from salesprocess.process import SalesProcess
from salesprocess.testing.oracle_model import Assignment, Model, Plan, Setting, Situation

__all__ = ["Adapter", "ProcessMachine", "process_machine"]

_REASON = "a reason"
_PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.target, Phase.shrink)
_WAITS = [timedelta(hours=1), timedelta(days=1), timedelta(days=30)]


class Adapter(Protocol):
    """How the oracle drives an application.

    Besides these four it uses what else there is: `fire_<door>` with the arguments of `fire`, for each further way to
    move a deal; `reload(deal)`, which returns the deal as stored; `options(deal)`, the triggers that are offered now;
    `closed_at(deal)`, `probability(deal)` and `reason(deal)`, as they are shown; `wait(duration)`, which moves the
    application's clock. Where criteria ask for a context, `fire` gets it as `context=`.
    """

    def create(self) -> Any:
        """Return a new deal, in the first stage and with no fact known."""

    def set(self, deal: Any, fact: str, value: Any) -> None:
        """Give a fact a value; `None` makes it unknown. A predicate is set by its name."""

    def fire(self, deal: Any, trigger: str, *, to: str, reason: str | None) -> bool:
        """Try a move as a user would, and return whether it was made. `TransitionRefused` means no as well."""
        raise NotImplementedError

    def stage(self, deal: Any) -> str:
        """Return the key of the stage that the deal is in."""
        raise NotImplementedError


def process_machine(
    process: SalesProcess, adapter: type[Any] | Adapter, *, deal_type: Any = None
) -> type[ProcessMachine]:
    """Return a hypothesis state machine that does the same to an application's deal as to the model's.

    Facts are set, on and beside the boundaries of the criteria, and cleared; moves are tried through every door, legal
    or not, with everything met and with one criterion missed, with a reason and without. The application must do what
    the process says each time. A failure is a short script. `adapter` is best a class: each example gets a new one.
    With `deal_type`, facts get values of the types that it declares.

    Write `TestDeals = process_machine(process, MyAdapter).TestCase`, and pytest runs it.
    """
    name = "".join(part.capitalize() for part in process.key.replace("-", "_").split("_"))
    machine: type[ProcessMachine] = type(
        f"{name}Machine", (ProcessMachine,), {"plan": Plan(process, deal_type), "adapter": adapter}
    )
    # The script says what was done; which lines ran, which hypothesis finds out by tracing them, adds time alone.
    machine.TestCase.settings = Settings(machine.TestCase.settings, phases=_PHASES)
    return machine


def _sampled(options: str) -> st.SearchStrategy[Any]:
    """Draw one of the options that the machine has at this moment."""
    return st.runner().flatmap(lambda machine: st.sampled_from(getattr(machine, options)))


class ProcessMachine(RuleBasedStateMachine):
    """The rules; `process_machine` makes the machine of a process."""

    plan: ClassVar[Plan]
    adapter: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.app: Any = self.adapter() if isinstance(self.adapter, type) else self.adapter
        self.model: Model = Model(self.plan)
        self.deal: Any = self.app.create()
        self.script: list[str] = ["create a deal"]

    @property
    def starts(self) -> list[str]:
        """Stages to begin in."""
        return list(self.plan.starts)

    @property
    def settings(self) -> list[Setting]:
        """Facts with values to give them."""
        return self.plan.settings

    @property
    def known(self) -> list[str]:
        """Facts that can be made unknown."""
        return [name for name, value in self.model.facts.items() if value is not None]

    @property
    def situations(self) -> list[Situation]:
        """What can be brought about for a move out of the stage."""
        return self.plan.situations[self.model.stage]

    @property
    def ways(self) -> list[tuple[str, str]]:
        """The moves out of the stage, as trigger and stage."""
        return [(move.trigger, move.dest) for move in self.plan.ways_out[self.model.stage]]

    @property
    def asks(self) -> list[tuple[str, str]]:
        """Every move of the process."""
        return self.plan.asks

    @property
    def doors(self) -> list[str]:
        """The ways to ask for a move."""
        return [name for name in dir(self.app) if name == "fire" or name.startswith("fire_")]

    @initialize(at=_sampled("starts"))
    def begin(self, at: str) -> None:
        """Bring the deal to a stage by legal moves."""
        facts, path = self.plan.starts[at]
        self._set(facts)
        for step in path.steps:
            self._fire("fire", step.trigger, step.dest, step.reason)

    @precondition(lambda self: self.settings)
    @rule(setting=_sampled("settings"))
    def set_fact(self, setting: Setting) -> None:
        """Give any fact a value, in any stage."""
        self._set({setting.fact: setting.value})

    @precondition(lambda self: self.known)
    @rule(fact=_sampled("known"))
    def clear_fact(self, fact: str) -> None:
        """Make any fact unknown."""
        self._set({fact: None})

    @precondition(lambda self: self.situations)
    @rule(situation=_sampled("situations"), choice=st.integers(0, 1))
    def arrange(self, situation: Situation, choice: int) -> None:
        """Set the facts that a move out of the stage asks for: all of them, or all except one."""
        options = self.plan.facts_for(self.model.stage, situation)
        self._set(options[choice % len(options)] if options else {})

    @precondition(lambda self: self.ways)
    @rule(way=_sampled("ways"), door=_sampled("doors"), with_reason=st.booleans())
    def move(self, way: tuple[str, str], door: str, with_reason: bool) -> None:  # noqa: FBT001 - named in the script
        """Try a move out of the stage."""
        self._fire(door, *way, _REASON if with_reason else None)

    @rule(ask=_sampled("asks"), door=_sampled("doors"))
    def ask(self, ask: tuple[str, str], door: str) -> None:
        """Try any move of the process, legal or not."""
        self._fire(door, *ask, _REASON)

    @precondition(lambda self: hasattr(self.app, "reload"))
    @rule()
    def reload(self) -> None:
        """Load the deal from storage again."""
        self.script.append("reload the deal")
        self.deal = self.app.reload(self.deal)

    @precondition(lambda self: hasattr(self.app, "options"))
    @rule()
    def look(self) -> None:
        """Compare the moves that are offered with those that the process allows."""
        self.script.append("look at the moves on offer")
        offered = set(self.app.options(self.deal))
        allowed = {trigger for trigger, _ in self.model.allowed()}
        if offered != allowed:
            self._fail("offers other moves than the process allows", _listed(allowed), _listed(offered))

    @precondition(lambda self: self.plan.uses_time and hasattr(self.app, "wait"))
    @rule(duration=st.sampled_from(_WAITS))
    def wait(self, duration: timedelta) -> None:
        """Let time pass."""
        self.script.append(f"wait {shown(duration)}")
        self.app.wait(duration)
        self.model.clock.advance(duration)

    @invariant()
    def agrees(self) -> None:
        """Check that the application shows the deal as the model has it."""
        stage = self.app.stage(self.deal)
        if stage != self.model.stage:
            self._fail("has the deal in another stage", self.model.stage, stage)
        for name, expected in self.model.expected().items():
            if not hasattr(self.app, name):
                continue
            found = getattr(self.app, name)(self.deal)
            if name == "closed_at" and (found is None) != (expected is None):
                is_open = "no closing date, since the deal is open"
                self._fail("has a wrong closing date", is_open if expected is None else "one", shown(found))
            if name != "closed_at" and found != expected:
                self._fail(f"shows another {name}", shown(expected), shown(found))

    def _set(self, values: Assignment) -> None:
        for name, value in values.items():
            if self.model.facts.get(name) is None and value is None:
                continue
            self.script.append(f"clear {name}" if value is None else f"set {name} to {shown(value)}")
            self.model.facts[name] = value
            if not name.startswith("context."):
                self.app.set(self.deal, name, value)

    def _fire(self, door: str, trigger: str, to: str, reason: str | None) -> None:
        by = "" if door == "fire" else f" by {door.removeprefix('fire_')}"
        self.script.append(f"{trigger} to {to}{by}{f', because of {reason!r}' if reason else ''}")
        context = {"context": self.model.context} if self.plan.uses_context else {}
        answer = self.model.fire(trigger, to, reason)
        try:
            moved = bool(getattr(self.app, door)(self.deal, trigger, to=to, reason=reason, **context))
        except TransitionRefused:
            moved = False
        if moved and isinstance(answer, Decision):
            self._fail("makes a move that the process refuses", str(answer), f"moved to {self.app.stage(self.deal)!r}")
        if not moved and not isinstance(answer, Decision):
            self._fail("refuses a move that the process allows", f"moved to {to!r}", "refused")

    def _fail(self, what: str, expected: str, found: str) -> None:
        steps = "\n".join(f"  {number}. {line}" for number, line in enumerate(self.script, 1))
        raise AssertionError(f"the application {what}\n{steps}\nthe process: {expected}\nthe application: {found}")


def _listed(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
