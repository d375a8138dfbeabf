"""A process as a Mermaid state diagram, as GitHub, GitLab and notebooks draw it."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from salesprocess.formats.diagram import MAIN, PHASES, Picture, picture, printable
from salesprocess.process import CLOSED_KINDS, Direction, SalesProcess, Stage

__all__ = ["dumps"]

_STYLES = {
    "won": "fill:#d9f2d9,stroke:#2e7d32,color:#1b1b1b",
    "lost": "fill:#f8d7da,stroke:#b02a37,color:#1b1b1b",
    "disqualified": "fill:#e2e3e5,stroke:#6c757d,color:#1b1b1b",
    "on_hold": "fill:#fff3cd,stroke:#997404,stroke-dasharray:4,color:#1b1b1b",
    "visited": "stroke:#0b5ed7,stroke-width:3px",
    "current": "stroke:#0b5ed7,stroke-width:5px,font-weight:bold",
}


def dumps(
    process: SalesProcess,
    *,
    current: str | None = None,
    path: Sequence[str] = (),
    directions: Collection[Direction] = MAIN,
) -> str:
    """The process as a `stateDiagram-v2`: phases as groups, criteria on the arrows, won and lost by colour.

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
        KeyError: for a stage in `current` or `path` that there is not.
    """
    drawn = picture(process, current, path, directions)
    # A key may be a word of Mermaid's own; behind its number it is not.
    names = {stage.key: f"s{number}_{stage.key.replace('-', '_')}" for number, stage in enumerate(process.stages)}
    lines = ["stateDiagram-v2"]
    for number, (phase, stages) in enumerate(drawn.groups):
        states = [f'state "{escaped(stage.name)}" as {names[stage.key]}' for stage in stages]
        if phase is None:
            lines += [f"    {state}" for state in states]
        else:
            lines += [
                f'    state "{PHASES[phase]}" as phase{number} {{',
                *(f"        {state}" for state in states),
                "    }",
            ]
    lines.append(f"    [*] --> {names[process.initial.key]}")
    for arrow in drawn.arrows:
        label = "<br/>".join(escaped(line) for line in arrow.lines)
        lines.append(f"    {names[arrow.source]} --> {names[arrow.dest]} : {label}")
    lines += [f"    {names[stage.key]} --> [*]" for stage in process.stages if stage.kind in CLOSED_KINDS]
    return "\n".join([*lines, *_classes(process.stages, drawn, names), ""])


def _classes(stages: Sequence[Stage], drawn: Picture, names: dict[str, str]) -> list[str]:
    lines = []
    for style, css in _STYLES.items():
        members = [
            names[stage.key]
            for stage in stages
            if stage.kind == style
            or (style == "current" and stage.key == drawn.current)
            or (style == "visited" and stage.key in drawn.visited)
        ]
        if members:
            lines += [f"    classDef {style} {css}", f"    class {','.join(members)} {style}"]
    return lines


def escaped(text: str) -> str:
    """The text with an entity code for every character that Mermaid could read as its own."""
    plain = printable(text) or " "
    return "".join(char if char.isalnum() or char in " _," else f"#{ord(char)};" for char in plain)
