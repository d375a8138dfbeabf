"""Deals by what is to be true of them: rules solved, and the solution put in the terms of the host's type.

A solution says what status each comparison in the rules has. Any other values under which the comparisons have the
same statuses solve the rules as well, so a value that the host's type takes is found by trying its own values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice, pairwise, product
from typing import Any, NamedTuple, TypeAlias

from salesprocess.assurance.solver.search import RuleLike
from salesprocess.assurance.solver.witness import Witness, Witnesses
from salesprocess.criteria.evaluation import compiled
from salesprocess.criteria.rules import Comparison, Predicate, Rule, inputs, leaves, literals
from salesprocess.testing.host_values import MONDAY, as_type, fits, plain_values

Hints: TypeAlias = Callable[[str], Any]

_MOST_TRIED = 5_000
_MOST_TOGETHER = 20


def condition(rule: RuleLike) -> Rule:
    """Return what an engine asks for: the rule, where its `when` holds."""
    return rule if isinstance(rule, Rule) else rule.condition


class Gap(NamedTuple):
    """The numbers between two that rules compare with, neither included; of no bound where that is `None`."""

    low: float | None
    high: float | None


@dataclass(frozen=True)
class Facts:
    """Values under which rules have the statuses that were asked for.

    `classes` has all values found for each fact, any of which will do whatever the others are; `joint` those of facts
    that are compared with each other, which go together. `None` stands for a fact that is not known.
    """

    witness: Witness
    classes: Mapping[str, list[Any]]
    joint: Sequence[list[dict[str, Any]]] = ()
    gaps: Mapping[str, list[Gap]] = field(default_factory=dict)

    @property
    def plainest(self) -> dict[str, Any]:
        """One value for each fact that is known."""
        values = {path: options[0] for path, options in self.classes.items()}
        for together in self.joint:
            values |= together[0]
        return {path: value for path, value in values.items() if value is not None}


def solve(
    met: Iterable[RuleLike],
    not_met: Iterable[RuleLike] = (),
    *,
    hints: Hints = lambda _path: Any,
    at: datetime = MONDAY,
) -> Facts | None:
    """Return facts under which all of `met` are met and none of `not_met` is, of types that the hints allow.

    Facts of a type that makes a comparison raise are none.
    """
    wanted, unwanted = [*map(condition, met)], [*map(condition, not_met)]
    found = Witnesses(at).find(wanted, unwanted)
    return _in_terms_of(found, [*wanted, *unwanted], hints) if isinstance(found, Witness) else None


def _in_terms_of(witness: Witness, rules: list[Rule], hints: Hints) -> Facts | None:
    each = {str(atom.data()): atom for atom in leaves(*rules)}.values()
    if any(isinstance(_status(atom, witness, {}), type) for atom in each):
        return None
    names = inputs(*each)
    facts = [path for source, path in names if source == "fact"]
    known = list(dict.fromkeys(literals(*rules)))
    options = {path: list(_options(path, hints(path), witness, known)) for path in facts}
    single = [atom for atom in each if len(atom.inputs()) == 1]
    gaps: dict[str, list[Gap]] = {}
    for path in facts:
        own = [atom for atom in single if atom.inputs() == (("fact", path),)]
        options[path] = _alike(own, path, options[path], witness)
        gaps[path] = list(_gaps(own, path, witness)) if _is_number(options[path]) else []
    linked = [atom for atom in each if len(atom.inputs()) > 1 and any(s == "fact" for s, _ in atom.inputs())]
    groups = _linked(linked)
    joint = [list(islice(_together(group, linked, options, witness), _MOST_TOGETHER)) for group in groups]
    alone = {path: found for path, found in options.items() if all(path not in group for group in groups)}
    entered = witness.facts.get("entered_at")
    if entered is not None and "entered_at" not in options:
        alone["entered_at"] = [entered]
    return Facts(witness, alone, joint, gaps) if all(alone.values()) and all(joint) else None


def _options(path: str, hint: Any, witness: Witness, known: list[Any]) -> Iterator[Any]:
    """Yield values that the type has for the fact, the plainest first."""
    value = witness.facts.get(path)
    typed = as_type(value, hint)
    if value is None and (path not in witness.facts) and fits(None, hint):
        yield None
    if value is not None and fits(typed, hint):
        yield typed
    if hint is Any:
        kinds = dict.fromkeys(type(each) for each in [value, *known] if each is not None)
        yield from (option for kind in kinds for option in plain_values(kind, known))
        yield None
    else:
        yield from plain_values(hint, known)


def _alike(own: list[Any], path: str, options: list[Any], witness: Witness) -> list[Any]:
    """Return the options that give every comparison the same status as the value of the witness."""
    expected = [_status(atom, witness, {}) for atom in own]
    kept: list[Any] = []
    for option in options:
        if [_status(atom, witness, {path: option}) for atom in own] == expected and not _held(option, kept):
            kept.append(option)
    return kept


def _is_number(options: list[Any]) -> bool:
    return any(type(option) in {int, float} for option in options)


def _gaps(own: list[Any], path: str, witness: Witness) -> Iterator[Gap]:
    """Yield the gaps between literals whose numbers give the same statuses as the value of the witness."""
    if any(atom.operator.question in {"membership", "pattern"} or atom.term.measure for atom in own):
        return
    points = sorted({0, *(each for each in literals(*own) if isinstance(each, int | float))})
    expected = [_status(atom, witness, {}) for atom in own]
    for low, high in pairwise([None, *points, None]):
        inside = (
            (low + high) / 2 if low is not None and high is not None else (high or 0) - 1 if low is None else low + 1
        )
        if [_status(atom, witness, {path: inside}) for atom in own] == expected:
            yield Gap(low, high)


def _held(option: Any, kept: list[Any]) -> bool:
    return any(type(each) is type(option) and each == option for each in kept)


def _linked(linked: list[Any]) -> list[list[str]]:
    """Return the facts that are compared with each other, or with the time, group by group."""
    groups: list[list[str]] = []
    for atom in linked:
        names = [path for source, path in atom.inputs() if source == "fact"]
        touching = [group for group in groups if not set(group).isdisjoint(names)]
        groups = [group for group in groups if group not in touching]
        groups.append(list(dict.fromkeys([*(path for group in touching for path in group), *names])))
    return groups


def _together(
    group: list[str], linked: list[Any], options: dict[str, list[Any]], witness: Witness
) -> Iterator[dict[str, Any]]:
    own = [atom for atom in linked if any(path in group for _, path in atom.inputs())]
    expected = [_status(atom, witness, {}) for atom in own]
    for values in islice(product(*(options[path] for path in group)), _MOST_TRIED):
        trial = dict(zip(group, values, strict=True))
        if [_status(atom, witness, trial) for atom in own] == expected:
            yield trial


def _status(atom: Comparison | Predicate, witness: Witness, instead: Mapping[str, Any]) -> Any:
    """Return a comparison's status under the witness with some facts changed, or the type of what it raised."""
    values: list[Any] = []
    for source, path in atom.inputs():
        if source == "fact":
            values.append(instead.get(path, witness.facts.get(path)))
        elif source == "context":
            values.append(witness.context.get(path))
        elif source == "predicate":
            values.append(witness.predicates.get(path))
        else:
            values.append(witness.at if source == "now" else _stay(witness))
    try:
        return compiled(atom, {each: at for at, each in enumerate(atom.inputs())})(tuple(values))
    except Exception as error:  # noqa: BLE001 - a comparison that raises is one of the outcomes
        return type(error)


def _stay(witness: Witness) -> Any:
    entered = witness.facts.get("entered_at")
    return None if entered is None else witness.at - entered
