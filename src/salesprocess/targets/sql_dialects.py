"""What databases write differently, as SQLAlchemy elements that each dialect spells in its own way."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class IsNumber(FunctionElement[bool]):
    """Whether a number is not NaN, which PostgreSQL, unlike the others, has equal to itself."""

    type: Any = sa.Boolean()
    inherit_cache: bool | None = True


class IsValue(FunctionElement[bool]):
    """Whether a JSON value is not JSON's own null."""

    type: Any = sa.Boolean()
    inherit_cache: bool | None = True


class SameText(FunctionElement[str]):
    """A text that is equal to another only where every character is."""

    type: Any = sa.String()
    inherit_cache: bool | None = True


class TextOrder(FunctionElement[str]):
    """A text in the order of its characters' code points, as in Python, whatever the database's language."""

    type: Any = sa.String()
    inherit_cache: bool | None = True


class Fits(FunctionElement[bool]):
    """Whether a text fits a pattern, given both for LIKE and for SQLite's GLOB, which alone minds the case there."""

    type: Any = sa.Boolean()
    inherit_cache: bool | None = True


class Position(FunctionElement[int]):
    """Where a text has another, from 1; 0 where it has not."""

    type: Any = sa.Integer()
    inherit_cache: bool | None = True


class HasItem(FunctionElement[bool]):
    """Whether a JSON array has an item, given both as it is and as JSON."""

    type: Any = sa.Boolean()
    inherit_cache: bool | None = True


class CountOfJson(FunctionElement[int]):
    """How many items of a JSON array are not null."""

    type: Any = sa.Integer()
    inherit_cache: bool | None = True
    counted: str = ""


class DistinctOfJson(CountOfJson):
    """How many different items of a JSON array are not null."""

    inherit_cache: bool | None = True
    counted: str = "DISTINCT "


class CountOfArray(FunctionElement[int]):
    """How many items of an array are not null."""

    type: Any = sa.Integer()
    inherit_cache: bool | None = True
    counted: str = ""


class DistinctOfArray(CountOfArray):
    """How many different items of an array are not null."""

    inherit_cache: bool | None = True
    counted: str = "DISTINCT "


def has_item(array: Any, item: str | float) -> HasItem:
    """Return whether a JSON array has an item."""
    return HasItem(array, sa.literal(item), sa.literal(json.dumps(item), sa.String()))


def _written(template: str, *, of: tuple[int, ...] = (0,)) -> Any:
    """Return a compiler that puts some arguments of an element into a template; the others are not even bound."""

    def compile_element(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
        clauses = list(element.clauses)
        texts = [compiler.process(clauses[index], **options) for index in of]
        return template.format(*texts, counted=getattr(element, "counted", ""))

    return compile_element


_JSON_ITEMS = (
    "jsonb_array_elements(CASE jsonb_typeof(CAST({0} AS jsonb)) WHEN 'array' THEN CAST({0} AS jsonb) ELSE '[]' END)"
)

for _element, _dialect, _template in (
    (IsNumber, None, "({0} = {0})"),
    (IsNumber, "postgresql", "({0} <> 'NaN')"),
    (IsValue, "sqlite", "(json_type({0}) <> 'null')"),
    (IsValue, "postgresql", "(jsonb_typeof(CAST({0} AS jsonb)) <> 'null')"),
    (SameText, None, "{0}"),
    (SameText, "sqlite", "({0} COLLATE BINARY)"),
    (TextOrder, None, "{0}"),
    (TextOrder, "sqlite", "({0} COLLATE BINARY)"),
    (TextOrder, "postgresql", '({0} COLLATE "C")'),
    (CountOfJson, "sqlite", "(SELECT count({counted}item.value) FROM json_each({0}) AS item)"),
    (
        CountOfJson,
        "postgresql",
        f"(SELECT count({{counted}}item) FROM {_JSON_ITEMS} AS item WHERE item <> 'null')",
    ),
    (CountOfArray, "postgresql", "(SELECT count({counted}item) FROM unnest({0}) AS item)"),
):
    compiles(_element, *([_dialect] if _dialect else []))(_written(_template))

compiles(Fits)(_written("({0} LIKE {1} ESCAPE '!')", of=(0, 1)))
compiles(Fits, "sqlite")(_written("({0} GLOB {1})", of=(0, 2)))
compiles(Position)(_written("POSITION({1} IN {0})", of=(0, 1)))
compiles(Position, "sqlite")(_written("instr({0}, {1})", of=(0, 1)))
compiles(HasItem, "sqlite")(_written("EXISTS (SELECT 1 FROM json_each({0}) AS item WHERE item.value = {1})", of=(0, 1)))
compiles(HasItem, "postgresql")(_written("(CAST({0} AS jsonb) @> CAST({1} AS jsonb))", of=(0, 2)))
