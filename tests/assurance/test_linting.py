"""A process is told what is wrong with it before a deal runs through it."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, Literal, TypedDict

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from salesprocess import (
    Activity,
    Criterion,
    DefinitionError,
    Engine,
    SalesProcess,
    Stage,
    Transition,
    at_least,
    days,
    fact,
    now,
    predicate,
    time_in_stage,
)
from salesprocess.assurance import problems
from salesprocess.assurance.certainty import implies, impossible
from salesprocess.assurance.linting import CODES
from salesprocess.catalog import SEVEN_STAGE, SIX_STEP
from salesprocess.catalog import all as shipped
from salesprocess.criteria.gate import Gate
from salesprocess.criteria.rules import AllOf, AnyOf, AtLeast, Not, Rule


def codes(process: SalesProcess, deal_type: Any = None, **options: Any) -> list[str]:
    return [problem.code for problem in problems(process, deal_type, **options)]


def asking(*criteria: Rule | Criterion, activities: tuple[Activity, ...] = ()) -> SalesProcess:
    """A sound process that asks for these criteria before the win."""
    stages = [Stage(key="talk", exit_criteria=criteria, activities=activities), Stage(key="won", kind="won")]
    return SalesProcess.linear(key="p", stages=stages)


def graph(moves: str, *, won: str = "won", lost: str = "", held: str = "") -> SalesProcess:
    """Stages and moves as text: `"a>b b>won"`; the trigger of a move is its target."""
    pairs = [move.split(">") for move in moves.split()]
    kinds = (
        dict.fromkeys(won.split(), "won") | dict.fromkeys(lost.split(), "lost") | dict.fromkeys(held.split(), "on_hold")
    )
    keys = dict.fromkeys(key for pair in pairs for key in pair)
    ordered = sorted(keys, key=lambda key: key in kinds)
    return SalesProcess(
        key="p",
        stages=[Stage(key=key, kind=kinds.get(key, "open")) for key in ordered],
        transitions=[Transition(trigger=f"to_{dest}", source=source, dest=dest) for source, dest in pairs],
    )


@pytest.mark.parametrize("process", shipped(), ids=lambda process: process.key)
def test_the_shipped_processes_have_no_problems(process: SalesProcess) -> None:
    assert not problems(process)


@given(st.sampled_from(shipped()), st.data())
@settings(max_examples=40, deadline=None)
def test_a_shipped_process_stays_sound_whatever_stage_is_added_or_taken_out(
    process: SalesProcess, data: st.DataObject
) -> None:
    open_keys = [stage.key for stage in process.stages if stage.kind == "open"]
    pick = data.draw(st.sampled_from(open_keys))
    where = data.draw(st.sampled_from(["after", "before"]))
    assert not problems(process.insert(Stage(key="new"), **{where: pick}))
    assert not problems(process.insert(Stage(key="new", kind="on_hold"), after=pick))
    assert not problems(process.without(pick))


# Ways through a process


@pytest.mark.parametrize(
    ("code", "process"),
    [
        ("unreachable_stage", graph("a>b b>a b>won island>won a>won")),
        ("no_way_to_win", graph("a>b b>a a>won b>gone gone2>won b>gone2", lost="gone").without_transition("to_won")),
        ("no_way_to_win", graph("a>b b>a b>gone", won="", lost="gone")),
        ("no_way_out", graph("a>won a>b")),
        ("no_way_to_close", graph("a>won a>b b>c")),
        ("cycle_without_exit", graph("a>won a>b b>c c>b")),
        ("cycle_without_exit", graph("a>won a>b b>pause pause>b", held="pause")),
        ("no_way_back", graph("a>b b>won")),
        ("leaves_closed", graph("a>won won>a")),
        ("leaves_closed", graph("a>won a>gone gone>won", lost="gone")),
    ],
)
def test_a_stage_that_deals_cannot_reach_or_leave_as_they_should_is_found(code: str, process: SalesProcess) -> None:
    assert code in codes(process)


def test_each_problem_has_a_place_and_says_how_to_mend_it() -> None:
    (problem,) = problems(graph("a>won a>b b>a c>won"), waive={"no_way_to_win": "c is the case"})
    assert problem.path == "stages[2]"
    assert "never reaches 'c'" in problem.message
    assert "add a transition" in problem.message


def test_a_won_stage_that_nobody_reaches_is_found_by_that() -> None:
    process = SEVEN_STAGE.without_transition("win")
    assert ("unreachable_stage", "stages[6]") in [(each.code, each.path) for each in problems(process)]


def test_a_reopening_that_says_so_is_no_way_out_of_a_closed_stage() -> None:
    reopen = Transition(trigger="reopen", source="won", dest="a", direction="reopen")
    assert codes(graph("a>won").with_transition(reopen)) == []


@pytest.mark.parametrize("policy", ["allow", "with_reason"])
def test_the_policies_of_a_linear_process_are_no_problems(policy: Any) -> None:
    stages = [*(Stage(key=key) for key in "abcd"), Stage(key="won", kind="won"), Stage(key="hold", kind="on_hold")]
    assert codes(SalesProcess.linear(key="p", stages=stages, skip=policy, back=policy, reopen=policy)) == []


def test_a_stage_without_a_way_back_is_where_zoho_records_get_stuck() -> None:
    """h4z.co.uk on stuck blueprints: nobody drew a way back, and a required field can never be set."""
    process = SEVEN_STAGE.without_transition("go_back", source="closing").require(
        "presenting", Criterion(key="approval", rule=fact("approval").one_of())
    )
    found = {problem.code for problem in problems(process)}
    assert {"no_way_back", "never_met", "no_way_to_win"} <= found


def test_a_probability_that_falls_while_the_stage_advances_is_found() -> None:
    stages = [Stage(key="a", probability=0.5), Stage(key="b", probability=0.2), Stage(key="won", kind="won")]
    (problem,) = problems(SalesProcess.linear(key="p", stages=stages))
    assert (problem.code, problem.path) == ("falling_probability", "stages[1].probability")


def test_a_probability_of_nought_on_an_open_stage_is_not_lost() -> None:
    """Salesforce's standard values have open stages at 0: the kind says what is lost, never the probability."""
    stages = [Stage(key="a", probability=0.0), Stage(key="b", probability=0.0), Stage(key="won", kind="won")]
    assert codes(SalesProcess.linear(key="p", stages=stages)) == []


