"""A process as a Graphviz graph in DOT, and as SVG where Graphviz's `dot` is installed."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Sequence

from salesprocess.formats.diagram import (
    COLOURS,
    HIGHLIGHT,
    MAIN_DIRECTIONS,
    PHASES,
    Arrow,
    Diagram,
    diagram_of,
    printable,
)
from salesprocess.process import Direction, SalesProcess, Stage

__all__ = ["dumps", "to_svg"]

_SECONDS = 30


def dumps(
    process: SalesProcess,
    *,
    current: str | None = None,
    path: Sequence[str] = (),
    directions: Collection[Direction] = MAIN_DIRECTIONS,
) -> str:
    r"""Return the process as a `digraph`: phases as clusters, criteria on the arrows, won and lost by colour.

    `path` has the keys of the stages that a deal went through, `current` the one that it is in (by default the last of
    the path); both are highlighted. Moves back and reopenings clutter: ask for them with
    `directions={"forward", "close", "hold", "back", "reopen"}`.

    >>> from salesprocess import Stage
    >>> stages = [Stage(key="talk", name='The "talk"'), Stage(key="won", kind="won")]
    >>> print(dumps(SalesProcess.linear(key="short", stages=stages)).splitlines()[4])
      "talk" [label="The \"talk\"", fillcolor="#ffffff", color="#495057"]

    Raises:
        KeyError: for an unknown stage in `current` or `path`.
    """
    drawn = diagram_of(process, current, path, directions)
    lines = [
        "digraph {",
        '  rankdir=TB; fontname="Helvetica"; labeljust=l; style=rounded; color="#adb5bd"',
        '  node [shape=box, style="rounded,filled", fontname="Helvetica"]',
        '  edge [fontname="Helvetica", fontsize=9]',
    ]
    for number, (phase, stages) in enumerate(drawn.groups):
        nodes = [_node(stage, drawn) for stage in stages]
        if phase is not None:
            nodes = [f"  subgraph cluster_{number} {{ label={quoted(PHASES[phase])}", *nodes, "  }"]
        lines += nodes
    return "\n".join([*lines, *map(_edge, drawn.arrows), "}", ""])


def _node(stage: Stage, drawn: Diagram) -> str:
    fill, border = COLOURS[stage.kind]
    label = stage.name if stage.probability is None else f"{stage.name} ({stage.probability:.0%})"
    attributes = [f"label={quoted(label)}", f'fillcolor="{fill}"']
    if stage.key in drawn.visited or stage.key == drawn.current:
        attributes += [f'color="{HIGHLIGHT}"', f"penwidth={4 if stage.key == drawn.current else 2}"]
    else:
        attributes.append(f'color="{border}"')
    if stage.kind not in {"open", "on_hold"}:
        attributes.append("peripheries=2")
    return f"  {quoted(stage.key)} [{', '.join(attributes)}]"


def _edge(arrow: Arrow) -> str:
    # Backslash-l ends a line and sets it to the left.
    label = "".join(f"  {quoted(line)[1:-1]}\\l" for line in arrow.lines)
    attributes = [f'label="{label}"']
    if arrow.taken:
        attributes.append(f'color="{HIGHLIGHT}", penwidth=2.5')
    if arrow.direction == "forward":
        attributes.append("weight=9")
    elif not arrow.taken:
        # The way forward shapes the picture, and side moves do not.
        attributes.append('style=dashed, color="#868e96", fontcolor="#868e96"')
    if arrow.direction not in {"forward", "close"}:
        attributes.append("constraint=false")
    return f"  {quoted(arrow.source)} -> {quoted(arrow.dest)} [{', '.join(attributes)}]"


def quoted(text: str) -> str:
    """Return the text as a DOT string that shows it as it is: no escape and no entity in it is read as one."""
    plain = printable(text).replace("\\", "\\\\").replace("&", "&amp;").replace('"', '\\"')
    return f'"{plain}"'


def to_svg(
    process: SalesProcess,
    *,
    current: str | None = None,
    path: Sequence[str] = (),
    directions: Collection[Direction] = MAIN_DIRECTIONS,
) -> str:
    """Return the graph of `dumps` as SVG text, drawn by Graphviz.

    Raises:
        KeyError: for an unknown stage in `current` or `path`.
        FileNotFoundError: if Graphviz's `dot` is not installed.
        subprocess.TimeoutExpired: if drawing takes more than 30 seconds.
    """
    text = dumps(process, current=current, path=path, directions=directions)
    program = shutil.which("dot")
    if program is None:
        raise FileNotFoundError("Graphviz's dot is not on the PATH: install graphviz, or draw the text of dumps()")
    drawn = subprocess.run(  # noqa: S603 - no shell, and no argument from outside
        [program, "-Tsvg"], input=text.encode(), capture_output=True, check=True, timeout=_SECONDS
    )
    return drawn.stdout.decode()
