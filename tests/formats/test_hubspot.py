"""HubSpot's pipelines, in and out, and the entries of a deal's stages."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from salesprocess import DefinitionError
from salesprocess.formats import hubspot
from tests.formats.conftest import assumed, kinds


def stage(key: str, closed: object, probability: object, **more: Any) -> dict[str, Any]:
    return {"id": key, "label": key.title(), "metadata": {"isClosed": closed, "probability": probability}, **more}


ANSWER = {
    "results": [
        {
            "id": "default",
            "label": "Sales Pipeline",
            "displayOrder": 0,
            "createdAt": "2019-08-05T20:47:36.164Z",
            "stages": [
                stage("closedlost", "true", "0.0", displayOrder=3),
                stage("early", "false", "0.0", displayOrder=0, writePermissions="READ_ONLY"),
                stage("signed", "false", "1.0", displayOrder=1),
                stage("closedwon", "true", "1.0", displayOrder=2),
                stage("old", "false", "0.5", displayOrder=9, archived=True),
            ],
        }
    ]
}


def test_kinds() -> None:
    """`isClosed` says what is closed, whatever the probability."""
    imported = hubspot.load(ANSWER)
    assert kinds(imported) == {"early": "open", "signed": "open", "closedwon": "won", "closedlost": "lost"}
    assert [stage.probability for stage in imported.process.stages] == [0.0, 1.0, 1.0, 0.0]
    assert assumed(imported) == {"kind", "left_out", "moves"}


def test_other_fields() -> None:
    """Fields without a meaning here are kept and given back."""
    imported = hubspot.load(json.dumps(ANSWER))
    assert imported.process.extra == {"displayOrder": 0, "createdAt": "2019-08-05T20:47:36.164Z"}
    assert imported.process.stage("early").extra == {"writePermissions": "READ_ONLY"}
    assert hubspot.dump(imported.process)["stages"][0] == {
        "id": "early",
        "label": "Early",
        "displayOrder": 0,
        "metadata": {"isClosed": "false", "probability": "0.0"},
        "writePermissions": "READ_ONLY",
    }


def test_legacy_shape() -> None:
    """The legacy v1 shape is read with its numbers."""
    stages = [
        {"stageId": "a", "label": "A", "displayOrder": 1, "metadata": {"probability": 0.2}, "active": True},
        {"stageId": "b", "label": "B", "displayOrder": 2, "probability": 1.0, "closedWon": True},
        {"stageId": "c", "label": "C", "displayOrder": 3, "metadata": {"probability": 0.0}, "active": True},
        {"stageId": "d", "label": "D", "displayOrder": 4, "active": False},
    ]
    imported = hubspot.load([{"pipelineId": "p", "label": "P", "stages": stages}])
    assert kinds(imported) == {"a": "open", "b": "won", "c": "lost"}
    assert "kind" in assumed(imported)


def test_several_pipelines() -> None:
    """Of several pipelines one is named; without a name, or with an unknown one, the names are listed."""
    two = {"results": [{"id": "new", "stages": [{"id": "a"}]}, {"id": "renew", "stages": [{"id": "b"}]}]}
    assert hubspot.load(two, pipeline="renew").process.key == "renew"
    with pytest.raises(DefinitionError, match=r"several pipelines.*'new', 'renew'"):
        hubspot.load(two)
    with pytest.raises(DefinitionError, match=r"unknown pipeline 'renw'; did you mean 'renew'"):
        hubspot.load(two, pipeline="renw")


def test_round_trip() -> None:
    """What came from HubSpot goes back and comes again the same."""
    process = hubspot.load(ANSWER).process
    assert hubspot.load(hubspot.dump(process)).process == process


def test_real_answer(real_sample: Callable[[str], bytes]) -> None:
    """A real answer comes in and goes back."""
    process = hubspot.load(real_sample("api_samples/hubspot_pipelines_deals_default.json")).process
    assert hubspot.load(hubspot.dump(process)).process == process


def test_history() -> None:
    """The stage properties of a deal become a history; an unknown stage is an oddity."""
    deal = {
        "hs_v2_date_entered_closedwon": "1770000000000",
        "hs_v2_date_entered_early": "2026-01-05T09:00:00Z",
        "hs_v2_date_entered_current_stage": "2026-02-02T00:00:00Z",
        "hs_v2_date_exited_early": "2026-02-02T00:00:00Z",
        "hs_v2_date_entered_signed": "",
        "hs_v2_date_entered_removed": "2026-01-06T09:00:00Z",
    }
    log = hubspot.load_history({"7": deal}, hubspot.load(ANSWER).process)
    assert [change.dest for change in log.histories["7"].changes] == ["early", "removed", "closedwon"]
    assert {oddity.code for oddity in log.oddities["7"]} >= {"unknown_stage"}
