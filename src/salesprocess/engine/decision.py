"""What an engine answers: decisions, the record of a move, and plans."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

from pydantic_core import from_json, to_json

from salesprocess import _text
from salesprocess.errors import (
    AmbiguousMove,
    Blocked,
    CriteriaErrored,
    DealClosed,
    NoTransition,
    ReasonNeeded,
    StaleDeal,
    TransitionRefused,
    UnknownTrigger,
    Vetoed,
)

if TYPE_CHECKING:
    from salesprocess.criteria import Finding
    from salesprocess.criteria.gate import Statuses, Values

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
}


class Alternative(NamedTuple):
    """A way out of the deal's stage that the process has, whether or not its criteria are met now."""

    trigger: str
    dest: str
    has_criteria: bool
    needs_reason: bool

    def __str__(self) -> str:
        conditions = [
            text
            for text, holds in (("if its criteria are met", self.has_criteria), ("with a reason", self.needs_reason))
            if holds
        ]
        return f"{self.trigger} to {self.dest}" + (f" ({', '.join(conditions)})" if conditions else "")


class HasFindings(Protocol):
    """What a decision asks for its findings: a gate."""

    def findings(self, values: Values, statuses: Statuses | None) -> tuple[Finding, ...]:
        """What each criterion came to."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    """The findings of a decision that was sent elsewhere."""

    found: tuple[Finding, ...]

    def findings(self, _values: Values, _statuses: Statuses | None) -> tuple[Finding, ...]:
        return self.found


@dataclass(frozen=True, slots=True)
class Case:
    """What a decision says whatever the deal: made once for a move, shared by all its decisions."""

    kind: DecisionKind
    process: str
    version: int | str
    trigger: str | None
    source: str
    dest: str | None
    gate: HasFindings | None = None
    needs_reason: bool = False
    reasons: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    message: str = ""


class Decision:
    """Whether a move is allowed, and all that there is to say about it. True when it is.

    Statuses are those of the moment of decision; the values in the findings are the deal's own objects.
    """

    __slots__ = ("_case", "_statuses", "_values")

    _case: Case
    _values: Values
    _statuses: Statuses | None

    @property
    def allowed(self) -> bool:
        """Whether the move may be made."""
        return self._case.kind == "allowed"

    @property
    def kind(self) -> DecisionKind:
        """Why, in one word."""
        return self._case.kind

    @property
    def process(self) -> str:
        """The key of the process that decided."""
        return self._case.process

    @property
    def version(self) -> int | str:
        """The version of the process that decided."""
        return self._case.version

    @property
    def trigger(self) -> str | None:
        """The trigger of the move; as asked for, where there is no such move."""
        return self._case.trigger

    @property
    def source(self) -> str:
        """The stage that the deal is in."""
        return self._case.source

    @property
    def dest(self) -> str | None:
        """The stage that the move enters; as asked for, where there is no such move."""
        return self._case.dest

    @property
    def needs_reason(self) -> bool:
        """Whether `fire` asks for a reason with this move."""
        return self._case.needs_reason

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons that will do; any, where there are none listed."""
        return self._case.reasons

    @property
    def alternatives(self) -> tuple[Alternative, ...]:
        """The other ways out of the stage, in declared order. `Engine.options` says which of them are open."""
        return self._case.alternatives

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What every criterion of the gate came to, met or not, in declared order."""
        gate = self._case.gate
        return () if gate is None else gate.findings(self._values, self._statuses)

    @property
    def unmet(self) -> tuple[Finding, ...]:
        """Every required criterion that is not met: the unmet, the unknown and the errored."""
        return tuple(found for found in self.findings if found.severity == "required" and found.status != "met")

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
        return self._case.message or self._summary()

    def _summary(self) -> str:
        move = f"{self.trigger!r} from {self.source!r} to {self.dest!r}"
        if self.allowed:
            return f"{move} is allowed{', with a reason' if self.needs_reason else ''}"
        word = "are" if len(self.unmet) > 1 else "is"
        required = sum(found.severity == "required" for found in self.findings)
        text = f"{len(self.unmet)} of {required} criteria {word} not met"
        raised = [found.key for found in self.unmet if found.status == "errored"]
        if raised:
            return f"{move} cannot be decided: {', '.join(raised)} raised; {text}"
        return f"{move} is blocked: {text}"

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
        dump = {name: getattr(self, name) for name in _PLAIN}
        dump["reasons"] = list(self.reasons)
        dump["findings"] = [_dump_finding(found, mode) for found in self.findings]
        for name in ("unmet", "unknown", "advisories"):
            dump[name] = [found.key for found in getattr(self, name)]
        dump["alternatives"] = [way._asdict() for way in self.alternatives]
        return dump

    def __bool__(self) -> bool:
        return self.allowed

    def __str__(self) -> str:
        lines = [self.message]
        lines += [f"  - {found}" for found in self.unmet]
        lines += [f"  - advice: {found}" for found in self.advisories]
        if not self.allowed and self.alternatives:
            lines.append(f"Other moves from {self.source!r}: {'; '.join(map(str, self.alternatives))}")
        return "\n".join(lines)

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
        # A gate holds the engine's functions, which do not travel; what it found does.
        return decision_of, (replace(self._case, gate=_Found(self.findings)),)


_PLAIN = ("allowed", "kind", "message", "process", "version", "trigger", "source", "dest", "needs_reason")


def decision_of(case: Case, values: Values = (), statuses: Statuses | None = None) -> Decision:
    """A decision on one deal: the case, and what was read and found."""
    decision = Decision()
    decision._case = case  # noqa: SLF001 - its constructor, kept out of the class for speed
    decision._values = values  # noqa: SLF001
    decision._statuses = statuses  # noqa: SLF001
    return decision


def _dump_finding(found: Finding, mode: str) -> dict[str, Any]:
    error = found.error
    dump = {
        "key": found.key,
        "label": found.label,
        "status": found.status,
        "severity": found.severity,
        "expected": found.expected,
        "actual": found.actual,
        "facts": dict(found.facts),
        "error": None if error is None else f"{type(error).__name__}: {error}",
    }
    if mode == "json":
        dump["actual"], dump["facts"] = as_json(found.actual), as_json(dict(found.facts))
    return dump


def as_json(value: object) -> Any:
    """A host's value as JSON types; what has no such form as its text."""
    try:
        return from_json(to_json(value, fallback=_text.shown, inf_nan_mode="strings"))
    except Exception:  # noqa: BLE001 - a value that cannot be serialised must not hide the refusal
        return _text.shown(value)


