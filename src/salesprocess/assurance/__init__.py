"""A process held against what it is for, before a deal runs through it: problems, differences, migrations."""

from __future__ import annotations

from salesprocess.assurance.linting import problems
from salesprocess.errors import Problem

__all__ = ["Problem", "problems"]
