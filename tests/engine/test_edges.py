"""The border between the engine and the host: deals of any class, versions, overrides, reasons and metadata."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from salesprocess import (
    AmbiguousMove,
    DealError,
    DefinitionError,
    Engine,
    FailedEvent,
    Hooks,
    MovedEvent,
    Override,
    ReasonNeeded,
    SalesProcess,
    Stage,
    StageChange,
    Transition,
    WrongVersion,
    fact,
)

PROCESS = SalesProcess.linear(
    key="sale",
    version=2,
    stages=[Stage(key="lead", exit_criteria=fact("budget") >= 10), Stage(key="offer"), Stage(key="won", kind="won")],
    transitions=[
        Transition(trigger="lose", source="*", dest="lost", needs_reason=True, reasons=("price", "timing")),
        Transition(trigger="park", source="lead", dest="offer", reasons=("busy",)),
    ],
)


class Where(Enum):
    """The host's own names for the stages."""

    LEAD = "lead"
    OFFER = "offer"


class ReadOnly(Mapping[str, Any]):
    """A mapping that cannot be written, with an attribute of the name of its key."""

    stage = "won"

    def __init__(self, **values: Any) -> None:
        self._values = values

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Keyed(dict[str, Any]):
    """A dict with an attribute of the name of its key."""

    stage = "won"


class Deaf:
    """A deal whose setter ignores the value."""

    budget = 10

    @property
    def stage(self) -> str:
        return "lead"

    @stage.setter
    def stage(self, value: str) -> None:
        pass


class WithoutSetter:
    """A deal whose stage is computed."""

    budget = 10

    @property
    def stage(self) -> str:
        return "lead"


@dataclass(frozen=True)
class Frozen:
    """A deal that never changes."""

    stage: str | None = "lead"
    budget: int = 10


class FrozenModel(BaseModel):
    """The same in pydantic."""

    model_config = ConfigDict(frozen=True)
    stage: str = "lead"
    budget: int = 10


@attrs.frozen
class FrozenAttrs:
    """The same in attrs."""

    stage: str = "lead"
    budget: int = 10


def test_a_dotted_stage_is_refused() -> None:
    """An attribute is one name; a path is refused when the engine is built, each with its argument."""
    with pytest.raises(DefinitionError) as caught:
        Engine(PROCESS, stage="crm.stage", seq="crm.seq", version="crm.version")
    assert [problem.path for problem in caught.value.problems] == ["stage", "seq", "version"]


@pytest.mark.parametrize(
    "deal",
    [
        ReadOnly(stage="lead", budget=10),
        MappingProxyType({"stage": "lead", "budget": 10}),
        WithoutSetter(),
        Frozen(),
        FrozenModel(),
        FrozenAttrs(),
    ],
    ids=lambda deal: type(deal).__name__,
)
def test_what_cannot_be_written_is_refused_before_any_hook(deal: Any) -> None:
    """A deal whose class cannot be written is refused before a hook has run."""
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.before(lambda event: ran.append(event.decision.trigger))
    with pytest.raises(DealError, match="cannot move the deal"):
        Engine(PROCESS, hooks=hooks).fire(deal, "advance")
    assert ran == []


def test_a_setter_that_ignores_the_value_is_found() -> None:
    """The stage is looked at again after the write."""
    with pytest.raises(DealError, match="its setter keeps another value"):
        Engine[Any](PROCESS).fire(Deaf(), "advance")


@pytest.mark.parametrize("deal", [Keyed(stage="lead", budget=10), ReadOnly(stage="lead", budget=10)])
def test_a_mapping_is_read_by_key_alone(deal: Any) -> None:
    """A mapping with an attribute of the same name gives one answer, by trigger and by target."""
    engine: Engine[Any] = Engine(PROCESS)
    assert engine.check(deal, "advance") == engine.check(deal, "advance", to="offer", expect="lead")
    moved, change = engine.transition(Keyed(deal), "advance")
    assert (moved["stage"], change.source) == ("offer", "lead")


@given(stage=st.sampled_from(["lead", "offer"]), as_enum=st.booleans())
def test_enum_members_stand_for_their_values(stage: str, as_enum: bool) -> None:
    """to= and expect= take enum members as the deal does."""
    engine: Engine[Any] = Engine(PROCESS)
    deal = {"stage": Where(stage) if as_enum else stage, "budget": 10}
    for trigger, to in (("advance", Where.OFFER), (None, Where.OFFER), (None, Where.LEAD)):
        assert engine.check(deal, trigger, to=to) == engine.check(deal, trigger, to=to.value)
    assert engine.check(deal, "lose", expect=Where(stage)) == engine.check(deal, "lose", expect=stage)
    assert engine.check(deal, "lose", expect=Where.LEAD).kind == ("allowed" if stage == "lead" else "stale")


