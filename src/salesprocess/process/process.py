"""A sales process: stages, and the moves between them, as frozen data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, JsonValue, ValidationError, ValidatorFunctionWrapHandler, model_validator

from salesprocess._base import Definition, FrozenDict, problems_of
from salesprocess._text import suggestion
from salesprocess.criteria import Criterion, Rule
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import derivation, merging
from salesprocess.process.graph import Graph, Move, initial_of, sources_of
from salesprocess.process.linear import Policy, usual_stages, usual_transitions
from salesprocess.process.stages import (
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


class SalesProcess(Definition, frozen=True):
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
        return initial_of(self.stages)

    @property
    def fingerprint(self) -> str:
        """A hash of the meaning, 16 hex digits: the same on every machine, blind to names, guidance and version."""
        meaning = self.model_dump(mode="json", exclude=_GUIDANCE, exclude_defaults=True)
        text = json.dumps(meaning, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @cached_property
    def graph(self) -> Graph:
        """All moves of the process, indexed by the stages that they leave and enter."""
        return Graph(self.stages, self.transitions, cumulative=self.cumulative)

    def moves(self) -> tuple[Move, ...]:
        """Return every move in declared order; a transition with several sources is several moves."""
        return self.graph.moves

    def stage(self, key: str) -> Stage:
        """Return the stage with this key.

        Raises:
            KeyError: for an unknown stage, with the nearest key.
        """
        for stage in self.stages:
            if stage.key == key:
                return stage
        known = (stage.key for stage in self.stages)
        raise KeyError(f"unknown stage {key!r} in process {self.key!r}{suggestion(key, known)}")

    def sources(self, transition: Transition) -> tuple[str, ...]:
        """Return the keys of the stages that a transition leaves, with `"*"` spelt out."""
        return sources_of(self.stages, transition)

    def gate(self, source: str, transition: Transition) -> tuple[Criterion, ...]:
        """Return everything that a move asks for, in order, each criterion once.

        A forward move asks for the exit criteria of the stage that it leaves and of those that it jumps over, without
        the waived ones, then for its own, then for the entry criteria of the stage that it enters. Any other move asks
        for its own criteria alone.
        """
        return self.graph.gate(source, transition)

    def insert(
        self,
        stage: Stage,
        *,
        after: str | None = None,
        before: str | None = None,
    ) -> Self:
        """The process with one more stage, `after` or `before` one that it has.

        Neighbours that were linked by a step are linked through the new stage, back as well as forth. Moves that
        leave the way of the sale or return to it (`lose`, `hold`, `reopen`) take the stage in as they have its
        nearest neighbour of the same kind.

        >>> from salesprocess.catalog import SEVEN_STAGE
        >>> process = SEVEN_STAGE.insert(Stage(key="legal_review"), before="closing")
        >>> [(move.source, move.dest) for move in process.moves() if "legal_review" in (move.source, move.dest)][:2]
        [('overcoming_objections', 'legal_review'), ('legal_review', 'closing')]

        Raises:
            DefinitionError: for a stage that there is already, or a neighbour that there is not.
        """
        return derivation.insert(self, stage, after=after, before=before)

    def without(self, stage: str, *, into: str | None = None) -> Self:
        """The process without a stage; its neighbours are linked, and its other moves lead to and from `into`.

        `into` is the stage before it of the same kind, or else the one after, where it is not given. The criteria
        and activities of the stage go with it.

        Raises:
            DefinitionError: for a stage that there is not, or if what is left is no process.
        """
        return derivation.without(self, stage, into=into)

    def rename(self, stage: str, name: str = "", *, key: str | None = None) -> Self:
        """The process with another name for a stage. Its key stays, so deals, reports and stored changes stay right.

        Raises:
            DefinitionError: for a stage that there is not, for an empty name, and for any attempt to change a key.
        """
        return derivation.rename(self, stage, name, key=key)

    def reorder(self, *stages: str) -> Self:
        """The process with these stages in this order, in the places that they hold between them.

        Steps lead through the new order; a step's own criteria stay with the stage that it leaves.

        Raises:
            DefinitionError: for a stage that there is not, or that is named twice.
        """
        return derivation.reorder(self, *stages)

    def require(self, stage: str, *criteria: Criterion | Rule) -> Self:
        """The process with more exit criteria on a stage; one takes the place of the criterion of the same key.

        Raises:
            DefinitionError: for a stage that there is not, or two of the criteria with one key.
        """
        return derivation.require(self, stage, *criteria)

    def relax(self, stage: str, *keys: str) -> Self:
        """The process without some criteria of a stage, named by the keys that decisions show.

        Exit and entry criteria, activities (`stage.activity`) and activities' own criteria can be named.

        Raises:
            DefinitionError: for a stage or a criterion that there is not, with the nearest key.
        """
        return derivation.relax(self, stage, *keys)

    def with_transition(self, transition: Transition) -> Self:
        """The process with a transition; it takes the place of moves of the same trigger, source and target.

        Raises:
            DefinitionError: for a transition that does not fit the stages.
        """
        return derivation.with_transition(self, transition)

    def without_transition(self, trigger: str, source: str | None = None, dest: str | None = None) -> Self:
        """The process without the moves of a trigger; of those alone that leave `source` and enter `dest`, if given.

        Raises:
            DefinitionError: if there is no such move, with the nearest trigger or stage.
        """
        return derivation.without_transition(self, trigger, source, dest)

    def with_version(self, version: int | str, *, key: str | None = None, name: str | None = None) -> Self:
        """The process under another version; with `key` and `name`, as a process of its own.

        What it starts of itself follows a new key.
        """
        return derivation.with_version(self, version, key=key, name=name)

    def merge(self, other: SalesProcess) -> Self:
        """The process with all that another one adds: its stages, criteria, activities and moves.

        Key, version and names stay those of the first. A stage that only `other` has is inserted behind the one that
        it follows there.

        Raises:
            DefinitionError: with everything that the two say differently, all at once.
        """
        return merging.merge(self, other)

    def __iter__(self) -> Generator[tuple[str, Any], None, None]:
        # pydantic would yield the cached graph as well, which is no field.
        return ((name, getattr(self, name)) for name in type(self).model_fields)

    def __copy__(self) -> Self:
        # A copy may get other stages, so that it makes its own graph.
        copied = super().__copy__()
        copied.__dict__.pop("graph", None)
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        state = super().__getstate__()
        fields = {name: value for name, value in state["__dict__"].items() if name != "graph"}
        return state | {"__dict__": fields}

    def __str__(self) -> str:
        return f"{self.name or self.key} (version {self.version}): {' > '.join(stage.key for stage in self.stages)}"

    def _repr_html_(self) -> str:
        from salesprocess.process.notebook import process_html  # noqa: PLC0415 - only notebooks need it

        return process_html(self)
