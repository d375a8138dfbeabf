"""A process is derived from another one, which stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, DefinitionError, SalesProcess, Stage, Transition, fact
from salesprocess.catalog import BANT, PIPELINER, SEVEN_STAGE, SIX_STEP
from salesprocess.catalog import all as shipped

Codes: TypeAlias = Callable[[Callable[[], Any]], dict[str, str]]
Triggers: TypeAlias = Callable[[SalesProcess, str, str], list[str]]
KEYS = list("abcdefgh")
POLICIES = st.fixed_dictionaries(
    {name: st.sampled_from(["forbid", "allow", "with_reason"]) for name in ("skip", "back", "reopen")}
)


def linear(keys: list[str], policies: dict[str, Any]) -> SalesProcess:
    aside = [Stage(key="after", kind="won"), Stage(key="lost", kind="lost"), Stage(key="hold", kind="on_hold")]
    stages = [*(Stage(key=key) for key in keys), Stage(key="won", kind="won"), *aside]
    return SalesProcess.linear(key="p", stages=stages, **policies)


def moves_of(process: SalesProcess) -> set[tuple[object, ...]]:
    return {(*move.key, move.transition.needs_reason, move.transition.direction) for move in process.moves()}


@given(st.permutations(KEYS), st.integers(3, 6), st.data(), POLICIES)
@settings(max_examples=60, deadline=None)
def test_insert_into_linear(keys: list[str], size: int, data: st.DataObject, policies: dict[str, Any]) -> None:
    """Inserting into a linear process gives the linear process of all stages."""
    place = data.draw(st.integers(0, size))
    base, whole = keys[:size], [*keys[:place], "new", *keys[place:size]]
    where = {"after": keys[place - 1]} if place else {"before": keys[0]}
    assert moves_of(linear(base, policies).insert(Stage(key="new"), **where)) == moves_of(linear(whole, policies))


@given(st.permutations(KEYS), st.integers(4, 6), st.data(), POLICIES)
@settings(max_examples=60, deadline=None)
def test_without_from_linear(keys: list[str], size: int, data: st.DataObject, policies: dict[str, Any]) -> None:
    """Taking a stage out of a linear process gives the linear process of the rest."""
    gone = data.draw(st.sampled_from(keys[:size]))
    rest = [key for key in keys[:size] if key != gone]
    assert moves_of(linear(keys[:size], policies).without(gone)) == moves_of(linear(rest, policies))


@given(st.permutations(KEYS[:5]), POLICIES)
@settings(max_examples=40, deadline=None)
def test_reorder_linear(order: list[str], policies: dict[str, Any]) -> None:
    """Reordering a linear process gives the linear process of that order."""
    assert moves_of(linear(KEYS[:5], policies).reorder(*order)) == moves_of(linear(order, policies))


@given(POLICIES)
@settings(max_examples=10, deadline=None)
def test_insert_and_without(policies: dict[str, Any]) -> None:
    """A stage that is inserted and taken out again leaves no trace."""
    process = linear(KEYS[:4], policies)
    assert process.insert(Stage(key="new"), after="b").without("new").fingerprint == process.fingerprint


DERIVATIONS = [
    lambda process, pick: process.insert(Stage(key="new", exit_criteria=fact("x").is_known()), after=pick),
    lambda process, pick: process.insert(Stage(key="paused", kind="on_hold"), before=pick),
    lambda process, pick: process.without(pick),
    lambda process, pick: process.rename(pick, "Another name"),
    lambda process, pick: process.require(pick, fact("budget") >= 1),
    lambda process, pick: process.reorder(pick, process.initial.key) if pick != process.initial.key else process,
    lambda process, pick: process.with_transition(Transition(trigger="jump", source="*", dest=pick)),
    lambda process, _pick: process.without_transition("lose"),
    lambda process, _pick: process.with_version(2, key="mine", name="Mine"),
    lambda process, _pick: process.merge(PIPELINER.with_version(1, key=process.key)),
]


@given(
    st.sampled_from(shipped()),
    st.lists(st.tuples(st.integers(0, len(DERIVATIONS) - 1), st.integers(0, 20)), max_size=5),
)
@settings(max_examples=80, deadline=None)
def test_checks(base: SalesProcess, steps: list[tuple[int, int]]) -> None:
    """A derived process is a definition like any other: it passes all checks, and the first one stays as it was."""
    before, process = base.model_dump_json(), base
    for index, pick in steps:
        try:
            process = DERIVATIONS[index](process, process.stages[pick % len(process.stages)].key)
        except DefinitionError as error:
            assert error.problems
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process
    assert base.model_dump_json() == before


def test_insert_links(triggers: Triggers) -> None:
    """Neighbours are linked through the new stage, and no longer with each other."""
    process = SEVEN_STAGE.insert(Stage(key="legal_review"), before="closing")
    assert triggers(process, "overcoming_objections", "closing") == []
    assert triggers(process, "overcoming_objections", "legal_review") == ["advance"]
    assert triggers(process, "legal_review", "closing") == ["advance"]
    assert triggers(process, "legal_review", "overcoming_objections") == ["go_back"]


def test_insert_side_moves(triggers: Triggers) -> None:
    """A new stage is lost, reopened and disqualified as its neighbour is."""
    process = SEVEN_STAGE.insert(Stage(key="discovery"), after="qualifying")
    assert triggers(process, "discovery", "lost") == ["lose"]
    assert triggers(process, "lost", "discovery") == ["reopen"]
    assert triggers(process, "discovery", "disqualified") == ["disqualify"]


def test_insert_no_side_moves(triggers: Triggers) -> None:
    """A new stage has no side moves that its neighbour lacks."""
    process = SEVEN_STAGE.insert(Stage(key="trial"), after="presenting")
    assert triggers(process, "trial", "disqualified") == []


def test_insert_before_win(triggers: Triggers) -> None:
    """The win leaves the last open stage, also a new one."""
    process = SEVEN_STAGE.insert(Stage(key="signature"), after="closing")
    assert triggers(process, "closing", "signature") == ["advance"]
    assert triggers(process, "signature", "generating_referrals") == ["win"]


def test_insert_first(triggers: Triggers) -> None:
    """Deals start in a new first stage."""
    process = SEVEN_STAGE.insert(Stage(key="targeting"), before="prospecting")
    assert process.initial.key == "targeting"
    assert triggers(process, "targeting", "prospecting") == ["advance"]


def test_insert_first_on_hold(triggers: Triggers) -> None:
    """The first stage on hold gets the usual moves of such a stage."""
    process = SEVEN_STAGE.insert(Stage(key="paused", kind="on_hold"), after="closing")
    assert triggers(process, "closing", "paused") == ["hold"]
    assert triggers(process, "paused", "closing") == ["resume"]
    assert triggers(process, "paused", "lost") == ["lose"]


def test_insert_keeps_criteria() -> None:
    """A step's own criteria stay with the stage that it leaves."""
    step = Transition(trigger="advance", source="a", dest="b", criteria=fact("x").is_known())
    process = SalesProcess(
        key="p", stages=[Stage(key="a"), Stage(key="b"), Stage(key="won", kind="won")], transitions=[step]
    ).insert(Stage(key="new"), after="a")
    criteria = {(move.source, move.dest): [each.key for each in move.transition.criteria] for move in process.moves()}
    assert criteria == {("a", "new"): ["x"], ("new", "b"): []}