class TestVersion:
    """Engine(version=...) names the deal's attribute for the version that it runs under."""

    engine: Engine[Any] = Engine(PROCESS, version="process_version")

    @pytest.mark.parametrize("version", [1, "2", None])
    def test_another_version_is_refused(self, version: object) -> None:
        """A deal under another version, or under none, is refused by every verb."""
        deal = {"stage": "lead", "budget": 10, "process_version": version}
        assert self.engine.check(deal, "advance").kind == "wrong_version"
        assert [option.kind for option in self.engine.options(deal)] == ["wrong_version"]
        assert "version" in self.engine.plan(deal, to="won").message
        with pytest.raises(WrongVersion, match="version"):
            self.engine.fire(deal, "advance")

    def test_the_same_version_moves(self) -> None:
        """A deal under the engine's version moves; a new deal has no version yet."""
        deal = {"stage": "lead", "budget": 10, "process_version": 2}
        assert self.engine.fire(deal, "advance").dest == "offer"
        assert self.engine.fire({}, "start").dest == "lead"


def test_an_override_never_chooses() -> None:
    """An override that fits several blocked moves is ambiguous."""
    gates = [fact("a").is_true(), fact("b").is_true()]
    moves = [
        Transition(trigger="go", source="x", dest=dest, criteria=rule) for dest, rule in zip("yz", gates, strict=True)
    ]
    process = SalesProcess(key="p", stages=[Stage(key=key) for key in "xyz"], transitions=moves)
    deal = {"stage": "x"}
    with pytest.raises(AmbiguousMove, match="leads to y, z"):
        Engine[Any](process).fire(deal, "go", override=Override(by="vp", reason="now"))
    assert deal == {"stage": "x"}
    assert Engine[Any](process).fire(deal, "go", to="z", override=Override(by="vp", reason="now")).waived == ("b",)


def test_an_override_is_an_override() -> None:
    """Another object with by and reason is not taken for an override."""
    event = type("Approval", (), {"by": None, "reason": None})()
    with pytest.raises(TypeError, match="takes an Override"):
        Engine[Any](PROCESS).fire({"stage": "lead"}, "advance", override=event)


@pytest.mark.parametrize(("reason", "moves"), [("busy", True), (None, True), ("lunch", False)])
def test_listed_reasons_are_kept_to(reason: str | None, moves: bool) -> None:
    """A reason that is given is one of the list, even where the move needs none."""
    deal = {"stage": "lead", "budget": 10}
    if moves:
        assert Engine[Any](PROCESS).fire(deal, "park", reason=reason).reason == reason
        return
    with pytest.raises(ReasonNeeded, match="unknown reason 'lunch'"):
        Engine[Any](PROCESS).fire(deal, "park", reason=reason)


