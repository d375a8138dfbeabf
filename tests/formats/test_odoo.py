"""Odoo's stages, in and out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from salesprocess.formats import odoo
from tests.formats.conftest import kinds

TABLE = (
    "id,name,sequence,is_won,requirements,rotting_threshold_days,fold\n"
    'crm.stage_lead4,Won,70,True,,0,True\ncrm.stage_lead1,New,1,False,"A name, and a need",5,False\n'
)


def test_stages() -> None:
    """Stages come in their sequence, with requirements as guidance."""
    imported = odoo.load(TABLE)
    assert kinds(imported) == {"crm_stage_lead1": "open", "crm_stage_lead4": "won", "lost": "lost"}
    assert imported.process.initial.objective == "A name, and a need"
    assert imported.process.initial.time_limit == timedelta(days=5)


@pytest.mark.parametrize("dump", [odoo.dump, odoo.dump_csv], ids=["rows", "csv"])
def test_round_trip(dump: Callable[..., Any]) -> None:
    """What came from Odoo goes back and comes again the same."""
    process = odoo.load(TABLE).process
    assert odoo.load(dump(process)).process == process
