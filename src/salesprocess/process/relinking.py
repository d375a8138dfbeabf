"""The moves of a process taken apart and threaded anew, so that they follow when its stages change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from salesprocess.process.linear import side_moves
from salesprocess.process.stages import ALL_OPEN, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.process.process import SalesProcess

MoveKey: TypeAlias = tuple[str, str, str]

ON_THE_WAY = frozenset({"open", "won"})


class Moves(NamedTuple):
    """The moves of a process by what they are for.

    `steps` lead to the next stage and `steps_back` to the one before, by the stage they leave; `skips` has one move
    of each trigger that jumps from every open stage over every other; `others` is the rest.
    """

    steps: dict[str, Transition]
    steps_back: dict[str, Transition]
    skips: list[Transition]
    others: list[Transition]


def changed(transition: Transition, **changes: Any) -> Transition:
    """The transition with some of its fields changed."""
    return Transition(**{**dict(transition), **changes})


def move_key(source: str, transition: Transition) -> MoveKey:
    """What makes two moves the same one."""
    return transition.trigger, source, transition.dest


def way_of(stages: Iterable[Stage]) -> list[Stage]:
    """The stages that a sale is worked through, in order."""
    return [stage for stage in stages if stage.kind in ON_THE_WAY]


def taken_apart(process: SalesProcess) -> Moves:
    """The moves of a process, each in one place. A move from `"*"` is none of a stage's own, so it is no step."""
    found: dict[MoveKey, Transition] = {}
    for transition in process.transitions:
        for source in transition.source:
            if source != ALL_OPEN:
                found.setdefault(move_key(source, transition), transition)
    steps: dict[str, Transition] = {}
    steps_back: dict[str, Transition] = {}
    for left, entered in pairwise(stage.key for stage in way_of(process.stages)):
        for (_, source, dest), transition in found.items():
            if (source, dest) == (left, entered) and process.graph.direction(source, transition) == "forward":
                steps.setdefault(source, changed(transition, source=source))
            elif (source, dest) == (entered, left) and process.graph.direction(source, transition) == "back":
                steps_back.setdefault(source, changed(transition, source=source))
    skips = list(_skips(process, found))
    taken = {move_key(source, move) for part in (steps, steps_back) for source, move in part.items()}
    taken |= {key for skip in skips for key in _skip_keys(skip, process.stages)}
    return Moves(steps, steps_back, skips, list(_less(process.transitions, taken)))


def _skips(process: SalesProcess, found: Mapping[MoveKey, Transition]) -> Iterator[Transition]:
    for trigger in dict.fromkeys(transition.trigger for transition in process.transitions):
        first = next((move for (name, _, _), move in found.items() if name == trigger), None)
        keys = [] if first is None else list(_skip_keys(first, process.stages))
        if first is not None and keys and all(key in found and not found[key].criteria for key in keys):
            yield first


def _skip_keys(skip: Transition, stages: Iterable[Stage]) -> Iterator[MoveKey]:
    keys = [stage.key for stage in stages if stage.kind == "open"]
    for index, left in enumerate(keys):
        for entered in keys[index + 2 :]:
            yield skip.trigger, left, entered


def _less(transitions: Iterable[Transition], taken: set[MoveKey]) -> Iterator[Transition]:
    """The transitions without the moves that were taken."""
    for transition in transitions:
        sources = tuple(source for source in transition.source if move_key(source, transition) not in taken)
        if sources:
            yield transition if sources == transition.source else changed(transition, source=sources)


def threaded(process: SalesProcess, moves: Moves, stages: Sequence[Stage]) -> list[Transition]:
    """The steps, skips and steps back of a process, through other stages than its own or in another order.

    Two neighbours are linked where the former neighbours of either were; new ones where the process has steps at all.
    """
    thread = _Thread(process, moves)
    pairs = list(pairwise(way_of(stages)))
    steps = [thread.step(left, entered) for left, entered in pairs if thread.has_step(left, entered)]
    back = [thread.step_back(left, entered) for left, entered in pairs if thread.has_step_back(left, entered)]
    skips = [
        changed(skip, source=left, dest=entered)
        for skip in moves.skips
        for _, left, entered in _skip_keys(skip, stages)
    ]
    return [*steps, *skips, *back]


