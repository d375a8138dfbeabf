"""A gate as an expression of another program: SQLAlchemy, Django, JSON Logic, a dataframe.

Every module has one function, `compile_gate`, that takes a rule, a criterion or a whole gate and returns an `Answer`:
the same three-valued answer that an engine gives, as expressions that are never null.
"""

from __future__ import annotations

from salesprocess.targets.target import Answer, Subject

__all__ = ["Answer", "Subject"]
