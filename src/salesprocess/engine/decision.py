"""What an engine answers: decisions, the record of a move, and plans."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias, get_type_hints

from salesprocess._dumped import Dumped
from salesprocess.criteria.criterion import Finding
from salesprocess.criteria.json_values import as_json
from salesprocess.criteria.wording import ENGLISH
from salesprocess.engine.report import alternative_text, decision_text, message, plan_text
from salesprocess.errors import (
    AmbiguousMove,
    Blocked,
    CriteriaErrored,
    DealClosed,
    Forbidden,
    NoTransition,
    ReasonNeeded,
    StaleDeal,
    TransitionRefused,
    UnknownStage,
    UnknownTrigger,
    Vetoed,
    WrongVersion,
)

if TYPE_CHECKING:
    from salesprocess.criteria.gate import Gate, Statuses
    from salesprocess.criteria.reading import Values
    from salesprocess.criteria.wording import Words

DecisionKind: TypeAlias = Literal[
    "allowed",
    "unknown_trigger",
    "no_transition",
    "closed",
    "blocked",
    "errored",
    "stale",
    "ambiguous",
    "needs_reason",
    "vetoed",
    "unknown_stage",
    "wrong_version",
    "forbidden",
]

REFUSALS: dict[DecisionKind, type[TransitionRefused]] = {
    "unknown_trigger": UnknownTrigger,
    "no_transition": NoTransition,
    "closed": DealClosed,
    "blocked": Blocked,
    "errored": CriteriaErrored,
    "stale": StaleDeal,
    "ambiguous": AmbiguousMove,
    "needs_reason": ReasonNeeded,
    "vetoed": Vetoed,
    "unknown_stage": UnknownStage,
    "wrong_version": WrongVersion,
    "forbidden": Forbidden,
}


class _AlternativeFields(NamedTuple):
    trigger: str
    dest: str
    has_criteria: bool
    needs_reason: bool


class Alternative(_AlternativeFields, Dumped):
    """A way out of the deal's stage that the process has, whether or not its criteria are met now."""

    __slots__ = ()

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> dict[str, Any]:  # noqa: ARG002 - as the others
        """Return the move as a dict: trigger, dest, has_criteria, needs_reason."""
        return self._asdict()

    def text(self, words: Words = ENGLISH) -> str:
        """Return the move, and under what conditions it may be made."""
        return alternative_text(self, words)

    @classmethod
    def _dump_fields(cls) -> dict[str, Any]:
        return get_type_hints(_AlternativeFields)

    @classmethod
    def _loaded(cls, value: object) -> Alternative:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping) or value.keys() != set(cls._fields):
            raise ValueError(f"expected an alternative with {', '.join(cls._fields)}, found {ENGLISH.value(value)}")
        return cls(**value)

    def __str__(self) -> str:
        return self.text()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The part of a decision that does not depend on the deal: made once for a move, shared by its decisions.

    `sentence` names the template of the message, where it is not that of the kind, and `details` fills it.
    """

    kind: DecisionKind
    process: str
    version: int | str
    trigger: str | None = None
    source: str | None = None
    dest: str | None = None
    gate: Gate | None = None
    needs_reason: bool = False
    reasons: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    sentence: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)


class Decision(Dumped):
    """Whether a move is allowed, and everything else to say about it. True when it is.

    What was found is that of the moment of the decision: it does not change when the deal does.
    """

    __slots__ = ("_findings", "_outcome", "_statuses", "_values")

    _outcome: Outcome
    _values: Values
    _statuses: Statuses | None
    _findings: tuple[Finding, ...] | None

    @property
    def allowed(self) -> bool:
        """Whether the move may be made."""
        return self._outcome.kind == "allowed"

    @property
    def kind(self) -> DecisionKind:
        """Why, in one word."""
        return self._outcome.kind

    @property
    def process(self) -> str:
        """The key of the process that decided."""
        return self._outcome.process

    @property
    def version(self) -> int | str:
        """The version of the process that decided."""
        return self._outcome.version

    @property
    def trigger(self) -> str | None:
        """The trigger of the move; the one that was asked for where the process has no such move."""
        return self._outcome.trigger

    @property
    def source(self) -> str | None:
        """The stage that the deal is in; `None` for a deal in no stage."""
        return self._outcome.source

    @property
    def dest(self) -> str | None:
        """The stage that the move enters; the one that was asked for where the process has no such move."""
        return self._outcome.dest

    @property
    def needs_reason(self) -> bool:
        """Whether `fire` asks for a reason with this move."""
        return self._outcome.needs_reason

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons to choose from; empty where any text is accepted."""
        return self._outcome.reasons

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The other ways out of the stage, in declared order. `Engine.options` says which of them are open."""
        return self._outcome.alternatives

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What every criterion of the gate came to, met or not, in declared order."""
        found = self._findings
        if found is None:
            gate = self._outcome.gate
            found = () if gate is None else gate.findings(self._values, self._statuses)
            self._findings = found
        return found

    @property
    def unmet(self) -> tuple[Finding, ...]:
        """Every required criterion that is not met: the unmet, the unknown and the errored."""
        return tuple([found for found in self.findings if found.status != "met" and found.severity == "required"])

    @property
    def unknown(self) -> tuple[Finding, ...]:
        """The required criteria that cannot be answered yet."""
        return tuple(found for found in self.unmet if found.status == "unknown")

    @property
    def advisories(self) -> tuple[Finding, ...]:
        """The advisory criteria that are not met; they never block."""
        return tuple(found for found in self.findings if found.severity == "advisory" and found.status != "met")

    @property
    def message(self) -> str:
        """The decision in one line."""
        return message(self, ENGLISH)

    def text(self, words: Words = ENGLISH) -> str:
        """Return the decision as a report: its message, what is not met, and the other moves.

        >>> from salesprocess.catalog import SEVEN_STAGE
        >>> from salesprocess.criteria.wording import GERMAN
        >>> from salesprocess.engine import Engine
        >>> print(Engine(SEVEN_STAGE).check({"stage": "prospecting"}, "advanc").text(GERMAN).splitlines()[0])
        unbekannter Auslöser „advanc“ im Prozess „seven_stage“; meinten Sie „advance“?
        """
        return decision_text(self, words)

    def refusal(self) -> TransitionRefused:
        """The exception that says this; for a decision that is not allowed."""
        error = REFUSALS[self.kind](self)
        error.__cause__ = next((found.error for found in self.unmet if found.error is not None), None)
        return error

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> dict[str, Any]:
        """The decision as a dict; with `mode="json"` of JSON types alone, as the body of an HTTP 409 is.

        Keys: allowed, kind, message, process, version, trigger, source, dest, needs_reason, reasons, findings (key,
        label, status, severity, expected, actual, facts, error), unmet, unknown and advisories (keys of findings),
        and alternatives (trigger, dest, has_criteria, needs_reason).
        """
        outcome = self._outcome
        shown: Callable[[object], Any] = as_json if mode == "json" else _as_it_is
        unmet = self.unmet
        return {
            "allowed": outcome.kind == "allowed",
            "kind": outcome.kind,
            "message": message(self, ENGLISH),
            "process": outcome.process,
            "version": shown(outcome.version),
            "trigger": shown(outcome.trigger),
            "source": shown(outcome.source),
            "dest": shown(outcome.dest),
            "needs_reason": outcome.needs_reason,
            "reasons": [shown(reason) for reason in outcome.reasons],
            "findings": [found.model_dump(mode=mode) for found in self.findings],
            "unmet": [shown(found.key) for found in unmet],
            "unknown": [shown(found.key) for found in unmet if found.status == "unknown"],
            "advisories": [shown(found.key) for found in self.advisories],
            "alternatives": [way._asdict() for way in outcome.alternatives],
        }

    @classmethod
    def _dump_fields(cls) -> dict[str, Any]:
        keys = dict.fromkeys(("unmet", "unknown", "advisories"), list[str])
        return {
            "allowed": bool,
            "kind": DecisionKind,
            "message": str,
            "process": str,
            "version": int | str,
            **dict.fromkeys(("trigger", "source", "dest"), str | None),
            "needs_reason": bool,
            "reasons": list[str],
            "findings": list[Finding],
            **keys,
            "alternatives": list[Alternative],
        }

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from salesprocess.engine.notebook import decision_html  # noqa: PLC0415 - only notebooks need it

        return decision_html(self)

    def __repr__(self) -> str:
        return f"<Decision {self.kind}: {self.message}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Decision):
            return NotImplemented
        return self._identity() == other._identity() and self.findings == other.findings

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return tuple(getattr(self, name) for name in (*_PLAIN, "reasons", "alternatives"))

    def __reduce__(self) -> tuple[object, ...]:
        # A gate holds the engine's functions, which cannot be pickled; what it found can.
        return _with_findings, (replace(self._outcome, gate=None), self.findings)


