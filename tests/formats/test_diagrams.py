"""Diagrams: the real Mermaid and the real Graphviz read what is drawn, whatever the names."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, SalesProcess, Stage, fact
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import dot, mermaid
from tests.formats.conftest import hostile_texts, words

NODE = Path(__file__).parents[1] / "node"
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
needs_mermaid = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules" / "mermaid").exists(),
    reason="mermaid is not installed: npm install in tests/node",
)
each_format = pytest.mark.parametrize("draw", [mermaid.dumps, dot.dumps], ids=["mermaid", "dot"])
EVERY_DIRECTION: Any = {"forward", "close", "hold", "back", "reopen"}


def process_named(first: str, second: str, third: str) -> SalesProcess:
    """Return a process with these texts as names and in criteria, and keys that are words of Mermaid's."""
    criterion = Criterion(key="c", rule=fact("x") == second, label=third)
    stages = [
        Stage(key="end", name=first, phase="top", exit_criteria=[criterion]),
        Stage(key="a-b", name=second, exit_criteria=fact("x") == third),
        Stage(key="state", name=third, kind="won", phase="after"),
    ]
    return SalesProcess.linear(key="p", stages=stages)


def read_by_mermaid(*texts: str) -> list[dict[str, Any]]:
    answer = subprocess.run(
        ["node", "parse_mermaid.mjs"],  # noqa: S607 - found by needs_mermaid
        cwd=NODE,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: list[dict[str, Any]] = json.loads(answer.stdout)
    return found


def svg_texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]  # noqa: S314 - dot's own


@needs_mermaid
def test_mermaid() -> None:
    """Mermaid reads phases as groups, criteria as labels, and every closed stage as an end."""
    (found,) = read_by_mermaid(mermaid.dumps(SEVEN_STAGE))
    assert found["nodes"]["s0_prospecting"] == "Prospecting"
    assert {"Top", "Middle", "Bottom", "After the sale"} <= set(found["nodes"].values())
    labels = {(start, end): label for start, end, label in found["edges"]}
    assert labels["s5_closing", "s6_generating_referrals"] == "win<br>[Contract signed]"
    ends = [start for start, end, _ in found["edges"] if end == "root_end"]
    assert ends == ["s6_generating_referrals", "s7_lost", "s8_disqualified"]


@needs_mermaid
@given(names=st.lists(hostile_texts, min_size=45, max_size=45))
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_mermaid_hostile_names(names: list[str]) -> None:
    """Mermaid shows every name as it is."""
    drawn = [process_named(*names[index : index + 3]) for index in range(0, len(names), 3)]
    for process, found in zip(drawn, read_by_mermaid(*map(mermaid.dumps, drawn)), strict=True):
        assert "error" not in found, found
        for number, stage in enumerate(process.stages):
            key = f"s{number}_{stage.key.replace('-', '_')}"
            assert words(found["nodes"][key]) == words(stage.name)


@needs_dot
def test_graphviz() -> None:
    """Graphviz draws stages, phases and criteria."""
    shown = svg_texts(dot.to_svg(SEVEN_STAGE))
    assert {"Top", "Middle", "Bottom", "After the sale", "Prospecting", "Lost"} <= set(shown)
    assert "[Contract signed]" in {text.strip() for text in shown}


@needs_dot
@given(texts=st.tuples(hostile_texts, hostile_texts, hostile_texts))
@settings(max_examples=40, deadline=None)
def test_graphviz_hostile_names(texts: tuple[str, str, str]) -> None:
    """Graphviz shows every name as it is."""
    process = process_named(*texts)
    shown = {words(text) for text in svg_texts(dot.to_svg(process, directions=EVERY_DIRECTION))}
    assert {words(stage.name) for stage in process.stages} <= shown | {""}


def test_graphviz_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without Graphviz the error says what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="install graphviz"):
        dot.to_svg(SEVEN_STAGE)


def test_path() -> None:
    """The stages that a deal went through are highlighted, and the one that it is in."""
    path = ["prospecting", "making_contact", "qualifying"]
    text = mermaid.dumps(SEVEN_STAGE, path=path)
    assert "class s0_prospecting,s1_making_contact,s2_qualifying visited" in text
    assert "class s2_qualifying current" in text
    lines = dot.dumps(SEVEN_STAGE, path=path).splitlines()
    assert sum("penwidth=2.5" in line for line in lines) == 2
    assert [line.split('"')[1] for line in lines if "penwidth=4" in line] == ["qualifying"]


def test_path_goes_back() -> None:
    """A move that the deal made is drawn, even if its direction is not asked for."""
    assert '"qualifying" -> "making_contact"' not in dot.dumps(SEVEN_STAGE)
    assert '"qualifying" -> "making_contact"' in dot.dumps(SEVEN_STAGE, path=["qualifying", "making_contact"])


@each_format
def test_unknown_stage(draw: Callable[..., str]) -> None:
    """An unknown stage is refused with the nearest key."""
    with pytest.raises(KeyError, match="did you mean 'closing'"):
        draw(SEVEN_STAGE, current="closng")


@each_format
def test_directions(draw: Callable[..., str]) -> None:
    """Moves back are drawn if they are asked for."""
    assert "go_back" not in draw(SEVEN_STAGE).replace("#95;", "_")
    assert "go_back" in draw(SEVEN_STAGE, directions=EVERY_DIRECTION).replace("#95;", "_")
