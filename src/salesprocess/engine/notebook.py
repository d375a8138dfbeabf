"""How decisions and plans show in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from salesprocess._html import as_html, element, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from salesprocess.criteria import Finding
    from salesprocess.engine.decision import Decision, Plan

_MARKS = {"met": "\u2713", "unmet": "\u2717", "unknown": "?", "errored": "!"}


def decision_html(decision: Decision) -> str:
    """What a decision says, with every finding."""
    parts = [element("strong", decision.message)]
    if decision.findings:
        parts.append(_findings(decision.findings))
    if not decision.allowed and decision.alternatives:
        parts.append(element("p", "Other moves: " + "; ".join(map(str, decision.alternatives))))
    return as_html(element("div", *parts))


def _findings(findings: Sequence[Finding]) -> Element:
    return table(
        ["", "Criterion", "Status", "Found"],
        (
            (
                _MARKS[found.status],
                found.label if found.severity == "required" else f"{found.label} (advice)",
                found.status,
                str(found),
            )
            for found in findings
        ),
    )


def plan_html(plan: Plan) -> str:
    """The steps of a plan, each with what it still needs."""
    if plan.message or not plan.steps:
        return as_html(element("div", element("strong", str(plan))))
    steps = (
        element(
            "li",
            f"{step.trigger} to {step.dest}{', with a reason' if step.needs_reason else ''}",
            element("ul", *(element("li", str(found)) for found in step.unmet)),
        )
        for step in plan.steps
    )
    title = element("strong", f"From {plan.source} to {plan.dest}")
    return as_html(element("div", title, element("ol", *steps)))
