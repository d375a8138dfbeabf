"""CRMs in and out: a valid process, nothing inferred where the source says it, and every assumption told."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import DefinitionError, Engine, SalesProcess, Stage
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import Imported, frappe, hubspot, odoo, pipedrive, salesforce, zoho

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def kinds(imported: Imported) -> dict[str, str]:
    return {stage.key: stage.kind for stage in imported.process.stages}


def codes(imported: Imported) -> set[str]:
    return {assumption.code for assumption in imported.assumptions}


def hubspot_stage(key: str, closed: object, probability: object, **more: Any) -> dict[str, Any]:
    return {"id": key, "label": key.title(), "metadata": {"isClosed": closed, "probability": probability}, **more}


HUBSPOT = {
    "results": [
        {
            "id": "default",
            "label": "Sales Pipeline",
            "displayOrder": 0,
            "createdAt": "2019-08-05T20:47:36.164Z",
            "stages": [
                hubspot_stage("closedlost", "true", "0.0", displayOrder=3),
                hubspot_stage("early", "false", "0.0", displayOrder=0, writePermissions="READ_ONLY"),
                hubspot_stage("signed", "false", "1.0", displayOrder=1),
                hubspot_stage("closedwon", "true", "1.0", displayOrder=2),
                hubspot_stage("old", "false", "0.5", displayOrder=9, archived=True),
            ],
        }
    ]
}


def test_hubspot_says_what_is_closed_whatever_the_probability() -> None:
    imported = hubspot.load(HUBSPOT)
    assert kinds(imported) == {"early": "open", "signed": "open", "closedwon": "won", "closedlost": "lost"}
    assert [stage.probability for stage in imported.process.stages] == [0.0, 1.0, 1.0, 0.0]
    assert codes(imported) == {"kind", "left_out", "moves"}


def test_hubspot_fields_that_we_have_no_use_for_are_kept_and_given_back() -> None:
    imported = hubspot.load(json.dumps(HUBSPOT))
    assert imported.process.extra == {"displayOrder": 0, "createdAt": "2019-08-05T20:47:36.164Z"}
    assert imported.process.stage("early").extra == {"writePermissions": "READ_ONLY"}
    assert hubspot.dump(imported.process)["stages"][0] == {
        "id": "early",
        "label": "Early",
        "displayOrder": 0,
        "metadata": {"isClosed": "false", "probability": "0.0"},
        "writePermissions": "READ_ONLY",
    }


def test_the_legacy_hubspot_shape_is_read_with_its_numbers() -> None:
    stages = [
        {"stageId": "a", "label": "A", "displayOrder": 1, "metadata": {"probability": 0.2}, "active": True},
        {"stageId": "b", "label": "B", "displayOrder": 2, "probability": 1.0, "closedWon": True},
        {"stageId": "c", "label": "C", "displayOrder": 3, "metadata": {"probability": 0.0}, "active": True},
        {"stageId": "d", "label": "D", "displayOrder": 4, "active": False},
    ]
    imported = hubspot.load([{"pipelineId": "p", "label": "P", "stages": stages}])
    assert kinds(imported) == {"a": "open", "b": "won", "c": "lost"}
    assert "kind" in codes(imported)


def test_of_several_pipelines_one_is_named() -> None:
    two = {"results": [{"id": "new", "stages": [{"id": "a"}]}, {"id": "renew", "stages": [{"id": "b"}]}]}
    assert hubspot.load(two, pipeline="renew").process.key == "renew"
    with pytest.raises(DefinitionError, match=r"several pipelines.*'new', 'renew'"):
        hubspot.load(two)
    with pytest.raises(DefinitionError, match=r"unknown pipeline 'renw'.*did you mean 'renew'"):
        hubspot.load(two, pipeline="renw")


PIPEDRIVE_1 = [
    {"id": 2, "order_nr": 2, "name": "Contact", "active_flag": True, "deal_probability": 40, "pipeline_id": 1,
     "pipeline_name": "Sales", "rotten_flag": True, "rotten_days": 14, "add_time": "2024-01-01 00:00:00"},
    {"id": 1, "order_nr": 1, "name": "Qualified", "active_flag": True, "deal_probability": 0, "pipeline_id": 1,
     "pipeline_name": "Sales", "rotten_flag": False, "rotten_days": None, "add_time": "2024-01-01 00:00:00"},
    {"id": 9, "order_nr": 3, "name": "Gone", "active_flag": False, "pipeline_id": 1, "pipeline_name": "Sales"},
]  # fmt: skip
PIPEDRIVE_2 = [
    {"id": 1, "order_nr": 1, "name": "Qualified", "is_deleted": False, "deal_probability": 100, "pipeline_id": 1,
     "is_deal_rot_enabled": True, "days_to_rotten": 7},
    {"id": 2, "order_nr": 2, "name": "Gone", "is_deleted": True, "deal_probability": 40, "pipeline_id": 1},
]  # fmt: skip


def test_pipedrive_stages_are_all_open_and_its_statuses_become_stages() -> None:
    imported = pipedrive.load({"success": True, "data": PIPEDRIVE_1})
    assert kinds(imported) == {"1": "open", "2": "open", "won": "won", "lost": "lost"}
    assert imported.process.stage("2").time_limit == timedelta(days=14)
    assert imported.process.name == "Sales"
    assert codes(imported) == {"added_stage", "left_out", "moves", "time_limit"}


def test_pipedrive_v2_says_deleted_and_rotting_in_other_words() -> None:
    imported = pipedrive.load(PIPEDRIVE_2)
    assert kinds(imported) == {"1": "open", "won": "won", "lost": "lost"}
    assert imported.process.stage("1").time_limit == timedelta(days=7)


def test_pipedrive_is_written_in_the_version_asked_for() -> None:
    process = pipedrive.load(PIPEDRIVE_1).process
    assert pipedrive.dump(process, version=1)["data"][1] == PIPEDRIVE_1[0]
    assert pipedrive.dump(process)["data"][1] == {
        "id": 2, "order_nr": 2, "name": "Contact", "is_deleted": False, "deal_probability": 40, "pipeline_id": 1,
        "is_deal_rot_enabled": True, "days_to_rotten": 14, "add_time": "2024-01-01 00:00:00",
    }  # fmt: skip


def salesforce_value(name: str, **members: object) -> str:
    body = "".join(f"<{tag}>{value}</{tag}>" for tag, value in members.items())
    return (
        f"<standardValue><fullName>{name}</fullName><default>false</default><label>{name}</label>{body}</standardValue>"
    )


def salesforce_set(*values: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<StandardValueSet xmlns="http://soap.sforce.com/2006/04/metadata">'
        f"<sorted>false</sorted>{''.join(values)}</StandardValueSet>"
    )


SALESFORCE = salesforce_set(
    salesforce_value("S0 &amp; S1", closed="false", won="false", probability=0, forecastCategory="Pipeline"),
    salesforce_value("Proposal/Price Quote", closed="false", won="false", probability=100, forecastCategory="Forecast"),
    salesforce_value("Closed Won", closed="true", won="true", probability=50, forecastCategory="Closed"),
    salesforce_value("Closed Lost", closed="true", won="false", probability=100, forecastCategory="MostLikely"),
    salesforce_value("Old", isActive="false", closed="false", won="false"),
)
PATH = """<PathAssistant xmlns="http://soap.sforce.com/2006/04/metadata"><active>true</active>
<pathAssistantSteps><fieldNames>Amount</fieldNames><fieldNames>NextStep</fieldNames>
<info>&lt;b&gt;Ask&lt;/b&gt; for the budget</info><picklistValueName>Proposal/Price Quote</picklistValueName>
</pathAssistantSteps></PathAssistant>"""


def test_salesforce_flags_decide_the_kind_whatever_the_probability() -> None:
    imported = salesforce.load(SALESFORCE)
    assert kinds(imported) == {
        "s0_s1": "open",
        "proposal_price_quote": "open",
        "closed_won": "won",
        "closed_lost": "lost",
    }
    assert imported.process.stage("proposal_price_quote").forecast == "commit"
    assert imported.process.stage("s0_s1").name == "S0 & S1"
    assert codes(imported) == {"forecast", "key", "left_out", "moves"}


def test_a_salesforce_path_guides_and_blocks_nothing() -> None:
    process = salesforce.load(SALESFORCE, path=PATH).process
    stage = process.stage("proposal_price_quote")
    assert [(criterion.key, criterion.severity) for criterion in stage.exit_criteria] == [
        ("Amount", "advisory"),
        ("NextStep", "advisory"),
    ]
    assert stage.tactics == ("Ask  for the budget",)
    decision = Engine(process).check({"stage": stage.key}, "win", to="closed_won")
    assert decision
    assert len(decision.advisories) == 2
    assert salesforce.load(salesforce.dump(process), path=salesforce.dump_path(process)).process == process


def test_a_document_for_salesforce_never_holds_what_xml_cannot() -> None:
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", name="bell \x07")])
    with pytest.raises(DefinitionError, match=r"not well-formed"):
        salesforce.dump(process)


ZOHO: list[dict[str, Any]] = [
    {"blueprint": {"process_info": {"id": "1", "name": "Deal flow", "field_value": "New"}, "transitions": [
        {"id": "7", "name": "Send quote", "type": "manual", "next_field_value": "Quoted", "fields": [
            {"api_name": "Amount", "display_label": "Deal amount", "mandatory": True},
            {"api_name": "Notes", "display_label": "Notes", "mandatory": False}]},
        {"id": "8", "name": "Drop", "type": "automatic", "next_field_value": "Closed Lost", "fields": []}]}},
    {"blueprint": {"process_info": {"id": "1", "name": "Deal flow", "field_value": "Quoted"},
                   "transitions": [{"id": "9", "name": "Sign", "next_field_value": "Closed Won", "fields": []}]}},
]  # fmt: skip
ZOHO_KINDS: Any = {"Closed Won": "won", "Closed Lost": "lost"}


def test_zoho_transitions_keep_their_names_and_ask_for_their_mandatory_fields() -> None:
    process = zoho.load(ZOHO, kinds=ZOHO_KINDS).process
    assert [(move.trigger, move.source, move.dest) for move in process.transitions] == [
        ("send_quote", ("new",), "quoted"),
        ("drop", ("new",), "closed_lost"),
        ("sign", ("quoted",), "closed_won"),
    ]
    decision = Engine(process).check({"stage": "new", "Amount": None}, "send_quote")
    assert [(found.key, found.label) for found in decision.unmet] == [("Amount", "Deal amount")]
    assert process.transitions[1].extra["type"] == "automatic"


def test_zoho_never_says_what_is_won_and_so_it_is_asked_for() -> None:
    assert kinds(zoho.load(ZOHO)) == dict.fromkeys(["new", "quoted", "closed_lost", "closed_won"], "open")
    assert sum(assumption.code == "kind" for assumption in zoho.load(ZOHO).assumptions) == 4
    assert kinds(zoho.load(ZOHO, kinds=ZOHO_KINDS))["closed_won"] == "won"


ODOO = (
    "id,name,sequence,is_won,requirements,rotting_threshold_days,fold\n"
    'crm.stage_lead4,Won,70,True,,0,True\ncrm.stage_lead1,New,1,False,"A name, and a need",5,False\n'
)
FRAPPE = (
    "deal_status,type,position,probability,color\nWon,Won,4,50,green\nNew,Open,1,0,gray\n"
    "Demo/Making,Ongoing,2,100,blue\nPaused,On Hold,3,10,red\nLost,Lost,5,0,red\n"
)


def test_odoo_stages_come_in_their_sequence_with_requirements_as_guidance() -> None:
    imported = odoo.load(ODOO)
    assert kinds(imported) == {"crm_stage_lead1": "open", "crm_stage_lead4": "won", "lost": "lost"}
    assert imported.process.initial.objective == "A name, and a need"
    assert imported.process.initial.time_limit == timedelta(days=5)


def test_frappe_types_decide_the_kind_on_hold_among_them() -> None:
    imported = frappe.load(FRAPPE)
    assert kinds(imported) == {"new": "open", "demo_making": "open", "paused": "on_hold", "won": "won", "lost": "lost"}
    with pytest.raises(DefinitionError, match=r"rows\[0\]\.type: unknown type 'Onging'; did you mean 'Ongoing'"):
        frappe.load([{"deal_status": "x", "type": "Onging"}])


def test_ids_that_a_key_cannot_hold_apart_get_numbers_and_it_is_said() -> None:
    rows = [{"deal_status": name, "type": "Open"} for name in ("A b", "a-b", "A/B", "a b", "??", "名")]
    imported = frappe.load(rows)
    assert [stage.key for stage in imported.process.stages][:6] == [
        "a_b",
        "a-b",
        "a_b_2",
        "a_b_3",
        "stage_5",
        "stage_6",
    ]
    assert [stage.name for stage in imported.process.stages][:6] == ["A b", "a-b", "A/B", "a b", "??", "名"]
    assert "rows[2]: the id 'A/B' became the key 'a_b_2'" in str(imported)


ROUND_TRIPS: list[Any] = [
    pytest.param(hubspot.load(HUBSPOT), lambda p: hubspot.load(hubspot.dump(p)), id="hubspot"),
    pytest.param(pipedrive.load(PIPEDRIVE_1), lambda p: pipedrive.load(pipedrive.dump(p, version=1)), id="pipedrive1"),
    pytest.param(pipedrive.load(PIPEDRIVE_2), lambda p: pipedrive.load(pipedrive.dump(p)), id="pipedrive2"),
    pytest.param(salesforce.load(SALESFORCE), lambda p: salesforce.load(salesforce.dump(p)), id="salesforce"),
    pytest.param(zoho.load(ZOHO, kinds=ZOHO_KINDS), lambda p: zoho.load(zoho.dump(p), kinds=ZOHO_KINDS), id="zoho"),
    pytest.param(odoo.load(ODOO), lambda p: odoo.load(odoo.dump(p)), id="odoo"),
    pytest.param(odoo.load(ODOO), lambda p: odoo.load(odoo.dump_csv(p)), id="odoo_csv"),
    pytest.param(frappe.load(FRAPPE), lambda p: frappe.load(frappe.dump(p)), id="frappe"),
    pytest.param(frappe.load(FRAPPE), lambda p: frappe.load(frappe.dump_csv(p)), id="frappe_csv"),
]


@pytest.mark.parametrize(("imported", "again"), ROUND_TRIPS)
def test_what_came_from_a_crm_goes_back_and_comes_again_the_same(imported: Imported, again: Any) -> None:
    assert again(imported.process).process == imported.process


names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=15).filter(
    lambda t: t.strip() == t
)


@given(names=st.lists(names, min_size=1, max_size=5), percents=st.lists(st.integers(0, 100), min_size=5, max_size=5))
@settings(max_examples=60, deadline=None)
def test_any_list_of_names_goes_through_every_crm(names: list[str], percents: list[int]) -> None:
    stages = [Stage(key=f"s{i}", name=name, probability=percents[i] / 100) for i, name in enumerate(names)]
    stages += [Stage(key="won", kind="won", probability=1), Stage(key="lost", kind="lost", probability=0)]
    process = SalesProcess.linear(key="p", stages=stages)
    out: list[tuple[ModuleType, Any]] = [
        (hubspot, hubspot.dump(process)),
        (pipedrive, pipedrive.dump(process)),
        (salesforce, salesforce.dump(process)),
        (odoo, odoo.dump_csv(process)),
        (frappe, frappe.dump_csv(process)),
    ]
    for module, written in out:
        found = module.load(written).process
        assert [(stage.name, stage.kind) for stage in found.stages][: len(names)] == [(name, "open") for name in names]


@pytest.mark.parametrize("module", [hubspot, pipedrive, salesforce, odoo, frappe])
def test_the_shipped_process_goes_out_to_every_crm_and_its_stages_come_back(module: ModuleType) -> None:
    back = module.load(module.dump(SEVEN_STAGE)).process
    opened = [stage.name for stage in SEVEN_STAGE.stages if stage.kind == "open"]
    assert [stage.name for stage in back.stages if stage.kind == "open"] == opened


# Histories


def test_hubspot_stage_properties_become_a_history() -> None:
    process = hubspot.load(HUBSPOT).process
    deal = {
        "hs_v2_date_entered_closedwon": "1770000000000",
        "hs_v2_date_entered_early": "2026-01-05T09:00:00Z",
        "hs_v2_date_entered_current_stage": "2026-02-02T00:00:00Z",
        "hs_v2_date_exited_early": "2026-02-02T00:00:00Z",
        "hs_v2_date_entered_signed": "",
        "hs_v2_date_entered_removed": "2026-01-06T09:00:00Z",
    }
    log = hubspot.load_history({"7": deal}, process)
    assert [change.dest for change in log.histories["7"].changes] == ["early", "removed", "closedwon"]
    assert {oddity.code for oddity in log.oddities["7"]} >= {"unknown_stage"}


def test_pipedrive_flow_becomes_a_history_with_its_statuses() -> None:
    process = pipedrive.load(PIPEDRIVE_1).process
    steps = [
        ("stage_id", "1"),
        ("value", "5"),
        ("stage_id", "2"),
        ("status", "lost"),
        ("status", "open"),
        ("status", "won"),
    ]
    flow = [
        {"object": "dealChange", "data": {"field_key": key, "new_value": value, "log_time": f"2026-01-0{n} 09:00:00"}}
        for n, (key, value) in enumerate(steps, 1)
    ]
    flow.append({"object": "note", "data": {"content": "hello"}})
    log = pipedrive.load_history({"7": {"success": True, "data": flow}}, process)
    assert [change.dest for change in log.histories["7"].changes] == ["1", "2", "lost", "2", "won"]
    assert log.oddities == {}


def test_salesforce_rows_that_leave_the_stage_as_it_is_are_no_moves() -> None:
    process = salesforce.load(SALESFORCE).process
    stages = ["S0 & S1", "S0 & S1", "Proposal/Price Quote", "Proposal/Price Quote", "Closed Won"]
    rows = [
        {
            "OpportunityId": "006",
            "StageName": name,
            "CreatedDate": f"2026-01-0{n}T09:00:00.000+0000",
            "CreatedById": "005",
        }
        for n, name in enumerate(stages, 1)
    ]
    log = salesforce.load_history(rows, process)
    assert [change.dest for change in log.histories["006"].changes] == ["s0_s1", "proposal_price_quote", "closed_won"]
    assert log.collapsed == 2
    assert log.histories["006"].changes[0].by == "005"


# Real answers and a real change log, where they are at hand


def real(name: str) -> bytes:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not at hand")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("module", "name", "options"),
    [
        (hubspot, "api_samples/hubspot_pipelines_deals_default.json", {}),
        (pipedrive, "api_samples/pipedrive_stages.json", {"version": 1}),
        (salesforce, "salesforce/OpportunityStage.standardValueSet-meta.xml", {}),
    ],
)
def test_real_answers_come_in_and_go_round(module: ModuleType, name: str, options: dict[str, Any]) -> None:
    process = module.load(real(name)).process
    assert module.load(module.dump(process, **options)).process == process


def test_a_real_pipedrive_change_log_gives_the_known_counts() -> None:
    text = real("pipedrive/stages.csv").decode()
    rows = [{"id": int(row["stage_id"]), "name": row["stage_name"]} for row in csv.DictReader(text.splitlines())]
    process = pipedrive.load(rows).process
    flows: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(real("pipedrive/deal_changes.csv").decode().splitlines()):
        flows.setdefault(row["deal_id"], []).append(
            {"field_key": row["changed_field_key"], "new_value": row["new_value"], "log_time": row["change_time"]}
        )
    log = pipedrive.load_history(flows, process)
    moves = [
        int(change.dest) - int(change.source)
        for history in log.histories.values()
        for change in history.changes
        if change.source is not None
    ]
    # Five deal ids were used twice; read as one deal each, they would show moves back that nobody made.
    assert len(log.histories) == 2000
    assert [key for key in log.histories if isinstance(key, tuple)] == [
        (deal, 2) for deal in ("554294", "556338", "955417", "851850", "399956")
    ]
    assert (moves.count(1), sum(move > 1 for move in moves), sum(move < 0 for move in moves)) == (4405, 2501, 0)
