"""A search for the values under which rules have the statuses that are asked of them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias, TypeVar

from salesprocess.assurance.solver.samples import (
    ANSWERED,
    ANY,
    ERRORED_BIT,
    MET_BIT,
    UNKNOWN_BIT,
    UNMET_BIT,
    Atom,
    Samples,
    Variable,
    Wish,
    literals,
    samples,
)
from salesprocess.criteria import Criterion
from salesprocess.criteria.gate import Gate, Lookup
from salesprocess.criteria.rules import AllOf, AnyOf, AtLeast, Comparison, Not, Predicate, Rule, Term

Values: TypeAlias = dict[Variable, Any]
# `False` where no values exist, which is certain; `None` where the search gave up.
Found: TypeAlias = "Values | Literal[False] | None"
RuleLike: TypeAlias = Rule | Criterion
# A rule, and the statuses that it may come out with.
Demand: TypeAlias = tuple[RuleLike, int]
Store: TypeAlias = dict[str, Wish]

ItemT = TypeVar("ItemT")

_BRANCHES: Final = 2_000
_TRIALS: Final = 20_000
_MOST_RELATED: Final = 5
# Around a variable that all others are compared with, they are before it, at it or after it.
_POINT_AND_SIDES: Final = 3
_LOOKUP: Final = Lookup({}, {}, lambda: datetime.now(UTC))


class _Keyed(NamedTuple):
    """A comparison, by the key of its gate, with the statuses that it may have and what it looks at."""

    key: str
    atom: Atom
    allowed: int
    names: tuple[Variable, ...]


class _Choice(NamedTuple):
    """At least so many of the rules have one of the allowed statuses."""

    needed: int
    rules: Sequence[Rule]
    allowed: int


class Solver:
    """Solves demands on rules; what it learns of one set of them is kept for the next."""

    def __init__(self, at: datetime, *, fixed: bool) -> None:
        self._at = at
        self._fixed = fixed
        self._keys: dict[int, str] = {}
        self._gates: dict[str, Gate] = {}
        self._solved: dict[frozenset[tuple[str, int]], Found] = {}
        self._branches = 0
        self._trials = 0

    def solve(self, demands: Sequence[Demand], accepts: Callable[[Values], bool]) -> Found:
        """Values that meet all demands and are accepted."""
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
            alternatives = self._taken_in(agenda.pop(), store)
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

    def _taken_in(  # noqa: PLR0911 - one return a kind
        self, demand: Demand | _Choice, store: Store
    ) -> list[list[Demand | _Choice]]:
        """What the demand comes to: one list of further demands, several to choose from, or none where it cannot be."""
        if isinstance(demand, _Choice):
            return _chosen(demand)
        rule, allowed = demand
        match rule:
            case Comparison() | Predicate():
                key = self._key(rule)
                known = store.get(key)
                left = allowed if known is None else allowed & known.allowed
                store[key] = Wish(rule, left)
                return [[]] if left else []
            case Criterion(rule=inner, when=when):
                return [[(inner, allowed)]] if when is None else _applied(when, inner, allowed)
            case Not(rule=inner):
                return [[(inner, _turned(allowed))]]
            case AllOf(rules=rules):
                return _several(rule, allowed, len(rules), rules)
            case AnyOf(rules=rules):
                return _several(rule, allowed, 1, rules)
            case AtLeast(needed=needed, rules=rules):
                return _several(rule, allowed, needed, rules)
        raise TypeError(f"no such rule: {rule!r}")

    def _key(self, atom: Atom) -> str:
        key = self._keys.get(id(atom))
        if key is None:
            key = self._keys[id(atom)] = json.dumps(atom.data(), sort_keys=True)
            self._gates.setdefault(key, _gate_of(atom))
        return key

    def _values_of(self, store: Store) -> Found:
        values: Values = {}
        certain = True
        for cluster in _clusters(store):
            memo = frozenset((wish.key, wish.allowed) for wish in cluster)
            if memo not in self._solved:
                self._solved[memo] = self._cluster_values(cluster)
            found = self._solved[memo]
            if found is False:
                return False
            if isinstance(found, dict):
                values |= found
            certain = certain and found is not None
        return values if certain else None

    def _cluster_values(self, wishes: list[_Keyed]) -> Found:
        """Values of variables that are compared with each other, or of one alone."""
        names = list(dict.fromkeys(name for wish in wishes for name in wish.names))
        shared = [wish for wish in wishes if len(wish.names) > 1]
        star = any(all(name in wish.names for wish in shared) for name in names)
        # So many different values between two literals are enough to put the variables in any order.
        copies = 1 if len(names) == 1 else _POINT_AND_SIDES if star else min(len(names), _MOST_RELATED)
        pool = list(literals(wish.atom for wish in wishes))
        if shared:
            pool += _of_time(names, self._at)
        complete = star or len(names) <= _MOST_RELATED
        domains: dict[Variable, list[Any]] = {}
        for name in names:
            own = [wish for wish in wishes if name in wish.names]
            tried = self._samples(name, [Wish(wish.atom, wish.allowed) for wish in own], pool, copies)
            complete = complete and tried.complete
            domains[name] = [value for value in tried.values if self._is_wished({name: value}, own)]
        self._trials = _TRIALS
        found = self._joint(domains, shared)
        return None if found is False and not complete else found

    def _samples(self, name: Variable, wishes: list[Wish], pool: list[Any], copies: int) -> Samples:
        if self._fixed and name[0] == "now":
            return Samples([self._at], complete=True)
        return samples(name, wishes, pool, copies, self._at)

    def _joint(self, domains: dict[Variable, list[Any]], shared: list[_Keyed]) -> Found:
        """One value of each domain, so that all comparisons between them come out as wished."""
        if not shared:
            return {name: values[0] for name, values in domains.items()} if all(domains.values()) else False
        counts = Counter(name for wish in shared for name in wish.names)
        hub = max(counts, key=counts.__getitem__)
        others = {name: values for name, values in domains.items() if name != hub}
        rest = [wish for wish in shared if hub not in wish.names]
        for value in domains[hub]:
            fitting = dict(others)
            for wish in shared:
                if hub in wish.names:
                    (other,) = (name for name in wish.names if name != hub)
                    fitting[other] = [each for each in fitting[other] if self._agrees({hub: value, other: each}, wish)]
            self._trials -= sum(map(len, others.values()))
            if self._trials < 0:
                return None
            found = self._joint(fitting, rest) if all(fitting.values()) else False
            if found is not False:
                return None if found is None else {**found, hub: value}
        return False

    def _is_wished(self, values: Values, wishes: list[_Keyed]) -> bool:
        return all(len(wish.names) > len(values) or self._agrees(values, wish) for wish in wishes)

    def _agrees(self, values: Values, wish: _Keyed) -> bool:
        return bool(self._status(wish.key, tuple(values[name] for name in wish.names)) & wish.allowed)

    def _status(self, key: str, inputs: tuple[Any, ...]) -> int:
        try:
            statuses = self._gates[key].judge(inputs)
        except Exception:  # noqa: BLE001 - a criterion that raises is one of the outcomes
            return ERRORED_BIT
        return MET_BIT if statuses is None else status_bit(statuses[0])


def status_bit(status: int | Exception) -> int:
    """A gate's status of one criterion, as a bit."""
    return 1 << status if isinstance(status, int) else ERRORED_BIT


