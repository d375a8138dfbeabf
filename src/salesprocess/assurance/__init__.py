"""A process held against what it is for, before a deal runs through it: problems, proofs, differences, migrations."""

from __future__ import annotations

from salesprocess.assurance.differences import Diff, Difference, diff
from salesprocess.assurance.linting import problems
from salesprocess.assurance.migration import DryRun, Failing, MigrationPlan
from salesprocess.assurance.proof import (
    Answer,
    Claim,
    Counterexample,
    Proved,
    Step,
    Undecided,
    always_passes,
    at_most,
    eventually_closable,
    never,
    prove,
    reachable,
)
from salesprocess.errors import Problem

__all__ = [
    "Answer",
    "Claim",
    "Counterexample",
    "Diff",
    "Difference",
    "DryRun",
    "Failing",
    "MigrationPlan",
    "Problem",
    "Proved",
    "Step",
    "Undecided",
    "always_passes",
    "at_most",
    "diff",
    "eventually_closable",
    "never",
    "problems",
    "prove",
    "reachable",
]