def test_two_stages_of_one_name_are_found() -> None:
    process = SEVEN_STAGE.rename("closing", "Presenting")
    assert codes(process) == ["same_name"]


# Criteria


@pytest.mark.parametrize(
    "rule",
    [
        (fact("amount") > 10) & (fact("amount") < 5),
        (fact("amount") > 5) & (fact("amount") < 5.0),
        (fact("amount") >= 5) & (fact("amount") <= 5) & (fact("amount") != 5),
        (fact("amount") == 5) & (fact("amount") == 6),
        (fact("tier") == "gold") & ~fact("tier").one_of("gold", "silver"),
        (fact("amount") > 10) & (fact("amount") < "b"),
        (fact("day") > date(2026, 1, 2)) & (fact("day") <= date(2026, 1, 1)),
        fact("tier").one_of(),
        fact("ok").is_true() & fact("ok").is_false(),
        ~fact("a").is_known() & (fact("a") == 1),
        fact("contacts").count() < 0,
        fact("contacts").count() == 1.5,
        (fact("contacts").count() > 2) & (fact("contacts").count() < 3),
        (fact("contacts").distinct() >= 3) & (fact("contacts").count() <= 2),
        fact("done").contains("x") & (fact("done").count() == 0),
        fact("done").contains("x") & ~fact("done").contains("x"),
        at_least(3, of=[fact("a").is_true(), fact("b").is_true()]),
        (fact("a") < fact("b")) & (fact("b") < fact("a")),
        fact("a") < fact("a"),
        predicate("ok") & ~predicate("ok"),
        (fact("a") == 1) & ((fact("a") > 2) | (fact("a") < 0)),
    ],
    ids=str,
)
def test_a_criterion_that_no_value_meets_is_found(rule: Rule) -> None:
    process = asking(Criterion(key="impossible", rule=rule))
    assert codes(process)[0:1] == ["unreachable_stage"]
    assert "never_met" in codes(process)


@pytest.mark.parametrize(
    "rule",
    [
        (fact("amount") >= 5) & (fact("amount") <= 5),
        (fact("amount") > 5) & (fact("amount") < 6),
        (fact("name") > "a") & (fact("name") < "b"),
        (fact("contacts").count() > 2) & (fact("contacts").count() < 4),
        fact("text").contains("ab") & ~fact("text").contains("b"),
        (fact("a") <= fact("b")) & (fact("b") <= fact("a")),
        predicate("big") & predicate("small"),
        fact("name").matches("a*") & fact("name").matches("*b"),
        at_least(1, of=[fact("a").one_of(), fact("b").is_true()]),
    ],
    ids=str,
)
def test_only_what_is_certain_is_reported(rule: Rule) -> None:
    assert codes(asking(Criterion(key="possible", rule=rule))) == []


