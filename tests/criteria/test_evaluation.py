"""Three-valued logic: what rules come to when facts are missing or raise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, Engine, SalesProcess, Stage, at_least, fact, predicate

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Finding

    Ask = Callable[..., Finding]


STATUSES = ("met", "unmet", "unknown")
TRUTH = {"t": True, "f": False, "u": None}
NAMES = {"met": "t", "unmet": "f", "unknown": "u"}


@pytest.mark.parametrize("left", STATUSES)
@pytest.mark.parametrize("right", STATUSES)
def test_and_or(ask: Ask, left: str, right: str) -> None:
    """`&` is the worse of two statuses and `|` the better, with unknown between."""
    rank = {"unmet": 0, "unknown": 1, "met": 2}
    a, b = fact(NAMES[left]).is_true(), fact(NAMES[right]).is_true()
    assert ask(a & b, TRUTH).status == min(left, right, key=rank.__getitem__)
    assert ask(a | b, TRUTH).status == max(left, right, key=rank.__getitem__)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(STATUSES), max_size=5), st.integers(0, 5))
def test_at_least(ask: Ask, statuses: list[str], needed: int) -> None:
    """`at_least` is met when enough rules are, unmet when too few can still be, and unknown otherwise."""
    rules = [fact(NAMES[status]).is_true() for status in statuses]
    expected = "unmet"
    if statuses.count("met") >= needed:
        expected = "met"
    elif statuses.count("met") + statuses.count("unknown") >= needed:
        expected = "unknown"
    assert ask(Criterion(key="k", rule=at_least(needed, of=rules)), TRUTH).status == expected


def test_rule_that_raises(ask: Ask) -> None:
    """A criterion that raises is errored, and its finding holds the exception."""
    finding = ask(fact("x") >= 10, {"x": "many"})
    assert finding.status == "errored"
    assert isinstance(finding.error, TypeError)
    assert "raised TypeError" in str(finding)


def test_part_that_raises(ask: Ask) -> None:
    """One part that raises makes the whole rule errored."""
    assert ask((fact("x") >= 10) | fact("t").is_true(), {"x": "many", "t": True}).status == "errored"


def test_when() -> None:
    """A criterion is met where its `when` does not hold, and unknown where that is not known."""
    criterion = Criterion(key="legal", rule=fact("legal").is_true(), when=fact("amount") >= 1000)
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=criterion), Stage(key="w", kind="won")])
    engine: Engine[dict[str, Any]] = Engine(process)
    small = engine.check({"stage": "a", "amount": 5}, "win")
    assert small.allowed
    assert small.findings == ()
    assert [found.status for found in engine.check({"stage": "a", "amount": 5000, "legal": False}, "win").unmet] == [
        "unmet"
    ]
    assert [found.status for found in engine.check({"stage": "a", "legal": False}, "win").unmet] == ["unknown"]


@pytest.mark.parametrize(("result", "status"), [("yes", "met"), ([], "unmet"), (None, "unknown")])
def test_predicate_result(ask: Ask, result: object, status: str) -> None:
    """What a predicate returns is taken as truth, and `None` as unknown."""
    assert ask(predicate("credit_ok"), {}, predicates={"credit_ok": lambda _deal: result}).status == status


def test_predicate_that_raises(ask: Ask) -> None:
    """A predicate that raises makes its criterion errored."""
    assert ask(predicate("p"), {}, predicates={"p": lambda deal: deal["nope"]}).status == "errored"


def test_awaitable_of_a_predicate(ask: Ask) -> None:
    """A predicate that returns an awaitable is refused, since an awaitable is always true."""

    class Later:
        def __await__(self) -> Any:
            yield

    assert ask(predicate("p"), {}, predicates={"p": lambda _deal: Later()}).status == "errored"
