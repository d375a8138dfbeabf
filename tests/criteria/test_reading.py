"""How facts are read from the deals of a host."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from pydantic import BaseModel

from salesprocess import context, days, fact, time_in_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Finding

    Ask = Callable[..., Finding]


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(slots=True)
class Slotted:
    contact: object
    stage: str = "a"


class Model(BaseModel):
    contact: Any
    stage: str = "a"


@attrs.define
class Attrs:
    contact: object
    stage: str = "a"


@pytest.mark.parametrize("make", [SimpleNamespace, Slotted, Model, Attrs, dict], ids=lambda make: make.__name__)
@pytest.mark.parametrize("inner", [SimpleNamespace, dict], ids=["object", "mapping"])
def test_dotted_path(ask: Ask, make: Any, inner: Any) -> None:
    """A dotted path goes through attributes and keys alike; a missing part makes the fact unknown."""
    rule = fact("contact.email").is_known()
    assert ask(rule, make(contact=inner(email="a@b"), stage="a")).status == "met"
    assert ask(rule, make(contact=inner(), stage="a")).status == "unmet"
    assert ask(rule, make(contact=None, stage="a")).status == "unmet"


def test_key_named_like_a_method(ask: Ask) -> None:
    """A key of a dict that is also the name of a method of dicts is read as a key."""
    assert ask(fact("order.items").count() == 2, SimpleNamespace(stage="a", order={"items": [1, 2]})).status == "met"
    assert ask(fact("items").is_known(), {}).status == "unmet"


def test_broken_property_and_empty_slot(ask: Ask) -> None:
    """A property that raises is errored, a slot that was never filled is missing."""

    class Deal:
        __slots__ = ("empty",)
        stage = "a"

        @property
        def broken(self) -> int:
            raise AttributeError("inside")

    assert ask(fact("broken").is_known(), Deal()).status == "errored"
    assert ask(fact("empty") == 1, Deal()).status == "unknown"


def test_names_of_the_host(ask: Ask) -> None:
    """`Engine(facts=...)` maps names of the process onto those of the deal."""
    deal = SimpleNamespace(stage="a", finance=SimpleNamespace(ok=True))
    finding = ask(fact("budget").is_true(), deal, facts={"budget": "finance.ok"})
    assert finding.status == "met"
    assert finding.facts == {"budget": True}


def test_context(ask: Ask) -> None:
    """The context is what the call passes; without it, it is unknown."""
    rule = context("user.role") == "manager"
    assert ask(rule, {}, context={"user": {"role": "manager"}}).status == "met"
    assert ask(rule, {}).status == "unknown"


def test_time_in_stage(ask: Ask) -> None:
    """Time in stage counts from the fact `entered_at`, and is unknown without it."""
    rule = time_in_stage() >= days(7)
    assert ask(rule, {"entered_at": NOON - days(7)}, at=NOON).status == "met"
    assert ask(rule, {"entered_at": NOON - days(6)}, clock=lambda: NOON).status == "unmet"
    assert ask(rule, {"since": NOON - days(8)}, facts={"entered_at": "since"}, at=NOON).status == "met"
    assert ask(rule, {}, at=NOON).status == "unknown"
