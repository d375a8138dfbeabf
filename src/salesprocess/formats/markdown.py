"""A process as a playbook in Markdown: each stage in words, then the table of moves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from salesprocess.formats.diagram import printable
from salesprocess.formats.playbook import COLUMNS, move_rows, sections
from salesprocess.process import SalesProcess

__all__ = ["dumps", "transition_table"]

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$])")
_LEADING = re.compile(r"\A(\d{0,9})([-+=.)])")


def dumps(process: SalesProcess) -> str:
    """Return the playbook: what a sales manager hands to a new hire. Names and texts are escaped.

    >>> from salesprocess import Stage, fact
    >>> talk = Stage(key="talk", objective="Understand.", tactics="Ask", exit_criteria=fact("need").is_known())
    >>> process = SalesProcess.linear(key="short", stages=[talk, Stage(key="won", kind="won")])
    >>> dumps(process).splitlines()[4:9]
    ['## 1. Talk', '', '- **Kind:** Open', '- **Objective:** Understand.', '- **Tactics:**']
    """
    lines = [f"# {escaped(process.name or process.key)}", "", f"Version {escaped(str(process.version))}"]
    for number, section in enumerate(sections(process), 1):
        lines += ["", f"## {number}. {escaped(section.name)}", ""]
        lines += [f"- **{label}:** {escaped(text)}" for label, text in section.facts]
        for label, items in section.lists:
            box = "[ ] " if label == "Activities" else ""
            lines += [f"- **{label}:**", *(f"  - {box}{escaped(item)}" for item in items)]
    return "\n".join([*lines, "", "## Moves", "", transition_table(process)])


def transition_table(process: SalesProcess) -> str:
    """Return the moves alone, as a Markdown table."""
    return _table(COLUMNS, move_rows(process))


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *([escaped(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def escaped(text: str) -> str:
    """Return the text on one line, with a backslash before whatever Markdown could read as its own."""
    return _LEADING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", printable(text)))
