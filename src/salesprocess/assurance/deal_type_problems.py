"""How criteria fit a host's deal type: the facts are there, and can be what they are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from salesprocess._text import shown, suggestion
from salesprocess.assurance.criterion_places import placed_criteria
from salesprocess.assurance.host_types import CalledFact, HostType, MissingFact, type_of_fact
from salesprocess.assurance.value_types import PossibleValues, kind_of, known_type_options, possible_values
from salesprocess.criteria import Criterion
from salesprocess.criteria.comparing import is_among
from salesprocess.criteria.evaluation import MET, compiled
from salesprocess.criteria.operators import Question
from salesprocess.criteria.rules import Comparison, Term, comparisons, fact
from salesprocess.errors import Problem
from salesprocess.process import SalesProcess

_NUMERIC: Final = {"bool", "number"}
_WORDS: Final = {"time": "a time", "date": "a date", "duration": "a length of time", "bool": "true or false"}


def misfits(process: SalesProcess, deal_type: Any, facts: Mapping[str, str]) -> Iterator[Problem]:
    """Every criterion that asks for what deals of the type do not have, or cannot be."""
    why = next(filter(None, (HostType(each).unreadable for each in known_type_options(deal_type))), None)
    if why is not None and any(criterion.facts() for _, criterion in placed_criteria(process)):
        yield Problem("unreadable_type", "deal_type", f"the facts of deals cannot be checked: {why}")
    checked: dict[tuple[str, Criterion], None] = {}
    fitting = _Fitting(deal_type, facts)
    for path, criterion in placed_criteria(process):
        checked[path, criterion] = None
        for rule in comparisons(*criterion.rules):
            yield from fitting.of_rule(path, rule)
    for index, stage in enumerate(process.stages):
        for place, activity in enumerate(stage.activities):
            tick = f"{stage.key}.{activity.key}"
            for problem in fitting.of_rule(
                f"stages[{index}].activities[{place}]", Comparison(fact("done"), "contains", tick)
            ):
                message = f"nobody can tick {tick!r}: {problem.message}"
                yield Problem("activity_never_ticked", problem.path, message)


class _Fitting:
    def __init__(self, deal_type: Any, facts: Mapping[str, str]) -> None:
        self.deal_type = deal_type
        self.facts = facts

    def of_rule(self, path: str, rule: Comparison) -> Iterator[Problem]:
        """What keeps one comparison from making sense, of its first term if that is not there at all."""
        terms = rule.terms()
        types = [self._type_of(term) for term in terms]
        missing = [_missing(path, term, found) for term, found in zip(terms, types, strict=True)]
        if any(missing):
            yield from (problem for problem in missing if problem is not None)
            return
        shapes = [_measured(term, list(possible_values(found))) for term, found in zip(terms, types, strict=True)]
        for term, measured in zip(terms, shapes, strict=True):
            if measured is None:
                message = f"{term} cannot be counted: {term.path!r} is no collection in {HostType(self.deal_type).name}"
                yield Problem("incomparable_types", path, message)
                return
        yield from _unreachable_count(path, rule, list(possible_values(types[0])))
        left = shapes[0]
        if not left or any(shape.kind is None for shape in left):
            return
        if isinstance(rule.value, Term):
            yield from _of_terms(path, rule, left, shapes[1] or [])
        else:
            yield from _of_literals(path, rule, left)

    def _type_of(self, term: Term) -> Any | MissingFact | CalledFact:
        if term.source == "now":
            return datetime
        if term.source == "context":
            return Any
        name = "entered_at" if term.source == "time_in_stage" else str(term.path)
        found = type_of_fact(self.deal_type, self.facts.get(name, name))
        return (
            timedelta if term.source == "time_in_stage" and not isinstance(found, MissingFact | CalledFact) else found
        )


def _missing(path: str, term: Term, found: Any) -> Problem | None:
    if isinstance(found, CalledFact):
        message = f"fact {term.path!r} is {found.what}, not a value: make it a property, or call it in a predicate"
        return Problem("fact_is_called", path, message)
    if not isinstance(found, MissingFact):
        return None
    asked = "entered_at (for time_in_stage())" if term.source == "time_in_stage" else term.path
    message = f"no fact {asked!r}: {found.owner} has no {found.name!r}{suggestion(found.name, found.known)}"
    return Problem("unknown_fact", path, message)


def _measured(term: Term, shapes: list[PossibleValues]) -> list[PossibleValues] | None:
    """The shapes of a count, or `None` of what cannot be counted."""
    if term.measure is None:
        return shapes
    if shapes and all(shape.kind not in {None, "collection"} for shape in shapes):
        return None
    return [PossibleValues("number")]


def _unreachable_count(path: str, rule: Comparison, shapes: Sequence[PossibleValues]) -> Iterator[Problem]:
    """A number of distinct values that is more than there are, where all the values are listed."""
    if rule.term.measure != "distinct" or isinstance(rule.value, Term) or not shapes:
        return
    items = [list(possible_values(shape.item)) for shape in shapes]
    if all(listed and all(item.listed is not None for item in listed) for listed in items):
        most = max(len({value for item in listed for value in item.listed or ()}) for listed in items)
        count = fact("count")
        test = compiled(Comparison(count, rule.op, rule.value), {count.input: 0})
        if not any(test((number,)) == MET for number in range(most + 1)):
            message = f"({rule}) cannot be: {rule.term.path} holds at most {most} different values"
            yield Problem("never_met", path, message)


def _of_literals(path: str, rule: Comparison, shapes: Sequence[PossibleValues]) -> Iterator[Problem]:
    question = rule.operator.question
    if question == "membership":
        yield from _contained(path, rule, shapes)
        return
    if question == "pattern":
        if not any(shape.kind in {"text", "enum"} for shape in shapes):
            yield _incomparable(path, rule, shapes, "a pattern fits text alone")
        return
    for value in rule.literals():
        kind = kind_of(value)
        if not any(_comparable(shape, kind, question) for shape in shapes):
            yield _incomparable(path, rule, shapes, f"{shown(value)} is {_word(kind)}")
        elif question == "equality":
            yield from _outside(path, rule.term, value, shapes)


def _contained(path: str, rule: Comparison, shapes: Sequence[PossibleValues]) -> Iterator[Problem]:
    holders = [shape for shape in shapes if shape.kind in {"text", "collection"}]
    if not holders:
        yield _incomparable(path, rule, shapes, "only text and collections contain something")
        return
    kind = kind_of(rule.value)
    if any(shape.kind == "text" and kind == "text" for shape in holders):
        return
    items = [item for shape in holders if shape.kind == "collection" for item in possible_values(shape.item)]
    if any(item.kind is None for item in items) or (not items and any(s.kind == "collection" for s in holders)):
        return
    if not any(_comparable(item, kind, "equality") for item in items):
        yield _incomparable(path, rule, items or shapes, f"{shown(rule.value)} is {_word(kind)}")
    else:
        yield from _outside(path, rule.term, rule.value, items)


def _of_terms(
    path: str, rule: Comparison, left: Sequence[PossibleValues], right: Sequence[PossibleValues]
) -> Iterator[Problem]:
    if not right or any(shape.kind is None for shape in right):
        return
    if not any(_comparable(shape, str(other.kind), rule.operator.question) for shape in left for other in right):
        what = " or ".join(dict.fromkeys(_word(shape.kind) for shape in right))
        yield _incomparable(path, rule, left, f"{rule.value} is {what}")


def _comparable(shape: PossibleValues, kind: str | None, question: Question) -> bool:
    if shape.is_plain_enum:
        # A rule compares an enum member by its value, but the member itself has no order.
        values = (PossibleValues(kind_of(each)) for each in shape.listed or ())
        return question != "order" and any(_comparable(each, kind, question) for each in values)
    return kind is None or shape.kind == kind


def _outside(path: str, term: Term, value: object, shapes: Sequence[PossibleValues]) -> Iterator[Problem]:
    """Whether a literal is none of the values that there are, where all shapes list theirs."""
    listed = [shape.listed for shape in shapes]
    if any(values is None for values in listed):
        return
    values = [each for some in listed for each in some or ()]
    if not _is_one_of(value, values):
        hint = suggestion(value, map(str, values))
        yield Problem("literal_outside", path, f"{term} is never {shown(value)}{hint}")


def _is_one_of(value: object, values: Sequence[object]) -> bool:
    try:
        return is_among(value, values)
    except TypeError:
        return False


def _incomparable(path: str, rule: Comparison, shapes: Sequence[PossibleValues], why: str) -> Problem:
    what = " or ".join(dict.fromkeys(_word(shape.kind) for shape in shapes))
    message = f"({rule}) compares what cannot be compared: {rule.term} is {what}, and {why}"
    return Problem("incomparable_types", path, message)


def _word(kind: str | None) -> str:
    return _WORDS.get(str(kind), str(kind) if kind == "text" else f"a{'n' if kind == 'enum' else ''} {kind}")
