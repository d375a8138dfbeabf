"""Pipedrive's stages, in and out, and the flow of its deals."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import pytest

from salesprocess.formats import pipedrive
from tests.formats.conftest import assumed, kinds

VERSION_1 = [
    {"id": 2, "order_nr": 2, "name": "Contact", "active_flag": True, "deal_probability": 40, "pipeline_id": 1,
     "pipeline_name": "Sales", "rotten_flag": True, "rotten_days": 14, "add_time": "2024-01-01 00:00:00"},
    {"id": 1, "order_nr": 1, "name": "Qualified", "active_flag": True, "deal_probability": 0, "pipeline_id": 1,
     "pipeline_name": "Sales", "rotten_flag": False, "rotten_days": None, "add_time": "2024-01-01 00:00:00"},
    {"id": 9, "order_nr": 3, "name": "Gone", "active_flag": False, "pipeline_id": 1, "pipeline_name": "Sales"},
]  # fmt: skip
VERSION_2 = [
    {"id": 1, "order_nr": 1, "name": "Qualified", "is_deleted": False, "deal_probability": 100, "pipeline_id": 1,
     "is_deal_rot_enabled": True, "days_to_rotten": 7},
    {"id": 2, "order_nr": 2, "name": "Gone", "is_deleted": True, "deal_probability": 40, "pipeline_id": 1},
]  # fmt: skip


def test_kinds() -> None:
    """Stages are open, and the statuses won and lost become stages."""
    imported = pipedrive.load({"success": True, "data": VERSION_1})
    assert kinds(imported) == {"1": "open", "2": "open", "won": "won", "lost": "lost"}
    assert imported.process.stage("2").time_limit == timedelta(days=14)
    assert imported.process.name == "Sales"
    assert assumed(imported) == {"added_stage", "left_out", "moves", "time_limit"}


def test_version_2() -> None:
    """Version 2 of the API has other words for deleted and rotting."""
    imported = pipedrive.load(VERSION_2)
    assert kinds(imported) == {"1": "open", "won": "won", "lost": "lost"}
    assert imported.process.stage("1").time_limit == timedelta(days=7)


def test_dump_versions() -> None:
    """Stages are written for the version that is asked for, by default 2."""
    process = pipedrive.load(VERSION_1).process
    assert pipedrive.dump(process, version=1)["data"][1] == VERSION_1[0]
    assert pipedrive.dump(process)["data"][1] == {
        "id": 2, "order_nr": 2, "name": "Contact", "is_deleted": False, "deal_probability": 40, "pipeline_id": 1,
        "is_deal_rot_enabled": True, "days_to_rotten": 14, "add_time": "2024-01-01 00:00:00",
    }  # fmt: skip


@pytest.mark.parametrize(("rows", "version"), [(VERSION_1, 1), (VERSION_2, 2)])
def test_round_trip(rows: list[dict[str, Any]], version: Literal[1, 2]) -> None:
    """What came from Pipedrive goes back and comes again the same."""
    process = pipedrive.load(rows).process
    assert pipedrive.load(pipedrive.dump(process, version=version)).process == process


def test_real_answer(real_sample: Callable[[str], bytes]) -> None:
    """A real answer comes in and goes back."""
    process = pipedrive.load(real_sample("api_samples/pipedrive_stages.json")).process
    assert pipedrive.load(pipedrive.dump(process, version=1)).process == process


def test_history() -> None:
    """The flow of a deal becomes a history, and a deal that is open again is back in its last stage."""
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
    log = pipedrive.load_history({"7": {"success": True, "data": flow}}, pipedrive.load(VERSION_1).process)
    assert [change.dest for change in log.histories["7"].changes] == ["1", "2", "lost", "2", "won"]
    assert log.oddities == {}


def test_real_log(real_sample: Callable[[str], bytes]) -> None:
    """A real change log gives the known counts of moves to the next stage, skips, and moves back."""
    text = real_sample("pipedrive/stages.csv").decode()
    rows = [{"id": int(row["stage_id"]), "name": row["stage_name"]} for row in csv.DictReader(text.splitlines())]
    flows: dict[str, list[dict[str, str]]] = {}
    for row in csv.DictReader(real_sample("pipedrive/deal_changes.csv").decode().splitlines()):
        flows.setdefault(row["deal_id"], []).append(
            {"field_key": row["changed_field_key"], "new_value": row["new_value"], "log_time": row["change_time"]}
        )
    log = pipedrive.load_history(flows, pipedrive.load(rows).process)
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