class _Thread:
    """How the stages of a process were linked, and so how others are to be."""

    def __init__(self, process: SalesProcess, moves: Moves) -> None:
        self.moves = moves
        pairs = list(pairwise(way_of(process.stages)))
        self.following = {left.key: entered for left, entered in pairs}
        self.preceding = {entered.key: left for left, entered in pairs}
        crossings = [left.key for left, entered in pairs if left.kind != entered.kind and left.key in moves.steps]
        self.crossing = moves.steps[crossings[0]] if crossings else None
        inside = [step.trigger for key, step in moves.steps.items() if key not in crossings]
        self.trigger = inside[0] if inside else "advance"
        self.crosses_back = any(left.kind != late.kind and late.key in moves.steps_back for left, late in pairs)

    def has_step(self, left: Stage, entered: Stage) -> bool:
        if left.kind == "won" and entered.kind == "open":
            return False
        votes = [left.key in self.moves.steps] if left.key in self.following else []
        if entered.key in self.preceding:
            votes.append(self.preceding[entered.key].key in self.moves.steps)
        return all(votes) if votes else bool(self.moves.steps)

    def step(self, left: Stage, entered: Stage) -> Transition:
        """A step's own criteria stay with the stage that it leaves, those of the win with the win."""
        own = self.moves.steps.get(left.key)
        if own is self.crossing:
            own = None
        if left.kind == entered.kind:
            return (
                changed(own, dest=entered.key)
                if own is not None
                else Transition(trigger=self.trigger, source=left.key, dest=entered.key)
            )
        win = self.crossing or Transition(trigger="win", source=left.key, dest=entered.key)
        criteria = (*win.criteria, *(own.criteria if own is not None else ()))
        return changed(win, source=left.key, dest=entered.key, criteria=tuple(dict.fromkeys(criteria)))

    def has_step_back(self, left: Stage, entered: Stage) -> bool:
        back = self.moves.steps_back
        former = [(self.preceding[entered.key], entered)] if entered.key in self.preceding else []
        if left.key in self.following:
            former.append((left, self.following[left.key]))
        votes = [late.key in back for early, late in former if late.key in back or early.kind == late.kind]
        return (all(votes) if votes else bool(back)) and (left.kind == entered.kind or self.crosses_back)

    def step_back(self, left: Stage, entered: Stage) -> Transition:
        back = self.moves.steps_back
        return changed(back.get(entered.key) or next(iter(back.values())), source=entered.key, dest=left.key)


def nearest_kin(stage: Stage, stages: Sequence[Stage]) -> Stage | None:
    """The stage of the same kind just before this one, or else just after it."""
    index = next(place for place, each in enumerate(stages) if each.key == stage.key)
    for each in (*reversed(stages[:index]), *stages[index + 1 :]):
        if each.kind == stage.kind:
            return each
    return None


def joined_by(
    process: SalesProcess, others: Iterable[Transition], stage: Stage, stages: Sequence[Stage]
) -> Iterator[Transition]:
    """The other moves, with a new stage among their sources and targets where its nearest kin is."""
    kin = nearest_kin(stage, stages)
    if kin is None:
        yield from _joined_without_kin(process, others, stage, stages)
        return
    aside = stage.kind not in ON_THE_WAY
    for transition in others:
        move = transition
        leaves_way = process.stage(move.dest).kind not in ON_THE_WAY
        if kin.key in move.source and (aside or leaves_way) and move.dest != kin.key:
            place = move.source.index(kin.key) + 1
            move = changed(move, source=(*move.source[:place], stage.key, *move.source[place:]))
        yield move
        sources = process.sources(transition)
        returns = all(process.graph.direction(source, transition) in {"reopen", "hold"} for source in sources)
        if move.dest == kin.key and kin.key not in sources and (aside or returns):
            yield changed(move, dest=stage.key)


def _joined_without_kin(
    process: SalesProcess, others: Iterable[Transition], stage: Stage, stages: Sequence[Stage]
) -> Iterator[Transition]:
    """A first lost, disqualified or on-hold stage gets the usual moves, and is left as its like are."""
    for transition in others:
        kinds = {process.stage(source).kind for source in process.sources(transition)}
        dest = process.stage(transition.dest).kind
        reopens = dest == "open" and kinds <= {"lost", "disqualified"} and stage.kind in {"lost", "disqualified"}
        gives_up = dest == "lost" and "open" in kinds and stage.kind == "on_hold"
        extended = (*transition.source, stage.key)
        yield changed(transition, source=extended) if reopens or gives_up else transition
    open_keys = tuple(each.key for each in stages if each.kind == "open")
    yield from side_moves([stage], open_keys, "forbid")
