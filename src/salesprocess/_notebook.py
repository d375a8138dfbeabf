"""How a process, a decision and a plan show in a notebook: small pieces of HTML, escaped by construction."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from salesprocess.criteria import Finding
    from salesprocess.decision import Decision, Plan
    from salesprocess.process import SalesProcess

_MARKS = {"met": "\u2713", "unmet": "\u2717", "unknown": "?", "errored": "!"}


def element(tag: str, *children: Element | str, **attributes: str) -> Element:
    """An HTML element; text in it is text, whatever it looks like."""
    made = Element(tag, attributes)
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + _visible(child)
        else:
            made.text = (made.text or "") + _visible(child)
    return made


def _visible(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Element:
    """A table of texts."""
    head = element("tr", *(element("th", name, style="text-align:left") for name in header))
    body = (element("tr", *(element("td", cell, style="text-align:left") for cell in row)) for row in rows)
    return element("table", element("thead", head), element("tbody", *body))


def as_html(made: Element) -> str:
    """The element as HTML text."""
    return tostring(made, encoding="unicode", method="html")


def process_html(process: SalesProcess) -> str:
    """The stages of a process, with what leaving each asks for."""
    rows = (
        (
            stage.name,
            stage.key,
            stage.kind,
            stage.phase or "",
            "" if stage.probability is None else f"{stage.probability:.0%}",
            "; ".join(map(str, stage.gate())),
        )
        for stage in process.stages
    )
    stages = table(["Stage", "Key", "Kind", "Phase", "Won", "To leave it forwards"], rows)
    title = element("strong", f"{process.name or process.key} (version {process.version})")
    moves = ", ".join(dict.fromkeys(move.trigger for move in process.transitions)) or "none"
    return as_html(element("div", title, stages, element("p", f"Moves: {moves}")))


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
