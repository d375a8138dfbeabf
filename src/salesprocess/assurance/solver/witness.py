"""Facts that meet rules: found, or shown not to exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from salesprocess.assurance.solver.samples import ANSWERED, ANY, MET_BIT, NOON
from salesprocess.assurance.solver.search import RuleLike, Solver, Values, grouped, status_bit
from salesprocess.criteria import Criterion
from salesprocess.criteria.evaluation import MET
from salesprocess.criteria.gate import Gate, Sources
from salesprocess.criteria.rules import Rule, inputs, now, predicates, time_in_stage

if TYPE_CHECKING:
    from collections.abc import Callable

_Wanted: TypeAlias = tuple[RuleLike, int]

_ENTERED_AT: Final = "entered_at"
_EVERYTHING: Final = "everything"
_TIMED: Final = frozenset({"now", _EVERYTHING})


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
        """Return the facts as a deal: a dict, with dicts inside for dotted names.

        >>> from salesprocess import fact
        >>> witness([fact("contact.email").is_known(), fact("amount") >= 10]).deal(stage="closing")
        {'contact': {'email': 'given'}, 'amount': 10, 'stage': 'closing'}
        """
        return nested(self.facts) | more


@dataclass(frozen=True, slots=True)
class Unsatisfiable:
    """It is certain that no facts exist; `rules` are those that contradict each other."""

    rules: tuple[RuleLike, ...]

    def __bool__(self) -> bool:
        return False


def witness(
    met: Iterable[RuleLike], not_met: Iterable[RuleLike] = (), *, at: datetime | None = None
) -> Witness | Unsatisfiable | None:
    """Return facts under which all of `met` are met and none of `not_met` is: unmet, unknown or errored.

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
    return Witnesses(at).find(met, not_met)


class Witnesses:
    """Finds witnesses, and remembers those of each group of rules that have facts in common.

    `at` is the time of the decisions, where `find` is given none.
    """

    def __init__(self, at: datetime | None = None) -> None:
        self._at = at
        self._solver = Solver(NOON, fixed=False)
        self._names: dict[int, tuple[str, ...]] = {}
        self._groups: dict[tuple[datetime | None, frozenset[tuple[int, int]]], Witness | Unsatisfiable | None] = {}
        # A rule goes by its id here, so it is kept for as long.
        self._kept: list[RuleLike] = []

    def find(
        self,
        met: Iterable[RuleLike],
        not_met: Iterable[RuleLike] = (),
        *,
        answered: Iterable[RuleLike] = (),
        at: datetime | None = None,
    ) -> Witness | Unsatisfiable | None:
        """Return what `witness` does; the rules `answered` may come to anything but an error."""
        at = at or self._at
        wanted = [(rule, MET_BIT) for rule in met]
        wanted += [(rule, ANY & ~MET_BIT) for rule in not_met]
        wanted += [(rule, ANSWERED) for rule in answered]
        found: list[Witness] = []
        decided = True
        for group in self._grouped(wanted):
            answer = self._of_group(group, at)
            if isinstance(answer, Unsatisfiable):
                return answer
            if answer is None:
                decided = False
            else:
                found.append(answer)
        return _merged(found, at) if decided else None

    def related(self, rules: Iterable[RuleLike]) -> list[list[RuleLike]]:
        """Return the rules in groups that share facts, and can be solved one by one."""
        return [[rule for rule, _ in group] for group in self._grouped([(rule, ANY) for rule in rules])]

    def _grouped(self, wanted: list[_Wanted]) -> list[list[_Wanted]]:
        named = [(want, self._names_of(want[0])) for want in wanted]
        if any(_EVERYTHING in names for _, names in named):
            return [wanted]
        return grouped(named)

    def _names_of(self, rule: RuleLike) -> tuple[str, ...]:
        names = self._names.get(id(rule))
        if names is None:
            self._kept.append(rule)
            names = self._names[id(rule)] = tuple(dict.fromkeys(_shared(_rules_of(rule))))
        return names

    def _of_group(self, group: list[_Wanted], at: datetime | None) -> Witness | Unsatisfiable | None:
        if at is not None and all(_TIMED.isdisjoint(self._names_of(rule)) for rule, _ in group):
            at = None
        memo = at, frozenset((id(rule), allowed) for rule, allowed in group)
        if memo not in self._groups:
            self._groups[memo] = self._solved(group, at)
        return self._groups[memo]

    def _solved(self, group: list[_Wanted], at: datetime | None) -> Witness | Unsatisfiable | None:
        solver = self._solver if at is None else Solver(at, fixed=True)
        found = solver.solve(group, lambda values: _holds(_as_witness(values, at or NOON), group))
        if found is False:
            return Unsatisfiable(tuple(rule for rule, _ in group))
        return None if found is None else _as_witness(found, at or NOON)


