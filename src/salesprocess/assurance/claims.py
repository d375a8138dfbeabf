"""Claims: what is said of every walk through a process, as values that can be combined and read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from salesprocess.criteria import Criterion
from salesprocess.criteria.rules import Rule

MOST_TIMES = 1_000


class Claim:
    """Something that may hold of a process; `prove` says whether it does.

    `a & b` claims both, `a | b` at least one, `~a` that `a` does not hold. Each part is a claim about all walks.
    """

    __slots__ = ()

    def __and__(self, other: Claim) -> Every:
        return Every((*_parts(self, Every), *_parts(other, Every)))

    def __or__(self, other: Claim) -> Some:
        return Some((*_parts(self, Some), *_parts(other, Some)))

    def __invert__(self) -> Claim:
        return self.claim if isinstance(self, Opposite) else Opposite(self)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f"the claim ({self}) has no truth of its own: ask prove(process, claim), and combine claims with & | ~"
        )


@dataclass(frozen=True, slots=True, repr=False)
class Never(Claim):
    """No walk enters the target without what it is not to be without."""

    target: str
    without: str | Rule | Criterion

    def __str__(self) -> str:
        return f"never {self.target} without {_named(self.without)}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class AlwaysPasses(Claim):
    """Every walk is in the stage before it is in the target."""

    stage: str
    before: str

    def __str__(self) -> str:
        return f"always passes {self.stage} before {self.before}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Reachable(Claim):
    """Some walk enters the target."""

    target: str

    def __str__(self) -> str:
        return f"{self.target} is reachable"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class EventuallyClosable(Claim):
    """Every walk can be carried on to an end."""

    def __str__(self) -> str:
        return "every deal can be closed eventually"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class AtMost(Claim):
    """No walk fires the trigger more often."""

    times: int
    trigger: str

    def __str__(self) -> str:
        return f"{self.trigger} at most {self.times} {'time' if self.times == 1 else 'times'}"

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Every(Claim):
    """All of the claims hold."""

    claims: tuple[Claim, ...]

    def __str__(self) -> str:
        return " and ".join(map(_bracketed, self.claims))

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Some(Claim):
    """At least one of the claims holds."""

    claims: tuple[Claim, ...]

    def __str__(self) -> str:
        return " or ".join(map(_bracketed, self.claims))

    __repr__ = __str__


@dataclass(frozen=True, slots=True, repr=False)
class Opposite(Claim):
    """The claim does not hold."""

    claim: Claim

    def __str__(self) -> str:
        return f"not ({self.claim})"

    __repr__ = __str__


def never(target: str, *, without: str | Rule | Criterion) -> Claim:
    """No walk enters the target, a stage or an outcome, without a criterion met, or a stage entered, on the way.

    A walk breaks it where it enters the target and at none of its moves, from the start up to and including that
    one, the deal's facts of that moment met the criterion. Facts may change in any way between two moves, so that
    what no gate asks for is met by nobody. Met is what an engine calls met: unmet, unknown and errored are not.

    `without` is a rule or a criterion, or a name: of a stage, which must then be entered; else the key of criteria of
    the process, of which one must be met; else a fact that its criteria look at, which must be known. An outcome such
    as `"won"` is every stage of that kind.

    >>> print(never("won", without="signed_at"))
    never won without signed_at
    """
    return Never(target, without)


def always_passes(stage: str, *, before: str) -> Claim:
    """No walk enters the target, a stage or an outcome, before it has entered the stage.

    A stage that is jumped over is not entered, whether or not its exit criteria are asked for.
    """
    return AlwaysPasses(stage, before)


def reachable(target: str) -> Claim:
    """Some walk enters the target, a stage or an outcome."""
    return Reachable(target)


def eventually_closable() -> Claim:
    """From every stage that a walk can enter, moves lead to one that is won, lost or disqualified."""
    return EventuallyClosable()


def at_most(times: int, trigger: str) -> Claim:
    """No walk fires the trigger more often than so many times, from 0 to 1,000.

    Raises:
        ValueError: for any other number.
    """
    if isinstance(times, bool) or not isinstance(times, int) or not 0 <= times <= MOST_TIMES:
        raise ValueError(f"a trigger is fired at most a whole number of times, 0 to {MOST_TIMES:,}, found {times!r}")
    return AtMost(times, trigger)


def _parts(claim: Claim, kind: type[Every | Some]) -> tuple[Claim, ...]:
    if not isinstance(claim, Claim):
        raise TypeError(f"expected a claim, found {claim!r}")
    return claim.claims if isinstance(claim, kind) else (claim,)


def _bracketed(claim: Claim) -> str:
    return f"({claim})" if isinstance(claim, Every | Some) else str(claim)


def _named(without: str | Rule | Criterion) -> str:
    return without if isinstance(without, str) else f"({without})"
