"""What holds for every CRM: names survive, keys are harmless, and a process goes out and comes back."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import SalesProcess, Stage
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import frappe, hubspot, json_, odoo, pipedrive, salesforce

names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=15).filter(
    lambda text: text.strip() == text
)


@given(names=st.lists(names, min_size=1, max_size=5), percents=st.lists(st.integers(0, 100), min_size=5, max_size=5))
@settings(max_examples=60, deadline=None)
def test_names(names: list[str], percents: list[int]) -> None:
    """Any list of names goes through every CRM."""
    stages = [Stage(key=f"s{i}", name=name, probability=percents[i] / 100) for i, name in enumerate(names)]
    stages += [Stage(key="won", kind="won", probability=1), Stage(key="lost", kind="lost", probability=0)]
    process = SalesProcess.linear(key="p", stages=stages)
    written: list[tuple[ModuleType, Any]] = [
        (hubspot, hubspot.dump(process)),
        (pipedrive, pipedrive.dump(process)),
        (salesforce, salesforce.dump(process)),
        (odoo, odoo.dump_csv(process)),
        (frappe, frappe.dump_csv(process)),
    ]
    for module, data in written:
        found = module.load(data).process
        assert [(stage.name, stage.kind) for stage in found.stages][: len(names)] == [(name, "open") for name in names]


@pytest.mark.parametrize("module", [hubspot, pipedrive, salesforce, odoo, frappe])
def test_shipped_process(module: ModuleType) -> None:
    """The open stages of a shipped process go out to every CRM and come back."""
    back = module.load(module.dump(SEVEN_STAGE)).process
    opened = [stage.name for stage in SEVEN_STAGE.stages if stage.kind == "open"]
    assert [stage.name for stage in back.stages if stage.kind == "open"] == opened


def test_keys_of_ids() -> None:
    """Ids that would become one key are numbered, and it is said."""
    ids = ("A b", "a-b", "A/B", "a b", "??", "名")
    imported = frappe.load([{"deal_status": name, "type": "Open"} for name in ids])
    stages = imported.process.stages[:6]
    assert [stage.key for stage in stages] == ["a_b", "a-b", "a_b_2", "a_b_3", "stage_5", "stage_6"]
    assert [stage.name for stage in stages] == list(ids)
    assert "rows[2]: the id 'A/B' became the key 'a_b_2'" in str(imported)


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE deals; --", '" OR 1=1', "=cmd|' /C calc'!A0", "{{7*7}}", "../../etc/passwd"]
)
def test_hostile_name(name: str) -> None:
    """A hostile name is a name, and the key that is made of it is harmless."""
    process = frappe.load([{"deal_status": name, "type": "Open"}]).process
    assert process.initial.name == name
    assert process.initial.key.replace("_", "").isalnum()
    assert json_.loads(json_.dumps(process)) == process
