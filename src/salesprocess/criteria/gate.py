"""A gate: the criteria of one move, compiled, so that a deal is read once and judged without touching it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, MutableSequence, MutableSet, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from salesprocess._text import shown
from salesprocess.criteria.comparing import as_compared, is_missing, what_is_called
from salesprocess.criteria.criterion import Criterion, Finding, Status
from salesprocess.criteria.evaluation import MET, UNMET, Test, compiled, measured
from salesprocess.criteria.reading import ReadersByClass, Unreadable, Values, as_values, fact_reader, read_path
from salesprocess.criteria.rules import Comparison, Input, Rule, comparisons, inputs, predicates

Statuses: TypeAlias = tuple["int | Exception", ...]
Context: TypeAlias = Mapping[str, object] | None
Seen: TypeAlias = dict[Input, Any]
_Judge: TypeAlias = Callable[[Values], "Statuses | None"]
_Read: TypeAlias = Callable[[Any, Context, "datetime | None"], Values]
_Reader: TypeAlias = Callable[[Any, Context, "datetime | None", Seen], Any]

_NAMES: Final[tuple[Status, ...]] = ("met", "unmet", "unknown")
_MUTABLE: Final[Sequence[tuple[type, Callable[[Any], Any]]]] = (
    (MutableSequence, list),
    (MutableSet, set),
    (MutableMapping, dict),
)
_NEVER_MISSING: Final = frozenset({bool, int, str, list, dict})
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
    readers: ReadersByClass
    judge: _Judge

    def __init__(self, criteria: Iterable[Criterion], sources: Sources = _NO_SOURCES) -> None:
        self.criteria: tuple[Criterion, ...] = tuple(criteria)
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
        if statuses is None:
            statuses = (MET,) * len(self._criteria)
        return tuple(
            [
                criterion.finding(found, status)
                for criterion, status in zip(self._criteria, statuses, strict=True)
                if criterion.applies_always or criterion.applies(values)
            ]
        )

    def _reader(self, facts: Mapping[str, str]) -> tuple[_Read, ReadersByClass]:
        names = [facts.get(each.path, each.path) for each in self._readers]
        if names and all(each.source == "fact" for each in self._readers) and not any("." in name for name in names):
            read, readers = fact_reader(names)
            counted = _counted_or_searched(self.criteria)
            positions = [at for at, each in enumerate(self._readers) if each in counted]
            return (read, readers) if not positions else _copying(read, positions)
        return lambda deal, context, at: self.read_shared(deal, context, at, {}), {}

    def _judge_each(self, values: Values) -> Statuses | None:
        values = as_values([_judged(each, value) for each, value in zip(self._readers, tuple(values), strict=True)])
        statuses = tuple([criterion.judge(values) for criterion in self._criteria])
        if all(isinstance(status, int) for status in statuses):
            return statuses if any(statuses) else None
        return Errored(statuses)


class _OneReader(dict[type, Callable[[Any], Values]]):
    """The same reader for the deals of every class."""

    def __init__(self, read: _Read) -> None:
        super().__init__()
        self._read = lambda deal: read(deal, None, None)

    def __missing__(self, kind: type) -> Callable[[Any], Values]:
        return self._read


def _copying(read: _Read, positions: Sequence[int]) -> tuple[_Read, ReadersByClass]:
    """Return a reader of facts that copies the collections at these positions."""

    def read_and_copy(deal: Any, context: Context, at: datetime | None) -> Values:
        values = list(read(deal, context, at))
        for position in positions:
            values[position] = _copied(values[position])
        return as_values(values)

    return read_and_copy, _OneReader(read_and_copy)


def _copied(value: Any) -> Any:
    """Return a value that does not change when the host appends to its collection."""
    if value.__class__ is list:
        return value[:]
    for kind, copy in _MUTABLE:
        if isinstance(value, kind):
            try:
                return copy(value)
            except Exception as error:  # noqa: BLE001 - becomes the finding's error
                return Unreadable(error)
    return value


def _counted_or_searched(criteria: Iterable[Criterion]) -> frozenset[Input]:
    """Return the inputs of which a collection's items matter, not only what it is."""
    found: set[Input] = set()
    for each in comparisons(*(rule for criterion in criteria for rule in criterion.rules)):
        found.update(term.input for term in each.terms() if term.measure is not None)
        if each.operator.question == "membership":
            found.add(each.term.input)
    return frozenset(found)


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

    __slots__ = ("_asked", "_counts", "_criterion", "_shown", "_when", "applies_always", "test")

    def __init__(self, criterion: Criterion, index: Mapping[Input, int]) -> None:
        rule = criterion.rule
        self._criterion = criterion
        self._asked = (criterion.key, criterion.label or criterion.key, rule.expected())
        self._shown = [(_name(each), index[each]) for each in inputs(*criterion.rules)]
        self._counts = isinstance(rule, Comparison) and rule.term.measure is not None
        self._when = None if criterion.when is None else compiled(criterion.when, index)
        self.applies_always = self._when is None
        self.test = compiled(criterion.condition, index)

    def applies(self, values: Values) -> bool:
        """Return whether the criterion is asked for on this deal, as far as can be told."""
        return self._when is None or _status(self._when, values) != UNMET

    def judge(self, values: Values) -> int | Exception:
        """Return the criterion's status, or what it raised; it is met where it does not apply."""
        return _status(self.test, values) if self.applies(values) else MET

    def finding(self, values: Values, status: int | Exception) -> Finding:
        """Return what the criterion came to on values that may be `Unreadable`."""
        criterion, (key, label, expected) = self._criterion, self._asked
        rule = criterion.rule
        facts = {name: _as_found(values[at]) for name, at in self._shown}
        if isinstance(rule, Comparison) or len(facts) == 1:
            actual = next(iter(facts.values()))
            if self._counts:
                actual = _measured(actual, rule)
        else:
            actual = facts or None
        error = status if isinstance(status, Exception) else None
        name = _NAMES[status] if isinstance(status, int) else "errored"
        fields = (key, label, name, expected, actual, facts, criterion.severity, error, rule, criterion.confidential)
        # The checks of the constructor cost more than all that is said above.
        return tuple.__new__(Finding, fields)


def _measured(value: Any, rule: Rule) -> Any:
    try:
        return measured(value, rule.term) if isinstance(rule, Comparison) else value
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
    if value.__class__ in _NEVER_MISSING:
        return value
    return None if isinstance(value, Unreadable) or is_missing(value) or what_is_called(value) is not None else value


def _readers_of(criteria: Sequence[Criterion], sources: Sources) -> dict[Input, _Reader]:
    """Return how each input of the criteria is read; one that is made of others stands behind them."""
    rules = [rule for criterion in criteria for rule in criterion.rules]
    counted = _counted_or_searched(criteria)
    functions = {each.function_name: each.function for each in predicates(*rules) if each.function}
    found: dict[Input, _Reader] = {}
    for each in inputs(*rules):
        for needed in (_NOW, _ENTERED_AT, each) if each.source == "time_in_stage" else (each,):
            reader = _reader_of(needed, sources, functions)
            found.setdefault(needed, _copy_of(reader) if needed in counted else reader)
    return found


def _copy_of(reader: _Reader) -> _Reader:
    return lambda deal, context, at, seen: _copied(reader(deal, context, at, seen))


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
