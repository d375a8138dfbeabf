"""A process as a playbook in HTML: one page that needs nothing else, escaped by construction."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from salesprocess._html import as_html, element, table
from salesprocess.formats.playbook import COLUMNS, Section, move_rows, sections
from salesprocess.process import SalesProcess

__all__ = ["dumps"]

_STYLE = """body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; } th, td { border: 1px solid #adb5bd; padding: .3rem .6rem; vertical-align: top; }
dt { font-weight: bold; } section { border-top: 1px solid #dee2e6; }"""


def dumps(process: SalesProcess) -> str:
    """Return the playbook as a page of HTML, the same in words as the Markdown one. It loads and runs nothing.

    >>> from salesprocess import Stage
    >>> page = dumps(SalesProcess.linear(key="short", stages=[Stage(key="a", name="<script>alert(1)</script>")]))
    >>> "<script>" in page, "&lt;script&gt;" in page
    (False, True)
    """
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width"),
        element("title", process.name or process.key),
        element("style", _STYLE),
    )
    body = element(
        "body",
        element("h1", process.name or process.key),
        element("p", f"Version {process.version}"),
        *(_section(number, section) for number, section in enumerate(sections(process), 1)),
        element("h2", "Moves"),
        table(COLUMNS, move_rows(process)),
    )
    return "<!DOCTYPE html>\n" + as_html(element("html", head, body, lang="en")) + "\n"


def _section(number: int, section: Section) -> Element:
    parts = [part for label, text in section.facts for part in (element("dt", label), element("dd", text))]
    for label, items in section.lists:
        parts += [element("dt", label), element("dd", element("ul", *(element("li", item) for item in items)))]
    return element("section", element("h2", f"{number}. {section.name}"), element("dl", *parts))
