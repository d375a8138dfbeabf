"""The usual process over stages in order."""

from __future__ import annotations

from salesprocess import SalesProcess, Stage, Transition

OPEN = [Stage(key="a"), Stage(key="b"), Stage(key="c")]
WON = Stage(key="won", kind="won")


def moves(process: SalesProcess) -> set[tuple[str, str, str]]:
    return {(move.source, move.trigger, move.dest) for move in process.moves()}


def test_usual_moves() -> None:
    """Deals advance, win, go back, and leave for side stages and return from there."""
    process = SalesProcess.linear(key="p", stages=[*OPEN, WON, Stage(key="hold", kind="on_hold")])
    assert moves(process) == {
        *{("a", "advance", "b"), ("b", "advance", "c"), ("c", "win", "won")},
        *{("b", "go_back", "a"), ("c", "go_back", "b"), ("won", "go_back", "c")},
        *{(key, "lose", "lost") for key in ("a", "b", "c", "hold")},
        *{(key, "hold", "hold") for key in "abc"},
        *{("hold", "resume", key) for key in "abc"},
        *{("lost", "reopen", key) for key in "abc"},
    }


def test_disqualified() -> None:
    """Open deals are disqualified with a reason, and reopened as lost ones are."""
    process = SalesProcess.linear(key="p", stages=[*OPEN, WON, Stage(key="unfit", kind="disqualified")])
    found = {move for move in moves(process) if "unfit" in move}
    assert found == {*((key, "disqualify", "unfit") for key in "abc"), *(("unfit", "reopen", key) for key in "abc")}
    assert all(move.needs_reason for move in process.transitions if move.trigger == "disqualify")


def test_policies() -> None:
    """A policy forbids a move, allows it, or asks for a reason."""
    strict = SalesProcess.linear(key="p", stages=[*OPEN, WON], back="forbid", reopen="forbid")
    assert {trigger for _, trigger, _ in moves(strict)} == {"advance", "win", "lose"}
    loose = SalesProcess.linear(key="p", stages=[*OPEN, WON], skip="with_reason", back="allow")
    reasons = {move.trigger: move.needs_reason for move in loose.transitions}
    assert reasons == {"advance": False, "win": False, "skip": True, "go_back": False, "lose": True, "reopen": True}
    assert ("a", "skip", "c") in moves(loose)


def test_reopen_without_reason() -> None:
    """Reopening without a reason is still declared as reopening."""
    process = SalesProcess.linear(key="p", stages=[*OPEN, WON], reopen="allow")
    reopening = [move for move in process.transitions if move.trigger == "reopen"]
    assert {(move.needs_reason, move.direction) for move in reopening} == {(False, "reopen")}


def test_own_transition() -> None:
    """An own transition takes the place of the usual ones of its trigger."""
    own = Transition(trigger="lose", source="a", dest="lost")
    process = SalesProcess.linear(key="p", stages=[*OPEN, WON], transitions=[own])
    assert [move for move in process.transitions if move.trigger == "lose"] == [own]


def test_added_lost_stage() -> None:
    """A stage to lose deals in is added only if there is none."""
    own = Stage(key="gone", kind="lost")
    assert [stage.key for stage in SalesProcess.linear(key="p", stages=[OPEN[0]]).stages] == ["a", "lost"]
    assert [stage.key for stage in SalesProcess.linear(key="p", stages=[OPEN[0], own]).stages] == ["a", "gone"]
