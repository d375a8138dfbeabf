"""What the tests of criteria share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from salesprocess import Engine, SalesProcess, Stage

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import Criterion, Finding
    from salesprocess.criteria import Rule


def ask_engine(rule: Rule | Criterion, deal: object = None, **options: Any) -> Finding:
    """Return what a criterion comes to on a deal."""
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", exit_criteria=rule), Stage(key="w", kind="won")])
    engine_options = {name: options.pop(name) for name in ("facts", "predicates", "clock") if name in options}
    engine: Engine[Any] = Engine(process, **engine_options)
    facts = deal if isinstance(deal, dict) else {}
    decision = engine.check(
        {"stage": "a", **facts} if deal is None or isinstance(deal, dict) else deal, "win", **options
    )
    (finding,) = decision.findings
    return finding


@pytest.fixture
def ask() -> Callable[..., Finding]:
    """A function that asks an engine for one rule on one deal."""
    return ask_engine