_PLAIN = ("allowed", "kind", "message", "process", "version", "trigger", "source", "dest", "needs_reason")


def _as_it_is(value: object) -> object:
    return value


def decision_of(outcome: Outcome, values: Values = (), statuses: Statuses | None = None) -> Decision:
    """Return a decision on one deal: the outcome, and what was read and judged."""
    decision = Decision()
    decision._outcome = outcome  # noqa: SLF001 - its constructor, kept out of the class for speed
    decision._values = values  # noqa: SLF001
    decision._statuses = statuses  # noqa: SLF001
    decision._findings = None  # noqa: SLF001
    return decision


def _with_findings(outcome: Outcome, findings: tuple[Finding, ...]) -> Decision:
    decision = decision_of(outcome)
    decision._findings = findings  # noqa: SLF001 - the same
    return decision


@dataclass(frozen=True, slots=True)
class Override:
    """Who lets a blocked move through, and why; both are kept in the change for ever."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.by or not self.reason:
            raise ValueError("an override names who makes it and why: Override(by=..., reason=...)")


class _PlanFields(NamedTuple):
    source: str | None
    dest: str
    steps: tuple[Decision, ...]
    refusal: Decision | None = None


class Plan(_PlanFields, Dumped):
    """The shortest way to a stage: one decision a step, on the deal as it is now. True when there is a way.

    `steps` is empty where the deal is there already, or where there is no way, which `refusal` and its `message` say.
    """

    __slots__ = ()

    @property
    def message(self) -> str:
        """Why there is no way, in one line; empty where there is one."""
        return "" if self.refusal is None else self.refusal.message

    @property
    def unmet(self) -> tuple[Finding, ...]:
        """All that the steps still need, in order; what several steps ask for, once for each."""
        return tuple(found for step in self.steps for found in step.unmet)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages on the way, from the deal's own to the last."""
        entered = tuple(str(step.dest) for step in self.steps)
        return entered if self.source is None else (self.source, *entered)

    def __bool__(self) -> bool:
        return self.refusal is None

    def text(self, words: Words = ENGLISH) -> str:
        """Return the plan as a list of its steps, each with what it still needs."""
        return plan_text(self, words)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        from salesprocess.engine.notebook import plan_html  # noqa: PLC0415 - only notebooks need it

        return plan_html(self)

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> dict[str, Any]:
        """Return the plan as a dict: source, dest, message, stages, and steps as decisions."""
        shown: Callable[[object], Any] = as_json if mode == "json" else _as_it_is
        return {
            "source": shown(self.source),
            "dest": shown(self.dest),
            "message": self.message,
            "stages": [shown(stage) for stage in self.stages],
            "steps": [step.model_dump(mode=mode) for step in self.steps],
        }

    @classmethod
    def _dump_fields(cls) -> dict[str, Any]:
        texts = {"source": str | None, "dest": str, "message": str}
        return {**texts, "stages": list[str], "steps": list[Decision]}