@pytest.mark.parametrize(
    "rule",
    [
        fact("contacts").count() >= 0,
        at_least(0, of=[fact("a").is_true()]),
        (fact("a") > 1) | (fact("a") <= 1),
        fact("a") == fact("a"),
        ~(predicate("ok") & ~predicate("ok")),
    ],
    ids=str,
)
def test_a_criterion_that_nothing_fails_is_found(rule: Rule) -> None:
    assert codes(asking(Criterion(key="idle", rule=rule))) == ["always_met"]


def test_criteria_that_exclude_each_other_are_found_with_the_move_that_asks_for_them() -> None:
    process = SEVEN_STAGE.require("closing", Criterion(key="low", rule=fact("amount") < 5)).with_transition(
        Transition(trigger="win", source="closing", dest="generating_referrals", criteria=fact("amount") > 10)
    )
    (problem,) = [each for each in problems(process) if each.code == "contradictory_criteria"]
    assert "'win' from 'closing'" in problem.message
    assert "'low' (amount is less than 5)" in problem.message


def test_criteria_of_different_stages_exclude_each_other_in_a_cumulative_process_alone() -> None:
    stages = [
        Stage(key="a", exit_criteria=fact("draft").is_true()),
        Stage(key="b", exit_criteria=fact("draft").is_false()),
        Stage(key="won", kind="won"),
    ]
    assert codes(SalesProcess.linear(key="p", stages=stages)) == []
    assert "contradictory_criteria" in codes(SalesProcess.linear(key="p", stages=stages, cumulative=True))


def test_an_advisory_criterion_contradicts_nothing() -> None:
    advice = Criterion(key="advice", rule=fact("amount") < 5, severity="advisory")
    assert codes(asking(fact("amount") > 10, advice)) == []


def test_criteria_for_different_deals_contradict_nothing() -> None:
    big = Criterion(key="big", rule=fact("discount") > 10, when=fact("tier") == "gold")
    small = Criterion(key="small", rule=fact("discount") < 5, when=fact("tier") == "silver")
    assert codes(asking(big, small)) == []


def test_the_tick_of_an_activity_that_there_is_not_is_found() -> None:
    process = asking(fact("done").contains("talk.pich"), activities=(Activity(key="pitch"),))
    (problem,) = problems(process)
    assert problem.code == "activity_never_ticked"
    assert "did you mean 'talk.pitch'" in problem.message


def test_criteria_of_a_stage_that_no_move_asks_for_are_found() -> None:
    process = asking().insert(Stage(key="hold", kind="on_hold", exit_criteria=fact("call").is_known()), after="talk")
    assert codes(process) == ["never_asked"]


# Transitions


def guarded(trigger: str, dest: str, *criteria: Rule) -> Transition:
    return Transition(trigger=trigger, source="a", dest=dest, criteria=criteria)


def branching(*transitions: Transition) -> SalesProcess:
    base = graph("a>b a>c b>a c>a b>won c>won a>won")
    return SalesProcess(key="p", stages=base.stages, transitions=[*base.transitions[2:], *transitions])


def test_an_unguarded_move_that_hides_a_guarded_one_is_found() -> None:
    process = branching(guarded("go", "b"), guarded("go", "c", fact("amount") > 10))
    assert codes(process) == ["shadowed_transition"]


def test_two_guarded_moves_that_can_be_allowed_at_once_are_found_with_a_deal_that_shows_it() -> None:
    process = branching(guarded("go", "b", fact("amount") > 10), guarded("go", "c", fact("amount") > 50))
    (problem,) = problems(process)
    assert problem.code == "ambiguous_transition"
    assert "as with amount 5" in problem.message
    assert Engine(process).check({"stage": "a", "amount": 51}, "go").kind == "ambiguous"


def test_guards_that_exclude_each_other_are_no_problem() -> None:
    assert codes(branching(guarded("go", "b", fact("amount") > 10), guarded("go", "c", fact("amount") <= 10))) == []


