"""What another system keeps with a part of a process travels with it, and means nothing to the process."""

from __future__ import annotations

import pytest

from salesprocess import DefinitionError, SalesProcess, Stage

KEPT = {"displayOrder": 3, "tags": ["a", {"b": None}]}


def test_extra_survives_a_trip_through_json() -> None:
    process = SalesProcess.linear(key="p", stages=[Stage(key="talk", extra=KEPT)])
    again = SalesProcess.model_validate_json(process.model_dump_json())
    assert again == process
    assert again.stage("talk").extra == KEPT


def test_extra_is_no_part_of_the_meaning() -> None:
    with_extra = SalesProcess.linear(key="p", stages=[Stage(key="talk", extra=KEPT)])
    assert with_extra.fingerprint == SalesProcess.linear(key="p", stages=[Stage(key="talk")]).fingerprint


def test_a_stage_with_extra_can_be_hashed() -> None:
    assert hash(Stage(key="talk", extra=KEPT)) == hash(Stage(key="talk", extra=KEPT))


def test_extra_holds_json_alone() -> None:
    with pytest.raises(DefinitionError, match=r"extra: out of range float values"):
        Stage(key="talk", extra={"n": float("nan")})
    with pytest.raises(DefinitionError, match=r"extra\.n: "):
        Stage(key="talk", extra={"n": {1, 2}})
