"""The parts of a process: stages, their activities, and the transitions between them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, model_validator

from salesprocess._base import Definition, FrozenDict, frozen
from salesprocess.criteria import Criteria, CriteriaLike, Criterion, fact

Kind: TypeAlias = Literal["open", "on_hold", "won", "lost", "disqualified"]
Phase: TypeAlias = Literal["top", "middle", "bottom", "after"]
Forecast: TypeAlias = Literal["pipeline", "best_case", "commit", "closed", "omitted"]
Direction: TypeAlias = Literal["forward", "back", "close", "reopen", "hold"]

# A sale is worked through the main stages, in order. In the others a deal waits, or was given up.
MAIN_KINDS = frozenset({"open", "won"})
LOST_KINDS = frozenset({"lost", "disqualified"})
CLOSED_KINDS = LOST_KINDS | {"won"}
ALL_OPEN = "*"
# The trigger that puts a deal in its first stage; no transition of a process needs to have it.
START = "start"


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


TextsLike: TypeAlias = str | Sequence[str]
Texts: TypeAlias = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]


# A file may be nested 100 deep, and has its own levels around this.
_DEEPEST = 90


def _shallow(value: object) -> object:
    level: Iterable[object] = [value]
    for _ in range(_DEEPEST):
        # Each once, however often it stands there: data may hold itself.
        level = {id(inner): inner for part in level for inner in _holders_in(part)}.values()
        if not level:
            return value
    raise ValueError(f"expected data nested at most {_DEEPEST} deep, found deeper")


def _holders_in(part: object) -> Iterator[object]:
    inside = part.values() if isinstance(part, Mapping) else part if isinstance(part, list | tuple) else ()
    return (inner for inner in inside if isinstance(inner, Mapping | list | tuple))


def _finite(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    json.dumps(value, allow_nan=False)
    return FrozenDict(frozen(value))


# What another system keeps with a part. JSON has no NaN and no infinity: pydantic would write them as null.
Extra: TypeAlias = Annotated[dict[str, JsonValue], BeforeValidator(_shallow), AfterValidator(_finite)]
Facts: TypeAlias = Annotated[dict[str, str | int | float | bool], AfterValidator(FrozenDict)]


def _as_activity(value: object) -> object:
    return {"key": value} if isinstance(value, str) else value


class _Named(Definition, frozen=True):
    key: str
    name: str = ""

    @model_validator(mode="before")
    @classmethod
    def _name_from_key(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("key"), str) and not data.get("name"):
            return data | {"name": data["key"].replace("_", " ").capitalize()}
        return data


class Activity(_Named, frozen=True):
    """A step of a stage's checklist, done when the deal's `done` collection has `stage.activity`.

    Its own criteria, if any, are asked for with it.
    """

    criteria: Criteria = ()

    if TYPE_CHECKING:

        def __init__(self, *, key: str, name: str = ..., criteria: CriteriaLike = ...) -> None: ...


class Stage(_Named, frozen=True):
    """A stage of a sale. `key` never changes, `name` may; `name` defaults to the key in words.

    `kind` says what being here means; it is never inferred from a probability. `probability` is the share of the
    deals here that are won, 0 to 1; `time_limit` how long a deal should stay; `starts` has the keys of the processes
    that the host is to start when a deal enters. `extra` is what another system keeps with the stage, as JSON: no
    rule reads it, and the fingerprint leaves it out.
    """

    kind: Kind = "open"
    phase: Phase | None = None
    objective: str | None = None
    tactics: Texts = ()
    outcome: str | None = None
    owner: str | None = None
    activities: tuple[Annotated[Activity, BeforeValidator(_as_activity)], ...] = ()
    entry_criteria: Criteria = ()
    exit_criteria: Criteria = ()
    probability: float | None = None
    forecast: Forecast | None = None
    time_limit: timedelta | None = None
    starts: Texts = ()
    extra: Extra = Field(default_factory=FrozenDict)

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913 - one argument a field
            self,
            *,
            key: str,
            name: str = ...,
            kind: Kind = ...,
            phase: Phase | None = ...,
            objective: str | None = ...,
            tactics: TextsLike = ...,
            outcome: str | None = ...,
            owner: str | None = ...,
            activities: Sequence[Activity | str] = ...,
            entry_criteria: CriteriaLike = ...,
            exit_criteria: CriteriaLike = ...,
            probability: float | None = ...,
            forecast: Forecast | None = ...,
            time_limit: timedelta | None = ...,
            starts: TextsLike = ...,
            extra: dict[str, JsonValue] = ...,
        ) -> None: ...

    def checklist(self) -> tuple[Criterion, ...]:
        """Return a criterion for each activity, followed by the activity's own criteria."""
        criteria: list[Criterion] = []
        for activity in self.activities:
            ticked = f"{self.key}.{activity.key}"
            criteria.append(Criterion(key=ticked, rule=fact("done").contains(ticked), label=activity.name))
            criteria.extend(activity.criteria)
        return tuple(criteria)

    def gate(self) -> tuple[Criterion, ...]:
        """Return what leaving the stage forwards asks for: its checklist, then its exit criteria."""
        return self.checklist() + self.exit_criteria


class Transition(Definition, frozen=True):
    """A named move: `trigger` takes a deal from any `source` to `dest`.

    `source` is a stage key, several, or `"*"` for all open stages. `criteria` are asked for besides those of the
    stages; `waives` names the stages whose exit criteria are not. A move that `needs_reason` takes one of `reasons`,
    or any text if there are none. `direction` follows from the stages if it is not given. `starts` has the keys of
    the processes that the host is to start, and `start_facts` what their deals begin with. `extra` is as a stage's.
    """

    trigger: str
    source: Texts
    dest: str
    criteria: Criteria = ()
    waives: Texts = ()
    needs_reason: bool = False
    reasons: Texts = ()
    direction: Direction | None = None
    starts: Texts = ()
    start_facts: Facts = Field(default_factory=FrozenDict)
    extra: Extra = Field(default_factory=FrozenDict)

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0913 - one argument a field
            self,
            *,
            trigger: str,
            source: TextsLike,
            dest: str,
            criteria: CriteriaLike = ...,
            waives: TextsLike = ...,
            needs_reason: bool = ...,
            reasons: TextsLike = ...,
            direction: Direction | None = ...,
            starts: TextsLike = ...,
            start_facts: dict[str, str | int | float | bool] = ...,
            extra: dict[str, JsonValue] = ...,
        ) -> None: ...