def test_guards_that_only_the_host_can_judge_are_no_problem() -> None:
    assert codes(branching(guarded("go", "b", predicate("big")), guarded("go", "c", predicate("small")))) == []


def test_the_next_stage_and_another_under_one_trigger_are_ambiguous() -> None:
    assert codes(branching(guarded("go", "b"), guarded("go", "c"))) == ["ambiguous_transition"]


def test_a_waived_stage_that_the_move_does_not_pass_is_found() -> None:
    move = Transition(trigger="fast", source="prospecting", dest="qualifying", waives=("making_contact", "closing"))
    (problem,) = problems(SEVEN_STAGE.with_transition(move))
    assert (problem.code, problem.path) == ("waives_not_passed", "transitions[22].waives[1]")


def test_a_start_of_a_process_that_there_is_not_is_found_among_the_known_ones() -> None:
    process = SEVEN_STAGE.with_version(1, key="mine").insert(
        Stage(key="onboard", kind="won", starts="seven_stge"), after="generating_referrals"
    )
    assert codes(process) == []
    (problem,) = problems(process, known=[SEVEN_STAGE])
    assert problem.code == "unknown_process"
    assert "did you mean 'seven_stage'" in problem.message


# Waivers


def test_a_code_is_let_pass_with_a_reason() -> None:
    process = graph("a>b b>won")
    assert codes(process) == ["no_way_back"]
    assert not problems(process, waive={"no_way_back": "there is one meeting, and no second"})


@pytest.mark.parametrize(
    ("waive", "words"), [({"no_way_bak": "typo"}, "did you mean 'no_way_back'"), ({"no_way_back": " "}, "say why")]
)
def test_a_waiver_of_an_unknown_code_or_without_a_reason_is_refused(waive: dict[str, str], words: str) -> None:
    with pytest.raises(DefinitionError, match=words):
        problems(SEVEN_STAGE, waive=waive)


# Deal types


class Tier(enum.Enum):
    GOLD = "gold"
    SILVER = "silver"


@dataclass
class Contact:
    email: str | None = None


@dataclass
class DataDeal:
    amount: Decimal | None = None
    tier: Tier | None = None
    source: Literal["web", "referral"] | None = None
    contact: Contact | None = None
    contacts: list[str] = field(default_factory=list)
    signed_at: datetime | None = None
    due: date | None = None
    entered_at: datetime | None = None


class ModelDeal(BaseModel):
    amount: Decimal | None = None
    tier: Tier | None = None
    source: Literal["web", "referral"] | None = None
    contact: Contact | None = None
    contacts: list[str] = []
    signed_at: datetime | None = None
    due: date | None = None
    entered_at: datetime | None = None


@attrs.define
class AttrsDeal:
    amount: Decimal | None = None
    tier: Tier | None = None
    source: Literal["web", "referral"] | None = None
    contact: Contact | None = None
    contacts: list[str] = attrs.Factory(list)
    signed_at: datetime | None = None
    due: date | None = None
    entered_at: datetime | None = None


class DictDeal(TypedDict, total=False):
    amount: Decimal
    tier: Tier
    source: Literal["web", "referral"]
    contact: Contact
    contacts: list[str]
    signed_at: datetime
    due: date
    entered_at: datetime


class AnnotatedDeal:
    amount: Decimal
    tier: Tier
    source: Literal["web", "referral"]
    contact: Contact
    contacts: list[str]
    signed_at: datetime
    due: date

    @property
    def entered_at(self) -> datetime:
        return self.signed_at


every_deal_type = pytest.mark.parametrize("deal_type", [DataDeal, ModelDeal, AttrsDeal, DictDeal, AnnotatedDeal])


@every_deal_type
@pytest.mark.parametrize(
    "rule",
    [
        fact("amount") >= 10,
        fact("amount") > 1.5,
        fact("amount").between(1, 2.5),
        fact("due").between(date(2026, 1, 1), date(2026, 2, 1)),
        fact("tier") == "gold",
        fact("source").one_of("web", "referral"),
        fact("contact.email").is_known(),
        fact("contacts").contains("ana"),
        fact("contacts").distinct() >= 2,
        fact("signed_at").before(now()),
        fact("due") > date(2026, 1, 1),
        fact("contact.email").matches("*@*"),
        time_in_stage() > days(7),
    ],
    ids=str,
)
def test_criteria_that_fit_the_deal_type_are_no_problem(deal_type: Any, rule: Rule) -> None:
    assert codes(asking(Criterion(key="fits", rule=rule)), deal_type) == []


