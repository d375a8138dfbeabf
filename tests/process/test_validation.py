"""What is refused when a definition is made or loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from pydantic import BaseModel, ValidationError

from salesprocess import DefinitionError, SalesProcess, Stage, Transition, fact
from salesprocess.catalog import SEVEN_STAGE

A = Stage(key="a")
WON = Stage(key="won", kind="won")
Codes: TypeAlias = Callable[[Callable[[], Any]], dict[str, str]]


def test_all_at_once(codes: Codes) -> None:
    """Every mistake is reported at once, with its path."""
    assert codes(
        lambda: SalesProcess(
            key="Bad Key",
            stages=[
                Stage(key="a", starts="no slug"),
                Stage(key="a", probability=1.5, time_limit=timedelta(0)),
                Stage(key="x y", activities=["call", "call"]),
            ],
            transitions=[
                Transition(trigger="go", source="aa", dest="lst"),
                Transition(trigger="go", source=(), dest="a", waives="nowhere"),
                Transition(trigger="to it", source="a", dest="a"),
                Transition(trigger="again", source="*", dest="a"),
                Transition(trigger="again", source=("x y", "a"), dest="a"),
            ],
        )
    ) == {
        "key": "bad_key",
        "stages[0].starts[0]": "bad_key",
        "stages[1].key": "duplicate_stage",
        "stages[1].probability": "bad_probability",
        "stages[1].time_limit": "bad_time_limit",
        "stages[2].key": "bad_key",
        "stages[2].activities[1].key": "duplicate_activity",
        "transitions[0].source": "unknown_stage",
        "transitions[0].dest": "unknown_stage",
        "transitions[1].source": "no_source",
        "transitions[1].waives[0]": "unknown_stage",
        "transitions[2].trigger": "bad_key",
        "transitions[4]": "duplicate_transition",
    }


def test_shape_and_meaning(codes: Codes) -> None:
    """Mistakes of shape and of meaning are reported together."""
    data = json.loads(SEVEN_STAGE.model_dump_json())
    data["stages"][0]["probabilty"] = 0.5
    data["stages"][1]["kind"] = "opn"
    data["stages"][2]["probability"] = 7
    data["stages"][3]["exit_criteria"][0]["rule"]["op"] = "=>"
    data["transitions"][0]["dest"] = "qualifing"
    assert list(codes(lambda: SalesProcess.model_validate(data))) == [
        "stages[0].probabilty",
        "stages[1].kind",
        "stages[3].exit_criteria[0].rule",
        "stages[2].probability",
        "transitions[0].dest",
    ]


def test_criterion_keys(codes: Codes) -> None:
    """Criteria need a key that says something, and in one place no two have the same."""
    blank = {"key": " ", "rule": {"fact": "x", "op": "known"}}
    twice: Any = [fact("x") > 1, fact("x") < 9]
    data = {
        "key": "p",
        "stages": [
            {"key": "a", "entry_criteria": [blank], "activities": [{"key": "call", "criteria": twice}]},
            {"key": "won", "kind": "won"},
        ],
        "transitions": [{"trigger": "win", "source": "a", "dest": "won", "criteria": twice, "starts": "B"}],
    }
    assert codes(lambda: SalesProcess.model_validate(data)) == {
        "stages[0].entry_criteria[0].key": "bad_key",
        "stages[0].activities[0].criteria": "duplicate_criterion",
        "transitions[0].criteria": "duplicate_criterion",
        "transitions[0].starts[0]": "bad_key",
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stage(key="a", knd="won"), "knd: unknown key 'knd'; did you mean 'kind'"),  # type: ignore[call-arg]
        (lambda: Stage.model_validate({"name": "A"}), "'key' is needed"),
        (lambda: SalesProcess(key="p", stages=[WON]), "needs a stage of kind 'open'"),
        (
            lambda: SalesProcess(
                key="p", stages=[A, WON], transitions=[Transition(trigger="t", source="a", dest="wn")]
            ),
            "unknown stage 'wn'; did you mean 'won'",
        ),
        (lambda: SalesProcess(key="p", stages=[A, A]), "'a' is the key of stages[0] already"),
        (lambda: SalesProcess(key="P", stages=[A]), "bad key 'P': a key has small letters"),
        (lambda: SalesProcess.model_validate_json("{"), "JSON"),
        (
            lambda: SalesProcess(key="p", stages=[Stage(key="a", exit_criteria=[fact("x") > 1, fact("x") < 9])]),
            "2 criteria have the key 'x'; name each with Criterion(key=...)",
        ),
        (
            lambda: SalesProcess.model_validate({"key": "p", "stages": [{"key": "a", "activities": [{"kee": "b"}]}]}),
            "stages[0].activities[0].kee: unknown key 'kee'; did you mean 'key'",
        ),
    ],
)
def test_message(make: Callable[[], Any], message: str) -> None:
    """A message says what to write instead."""
    with pytest.raises(DefinitionError) as caught:
        make()
    assert message in str(caught.value)


def test_nan_probability(codes: Codes) -> None:
    """NaN is no probability."""
    stage = Stage(key="a", probability=float("nan"))
    assert codes(lambda: SalesProcess(key="p", stages=[stage])) == {"stages[0].probability": "bad_probability"}


def test_inside_a_hosts_model() -> None:
    """A definition in a host's own pydantic model is validated with that model."""

    class Settings(BaseModel):
        process: SalesProcess

    settings = Settings.model_validate({"process": SEVEN_STAGE.model_dump(mode="json")})
    assert settings.process == SEVEN_STAGE
    with pytest.raises(ValidationError, match="unknown key"):
        Settings.model_validate({"process": {"key": "p", "stages": [{"key": "a", "nme": 1}]}})
