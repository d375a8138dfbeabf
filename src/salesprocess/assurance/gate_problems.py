"""What is wrong with what moves ask for: criteria, activities, and transitions that stand in each other's way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import combinations

from salesprocess import _text
from salesprocess._text import suggestion
from salesprocess.assurance.certainty import impossible
from salesprocess.assurance.criterion_places import Place, placed_criteria
from salesprocess.assurance.process_map import Map, Way
from salesprocess.assurance.solver.witness import Witness
from salesprocess.criteria.rules import Not, comparisons
from salesprocess.errors import Problem
from salesprocess.process import SalesProcess
from salesprocess.process.graph import Move


def problems_of_criteria(layout: Map) -> Iterator[Problem]:
    """Every criterion, activity, waiver and start that cannot do what it is there for."""
    places = list(placed_criteria(layout.process))
    yield from _never_or_always(layout, places)
    yield from _contradictions(layout)
    yield from _activities(layout.process, places)
    yield from _never_asked(layout)
    yield from _waives(layout)
    yield from _choices(layout)


def _never_or_always(layout: Map, places: Iterable[Place]) -> Iterator[Problem]:
    for path, criterion in places:
        if layout.impossible(criterion.rule):
            message = f"no deal can ever meet {criterion.key!r} ({criterion.rule}): correct it, or take it out"
            yield Problem("never_met", path, message)
        elif impossible(Not(criterion.condition)):
            message = f"nothing fails {criterion.key!r} ({criterion}): to ask for a value at all, write .is_known()"
            yield Problem("always_met", path, message)


def _contradictions(layout: Map) -> Iterator[Problem]:
    told = set()
    for asked, conflict in layout.conflicts.items():
        if conflict in told:
            continue
        told.add(conflict)
        first = next((way for way in layout.ways if way.asked == asked), None)
        criteria = [layout.criteria[number] for number in sorted(conflict)]
        each = " and ".join(f"{criterion.key!r} ({criterion})" for criterion in criteria)
        move = f"starting in {layout.process.initial.key!r}" if first is None else _named(first)
        path = f"stages[{layout.place[layout.process.initial.key]}].entry_criteria" if first is None else first.path
        yield Problem("contradictory_criteria", path, f"{move} asks for {each}, which no deal meets at once")


def _named(way: Way) -> str:
    return f"{way.transition.trigger!r} from {way.source!r} to {way.dest!r}"


def _activities(process: SalesProcess, places: Iterable[Place]) -> Iterator[Problem]:
    """What asks for the tick of an activity that there is not."""
    ticks = {f"{stage.key}.{activity.key}" for stage in process.stages for activity in stage.activities}
    for path, criterion in places:
        for rule in comparisons(*criterion.rules):
            is_tick = rule.term.path == "done" and rule.operator.question == "membership"
            value = str(rule.value)
            if is_tick and "." in value and value not in ticks:
                message = f"nobody can tick {value!r}: there is no such activity{suggestion(value, ticks)}"
                yield Problem("activity_never_ticked", path, message)


def _never_asked(layout: Map) -> Iterator[Problem]:
    forward = [way for way in layout.ways if way.direction == "forward"]
    entered = {way.dest for way in forward} | {layout.process.initial.key}
    left = {way.source for way in forward}
    for index, stage in enumerate(layout.process.stages):
        if stage.entry_criteria and stage.key not in entered:
            message = f"no forward move enters {stage.key!r}, so its entry criteria are never asked for"
            yield Problem("never_asked", f"stages[{index}].entry_criteria", f"{message}: put them on the transitions")
        if stage.gate() and stage.kind != "won" and stage.key not in left:
            message = f"no forward move leaves {stage.key!r}, so its exit criteria are never asked for"
            yield Problem("never_asked", f"stages[{index}].exit_criteria", f"{message}: put them on the transitions")


def _waives(layout: Map) -> Iterator[Problem]:
    process = layout.process
    for index, transition in enumerate(process.transitions):
        if not transition.waives:
            continue
        bare = transition.model_copy(update={"waives": ()})
        moves = [Move(process.graph, source, bare) for source in process.sources(transition)]
        passed = {stage.key for move in moves for stage in move.passes}
        for place, key in enumerate(transition.waives):
            if key not in passed:
                what = ", ".join(sorted(passed, key=layout.place.__getitem__)) or "none"
                message = f"{transition.trigger!r} to {transition.dest!r} waives {key!r} but passes {what}: take it out"
                yield Problem("waives_not_passed", f"transitions[{index}].waives[{place}]", message)


def unknown_starts(process: SalesProcess, known: Iterable[str]) -> Iterator[Problem]:
    """Every start of a process that is not among the known ones."""
    keys = dict.fromkeys((process.key, *known))
    parts = [(f"stages[{index}]", stage.starts) for index, stage in enumerate(process.stages)]
    parts += [(f"transitions[{index}]", move.starts) for index, move in enumerate(process.transitions)]
    for path, starts in parts:
        for index, key in enumerate(starts):
            if key not in keys:
                message = f"there is no process {key!r} to start{suggestion(key, keys)}"
                yield Problem("unknown_process", f"{path}.starts[{index}]", message)


def _choices(layout: Map) -> Iterator[Problem]:
    """Moves of one trigger out of one stage, of which the trigger alone can never name the one that is meant."""
    groups: dict[tuple[str, str], list[Way]] = defaultdict(list)
    for way in layout.live:
        groups[way.source, way.transition.trigger].append(way)
    told: set[tuple[int, int]] = set()
    for ways in groups.values():
        for first, second in combinations(ways, 2):
            found = (first.place, second.place)
            if found not in told and (problem := _choice(layout, first, second)):
                told.add(found)
                yield problem


def _choice(layout: Map, first: Way, second: Way) -> Problem | None:
    """An unguarded move hides a guarded one; two guarded ones, or a next step and another, can both be open."""
    for open_way, guarded in ((first, second), (second, first)):
        if guarded.own and not open_way.own and open_way.asked <= guarded.asked:
            message = (
                f"whenever {_named(guarded)} is allowed, so is the move to {open_way.dest!r}, which asks for less: "
                "the trigger alone never makes it; give each its own trigger, or the other the opposite criterion"
            )
            return Problem("shadowed_transition", guarded.path, message)
    # Without criteria of its own a trigger with several targets is meant to be named with its target, as reopen is;
    # not so where one of them is the next stage.
    if not (first.own or second.own) and not (_is_step(layout, first) or _is_step(layout, second)):
        return None
    found = layout.meeting(first.asked | second.asked)
    if not isinstance(found, Witness) or found.predicates:
        return None
    shown = ", ".join(f"{name} {_text.shown(value)}" for name, value in found.facts.items())
    message = (
        f"{_named(first)} and to {second.dest!r} can both be allowed{f', as with {shown}' if shown else ''}: "
        "make their criteria exclude each other, or give each its own trigger"
    )
    return Problem("ambiguous_transition", second.path, message)


def _is_step(layout: Map, way: Way) -> bool:
    if way.direction != "forward":
        return False
    between = list(layout.process.stages)[layout.place[way.source] + 1 : layout.place[way.dest]]
    return all(stage.kind not in {"open", "won"} for stage in between)