def test_without_into(triggers: Triggers) -> None:
    """Moves to a stage that is taken out lead to the stage named by `into`."""
    process = SEVEN_STAGE.without("qualifying", into="presenting")
    assert triggers(process, "prospecting", "presenting") == ["fast_track"]
    assert triggers(process, "making_contact", "presenting") == ["advance"]


def test_without_waived() -> None:
    """A stage that is taken out is no longer waived."""
    (fast,) = [move for move in SEVEN_STAGE.without("making_contact").transitions if move.trigger == "fast_track"]
    assert fast.waives == ("prospecting",)


def test_without_last_open() -> None:
    """The last open stage cannot be taken out."""
    process = SalesProcess.linear(key="p", stages=[Stage(key="only"), Stage(key="won", kind="won")])
    with pytest.raises(DefinitionError, match="needs a stage of kind 'open'"):
        process.without("only")


def test_rename() -> None:
    """A stage gets another name, and the fingerprint stays."""
    process = SEVEN_STAGE.rename("closing", "Signature")
    assert process.stage("closing").name == "Signature"
    assert process.fingerprint == SEVEN_STAGE.fingerprint


def test_rename_key() -> None:
    """The key of a stage cannot be changed."""
    with pytest.raises(DefinitionError, match="fixed for ever"):
        SEVEN_STAGE.rename("closing", key="signing")


@pytest.mark.parametrize(
    "derive",
    [
        lambda: SEVEN_STAGE.insert(Stage(key="x"), after="closng"),
        lambda: SEVEN_STAGE.without("closng"),
        lambda: SEVEN_STAGE.without("presenting", into="closng"),
        lambda: SEVEN_STAGE.rename("closng", "X"),
        lambda: SEVEN_STAGE.require("closng", fact("x").is_known()),
        lambda: SEVEN_STAGE.relax("closng", "signed_at"),
        lambda: SEVEN_STAGE.reorder("closng"),
        lambda: SEVEN_STAGE.with_transition(Transition(trigger="t", source="closng", dest="lost")),
        lambda: SEVEN_STAGE.without_transition("win", source="closng"),
    ],
)
def test_unknown_stage(derive: Any) -> None:
    """Every derivation names the nearest stage in place of an unknown one."""
    with pytest.raises(DefinitionError, match="did you mean 'closing'"):
        derive()


def test_require() -> None:
    """A stage asks for more."""
    process = SEVEN_STAGE.require("closing", fact("contract").is_known())
    assert [each.key for each in process.stage("closing").exit_criteria] == ["signed_at", "contract"]


