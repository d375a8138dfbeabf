"""What is asked: criteria over the facts of a deal, and what was found when they were asked."""

from __future__ import annotations

from salesprocess.criteria.criterion import (
    Criteria,
    CriteriaLike,
    Criterion,
    Evidence,
    Finding,
    Severity,
    Status,
    at_least,
    context,
    days,
    fact,
    hours,
    now,
    predicate,
    time_in_stage,
)
from salesprocess.criteria.rules import OPERATORS, AllOf, AnyOf, AtLeast, Comparison, Not, Predicate, Rule, Term
from salesprocess.criteria.stored import parse

__all__ = [
    "OPERATORS",
    "AllOf",
    "AnyOf",
    "AtLeast",
    "Comparison",
    "Criteria",
    "CriteriaLike",
    "Criterion",
    "Evidence",
    "Finding",
    "Not",
    "Predicate",
    "Rule",
    "Severity",
    "Status",
    "Term",
    "at_least",
    "context",
    "days",
    "fact",
    "hours",
    "now",
    "parse",
    "predicate",
    "time_in_stage",
]
