"""A gate: the criteria of one move, compiled, so that a deal is read once and judged without touching it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from salesprocess._text import shown
from salesprocess.criteria.comparing import as_compared, is_missing, what_is_called
from salesprocess.criteria.criterion import Criterion, Finding, Status
from salesprocess.criteria.evaluation import MET, UNMET, Test, compiled, measured
from salesprocess.criteria.reading import ReadersByClass, Unreadable, Values, as_values, fact_reader, read_path
from salesprocess.criteria.rules import Comparison, Input, Rule, inputs, predicates

Statuses: TypeAlias = tuple["int | Exception", ...]
Context: TypeAlias = Mapping[str, object] | None
Seen: TypeAlias = dict[Input, Any]
_Judge: TypeAlias = Callable[[Values], "Statuses | None"]
_Read: TypeAlias = Callable[[Any, Context, "datetime | None"], Values]
_Reader: TypeAlias = Callable[[Any, Context, "datetime | None", Seen], Any]

_NAMES: Final[tuple[Status, ...]] = ("met", "unmet", "unknown")
_NOW: Final = Input("now", "now")
_ENTERED_AT: Final = Input("fact", "entered_at")


def utc_now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Sources(NamedTuple):
    """Where a gate's inputs come from: the host's names for facts, its predicates, and its clock."""

    facts: Mapping[str, str] = MappingProxyType({})
    predicates: Mapping[str, Callable[[Any], object]] = MappingProxyType({})
    clock: Callable[[], datetime] = utc_now


_NO_SOURCES: Final = Sources()


class Errored(tuple[Any, ...]):
    """Statuses with an exception among them."""

    __slots__ = ()


class Gate:
    """The criteria of one move, compiled.

    `read(deal, context, at)` returns the values of all inputs, each read once and in order: `None` for a fact that is
    missing, `Unreadable` for one whose reading raised. `judge(values)` returns a status for each criterion, or `None`
    when all are met; the status of a criterion that raised is the exception, and the statuses are `Errored` then.
    Neither raises. `readers` has, by class of deal, a quicker `read` that raises where a fact is missing.
    """

    __slots__ = ("_criteria", "_readers", "criteria", "judge", "read", "readers")

    read: _Read
    judge: _Judge

    def __init__(self, criteria: Iterable[Criterion], sources: Sources = _NO_SOURCES) -> None:
        self.criteria = tuple(criteria)
        self._readers = _readers_of(self.criteria, sources)
        index = {each: at for at, each in enumerate(self._readers)}
        self._criteria = tuple(_CompiledCriterion(criterion, index) for criterion in self.criteria)
        self.read, self.readers = self._reader(sources.facts)
        self.judge = _judge_of([each.test for each in self._criteria], self._judge_each)

    def read_shared(self, deal: Any, context: Context, at: datetime | None, seen: Seen) -> Values:
        """Return the values as `read` does, but take those that another gate has read from `seen`, and add the others.

        So a predicate or a property that several moves of one decision look at runs once.
        """
        for each, reader in self._readers.items():
            if each not in seen:
                try:
                    seen[each] = reader(deal, context, at, seen)
                except Exception as error:  # noqa: BLE001 - becomes the finding's error
                    seen[each] = Unreadable(error)
        return as_values([seen[each] for each in self._readers])

    def findings(self, values: Values, statuses: Statuses | None) -> tuple[Finding, ...]:
        """Return what each criterion that applies came to, in declared order."""
        found = tuple(values)
        return tuple(
            criterion.finding(found, MET if statuses is None else statuses[at])
            for at, criterion in enumerate(self._criteria)
            if criterion.applies(values)
        )

    def _reader(self, facts: Mapping[str, str]) -> tuple[_Read, ReadersByClass]:
        names = [facts.get(each.path, each.path) for each in self._readers]
        if names and all(each.source == "fact" for each in self._readers) and not any("." in name for name in names):
            return fact_reader(names)
        return lambda deal, context, at: self.read_shared(deal, context, at, {}), {}

    def _judge_each(self, values: Values) -> Statuses | None:
        values = as_values([_judged(each, value) for each, value in zip(self._readers, tuple(values), strict=True)])
        statuses = tuple([criterion.judge(values) for criterion in self._criteria])
        if all(isinstance(status, int) for status in statuses):
            return statuses if any(statuses) else None
        return Errored(statuses)


def _judge_of(tests: Sequence[Test], judge_each: _Judge) -> _Judge:
    """Return a function that runs all tests at once, and each by itself where one raises."""
    if len(tests) == 1:
        (only,) = tests

        def judge_one(values: Values) -> Statuses | None:
            try:
                status = only(values)
            except Exception:  # noqa: BLE001 - told apart there
                return judge_each(values)
            return (status,) if status else None

        return judge_one
    if len(tests) == 2:  # noqa: PLR2004 - most gates have one or two criteria
        first, second = tests

        def judge_two(values: Values) -> Statuses | None:
            try:
                a = first(values)
                b = second(values)
            except Exception:  # noqa: BLE001 - told apart there
                return judge_each(values)
            return (a, b) if a or b else None

        return judge_two

    def judge_all(values: Values) -> Statuses | None:
        try:
            statuses = tuple([test(values) for test in tests])
        except Exception:  # noqa: BLE001 - told apart there
            return judge_each(values)
        return statuses if any(statuses) else None

    return judge_all


class _CompiledCriterion:
    """A criterion's tests, and all of its finding that does not depend on the deal."""

    __slots__ = ("_expected", "_key", "_label", "_rule", "_severity", "_shown", "_when", "test")

    def __init__(self, criterion: Criterion, index: Mapping[Input, int]) -> None:
        self._key, self._label = criterion.key, criterion.label or criterion.key
        self._rule, self._expected, self._severity = criterion.rule, criterion.rule.expected(), criterion.severity
        self._shown = [(_name(each), index[each]) for each in inputs(*criterion.rules)]
        self._when = None if criterion.when is None else compiled(criterion.when, index)
        self.test = compiled(criterion.condition, index)

    def applies(self, values: Values) -> bool:
        """Return whether the criterion is asked for on this deal, as far as can be told."""
        return self._when is None or _status(self._when, values) != UNMET

    def judge(self, values: Values) -> int | Exception:
        """Return the criterion's status, or what it raised; it is met where it does not apply."""
        return _status(self.test, values) if self.applies(values) else MET

    def finding(self, values: Values, status: int | Exception) -> Finding:
        """Return what the criterion came to on values that may be `Unreadable`."""
        facts = {name: _as_found(values[at]) for name, at in self._shown}
        actual, error = _actual(self._rule, facts), status if isinstance(status, Exception) else None
        name = "errored" if isinstance(status, Exception) else _NAMES[status]
        return Finding(self._key, self._label, name, self._expected, actual, facts, self._severity, error)