# A lone surrogate is no text that can be stored.
TEXT = st.text(st.characters(codec="utf-8"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None)
@given(metadata=st.dictionaries(TEXT, JSON, max_size=4))
def test_metadata_comes_back(metadata: dict[str, Any]) -> None:
    """What the host gives as metadata is in the change, survives JSON, and cannot be changed."""
    change = Engine[Any](PROCESS).fire({"stage": "lead", "budget": 10}, "advance", metadata=metadata)
    assert change.metadata == metadata
    assert StageChange.model_validate(json.loads(json.dumps(change.model_dump(mode="json")))) == change
    with pytest.raises(TypeError):
        change.metadata["x"] = 1  # type: ignore[index]


@pytest.mark.parametrize("metadata", [{"x": object()}, {"x": float("nan")}, {"x": {1, 2}}, {"x": "\ud800"}])
def test_metadata_that_is_no_json_is_refused_before_the_move(metadata: Any) -> None:
    """Metadata that JSON does not have is refused, and the deal stays where it is."""
    deal = {"stage": "lead", "budget": 10}
    with pytest.raises(DealError, match="metadata is JSON"):
        Engine[Any](PROCESS).fire(deal, "advance", metadata=metadata)
    assert deal["stage"] == "lead"


async def _wait(_event: object) -> None:
    await asyncio.sleep(0)


class TestAsync:
    """An engine with async hooks does everything with the verbs that await."""

    hooks: Hooks[Any] = Hooks()
    hooks.after(_wait)
    engine: Engine[Any] = Engine(PROCESS, hooks=hooks)

    def test_astart_and_atransition(self) -> None:
        """astart starts a deal, atransition starts and moves one that is frozen."""
        deal: dict[str, Any] = {}
        assert asyncio.run(self.engine.astart(deal)).dest == deal["stage"] == "lead"
        new = Frozen(stage=None)
        started, change = asyncio.run(self.engine.atransition(new, "start"))
        assert (new.stage, started.stage, change.source) == (None, "lead", None)
        moved, _ = asyncio.run(self.engine.atransition(started, "advance"))
        assert (started.stage, moved.stage) == ("lead", "offer")

    @pytest.mark.parametrize("verb", ["fire", "transition", "start"])
    def test_an_error_names_the_verb(self, verb: str) -> None:
        """A verb that does not await is refused by its own name, and says which verb awaits."""
        call: Callable[..., Any] = getattr(self.engine, verb)
        arguments = [] if verb == "start" else ["advance"]
        with pytest.raises(DefinitionError, match=rf"^{verb}\(\)(.|\n)*use a{verb}\(\)"):
            call({"stage": "lead"}, *arguments)


def test_start_is_a_trigger_of_every_verb() -> None:
    """On a deal in no stage, "start" works in check, options, plan, progress, fire and transition."""
    engine: Engine[Any] = Engine(PROCESS)
    new: dict[str, Any] = {"stage": None, "budget": 10}
    assert engine.check(new, "start").dest == "lead"
    assert [option.trigger for option in engine.options(new)] == ["start"]
    assert engine.plan(new, to="won").stages == ("lead", "offer", "won")
    assert engine.progress(new) == 1.0
    moved, change = engine.transition(Frozen(stage=None), "start")
    assert (moved.stage, change.trigger) == ("lead", "start")
    assert engine.fire(new, "start").dest == new["stage"] == "lead"


def test_a_failed_hook_is_told_after_the_undo() -> None:
    """A failed hook gets the hook that raised and its error, when the deal is back where it was."""
    told: list[tuple[str, str, str]] = []
    hooks: Hooks[Any] = Hooks()

    @hooks.after
    def send(_event: MovedEvent) -> None:
        raise ConnectionError("down")

    @hooks.failed
    def alert(event: FailedEvent) -> None:
        told.append((event.hook.__name__, str(event.error), event.deal["stage"]))

    with pytest.raises(ConnectionError):
        Engine(PROCESS, hooks=hooks).fire({"stage": "lead", "budget": 10}, "advance")
    assert told == [("send", "down", "lead")]


@pytest.mark.parametrize(
    ("limits", "runs"),
    [
        ({"source": "lead"}, ["advance"]),
        ({"dest": "lead"}, ["go_back"]),
        ({"source": "lead", "dest": "offer"}, ["advance"]),
        ({"source": "won"}, []),
    ],
)
def test_hooks_between_stages(limits: dict[str, str], runs: list[str]) -> None:
    """source= and dest= limit a hook to moves that leave or enter a stage."""
    ran: list[str | None] = []
    hooks: Hooks[Any] = Hooks()
    hooks.after(**limits)(lambda event: ran.append(event.change.trigger))
    engine = Engine(PROCESS, hooks=hooks)
    deal = {"stage": "lead", "budget": 10}
    engine.fire(deal, "advance")
    engine.fire(deal, "go_back", reason="r")
    assert ran == runs


def test_an_unknown_stage_in_a_hook_is_found() -> None:
    """A hook limited to an unknown stage is found when the engine is built."""
    hooks: Hooks[Any] = Hooks()
    hooks.after("advance", source="leed")(print)
    with pytest.raises(DefinitionError, match="unknown stage 'leed'; did you mean 'lead'"):
        Engine(PROCESS, hooks=hooks)


def test_a_plan_tells_criteria_of_one_key_apart() -> None:
    """A transition's own criterion is not taken for an exit criterion that shares its key."""
    shared = [fact("amount").is_known(), fact("amount") >= 100]
    process = SalesProcess(
        key="p",
        stages=[Stage(key="a", exit_criteria=shared[0]), Stage(key="b"), Stage(key="c")],
        transitions=[
            Transition(trigger="jump", source="a", dest="c", criteria=shared[1], waives="a"),
            Transition(trigger="step", source="a", dest="b", criteria=fact("ready").is_true()),
            Transition(trigger="step", source="b", dest="c"),
        ],
    )
    engine: Engine[Any] = Engine(process)
    assert engine.plan({"stage": "a", "amount": 100, "ready": True}, to="c").stages == ("a", "c")
    assert engine.plan({"stage": "a", "amount": 5, "ready": True}, to="c").stages == ("a", "b", "c")
