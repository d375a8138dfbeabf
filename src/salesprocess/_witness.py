"""Facts that meet rules: found, or shown not to exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from salesprocess._gate import MET, Gate, Lookup
from salesprocess._rules import AnyOf, Not, Predicate, Rule
from salesprocess._samples import ANY, MET_BIT, NOON
from salesprocess._solve import Demand, Solver, Values, variables
from salesprocess.criteria import Criterion

if TYPE_CHECKING:
    from collections.abc import Callable

RuleLike: TypeAlias = Rule | Criterion

_Wanted: TypeAlias = tuple[RuleLike, bool]

_ENTERED_AT: Final = "entered_at"
_EVERYTHING: Final = "everything"


@dataclass(frozen=True, slots=True)
class Witness:
    """Facts of a deal, and what else a gate looks at, under which rules come out as asked.

    `facts` has dotted names; a fact that is not there is missing. `context` is what the caller passes, `at` the time of
    the decision, and `predicates` what the host's functions answer.
    """

    facts: Mapping[str, Any]
    context: Mapping[str, Any]
    at: datetime
    predicates: Mapping[str, bool | None]

    def deal(self, **more: Any) -> dict[str, Any]:
        """The facts as a deal: a dict, with dicts inside for dotted names.

        >>> from salesprocess import fact
        >>> witness([fact("contact.email").is_known(), fact("amount") >= 10]).deal(stage="closing")
        {'contact': {'email': 'given'}, 'amount': 10, 'stage': 'closing'}
        """
        return nested(self.facts) | more


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """No facts will do, for certain; `rules` are those that cannot be had together."""

    rules: tuple[RuleLike, ...]

    def __bool__(self) -> bool:
        return False


def witness(
    met: Iterable[RuleLike], not_met: Iterable[RuleLike] = (), *, at: datetime | None = None
) -> Witness | Unsatisfiable | None:
    """Facts under which all of `met` are met and none of `not_met` is: each of those is unmet, unknown or errored.

    `None` where that could not be decided. With `at` the time of the decision is that; without, it is found too.

    Facts are taken to be plain data: text, numbers, booleans, aware or naive times, dates, durations, collections of
    these, and mappings or objects that hold them by name. A member of an enum counts as its value, and `entered_at` is
    an aware time. The answer of a predicate may be anything, unless the rule holds the function itself.

    >>> from salesprocess import fact
    >>> witness([fact("amount") >= 10_000], [fact("signed_at").is_known()]).facts
    {'amount': 10000}
    >>> witness([(fact("amount") > 10) & (fact("amount") < 5)])
    Unsatisfiable(rules=(amount is more than 10 and amount is less than 5,))
    """
    return Witnesses(at).find(tuple(met), tuple(not_met))


class Witnesses:
    """Finds witnesses, and remembers those of each group of rules that have facts in common."""

    def __init__(self, at: datetime | None = None) -> None:
        self._fixed = at
        self._solver = Solver(at or NOON, fixed=at is not None)
        self._names: dict[int, tuple[str, ...]] = {}
        self._groups: dict[frozenset[tuple[int, bool]], Witness | Unsatisfiable | None] = {}
        # A rule goes by its id here, so it is kept for as long.
        self._kept: list[RuleLike] = []

    def find(self, met: Iterable[RuleLike], not_met: Iterable[RuleLike] = ()) -> Witness | Unsatisfiable | None:
        """As `witness`."""
        wanted = [*((rule, True) for rule in met), *((rule, False) for rule in not_met)]
        answers = [self._of_group(group) for group in self._grouped(wanted)]
        impossible = next((answer for answer in answers if isinstance(answer, Unsatisfiable)), None)
        if impossible is not None:
            return impossible
        found = [answer for answer in answers if isinstance(answer, Witness)]
        return _merged(found, self._fixed or NOON) if len(found) == len(answers) else None

    def _grouped(self, wanted: list[_Wanted]) -> list[list[_Wanted]]:
        """The rules by the facts that they share, however indirectly."""
        above: dict[str, str] = {}

        def top(name: str) -> str:
            while above.setdefault(name, name) != name:
                above[name] = name = above[above[name]]
            return name

        for rule, _ in wanted:
            names = self._names_of(rule)
            for name in names[1:]:
                above[top(name)] = top(names[0])
        whole = _EVERYTHING in above
        groups: dict[str, list[_Wanted]] = {}
        for want in wanted:
            names = self._names_of(want[0])
            group = _EVERYTHING if whole else top(names[0]) if names else ""
            groups.setdefault(group, []).append(want)
        return list(groups.values())

    def _names_of(self, rule: RuleLike) -> tuple[str, ...]:
        names = self._names.get(id(rule))
        if names is None:
            self._kept.append(rule)
            names = self._names[id(rule)] = tuple(dict.fromkeys(_shared(_condition(rule))))
        return names

    def _of_group(self, group: list[_Wanted]) -> Witness | Unsatisfiable | None:
        memo = frozenset((id(rule), wanted) for rule, wanted in group)
        if memo not in self._groups:
            self._groups[memo] = self._solved(group)
        return self._groups[memo]

    def _solved(self, group: list[_Wanted]) -> Witness | Unsatisfiable | None:
        demands: list[Demand] = [
            (_condition(rule), MET_BIT if wanted else ANY & ~MET_BIT) for rule, wanted in group
        ]
        at = self._fixed or NOON
        found = self._solver.solve(demands, lambda values: _holds(_as_witness(values, at), group))
        if found is False:
            return Unsatisfiable(tuple(rule for rule, _ in group))
        return None if found is None else _as_witness(found, at)


def nested(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts with dotted names as dicts in dicts; a name that leads to others gives way to them.

    >>> nested({"amount": 5, "contact.email": "ana@example.com"})
    {'amount': 5, 'contact': {'email': 'ana@example.com'}}
    """
    owners = {path[:end] for path in facts for end, mark in enumerate(path) if mark == "."}
    tree: dict[str, Any] = {}
    for path, value in facts.items():
        if path not in owners:
            *names, last = path.split(".")
            here = tree
            for name in names:
                here = here.setdefault(name, {})
            here[last] = value
    return tree