@every_deal_type
@pytest.mark.parametrize(
    ("rule", "code", "words"),
    [
        (fact("amuont") >= 10, "unknown_fact", "did you mean 'amount'"),
        (fact("contact.emial").is_known(), "unknown_fact", "did you mean 'email'"),
        (fact("contacts.email").is_known(), "unknown_fact", "has no 'email'"),
        (fact("amount") >= "10", "incomparable_types", "amount is a number, and '10' is text"),
        (fact("amount") == "10", "incomparable_types", "'10' is text"),
        (fact("tier") >= "gold", "incomparable_types", "an enum"),
        (fact("tier") == "glod", "literal_outside", "did you mean 'gold'"),
        (fact("source").one_of("web", "refferal"), "literal_outside", "did you mean 'referral'"),
        (fact("contacts") >= 2, "incomparable_types", "a collection"),
        (fact("contacts").contains(3), "incomparable_types", "3 is a number"),
        (fact("amount").count() >= 2, "incomparable_types", "no collection"),
        (fact("amount").contains("1"), "incomparable_types", "only text and collections"),
        (fact("amount").matches("1*"), "incomparable_types", "text alone"),
        (fact("due") < datetime(2026, 1, 1, tzinfo=UTC), "incomparable_types", "is a time"),
        (fact("signed_at") < date(2026, 1, 1), "incomparable_types", "is a date"),
        (fact("due").before(now()), "incomparable_types", "now is a time"),
        (fact("amount") < fact("contact.email"), "incomparable_types", "contact.email is text"),
        (fact("signed_at") > timedelta(days=1), "incomparable_types", "a length of time"),
    ],
    ids=str,
)
def test_criteria_that_do_not_fit_the_deal_type_are_found(deal_type: Any, rule: Rule, code: str, words: str) -> None:
    (problem,) = problems(asking(Criterion(key="misfit", rule=rule)), deal_type)
    assert problem.code == code
    assert words in problem.message


def test_both_ends_of_a_range_must_fit_the_deal_type() -> None:
    """Each end of a range that is of another type than the fact is reported."""
    misfit = Criterion(key="misfit", rule=fact("amount").between("10", "20"))
    messages = [problem.message for problem in problems(asking(misfit), DataDeal)]
    assert [message.rpartition(" and ")[2] for message in messages] == ["'10' is text", "'20' is text"]


