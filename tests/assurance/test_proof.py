"""Proofs: claims about every walk, proved or broken by a walk that runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import (
    Criterion,
    DefinitionError,
    Engine,
    Override,
    SalesProcess,
    Stage,
    Transition,
    TransitionRefused,
    at_least,
    catalog,
    context,
    days,
    fact,
    now,
    predicate,
    time_in_stage,
)
from salesprocess.assurance.proof import (
    Claim,
    Counterexample,
    Proved,
    Undecided,
    always_passes,
    at_most,
    eventually_closable,
    never,
    prove,
    reachable,
)
from salesprocess.assurance.solver.witness import Witness, judged
from salesprocess.assurance.walks import Moves
from salesprocess.catalog import SEVEN_STAGE
from salesprocess.criteria.evaluation import MET
from salesprocess.history import replay

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SIGNED = fact("signed").is_true()
RULES = [
    SIGNED,
    fact("amount") >= 10,
    fact("amount") < 5,
    fact("amount").is_known(),
    fact("amount") > fact("discount"),
    fact("source").one_of("web", "referral"),
    fact("source").matches("ref*"),
    fact("contacts").count() >= 2,
    fact("done").contains("call"),
    fact("due").before(now()),
    time_in_stage() >= days(2),
    context("role") == "manager",
    predicate("credit_ok"),
    fact("amount").is_known() & ~(fact("amount") < 10),
    SIGNED | (fact("amount") < 3),
    at_least(2, of=[SIGNED, fact("amount") > 7, fact("source").is_known()]),
]
VALUES: dict[str, list[Any]] = {
    "signed": [True, False, None],
    "amount": [None, 0, 3, 7, 10, 50, "ten"],
    "discount": [None, 1, 20],
    "source": [None, "web", "referral", "fair", 3],
    "contacts": [None, [], ["a", "b"], ["a", "b", "a"]],
    "done": [None, ["call"], "call", []],
    "due": [None, NOON - days(9), NOON + days(90)],
    "entered_at": [None, NOON - days(9), NOON],
}


def linear(*stages: Stage, transitions: tuple[Transition, ...] = (), **options: Any) -> SalesProcess:
    ends = [Stage(key="won", kind="won"), Stage(key="lost", kind="lost")]
    return SalesProcess.linear(key="test", stages=[*stages, *ends], transitions=transitions, **options)


CRITERIA = st.builds(
    lambda number, when, severity: Criterion(
        key=f"criterion_{number}", rule=RULES[number], when=when, severity=severity
    ),
    st.integers(0, len(RULES) - 1),
    st.sampled_from([None, None, None, fact("source").is_known()]),
    st.sampled_from(["required", "required", "required", "advisory"]),
)
GATES = st.lists(CRITERIA, max_size=2, unique_by=lambda criterion: criterion.key)
KEYS = ("one", "two", "three", "held", "won", "lost")
KINDS = {"held": "on_hold", "won": "won", "lost": "lost"}


@st.composite
def processes(draw: st.DrawFn) -> SalesProcess:
    stages = [
        Stage(key=key, kind=KINDS.get(key, "open"), exit_criteria=draw(GATES), entry_criteria=draw(GATES) if n else ())
        for n, key in enumerate(KEYS)
    ]
    pairs = st.tuples(st.sampled_from(KEYS), st.sampled_from(KEYS))
    drawn = draw(st.lists(pairs, min_size=3, max_size=9, unique=True))
    moves = dict.fromkeys([("one", "two"), ("two", "won"), *drawn])
    transitions = [
        Transition(
            trigger=f"to_{dest}",
            source=source,
            dest=dest,
            criteria=draw(GATES),
            waives=draw(st.lists(st.sampled_from(KEYS), max_size=2)),
            needs_reason=draw(st.booleans()),
        )
        for source, dest in moves
    ]
    return SalesProcess(key="drawn", stages=stages, transitions=transitions, cumulative=draw(st.booleans()))


CLAIMS = st.one_of(
    st.builds(lambda target, rule: never(target, without=rule), st.sampled_from(KEYS[1:]), st.sampled_from(RULES)),
    st.builds(lambda target, stage: always_passes(stage, before=target), st.just("won"), st.sampled_from(KEYS)),
    st.builds(lambda stage: ~reachable(stage), st.sampled_from(KEYS)),
    st.builds(lambda times: at_most(times, "to_won"), st.integers(0, 2)),
)


class Walker:
    """Walks at random, and says what it did, and which rules were met at each move."""

    def __init__(self, process: SalesProcess, seed: int, *, with_overrides: bool) -> None:
        self.chance = Random(seed)  # noqa: S311 - chance, not secrecy
        self.with_overrides = with_overrides
        self.credit: bool | None = None
        self.engine: Engine[dict[str, Any]] = Engine(process, predicates={"credit_ok": lambda _deal: self.credit})
        self.graph = process.graph

    def walk(self, length: int) -> Iterator[tuple[str, str, Witness]]:
        stage: str | None = None
        for number in range(length):
            at = NOON + timedelta(days=number)
            facts = {name: self.chance.choice(values) for name, values in VALUES.items()}
            role = {"role": self.chance.choice(["manager", "seller"])}
            self.credit = self.chance.choice([True, False, None])
            override = Override(by="vp", reason="quarter end") if self.with_overrides else None
            deal = facts | {"stage": stage}
            trigger = "start"
            try:
                if stage is None:
                    stage = self.engine.start(deal, at=at, context=role).dest
                else:
                    ways = self.graph.out_of[stage]
                    if not ways:
                        return
                    way = self.chance.choice(ways)
                    trigger = way.trigger
                    self.engine.fire(deal, trigger, to=way.dest, at=at, reason="x", override=override, context=role)
                    stage = way.dest
            except TransitionRefused:
                continue
            known = {name: value for name, value in facts.items() if value is not None}
            yield trigger, stage, Witness(known, role, at, {"credit_ok": self.credit})


def breaks(claim: Any, walk: list[tuple[str, str, Witness]]) -> bool:
    """Whether the walk shows that a claim of `CLAIMS` does not hold."""
    entered = [stage for _, stage, _ in walk]
    name = type(claim).__name__
    if name == "Opposite":
        return claim.claim.target in entered
    if name == "AtMost":
        return sum(trigger == claim.trigger for trigger, _, _ in walk) > claim.times
    target = claim.before if name == "AlwaysPasses" else claim.target
    if target not in entered:
        return False
    so_far = walk[: entered.index(target) + 1]
    if name == "AlwaysPasses":
        return claim.stage not in [stage for _, stage, _ in so_far]
    return all(judged(found, [claim.without])[0] != MET for _, _, found in so_far)


@settings(max_examples=40, deadline=None)
@given(processes(), st.lists(CLAIMS, min_size=4, max_size=4), st.booleans(), st.integers())
def test_nothing_proved_is_broken_by_random_walks(
    process: SalesProcess, claims: list[Claim], with_overrides: bool, seed: int
) -> None:
    """250 walks for each of forty processes: ten thousand."""
    proved = [claim for claim in claims if prove(process, claim, with_overrides=with_overrides)]
    walker = Walker(process, seed, with_overrides=with_overrides)
    for _ in range(250):
        walk = list(walker.walk(8))
        assert not any(breaks(claim, walk) for claim in proved)


@settings(max_examples=25, deadline=None)
@given(processes(), st.lists(CLAIMS, min_size=4, max_size=4), st.booleans())
def test_every_counterexample_runs_is_replayed_and_breaks_the_claim(
    process: SalesProcess, claims: list[Claim], with_overrides: bool
) -> None:
    for claim in claims:
        answer = prove(process, claim, with_overrides=with_overrides)
        if isinstance(answer, Counterexample):
            changes = answer.run()
            assert replay(process, changes)
            assert [change.source_kind == "override" for change in changes] == [
                bool(step.overridden) for step in answer.steps
            ]
            walk = [
                (step.trigger, step.dest, Witness(step.facts, step.context, step.at, step.predicates))
                for step in answer.steps
            ]
            assert breaks(claim, walk)


@settings(max_examples=30, deadline=None)
@given(processes())
def test_the_gates_that_are_searched_are_those_of_the_process(process: SalesProcess) -> None:
    moves = Moves(process, with_overrides=False)
    for stage in process.stages:
        for edge in moves.out_of(stage.key):
            assert edge.transition is not None
            gate = process.gate(stage.key, edge.transition)
            assert set(edge.gate) == {criterion for criterion in gate if criterion.severity == "required"}


def test_what_every_way_in_asks_for_is_proved() -> None:
    answer = prove(SEVEN_STAGE, never("won", without="signed_at"))
    assert isinstance(answer, Proved)
    assert answer
    assert str(answer) == (
        "Proved: never won without signed_at\n  no walk enters won that way\nOverrides are left out."
    )


def test_a_lost_deal_that_is_reopened_into_closing_passes_no_other_stage() -> None:
    answer = prove(SEVEN_STAGE, always_passes("qualifying", before="won"))
    assert isinstance(answer, Counterexample)
    assert [step.trigger for step in answer.steps] == ["start", "lose", "reopen", "win"]
    assert answer.steps[-1].facts == {"signed_at": "given"}
    assert [change.dest for change in answer.run()] == ["prospecting", "lost", "closing", "generating_referrals"]


def test_each_step_makes_a_deal_that_an_engine_moves() -> None:
    engine: Engine[dict[str, Any]] = Engine(SEVEN_STAGE)
    _, *steps = prove(SEVEN_STAGE, always_passes("presenting", before="won")).steps
    assert [step.trigger for step in steps] == ["lose", "reopen", "win"]
    for step in steps:
        deal = step.deal()
        engine.fire(deal, step.trigger, to=step.dest, at=step.at, reason=step.reason)
        assert deal["stage"] == step.dest


def test_a_fast_track_is_seen() -> None:
    process = linear(
        Stage(key="one", exit_criteria=fact("a").is_known()),
        Stage(key="two", exit_criteria=SIGNED),
        Stage(key="three"),
        transitions=(Transition(trigger="fast", source="one", dest="three", criteria=fact("b").is_known()),),
        reopen="forbid",
    )
    assert not prove(process, always_passes("two", before="won"))
    # It leaves the stage out, but not what leaving it asks for.
    assert prove(process, never("won", without="signed"))


def test_a_waiver_is_seen() -> None:
    fast = Transition(trigger="fast", source="one", dest="three", waives="two")
    process = linear(
        Stage(key="one"),
        Stage(key="two", exit_criteria=SIGNED),
        Stage(key="three"),
        transitions=(fast,),
        reopen="forbid",
    )
    answer = prove(process, never("won", without="signed"))
    assert [step.trigger for step in answer.steps] == ["start", "fast", "win"]


@pytest.mark.parametrize(("cumulative", "proved"), [(True, True), (False, False)])
def test_a_cumulative_gate_closes_the_way_by_reopening(cumulative: bool, proved: bool) -> None:
    process = linear(Stage(key="one", exit_criteria=SIGNED), Stage(key="two"), cumulative=cumulative)
    assert bool(prove(process, never("won", without="signed"))) is proved


def test_a_criterion_met_earlier_on_the_walk_counts() -> None:
    process = linear(Stage(key="one", exit_criteria=SIGNED), Stage(key="two"), reopen="forbid")
    assert prove(process, never("won", without=SIGNED))
    assert prove(process, never("two", without=SIGNED))


def test_entry_criteria_count_where_the_move_leads_forward() -> None:
    process = SalesProcess(
        key="test",
        stages=[Stage(key="one"), Stage(key="won", kind="won", entry_criteria=SIGNED)],
        transitions=[Transition(trigger="win", source="one", dest="won")],
    )
    assert prove(process, never("won", without=SIGNED))
    reopened = process.model_copy(
        update={"transitions": (Transition(trigger="win", source="one", dest="won", direction="close"),)}
    )
    assert not prove(reopened, never("won", without=SIGNED))


def test_a_stronger_criterion_proves_a_weaker_claim_and_not_the_other_way_round() -> None:
    process = linear(Stage(key="one", exit_criteria=fact("amount") >= 10), reopen="forbid")
    assert prove(process, never("won", without=fact("amount") > 5))
    assert prove(process, never("won", without=fact("amount").is_known()))
    answer = prove(process, never("won", without=fact("amount") > 10))
    assert answer.steps[-1].facts == {"amount": 10}


def test_an_advisory_criterion_stops_nobody() -> None:
    advice = Criterion(key="signed", rule=SIGNED, severity="advisory")
    assert not prove(linear(Stage(key="one", exit_criteria=advice)), never("won", without="signed"))


def test_a_fact_without_a_criterion_of_its_name_must_be_known() -> None:
    process = linear(Stage(key="one", exit_criteria=Criterion(key="value", rule=fact("amount") >= 10)))
    assert prove(process, never("won", without="amount"))


def test_activities_are_criteria_too() -> None:
    process = linear(Stage(key="one", activities=["call"]), reopen="forbid")
    assert prove(process, never("won", without="one.call"))
    assert prove(process, never("won", without=fact("done").contains("one.call")))


def test_what_cannot_be_decided_is_undecided() -> None:
    process = linear(Stage(key="one", exit_criteria=fact("name").matches("Ac*")), reopen="forbid")
    answer = prove(process, never("won", without=fact("name").matches("A*")))
    assert isinstance(answer, Undecided)
    assert not answer
    assert "win from one to won" in str(answer)


def test_a_stage_behind_a_gate_that_nobody_meets_is_not_reachable() -> None:
    process = linear(
        Stage(key="one", exit_criteria=(fact("a") > 10) & (fact("a") < 5)), Stage(key="two"), reopen="forbid"
    )
    answer = prove(process, reachable("two"))
    assert isinstance(answer, Counterexample)
    assert "no walk enters two" in answer.message
    assert answer.run() == ()
    assert prove(process, ~reachable("won") & ~reachable("two"))


def test_a_stage_that_can_be_reached_is_shown_with_the_walk() -> None:
    answer = prove(SEVEN_STAGE, reachable("qualifying"))
    assert isinstance(answer, Proved)
    assert [step.trigger for step in answer.steps] == ["start", "fast_track"]
    assert replay(SEVEN_STAGE, answer.run())


def test_a_deal_that_no_move_closes_is_found_with_the_way_there() -> None:
    process = SalesProcess(
        key="test",
        stages=[Stage(key="one"), Stage(key="stuck"), Stage(key="won", kind="won")],
        transitions=[
            Transition(trigger="win", source="one", dest="won"),
            Transition(trigger="wait", source="one", dest="stuck"),
            Transition(trigger="win", source="stuck", dest="won", criteria=fact("x").one_of()),
        ],
    )
    answer = prove(process, eventually_closable())
    assert answer.message == "from stuck no moves lead to an end"
    assert [step.trigger for step in answer.steps] == ["start", "wait"]
    assert prove(process, eventually_closable(), with_overrides=True)
    assert prove(SEVEN_STAGE, eventually_closable())


def test_how_often_a_trigger_is_fired_is_counted() -> None:
    process = linear(Stage(key="one"), Stage(key="two"), back="forbid", reopen="forbid")
    answer = prove(process, at_most(1, "advance"))
    assert answer.message == "no walk fires advance more than 1 time"
    again = prove(SEVEN_STAGE, at_most(2, "fast_track"))
    assert [step.trigger for step in again.steps].count("fast_track") == 3
    assert replay(SEVEN_STAGE, again.run())


def test_overrides_are_counted_in_when_asked_for() -> None:
    answer = prove(SEVEN_STAGE, never("won", without="signed_at"), with_overrides=True)
    assert isinstance(answer, Counterexample)
    assert answer.steps[-1].overridden == ("signed_at",)
    assert str(answer).endswith("Overrides are counted in.")
    assert answer.run()[-1].waived == ("signed_at",)


def test_no_override_starts_a_deal() -> None:
    process = linear(Stage(key="one", entry_criteria=SIGNED))
    assert prove(process, never("won", without="signed"), with_overrides=True)


def test_the_time_in_a_stage_is_counted_from_the_step_before() -> None:
    process = linear(Stage(key="one", exit_criteria=time_in_stage() >= days(7)), Stage(key="two"), reopen="forbid")
    start, advance = prove(process, reachable("two")).steps
    assert advance.at == start.at + days(7)
    assert advance.facts == {"entered_at": start.at}


def test_a_move_that_time_has_passed_by_is_undecided() -> None:
    process = linear(
        Stage(key="one", exit_criteria=now() > NOON),
        Stage(key="two", exit_criteria=now() < NOON - days(300)),
        reopen="forbid",
    )
    assert isinstance(prove(process, reachable("won")), Undecided)


def test_claims_are_combined() -> None:
    holds, fails = never("won", without="signed_at"), always_passes("qualifying", before="won")
    assert not prove(SEVEN_STAGE, holds & fails)
    assert prove(SEVEN_STAGE, holds | fails)
    assert prove(SEVEN_STAGE, holds & ~fails).steps
    assert not prove(SEVEN_STAGE, ~(holds | fails))
    assert str(holds & (fails | ~holds)) == (
        "never won without signed_at and (always passes qualifying before won or not (never won without signed_at))"
    )


def test_a_claim_has_no_truth_of_its_own() -> None:
    with pytest.raises(TypeError, match="ask prove"):
        bool(reachable("won"))
    with pytest.raises(TypeError, match="expected a claim"):
        prove(SEVEN_STAGE, "won")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (never("wn", without="signed_at"), "did you mean 'won'?"),
        (never("won", without="signed"), "did you mean 'signed_at'?"),
        (always_passes("qualifing", before="won"), "did you mean 'qualifying'?"),
        (at_most(1, "fasttrack"), "did you mean 'fast_track'?"),
        (reachable("presentin"), "did you mean 'presenting'?"),
    ],
    ids=str,
)
def test_a_name_that_the_process_lacks_is_an_error_with_the_nearest(claim: Claim, message: str) -> None:
    with pytest.raises(DefinitionError) as raised:
        prove(SEVEN_STAGE, claim)
    assert message in str(raised.value)


def test_a_trigger_is_counted_in_whole_numbers() -> None:
    with pytest.raises(ValueError, match="0 to 1,000"):
        at_most(-1, "advance")


@pytest.mark.parametrize("process", catalog.all(), ids=lambda process: process.key)
def test_every_shipped_process_can_be_won_and_strands_no_deal(process: SalesProcess) -> None:
    assert prove(process, reachable("won") & eventually_closable())
