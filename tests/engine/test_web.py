"""Decisions, plans and changes as types of pydantic and FastAPI."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter, ValidationError

from salesprocess import Alternative, Decision, Engine, Finding, Plan, StageChange
from salesprocess.catalog import SEVEN_STAGE
from salesprocess.testing.process_strategies import processes

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TYPES = [Decision, Finding, Plan, StageChange, Alternative]
ENGINE: Engine[Any] = Engine(SEVEN_STAGE)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(object()) | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


class Facts(dict[str, Any]):
    """A deal with a random value for each fact that is looked at."""

    def __init__(self, stage: str | None, found: list[Any]) -> None:
        super().__init__(stage=stage)
        self.found = found

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - that of a dict
        return self[key] if key in self else self.found[hash(key) % len(self.found)]


def schema_of(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema(mode="serialization")


def hold_to_schema(value: Any) -> None:
    """Hold a value's dump to the schema of its type."""
    body = json.loads(json.dumps(value.model_dump(mode="json"), allow_nan=False))
    jsonschema.validate(body, schema_of(type(value)), jsonschema.Draft202012Validator)
    assert json.loads(TypeAdapter(type(value)).dump_json(value)) == body


@pytest.mark.parametrize("kind", TYPES)
def test_schema(kind: type) -> None:
    """A type has a JSON Schema under its own name, which requires every key of its dump."""
    schema = schema_of(kind)
    assert schema["title"] == kind.__name__
    assert schema["required"] == list(schema["properties"])


@given(process=processes(max_stages=3), data=st.data())
@settings(max_examples=25, deadline=None)
def test_dumps_obey_schemas(process: Any, data: st.DataObject) -> None:
    """Every dump of a decision, a finding, an alternative and a plan obeys the schema of its type."""
    engine: Engine[Any] = Engine(process)
    stages = [stage.key for stage in process.stages]
    found = data.draw(st.lists(values, min_size=1, max_size=3))
    deal = Facts(data.draw(st.sampled_from([None, "nowhere", *stages])), found)
    decisions = [*engine.options(deal, at=NOON), engine.check(deal, data.draw(st.text(max_size=3)), at=NOON)]
    for decision in decisions:
        for each in (decision, *decision.findings, *decision.alternatives):
            hold_to_schema(each)
    hold_to_schema(engine.plan(deal, to=data.draw(st.sampled_from(["x", *stages])), at=NOON))


def test_change_loads_from_its_dump() -> None:
    """A change obeys its schema, and loads from its dump."""
    change = ENGINE.fire({"stage": "prospecting"}, "lose", reason="r", at=NOON)
    hold_to_schema(change)
    loads = TypeAdapter(StageChange)
    assert loads.validate_json(loads.dump_json(change)) == change


def test_alternative_loads_from_its_dump() -> None:
    """An alternative loads from its dump, and from nothing else."""
    way = ENGINE.check({"stage": "prospecting"}, "advance").alternatives[0]
    loads = TypeAdapter(Alternative)
    assert loads.validate_json(loads.dump_json(way)) == way
    with pytest.raises(ValidationError, match="expected an alternative with trigger"):
        loads.validate_python({"trigger": "x"})


@pytest.mark.parametrize("kind", [Decision, Finding, Plan])
def test_answers_do_not_load(kind: type) -> None:
    """An answer of the engine is accepted as it is, and its dump is refused with the reason."""
    decision = ENGINE.check({"stage": "prospecting"}, "advance")
    way = ENGINE.plan({"stage": "prospecting"}, to="closing")
    answer: Any = {Decision: decision, Finding: decision.findings[0], Plan: way}[kind]
    assert TypeAdapter(kind).validate_python(answer) is answer
    with pytest.raises(ValidationError, match=f"a {kind.__name__} is made by an engine"):
        TypeAdapter(kind).validate_python(answer.model_dump(mode="json"))


class Answer(BaseModel):
    """A host's own model of an answer."""

    decision: Decision
    findings: list[Finding]
    plan: Plan | None = None


app = FastAPI()


@app.get("/fire")
def fire() -> StageChange:
    return ENGINE.fire({"stage": "prospecting"}, "lose", reason="r", at=NOON)


@app.get("/check", response_model=Decision)
def check() -> Any:
    return ENGINE.check({"stage": "prospecting", "prospect": object()}, "advance")


@app.get("/options")
def options() -> list[Decision]:
    return list(ENGINE.options({"stage": "prospecting"}))


@app.get("/plan")
def plan() -> Plan:
    return ENGINE.plan({"stage": "prospecting"}, to="presenting")


@app.get("/answer")
def answer() -> Answer:
    decision = ENGINE.check({"stage": "prospecting"}, "advance")
    return Answer(decision=decision, findings=list(decision.findings), plan=plan())


@app.get("/alternatives")
def alternatives() -> list[Alternative]:
    return list(ENGINE.check({"stage": "prospecting"}, "advance").alternatives)


async def answers(*paths: str) -> list[Any]:
    """Return what the application answers at some paths."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        return [(await client.get(path)).raise_for_status().json() for path in paths]


@pytest.mark.parametrize("path", ["/fire", "/check", "/options", "/plan", "/answer", "/alternatives"])
def test_responses(path: str) -> None:
    """A FastAPI application describes its answers, and answers as described."""
    openapi, body = asyncio.run(answers("/openapi.json", path))
    schema = openapi["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({**schema, "components": openapi["components"]})
    validator.validate(body)
    assert not validator.is_valid({})
