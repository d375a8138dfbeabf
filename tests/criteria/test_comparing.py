"""What can be compared with what, and the laws that every comparison keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, Engine, SalesProcess, Stage, days, fact, hours, now, predicate, time_in_stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Finding
    from salesprocess.criteria import Rule

    Ask = Callable[..., Finding]

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NAIVE = datetime(2026, 3, 2, 12)  # noqa: DTZ001 - what a host may have
AMBIGUOUS = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN)


class Segment(Enum):
    LARGE = "large"
    SMALL = "small"


class Tier(Enum):
    ONE = 1


VALUES = [
    *(
        "a",
        "1",
        "",
        "large",
        0,
        1,
        -3,
        2**53 + 1,
        10**30,
        True,
        False,
        0.1,
        1.0,
        1.5,
        1e300,
        Decimal("0.1"),
        Decimal(1),
    ),
    *(
        NOON,
        NOON.astimezone(BERLIN),
        NOON.astimezone(timezone(days(0) + hours(5))),
        AMBIGUOUS,
        AMBIGUOUS.replace(fold=1),
    ),
    *(NOON.date(), timedelta(0), days(1), hours(24), Segment.LARGE, Segment.SMALL, Tier.ONE),
]
ONLY_FACTS = [NAIVE, [], ["a"], ["a", 1], {"a"}, float("inf"), None, float("nan"), b"a", SimpleNamespace()]
literals = st.sampled_from(VALUES)
values = st.sampled_from([*VALUES, *ONLY_FACTS])
NEGATED = {"met": "unmet", "unmet": "met", "unknown": "unknown", "errored": "errored"}


def status(rule: Rule, **facts: Any) -> str:
    """What an engine finds."""
    stages = [Stage(key="s", exit_criteria=Criterion(key="k", rule=rule)), Stage(key="w", kind="won")]
    process = SalesProcess.linear(key="p", stages=stages)
    return Engine[Any](process).check({"stage": "s", **facts}, "win", at=NOON).findings[0].status


@settings(deadline=None)
@given(values, literals)
def test_equal_or_different(found: Any, literal: Any) -> None:
    """`==` and `!=` are never both met, nor both unmet."""
    assert status(fact("x") != literal, x=found) == NEGATED[status(fact("x") == literal, x=found)]


@settings(deadline=None)
@given(values, values)
@example([], b"a")
def test_either_side(a: Any, b: Any) -> None:
    """The answer does not depend on which side a value stands."""
    left, right = fact("a"), fact("b")
    assert status(left == right, a=a, b=b) == status(right == left, a=a, b=b)
    assert status(left < right, a=a, b=b) == status(right > left, a=a, b=b)
    assert status(left <= right, a=a, b=b) == status(right >= left, a=a, b=b)


@settings(deadline=None)
@given(values, literals)
def test_fact_or_literal(found: Any, value: Any) -> None:
    """A value says the same as a literal and as another fact."""
    assert status(fact("x") == value, x=found) == status(fact("x") == fact("y"), x=found, y=value)
    assert status(fact("x") >= value, x=found) == status(fact("x") >= fact("y"), x=found, y=value)
    assert status(fact("x").one_of(value), x=found) == status(fact("x") == value, x=found)
    assert status(fact("x").contains(value), x=[None, found]) in {
        status(fact("x") == value, x=found),
        "unmet" if found is None or found != found else "",  # noqa: PLR0124 - NaN
    }


@settings(deadline=None)
@given(values, literals)
@example(AMBIGUOUS.astimezone(UTC), AMBIGUOUS)
def test_json_round_trip(found: Any, literal: Any) -> None:
    """A process decides the same after a JSON round trip, and is equal to what it was."""
    rules = [fact("x") == literal, fact("x") <= literal, fact("x").one_of(literal), fact("x").contains(literal)]
    criteria = [Criterion(key=f"c{number}", rule=rule) for number, rule in enumerate(rules)]
    process = SalesProcess.linear(
        key="p", stages=[Stage(key="s", exit_criteria=tuple(criteria)), Stage(key="w", kind="won")]
    )
    loaded = SalesProcess.model_validate_json(process.model_dump_json())
    assert loaded == process
    deal = {"stage": "s", "x": found}
    first, second = (Engine[Any](each).check(deal, "win").findings for each in (process, loaded))
    assert [each.status for each in first] == [each.status for each in second]


@settings(deadline=None)
@given(st.datetimes(), st.datetimes(), st.sampled_from([BERLIN, ZoneInfo("America/New_York")]), st.integers(0, 1))
@example(datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 1, 30), BERLIN, 1)  # noqa: DTZ001 - given a zone below
def test_zones(a: datetime, b: datetime, zone: ZoneInfo, fold: int) -> None:
    """Moments are compared as moments, whatever their zones."""
    a, b = (each.replace(year=2026, day=min(each.day, 28), tzinfo=zone, fold=fold) for each in (a, b))
    for rule in (fact("a") < fact("b"), fact("a") == fact("b")):
        assert status(rule, a=a, b=b) == status(rule, a=a.astimezone(UTC), b=b.astimezone(UTC))


@pytest.mark.parametrize(
    ("value", "literal"),
    [
        (NAIVE, NOON),
        (NOON.date(), NOON),
        ("2026-03-02T12:00:00+00:00", NOON),
        (NOON, NOON.date()),
        ("1", 1),
        (1, "1"),
        (True, 1),
        (1, True),
        (0, False),
        (["a"], "a"),
        (days(1), 86_400),
        (Segment.LARGE, 1),
        (b"a", "a"),
    ],
    ids=repr,
)
def test_what_cannot_be_compared(value: object, literal: Any) -> None:
    """Two values that cannot be compared are errored for every operator."""
    x = fact("x")
    rules = [x == literal, x != literal, x < literal, x >= literal, x.one_of(literal), x.between(literal, literal)]
    assert {status(rule, x=value) for rule in rules} == {"errored"}
    assert status(x.contains(literal), x=[value]) == "errored"
    assert status(x == fact("y"), x=value, y=literal) == status(x != fact("y"), x=literal, y=value) == "errored"


def test_mixed_lists() -> None:
    """Among values of several kinds, a value is compared with those that it can be compared with."""
    assert [status(fact("x").one_of("n/a", 0), x=value) for value in ("n/a", 0, 5, True)] == [
        *("met", "met", "unmet", "errored")
    ]
    assert [status(fact("x").contains("a"), x=value) for value in (["a", 1], [1, "b"], [None], [1])] == [
        *("met", "unmet", "unmet", "errored")
    ]


def test_collections() -> None:
    """Collections are equal item by item, as single values are, and have no order."""
    a, b = fact("a"), fact("b")
    assert status(a == b, a=[Decimal("0.1"), Segment.LARGE], b=(0.1, "large")) == "met"
    assert status(a == b, a=[1], b=[True]) == "errored"
    assert status(a < b, a=[1], b=[2]) == "errored"


def test_enums_on_both_sides() -> None:
    """A member of an enum stands for its value, wherever it is."""
    assert status(fact("a") == fact("b"), a="large", b=Segment.LARGE) == "met"
    assert status(fact("a") == fact("b"), a=Segment.LARGE, b="large") == "met"
    assert status(fact("a") < fact("b"), a=0, b=Tier.ONE) == "met"


@pytest.mark.parametrize("rule", [fact("x") >= 0.1, fact("x") == 0.1, fact("x").between(0.1, 0.2)], ids=str)
def test_decimal_and_float(rule: Rule) -> None:
    """A decimal is compared with a float as the decimal that the float is written as."""
    assert status(rule, x=Decimal("0.1")) == "met"


def test_whole_numbers_are_compared_exactly() -> None:
    """A whole number that no float equals is different from the float next to it."""
    assert status(fact("x") == float(2**53), x=2**53 + 1) == "unmet"


def test_time_in_stage_across_a_change_of_the_clocks() -> None:
    """The time in a stage is counted between moments: a day of 25 hours lasts longer than 24."""
    entered = datetime(2026, 10, 24, 12, tzinfo=BERLIN)
    stages = [Stage(key="s", exit_criteria=time_in_stage() >= hours(25)), Stage(key="w", kind="won")]
    engine = Engine[Any](SalesProcess.linear(key="p", stages=stages))
    deal = {"stage": "s", "entered_at": entered}
    assert engine.check(deal, "win", at=datetime(2026, 10, 25, 12, tzinfo=BERLIN)).allowed
    assert not engine.check(deal, "win", at=datetime(2026, 10, 25, 11, tzinfo=BERLIN)).allowed
    assert engine.check({"stage": "s", "entered_at": NAIVE}, "win", at=NOON).kind == "errored"


class Related:
    """Stands for a manager of Django, by what all of them have."""

    def get_queryset(self) -> list[object]:
        return []


class Deal:
    def __init__(self) -> None:
        self.stage, self.contacts, self.made = "a", Related(), (number for number in range(3))

    def approved(self) -> bool:
        return False


RULES_OF_APPROVED: list[Callable[[Any], Rule]] = [
    lambda x: x.is_true(),
    lambda x: x.is_known(),
    lambda x: x == "a",
    lambda x: x != 1,
    lambda x: x > now(),
    lambda x: x == fact("missing"),
    lambda x: fact("missing") == x,
    lambda x: x.count() >= 1,
    lambda x: x.one_of("a"),
    lambda x: x.contains("a"),
    lambda x: x.matches("*"),
]


@pytest.mark.parametrize("make", RULES_OF_APPROVED)
@pytest.mark.parametrize("name", ["approved", "contacts", "made"])
def test_methods_are_no_values(ask: Ask, make: Callable[[Any], Rule], name: str) -> None:
    """A method, a manager or an iterator in place of a value makes the criterion errored, whatever it asks."""
    for deal in (Deal(), {name: getattr(Deal(), name)}):
        finding = ask(make(fact(name)), deal)
        assert finding.status == "errored"
        assert f"fact '{name}' is " in str(finding.error)
        assert finding.facts[name] is None


def test_method_by_name(ask: Ask) -> None:
    """The error says whose method it is, and what to write."""
    error = ask(fact("approved").is_true(), Deal()).error
    assert str(error) == (
        "fact 'approved' is a method of Deal, not a value: make it a property, or call it in a predicate"
    )
    error = ask(fact("approved.name").is_known(), Deal()).error
    assert str(error) == "'approved.name' goes through a method of Deal, which holds no facts"


@pytest.mark.parametrize(
    "result", [lambda: True, (each for each in "ab"), Related()], ids=["function", "generator", "manager"]
)
def test_predicate_that_returns_no_answer(ask: Ask, result: object) -> None:
    """A predicate that returns what would have to be called is errored."""
    assert ask(predicate("p"), {}, predicates={"p": lambda _deal: result}).status == "errored"


def test_predicate_that_returns_nothing(ask: Ask) -> None:
    """A predicate that returns NaN or `pandas.NA` is unknown."""
    pd = pytest.importorskip("pandas")
    for result in (float("nan"), pd.NA, pd.NaT, Decimal("NaN")):
        assert ask(predicate("p"), {}, predicates={"p": lambda _deal, result=result: result}).status == "unknown"


def test_values_of_pandas_and_numpy(ask: Ask) -> None:
    """`pandas.NA` and NaT are unknown, and scalars of numpy are compared as the plain ones."""
    pd, np = pytest.importorskip("pandas"), pytest.importorskip("numpy")
    for unknown in (pd.NA, pd.NaT):
        assert ask(fact("x").is_known(), {"x": unknown}).status == "unmet"
        assert ask(fact("x") != 1, {"x": unknown}).status == "unknown"
    items = [float("nan"), None, pd.NA, pd.NaT, 1, 1.0]
    assert ask(fact("x").count() == 2, {"x": items}).status == "met"
    assert ask(fact("x").distinct() == 1, {"x": items}).status == "met"
    assert ask(fact("x") == True, {"x": np.bool_(True)}).status == "met"  # noqa: E712 - rules
    assert ask(fact("x") == 1, {"x": np.bool_(True)}).status == "errored"
    assert ask(fact("x") >= 2, {"x": np.int64(3)}).status == "met"
    assert ask(fact("x") == NOON, {"x": pd.Timestamp(NOON)}).status == "met"


@pytest.mark.parametrize(
    ("glob", "text", "expected"),
    [
        ("[*]", "*", "met"),
        ("[*]", "a", "unmet"),
        ("a[?]*", "a?b", "met"),
        ("a[?]*", "abb", "unmet"),
        ("[[]*]", "[x]", "met"),
        ("[a]", "[a]", "met"),
        ("[a]", "a", "unmet"),
    ],
)
def test_escaped_wildcards(glob: str, text: str, expected: str) -> None:
    """`[*]`, `[?]` and `[[]` are the characters themselves, and other brackets stand for themselves."""
    assert status(fact("x").matches(glob), x=text) == expected


@pytest.mark.parametrize(
    "value",
    [10**5000, Decimal("NaN"), float("inf"), Decimal("1E+5000"), "a\ud800"],
    ids=["digits", "nan", "inf", "exponent", "surrogate"],
)
def test_literals_that_no_file_keeps(value: object) -> None:
    """A literal that would not come back from a file is refused when the rule is made."""
    with pytest.raises(ValueError, match="digits|cannot compare|half of a character"):
        fact("x") == value  # noqa: B015 - the rule is never made


def test_half_of_a_character() -> None:
    """Half of a surrogate pair is refused in the path of a fact, a pattern, a key and a label too."""
    for make in (lambda: fact("\ud800"), lambda: fact("x").matches("\ud800"), lambda: predicate("\ud800")):
        with pytest.raises(ValueError, match="half of a character"):
            make()
    for name in ("key", "label"):
        with pytest.raises(ValueError, match=name):
            Criterion(**{"key": "k", "rule": fact("x").is_true(), name: "\ud800"})


def test_large_decimals_in_code_and_in_files() -> None:
    """A decimal that a rule takes in code is one that it takes from a file."""
    rule = fact("x") < Decimal("1E+400")
    assert Criterion(key="k", rule=rule.data()) == Criterion(key="k", rule=rule)
    assert status(rule, x=1) == "met"


def test_large_fact_does_not_hide_the_refusal(ask: Ask) -> None:
    """A number of thousands of digits, which Python refuses to write, is shown shortened."""
    text = str(ask(fact("x") < 5, {"x": 10**5000}))
    assert text.startswith("x: expected less than 5, found ")
    assert len(text) < 80
    assert "a number of 5,001 digits" in str(ask(fact("x") < "a", {"x": 10**5000}).error)


def test_deep_rules() -> None:
    """A rule that is nested too deep is refused when it is made."""

    def nested() -> Rule:
        rule = fact("x") > 1
        for _ in range(3_000):
            rule = (rule & fact("y").is_true()) | fact("z").is_true()
        return rule

    with pytest.raises(ValueError, match="nested 40 deep"):
        nested()


@settings(max_examples=20, deadline=None)
@given(st.permutations(VALUES[:20]), literals)
def test_deals_asked_about_before(order: list[Any], literal: Any) -> None:
    """An answer does not depend on the deals that were asked about before."""
    stages = [Stage(key="s", exit_criteria=fact("x") == literal), Stage(key="w", kind="won")]
    engine = Engine[Any](SalesProcess.linear(key="p", stages=stages))
    kinds = [dict, SimpleNamespace]
    for number, value in enumerate(order):
        deal = kinds[number % 2](stage="s", x=value)
        assert engine.check(deal, "win").findings[0].status == status(fact("x") == literal, x=value)
