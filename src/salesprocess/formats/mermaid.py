"""A process as a Mermaid state diagram, as GitHub, GitLab and notebooks draw it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from salesprocess.formats.diagram import (
    COLOURS,
    HIGHLIGHT,
    MAIN_DIRECTIONS,
    PHASES,
    Diagram,
    diagram_of,
    printable,
)
from salesprocess.process import CLOSED_KINDS, Direction, SalesProcess, Stage

__all__ = ["dumps"]

_STYLES: dict[str, str] = {
    **{
        kind: f"fill:{fill},stroke:{border},{'stroke-dasharray:4,' if kind == 'on_hold' else ''}color:#1b1b1b"
        for kind, (fill, border) in COLOURS.items()
        if kind != "open"
    },
    "visited": f"stroke:{HIGHLIGHT},stroke-width:3px",
    "current": f"stroke:{HIGHLIGHT},stroke-width:5px,font-weight:bold",
}


def dumps(
    process: SalesProcess,
    *,
    current: str | None = None,
    path: Sequence[str] = (),
    directions: Collection[Direction] = MAIN_DIRECTIONS,
) -> str:
    """Return the process as a `stateDiagram-v2`: phases as groups, criteria on the arrows, won and lost by colour.

    `path` has the keys of the stages that a deal went through, `current` the one that it is in (by default the last of
    the path); both are highlighted. Moves back and reopenings clutter: ask for them with
    `directions={"forward", "close", "hold", "back", "reopen"}`.

    >>> from salesprocess import Stage, fact
    >>> stages = [Stage(key="talk", exit_criteria=fact("need").is_known()), Stage(key="won", kind="won")]
    >>> print(dumps(SalesProcess.linear(key="short", stages=stages)))
    stateDiagram-v2
        state "Talk" as s0_talk
        state "Won" as s1_won
        state "Lost" as s2_lost
        [*] --> s0_talk
        s0_talk --> s1_won : win<br/>#91;need is known#93;
        s0_talk --> s2_lost : lose #40;with a reason#41;
        s1_won --> [*]
        s2_lost --> [*]
        classDef won fill:#d9f2d9,stroke:#2e7d32,color:#1b1b1b
        class s1_won won
        classDef lost fill:#f8d7da,stroke:#b02a37,color:#1b1b1b
        class s2_lost lost
    <BLANKLINE>

    Raises:
        KeyError: for an unknown stage in `current` or `path`.
    """
    drawn = diagram_of(process, current, path, directions)
    # A key may be a word of Mermaid's own; behind its number it is not.
    names = {stage.key: f"s{number}_{stage.key.replace('-', '_')}" for number, stage in enumerate(process.stages)}
    lines = ["stateDiagram-v2", *_states(drawn, names), f"    [*] --> {names[process.initial.key]}"]
    for arrow in drawn.arrows:
        label = "<br/>".join(escaped(line) for line in arrow.lines)
        lines.append(f"    {names[arrow.source]} --> {names[arrow.dest]} : {label}")
    lines += [f"    {names[stage.key]} --> [*]" for stage in process.stages if stage.kind in CLOSED_KINDS]
    return "\n".join([*lines, *_classes(process.stages, drawn, names), ""])


def _states(drawn: Diagram, names: Mapping[str, str]) -> Iterator[str]:
    for number, (phase, stages) in enumerate(drawn.groups):
        states = [f'    state "{escaped(stage.name)}" as {names[stage.key]}' for stage in stages]
        if phase is None:
            yield from states
        else:
            yield f'    state "{PHASES[phase]}" as phase{number} {{'
            yield from (f"    {state}" for state in states)
            yield "    }"


def _classes(stages: Sequence[Stage], drawn: Diagram, names: Mapping[str, str]) -> Iterator[str]:
    for style, css in _STYLES.items():
        members = [names[stage.key] for stage in stages if style in _styles_of(stage, drawn)]
        if members:
            yield f"    classDef {style} {css}"
            yield f"    class {','.join(members)} {style}"


def _styles_of(stage: Stage, drawn: Diagram) -> set[str]:
    styles: set[str] = {stage.kind}
    if stage.key in drawn.visited:
        styles.add("visited")
    if stage.key == drawn.current:
        styles.add("current")
    return styles


def escaped(text: str) -> str:
    """Return the text with an entity code for every character that Mermaid could read as its own."""
    plain = printable(text) or " "
    return "".join(char if char.isalnum() or char in " _," else f"#{ord(char)};" for char in plain)
