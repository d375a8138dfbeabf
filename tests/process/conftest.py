"""What the tests of definitions share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from salesprocess import DefinitionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import SalesProcess


@pytest.fixture
def codes() -> Callable[[Callable[[], Any]], dict[str, str]]:
    """A function that returns the code of every problem of a wrong definition, by its path."""

    def codes_of(make: Callable[[], Any]) -> dict[str, str]:
        with pytest.raises(DefinitionError) as caught:
            make()
        problems = caught.value.problems
        assert len(problems) == len({(problem.path, problem.message) for problem in problems})
        return {problem.path: problem.code for problem in problems}

    return codes_of


@pytest.fixture
def triggers() -> Callable[[SalesProcess, str, str], list[str]]:
    """A function that returns the triggers that lead from one stage to another."""
    return lambda process, source, dest: [move.trigger for move in process.graph.out_of[source] if move.dest == dest]
