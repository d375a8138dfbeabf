"""A search for values under which rules have the statuses that are demanded."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from salesprocess.assurance.solver.samples import (
    ANSWERED,
    ANY,
    ERRORED_BIT,
    MET_BIT,
    UNKNOWN_BIT,
    UNMET_BIT,
    Atom,
    Constraint,
    Samples,
    samples,
)
from salesprocess.criteria import Criterion
from salesprocess.criteria.evaluation import Test, compiled
from salesprocess.criteria.rules import AtLeast, Comparison, Input, Not, Predicate, Rule, literals

Values: TypeAlias = dict[Input, Any]
# `False` where no values exist, which is certain; `None` where the search gave up.
Found: TypeAlias = "Values | Literal[False] | None"
RuleLike: TypeAlias = Rule | Criterion
# A rule, and the statuses that it may come out with.
Demand: TypeAlias = tuple[RuleLike, int]
Store: TypeAlias = dict[str, Constraint]

ItemT = TypeVar("ItemT")

_BRANCHES: Final = 2_000
_TRIALS: Final = 20_000
_MOST_RELATED: Final = 5
# Around a variable that all others are compared with, they are before it, at it or after it.
_POINT_AND_SIDES: Final = 3


class _KeyedConstraint(NamedTuple):
    """A comparison, by the key of its test, with the statuses that it may have and what it looks at."""

    key: str
    atom: Atom
    allowed: int
    names: tuple[Input, ...]


class _Choice(NamedTuple):
    """The demand that at least so many of the rules have one of the allowed statuses."""

    needed: int
    rules: Sequence[Rule]
    allowed: int


class Solver:
    """Solves demands on rules, and keeps what it has solved for the next ones."""

    def __init__(self, at: datetime, *, fixed: bool) -> None:
        self._at = at
        self._fixed = fixed
        self._keys: dict[int, str] = {}
        self._tests: dict[str, Test] = {}
        self._lowered: dict[int, Rule] = {}
        self._solved: dict[frozenset[tuple[str, int]], Found] = {}
        self._branches = 0
        self._trials = 0

    def solve(self, demands: Sequence[Demand], accepts: Callable[[Values], bool]) -> Found:
        """Return values that meet all demands and are accepted."""
        self._branches = _BRANCHES
        try:
            return self._search(list(demands), {}, [], accepts)
        except RecursionError:
            return None

    def _search(
        self,
        agenda: list[Demand | _Choice],
        store: Store,
        waiting: list[list[list[Demand | _Choice]]],
        accepts: Callable[[Values], bool],
    ) -> Found:
        self._branches -= 1
        if self._branches < 0:
            return None
        while agenda:
            alternatives = self._expanded(agenda.pop(), store)
            if len(alternatives) == 1:
                agenda += alternatives[0]
            elif alternatives:
                waiting.append(alternatives)
            else:
                return False
        found = self._values_of(store)
        if not isinstance(found, dict):
            return found
        if not waiting:
            return found if accepts(found) else None
        waiting = sorted(waiting, key=len)
        certain = True
        for alternative in waiting[0]:
            found = self._search(list(alternative), dict(store), waiting[1:], accepts)
            if isinstance(found, dict):
                return found
            certain = certain and found is False
        return False if certain else None

    def _expanded(self, demand: Demand | _Choice, store: Store) -> list[list[Demand | _Choice]]:
        """Return lists of further demands, of which one must be met: none where the demand is impossible."""
        if isinstance(demand, _Choice):
            return _chosen(demand)
        rule, allowed = demand
        match rule:
            case Comparison() if (simpler := self._in_simpler_operators(rule)) is not rule:
                return [[(simpler, allowed)]]
            case Comparison() | Predicate():
                key = self._key(rule)
                known = store.get(key)
                left = allowed if known is None else allowed & known.allowed
                store[key] = Constraint(rule, left)
                return [[]] if left else []
            case Criterion(rule=inner, when=when):
                return [[(inner, allowed)]] if when is None else _applied(when, inner, allowed)
            case Not(rule=inner):
                return [[(inner, _turned(allowed))]]
            case AtLeast():
                return _at_least(rule, allowed)
        raise TypeError(f"not a rule: {rule!r}")

    def _in_simpler_operators(self, rule: Comparison) -> Rule:
        # Kept, since comparisons go by their ids.
        return self._lowered.setdefault(id(rule), rule.lowered())

    def _key(self, atom: Atom) -> str:
        key = self._keys.get(id(atom))
        if key is None:
            key = self._keys[id(atom)] = json.dumps(atom.data(), sort_keys=True)
            self._tests.setdefault(key, compiled(atom, {each: at for at, each in enumerate(atom.inputs())}))
        return key

    def _values_of(self, store: Store) -> Found:
        values: Values = {}
        certain = True
        for cluster in _clusters(store):
            memo = frozenset((constraint.key, constraint.allowed) for constraint in cluster)
            if memo not in self._solved:
                self._solved[memo] = self._cluster_values(cluster)
            found = self._solved[memo]
            if found is False:
                return False
            if isinstance(found, dict):
                values |= found
            certain = certain and found is not None
        return values if certain else None

    def _cluster_values(self, constraints: list[_KeyedConstraint]) -> Found:
        """Return values of inputs that are compared with each other, or of one alone."""
        names = list(dict.fromkeys(name for constraint in constraints for name in constraint.names))
        shared = [constraint for constraint in constraints if len(constraint.names) > 1]
        star = any(all(name in constraint.names for constraint in shared) for name in names)
        # So many different values between two literals are enough to put the variables in any order.
        copies = 1 if len(names) == 1 else _POINT_AND_SIDES if star else min(len(names), _MOST_RELATED)
        pool: list[Any] = list(literals(*(constraint.atom for constraint in constraints)))
        if shared:
            pool += _of_time(names, self._at)
        complete = star or len(names) <= _MOST_RELATED
        domains: dict[Input, list[Any]] = {}
        for name in names:
            own = [constraint for constraint in constraints if name in constraint.names]
            tried = self._samples(
                name, [Constraint(constraint.atom, constraint.allowed) for constraint in own], pool, copies
            )
            complete = complete and tried.complete
            domains[name] = [value for value in tried.values if self._satisfies({name: value}, own)]
        self._trials = _TRIALS
        found = self._joint(domains, shared)
        return None if found is False and not complete else found

    def _samples(self, name: Input, constraints: list[Constraint], pool: list[Any], copies: int) -> Samples:
        if self._fixed and name[0] == "now":
            return Samples([self._at], complete=True)
        return samples(name, constraints, pool, copies, self._at)

    def _joint(self, domains: dict[Input, list[Any]], shared: list[_KeyedConstraint]) -> Found:
        """Return one value of each domain, so that all comparisons between them have allowed statuses."""
        if not shared:
            return {name: values[0] for name, values in domains.items()} if all(domains.values()) else False
        counts = Counter(name for constraint in shared for name in constraint.names)
        hub = max(counts, key=counts.__getitem__)
        others = {name: values for name, values in domains.items() if name != hub}
        rest = [constraint for constraint in shared if hub not in constraint.names]
        for value in domains[hub]:
            fitting = dict(others)
            for constraint in shared:
                if hub in constraint.names:
                    (other,) = (name for name in constraint.names if name != hub)
                    fitting[other] = [
                        each for each in fitting[other] if self._agrees({hub: value, other: each}, constraint)
                    ]
            self._trials -= sum(map(len, others.values()))
            if self._trials < 0:
                return None
            found = self._joint(fitting, rest) if all(fitting.values()) else False
            if found is not False:
                return None if found is None else {**found, hub: value}
        return False

    def _satisfies(self, values: Values, constraints: list[_KeyedConstraint]) -> bool:
        return all(
            len(constraint.names) > len(values) or self._agrees(values, constraint) for constraint in constraints
        )

    def _agrees(self, values: Values, constraint: _KeyedConstraint) -> bool:
        return bool(self._status(constraint.key, tuple(values[name] for name in constraint.names)) & constraint.allowed)

    def _status(self, key: str, inputs: tuple[Any, ...]) -> int:
        try:
            return 1 << self._tests[key](inputs)
        except Exception:  # noqa: BLE001 - a comparison that raises is one of the outcomes
            return ERRORED_BIT


def status_bit(status: int | Exception) -> int:
    """Return the status of a criterion as a bit."""
    return 1 << status if isinstance(status, int) else ERRORED_BIT


def _of_time(names: Iterable[Input], at: datetime) -> Iterator[Any]:
    for source, _ in names:
        if source == "now":
            yield at
        elif source == "time_in_stage":
            yield at - at


def _turned(allowed: int) -> int:
    kept = allowed & (UNKNOWN_BIT | ERRORED_BIT)
    return kept | (UNMET_BIT if allowed & MET_BIT else 0) | (MET_BIT if allowed & UNMET_BIT else 0)


def _applied(when: Rule, rule: Rule, allowed: int) -> list[list[Demand | _Choice]]:
    """Return the demands on a criterion that is met where it does not apply, whatever its rule says then."""
    softened = allowed & ~UNMET_BIT | (UNMET_BIT if allowed & UNKNOWN_BIT else 0)
    ways: list[list[Demand | _Choice]] = [[(when, MET_BIT), (rule, allowed)], [(when, UNKNOWN_BIT), (rule, softened)]]
    if allowed & MET_BIT:
        ways.insert(0, [(when, UNMET_BIT)])
    if allowed & ERRORED_BIT:
        ways.append([(when, ERRORED_BIT)])
    return ways


def _at_least(rule: AtLeast, allowed: int) -> list[list[Demand | _Choice]]:
    """Return the demands on the parts of a rule that is met when so many of them are."""
    rules = rule.rules
    if allowed == ANY:
        return [[]]
    if allowed & ERRORED_BIT:
        errored: list[Demand | _Choice] = [_Choice(1, rules, ERRORED_BIT)]
        return [[(rule, allowed & ANSWERED)], errored] if allowed & ANSWERED else [errored]
    if allowed & MET_BIT and allowed & UNMET_BIT and not allowed & UNKNOWN_BIT:
        return [[(rule, MET_BIT)], [(rule, UNMET_BIT)]]
    demands: list[Demand | _Choice] = [(part, ANSWERED) for part in rules]
    if not allowed & UNMET_BIT:
        demands.append(_Choice(rule.needed, rules, allowed))
    if not allowed & MET_BIT:
        demands.append(_Choice(rule.unmet_at, rules, allowed & UNKNOWN_BIT | UNMET_BIT))
    return [demands]


def _chosen(choice: _Choice) -> list[list[Demand | _Choice]]:
    needed, rules, allowed = choice
    if needed <= 0:
        return [[]]
    if needed > len(rules):
        return []
    if needed == len(rules):
        return [[(rule, allowed) for rule in rules]]
    return [
        [(rules[first], allowed), _Choice(needed - 1, rules[first + 1 :], allowed)]
        for first in range(len(rules) - needed + 1)
    ]


def _clusters(store: Store) -> list[list[_KeyedConstraint]]:
    """Return the comparisons in groups: those on one input, or on several that are compared with each other."""
    constraints = [
        _KeyedConstraint(key, constraint.atom, constraint.allowed, constraint.atom.inputs())
        for key, constraint in store.items()
    ]
    return grouped([(constraint, constraint.names) for constraint in constraints])


def grouped(named: Iterable[tuple[ItemT, Sequence[Hashable]]]) -> list[list[ItemT]]:
    """Return the items in groups that share names, however indirectly; those without a name are one group."""
    above: dict[Hashable, Hashable] = {}

    def top(name: Hashable) -> Hashable:
        while above.setdefault(name, name) != name:
            above[name] = name = above[above[name]]
        return name

    named = list(named)
    for _, names in named:
        for name in names:
            above[top(name)] = top(names[0])
    groups: dict[Hashable, list[ItemT]] = {}
    for item, names in named:
        groups.setdefault(top(names[0]) if names else None, []).append(item)
    return list(groups.values())
