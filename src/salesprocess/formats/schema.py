"""The JSON Schema (2020-12) of a definition's stored form, for editors and other programs.

Published beside this module as `process.schema.json`; `python -m salesprocess.formats.schema` prints it. It describes
the shape alone: whether a stage exists that a transition names is for the loader to check.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from salesprocess._text import SLUG
from salesprocess.criteria.operators import OPERATORS, Operand
from salesprocess.process import SalesProcess

__all__ = ["published", "schema"]

_KEYS = {"Activity": ["key"], "Stage": ["key"], "Transition": ["trigger"], "SalesProcess": ["key"]}
_RULE = {"$ref": "#/$defs/Rule"}
_SHORT_FORMS = {"#/$defs/Criterion": _RULE, "#/$defs/Activity": {"type": "string", "pattern": f"^{SLUG.pattern}$"}}
_LITERAL = {"$ref": "#/$defs/Literal"}


def published() -> dict[str, Any]:
    """Return the schema as it ships, from `process.schema.json`."""
    text = files("salesprocess.formats").joinpath("process.schema.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def schema() -> dict[str, Any]:
    """Return the schema, made from the models.

    >>> schema() == published()
    True
    """
    made = _without_lengths(SalesProcess.model_json_schema())
    parts = made["$defs"] | {"SalesProcess": made}
    for part, keys in _KEYS.items():
        for key in keys:
            parts[part]["properties"][key]["pattern"] = f"^{SLUG.pattern}$"
    for part in parts.values():
        for name, value in part.get("properties", {}).items():
            part["properties"][name] = _as_loaded(name, value)
    made["properties"]["$schema"] = {"type": "string", "description": "For editors; the loader ignores it."}
    made["$defs"] |= _RULES
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A sales process"}
    return head | {key: value for key, value in made.items() if key != "title"}


def _without_lengths(part: Any) -> Any:
    """Return a schema without the longest text of the models, which only some releases of pydantic write."""
    if isinstance(part, list):
        return [_without_lengths(each) for each in part]
    if not isinstance(part, dict):
        return part
    kept = {key: _without_lengths(value) for key, value in part.items() if key != "maxLength"}
    return {key: value for key, value in kept.items() if key != "propertyNames" or value}


def _as_loaded(name: str, value: dict[str, Any]) -> dict[str, Any]:
    """Return a property with the short forms that the loader accepts, which pydantic's schema does not have."""
    kept = {key: value[key] for key in ("default", "description", "title") if key in value}
    if name in {"rule", "when"}:
        return kept | (_RULE if name == "rule" else {"anyOf": [_RULE, {"type": "null"}]})
    if name == "probability":
        return value | {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"type": "null"}]}
    if name == "time_limit":
        return value | {"anyOf": [*value["anyOf"], {"type": "number", "exclusiveMinimum": 0, "description": "seconds"}]}
    items = value.get("items", {})
    if items.get("type") == "string":
        return kept | {"anyOf": [items, {"type": "array", "items": items}]}
    short = _SHORT_FORMS.get(items.get("$ref"))
    return value if short is None else kept | {"type": "array", "items": {"anyOf": [items, short]}}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


_PATH = {"type": "string", "pattern": r"^[^_.][^.]*(\.[^_.][^.]*)*$"}
_MEASURE = {"enum": ["count", "distinct"]}
_LITERAL_FORMS = {
    "anyOf": [
        {"type": ["string", "number", "boolean"]},
        _object({"decimal": {"type": "string"}}),
        _object({"datetime": {"type": "string", "format": "date-time"}}),
        _object({"date": {"type": "string", "format": "date"}}),
        _object({"seconds": {"type": "number"}}),
    ]
}
_TERMS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"fact": _PATH}, {"measure": _MEASURE}),
    ({"context": _PATH}, {"measure": _MEASURE}),
    ({"now": {"const": True}}, {}),
    ({"time_in_stage": {"const": True}}, {}),
]


def _comparison(operand: Operand) -> dict[str, Any]:
    """Return the schema of any term with one of the operators that take the operand."""
    names = [each.name for each in OPERATORS.values() if each.operand is operand]
    op = {"const": names[0]} if len(names) == 1 else {"enum": names}
    operation = {"op": op} if operand.schema is None else {"op": op, "value": operand.schema}
    return {"anyOf": [_object(required | operation, **optional) for required, optional in _TERMS]}


_OPERANDS = dict.fromkeys(each.operand for each in OPERATORS.values())
_RULE_LIST = {"type": "array", "items": _RULE}
_RULES: dict[str, Any] = {
    "Literal": _LITERAL_FORMS,
    "Term": {"anyOf": [_object(required, **optional) for required, optional in _TERMS]},
    "Rule": {
        "description": "A condition on the facts of a deal, on the caller's context, or on time.",
        "anyOf": [
            *({"$ref": f"#/$defs/{operand.name}"} for operand in _OPERANDS),
            _object({"all": _RULE_LIST}),
            _object({"any": _RULE_LIST}),
            _object({"not": _RULE}),
            _object({"at_least": {"type": "integer"}, "of": _RULE_LIST}),
            _object({"predicate": {"type": "string"}}),
        ],
    },
    **{operand.name: _comparison(operand) for operand in _OPERANDS},
}

if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))  # noqa: T201 - it is what the command is for
