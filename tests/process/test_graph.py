"""Moves, what they pass and ask for, and the searches over them."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salesprocess import SalesProcess, Stage, Transition, fact
from salesprocess.process.graph import Move, breadth_first, reachable, shortest, simple_paths

OPEN = [Stage(key="a"), Stage(key="b"), Stage(key="c")]
WON = Stage(key="won", kind="won")
KINDS: Any = ["open", "won", "lost", "disqualified", "on_hold"]
SHARED = fact("budget").is_known()


@st.composite
def processes(draw: st.DrawFn) -> SalesProcess:
    """Processes with stages of every kind in any order, and moves between any two of them."""
    kinds = draw(st.permutations(["open", *draw(st.lists(st.sampled_from(KINDS), max_size=5))]))
    keys = "abcdef"[: len(kinds)]
    stages = [
        Stage(
            key=key,
            kind=kind,
            exit_criteria=[fact(f"exit_{key}").is_known(), SHARED],
            entry_criteria=fact(f"entry_{key}").is_known(),
        )
        for key, kind in zip(keys, kinds, strict=True)
    ]
    some_keys = st.sampled_from([(), *((key,) for key in keys), *permutations(keys, 2)])
    transitions = [
        Transition(
            trigger=f"t{number}",
            source=draw(some_keys.map(lambda chosen: chosen or ("*",))),
            dest=draw(st.sampled_from(keys)),
            criteria=draw(st.sampled_from([(), SHARED, fact("own").is_true()])),
            waives=draw(some_keys),
            direction=draw(st.sampled_from([None, None, "forward", "back"])),
        )
        for number in range(draw(st.integers(0, 8)))
    ]
    return SalesProcess(key="p", stages=stages, transitions=transitions, cumulative=draw(st.booleans()))


# Graphs of numbers, as pairs of a node and one that follows it.
EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=15)


def following(edges: list[tuple[int, int]], node: int) -> list[int]:
    return [entered for left, entered in edges if left == node]


def distances(starts: set[Any], edges: list[tuple[Any, Any]]) -> dict[Any, int]:
    """Return how far every node is from the nearest start, by relaxing every edge as often as there are edges."""
    far = dict.fromkeys(starts, 0)
    for _ in edges:
        for left, entered in edges:
            if left in far:
                far[entered] = min(far.get(entered, far[left] + 1), far[left] + 1)
    return far


def move_in(process: SalesProcess, trigger: str, source: str) -> Move:
    return next(move for move in process.graph.out_of[source] if move.trigger == trigger)


def gate_keys(process: SalesProcess, trigger: str, source: str) -> list[str]:
    return [criterion.key for criterion in move_in(process, trigger, source).gate]


def gated(**options: Any) -> SalesProcess:
    stages = [
        *(
            Stage(key=key, entry_criteria=fact(f"e{key}").is_known(), exit_criteria=fact(f"x{key}").is_known())
            for key in "abc"
        ),
        WON,
        Stage(key="lost", kind="lost", entry_criteria=fact("el").is_known()),
    ]
    return SalesProcess.linear(key="p", stages=stages, skip="allow", **options)


@given(processes())
def test_moves(process: SalesProcess) -> None:
    """A transition is one move for each of its sources, in declared order."""
    assert [(move.index, move.source, move.trigger, move.dest) for move in process.moves()] == [
        (index, source, transition.trigger, transition.dest)
        for index, transition in enumerate(process.transitions)
        for source in process.sources(transition)
    ]


@given(processes())
def test_index(process: SalesProcess) -> None:
    """Every move is found once by the stage that it leaves, and once by the one that it enters."""
    graph = process.graph
    for key in graph.stages:
        assert graph.out_of[key] == tuple(move for move in process.moves() if move.source == key)
        assert graph.into[key] == tuple(move for move in process.moves() if move.dest == key)


def test_move_text() -> None:
    """A move reads as its trigger and its stages, and knows its place in the definition."""
    process = SalesProcess.linear(key="p", stages=[OPEN[0], WON])
    assert repr(process.moves()[0]) == "<Move win from a to won>"
    assert process.moves()[0].key == ("win", "a", "won")
    assert [move.path for move in process.moves()][:2] == ["transitions[0]", "transitions[1]"]


def test_start() -> None:
    """A deal starts by a move from no stage, which asks for the entry criteria of the first stage."""
    start = gated().graph.start
    assert (start.trigger, start.source, start.dest, start.index) == ("start", "", "a", None)
    assert ([criterion.key for criterion in start.gate], start.passes) == (["ea"], ())
    assert (str(start), start.path) == ("start to a", "start")


def test_hypothetical_move() -> None:
    """A move that the process lacks has the direction and the gate that it would have."""
    process = gated()
    move = Move(process.graph, "a", Transition(trigger="leap", source="a", dest="won"))
    assert (move.direction, [stage.key for stage in move.passes]) == ("forward", ["a", "b", "c"])
    assert move.index is None
    assert process.gate("a", move.transition) == move.gate


@pytest.mark.parametrize(
    ("source", "dest", "direction"),
    [
        ("a", "b", "forward"),
        ("a", "c", "forward"),
        ("c", "won", "forward"),
        ("won", "later_won", "forward"),
        ("c", "a", "back"),
        ("later_won", "won", "back"),
        ("b", "b", "hold"),
        ("a", "paused", "hold"),
        ("paused", "b", "hold"),
        ("won", "paused", "hold"),
        ("a", "lost", "close"),
        ("paused", "unfit", "close"),
        ("won", "lost", "close"),
        ("lost", "unfit", "close"),
        ("lost", "a", "reopen"),
        ("unfit", "c", "reopen"),
        ("unfit", "won", "reopen"),
        ("won", "a", "reopen"),
        ("later_won", "c", "reopen"),
    ],
)
def test_direction(source: str, dest: str, direction: str) -> None:
    """A direction that is not declared follows from the kinds and the order of the stages."""
    ends = [
        Stage(key="later_won", kind="won"),
        Stage(key="lost", kind="lost"),
        Stage(key="paused", kind="on_hold"),
        Stage(key="unfit", kind="disqualified"),
    ]
    move = Transition(trigger="go", source=source, dest=dest)
    (found,) = SalesProcess(key="p", stages=[*OPEN, WON, *ends], transitions=[move]).moves()
    assert found.direction == direction


@given(processes())
def test_declared_direction(process: SalesProcess) -> None:
    """A declared direction counts, whatever the stages are."""
    for move in process.moves():
        assert move.transition.direction in {None, move.direction}


@given(processes())
def test_passes(process: SalesProcess) -> None:
    """A forward move passes the main stages from the one it leaves up to the one it enters, if they are not waived."""
    places = {stage.key: place for place, stage in enumerate(process.stages)}
    for move in process.moves():
        left, entered = places[move.source], places[move.dest]
        assert [stage.key for stage in move.passes] == [
            stage.key
            for here, stage in enumerate(process.stages)
            if move.direction == "forward"
            and stage.kind in {"open", "won"}
            and stage.key not in move.transition.waives
            and (here == left or left < here < entered or (process.cumulative and here < max(left, entered)))
        ]


@pytest.mark.parametrize(
    ("source", "dest", "cumulative", "passed"),
    [
        ("a", "c", False, "a b"),
        ("b", "c", False, "b"),
        ("b", "c", True, "a b"),
        ("b", "a", False, "b"),
        ("c", "a", False, "c"),
        ("c", "a", True, "a b c"),
        ("c", "c", False, "c"),
    ],
)
def test_passes_stage_left(source: str, dest: str, cumulative: bool, passed: str) -> None:
    """A move declared as forward passes at least the stage that it leaves."""
    move = Transition(trigger="go", source=source, dest=dest, direction="forward")
    process = SalesProcess(key="p", stages=[*OPEN, WON], transitions=[move], cumulative=cumulative)
    assert " ".join(stage.key for stage in process.moves()[0].passes) == passed


def test_passes_main_stages() -> None:
    """Lost, disqualified and on-hold stages are not passed."""
    side = [Stage(key="paused", kind="on_hold"), Stage(key="unfit", kind="disqualified")]
    jump = Transition(trigger="jump", source="a", dest="won")
    process = SalesProcess.linear(key="p", stages=[OPEN[0], *side, *OPEN[1:], WON], transitions=[jump])
    assert [stage.key for stage in move_in(process, "jump", "a").passes] == ["a", "b", "c"]


@given(processes())
def test_gate(process: SalesProcess) -> None:
    """A forward gate has the exit criteria passed, its own and the entry criteria, each once; any other has its own."""
    for move in process.moves():
        own, entry = move.transition.criteria, process.stage(move.dest).entry_criteria
        exits = [criterion for stage in move.passes for criterion in stage.gate()]
        asked = [*exits, *own, *entry] if move.direction == "forward" else own
        assert move.gate == tuple(dict.fromkeys(asked))
        assert set(move.gate) <= set(process.graph.criteria)


@given(processes())
def test_criteria(process: SalesProcess) -> None:
    """The criteria of a process are those of its stages and transitions, each once."""
    of_stages = [criterion for stage in process.stages for criterion in (*stage.gate(), *stage.entry_criteria)]
    own = [criterion for transition in process.transitions for criterion in transition.criteria]
    assert len(process.graph.criteria) == len(set(process.graph.criteria))
    assert set(process.graph.criteria) == {*of_stages, *own}


def test_forward_gate() -> None:
    """A forward move asks for the exit criteria, then its own, then the entry criteria."""
    step = Transition(trigger="advance", source="a", dest="b", criteria=fact("own").is_known())
    assert gate_keys(gated(transitions=[step]), "advance", "a") == ["xa", "own", "eb"]


def test_skip_gate() -> None:
    """A skip asks for the exit criteria of the stages that it jumps over."""
    assert gate_keys(gated(), "skip", "a") == ["xa", "xb", "ec"]


def test_waived_gate() -> None:
    """A move does not ask for the exit criteria of the stages that it waives."""
    own = Transition(trigger="fast", source="a", dest="c", waives=("a", "b"), criteria=fact("vip").is_true())
    assert gate_keys(gated(transitions=[own]), "fast", "a") == ["vip", "ec"]


@pytest.mark.parametrize(("trigger", "source"), [("go_back", "b"), ("lose", "b"), ("reopen", "lost"), ("review", "b")])
def test_own_gate(trigger: str, source: str) -> None:
    """A move in another direction asks for its own criteria alone, and passes no stage."""
    process = gated(transitions=[Transition(trigger="review", source="b", dest="b")])
    move = move_in(process, trigger, source)
    assert (move.gate, move.passes) == ((), ())


def test_cumulative_gate() -> None:
    """In a cumulative process, a forward move asks again for the exit criteria of all earlier stages."""
    assert gate_keys(gated(cumulative=True), "win", "c") == ["xa", "xb", "xc"]


def test_shared_criterion() -> None:
    """A criterion of several stages is asked for once."""
    stages = [Stage(key="a", exit_criteria=SHARED), Stage(key="b", exit_criteria=SHARED), WON]
    assert gate_keys(SalesProcess.linear(key="p", stages=stages, cumulative=True), "win", "b") == ["budget"]


@given(processes(), st.data())
def test_shortest(process: SalesProcess, data: st.DataObject) -> None:
    """The shortest way is a chain of usable moves through main stages, and no way is shorter."""
    source, dest = (data.draw(st.sampled_from([stage.key for stage in process.stages])) for _ in range(2))
    unusable = data.draw(st.sets(st.sampled_from([None, *process.moves()]), max_size=2))
    usable = set(process.moves()) - unusable
    way = shortest(process.graph, source, dest, usable.__contains__)
    is_main = {stage.key: stage.kind in {"open", "won"} for stage in process.stages}
    edges = [(move.source, move.dest) for move in usable if is_main[move.dest] or move.dest == dest]
    far = distances({source}, edges)
    assert (None if way is None else len(way)) == far.get(dest)
    if way:
        assert usable.issuperset(way)
        assert [move.source for move in way] == [source, *(move.dest for move in way[:-1])]
        assert (way[-1].dest, all(is_main[move.dest] for move in way[:-1])) == (dest, True)


def test_shortest_prefers_declared_first() -> None:
    """Of ways of equal length, the one whose moves are declared first is taken."""
    moves = [("x", "a", "c"), ("y", "a", "b"), ("z", "b", "won"), ("t", "c", "won"), ("s", "c", "won")]
    transitions = [Transition(trigger=trigger, source=source, dest=dest) for trigger, source, dest in moves]
    process = SalesProcess(key="p", stages=[*OPEN, WON], transitions=transitions)
    assert [move.trigger for move in shortest(process.graph, "a", "won") or ()] == ["x", "t"]


def test_shortest_to_side_stage() -> None:
    """A way may end in a side stage, and leads through none."""
    process = gated()
    graph = process.graph
    assert [move.trigger for move in shortest(graph, "won", "lost") or ()] == ["go_back", "lose"]
    assert shortest(graph, "a", "c", lambda move: move.trigger in {"lose", "reopen"}) is None


def test_shortest_to_itself() -> None:
    """The way from a stage to itself has no moves."""
    assert shortest(gated().graph, "a", "a") == []


@given(EDGES, st.sets(st.integers(0, 6)))
def test_reachable(edges: list[tuple[int, int]], starts: set[int]) -> None:
    """What is reachable is the transitive closure of what follows the starts, with the starts."""
    closed = {(node, node) for node in range(7)} | set(edges)
    for middle in range(7):
        closed |= {(a, b) for a in range(7) for b in range(7) if {(a, middle), (middle, b)} <= closed}
    expected = {entered for left, entered in closed if left in starts}
    assert reachable(starts, lambda node: following(edges, node)) == expected


@given(EDGES, st.sets(st.integers(0, 6), min_size=1), st.sets(st.integers(0, 6)))
def test_breadth_first(edges: list[tuple[int, int]], starts: set[int], goals: set[int]) -> None:
    """A search ends at the nearest goal, and has reached every node by the fewest steps, nearest first."""
    search = breadth_first(
        starts, lambda node: [((node, far), far) for far in following(edges, node)], goals.__contains__
    )
    far = distances(starts, edges)
    reached = [far[node] for node in search.came_by]
    assert reached == sorted(reached)
    for node in search.came_by:
        steps = search.steps_to(node)
        assert len(steps) == far[node]
        assert [left for left, _ in steps[1:]] == [entered for _, entered in steps[:-1]]
        assert not steps or (steps[0][0] in starts and steps[-1][1] == node)
    assert (search.goal is None) is goals.isdisjoint(far)
    if search.goal is None:
        assert search.came_by.keys() == far.keys()
    else:
        assert far[search.goal] == min(far[goal] for goal in goals & far.keys())


@given(processes(), st.data())
def test_simple_paths(process: SalesProcess, data: st.DataObject) -> None:
    """The simple paths to a stage are all chains of moves that enter no stage twice, shorter ones first."""
    keys = [stage.key for stage in process.stages]
    source, dest = data.draw(st.sampled_from(keys)), data.draw(st.sampled_from(keys))
    found = list(simple_paths(process.graph, source, dest))
    between = [key for key in keys if key not in {source, dest}]
    chains = [(source, *chosen, dest) for size in range(len(keys)) for chosen in permutations(between, size)]
    expected = {()} if source == dest else {path for chain in chains for path in ways_along(process, chain)}
    assert (set(found), len(found)) == (expected, len(expected))
    assert [len(path) for path in found] == sorted(len(path) for path in found)


def test_simple_paths_in_order() -> None:
    """Shorter paths come first, in the order of their moves."""
    process = SalesProcess.linear(key="p", stages=[*OPEN, WON], skip="allow", back="forbid", reopen="forbid")
    paths = [" ".join(move.trigger for move in path) for path in simple_paths(process.graph, "a", "won")]
    assert paths == ["skip win", "advance advance win"]


@given(processes())
def test_all_simple_paths(process: SalesProcess) -> None:
    """Without a target, the simple paths are those to every other stage."""
    source, *others = (stage.key for stage in process.stages)
    to_each = [path for dest in others for path in simple_paths(process.graph, source, dest)]
    assert sorted(to_each, key=str) == sorted(simple_paths(process.graph, source), key=str)


def ways_along(process: SalesProcess, chain: tuple[str, ...]) -> set[tuple[Move, ...]]:
    """Return the chains of moves through these stages, in this order."""
    ways: set[tuple[Move, ...]] = {()}
    for left, entered in pairwise(chain):
        moves = [move for move in process.moves() if (move.source, move.dest) == (left, entered)]
        ways = {(*way, move) for way in ways for move in moves}
    return ways
