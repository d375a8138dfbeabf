"""Small pieces of HTML, escaped by construction."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, tostring

from salesprocess._text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def element(tag: str, *children: Element | str, **attributes: str) -> Element:
    """Return an HTML element; text in it stays text, also where it looks like HTML."""
    made = Element(tag, attributes)
    for child in children:
        if isinstance(child, Element):
            made.append(child)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + _visible(child)
        else:
            made.text = (made.text or "") + _visible(child)
    return made


def _visible(text: str) -> str:
    return "\n".join(map(one_line, text.split("\n")))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Element:
    """Return a table of texts."""
    head = element("tr", *(element("th", name, style="text-align:left") for name in header))
    body = (element("tr", *(element("td", cell, style="text-align:left") for cell in row)) for row in rows)
    return element("table", element("thead", head), element("tbody", *body))


def as_html(made: Element) -> str:
    """Return the element as HTML text."""
    return tostring(made, encoding="unicode", method="html")
