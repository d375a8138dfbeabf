"""How the moves of a process follow when its stages change."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from salesprocess._base import changed
from salesprocess.process.graph import Move
from salesprocess.process.linear import keys_of, neighbours_of, side_moves, skipped_pairs
from salesprocess.process.stages import ALL_OPEN, LOST_KINDS, MAIN_KINDS, Direction, Stage, Transition

if TYPE_CHECKING:
    from salesprocess.process.process import SalesProcess


class Links(NamedTuple):
    """The moves of a process, by how they link its main stages.

    `steps` lead to the next main stage and `steps_back` to the one before, by the stage that they leave. `skips` has
    one transition of each trigger that leads from every open stage to every open one after the next, and asks for
    nothing of its own. `others` has the rest.
    """

    steps: dict[str, Move]
    steps_back: dict[str, Move]
    skips: list[Transition]
    others: list[Transition]


def links_of(process: SalesProcess) -> Links:
    """Return how a process links its main stages."""
    # A move from "*" is no stage's own, so it is no step.
    own = [move for move in process.moves() if ALL_OPEN not in move.transition.source]
    first: dict[tuple[str, str, Direction], Move] = {}
    for move in own:
        first.setdefault((move.source, move.dest, move.direction), move)
    pairs = [(left.key, entered.key) for left, entered in neighbours_of(process.stages)]
    steps = {left: first[left, entered, "forward"] for left, entered in pairs if (left, entered, "forward") in first}
    steps_back = {left: first[left, entered, "back"] for entered, left in pairs if (left, entered, "back") in first}
    skips = list(_skips(process, own))
    taken = {move.key for move in (*steps.values(), *steps_back.values())}
    taken |= {(skip.trigger, *pair) for skip in skips for pair in skipped_pairs(process.stages)}
    return Links(steps, steps_back, skips, list(transitions_without(process, lambda move: move.key in taken)))


def _skips(process: SalesProcess, own: Sequence[Move]) -> Iterator[Transition]:
    moves = {move.key: move for move in own}
    pairs = list(skipped_pairs(process.stages))
    for trigger in dict.fromkeys(transition.trigger for transition in process.transitions):
        skips = [moves.get((trigger, *pair)) for pair in pairs]
        if skips and all(move is not None and not move.transition.criteria for move in skips):
            yield next(move.transition for move in own if move.trigger == trigger)


def transitions_without(process: SalesProcess, is_gone: Callable[[Move], bool]) -> Iterator[Transition]:
    """Yield the transitions of a process without some of their moves; `"*"` is spelt out only if it must be."""
    for transition in process.transitions:
        moves = moves_of(process, transition)
        left = tuple(move.source for move in moves if not is_gone(move))
        if len(left) == len(moves):
            yield transition
        elif left:
            yield changed(transition, source=left)


def moves_of(process: SalesProcess, transition: Transition) -> list[Move]:
    """Return the moves that a transition is in a process, which need not have it."""
    return [Move(process.graph, source, transition) for source in process.sources(transition)]


def relinked(process: SalesProcess, links: Links, stages: Sequence[Stage]) -> list[Transition]:
    """Return the steps, skips and steps back of a process through other stages than its own, or in another order.

    Two neighbours are linked if the former neighbours of both were; two new ones if any neighbours are.
    """
    linking = _Linking(process, links)
    neighbours = list(neighbours_of(stages))
    return [
        *(linking.step(*pair) for pair in neighbours if linking.has_step(*pair)),
        *(changed(skip, source=left, dest=entered) for skip in links.skips for left, entered in skipped_pairs(stages)),
        *(linking.step_back(*pair) for pair in neighbours if linking.has_step_back(*pair)),
    ]


class _Linking:
    """How main stages are to be linked, given how those of a process are."""

    def __init__(self, process: SalesProcess, links: Links) -> None:
        self._steps, self._back = links.steps, links.steps_back
        pairs = list(neighbours_of(process.stages))
        self._from = {left.key: (left, entered) for left, entered in pairs}
        self._to = {entered.key: (left, entered) for left, entered in pairs}
        # The win is no stage's own step: it is the one into the first won stage, whichever stage it leaves.
        wins = [
            self._steps[left.key] for left, entered in pairs if left.kind != entered.kind and left.key in self._steps
        ]
        self._win = wins[0] if wins else None
        self._trigger = next((step.trigger for step in self._steps.values() if step not in wins), "advance")
        self._wins_back = any(left.kind != entered.kind and entered.key in self._back for left, entered in pairs)

    def _former(self, left: Stage, entered: Stage) -> list[tuple[Stage, Stage]]:
        """Return the pairs of neighbours that `left` began and `entered` ended."""
        return [pair for pair in (self._from.get(left.key), self._to.get(entered.key)) if pair is not None]

    def has_step(self, left: Stage, entered: Stage) -> bool:
        """Return whether a step is to lead from one stage to the next."""
        if left.kind == "won" and entered.kind == "open":
            return False
        linked = [former.key in self._steps for former, _ in self._former(left, entered)]
        return all(linked) if linked else bool(self._steps)

    def step(self, left: Stage, entered: Stage) -> Transition:
        """Return the step from one stage to the next: its own criteria are those of the stage that it leaves."""
        own = self._steps.get(left.key)
        own = None if own is self._win else own
        if left.kind == entered.kind:
            if own is None:
                return Transition(trigger=self._trigger, source=left.key, dest=entered.key)
            return changed(own.transition, source=left.key, dest=entered.key)
        win = self._win.transition if self._win else Transition(trigger="win", source=left.key, dest=entered.key)
        criteria = dict.fromkeys((*win.criteria, *(own.transition.criteria if own else ())))
        return changed(win, source=left.key, dest=entered.key, criteria=tuple(criteria))

    def has_step_back(self, left: Stage, entered: Stage) -> bool:
        """Return whether a step is to lead from `entered` back to `left`."""
        if left.kind != entered.kind and not self._wins_back:
            return False
        former = self._former(left, entered)
        linked = [late.key in self._back for early, late in former if late.key in self._back or early.kind == late.kind]
        return all(linked) if linked else bool(self._back)

    def step_back(self, left: Stage, entered: Stage) -> Transition:
        """Return the step from `entered` back to `left`."""
        back = self._back.get(entered.key) or next(iter(self._back.values()))
        return changed(back.transition, source=entered.key, dest=left.key)


def nearest_like(stage: Stage, stages: Sequence[Stage]) -> Stage | None:
    """Return the stage of the same kind just before this one, or else just after it."""
    place = next(place for place, each in enumerate(stages) if each.key == stage.key)
    others = (*reversed(stages[:place]), *stages[place + 1 :])
    return next((each for each in others if each.kind == stage.kind), None)


def others_with(process: SalesProcess, links: Links, stage: Stage, stages: Sequence[Stage]) -> Iterator[Transition]:
    """Yield the other transitions, with a new stage as a source and a target where the nearest one of its kind is."""
    like = nearest_like(stage, stages)
    if like is None:
        yield from _others_with_usual(process, links, stage, stages)
        return
    is_side = stage.kind not in MAIN_KINDS
    for transition in links.others:
        moves = moves_of(process, transition)
        sources = transition.source
        leads_aside = process.stage(transition.dest).kind not in MAIN_KINDS
        if like.key in sources and like.key != transition.dest and (is_side or leads_aside):
            place = sources.index(like.key) + 1
            yield changed(transition, source=(*sources[:place], stage.key, *sources[place:]))
        else:
            yield transition
        returns = all(move.direction in {"reopen", "hold"} for move in moves)
        if like.key == transition.dest and all(like.key != move.source for move in moves) and (is_side or returns):
            yield changed(transition, dest=stage.key)


def _others_with_usual(
    process: SalesProcess, links: Links, stage: Stage, stages: Sequence[Stage]
) -> Iterator[Transition]:
    """Yield the other transitions, and the usual ones of a new stage that is the first of its kind."""
    for transition in links.others:
        left = {process.stage(move.source).kind for move in moves_of(process, transition)}
        entered = process.stage(transition.dest).kind
        reopens = stage.kind in LOST_KINDS and entered == "open" and left <= LOST_KINDS
        loses = stage.kind == "on_hold" and entered == "lost" and "open" in left
        yield changed(transition, source=(*transition.source, stage.key)) if reopens or loses else transition
    yield from side_moves([stage], keys_of(stages, "open"), "forbid")


def others_without(
    process: SalesProcess, links: Links, stage: str, into: str | None, linked: Sequence[Transition]
) -> Iterator[Transition]:
    """Yield the other transitions with `into` in place of a stage, as far as their moves keep their direction.

    `linked` are the links between the stages that are left. A move that is among them, or another one's, is left out.
    """
    kept = [transition for transition in links.others if transition.dest != stage]
    taken = {(move.trigger, source, move.dest) for move in (*linked, *kept) for source in move.source}
    for transition in links.others:
        enters = transition.dest == stage
        # What a move jumped over, it does not jump over once it leads there.
        gone = {stage, into} if enters else {stage}
        waives = tuple(waived for waived in transition.waives if waived not in gone)
        if enters and into is None:
            continue
        target = changed(transition, dest=into if enters else transition.dest, waives=waives)
        sources = []
        for source in transition.source:
            if source == ALL_OPEN or stage not in {source, transition.dest}:
                sources.append(source)
            elif into is not None:
                former = Move(process.graph, source, transition)
                move = Move(process.graph, into if source == stage else source, target)
                if _can_replace(former, move) and move.key not in taken:
                    taken.add(move.key)
                    sources.append(move.source)
        if sources:
            yield changed(target, source=tuple(sources))


def _can_replace(former: Move, move: Move) -> bool:
    """Return whether a move has the direction of the former one, and does not stay where that one led on."""
    stays = move.source == move.dest and former.source != former.dest
    return move.direction == former.direction and not stays