def test_a_property_that_says_nothing_and_a_plain_class_are_taken_at_their_word() -> None:
    class Loose:
        stage: str

        def __init__(self) -> None:
            self.amount = 1

        @property
        def score(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - what is tested
            return 3

    assert codes(asking((fact("amount") > 1) & (fact("score") > "a")), Loose) == []
    assert codes(asking(fact("anything") > 1), dict) == []


def test_methods_of_the_deal_type() -> None:
    """A method is no fact: it is found where the type is known."""

    @dataclass
    class WithMethod:
        stage: str

        def approved(self) -> bool:
            return False

    (problem,) = problems(asking(fact("approved").is_true()), WithMethod)
    assert problem.code == "fact_is_called"
    assert "fact 'approved' is a method of WithMethod, not a value" in problem.message


def test_related_managers_of_sqlalchemy() -> None:
    """A relationship that gives a query is no fact, and the names of mapped attributes are known."""
    sa, orm = pytest.importorskip("sqlalchemy"), pytest.importorskip("sqlalchemy.orm")
    base = orm.declarative_base()

    class Contact(base):
        __tablename__ = "contact"
        id = sa.Column(sa.Integer, primary_key=True)
        deal_id = sa.Column(sa.ForeignKey("deal.id"))

    class Deal(base):
        __tablename__ = "deal"
        id = sa.Column(sa.Integer, primary_key=True)
        amount = sa.Column(sa.Integer)
        contacts = orm.relationship(Contact, lazy="dynamic")

    assert codes(asking((fact("amount") > 1) & fact("contacts").is_known()), Deal) == ["fact_is_called"]
    (problem,) = problems(asking(fact("amuont") > 1), Deal)
    assert "did you mean 'amount'?" in problem.message


@pytest.mark.parametrize("deal_type", ["Deal", 42, object, type("Bare", (), {})], ids=str)
def test_types_that_say_nothing(deal_type: Any) -> None:
    """A deal type that does not say which facts there are is reported, and not taken for one that fits."""
    assert codes(asking(fact("amount") > 1), deal_type) == ["unreadable_type"]


def test_names_are_looked_up_as_the_engine_is_told_to() -> None:
    assert codes(asking(fact("mail").is_known()), DataDeal, facts={"mail": "contact.email"}) == []


def test_activities_cannot_be_ticked_where_the_deal_has_no_place_for_them() -> None:
    found = problems(SIX_STEP, DataDeal)
    ticks = [problem for problem in found if problem.code == "activity_never_ticked"]
    assert len(ticks) == sum(len(stage.activities) for stage in SIX_STEP.stages)
    assert "DataDeal has no 'done'" in ticks[0].message


def test_activities_cannot_be_ticked_in_a_list_of_numbers() -> None:
    @dataclass
    class Numbers:
        done: list[int]

    assert codes(asking(activities=(Activity(key="pitch"),)), Numbers) == ["activity_never_ticked"]


def test_more_distinct_values_than_there_are_is_found() -> None:
    @dataclass
    class Channels:
        used: list[Literal["phone", "email"]]

    assert codes(asking(fact("used").distinct() >= 3), Channels) == ["never_met"]
    assert codes(asking(fact("used").distinct() >= 2), Channels) == []


def test_the_docs_name_every_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "assurance.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"| `{code}` |" not in page] == []


# Laws

GRID = [None, *(number / 2 for number in range(-2, 9))]


def leaves() -> st.SearchStrategy[Rule]:
    name, number = st.sampled_from(["x", "y"]), st.integers(0, 3)
    compare = st.builds(
        lambda name, op, number: {
            "<": fact(name) < number,
            "<=": fact(name) <= number,
            ">": fact(name) > number,
            ">=": fact(name) >= number,
            "==": fact(name) == number,
            "!=": fact(name) != number,
        }[op],
        name,
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        number,
    )
    listed = st.builds(lambda name, numbers: fact(name).one_of(*numbers), name, st.lists(number, max_size=2))
    # Like the other numbers, both ends lie within the grid, with values on each side of them.
    between = st.builds(lambda name, ends: fact(name).between(*sorted(ends)), name, st.tuples(number, number))
    return st.one_of(compare, listed, between, st.builds(lambda name: fact(name).is_known(), name))


RULES = st.recursive(
    leaves(),
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(lambda rules: AllOf(tuple(rules)), st.lists(inner, max_size=3)),
        st.builds(lambda rules: AnyOf(tuple(rules)), st.lists(inner, max_size=3)),
        st.builds(lambda count, rules: AtLeast(count, tuple(rules)), st.integers(0, 3), st.lists(inner, max_size=3)),
    ),
    max_leaves=6,
)


def statuses(*rules: Rule) -> Iterator[tuple[str, ...]]:
    """What the rules come to on every deal of the grid, as the engine's own gates have it."""
    gate = Gate([Criterion(key="k", rule=rule) for rule in rules])
    for x, y in product(GRID, GRID):
        values = gate.read({"x": x, "y": y}, None, None)
        yield tuple(found.status for found in gate.findings(values, gate.judge(values)))


@given(RULES)
@settings(max_examples=120, deadline=None)
def test_a_rule_is_judged_as_trying_every_value_judges_it(rule: Rule) -> None:
    tried = {status for (status,) in statuses(rule)}
    assert impossible(rule) == ("met" not in tried)
    assert impossible(Not(rule)) == ("unmet" not in tried)


@given(RULES, RULES)
@settings(max_examples=120, deadline=None)
def test_one_rule_implies_another_where_trying_every_value_finds_no_exception(left: Rule, right: Rule) -> None:
    assert implies([left], [right]) == all(b == "met" for a, b in statuses(left, right) if a == "met")


@st.composite
def random_processes(draw: st.DrawFn) -> SalesProcess:
    kinds = [
        *["open"] * draw(st.integers(1, 4)),
        *draw(st.lists(st.sampled_from(["on_hold", "lost"]), max_size=1)),
        "won",
    ]
    criteria = st.lists(leaves(), max_size=2).map(
        lambda rules: [Criterion(key=f"k{number}", rule=rule) for number, rule in enumerate(rules)]
    )
    keys = [f"s{number}" for number in range(len(kinds))]
    stages = [Stage(key=key, kind=kind, exit_criteria=draw(criteria)) for key, kind in zip(keys, kinds, strict=True)]
    pairs = draw(st.lists(st.tuples(st.sampled_from(keys), st.sampled_from(keys)), max_size=8, unique=True))
    moves = [
        Transition(trigger=f"to_{dest}", source=source, dest=dest, criteria=draw(criteria)) for source, dest in pairs
    ]
    return SalesProcess(key="p", stages=stages, transitions=moves)


