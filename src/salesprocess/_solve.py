"""A search for the values under which rules have the statuses that are asked of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from salesprocess._gate import MET, Gate, Lookup
from salesprocess._rules import AllOf, AnyOf, AtLeast, Comparison, Not, Predicate, Rule, Term
from salesprocess._samples import (
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

Values: TypeAlias = dict[Variable, Any]
# `False` where no values exist, which is certain; `None` where the search gave up.
Found: TypeAlias = "Values | Literal[False] | None"
Demand: TypeAlias = tuple[Rule, int]
Store: TypeAlias = dict[str, Wish]

_BRANCHES: Final = 2_000
_TRIALS: Final = 20_000
_MOST_RELATED: Final = 5
_LOOKUP: Final = Lookup({}, {}, lambda: datetime.now(UTC))


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

    def _taken_in(self, demand: Demand | _Choice, store: Store) -> list[list[Demand | _Choice]]:
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
        for keys in _clusters(store):
            memo = frozenset((key, store[key].allowed) for key in keys)
            if memo not in self._solved:
                self._solved[memo] = self._cluster_values([(key, store[key]) for key in keys])
            found = self._solved[memo]
            if found is False:
                return False
            if isinstance(found, dict):
                values |= found
            certain = certain and found is not None
        return values if certain else None

    def _cluster_values(self, wishes: list[tuple[str, Wish]]) -> Found:
        """Values of variables that are compared with each other, or of one alone."""
        names = list(dict.fromkeys(variable for _, wish in wishes for variable in variables(wish.atom)))
        if len(names) > _MOST_RELATED:
            return None
        pool = list(literals(wish.atom for _, wish in wishes))
        if len(names) > 1:
            pool += _of_time(names, self._at)
        domains: dict[Variable, list[Any]] = {}
        complete = True
        for name in names:
            own = [(key, wish) for key, wish in wishes if name in variables(wish.atom)]
            tried = self._samples(name, [wish for _, wish in own], pool, len(names))
            complete = complete and tried.complete
            alone = [(key, wish.allowed) for key, wish in own if len(variables(wish.atom)) == 1]
            domains[name] = [
                value for value in tried.values if all(self._status(key, (value,)) & allowed for key, allowed in alone)
            ]
        found = self._joint(domains, [(key, wish) for key, wish in wishes if len(variables(wish.atom)) > 1])
        return None if found is False and not complete else found

    def _samples(self, name: Variable, wishes: list[Wish], pool: list[Any], copies: int) -> Samples:
        if self._fixed and name[0] == "now":
            return Samples([self._at], complete=True)
        return samples(name, wishes, pool, copies, self._at)

    def _joint(self, domains: dict[Variable, list[Any]], shared: list[tuple[str, Wish]]) -> Found:
        names = sorted(domains, key=lambda name: len(domains[name]))
        trials = _TRIALS

        def extended(values: Values, rest: list[Variable]) -> Found:
            nonlocal trials
            if not rest:
                return values
            for value in domains[rest[0]]:
                trials -= 1
                if trials < 0:
                    return None
                longer = {**values, rest[0]: value}
                if all(self._agrees(key, wish, longer) for key, wish in shared):
                    found = extended(longer, rest[1:])
                    if found is not False:
                        return found
            return False

        return extended({}, names)

    def _agrees(self, key: str, wish: Wish, values: Values) -> bool:
        needed = variables(wish.atom)
        if any(name not in values for name in needed):
            return True
        return bool(self._status(key, tuple(values[name] for name in needed)) & wish.allowed)

    def _status(self, key: str, inputs: tuple[Any, ...]) -> int:
        statuses = self._gates[key].judge_each(inputs)
        status = MET if statuses is None else statuses[0]
        return 1 << status if isinstance(status, int) else ERRORED_BIT


def variables(rule: Rule) -> tuple[Variable, ...]:
    """What the rule looks at, each once, in the order in which a gate reads it."""
    if isinstance(rule, Predicate):
        return (("predicate", rule.function_name),)
    if isinstance(rule, Comparison):
        return tuple(dict.fromkeys((term.source, term.path or term.source) for term in rule.terms()))
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


def _several(
    rule: Rule, allowed: int, needed: int, rules: Sequence[Rule]
) -> list[list[Demand | _Choice]]:
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


def _clusters(store: Store) -> list[list[str]]:
    """The comparisons by what they share: those on one variable, or on several that are compared with each other."""
    groups: dict[Variable, list[str]] = {}
    for key, wish in store.items():
        names = variables(wish.atom)
        joined: list[str] = []
        for group in {id(groups[name]): groups[name] for name in names if name in groups}.values():
            joined += group
        joined.append(key)
        for member in joined:
            for name in variables(store[member].atom):
                groups[name] = joined
    return list({id(group): group for group in groups.values()}.values())