@dataclass(frozen=True, slots=True)
class Override:
    """Who lets a blocked move through, and why; both are kept in the change for ever."""

    by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.by or not self.reason:
            raise ValueError("an override names who makes it and why: Override(by=..., reason=...)")


@dataclass(frozen=True, slots=True)
class Plan:
    """The shortest way to a stage: one decision a step, on the deal as it is now. True when there is a way.

    `steps` is empty where the deal is there already, or where `message` says that there is no way.
    """

    source: str
    dest: str
    steps: tuple[Decision, ...]
    message: str = ""

    @property
    def unmet(self) -> tuple[Finding, ...]:
        """All that the steps still need, in order; what several steps ask for, once for each."""
        return tuple(found for step in self.steps for found in step.unmet)

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages on the way, from the deal's own to the last."""
        return (self.source, *(str(step.dest) for step in self.steps))

    def __bool__(self) -> bool:
        return not self.message

    def __str__(self) -> str:
        if self.message:
            return self.message
        count = len(self.steps)
        lines = [f"from {self.source!r} to {self.dest!r}: {count} {'step' if count == 1 else 'steps'}"]
        for number, step in enumerate(self.steps, 1):
            with_reason = ", with a reason" if step.needs_reason else ""
            lines.append(f"  {number}. {step.trigger} to {step.dest}{with_reason}")
            lines += [f"     - {found}" for found in step.unmet]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from salesprocess.engine.notebook import plan_html  # noqa: PLC0415 - only notebooks need it

        return plan_html(self)

    def model_dump(self, *, mode: Literal["python", "json"] = "python") -> dict[str, Any]:
        """The plan as a dict: source, dest, message, stages, and steps as decisions."""
        return {
            "source": self.source,
            "dest": self.dest,
            "message": self.message,
            "stages": list(self.stages),
            "steps": [step.model_dump(mode=mode) for step in self.steps],
        }
