"""Comparisons as pairs of expressions: what is given is worked out beforehand, the rest is guarded by being known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Generic

from salesprocess._text import as_literal
from salesprocess._time import aware
from salesprocess.criteria import Criterion, fact
from salesprocess.criteria.comparing import is_missing
from salesprocess.criteria.evaluation import MET, UNMET
from salesprocess.criteria.gate import Gate
from salesprocess.criteria.operators import OPERATORS
from salesprocess.criteria.reading import read_path
from salesprocess.criteria.rules import Comparison, Term
from salesprocess.targets.boolean_pairs import Logic, Pair, answer_of
from salesprocess.targets.column_literals import fits, fitted, is_comparable
from salesprocess.targets.target import Answer, Column, E, Subject, Target, refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNKNOWN: Final[Pair[Any]] = Pair(met=False, unmet=False)
_NO_LENGTH_OF_TIME: Final = "the time in a stage can only be compared with a length of time that is given"


@dataclass(frozen=True)
class Given:
    """What is known before any row is: the host's names for facts, the caller's context and the time."""

    facts: Mapping[str, str] | None = None
    context: Mapping[str, object] | None = None
    at: datetime | None = None

    def time(self) -> datetime:
        """Return the time of the decision."""
        if self.at is None:
            raise refusal("the rule asks for the time: give it with at=")
        return aware(self.at, "at")

    def value_of(self, term: Term) -> object:
        """Return the value of a term of the context, or of the time."""
        if term.source == "now":
            return self.time()
        if self.context is None:
            raise refusal(f"the rule asks for {term.path!r} of the context: give it with context=")
        value = read_path(self.context, str(term.path))
        if term.measure is None or is_missing(value):
            return value
        raise refusal(f"{term!r} cannot be held against a fact: count it first")

    def status_of(self, rule: Comparison, deal: object = None) -> int:
        """Return the engine's own answer to a rule that looks at no column."""
        for term in rule.terms():
            if term.source in {"now", "context"}:
                self.value_of(Term(term.source, term.path))
        gate = Gate((Criterion(key="given", rule=rule),))
        statuses = gate.judge(gate.read(deal, self.context, self.at))
        status = MET if statuses is None else statuses[0]
        if isinstance(status, Exception):
            raise refusal(f"({rule}) cannot be answered: {status}")
        return status


def compiled(subject: Subject, target: Target[E], given: Given) -> Answer[E]:
    """Return the answer of a gate as a target's expressions."""
    logic = Logic(target)
    return answer_of(subject, logic, _Leaves(logic, given).pair)


