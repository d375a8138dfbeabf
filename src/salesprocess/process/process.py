"""A sales process: stages, and the moves between them, as frozen data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, JsonValue, ValidationError, ValidatorFunctionWrapHandler, model_validator

from salesprocess._base import Definition, FrozenDict, problems_of
from salesprocess._text import unknown
from salesprocess.criteria import Criterion, Rule
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process import derivation, merging
from salesprocess.process.graph import Graph, Move, sources_of
from salesprocess.process.linear import Policy, usual_stages, usual_transitions
from salesprocess.process.stages import Extra, Stage, Transition
from salesprocess.process.validation import mistakes, pruned

# One pass finds what has the wrong shape, the next ones look at the rest of the data without it.
_PASSES = 3
# What tells people what to do, and changes nothing about what a deal may do.
_CRITERION_GUIDANCE = {"__all__": {"label": True, "evidence": True, "confidential": True}}
_ACTIVITY_GUIDANCE = {"__all__": {"name": True, "criteria": _CRITERION_GUIDANCE}}
_STAGE_GUIDANCE: dict[str, Any] = {
    **dict.fromkeys(("name", "objective", "tactics", "outcome", "owner", "extra"), True),
    "activities": _ACTIVITY_GUIDANCE,
    "entry_criteria": _CRITERION_GUIDANCE,
    "exit_criteria": _CRITERION_GUIDANCE,
}
_GUIDANCE: dict[str, Any] = {
    **dict.fromkeys(("name", "version", "extra"), True),
    "stages": {"__all__": _STAGE_GUIDANCE},
    "transitions": {"__all__": {"criteria": _CRITERION_GUIDANCE, "extra": True}},
}


class SalesProcess(Definition, frozen=True):
    """How a company sells. Frozen, checked when it is made, and the same after a round trip through JSON.

    The order of `stages` is the order of the sale; deals start in the first open one. With `cumulative`, a forward
    move asks again for the exit criteria of all earlier stages. `extra` is as a stage's.

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

    # In a slot, where copies, pickles and comparisons do not look.
    __slots__ = ("_graph",)

    if TYPE_CHECKING:
        _graph: Graph

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
            else:
                found += mistakes(process)
                if found:
                    break
                return process
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
        """Return the usual process over stages in order.

        `advance` goes to the next stage, and is called `win` if that is the first won one; `go_back` to the one
        before; `lose`, `disqualify` and `hold` leave any open stage for the stage of that kind (a stage `lost` is
        added if there is none); `resume` and `reopen` return to any open stage, named with `to=`; `skip` jumps over
        open stages. A trigger in `transitions` takes the place of the usual one of that name.

        >>> process = SalesProcess.linear(key="short", stages=[Stage(key="talk"), Stage(key="won", kind="won")])
        >>> [move.trigger for move in process.transitions]
        ['win', 'go_back', 'lose', 'reopen']
        """
        all_stages = usual_stages(stages)
        own = {transition.trigger for transition in transitions}
        usual = [move for move in usual_transitions(all_stages, skip, back, reopen) if move.trigger not in own]
        moves = (*usual, *transitions)
        return cls(key=key, version=version, name=name, stages=all_stages, transitions=moves, cumulative=cumulative)

    @property
    def graph(self) -> Graph:
        """All moves of the process, indexed by the stages that they leave and enter."""
        try:
            return self._graph
        except AttributeError:
            graph = Graph(self.stages, self.transitions, cumulative=self.cumulative)
            object.__setattr__(self, "_graph", graph)
            return graph

    @property
    def initial(self) -> Stage:
        """The stage in which deals start: the first open one."""
        return self.graph.stages[self.graph.start.dest]

    @property
    def fingerprint(self) -> str:
        """A hash of what the process means, 16 hex digits, the same on every machine.

        Names, guidance (objectives, tactics, labels, ...) and the version are left out.
        """
        meaning = self.model_dump(mode="json", exclude=_GUIDANCE, exclude_defaults=True)
        text = json.dumps(meaning, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def moves(self) -> tuple[Move, ...]:
        """Return every move in declared order; a transition with several sources is several moves."""
        return self.graph.moves

    def stage(self, key: str) -> Stage:
        """Return the stage with this key.

        Raises:
            KeyError: for an unknown stage, with the nearest key.
        """
        stages = self.graph.stages
        if key not in stages:
            raise KeyError(unknown("stage", key, stages, f"process {self.key!r}"))
        return stages[key]

    def sources(self, transition: Transition) -> tuple[str, ...]:
        """Return the keys of the stages that a transition leaves, with `"*"` spelt out."""
        return sources_of(self.stages, transition)

    def gate(self, source: str, transition: Transition) -> tuple[Criterion, ...]:
        """Return everything that a move asks for, in order, each criterion once.

        A forward move asks for the exit criteria of the stage that it leaves and of those that it jumps over, without
        the waived ones, then for its own, then for the entry criteria of the stage that it enters. Any other move asks
        for its own criteria alone.
        """
        return Move(self.graph, source, transition).gate

    def facts(self, stage: str | None = None) -> tuple[str, ...]:
        """Return the paths of the facts that the moves of the process read, or those out of one stage, each once.

        >>> from salesprocess.criteria import fact
        >>> gate = (fact("budget") >= 1_000) & fact("contact.email").is_known()
        >>> process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=gate), Stage(key="b")])
        >>> process.facts(), process.facts("b")
        (('budget', 'contact.email'), ())

        Raises:
            KeyError: for an unknown stage, with the nearest key.
        """
        graph = self.graph
        moves = (graph.start, *graph.moves) if stage is None else graph.out_of[self.stage(stage).key]
        return tuple(dict.fromkeys(path for move in moves for each in move.gate for path in each.facts()))

    def insert(self, stage: Stage, *, after: str | None = None, before: str | None = None) -> Self:
        """Return the process with one more stage, `after` or `before` another one.

        Neighbours that were linked by a step are linked through the new stage, forth and back. Moves to and from side
        stages (`lose`, `hold`, `reopen`) lead to and from the new stage if they do so for the nearest one of its kind.

        >>> from salesprocess.catalog import SEVEN_STAGE
        >>> process = SEVEN_STAGE.insert(Stage(key="legal_review"), before="closing")
        >>> [(move.source, move.dest) for move in process.moves() if "legal_review" in (move.source, move.dest)][:2]
        [('overcoming_objections', 'legal_review'), ('legal_review', 'closing')]

        Raises:
            DefinitionError: for a stage that the process has already, and for an unknown neighbour.
        """
        return derivation.insert(self, stage, after=after, before=before)

    def without(self, stage: str, *, into: str | None = None) -> Self:
        """Return the process without a stage: its neighbours are linked, and its other moves lead to and from `into`.

        `into` is by default the stage before it of the same kind, or else the one after. The criteria and activities of
        the stage go with it.

        Raises:
            DefinitionError: for an unknown stage, and if what is left is no process.
        """
        return derivation.without(self, stage, into=into)

    def rename(self, stage: str, name: str = "", *, key: str | None = None) -> Self:
        """Return the process with another name for a stage. Its key stays, so deals, reports and changes stay right.

        Raises:
            DefinitionError: for an unknown stage, for an empty name, and for any attempt to change a key.
        """
        return derivation.rename(self, stage, name, key=key)

    def reorder(self, *stages: str) -> Self:
        """Return the process with these stages in this order, in the places that they hold between them.

        Steps lead through the new order; a step's own criteria stay with the stage that it leaves.

        Raises:
            DefinitionError: for an unknown stage, and for one that is named twice.
        """
        return derivation.reorder(self, *stages)

    def require(self, stage: str, *criteria: Criterion | Rule) -> Self:
        """Return the process with more exit criteria on a stage; one takes the place of the criterion of the same key.

        Raises:
            DefinitionError: for an unknown stage, and for two of the criteria with one key.
        """
        return derivation.require(self, stage, *criteria)

    def relax(self, stage: str, *keys: str) -> Self:
        """Return the process without some criteria of a stage, named by the keys that decisions show.

        Exit and entry criteria, activities (`stage.activity`) and the criteria of activities can be named.

        Raises:
            DefinitionError: for an unknown stage or criterion, with the nearest key.
        """
        return derivation.relax(self, stage, *keys)

    def with_transition(self, transition: Transition) -> Self:
        """Return the process with a transition; it takes the place of moves of the same trigger, source and target.

        Raises:
            DefinitionError: for a transition that does not fit the stages.
        """
        return derivation.with_transition(self, transition)

    def without_transition(self, trigger: str, source: str | None = None, dest: str | None = None) -> Self:
        """Return the process without the moves of a trigger; only those from `source` and to `dest`, if given.

        Raises:
            DefinitionError: if the process has no such move, with the nearest trigger or stage.
        """
        return derivation.without_transition(self, trigger, source, dest)

    def with_version(self, version: int | str, *, key: str | None = None, name: str | None = None) -> Self:
        """Return the process under another version; with `key` and `name`, as a process of its own.

        What starts the process itself starts it under its new key.
        """
        return derivation.with_version(self, version, key=key, name=name)

    def merge(self, other: SalesProcess) -> Self:
        """Return the process with all that another one adds: its stages, criteria, activities and moves.

        Key, version and names stay those of the first. A stage that only `other` has is inserted behind the one that it
        follows there.

        Raises:
            DefinitionError: with everything that the two say differently, all at once.
        """
        return merging.merge(self, other)

    def __str__(self) -> str:
        return f"{self.name or self.key} (version {self.version}): {' > '.join(stage.key for stage in self.stages)}"

    def _repr_html_(self) -> str:
        from salesprocess.process.notebook import process_html  # noqa: PLC0415 - only notebooks need it

        return process_html(self)