def test_require_same_key() -> None:
    """A criterion takes the place of the one with the same key."""
    process = SEVEN_STAGE.require("qualifying", Criterion(key="budget", rule=fact("budget") >= 1000))
    assert [each.key for each in process.stage("qualifying").exit_criteria] == ["need", "budget", "authority"]
    assert str(process.stage("qualifying").exit_criteria[1].rule) == "budget is at least 1,000"


def test_require_framework() -> None:
    """A qualification framework is required as its criteria are."""
    process = SEVEN_STAGE.require("qualifying", *BANT)
    assert {"need", "budget", "authority", "timeline"} <= {each.key for each in process.stage("qualifying").gate()}


def test_relax() -> None:
    """A stage asks for less, by the keys that decisions show."""
    process = SIX_STEP.relax("closing", "closing.closing_techniques")
    assert [activity.key for activity in process.stage("closing").activities] == ["securing_commitment"]
    assert SEVEN_STAGE.relax("closing", "signed_at").stage("closing").exit_criteria == ()


def test_relax_unknown() -> None:
    """An unknown criterion is named with the nearest."""
    with pytest.raises(DefinitionError, match="did you mean 'signed_at'"):
        SEVEN_STAGE.relax("closing", "signedat")


def test_with_transition() -> None:
    """A transition takes the place of the same moves, and of no others."""
    strict = Transition(trigger="lose", source="closing", dest="lost", needs_reason=True, reasons=("price", "timing"))
    process = SEVEN_STAGE.with_transition(strict)
    reasons = {move.source: move.transition.reasons for move in process.moves() if move.trigger == "lose"}
    assert reasons["closing"] == ("price", "timing")
    assert reasons["presenting"] == ()


def test_without_transition(triggers: Triggers) -> None:
    """Moves are taken out by trigger, source and target."""
    assert triggers(SEVEN_STAGE.without_transition("lose", source="closing"), "closing", "lost") == []
    assert triggers(SEVEN_STAGE.without_transition("lose", source="closing"), "presenting", "lost") == ["lose"]
    with pytest.raises(DefinitionError, match="did you mean 'fast_track'"):
        SEVEN_STAGE.without_transition("fast_trak")


def test_with_version() -> None:
    """A process of its own starts itself under its new key."""
    process = SEVEN_STAGE.with_version("2027.1", key="acme", name="Acme")
    assert (process.key, process.version, process.name) == ("acme", "2027.1", "Acme")
    assert [move.starts for move in process.transitions if move.trigger == "refer"] == [("acme",)]


def test_insert_place() -> None:
    """A stage is inserted in one place, and only once."""
    with pytest.raises(DefinitionError, match="after= one stage, or before= one"):
        SEVEN_STAGE.insert(Stage(key="x"))
    with pytest.raises(DefinitionError, match="already"):
        SEVEN_STAGE.insert(Stage(key="closing"), after="presenting")


def test_insert_beside_star(triggers: Triggers) -> None:
    """A move from all open stages that names one of them as well is no step, and stays as it is."""
    moves = [Transition(trigger="go", source=("a", "*"), dest="b"), Transition(trigger="go", source="b", dest="c")]
    stages = [Stage(key=key) for key in "abc"]
    process = SalesProcess(key="p", stages=stages, transitions=moves).insert(Stage(key="new"), after="b")
    assert process.transitions[-1] == moves[0]
    assert (triggers(process, "b", "new"), triggers(process, "new", "c")) == (["go"], ["go"])


@pytest.mark.parametrize(
    ("derive", "path", "code"),
    [
        (lambda: SEVEN_STAGE.insert(Stage(key="x"), after="closing", before="presenting"), "insert", "no_place"),
        (lambda: SEVEN_STAGE.without("closing", into="closing"), "into", "unknown_stage"),
        (lambda: SEVEN_STAGE.rename("closing", " "), "name", "no_name"),
        (lambda: SEVEN_STAGE.reorder("closing", "presenting", "closing"), "stages", "duplicate_stage"),
        (lambda: SEVEN_STAGE.reorder("closing", "presentng"), "stages[1]", "unknown_stage"),
        (lambda: SEVEN_STAGE.require("closing", fact("x") > 1, fact("x") < 9), "criteria", "duplicate_criterion"),
        (lambda: SEVEN_STAGE.without_transition("win", source="presenting"), "trigger", "unknown_move"),
        (lambda: SEVEN_STAGE.without_transition("win", dest="clsing"), "dest", "unknown_stage"),
    ],
)
def test_refused(codes: Codes, derive: Any, path: str, code: str) -> None:
    """A derivation that makes no sense is refused with the argument that is wrong."""
    assert codes(derive) == {path: code}


def test_unknown_move() -> None:
    """A move that is taken out, and is none of the process, is named with its ends."""
    with pytest.raises(DefinitionError, match="trigger 'win' does not lead from 'presenting' to 'lost'$"):
        SEVEN_STAGE.without_transition("win", source="presenting", dest="lost")
