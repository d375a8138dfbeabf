"""The playbook: what a sales manager hands to a new hire, in Markdown and in HTML."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from salesprocess import Activity, Criterion, SalesProcess, Stage, Transition, days, fact
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import html, markdown
from tests.formats.conftest import hostile_texts, words

markdown_it = pytest.importorskip("markdown_it", reason="markdown-it-py is a test dependency")

FULL = SalesProcess(
    key="full",
    name="Full",
    version="2026-1",
    stages=[
        Stage(
            key="talk",
            phase="top",
            objective="Understand the buyer.",
            tactics=["Ask why", "Listen"],
            outcome="A need.",
            owner="SDR",
            activities=[Activity(key="call", name="Call", criteria=fact("called_at").is_known())],
            entry_criteria=fact("lead").is_true(),
            exit_criteria=[
                Criterion(key="need", rule=fact("need").is_known(), label="Need named", evidence="buyer_action"),
                Criterion(key="size", rule=fact("size") > 5, severity="advisory"),
            ],
            probability=0.25,
            forecast="best_case",
            time_limit=days(7),
            starts="onboarding",
        ),
        Stage(key="won", kind="won"),
    ],
    transitions=[
        Transition(
            trigger="win", source="talk", dest="won", criteria=fact("signed").is_true(), waives="talk",
            needs_reason=True, reasons=["price", "fit"],
        )
    ],
)  # fmt: skip
TEXTS = [
    "Understand the buyer.",
    "Ask why",
    "Listen",
    "A need.",
    "SDR",
    "Call (called_at is known)",
    "lead is true",
    "Need named: need is known (buyer action)",
    "size is more than 5 (advice)",
    "25%",
    "best case",
    "7 days",
    "onboarding",
    "signed is true; what the stages on the way ask for; not what Talk asks for",
    "price, fit",
]


class Page(HTMLParser):
    """The tags and texts of a page of HTML."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - html.parser's
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data.strip())


def rendered(text: str) -> Page:
    return Page(markdown_it.MarkdownIt("gfm-like", {"linkify": False}).render(text))


@pytest.mark.parametrize("page", [rendered(markdown.dumps(FULL)), Page(html.dumps(FULL))], ids=["markdown", "html"])
@pytest.mark.parametrize("text", TEXTS)
def test_completeness(page: Page, text: str) -> None:
    """The playbook has everything that is said of a stage and a move."""
    assert any(text in found for found in page.texts)


@pytest.mark.parametrize(("name", "title"), [("Full", "Full"), ("", "full")])
def test_title(name: str, title: str) -> None:
    """The title is the name of the process, or its key if it has none."""
    process = FULL.model_copy(update={"name": name})
    assert rendered(markdown.dumps(process)).texts[0] == title
    assert Page(html.dumps(process)).texts.count(title) == 2


def test_transition_table() -> None:
    """The table of moves has one row a transition."""
    page = rendered(markdown.transition_table(SEVEN_STAGE))
    assert page.tags == {"table", "thead", "tbody", "tr", "th", "td"}
    assert page.texts.count("lose") == 1
    assert markdown.transition_table(SEVEN_STAGE).count("\n") == len(SEVEN_STAGE.transitions) + 2


def test_standalone_page() -> None:
    """The HTML page loads nothing and runs nothing."""
    page = html.dumps(SEVEN_STAGE)
    assert page.startswith("<!DOCTYPE html>")
    assert Page(page).tags.isdisjoint({"script", "link", "img", "iframe"})
    assert "http" not in page


@given(text=hostile_texts)
@settings(max_examples=150, deadline=None)
def test_hostile_texts(text: str) -> None:
    """Whatever a text looks like, it is shown as it is and adds no tag."""
    stage = Stage(key="a", name=text, objective=text, tactics=[text], activities=[Activity(key="b", name=text)])
    process = SalesProcess(key="p", stages=[stage], transitions=[Transition(trigger="t", source="a", dest="a")])
    harmless = SalesProcess(
        key="p",
        stages=[Stage(key="a", objective="o", tactics=["t"], activities=["b"])],
        transitions=process.transitions,
    )
    for module, read in ((markdown, rendered), (html, Page)):
        page = read(module.dumps(process))
        assert page.tags == read(module.dumps(harmless)).tags
        # In the heading, the objective, the tactic, the activity, and as the source and the target of the move.
        assert words(" ".join(page.texts)).count(words(text)) >= 6