def nested(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts with dotted names as dicts in dicts; a name that is also the start of others is left out.

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


def _rules_of(rule: RuleLike) -> tuple[Rule, ...]:
    return (rule,) if isinstance(rule, Rule) else rule.rules


def _shared(rules: tuple[Rule, ...]) -> Iterator[str]:
    """Yield what other rules could look at too: the owner of a dotted fact, the time, a predicate."""
    for source, path in inputs(*rules):
        if source in {"now", "time_in_stage"}:
            yield "now"
        if source == "time_in_stage":
            yield f"fact {_ENTERED_AT}"
        elif source != "now":
            yield f"{source} {path.partition('.')[0]}"
    if any(predicate.function is not None for predicate in predicates(*rules)):
        yield _EVERYTHING


def _as_witness(values: Values, at: datetime) -> Witness:
    at = values.get(now().input, at)
    parts: dict[str, dict[str, Any]] = {"fact": {}, "context": {}, "predicate": {}}
    for (source, path), value in values.items():
        if source in parts and (value is not None or source == "predicate"):
            parts[source][path] = value
    stayed = values.get(time_in_stage().input)
    if stayed is not None:
        parts["fact"][_ENTERED_AT] = at - stayed
    return Witness(parts["fact"], parts["context"], at, parts["predicate"])


def _merged(found: list[Witness], at: datetime | None) -> Witness:
    """Return the witnesses of groups that share nothing as one; at most one of them is about time."""
    facts: dict[str, Any] = {}
    context: dict[str, Any] = {}
    predicates: dict[str, bool | None] = {}
    for each in found:
        facts |= each.facts
        context |= each.context
        predicates |= each.predicates
    at = at or next((each.at for each in found if each.at != NOON), NOON)
    return Witness(facts, context, at, predicates)


def judged(witness: Witness, rules: Iterable[RuleLike], **more: Any) -> tuple[int | Exception, ...]:
    """Return the status that an engine's gate gives each rule on the witness, or what the rule raised."""
    criteria = [rule if isinstance(rule, Criterion) else Criterion(key="it", rule=rule) for rule in rules]
    answers = {name: _always(witness.predicates.get(name)) for name in predicates_of(criteria)}
    gate = Gate(criteria, Sources(predicates=answers))
    values = gate.read(witness.deal(**more), nested(witness.context), witness.at)
    return gate.judge(values) or (MET,) * len(criteria)


def predicates_of(rules: Iterable[RuleLike]) -> tuple[str, ...]:
    """Return the names of the predicates in the rules, each once."""
    parts = (part for rule in rules for part in _rules_of(rule))
    return tuple(dict.fromkeys(each.function_name for each in predicates(*parts)))


def _holds(witness: Witness, group: list[_Wanted]) -> bool:
    """Return whether an engine gives the rules the wanted statuses on the witness."""
    statuses = judged(witness, (rule for rule, _ in group))
    return all(status_bit(status) & allowed for status, (_, allowed) in zip(statuses, group, strict=True))


def _always(answer: bool | None) -> Callable[[Any], bool | None]:  # noqa: FBT001 - it is the answer itself
    return lambda _deal: answer
