"""Derivation: a new process out of one that there is, checked like any other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar

from salesprocess._base import Definition
from salesprocess._text import suggestion
from salesprocess.errors import DefinitionError, Problem
from salesprocess.process.merging import merged
from salesprocess.process.relinking import changed, joined_by, move_key, nearest_kin, taken_apart, threaded
from salesprocess.process.stages import ALL_OPEN, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.criteria import Criterion, Rule
    from salesprocess.process.stages import Direction

ProcessT = TypeVar("ProcessT", bound="Derivable")


class Derivable(Definition, frozen=True):
    """What derives a process from another. Each method returns a new, checked process; none changes the old one."""

    if TYPE_CHECKING:
        key: str
        version: int | str
        name: str
        stages: tuple[Stage, ...]
        transitions: tuple[Transition, ...]
        cumulative: bool

        def sources(self, transition: Transition) -> tuple[str, ...]: ...
        def moves(self) -> Iterator[tuple[str, Transition]]: ...
        def stage(self, key: str) -> Stage: ...
        def direction(self, source: str, transition: Transition) -> Direction: ...

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
        >>> [(source, move.dest) for source, move in process.moves() if "legal_review" in (source, move.dest)][:2]
        [('overcoming_objections', 'legal_review'), ('legal_review', 'closing')]

        Raises:
            DefinitionError: for a stage that there is already, or a neighbour that there is not.
        """
        if (after is None) is (before is None):
            _refuse("no_place", "insert", "say where the stage goes: after= one stage, or before= one")
        if any(each.key == stage.key for each in self.stages):
            _refuse("duplicate_stage", "stage", f"there is a stage {stage.key!r} already")
        place = _place(self, after, "after") + 1 if after is not None else _place(self, str(before), "before")
        stages = (*self.stages[:place], stage, *self.stages[place:])
        moves = taken_apart(self)
        transitions = [*threaded(self, moves, stages), *joined_by(self, moves.others, stage, stages)]
        return _rebuilt(self, stages=stages, transitions=transitions)

    def without(self, stage: str, *, into: str | None = None) -> Self:
        """The process without a stage; its neighbours are linked, and its other moves lead to and from `into`.

        `into` is the stage before it of the same kind, or else the one after, where it is not given. The criteria
        and activities of the stage go with it.

        Raises:
            DefinitionError: for a stage that there is not, or if what is left is no process.
        """
        removed = self.stages[_place(self, stage, "stage")]
        kin = nearest_kin(removed, self.stages)
        target = (None if kin is None else kin.key) if into is None else self.stages[_place(self, into, "into")].key
        if target == stage:
            _refuse("unknown_stage", "into", f"{stage!r} is the stage that is taken out: name another")
        stages = [each for each in self.stages if each.key != stage]
        moves = taken_apart(self)
        linked = threaded(self, moves, stages)
        rest = _moved(self, moves.others, stage, target, linked)
        return _rebuilt(self, stages=stages, transitions=[*linked, *rest])

    def rename(self, stage: str, name: str = "", *, key: str | None = None) -> Self:
        """The process with another name for a stage. Its key stays, so deals, reports and stored changes stay right.

        Raises:
            DefinitionError: for a stage that there is not, for an empty name, and for any attempt to change a key.
        """
        place = _place(self, stage, "stage")
        if key is not None:
            _refuse(
                "fixed_key",
                "key",
                f"the key {stage!r} is fixed for ever, since stored deals and changes hold it: rename it by its name "
                f"alone, or insert() {key!r}, migrate the deals and take {stage!r} out with without()",
            )
        if not name.strip():
            _refuse("no_name", "name", f"stage {stage!r} needs a name that people can read")
        return _with_stage(self, place, name=name)

    def reorder(self, *stages: str) -> Self:
        """The process with these stages in this order, in the places that they hold between them.

        Steps lead through the new order; a step's own criteria stay with the stage that it leaves.

        Raises:
            DefinitionError: for a stage that there is not, or that is named twice.
        """
        places = [_place(self, key, f"stages[{index}]") for index, key in enumerate(stages)]
        if len(set(places)) < len(places):
            _refuse("duplicate_stage", "stages", f"each stage has one place; found {', '.join(stages)}")
        ordered = list(self.stages)
        for place, former in zip(sorted(places), places, strict=True):
            ordered[place] = self.stages[former]
        moves = taken_apart(self)
        return _rebuilt(self, stages=ordered, transitions=[*threaded(self, moves, ordered), *moves.others])

    def require(self, stage: str, *criteria: Criterion | Rule) -> Self:
        """The process with more exit criteria on a stage; one takes the place of the criterion of the same key.

        Raises:
            DefinitionError: for a stage that there is not, or two of the criteria with one key.
        """
        place = _place(self, stage, "stage")
        asked = Stage(key=stage, exit_criteria=criteria).exit_criteria
        former = self.stages[place].exit_criteria
        new = {criterion.key: criterion for criterion in asked}
        if len(new) < len(asked):
            _refuse("duplicate_criterion", "criteria", "several have one key; name each with Criterion(key=...)")
        kept = [new.pop(criterion.key, criterion) for criterion in former]
        return _with_stage(self, place, exit_criteria=(*kept, *new.values()))

    def relax(self, stage: str, *keys: str) -> Self:
        """The process without some criteria of a stage, named by the keys that decisions show.

        Exit and entry criteria, activities (`stage.activity`) and activities' own criteria can be named.

        Raises:
            DefinitionError: for a stage or a criterion that there is not, with the nearest key.
        """
        place = _place(self, stage, "stage")
        former = self.stages[place]
        known = [criterion.key for criterion in (*former.gate(), *former.entry_criteria)]
        unknown = [key for key in keys if key not in known]
        if unknown:
            problems = [
                Problem(
                    "unknown_criterion", "keys", f"stage {stage!r} has no criterion {key!r}{suggestion(key, known)}"
                )
                for key in unknown
            ]
            raise DefinitionError("derivation", problems)
        activities = [
            activity.model_copy(update={"criteria": _less(activity.criteria, keys)})
            for activity in former.activities
            if f"{stage}.{activity.key}" not in keys
        ]
        return _with_stage(
            self,
            place,
            activities=activities,
            exit_criteria=_less(former.exit_criteria, keys),
            entry_criteria=_less(former.entry_criteria, keys),
        )

    def with_transition(self, transition: Transition) -> Self:
        """The process with a transition; it takes the place of moves of the same trigger, source and target.

        Raises:
            DefinitionError: for a transition that does not fit the stages.
        """
        own = {move_key(source, transition) for source in self.sources(transition)}
        kept = _less_moves(self, lambda source, move: move_key(source, move) in own)
        return _rebuilt(self, transitions=[*kept, transition])

    def without_transition(self, trigger: str, source: str | None = None, dest: str | None = None) -> Self:
        """The process without the moves of a trigger; of those alone that leave `source` and enter `dest`, if given.

        Raises:
            DefinitionError: if there is no such move, with the nearest trigger or stage.
        """
        for key, argument in ((source, "source"), (dest, "dest")):
            if key is not None:
                _place(self, key, argument)

        def fits(left: str, move: Transition) -> bool:
            return move.trigger == trigger and source in {None, left} and dest in {None, move.dest}

        if not any(fits(left, move) for left, move in self.moves()):
            triggers = dict.fromkeys(move.trigger for move in self.transitions)
            if trigger not in triggers:
                _refuse("unknown_trigger", "trigger", f"no trigger {trigger!r}{suggestion(trigger, triggers)}")
            _refuse(
                "unknown_move", "trigger", f"{trigger!r} does not lead from {source or 'there'} to {dest or 'there'}"
            )
        return _rebuilt(self, transitions=list(_less_moves(self, fits)))

    def with_version(self, version: int | str, *, key: str | None = None, name: str | None = None) -> Self:
        """The process under another version; with `key` and `name`, as a process of its own.

        What it starts of itself follows a new key.
        """
        new = self.key if key is None else key

        def following(starts: Sequence[str]) -> tuple[str, ...]:
            return tuple(new if started == self.key else started for started in starts)

        return _rebuilt(
            self,
            key=new,
            version=version,
            name=self.name if name is None else name,
            stages=[_stage(stage, starts=following(stage.starts)) for stage in self.stages],
            transitions=[changed(move, starts=following(move.starts)) for move in self.transitions],
        )

    def merge(self, other: Derivable) -> Self:
        """The process with all that another one adds: its stages, criteria, activities and moves.

        Key, version and names stay those of the first. A stage that only `other` has is inserted behind the one that
        it follows there.

        Raises:
            DefinitionError: with everything that the two say differently, all at once.
        """
        return merged(self, other)


