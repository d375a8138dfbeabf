"""A fingerprint is a hash of what a process means."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from salesprocess import SalesProcess
from salesprocess.catalog import SEVEN_STAGE


def stored() -> dict[str, Any]:
    """Return a stored process that has every part once."""
    criterion = {"key": "x", "rule": {"fact": "x", "op": "known"}}
    stage = {"key": "a", "activities": [{"key": "call", "criteria": [criterion]}], "exit_criteria": [criterion]}
    return {
        "key": "p",
        "stages": [stage | {"entry_criteria": [criterion]}, {"key": "b"}, {"key": "won", "kind": "won"}],
        "transitions": [{"trigger": "win", "source": ["a"], "dest": "won", "criteria": [criterion]}],
    }


def changed(path: str, value: Any) -> SalesProcess:
    """Return the stored process with one field changed, named like `stages.0.name`."""
    data = part = json.loads(json.dumps(stored()))
    *steps, last = path.split(".")
    for step in steps:
        part = part[int(step)] if step.isdigit() else part[step]
    part[last] = value
    return SalesProcess.model_validate(data)


CRITERIA = [
    "stages.0.entry_criteria.0",
    "stages.0.exit_criteria.0",
    "stages.0.activities.0.criteria.0",
    "transitions.0.criteria.0",
]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "Ours"),
        ("version", 7),
        ("extra", {"id": 1}),
        ("stages.0.name", "Alpha"),
        ("stages.0.objective", "talk"),
        ("stages.0.tactics", ["listen"]),
        ("stages.0.outcome", "trust"),
        ("stages.0.owner", "sales"),
        ("stages.0.extra", {"id": 1}),
        ("stages.0.activities.0.name", "Call them"),
        ("transitions.0.extra", {"id": 1}),
        *((f"{criterion}.label", "X is known") for criterion in CRITERIA),
        *((f"{criterion}.evidence", "document") for criterion in CRITERIA),
    ],
)
def test_guidance(path: str, value: Any) -> None:
    """Names, guidance, the version and what other systems keep do not change the fingerprint."""
    process = SalesProcess.model_validate(stored())
    assert changed(path, value) != process
    assert changed(path, value).fingerprint == process.fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("key", "q"),
        ("cumulative", True),
        ("stages.0.kind", "on_hold"),
        ("stages.0.phase", "top"),
        ("stages.0.probability", 0.5),
        ("stages.0.time_limit", timedelta(days=3)),
        ("stages.0.starts", ["delivery"]),
        ("stages.0.activities.0.key", "visit"),
        ("transitions.0.trigger", "close"),
        ("transitions.0.needs_reason", True),
        *((f"{criterion}.rule.fact", "y") for criterion in CRITERIA),
        *((f"{criterion}.severity", "advisory") for criterion in CRITERIA),
    ],
)
def test_meaning(path: str, value: Any) -> None:
    """Whatever changes what a deal may do, or what a stage means, changes the fingerprint."""
    assert changed(path, value).fingerprint != SalesProcess.model_validate(stored()).fingerprint


def test_earlier_releases() -> None:
    """The fingerprint is that of earlier releases."""
    process = changed("stages.0.exit_criteria.0.rule", {"fact": "région", "op": "==", "value": "Île-de-France"})
    assert process.fingerprint == "dc03c56fcaf4a5a6"


def test_other_interpreter() -> None:
    """The fingerprint is the same in another interpreter with another hash seed."""
    code = "from salesprocess.catalog import SEVEN_STAGE; print(SEVEN_STAGE.fingerprint)"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        assert run.stdout.strip() == SEVEN_STAGE.fingerprint


def test_round_trip() -> None:
    """A round trip through JSON keeps the fingerprint."""
    assert SalesProcess.model_validate_json(SEVEN_STAGE.model_dump_json()).fingerprint == SEVEN_STAGE.fingerprint
