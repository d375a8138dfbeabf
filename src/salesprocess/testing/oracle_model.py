"""The model that the oracle compares an application with: a deal moved by an engine, and the facts to try on it."""

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
from salesprocess.testing.process_paths import Path, path_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from salesprocess.criteria.rules import Rule
    from salesprocess.engine.decision import Decision
    from salesprocess.history.change import StageChange
    from salesprocess.process.graph import Move

Assignment: TypeAlias = dict[str, Any]

_ANSWERS = "answers of predicates"


class Setting(NamedTuple):
    """A fact, and the value to give it; `None` makes it unknown."""

    fact: str
    value: Any


class Situation(NamedTuple):
    """What is to be true before a move: everything that it asks for, or everything except the criterion `but`."""

    trigger: str
    dest: str
    but: str | None


class Plan:
    """What the oracle needs to know of a process, computed once for all examples."""

    def __init__(self, process: SalesProcess, deal_type: Any) -> None:
        # Read back from JSON, predicates are names without functions, so that the model can give their answers.
        self.process: SalesProcess = SalesProcess.model_validate_json(process.model_dump_json())
        self.ways_out: dict[str, tuple[Move, ...]] = self.process.graph.out_of
        self.stages: dict[str, Stage] = {stage.key: stage for stage in self.process.stages}
        self.asks: list[tuple[str, str]] = list(
            dict.fromkeys((move.trigger, move.dest) for moves in self.ways_out.values() for move in moves)
        )
        rules = [condition(criterion) for criterion in criteria_of(self.process)]
        self.names: tuple[Input, ...] = inputs(*rules)
        self.deal_type = deal_type
        self.settings: list[Setting] = [
            Setting(name_of(each), value) for each in self.names for value in self._values(each, rules)
        ]
        self.situations: dict[str, list[Situation]] = {
            key: list(_situations(moves)) for key, moves in self.ways_out.items()
        }
        predicates = {path: _predicate_answer(path) for source, path in self.names if source == "predicate"}
        self.engine: Engine[dict[str, Any]] = Engine(self.process, predicates=predicates)
        self.facts_for: Callable[..., list[Assignment]] = cache(self._facts_for)
        self.starts: dict[str, tuple[Assignment, Path]] = {
            key: start for key in self.stages if (start := self._start(key)) is not None
        }

    @property
    def uses_context(self) -> bool:
        """Whether a criterion looks at the context."""
        return any(source == "context" for source, _ in self.names)

    @property
    def uses_time(self) -> bool:
        """Whether a criterion looks at the time."""
        return any(source in {"now", "time_in_stage"} for source, _ in self.names)

    def _start(self, stage: str) -> tuple[Assignment, Path] | None:
        """Return a path to a stage with the facts that take a deal there, or `None` if none can be found."""
        path = path_to(self.process, stage)
        if path is None:
            return None
        rules = [condition(each) for each in required(path.criteria)]
        # Time in a stage passes by itself and cannot be set like a fact.
        if any(source == "time_in_stage" for source, _ in inputs(*rules)):
            return None
        found = solve(rules, hints=self._hint)
        return None if found is None else (assignment_of(found), path)

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

    def _facts_for(self, source: str, situation: Situation) -> list[Assignment]:
        """Return the assignments that bring about a situation; none where it is impossible."""
        move = next(each for each in self.ways_out[source] if (each.trigger, each.dest) == situation[:2])
        asked = required(move.gate)
        met = [condition(each) for each in asked if each.key != situation.but]
        but = [condition(each) for each in asked if each.key == situation.but]
        tries = [solve([*met, *but], hints=self._hint)] if not but else []
        if but:
            tries += [
                solve([*met, *(~rule for rule in but)], hints=self._hint),
                solve(met, [*but, *(~rule for rule in but)], hints=self._hint),
            ]
        names = {name_of(each) for each in self.names}
        found = [assignment_of(each) for each in tries if each is not None]
        return [{name: value for name, value in each.items() if name in names} for each in found]


def _situations(moves: Iterable[Move]) -> Iterator[Situation]:
    for move in moves:
        keys = [criterion.key for criterion in required(move.gate)]
        if keys:
            yield Situation(move.trigger, move.dest, None)
            yield from (Situation(move.trigger, move.dest, key) for key in keys)


def assignment_of(facts: Facts) -> Assignment:
    """Return the values by the names that `Setting` uses; `None` stands for what must stay unknown."""
    values: Assignment = {path: options[0] for path, options in facts.classes.items()}
    for together in facts.joint:
        values |= together[0]
    values |= {f"context.{path}": value for path, value in facts.witness.context.items()}
    return values | dict(facts.witness.predicates)


def name_of(variable: Input) -> str:
    """Return the name in settings of a fact, a fact of the context or a predicate."""
    source, path = variable
    return f"context.{path}" if source == "context" else path


def _distinct(options: Iterator[Any]) -> Iterator[Any]:
    seen: list[Any] = []
    for option in options:
        if not any(type(each) is type(option) and each == option for each in seen):
            seen.append(option)
            yield option


def _predicate_answer(name: str) -> Callable[[dict[str, Any]], Any]:
    """Return a function that gives the answer of this predicate on the model's deal."""
    return lambda deal: deal[_ANSWERS].get(name)


class Model:
    """A deal as the application should have it, moved by an engine."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock: FrozenClock = FrozenClock()
        self.facts: Assignment = {}
        self.stage: str = plan.process.initial.key
        self.entered_at: datetime = self.clock.at
        self.changes: list[StageChange] = []

    @property
    def context(self) -> dict[str, Any]:
        """The context of a call: who asks, and what else the caller knows."""
        known = {name: value for name, value in self.facts.items() if value is not None}
        return nested({name[8:]: value for name, value in known.items() if name.startswith("context.")})

    def deal(self) -> dict[str, Any]:
        """Return the deal as it is now."""
        facts = {name: value for name, value in self.facts.items() if value is not None}
        facts = {name: value for name, value in facts.items() if not name.startswith("context.")}
        return {"entered_at": self.entered_at, **nested(facts), "stage": self.stage, _ANSWERS: self.facts}

    def allowed(self) -> set[tuple[str, str]]:
        """Return the moves that may be made now, as trigger and target."""
        decisions = self.plan.engine.options(self.deal(), context=self.context, at=self.clock.at)
        return {(str(each.trigger), str(each.dest)) for each in decisions if each}

    def fire(self, trigger: str, to: str, reason: str | None) -> StageChange | Decision:
        """Make the move and return its change, or return the decision that refuses it."""
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
        """Return what an application can show of the deal beside its stage, as it follows from the changes."""
        # The application starts the deal, so the model's history begins with the move after that.
        known: dict[str, Any] = {"closed_at": History(self.plan.process, self.changes).closed_at}
        probability = self.plan.stages[self.stage].probability
        if probability is not None:
            known["probability"] = probability
        if self.changes and self.changes[-1].reason is not None:
            known["reason"] = self.changes[-1].reason
        return known