def walked(process: SalesProcess) -> dict[str, set[str]]:
    """For each stage, those that some deal of the grid can be moved to, tried on an engine."""
    engine = Engine(process)
    found: dict[str, set[str]] = {stage.key: set() for stage in process.stages}
    for source, (x, y) in product(found, product(GRID, GRID)):
        for decision in engine.options({"stage": source, "x": x, "y": y}):
            if decision and decision.dest is not None:
                found[source].add(decision.dest)
    return found


def ahead(moves: dict[str, set[str]], key: str) -> set[str]:
    seen, waiting = {key}, [key]
    while waiting:
        for dest in moves[waiting.pop()] - seen:
            seen.add(dest)
            waiting.append(dest)
    return seen


STRANDING = {"no_way_out", "no_way_to_close", "cycle_without_exit"}


@given(random_processes())
@settings(max_examples=60, deadline=None)
def test_a_process_without_problems_strands_no_deal_and_one_with_them_does(process: SalesProcess) -> None:
    moves = walked(process)
    closed = {stage.key for stage in process.stages if stage.kind in {"won", "lost"}}
    stranded = {key for key in moves if not ahead(moves, key) & closed}
    found = problems(process)
    assert bool(stranded) == any(problem.code in STRANDING for problem in found)
    unreached = set(moves) - ahead(moves, process.initial.key)
    keys = [stage.key for stage in process.stages]
    told = {keys[int(problem.path[7:-1])] for problem in found if problem.code == "unreachable_stage"}
    assert told == unreached


@given(random_processes())
@settings(max_examples=40, deadline=None)
def test_every_problem_has_a_known_code_and_a_place(process: SalesProcess) -> None:
    for problem in problems(process):
        assert problem.code in CODES
        assert problem.path.startswith(("stages", "transitions"))


# Held against python-statemachine

PEERS = {
    "unreachable": ("a>b b>won island>won", "unreachable_stage"),
    "trap": ("a>b a>won a>trap", "no_way_out"),
    "no path to a final state": ("a>won a>b b>c c>b", "cycle_without_exit"),
    "out of a final state": ("a>won won>a", "leaves_closed"),
}


@pytest.mark.parametrize("defect", PEERS)
def test_every_defect_that_python_statemachine_finds_is_found_here(defect: str) -> None:
    moves, code = PEERS[defect]
    with pytest.raises(_invalid_definition()):
        _as_state_machine(moves)
    assert code in codes(graph(moves))


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["a", "b", "c", "d", "won"])), max_size=8, unique=True)
)
@settings(max_examples=60, deadline=None)
def test_nothing_that_python_statemachine_refuses_is_let_pass_here(pairs: list[tuple[str, str]]) -> None:
    invalid = _invalid_definition()
    moves = " ".join(f"{source}>{dest}" for source, dest in [("a", "won"), *pairs] if source != dest)
    assume(len(set(moves.split())) == len(moves.split()))
    try:
        _as_state_machine(moves)
    except invalid:
        found = set(codes(graph(moves)))
        assert found & {"unreachable_stage", "no_way_out", "no_way_to_close", "cycle_without_exit", "leaves_closed"}


def _invalid_definition() -> type[Exception]:
    exceptions = pytest.importorskip("statemachine.exceptions", reason="python-statemachine is not installed")
    refused: type[Exception] = exceptions.InvalidDefinition
    return refused


def _as_state_machine(moves: str) -> Any:
    """The same definition as a class of python-statemachine, whose checks run as it is made."""
    statemachine = pytest.importorskip("statemachine", reason="python-statemachine is not installed")
    pairs = [move.split(">") for move in moves.split()]
    keys = dict.fromkeys(key for pair in pairs for key in pair)
    states = {key: statemachine.State(initial=key == "a", final=key == "won") for key in keys}
    events: dict[str, Any] = {}
    for source, dest in pairs:
        move = states[source].to(states[dest])
        events[f"to_{dest}"] = events[f"to_{dest}"] | move if f"to_{dest}" in events else move
    return type(statemachine.StateMachine)("Chart", (statemachine.StateMachine,), {**states, **events})
