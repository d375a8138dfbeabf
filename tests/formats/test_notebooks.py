"""Processes, decisions and plans as a notebook shows them."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from hypothesis import given, settings

from salesprocess import Criterion, Engine, SalesProcess, Stage, fact
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from tests.formats.conftest import any_text, hostile_texts, words

ENGINE = Engine(SEVEN_STAGE)
DEAL = {"stage": "prospecting", "prospect": "Acme"}
ONE_WAY = SalesProcess.linear(key="p", stages=[Stage(key="a"), Stage(key="won", kind="won")], back="forbid")
TAGS = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "p", "ol", "ul", "li"}


def test_process() -> None:
    """A process is a table of its stages, under its name or else its key."""
    assert '<td style="text-align:left">Prospecting</td>' in SEVEN_STAGE._repr_html_()
    assert "<strong>p (version 1)</strong>" in ONE_WAY._repr_html_()


def test_decision() -> None:
    """A decision shows what is missing."""
    assert "Fits the customer profile" in ENGINE.check(DEAL, "advance")._repr_html_()


def test_plan() -> None:
    """A plan is a list of steps, or says that there is no way."""
    assert "<li>advance to making_contact" in ENGINE.plan(DEAL, to="qualifying")._repr_html_()
    no_way = Engine(ONE_WAY).plan({"stage": "won"}, to="a")
    assert no_way._repr_html_() == "<div><strong>no moves lead from 'won' to 'a'</strong></div>"


@given(name=hostile_texts, value=any_text)
@settings(max_examples=40, deadline=None)
def test_hostile_texts(name: str, value: str) -> None:
    """Whatever a text looks like, it is shown as it is and adds no tag."""
    stage = Stage(key="a", name=name, exit_criteria=[Criterion(key="c", rule=fact("x") == value, label=name)])
    process = SalesProcess.linear(key="p", stages=[stage, Stage(key="won", kind="won")])
    engine, deal = Engine(process), {"stage": "a", "x": f"{value}<b>"}
    for shown in (process, engine.check(deal, "win"), engine.plan(deal, to="won")):
        page = ET.fromstring(shown._repr_html_())  # noqa: S314 - our own
        assert {element.tag for element in page.iter()} <= TAGS
        assert words(name) in words(" ".join(page.itertext()))
