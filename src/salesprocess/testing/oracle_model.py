"""What the oracle holds an application against: a deal of the engine's own, and the facts worth trying on it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from salesprocess.assurance.host_types import type_of_argument
from salesprocess.assurance.solver.witness import nested
from salesprocess.criteria import required
from salesprocess.criteria.rules import Input, inputs, leaves, literals
from salesprocess.engine import Engine
from salesprocess.errors import TransitionRefused
from salesprocess.history import History
from salesprocess.process import SalesProcess, Stage
from salesprocess.testing.coverage_points import criteria_of
from salesprocess.testing.deal_building import Facts, condition, solve
from salesprocess.testing.doubles import FrozenClock
from salesprocess.testing.host_values import plain_values
from salesprocess.testing.process_paths import Step, way_to, ways_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from salesprocess.criteria.rules import Rule
    from salesprocess.engine.decision import Decision
    from salesprocess.history.change import StageChange

Assignment: TypeAlias = dict[str, Any]

_ANSWERS = "answers of predicates"


class Setting(NamedTuple):
    """A fact, and the value to give it; `None` makes it unknown."""

    fact: str
    value: Any


class Situation(NamedTuple):
    """Facts for a move: all that it asks for, or all but one criterion."""

    trigger: str
    dest: str
    but: str | None


class Plan:
    """A process as the oracle needs it: worked out once, for all examples."""

    def __init__(self, process: SalesProcess, deal_type: Any) -> None:
        # Through JSON, so that functions given in code are names, and the model says what they answer.
        self.process: SalesProcess = SalesProcess.model_validate_json(process.model_dump_json())
        self.ways: dict[str, list[Step]] = ways_out(self.process)
        self.stages: dict[str, Stage] = {stage.key: stage for stage in self.process.stages}
        self.asks: list[tuple[str, str]] = list(
            dict.fromkeys((step.trigger, step.dest) for steps in self.ways.values() for step in steps)
        )
        rules = [condition(criterion) for criterion in criteria_of(self.process)]
        self.names: tuple[Input, ...] = inputs(*rules)
        self.deal_type = deal_type
        self.settings: list[Setting] = [
            Setting(name_of(each), value) for each in self.names for value in self._values(each, rules)
        ]
        self.situations: dict[str, list[Situation]] = {
            key: list(self._situations(steps)) for key, steps in self.ways.items()
        }
        predicates = {path: _answer(path) for source, path in self.names if source == "predicate"}
        self.engine: Engine[dict[str, Any]] = Engine(self.process, predicates=predicates)
        self.facts_for: Callable[..., list[Assignment]] = cache(self._facts_for)
        self.starts: dict[str, tuple[Assignment, tuple[Step, ...]]] = {
            key: start for key in self.stages if (start := self._start(key)) is not None
        }

    @property
    def uses_context(self) -> bool:
        """Whether a criterion asks who is asking."""
        return any(source == "context" for source, _ in self.names)

    @property
    def uses_time(self) -> bool:
        """Whether a criterion asks for the time."""
        return any(source in {"now", "time_in_stage"} for source, _ in self.names)

    def _start(self, key: str) -> tuple[Assignment, tuple[Step, ...]] | None:
        """A way to a stage, with the facts by which a deal walks it."""
        way = way_to(self.process, key)
        if not way:
            return None if way is None else ({}, ())
        gates = [criterion for step in way for criterion in self.process.gate(step.source, step.transition)]
        rules = [condition(each) for each in required(dict.fromkeys(gates))]
        # Time in a stage passes; it cannot be set.
        if any(source == "time_in_stage" for source, _ in inputs(*rules)):
            return None
        found = solve(rules, hints=self._hint)
        return None if found is None else (assignment_of(found), way)

    def _hint(self, path: str) -> Any:
        return Any if self.deal_type is None else type_of_argument(self.deal_type, path)

    def _values(self, variable: Input, rules: list[Rule]) -> Iterator[Any]:
        source, path = variable
        if source == "predicate":
            yield from (True, False)
        elif source in {"fact", "context"}:
            own = [atom for atom in leaves(*rules) if variable in atom.inputs()]
            options: list[Any] = []
            for atom in own:
                for rule in (atom, ~atom):
                    found = solve([rule], hints=self._hint)
                    options += [] if found is None else found.classes.get(path, [])
            known = list(dict.fromkeys(literals(*own)))
            hint = self._hint(path)
            options += plain_values(hint if hint is not Any else type(known[0]) if known else Any, known)
            yield from _distinct(option for option in options if option is not None)

    def _situations(self, steps: list[Step]) -> Iterator[Situation]:
        for step in steps:
            gate = self.process.gate(step.source, step.transition)
            keys = [criterion.key for criterion in required(gate)]
            if keys:
                yield Situation(step.trigger, step.dest, None)
                yield from (Situation(step.trigger, step.dest, key) for key in keys)

    def _facts_for(self, source: str, situation: Situation) -> list[Assignment]:
        """The ways to bring about a situation; none where it cannot be."""
        step = next(each for each in self.ways[source] if (each.trigger, each.dest) == situation[:2])
        gate = required(self.process.gate(source, step.transition))
        met = [condition(each) for each in gate if each.key != situation.but]
        but = [condition(each) for each in gate if each.key == situation.but]
        tries = [solve([*met, *but], hints=self._hint)] if not but else []
        if but:
            tries += [
                solve([*met, *(~rule for rule in but)], hints=self._hint),
                solve(met, [*but, *(~rule for rule in but)], hints=self._hint),
            ]
        names = {name_of(each) for each in self.names}
        found = [assignment_of(each) for each in tries if each is not None]
        return [{name: value for name, value in each.items() if name in names} for each in found]


def assignment_of(facts: Facts) -> Assignment:
    """All that the facts say, by the names that `Setting` uses; `None` for what is not to be known."""
    values: Assignment = {path: options[0] for path, options in facts.classes.items()}
    for together in facts.joint:
        values |= together[0]
    values |= {f"context.{path}": value for path, value in facts.witness.context.items()}
    return values | dict(facts.witness.predicates)


def name_of(variable: Input) -> str:
    """What a fact, a fact of the context or a predicate is called in settings."""
    source, path = variable
    return f"context.{path}" if source == "context" else path


def _distinct(options: Iterator[Any]) -> Iterator[Any]:
    seen: list[Any] = []
    for option in options:
        if not any(type(each) is type(option) and each == option for each in seen):
            seen.append(option)
            yield option


def _answer(name: str) -> Callable[[dict[str, Any]], Any]:
    """What a predicate of this name says of the model's deal."""
    return lambda deal: deal[_ANSWERS].get(name)


