"""A sales process: stages, and the moves between them, as frozen data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, JsonValue, ValidationError, ValidatorFunctionWrapHandler, model_validator

from salesprocess._base import FrozenDict, problems_of
from salesprocess._text import suggestion
from salesprocess.criteria import Criterion
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process.derivation import Derivable
from salesprocess.process.linear import Policy, usual_stages, usual_transitions
from salesprocess.process.stages import (
    ALL_OPEN,
    Direction,
    Extra,
    Stage,
    Transition,
)
from salesprocess.process.validation import mistakes, pruned

# One pass finds what has the wrong shape, the next ones look at the rest of the data without it.
_PASSES = 3
_GUIDANCE_OF_CRITERIA = {"__all__": {"label": True, "evidence": True}}
_GUIDANCE: dict[str, Any] = {
    "name": True,
    "version": True,
    "extra": True,
    "stages": {
        "__all__": {
            "name": True,
            "objective": True,
            "tactics": True,
            "outcome": True,
            "owner": True,
            "extra": True,
            "activities": {"__all__": {"name": True, "criteria": _GUIDANCE_OF_CRITERIA}},
            "entry_criteria": _GUIDANCE_OF_CRITERIA,
            "exit_criteria": _GUIDANCE_OF_CRITERIA,
        }
    },
    "transitions": {"__all__": {"criteria": _GUIDANCE_OF_CRITERIA, "extra": True}},
}


class SalesProcess(Derivable, frozen=True):
    """How a company sells. Frozen, checked as it is made, and the same after a trip through JSON.

    The order of `stages` is the order of the sale; the first open one is where deals start. With `cumulative`, a
    forward move asks again for the exit criteria of all earlier stages. `extra` is as a stage's.

    Raises:
        DefinitionError: with every mistake at once, each with its path and the nearest valid name.
    """

    key: str
    version: int | str = 1
    name: str = ""
    stages: tuple[Stage, ...]
    transitions: tuple[Transition, ...] = ()
    cumulative: bool = False
    extra: Extra = Field(default_factory=FrozenDict)

    if TYPE_CHECKING:

        def __init__(
            self,
            *,
            key: str,
            version: int | str = ...,
            name: str = ...,
            stages: Sequence[Stage],
            transitions: Sequence[Transition] = ...,
            cumulative: bool = ...,
            extra: dict[str, JsonValue] = ...,
        ) -> None: ...

    @model_validator(mode="wrap")
    @classmethod
    def _check(cls, data: Any, handler: ValidatorFunctionWrapHandler) -> Self:
        if isinstance(data, cls):
            return data
        found: list[Problem] = []
        for _ in range(_PASSES):
            try:
                process: Self = handler(data)
            except ValidationError as error:
                found = found or problems_of(error, cls)
                data = pruned(data, error)
                continue
            found += mistakes(process)
            if not found:
                return process
            break
        raise DefinitionError("the process", found)

    @classmethod
    def linear(  # noqa: PLR0913 - one argument a policy
        cls,
        *,
        key: str,
        stages: Sequence[Stage],
        version: int | str = 1,
        name: str = "",
        skip: Policy = "forbid",
        back: Policy = "with_reason",
        reopen: Policy = "with_reason",
        transitions: Sequence[Transition] = (),
        cumulative: bool = False,
    ) -> Self:
        """The usual process over stages in order.

        `advance` goes to the next stage, and is called `win` where that is the first won one; `go_back` to the one
        before; `lose`, `disqualify` and `hold` leave any open stage for the stage of that kind (a stage `lost` is
        added where none is given); `resume` and `reopen` return to any open stage, named with `to=`; `skip` jumps
        over open stages. A trigger in `transitions` takes the place of the usual one of that name.

        >>> process = SalesProcess.linear(key="short", stages=[Stage(key="talk"), Stage(key="won", kind="won")])
        >>> [move.trigger for move in process.transitions]
        ['win', 'go_back', 'lose', 'reopen']
        """
        all_stages = usual_stages(stages)
        own = {transition.trigger for transition in transitions}
        usual = (move for move in usual_transitions(all_stages, skip, back, reopen) if move.trigger not in own)
        return cls(
            key=key,
            version=version,
            name=name,
            stages=all_stages,
            transitions=(*usual, *transitions),
            cumulative=cumulative,
        )

    @property
    def initial(self) -> Stage:
        """The stage in which deals start: the first open one."""
        return next(stage for stage in self.stages if stage.kind == "open")

    @property
    def fingerprint(self) -> str:
        """A hash of the meaning, 16 hex digits: the same on every machine, blind to names, guidance and version."""
        meaning = self.model_dump(mode="json", exclude=_GUIDANCE, exclude_defaults=True)
        text = json.dumps(meaning, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def stage(self, key: str) -> Stage:
        """The stage with this key.

        Raises:
            KeyError: with the nearest key that there is.
        """
        for stage in self.stages:
            if stage.key == key:
                return stage
        raise KeyError(
            f"process {self.key!r} has no stage {key!r}{suggestion(key, (stage.key for stage in self.stages))}"
        )

    def sources(self, transition: Transition) -> tuple[str, ...]:
        """The keys of the stages that the transition leaves, `"*"` spelt out."""
        if ALL_OPEN not in transition.source:
            return transition.source
        opened = (stage.key for stage in self.stages if stage.kind == "open" and stage.key != transition.dest)
        return tuple(dict.fromkeys((*(key for key in transition.source if key != ALL_OPEN), *opened)))

    def moves(self) -> Iterator[tuple[str, Transition]]:
        """Every move that there is, as the stage it leaves and its transition, in declared order."""
        for transition in self.transitions:
            for source in self.sources(transition):
                yield source, transition

    def direction(self, source: str, transition: Transition) -> Direction:
        """The direction of a move: as declared, or as the kinds and order of its stages have it."""
        if transition.direction is not None:
            return transition.direction
        left, entered = self.stage(source), self.stage(transition.dest)
        if entered.kind in {"lost", "disqualified"}:
            return "close"
        if source == transition.dest or "on_hold" in {left.kind, entered.kind}:
            return "hold"
        if left.kind in {"lost", "disqualified"} or (left.kind == "won" and entered.kind == "open"):
            return "reopen"
        keys = [stage.key for stage in self.stages]
        return "forward" if keys.index(transition.dest) > keys.index(source) else "back"

    def passed(self, source: str, transition: Transition) -> tuple[Stage, ...]:
        """The stages whose exit criteria a move asks for, in order: none unless it is a forward one.

        These are the stage that it leaves and those that it jumps over, less the waived ones; with `cumulative`, all
        earlier ones as well. Lost, disqualified and on-hold stages are not passed.
        """
        if self.direction(source, transition) != "forward":
            return ()
        keys = [stage.key for stage in self.stages]
        start, end = keys.index(source), keys.index(transition.dest)
        return tuple(
            stage
            for stage in self.stages[0 if self.cumulative else start : max(end, start + 1)]
            if stage.kind in {"open", "won"} and stage.key not in transition.waives
        )

    def gate(self, source: str, transition: Transition) -> tuple[Criterion, ...]:
        """All that a move asks for, in order, each once.

        A forward move asks for the exit criteria of the stage it leaves and of those it jumps over, less the waived
        ones, then for its own, then for the entry criteria of the stage it enters; any other move for its own alone.
        """
        criteria = list(transition.criteria)
        if self.direction(source, transition) == "forward":
            criteria = [
                *(criterion for stage in self.passed(source, transition) for criterion in stage.gate()),
                *criteria,
                *self.stage(transition.dest).entry_criteria,
            ]
        return tuple(dict.fromkeys(criteria))

    def __str__(self) -> str:
        return f"{self.name or self.key} (version {self.version}): {' > '.join(stage.key for stage in self.stages)}"

    def _repr_html_(self) -> str:
        from salesprocess.process.notebook import process_html  # noqa: PLC0415 - only notebooks need it

        return process_html(self)
