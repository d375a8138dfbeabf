"""A process held against what it is for, before a deal runs through it: problems, differences, migrations."""

from __future__ import annotations

from salesprocess.assurance.differences import Diff, Difference, diff
from salesprocess.assurance.linting import problems
from salesprocess.assurance.migration import DryRun, Failing, MigrationPlan
from salesprocess.errors import Problem

__all__ = ["Diff", "Difference", "DryRun", "Failing", "MigrationPlan", "Problem", "diff", "problems"]