class _Leaves(Generic[E]):
    def __init__(self, logic: Logic[E], given: Given) -> None:
        self._logic = logic
        self._target = logic.target
        self._given = given

    def pair(self, rule: Comparison) -> Pair[E]:
        if all(term.source in {"now", "context"} for term in rule.terms()):
            status = self._given.status_of(rule)
            return Pair(status == MET, status == UNMET)
        term, op = rule.term, rule.op
        value: Any = rule.value
        if isinstance(value, Term) and (term.source in {"now", "context"} or value.source == "time_in_stage"):
            term, op, value = value, _mirror(op), term
        if isinstance(value, Term) and value.source != "fact":
            given = self._given.value_of(value)
            if is_missing(given):
                return _UNKNOWN
            value = _literal(given)
        if term.source == "time_in_stage":
            return self._of_entered_at(op, value)
        return self._guarded(term, op, value)

    def _of_entered_at(self, op: str, value: Any) -> Pair[E]:
        """Return the pair for how long ago, asked as since when: no arithmetic is left to the target."""
        at, entered = self._given.time(), fact("entered_at")
        values = value if isinstance(value, tuple) else (value,)
        match OPERATORS[op].question:
            case "truth":
                met, unmet = self._guarded(entered, "==", at)
                return Pair(unmet, met)
            case "presence":
                return self._guarded(entered, op, None)
            case "membership" | "pattern":
                raise refusal(_NO_LENGTH_OF_TIME)
        if not all(isinstance(each, timedelta) for each in values):
            raise refusal(_NO_LENGTH_OF_TIME)
        try:
            moments = tuple(at - each for each in values)
        except OverflowError:
            raise refusal(f"{value} before {at} is outside the calendar") from None
        return self._guarded(entered, _mirror(op), moments if isinstance(value, tuple) else moments[0])

    def _guarded(self, term: Term, op: str, value: Any) -> Pair[E]:
        column, known = self._column(term)
        if OPERATORS[op].question == "presence":
            return Pair(known, self._logic.negated(known))
        if column.family == "nothing":
            return _UNKNOWN
        guards = [known]
        if isinstance(value, Term):
            other, other_known = self._column(value)
            if other.family == "nothing":
                return _UNKNOWN
            holds = self._of_two(op, self._measured(column, term), self._measured(other, value))
            guards.append(other_known)
        else:
            holds = self._of_one(op, self._measured(column, term), value)
        return Pair(
            self._logic.all_of([*guards, holds]),
            self._logic.all_of([*guards, self._logic.negated(holds)]),
        )

    def _column(self, term: Term) -> tuple[Column[E], E | bool]:
        path = str(term.path)
        column = self._target.column((self._given.facts or {}).get(path, path))
        return column, column.family != "nothing" and self._target.known(column)

    def _measured(self, column: Column[E], term: Term) -> Column[E]:
        if term.measure is None:
            return column
        if column.family not in {"list", "any"}:
            kind = f"column of type {column.type}" if column.family == "other" else f"{column.family} column"
            raise refusal(f"{term} asks for a collection, and {term.path!r} is a {kind}")
        return self._target.measured(column, term.measure)

    def _of_one(self, op: str, column: Column[E], value: Any) -> E | bool:
        if column.family == "other":
            raise refusal(f"a column of type {column.type} can be asked whether it is known, and nothing else")
        if column.domain:
            return self._of_few(op, column, value)
        match OPERATORS[op].question:
            case "truth":
                return self._truth(column)
            case "membership":
                return self._contains(column, value)
            case "pattern":
                return self._matches(column, value)
        if isinstance(value, tuple):
            fits_column = [each for each in value if is_comparable(column.family, each)] or value
            values = [fit[1] for each in fits_column if not isinstance(fit := fitted("==", column.family, each), bool)]
            return self._target.one_of(column, values) if values else False
        fit = fitted(op, column.family, value)
        return fit if isinstance(fit, bool) else self._target.compare(fit[0], column, fit[1])

    def _matches(self, column: Column[E], glob: str) -> E:
        if column.family not in {"text", "any"}:
            raise refusal(f"a pattern fits text alone, and this is a {column.family} column")
        return self._target.matches(column, glob)

    def _of_few(self, op: str, column: Column[E], value: Any) -> E | bool:
        """Return which of the few values of a column meet the comparison, as the engine itself answers for each."""
        rule = Comparison(fact("value"), op, value)
        meeting = [each for each in column.domain if self._given.status_of(rule, {"value": each}) == MET]
        if len(meeting) in {0, len(column.domain)}:
            return bool(meeting)
        return self._target.one_of(column, meeting)

    def _truth(self, column: Column[E]) -> E | bool:
        match column.family:
            case "integer" | "float" | "decimal":
                return self._target.negated(self._target.compare("==", column, 0))
            case "text":
                return self._target.negated(self._target.compare("==", column, ""))
            case "duration":
                return self._target.negated(self._target.compare("==", column, timedelta(0)))
            case "moment" | "date":
                return True
        return self._target.truth(column)

    def _contains(self, column: Column[E], item: Any) -> E:
        if column.family not in {"text", "list", "any"}:
            raise refusal(f"only text and collections contain anything, and this is a {column.family} column")
        if column.family == "text" and not isinstance(item, str):
            raise refusal(f"text can contain text alone, not {item!r}")
        return self._target.contains(column, item)

    def _of_two(self, op: str, column: Column[E], other: Column[E]) -> E | bool:
        if not fits(op, column.family, other.family):
            return False
        return self._target.compare(op, column, other)  # type: ignore[arg-type]


def _mirror(op: str) -> str:
    return OPERATORS[op].mirror or op


def _literal(value: object) -> object:
    try:
        return as_literal(value)
    except (TypeError, ValueError) as error:
        raise refusal(str(error)) from None