def variables(rule: Rule) -> tuple[Variable, ...]:
    """What the rule looks at, each once, in the order in which a gate reads it."""
    if isinstance(rule, Predicate):
        return (("predicate", rule.function_name),)
    if isinstance(rule, Comparison):
        names = tuple((term.source, term.path or term.source) for term in rule.terms())
        return names[:1] if names[0] == names[-1] else names
    inner = (rule.rule,) if isinstance(rule, Not) else getattr(rule, "rules", ())
    return tuple(dict.fromkeys(variable for part in inner for variable in variables(part)))


def _gate_of(atom: Atom) -> Gate:
    if isinstance(atom, Predicate):
        # A predicate's answer is a value like any other here, asked whether it is true.
        atom = Comparison(Term("fact", "answer"), "true")
    return Gate([Criterion(key="it", rule=atom)], _LOOKUP)


def _of_time(names: Iterable[Variable], at: datetime) -> Iterator[Any]:
    for source, _ in names:
        if source == "now":
            yield at
        elif source == "time_in_stage":
            yield at - at


def _turned(allowed: int) -> int:
    kept = allowed & (UNKNOWN_BIT | ERRORED_BIT)
    return kept | (UNMET_BIT if allowed & MET_BIT else 0) | (MET_BIT if allowed & UNMET_BIT else 0)


def _applied(when: Rule, rule: Rule, allowed: int) -> list[list[Demand | _Choice]]:
    """The demands on a criterion that is met where it does not apply, whatever its rule then says."""
    softened = allowed & ~UNMET_BIT | (UNMET_BIT if allowed & UNKNOWN_BIT else 0)
    ways: list[list[Demand | _Choice]] = [[(when, MET_BIT), (rule, allowed)], [(when, UNKNOWN_BIT), (rule, softened)]]
    if allowed & MET_BIT:
        ways.insert(0, [(when, UNMET_BIT)])
    if allowed & ERRORED_BIT:
        ways.append([(when, ERRORED_BIT)])
    return ways


def _several(rule: Rule, allowed: int, needed: int, rules: Sequence[Rule]) -> list[list[Demand | _Choice]]:
    """The demands on the parts of a rule that is met when so many of them are."""
    if allowed == ANY:
        return [[]]
    if allowed & ERRORED_BIT:
        errored: list[Demand | _Choice] = [_Choice(1, rules, ERRORED_BIT)]
        return [[(rule, allowed & ANSWERED)], errored] if allowed & ANSWERED else [errored]
    if allowed & MET_BIT and allowed & UNMET_BIT and not allowed & UNKNOWN_BIT:
        return [[(rule, MET_BIT)], [(rule, UNMET_BIT)]]
    demands: list[Demand | _Choice] = [(part, ANSWERED) for part in rules]
    # Kleene: met with enough met, unmet when the unmet leave too few, and unknown in between.
    if not allowed & UNMET_BIT:
        demands.append(_Choice(needed, rules, allowed))
    if not allowed & MET_BIT:
        demands.append(_Choice(len(rules) - needed + 1, rules, allowed & UNKNOWN_BIT | UNMET_BIT))
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


def _clusters(store: Store) -> list[list[_Keyed]]:
    """The comparisons by what they share: those on one variable, or on several that are compared with each other."""
    wishes = [_Keyed(key, wish.atom, wish.allowed, variables(wish.atom)) for key, wish in store.items()]
    return grouped([(wish, wish.names) for wish in wishes])


def grouped(named: Iterable[tuple[ItemT, Sequence[Hashable]]]) -> list[list[ItemT]]:
    """The items by the names that they share, however indirectly; those without a name stand together."""
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