def _condition(rule: RuleLike) -> Rule:
    """What an engine asks for: the rule, where its `when` holds."""
    if isinstance(rule, Rule):
        return rule
    return rule.rule if rule.when is None else AnyOf((Not(rule.when), rule.rule))


def _shared(rule: Rule) -> Iterator[str]:
    """What other rules on the same would look at too: the owner of a dotted fact, the time, a predicate."""
    for source, path in variables(rule):
        if source in {"now", "time_in_stage"}:
            yield "now"
        if source == "time_in_stage":
            yield f"fact {_ENTERED_AT}"
        elif source != "now":
            yield f"{source} {path.partition('.')[0]}"
    if any(predicate.function is not None for predicate in _predicates(rule)):
        yield _EVERYTHING


def _predicates(rule: Rule) -> Iterator[Predicate]:
    if isinstance(rule, Predicate):
        yield rule
    for inner in (rule.rule,) if isinstance(rule, Not) else getattr(rule, "rules", ()):
        yield from _predicates(inner)


def _as_witness(values: Values, at: datetime) -> Witness:
    at = values.get(("now", "now"), at)
    parts: dict[str, dict[str, Any]] = {"fact": {}, "context": {}, "predicate": {}}
    for (source, path), value in values.items():
        if source in parts and (value is not None or source == "predicate"):
            parts[source][path] = value
    stayed = values.get(("time_in_stage", "time_in_stage"))
    if stayed is not None:
        parts["fact"][_ENTERED_AT] = at - stayed
    return Witness(parts["fact"], parts["context"], at, parts["predicate"])


def _merged(found: list[Witness], at: datetime) -> Witness:
    """The witnesses of groups that share nothing, as one; at most one of them is about time."""
    facts: dict[str, Any] = {}
    context: dict[str, Any] = {}
    predicates: dict[str, bool | None] = {}
    for each in found:
        facts |= each.facts
        context |= each.context
        predicates |= each.predicates
    at = next((each.at for each in found if each.at != at), at)
    return Witness(facts, context, at, predicates)


def _holds(witness: Witness, group: list[_Wanted]) -> bool:
    """Whether a gate of these rules says of the witness what is wanted."""
    conditions = [_condition(rule) for rule, _ in group]
    asked = dict.fromkeys(each.function_name for rule in conditions for each in _predicates(rule))
    answers = {name: _always(witness.predicates.get(name)) for name in asked}
    lookup = Lookup({}, answers, lambda: witness.at)
    criteria = [Criterion(key="it", rule=rule) for rule in conditions]
    gate = Gate(criteria, lookup)
    statuses = gate.judge_each(gate.read_each(witness.deal(), nested(witness.context), witness.at))
    if statuses is None:
        return all(wanted for _, wanted in group)
    return all((status is MET) is wanted for status, (_, wanted) in zip(statuses, group, strict=True))


def _always(answer: bool | None) -> Callable[[Any], bool | None]:  # noqa: FBT001 - it is the answer itself
    return lambda _deal: answer