def _actual(rule: Rule, facts: dict[str, Any]) -> Any:
    """Return the one value that the rule is about, or all that it looked at."""
    if not isinstance(rule, Comparison) and len(facts) != 1:
        return facts or None
    value = next(iter(facts.values()))
    try:
        return measured(value, rule.term) if isinstance(rule, Comparison) and rule.term.measure else value
    except TypeError:
        return value


def _status(test: Test, values: Values) -> int | Exception:
    try:
        return test(values)
    except Exception as error:  # noqa: BLE001 - becomes the finding's error
        return error


def _name(each: Input) -> str:
    """Return what a finding calls an input; only facts of the deal go by their bare name."""
    return {"context": f"context.{each.path}", "predicate": f"{each.path}()"}.get(each.source, each.path)


def _judged(each: Input, value: Any) -> Any:
    """Return what a value is judged as where a rule has raised: `None` if it says nothing, an error if it is called."""
    if isinstance(value, Unreadable):
        return value
    if is_missing(value):
        # A decimal that is not a number raises when it is compared, and says as little as `None`.
        return None
    what = what_is_called(value)
    if what is None:
        return value
    return Unreadable(
        TypeError(f"{each.source} {each.path!r} is {what}, not a value: make it a property, or call it in a predicate")
    )


def _as_found(value: Any) -> Any:
    return None if isinstance(value, Unreadable) or is_missing(value) or what_is_called(value) is not None else value


def _readers_of(criteria: Iterable[Criterion], sources: Sources) -> dict[Input, _Reader]:
    """Return how each input of the criteria is read; one that is made of others stands behind them."""
    rules = [rule for criterion in criteria for rule in criterion.rules]
    functions = {each.function_name: each.function for each in predicates(*rules) if each.function}
    found: dict[Input, _Reader] = {}
    for each in inputs(*rules):
        for needed in (_NOW, _ENTERED_AT, each) if each.source == "time_in_stage" else (each,):
            found.setdefault(needed, _reader_of(needed, sources, functions))
    return found


def _reader_of(each: Input, sources: Sources, functions: Mapping[str, Callable[[Any], object]]) -> _Reader:
    match each.source:
        case "now":
            clock = sources.clock
            return lambda _deal, _context, at, _seen: at or clock()
        case "time_in_stage":
            return _time_in_stage
        case "context":
            return lambda _deal, context, _at, _seen: read_path(context, each.path)
        case "predicate":
            return _caller(functions.get(each.path) or sources.predicates[each.path])
    path = sources.facts.get(each.path, each.path)
    return lambda deal, _context, _at, _seen: read_path(deal, path)


def _time_in_stage(_deal: Any, _context: Context, _at: datetime | None, seen: Seen) -> Any:
    entered, moment = seen[_ENTERED_AT], seen[_NOW]
    for value in (entered, moment):
        if isinstance(value, Unreadable):
            raise value.error
    if is_missing(entered):
        return None
    kind, since = as_compared(entered)
    if kind != "time":
        raise TypeError(f"'entered_at' is a time with a zone for time_in_stage(), found {shown(entered)}")
    return as_compared(moment)[1] - since


def _caller(function: Callable[[Any], object]) -> _Reader:
    def call(deal: Any, _context: Context, _at: datetime | None, _seen: Seen) -> object:
        result = function(deal)
        if result is True or result is False:
            return result
        if is_missing(result):
            return None
        what = what_is_called(result)
        if what is not None:
            raise TypeError(f"predicate {function!r} returned {what}; a predicate returns true, false or None")
        return bool(result)

    return call
