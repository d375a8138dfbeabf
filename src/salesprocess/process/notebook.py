"""A process as HTML, for notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from salesprocess._html import as_html, element, table

if TYPE_CHECKING:
    from salesprocess.process.process import SalesProcess


def process_html(process: SalesProcess) -> str:
    """Return a table of the stages of a process, with what leaving each one forwards asks for."""
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