class Model:
    """A deal as it should be, moved by the engine."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock: FrozenClock = FrozenClock()
        self.facts: Assignment = {}
        self.stage: str = plan.process.initial.key
        self.entered_at: datetime = self.clock.at
        self.changes: list[StageChange] = []

    @property
    def context(self) -> dict[str, Any]:
        """Who asks, and what else the caller says."""
        known = {name: value for name, value in self.facts.items() if value is not None}
        return nested({name[8:]: value for name, value in known.items() if name.startswith("context.")})

    def deal(self) -> dict[str, Any]:
        """The deal as it is now."""
        facts = {name: value for name, value in self.facts.items() if value is not None}
        facts = {name: value for name, value in facts.items() if not name.startswith("context.")}
        return {"entered_at": self.entered_at, **nested(facts), "stage": self.stage, _ANSWERS: self.facts}

    def allowed(self) -> set[tuple[str, str]]:
        """The moves that may be made now, as trigger and stage."""
        decisions = self.plan.engine.options(self.deal(), context=self.context, at=self.clock.at)
        return {(str(each.trigger), str(each.dest)) for each in decisions if each}

    def fire(self, trigger: str, to: str, reason: str | None) -> StageChange | Decision:
        """Makes the move, or says why not."""
        try:
            change = self.plan.engine.fire(
                self.deal(), trigger, to=to, reason=reason, context=self.context, at=self.clock.at
            )
        except TransitionRefused as refusal:
            return refusal.decision
        if change.dest != self.stage:
            self.entered_at = self.clock.at
        self.stage = change.dest
        self.changes.append(change)
        return change

    def expected(self) -> Mapping[str, Any]:
        """What else of the deal follows from its past."""
        # The model does not start the deal, so this is a past that goes on from where the application put it.
        known: dict[str, Any] = {"closed_at": History(self.plan.process, self.changes).closed_at}
        probability = self.plan.stages[self.stage].probability
        if probability is not None:
            known["probability"] = probability
        if self.changes and self.changes[-1].reason is not None:
            known["reason"] = self.changes[-1].reason
        return known
