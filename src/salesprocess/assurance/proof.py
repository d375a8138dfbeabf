"""Proofs: claims about every walk through a process, shown to hold or broken by a walk that runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from salesprocess.assurance.claim_search import verdict
from salesprocess.assurance.claims import Claim, always_passes, at_most, eventually_closable, never, reachable
from salesprocess.assurance.counterexamples import Step, run
from salesprocess.assurance.walks import Moves
from salesprocess.history.change import StageChange
from salesprocess.process import SalesProcess

__all__ = [
    "Answer",
    "Claim",
    "Counterexample",
    "Proved",
    "Step",
    "Undecided",
    "always_passes",
    "at_most",
    "eventually_closable",
    "never",
    "prove",
    "reachable",
]


@dataclass(frozen=True, slots=True)
class _Answer:
    process: SalesProcess
    claim: Claim
    message: str
    with_overrides: bool
    steps: tuple[Step, ...] = ()

    def __bool__(self) -> bool:
        return isinstance(self, Proved)

    def run(self) -> tuple[StageChange, ...]:
        """Fires the walk on a new engine, and returns the changes that it made; none where there is no walk."""
        return run(self.process, self.steps)

    def __str__(self) -> str:
        lines = [f"{type(self).__name__}: {self.claim}", f"  {self.message}"]
        lines += [f"  {number}. {step}" for number, step in enumerate(self.steps, 1)]
        lines.append(f"Overrides are {'counted in' if self.with_overrides else 'left out'}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.claim}: {self.message}>"


@dataclass(frozen=True, slots=True, repr=False)
class Proved(_Answer):
    """The claim holds on every walk. True.

    `steps` is the walk that shows it, where the claim is that there is one.
    """


@dataclass(frozen=True, slots=True, repr=False)
class Counterexample(_Answer):
    """The claim does not hold, and `steps` is a shortest walk that breaks it. False.

    Each step has the facts of the deal at that moment, and `run()` fires them all. There are no steps where what
    breaks the claim is that there is no walk.
    """


@dataclass(frozen=True, slots=True, repr=False)
class Undecided(_Answer):
    """Whether the claim holds was not found out; `message` says which moves that hangs on. False."""


Answer: TypeAlias = Proved | Counterexample | Undecided


def prove(process: SalesProcess, claim: Claim, *, with_overrides: bool = False) -> Answer:
    """Whether a claim holds on every walk through a process: true if so, with a walk to show for it if not.

    A walk is a `start` and then any number of moves that an engine allows, in the order of time. The facts of the deal,
    the caller's context and the answers of predicates may change in any way between two moves. What is looked for is
    facts that meet the gate of a move: skips, fast tracks, back moves, reopening, waivers and cumulative gates are
    whatever the engine makes of them. Facts are plain data: text, numbers, booleans, times, dates, durations,
    collections of these, and mappings or objects that hold them; a member of an enum counts as its value.

    With `with_overrides` a blocked move may be made as well. What cannot be decided is `Undecided`, never `Proved`.

    >>> from salesprocess.catalog import SEVEN_STAGE
    >>> print(prove(SEVEN_STAGE, never("won", without="signed_at")))
    Proved: never won without signed_at
      no walk enters won that way
    Overrides are left out.
    >>> print(prove(SEVEN_STAGE, always_passes("qualifying", before="won")))
    Counterexample: always passes qualifying before won
      4 moves into generating_referrals
      1. start: enters prospecting
      2. lose: prospecting to lost, with a reason
      3. reopen: lost to closing, with a reason
      4. win: closing to generating_referrals; signed_at 'given'
    Overrides are left out.

    Raises:
        DefinitionError: for a stage, trigger or criterion that the process lacks, with the nearest that it has.
    """
    if not isinstance(claim, Claim):
        raise TypeError(f"expected a claim, such as never('won', without='budget'), found {claim!r}")
    holds, message, steps = verdict(claim, Moves(process, with_overrides=with_overrides))
    kind = Undecided if holds is None else Proved if holds else Counterexample
    return kind(process, claim, message, with_overrides, steps)
