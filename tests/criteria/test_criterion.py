"""Criteria and findings as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from salesprocess import Criterion, Engine, SalesProcess, Stage, context, days, fact, now, predicate, time_in_stage
from salesprocess.criteria import required
from salesprocess.formats import json_

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Finding

    Ask = Callable[..., Finding]


def test_frozen(ask: Ask) -> None:
    """Criteria and findings are frozen."""
    criterion = Criterion(key="fit", rule=fact("fits").is_true())
    finding = ask(criterion)
    with pytest.raises(ValidationError, match="frozen"):
        criterion.severity = "advisory"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        finding.status = "met"  # type: ignore[misc]
    assert not hasattr(finding, "__dict__")


def test_equal_findings(ask: Ask) -> None:
    """Two findings are equal whatever exception an errored one holds."""

    def broken(_deal: object) -> bool:
        raise RuntimeError("no network")

    first, second = (ask(predicate("credit"), predicates={"credit": broken}) for _ in range(2))
    assert first == second
    assert first.error is not second.error


def test_facts() -> None:
    """A criterion knows the facts that it looks at, those of its `when` included, each once."""
    criterion = Criterion(
        key="discount",
        rule=(fact("price") >= fact("list_price")) | (context("role") == "manager") | (time_in_stage() > days(3)),
        when=(fact("price") < 100) & fact("region").is_known(),
    )
    assert criterion.facts() == ("price", "list_price", "region")
    assert Criterion(key="k", rule=now() > now()).facts() == ()


def test_advisory() -> None:
    """An advisory criterion reports and never blocks."""
    advice = Criterion(key="call", rule=fact("called").is_true(), severity="advisory")
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=advice), Stage(key="w", kind="won")])
    decision = Engine[dict[str, Any]](process).check({"stage": "a", "called": False}, "win")
    assert decision.allowed
    assert [found.key for found in decision.advisories] == ["call"]


def test_required(ask: Ask) -> None:
    """`required` leaves out the advisory ones, of criteria and of findings."""
    rule = fact("called").is_true()
    must, may = Criterion(key="must", rule=rule), Criterion(key="may", rule=rule, severity="advisory")
    assert required([may, must]) == (must,)
    findings = ask(must), ask(may)
    assert required(findings) == findings[:1]


def test_condition() -> None:
    """The condition of a criterion is met where its `when` does not hold."""
    rule, when = fact("legal").is_true(), fact("amount") >= 1000
    assert Criterion(key="legal", rule=rule).condition == rule
    assert Criterion(key="legal", rule=rule, when=when).condition == (~when | rule)


def test_stored_about_and_confidential() -> None:
    """Who a criterion is about and whether it is confidential is stored where it is not the default."""
    plain = Criterion(key="k", rule=fact("x").is_true())
    special = Criterion(key="k", rule=plain.rule, about="caller", confidential=True)
    for word in ("about", "confidential"):
        assert word not in json_.dumps(_process(plain))
        assert word in json_.dumps(_process(special))
    assert json_.loads(json_.dumps(_process(special))) == _process(special)


def test_meaning_of_about_and_confidential() -> None:
    """Who a criterion is about is part of what a process means; that it is confidential is not."""
    rule = fact("x").is_true()
    plain, about, confidential = (
        _process(Criterion(key="x", rule=rule, **options)).fingerprint
        for options in ({}, {"about": "caller"}, {"confidential": True})
    )
    assert plain == confidential == _process(rule).fingerprint
    assert plain != about


def _process(criterion: Any) -> SalesProcess:
    return SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=criterion), Stage(key="w", kind="won")])
