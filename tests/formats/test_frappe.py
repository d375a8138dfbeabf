"""Frappe's deal statuses, in and out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from salesprocess import DefinitionError
from salesprocess.formats import frappe
from tests.formats.conftest import kinds

TABLE = (
    "deal_status,type,position,probability,color\nWon,Won,4,50,green\nNew,Open,1,0,gray\n"
    "Demo/Making,Ongoing,2,100,blue\nPaused,On Hold,3,10,red\nLost,Lost,5,0,red\n"
)


def test_kinds() -> None:
    """Types say what a status is, on hold among them."""
    imported = frappe.load(TABLE)
    assert kinds(imported) == {"new": "open", "demo_making": "open", "paused": "on_hold", "won": "won", "lost": "lost"}


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ("Onging", r"rows\[0\]\.type: unknown type 'Onging'; did you mean 'Ongoing'"),
        (["Won"], r"rows\[0\]\.type: unknown type \['Won'\]"),
    ],
)
def test_unknown_type(found: object, message: str) -> None:
    """A type that Frappe does not have is refused with its path."""
    with pytest.raises(DefinitionError, match=message):
        frappe.load([{"deal_status": "x", "type": found}])


@pytest.mark.parametrize("dump", [frappe.dump, frappe.dump_csv], ids=["rows", "csv"])
def test_round_trip(dump: Callable[..., Any]) -> None:
    """What came from Frappe goes back and comes again the same."""
    process = frappe.load(TABLE).process
    assert frappe.load(dump(process)).process == process