def _refuse(code: str, path: str, message: str) -> NoReturn:
    raise DefinitionError("derivation", [Problem(code, path, message)])


def _place(process: Derivable, key: str, argument: str) -> int:
    keys = [stage.key for stage in process.stages]
    if key not in keys:
        _refuse("unknown_stage", argument, f"process {process.key!r} has no stage {key!r}{suggestion(key, keys)}")
    return keys.index(key)


def _rebuilt(process: ProcessT, **changes: Any) -> ProcessT:
    return type(process)(**{**dict(process), **changes})


def _stage(stage: Stage, **changes: Any) -> Stage:
    return type(stage)(**{**dict(stage), **changes})


def _with_stage(process: ProcessT, place: int, **changes: Any) -> ProcessT:
    stage = _stage(process.stages[place], **changes)
    return _rebuilt(process, stages=(*process.stages[:place], stage, *process.stages[place + 1 :]))


def _less(criteria: Sequence[Criterion], keys: Sequence[str]) -> tuple[Criterion, ...]:
    return tuple(criterion for criterion in criteria if criterion.key not in keys)


def _less_moves(process: Derivable, goes: Callable[[str, Transition], bool]) -> Iterator[Transition]:
    """The transitions without some of their moves; `"*"` is spelt out only where it must be."""
    for transition in process.transitions:
        sources = process.sources(transition)
        left = tuple(source for source in sources if not goes(source, transition))
        if left == sources:
            yield transition
        elif left:
            yield changed(transition, source=left)


