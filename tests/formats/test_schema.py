"""The published JSON Schema: made of the models, and of one mind with the loader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from salesprocess import DefinitionError, SalesProcess
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import json_
from salesprocess.formats.schema import published, schema
from tests.formats.conftest import definitions

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is a test dependency")

RULES: list[Any] = [
    {"fact": "a.b", "op": "known"},
    {"fact": "a", "op": "known", "value": 1},
    {"fact": "a", "op": ">=", "value": {"decimal": "1.5"}},
    {"fact": "a", "op": ">="},
    {"fact": "a", "op": "=>", "value": 1},
    {"fact": "a", "op": "in", "value": ["x", 1, True]},
    {"fact": "a", "op": "in", "value": "x"},
    {"fact": "_a", "op": "true"},
    {"fact": "a..b", "op": "true"},
    {"fact": "a", "op": "<", "value": {"now": True}},
    {"now": True, "op": "<", "value": {"fact": "due"}},
    {"now": False, "op": "<", "value": 1},
    {"fact": "a", "op": "matches", "value": "x*"},
    {"fact": "a", "op": "matches", "value": "x" * 201},
    {"fact": "a", "op": "matches", "value": {"fact": "b"}},
    {"fact": "a", "measure": "count", "op": ">=", "value": 2},
    {"fact": "a", "measure": "sum", "op": ">=", "value": 2},
    {"time_in_stage": True, "op": ">=", "value": {"seconds": 60}},
    {"all": [{"predicate": "ok"}, {"not": {"fact": "a", "op": "false"}}]},
    {"all": {"predicate": "ok"}},
    {"any": [{"fact": "a", "op": "contains", "value": "x"}], "all": []},
    {"at_least": 2, "of": [{"context": "role", "op": "==", "value": "vp"}]},
    {"at_least": "2", "of": []},
    {"eval": "1"},
    [],
]


@pytest.fixture(scope="module")
def validator() -> Any:
    """Holds data against the published schema."""
    jsonschema.Draft202012Validator.check_schema(published())
    return jsonschema.Draft202012Validator(published())


def is_loaded(data: Any) -> bool:
    try:
        json_.loads(json.dumps(data))
    except DefinitionError:
        return False
    return True


def test_published() -> None:
    """The published schema is what the models make, in the package and in the docs."""
    assert published() == json.loads(json.dumps(schema()))
    page = Path(__file__).parents[2] / "docs" / "reference" / "process.schema.json"
    assert json.loads(page.read_text(encoding="utf-8")) == published()


@given(process=definitions())
@settings(max_examples=15, deadline=None)
def test_written_process(validator: Any, process: SalesProcess) -> None:
    """The schema accepts what is written."""
    validator.validate(json.loads(json_.dumps(process)))


def test_defaults(validator: Any) -> None:
    """The schema accepts a process with all its defaults."""
    validator.validate(SEVEN_STAGE.model_dump(mode="json"))


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("bare", [True, False])
def test_rules(validator: Any, rule: Any, bare: bool) -> None:
    """The schema refuses the rules that the loader refuses."""
    criterion = rule if bare else {"key": "c", "rule": rule}
    data = {"key": "p", "stages": [{"key": "a", "exit_criteria": [criterion]}]}
    assert validator.is_valid(data) is is_loaded(data)


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({"kind": "won"}, True),
        ({"kind": "closed"}, False),
        ({"probability": 0.5}, True),
        ({"probability": 1.5}, False),
        ({"time_limit": "P7D"}, True),
        ({"time_limit": 3600}, True),
        ({"time_limit": 0}, False),
        ({"tactics": "call"}, True),
        ({"tactics": [1]}, False),
        ({"activities": ["call", {"key": "mail"}]}, True),
        ({"activities": ["Call!"]}, False),
        ({"key": "A stage"}, False),
        ({"knd": "won"}, False),
        ({"extra": {"x": [None]}}, True),
        ({"extra": []}, False),
    ],
)
def test_stages(validator: Any, change: dict[str, Any], valid: bool) -> None:
    """The schema judges a stage as the loader does."""
    data = {"key": "p", "stages": [{"key": "a"}, {"key": "b", **change}]}
    assert validator.is_valid(data) is valid
    assert is_loaded(data) is valid
