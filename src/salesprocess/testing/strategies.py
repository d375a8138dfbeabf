"""Deals made from criteria: each is built to come out as asked, none is drawn and thrown away."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from hypothesis import strategies as st

from salesprocess.assurance.host_types import HostType, type_of_argument
from salesprocess.assurance.solver.search import RuleLike
from salesprocess.assurance.value_types import type_options
from salesprocess.criteria import Criterion, required
from salesprocess.criteria.rules import leaves
from salesprocess.history import History
from salesprocess.process import SalesProcess
from salesprocess.testing.deal_building import Facts, Gap, condition, solve
from salesprocess.testing.history_strategies import histories_along
from salesprocess.testing.host_values import MONDAY, built, fits
from salesprocess.testing.process_paths import paths

__all__ = ["deals_at", "deals_failing", "deals_meeting"]

DealT = TypeVar("DealT")

_FAR = 10**9
_PATHS = 5


def deals_meeting(
    criterion: RuleLike | Iterable[RuleLike],
    deal_type: Callable[..., DealT],
    *,
    facts: Mapping[str, str] | None = None,
    at: datetime = MONDAY,
    **given: Any,
) -> st.SearchStrategy[DealT]:
    """Deals on which a criterion is met, or several are: in each way in which it can be, up to its boundaries.

    `facts` is the engine's; `at` is the time for criteria that ask for it; `given` has values, or strategies, for
    other fields. Fields that the type needs besides get anything of their type.

    Raises:
        ValueError: if there are no such deals.
    """
    rules = _rules(criterion)
    return _deals(list(_variants(rules, [], deal_type, facts, at)), deal_type, facts, given, rules, "meets")


def deals_failing(
    criterion: RuleLike,
    deal_type: Callable[..., DealT],
    *,
    facts: Mapping[str, str] | None = None,
    at: datetime = MONDAY,
    **given: Any,
) -> st.SearchStrategy[DealT]:
    """Deals on which a criterion is not met: unmet in each way in which it can be, just short of it too, and unknown.

    Raises:
        ValueError: if there are no such deals.
    """
    rule = condition(criterion)
    unmet = _variants([~rule], [], deal_type, facts, at)
    unknown = _variants([], [rule, ~rule], deal_type, facts, at)
    return _deals([*unmet, *unknown], deal_type, facts, given, [rule], "fails")


def deals_at(
    process: SalesProcess,
    stage: str,
    deal_type: Callable[..., DealT],
    *,
    attribute: str = "stage",
    facts: Mapping[str, str] | None = None,
    at: datetime = MONDAY,
    **given: Any,
) -> st.SearchStrategy[tuple[DealT, History]]:
    """Deals that came to a stage in a legal way, with the facts that took them there, each with its history.

    `attribute` is the name under which the deal keeps its stage. The history ends at `at` at the latest.

    Raises:
        ValueError: for a stage that no deal gets to.
    """
    options = []
    for path in islice(paths(process, to=stage, kind="simple"), _PATHS):
        rules = [condition(each) for each in required(path.criteria)]
        found = list(_variants(rules, [], deal_type, facts, at, few=True))
        if found:
            deals = _deals(found, deal_type, facts, {**given, attribute: stage}, [], "walks")
            options.append(st.tuples(deals, histories_along(path, at)))
    if not options:
        raise ValueError(f"no {HostType(deal_type).name} gets to {stage!r} in a legal way")
    return st.one_of(options)


def _rules(criterion: RuleLike | Iterable[RuleLike]) -> list[Any]:
    several = [criterion] if isinstance(criterion, Criterion) or not isinstance(criterion, Iterable) else criterion
    return [condition(each) for each in several]


def _variants(
    met: list[Any],
    not_met: list[Any],
    deal_type: Any,
    names: Mapping[str, str] | None,
    at: datetime,
    *,
    few: bool = False,
) -> Iterator[Facts]:
    """Solutions in which each comparison has, in turn, each status that it can have."""

    def hints(path: str) -> Any:
        return type_of_argument(deal_type, (names or {}).get(path, path))

    tries = [(met, not_met)]
    for atom in () if few else {str(each.data()): each for each in leaves(*met, *not_met)}.values():
        tries += [([*met, atom], not_met), ([*met, ~atom], not_met), (met, [*not_met, atom, ~atom])]
    for wanted, unwanted in tries:
        found = solve(wanted, unwanted, hints=hints, at=at)
        if found is not None:
            yield found


def _deals(
    options: list[Facts],
    deal_type: Any,
    names: Mapping[str, str] | None,
    given: Mapping[str, Any],
    rules: list[Any],
    what: str,
) -> st.SearchStrategy[Any]:
    if not options:
        raise ValueError(f"no {HostType(deal_type).name} {what} {'; '.join(map(str, rules))}")
    return st.one_of([_built(each, deal_type, names or {}, given) for each in options])


def _built(found: Facts, deal_type: Any, names: Mapping[str, str], given: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    each = {path: _values(path, found, type_of_argument(deal_type, names.get(path, path))) for path in found.classes}
    together = [st.sampled_from(options) for options in found.joint]
    paths_set = [names.get(path, path).partition(".")[0] for options in found.joint for path in options[0]]
    paths_set += [names.get(path, path).partition(".")[0] for path in found.classes]
    rest = {
        name: _any_of(argument.annotation)
        for name, argument in HostType(deal_type).arguments.items()
        if argument.required and name not in {*paths_set, *given}
    }
    rest |= {name: value if isinstance(value, st.SearchStrategy) else st.just(value) for name, value in given.items()}

    def build(parts: tuple[dict[str, Any], ...]) -> Any:
        *values, others = parts
        known = {names.get(path, path): value for part in values for path, value in part.items() if value is not None}
        return built(deal_type, known, others)

    return st.tuples(st.fixed_dictionaries(each), *together, st.fixed_dictionaries(rest)).map(build)


def _values(path: str, found: Facts, hint: Any) -> st.SearchStrategy[Any]:
    options: list[st.SearchStrategy[Any]] = [st.sampled_from(found.classes[path])]
    for gap in found.gaps.get(path, []):
        if fits(1, hint):
            options += _whole_numbers(gap)
        elif fits(1.5, hint):
            low, high = -_FAR if gap.low is None else gap.low, _FAR if gap.high is None else gap.high
            options.append(st.floats(low, high, exclude_min=True, exclude_max=True))
    return st.one_of(options)


def _any_of(annotation: Any) -> st.SearchStrategy[Any]:
    options = type_options(annotation)
    return st.none() if Any in options else st.one_of([st.from_type(each) for each in options])


def _whole_numbers(gap: Gap) -> Iterator[st.SearchStrategy[int]]:
    low = -_FAR if gap.low is None else int(gap.low // 1) + 1
    high = _FAR if gap.high is None else -int(-gap.high // 1) - 1
    if low <= high:
        yield st.integers(low, high)
