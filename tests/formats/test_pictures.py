"""Pictures: the real mermaid and the real graphviz read what we draw, whatever the names."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, Engine, SalesProcess, Stage, fact
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import dot, mermaid

NODE = Path(__file__).parents[1] / "node"
needs_dot = pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
needs_mermaid = pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules" / "mermaid").exists(),
    reason="mermaid is not installed: npm install in tests/node",
)
ALL: Any = {"forward", "close", "hold", "back", "reopen"}


def words(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


traps = st.sampled_from(
    ['"', "\\", "]]", "-->", "[*]", "end", "state", "%%{init: {}}%%", "<script>", "&lt;", "#quot;", "\n", "a:b;c",
     "\\N", "\u202e", "note right of x", "---", "\U0001f600", "ﬂ°°", "¶ß", "`", "{", "}", "|", "'", "\x00", "%% c"]
)  # fmt: skip
hostile = st.lists(traps | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=4).map("".join)


def hostile_process(texts: list[str]) -> SalesProcess:
    first, second, third = texts
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
def test_mermaid_reads_the_shipped_process_with_its_phases_criteria_and_ends() -> None:
    (found,) = read_by_mermaid(mermaid.dumps(SEVEN_STAGE))
    assert found["nodes"]["s0_prospecting"] == "Prospecting"
    assert {"Top", "Middle", "Bottom", "After the sale"} <= set(found["nodes"].values())
    label = next(
        label for start, end, label in found["edges"] if (start, end) == ("s5_closing", "s6_generating_referrals")
    )
    assert label == "win<br>[Contract signed]"
    assert [start for start, end, _ in found["edges"] if end == "root_end"] == [
        "s6_generating_referrals",
        "s7_lost",
        "s8_disqualified",
    ]


@needs_mermaid
@given(names=st.lists(hostile.filter(words), min_size=45, max_size=45))
@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_mermaid_shows_hostile_names_as_they_are(names: list[str]) -> None:
    drawn = [hostile_process(names[index : index + 3]) for index in range(0, len(names), 3)]
    for process, found in zip(drawn, read_by_mermaid(*map(mermaid.dumps, drawn)), strict=True):
        assert "error" not in found, found
        for number, stage in enumerate(process.stages):
            key = f"s{number}_{stage.key.replace('-', '_')}"
            assert words(found["nodes"][key]) == words(stage.name)


@needs_dot
def test_graphviz_draws_the_shipped_process_with_its_phases_and_criteria() -> None:
    shown = svg_texts(dot.to_svg(SEVEN_STAGE))
    assert {"Top", "Middle", "Bottom", "After the sale", "Prospecting", "Lost"} <= set(shown)
    assert "[Contract signed]" in {text.strip() for text in shown}


@needs_dot
@given(texts=st.lists(hostile.filter(words), min_size=3, max_size=3))
@settings(max_examples=40, deadline=None)
def test_graphviz_shows_hostile_names_as_they_are(texts: list[str]) -> None:
    process = hostile_process(texts)
    shown = {words(text) for text in svg_texts(dot.to_svg(process, directions=ALL))}
    assert {words(stage.name) for stage in process.stages} <= shown | {""}


def test_the_stage_and_the_path_of_a_deal_are_highlighted() -> None:
    path = ["prospecting", "making_contact", "qualifying"]
    text = mermaid.dumps(SEVEN_STAGE, path=path)
    assert "class s0_prospecting,s1_making_contact,s2_qualifying visited" in text
    assert "class s2_qualifying current" in text
    lines = dot.dumps(SEVEN_STAGE, path=path).splitlines()
    assert sum("penwidth=2.5" in line for line in lines) == 2
    assert [line.split('"')[1] for line in lines if "penwidth=4" in line] == ["qualifying"]


def test_a_move_that_the_deal_made_is_drawn_even_where_its_direction_is_not() -> None:
    assert '"qualifying" -> "making_contact"' not in dot.dumps(SEVEN_STAGE)
    assert '"qualifying" -> "making_contact"' in dot.dumps(SEVEN_STAGE, path=["qualifying", "making_contact"])


@pytest.mark.parametrize("draw", [mermaid.dumps, dot.dumps])
def test_an_unknown_stage_is_refused_with_the_nearest(draw: Any) -> None:
    with pytest.raises(KeyError, match="did you mean 'closing'"):
        draw(SEVEN_STAGE, current="closng")


@pytest.mark.parametrize("draw", [mermaid.dumps, dot.dumps])
def test_moves_back_are_drawn_when_asked_for(draw: Any) -> None:
    assert "go_back" not in draw(SEVEN_STAGE).replace("#95;", "_")
    assert "go_back" in draw(SEVEN_STAGE, directions=ALL).replace("#95;", "_")


def test_without_graphviz_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="install graphviz"):
        dot.to_svg(SEVEN_STAGE)


# Notebooks


def test_a_process_a_decision_and_a_plan_show_as_html_in_a_notebook() -> None:
    engine = Engine(SEVEN_STAGE)
    deal = {"stage": "prospecting", "prospect": "Acme"}
    assert '<td style="text-align:left">Prospecting</td>' in SEVEN_STAGE._repr_html_()
    assert "Fits the customer profile" in engine.check(deal, "advance")._repr_html_()
    assert "<li>advance to making_contact" in engine.plan(deal, to="qualifying")._repr_html_()
    one_way = SalesProcess.linear(key="p", stages=[Stage(key="a"), Stage(key="won", kind="won")], back="forbid")
    no_way = Engine(one_way).plan({"stage": "won"}, to="a")
    assert "<strong>p (version 1)</strong>" in one_way._repr_html_()
    assert no_way._repr_html_() == "<div><strong>no moves lead from 'won' to 'a'</strong></div>"


@given(name=hostile.filter(words), value=hostile)
@settings(max_examples=40, deadline=None)
def test_what_a_notebook_shows_is_escaped(name: str, value: str) -> None:
    stage = Stage(key="a", name=name, exit_criteria=[Criterion(key="c", rule=fact("x") == value, label=name)])
    process = SalesProcess.linear(key="p", stages=[stage, Stage(key="won", kind="won")])
    engine, deal = Engine(process), {"stage": "a", "x": f"{value}<b>"}
    for shown in (process, engine.check(deal, "win"), engine.plan(deal, to="won")):
        page = ET.fromstring(shown._repr_html_())  # noqa: S314 - our own
        tags = {element.tag for element in page.iter()}
        assert tags <= {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "p", "ol", "ul", "li"}
        assert words(name) in words(" ".join(page.itertext()))
