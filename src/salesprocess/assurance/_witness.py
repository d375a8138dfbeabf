"""A deal that meets criteria, to show that one can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from salesprocess._gate import Gate, Lookup
from salesprocess.assurance._facts import Constraint, Known, bounds_of, facts_of, listed_values
from salesprocess.assurance._ways import IS_MET, a_way, effective
from salesprocess.criteria import Criterion

_ORDINARY: tuple[Any, ...] = (True, "x", 0, 1, False)


def witness(criteria: Sequence[Criterion]) -> dict[str, Any] | None:
    """Facts of a deal that meets all criteria: tried on their gate. `None` where none was found."""
    way = a_way([(effective(criterion), IS_MET) for criterion in criteria])
    if way is None:
        return None
    deal: dict[str, Any] = {}
    for (source, path), known in facts_of(way).items():
        if source != "fact" or path is None:
            return None
        if known.present:
            _put(deal, path, _value(known))
    return deal if _meets(deal, criteria) else None


def _meets(deal: dict[str, Any], criteria: Sequence[Criterion]) -> bool:
    try:
        gate = Gate(criteria, Lookup({}, {}, lambda: datetime.now(UTC)))
    except KeyError:
        return False  # a predicate: only the host can say
    return gate.judge_each(gate.read_each(deal, None, None)) is None


def _put(deal: dict[str, Any], path: str, value: Any) -> None:
    *owners, last = path.split(".")
    for name in owners:
        held = deal.setdefault(name, {})
        deal = held if isinstance(held, dict) else {}
    deal[last] = value


def _value(known: Known) -> Any:
    """A value that fits, or one that will be found not to."""
    plain = known.constraints.get(None, [])
    counts = [*known.constraints.get("count", ()), *known.constraints.get("distinct", ())]
    held = list(dict.fromkeys(each.value for each in plain if each.op == "contains" and each.holds))
    if counts:
        for size in range(len(held), len(held) + 100):
            if all(each.allows(size) for each in counts):
                return held + [f"item {number}" for number in range(size - len(held))]
    if held and all(isinstance(each, str) for each in held):
        return held
    return next((value for value in _candidates(plain) if all(each.allows(value) for each in plain)), None)


def _candidates(constraints: Sequence[Constraint]) -> Iterable[Any]:
    listed = listed_values(constraints)
    if listed is not None:
        yield from listed
    lower, upper = bounds_of(constraints)
    for bound in (lower, upper):
        if bound is not None:
            yield bound.value
            yield from _beside(bound.value)
    if lower is not None and upper is not None and not isinstance(lower.value, str):
        yield lower.value + (upper.value - lower.value) / 2
    yield from _ordinary(constraints)


def _ordinary(constraints: Sequence[Constraint]) -> Iterable[Any]:
    yield from _ORDINARY
    for each in constraints:
        if each.op == "matches" and each.holds:
            yield str(each.value).replace("*", "").replace("?", "x")
        if each.op == "!=":
            yield from _beside(each.value)


def _beside(value: Any) -> Iterable[Any]:
    if isinstance(value, str):
        return [f"{value}x", ""]
    step: Any = 1 if not hasattr(value, "year") and not isinstance(value, timedelta) else timedelta(days=1)
    return [value + step, value - step]
