"""What is certain about rules, whatever the deal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from salesprocess.assurance.solver.witness import Unsatisfiable, Witnesses, witness
from salesprocess.criteria import Criterion
from salesprocess.criteria.rules import AnyOf, Comparison, Not, Rule, Term

_FREE: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "known", "true", "false"})


def effective(criterion: Criterion) -> Rule:
    """The rule of a criterion, met as well where the criterion does not apply."""
    return criterion.rule if criterion.when is None else AnyOf((Not(criterion.when), criterion.rule))


def impossible(rule: Rule) -> bool:
    """Whether it is certain that no deal meets the rule."""
    return not _is_plain(rule) and isinstance(witness([rule]), Unsatisfiable)


def _is_plain(rule: Rule) -> bool:
    """Whether a rule holds one fact against one value, or not: there is always one that fits, and one that does not."""
    if isinstance(rule, Not):
        return _is_plain(rule.rule)
    if not isinstance(rule, Comparison) or rule.term.measure is not None:
        return False
    return rule.term.source == "fact" and rule.op in _FREE and not isinstance(rule.value, Term)


def implies(left: Sequence[Rule], right: Sequence[Rule]) -> bool:
    """Whether it is certain that each deal which meets all of the left rules meets all of the right ones.

    Deals whose values a rule cannot be asked about at all, such as text where it compares with a number, do not count.
    """
    witnesses = Witnesses()
    return all(isinstance(witnesses.find(left, [rule], answered=[rule]), Unsatisfiable) for rule in right)
