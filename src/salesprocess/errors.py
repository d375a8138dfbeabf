"""Every error that the library raises, under one root."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from salesprocess.engine.decision import Decision


class Problem(NamedTuple):
    """One mistake: a stable `code`, the `path` to the place, and a `message` that says what to write instead."""

    code: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SalesProcessError(Exception):
    """The root of all errors of this library."""


class DefinitionError(SalesProcessError, ValueError):
    """A process, or an engine built on one, is defined wrongly; `problems` has every mistake."""

    def __init__(self, subject: str, problems: Iterable[Problem]) -> None:
        self.subject = subject
        self.problems: tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        lines = [f"{subject}: {count} {'problem' if count == 1 else 'problems'}"]
        super().__init__("\n".join([*lines, *(f"  - {problem}" for problem in self.problems)]))

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.subject, self.problems)


class DealError(SalesProcessError, ValueError):
    """A deal, or its history, cannot be read, written or continued as asked.

    `found` is what was there, `expected` the values that would have been right, if they can be listed.
    """

    def __init__(self, message: str, *, found: object = None, expected: Iterable[object] = ()) -> None:
        self.message = message
        self.found = found
        self.expected: tuple[object, ...] = tuple(expected)
        super().__init__(message)


class TransitionRefused(SalesProcessError):
    """A move was refused; `decision` has every reason."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision
        super().__init__(decision)

    def __str__(self) -> str:
        return str(self.decision)


class UnknownTrigger(TransitionRefused, LookupError):
    """The process has no such trigger."""


class NoTransition(TransitionRefused, LookupError):
    """The process has no such move out of the deal's stage."""


class DealClosed(TransitionRefused):
    """The deal is won, lost or disqualified, and the move does not leave that stage."""


class Blocked(TransitionRefused):
    """Required criteria are unmet or unknown."""


class CriteriaErrored(TransitionRefused):
    """A required criterion raised an exception, which is in the decision's findings and the cause of this error."""


class StaleDeal(TransitionRefused):
    """The deal is not in the stage, or not at the sequence number, that the caller expected."""


class AmbiguousMove(TransitionRefused):
    """More than one move fits; name the trigger, or the stage with `to=`."""


class ReasonNeeded(TransitionRefused):
    """The move needs a reason; none was given, or one that is not in its list."""


class Vetoed(TransitionRefused):
    """A hook refused the move before anything was written."""


class UnknownStage(TransitionRefused, LookupError):
    """The deal is in a stage that the process does not have."""


class WrongVersion(TransitionRefused):
    """The deal runs under another version of the process than the engine."""


class Forbidden(TransitionRefused):
    """A criterion about the caller is not met; no override passes it."""