def _moved(
    process: Derivable, others: Sequence[Transition], stage: str, into: str | None, linked: Sequence[Transition]
) -> Iterator[Transition]:
    """The other moves, with `into` in the place of the stage wherever that makes a move of the same direction."""
    taken = {move_key(source, move) for move in linked for source in move.source}
    taken |= {move_key(source, move) for move in others if move.dest != stage for source in move.source}
    for transition in others:
        # What was jumped over is not, once it is where the move leads.
        gone = {stage, into} if transition.dest == stage else {stage}
        waives = tuple(waived for waived in transition.waives if waived not in gone)
        kept = []
        for source in transition.source:
            if source == ALL_OPEN or stage not in {source, transition.dest}:
                kept.append(source)
                continue
            move = _redirected(process, changed(transition, source=source), stage, into)
            if move is not None and move_key(move.source[0], move) not in taken:
                taken.add(move_key(move.source[0], move))
                kept.append(move.source[0])
        dest = into if transition.dest == stage else transition.dest
        if kept and dest is not None:
            yield changed(transition, source=tuple(kept), dest=dest, waives=waives)


def _redirected(process: Derivable, move: Transition, stage: str, into: str | None) -> Transition | None:
    (source,) = move.source
    if into is None:
        return None
    new = changed(move, source=into if source == stage else source, dest=into if move.dest == stage else move.dest)
    becomes_a_loop = new.source[0] == new.dest and source != move.dest
    same = process.direction(source, move) == process.direction(new.source[0], new)
    return new if same and not becomes_a_loop else None
