"""What is wrong with the ways through a process: stages nobody reaches, leaves, wins from or gets back from."""

from __future__ import annotations

from collections.abc import Iterator

from salesprocess.assurance.process_map import Map
from salesprocess.errors import Problem


def problems_of_ways(layout: Map) -> Iterator[Problem]:
    """Every stage that a deal cannot reach, or cannot leave as it should."""
    yield from _unreachable(layout)
    yield from _no_way_to_win(layout)
    yield from _stranded(layout)
    yield from _no_way_back(layout)
    yield from _leaves_closed(layout)
    yield from _falling_probability(layout)
    yield from _same_name(layout)


def _path(layout: Map, key: str) -> str:
    return f"stages[{layout.place[key]}]"


def _unreachable(layout: Map) -> Iterator[Problem]:
    for key, stage in layout.stages.items():
        if key not in layout.reached:
            what = {"open": "a deal", "on_hold": "a deal"}.get(stage.kind, f"a {stage.kind} deal")
            entered = any(way.dest == key and way.source != key for way in layout.ways)
            why = "no move that can be made leads there" if entered else "no move leads there"
            message = f"{what} never reaches {key!r}: {why} from {layout.process.initial.key!r}; add a transition"
            yield Problem("unreachable_stage", _path(layout, key), f"{message}, or take the stage out")


def _no_way_to_win(layout: Map) -> Iterator[Problem]:
    won = [key for key, stage in layout.stages.items() if stage.kind == "won"]
    if not won:
        yield Problem("no_way_to_win", "stages", "no stage is won: give one kind='won', and a move into it")
        return
    winners = layout.leading_to(won, lambda key: layout.stages[key].kind not in {"lost", "disqualified"})
    for key, stage in layout.stages.items():
        if stage.kind in {"open", "on_hold"} and key not in winners:
            message = f"a deal in {key!r} can never be won: no way of moves that can be made leads from it to "
            yield Problem("no_way_to_win", _path(layout, key), f"{message}{', '.join(map(repr, won))}")


def _stranded(layout: Map) -> Iterator[Problem]:
    """Stages in which a deal stays open for ever, each once: dead ends, circles, and what leads only to those."""
    closed = [key for key in layout.stages if layout.is_closed(key)]
    closing = layout.leading_to(closed, lambda _key: True)
    lost = [key for key in layout.stages if key not in closing]
    ahead = {key: layout.from_stage(key) for key in lost}
    circles: set[frozenset[str]] = set()
    for key in lost:
        path, others = _path(layout, key), ahead[key] - {key}
        if not others:
            dead = any(way.source == key and way.dest != key for way in layout.ways)
            why = "none of the moves out of it can ever be made" if dead else "no move leads out of it"
            yield Problem("no_way_out", path, f"a deal in {key!r} is stuck: {why}; add one, or close the deal here")
        elif all(key in ahead[other] for other in others):
            if frozenset(ahead[key]) not in circles:
                circles.add(frozenset(ahead[key]))
                names = ", ".join(each for each in layout.stages if each in ahead[key])
                message = f"a deal goes round {names} for ever: add a move from one of them that closes it"
                yield Problem("cycle_without_exit", path, message)
        else:
            end = ", ".join(repr(each) for each in layout.stages if each in others)
            message = f"a deal in {key!r} can never be closed: it leads to {end} alone; add a move that closes it"
            yield Problem("no_way_to_close", path, message)


def _no_way_back(layout: Map) -> Iterator[Problem]:
    def on_the_way(key: str) -> bool:
        return not layout.is_closed(key)

    earlier: set[str] = set()
    for key, stage in layout.stages.items():
        if stage.kind != "open":
            continue
        if earlier and key in layout.reached and earlier.isdisjoint(layout.from_stage(key, on_the_way)):
            message = f"a deal that was moved to {key!r} by mistake cannot go back: add a move to an earlier open stage"
            yield Problem("no_way_back", _path(layout, key), message)
        earlier.add(key)


def _leaves_closed(layout: Map) -> Iterator[Problem]:
    """A closed stage is the end, but for a reopening that says so and the stages after a win."""
    for way in layout.ways:
        left, entered = layout.stages[way.source].kind, layout.stages[way.dest].kind
        if not layout.is_closed(way.source) or way.source == way.dest or left == entered == "won":
            continue
        deliberate = way.transition.direction in {"reopen", "back"} or way.transition.needs_reason
        if not (deliberate and entered == "open"):
            message = (
                f"{way.transition.trigger!r} takes a {left} deal from {way.source!r} to {way.dest!r}: "
                "a closed deal is only reopened, into an open stage, with direction='reopen' or needs_reason=True"
            )
            yield Problem("leaves_closed", way.path, message)


def _falling_probability(layout: Map) -> Iterator[Problem]:
    highest, where = 0.0, ""
    for key, stage in layout.stages.items():
        if stage.kind not in {"open", "won"} or stage.probability is None:
            continue
        if stage.probability < highest:
            message = (
                f"{key!r} comes after {where!r} and has a lower probability, {stage.probability:g} after {highest:g}"
            )
            yield Problem("falling_probability", f"{_path(layout, key)}.probability", f"{message}: correct one of them")
        else:
            highest, where = stage.probability, key


def _same_name(layout: Map) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for key, stage in layout.stages.items():
        other = first.setdefault(stage.name.casefold().strip(), key)
        if other != key:
            message = f"people cannot tell {key!r} from {other!r}: both are named {stage.name!r}; rename() one"
            yield Problem("same_name", f"{_path(layout, key)}.name", message)
