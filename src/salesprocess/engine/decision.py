"""What an engine answers: decisions, the record of a move, and plans."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from pydantic_core import from_json, to_json

from salesprocess import _text
from salesprocess.criteria.criterion import required
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
    from salesprocess.criteria import Finding
    from salesprocess.criteria.gate import Gate, Statuses
    from salesprocess.criteria.reading import Values

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


# The message of each kind of decision, and of the cases of a kind that read differently.
SENTENCES: Final = {
    "allowed": "{move} is allowed",
    "allowed_with_reason": "{move} is allowed, with a reason",
    "blocked": "{move} is blocked: {count} of {total} criteria {are} not met",
    "errored": "{move} cannot be decided: {errored} raised; {count} of {total} criteria {are} not met",
    "unknown_trigger": "unknown trigger {trigger!r} in process {process!r}{suggestion}",
    "unknown_target": "unknown stage {to!r} in process {process!r}{suggestion}",
    "no_transition": "{asked} out of {stage!r}{target}",
    "already_there": "the deal is in {stage!r} already",
    "closed": "the deal is {state}: {asked} out of {stage!r}{target}",
    "not_started": "the deal is in no stage yet: 'start' puts it in {initial!r}",
    "no_key": "the deal has no key {key!r}, so it is in no stage yet: 'start' puts it in {initial!r}",
    "started": "the deal has started already: it is in {stage!r}",
    "stale": "the deal is {found}, not {expected} as expected: look at it again",
    "ambiguous_target": "{trigger!r} from {stage!r} leads to {targets}: name the stage with to=",
    "ambiguous_trigger": "{triggers} all lead from {stage!r} to {to!r}: name the trigger",
    "needs_reason": "{move} needs a reason: give one with reason=",
    "needs_listed_reason": "{move} needs a reason, one of {reasons}",
    "unlisted_reason": "{move} needs a reason from its list: unknown reason {reason!r}{suggestion}",
    "vetoed": "{move} was vetoed: {why}",
    "unknown_stage": "the deal is in unknown stage {found} of process {process!r}{suggestion}",
    "wrong_version": "the deal runs under version {found} of process {process!r}, this engine under {version}",
    "forbidden": "{move} is forbidden to the caller: {count} of {total} criteria {are} not met",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The part of a decision that does not depend on the deal: made once for a move, shared by its decisions.

    `sentence` names the template of the message, and `details` fills it.
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


class Decision:
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
        return tuple(found for found in required(self.findings) if found.status != "met")

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
        outcome = self._outcome
        if outcome.sentence:
            return SENTENCES[outcome.sentence].format(move=self._move(), **outcome.details)
        if self.allowed:
            return SENTENCES["allowed_with_reason" if self.needs_reason else "allowed"].format(move=self._move())
        unmet = self.unmet
        return SENTENCES[self.kind].format(
            move=self._move(),
            count=len(unmet),
            are="are" if len(unmet) > 1 else "is",
            total=len(required(self.findings)),
            errored=", ".join(found.key for found in unmet if found.status == "errored"),
        )

    def _move(self) -> str:
        origin = "" if self.source is None else f" from {self.source!r}"
        return f"{self.trigger!r}{origin} to {self.dest!r}"

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
            origin = "" if self.source is None else f" from {self.source!r}"
            lines.append(f"Other moves{origin}: {'; '.join(map(str, self.alternatives))}")
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
        # A gate holds the engine's functions, which cannot be pickled; what it found can.
        return _with_findings, (replace(self._outcome, gate=None), self.findings)


_PLAIN = ("allowed", "kind", "message", "process", "version", "trigger", "source", "dest", "needs_reason")


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

    source: str | None
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
        entered = tuple(str(step.dest) for step in self.steps)
        return entered if self.source is None else (self.source, *entered)

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
