"""A gate: criteria compiled for an engine, so that a deal is read once and judged without touching it again."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from inspect import getattr_static
from types import MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from salesprocess.criteria.criterion import Criterion, Finding, Status
from salesprocess.criteria.operators import MET, UNKNOWN, UNMET, is_missing, measured, operation
from salesprocess.criteria.rules import AllOf, AnyOf, AtLeast, Comparison, Not, Predicate, Rule, Term

if TYPE_CHECKING:
    from datetime import datetime

Values: TypeAlias = tuple[Any, ...]
Test: TypeAlias = Callable[[Values], int]
Statuses: TypeAlias = tuple["int | Exception", ...]
Context: TypeAlias = Mapping[str, object] | None
Reader: TypeAlias = Callable[[Any, Context, "datetime | None"], Any]

_NAMES: Final[tuple[Status, ...]] = ("met", "unmet", "unknown")
_FOUND_ON_DICTS: Final = frozenset(dir(dict))
_GONE: Final = object()


class Raised(NamedTuple):
    """Stands for a value that could not be read."""

    error: Exception


def read_path(owner: Any, path: str) -> Any:
    """The value at a dotted path over attributes and keys; `None` where a part is missing.

    An exception raised by the host's own property or mapping goes to the caller.
    """
    for name in path.split("."):
        if owner is None:
            return None
        if isinstance(owner, Mapping):
            owner = owner.get(name)
            continue
        try:
            owner = getattr(owner, name)
        except AttributeError:
            # A slot never filled and a name never given are missing; a property that raises is broken.
            if isinstance(getattr_static(owner, name, _GONE), MemberDescriptorType) or (
                getattr_static(owner, name, _GONE) is _GONE
            ):
                return None
            raise
    return owner


class Lookup(NamedTuple):
    """What an engine adds to a rule: its own names for facts, its predicates and its clock."""

    facts: Mapping[str, str]
    predicates: Mapping[str, Callable[[Any], object]]
    clock: Callable[[], datetime]


class _Part(NamedTuple):
    """A rule, compiled: its test, and the inputs that it uses."""

    test: Test
    uses: tuple[int, ...]

    def judge(self, values: Values) -> int | Exception:
        """The rule's status, or the exception of the rule or of an input that it uses."""
        for used in self.uses:
            value = values[used]
            if isinstance(value, Raised):
                return value.error
        try:
            return self.test(values)
        except Exception as error:  # noqa: BLE001 - becomes the finding's error
            return error


class Gate:
    """The criteria of one move, compiled."""

    __slots__ = ("_expected", "_names", "_parts", "_readers", "criteria", "judge", "read")

    def __init__(self, criteria: Sequence[Criterion], lookup: Lookup) -> None:
        inputs = _Inputs(lookup)
        self.criteria = tuple(criteria)
        self._parts = tuple(
            (
                None if criterion.when is None else inputs.part(criterion.when),
                inputs.part(criterion.rule),
            )
            for criterion in criteria
        )
        # In words once, and not for every deal that is refused.
        self._expected = tuple(criterion.rule.expected() for criterion in criteria)
        self._names = tuple(each.name for each in inputs.indexes)
        self._readers = tuple(inputs.readers)
        self.judge = _judge(tuple(rule.test if when is None else _when(when, rule) for when, rule in self._parts))
        self.read = inputs.reader_of_attributes()

    def read_each(self, deal: Any, context: Context, at: datetime | None) -> Values:
        """Every input, one by one: `None` for one that is missing, a `Raised` for one that cannot be read."""
        values = []
        for reader in self._readers:
            try:
                value = reader(deal, context, at)
                values.append(None if is_missing(value) else value)
            except Exception as error:  # noqa: BLE001 - becomes the finding's error
                values.append(Raised(error))
        return tuple(values)

    def judge_each(self, values: Values) -> Statuses | None:
        """One status for each criterion, an exception for one that raised; `None` when all are met."""
        statuses = tuple(_judge_part(when, rule, values) for when, rule in self._parts)
        return None if all(status is MET for status in statuses) else statuses

    def findings(self, values: Values, statuses: Statuses | None) -> tuple[Finding, ...]:
        """What each criterion that applies came to, in declared order."""
        return tuple(
            self._finding(index, values, MET if statuses is None else statuses[index])
            for index in range(len(self.criteria))
            if self._applied(index, values)
        )

    def _applied(self, index: int, values: Values) -> bool:
        when, _ = self._parts[index]
        return when is None or when.judge(values) != UNMET

    def _uses(self, index: int) -> tuple[int, ...]:
        """The inputs of a criterion, those of its rule first."""
        when, rule = self._parts[index]
        return rule.uses if when is None else tuple(dict.fromkeys((*rule.uses, *when.uses)))

    def _finding(self, index: int, values: Values, status: int | Exception) -> Finding:
        criterion = self.criteria[index]
        facts = {self._names[used]: _as_found(values[used]) for used in self._uses(index)}
        return Finding(
            key=criterion.key,
            label=criterion.label or criterion.key,
            status=_NAMES[status] if isinstance(status, int) else "errored",
            expected=self._expected[index],
            actual=_actual(criterion.rule, facts),
            facts=facts,
            severity=criterion.severity,
            error=None if isinstance(status, int) else status,
        )


def _judge_part(when: _Part | None, rule: _Part, values: Values) -> int | Exception:
    """A criterion's status: met where it does not apply, and at best unknown where that is not known."""
    applies = MET if when is None else when.judge(values)
    if isinstance(applies, Exception) or applies == UNMET:
        return MET if applies == UNMET else applies
    status = rule.judge(values)
    return UNKNOWN if applies == UNKNOWN and status == UNMET else status


def _when(when: _Part, rule: _Part) -> Test:
    def test_when(values: Values) -> int:
        applies = when.test(values)
        if applies == UNMET:
            return MET
        status = rule.test(values)
        return UNKNOWN if applies == UNKNOWN and status == UNMET else status

    return test_when


class _Input(NamedTuple):
    source: str
    path: str

    @property
    def name(self) -> str:
        """What a finding calls it; only facts of the deal go by their bare name."""
        return {"context": f"context.{self.path}", "predicate": f"{self.path}()"}.get(self.source, self.path)


class _Inputs:
    """The inputs of a gate, each read once however many criteria look at it."""

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.indexes: dict[_Input, int] = {}
        self.readers: list[Reader] = []
        self.touched: dict[int, None] = {}

    def part(self, rule: Rule) -> _Part:
        self.touched = {}
        test = _compiled(rule, self)
        return _Part(test, tuple(self.touched))

    def of_term(self, term: Term) -> int:
        return self._index(_Input(term.source, term.path or term.source), lambda: self._reader(term))

    def of_predicate(self, rule: Predicate) -> int:
        function = rule.function or self.lookup.predicates[rule.function_name]
        return self._index(_Input("predicate", rule.function_name), lambda: _calls(function))

    def _index(self, key: _Input, reader: Callable[[], Reader]) -> int:
        if key not in self.indexes:
            self.indexes[key] = len(self.indexes)
            self.readers.append(reader())
        self.touched[self.indexes[key]] = None
        return self.indexes[key]

    def _reader(self, term: Term) -> Reader:
        clock = self.lookup.clock
        if term.source == "now":
            return lambda _deal, _context, at: at or clock()
        if term.source == "context":
            return lambda _deal, context, _at: read_path(context, str(term.path))
        path = self._path(term)
        if term.source == "fact":
            return lambda deal, _context, _at: read_path(deal, path)

        def time_in_stage(deal: Any, _context: Context, at: datetime | None) -> Any:
            entered = read_path(deal, path)
            return None if is_missing(entered) else (at or clock()) - entered

        return time_in_stage

    def _path(self, term: Term) -> str:
        name = "entered_at" if term.source == "time_in_stage" else str(term.path)
        return self.lookup.facts.get(name, name)

    def reader_of_attributes(self) -> Callable[[Any], Values] | None:
        """A reader of all inputs in one look, where they are plain attributes and nothing else."""
        if any(source != "fact" for source, _ in self.indexes):
            return None
        paths = [self.lookup.facts.get(name, name) for _, name in self.indexes]
        # On a dict, `d.items` is a method and not the key: such names are read one by one.
        if not _FOUND_ON_DICTS.isdisjoint(part for path in paths for part in path.split(".")):
            return None
        if len(paths) == 1:
            get = operator.attrgetter(paths[0])
            return lambda deal: (get(deal),)
        return operator.attrgetter(*paths) if paths else lambda _deal: ()


def _calls(function: Callable[[Any], object]) -> Reader:
    def call(deal: Any, _context: Context, _at: datetime | None) -> object:
        result = function(deal)
        if hasattr(result, "__await__"):
            raise TypeError(f"predicate {function!r} returned an awaitable; a predicate is a plain function")
        return result if result is None else bool(result)

    return call


def _judge(tests: tuple[Test, ...]) -> Callable[[Values], Statuses | None]:
    """All tests on one reading: `None` when all are met, or every status. Raises what a test raises."""
    if len(tests) == 1:
        (only,) = tests

        def judge_one(values: Values) -> Statuses | None:
            status = only(values)
            return (status,) if status else None

        return judge_one
    if len(tests) == 2:  # noqa: PLR2004 - most gates have one or two criteria
        first, second = tests

        def judge_two(values: Values) -> Statuses | None:
            a = first(values)
            b = second(values)
            return (a, b) if a or b else None

        return judge_two

    def judge_all(values: Values) -> Statuses | None:
        statuses = tuple([test(values) for test in tests])
        return statuses if any(statuses) else None

    return judge_all


def _compiled(rule: Rule, inputs: _Inputs) -> Test:
    match rule:
        case Comparison():
            return _comparison(rule, inputs)
        case Predicate():
            return _true(inputs.of_predicate(rule), met=MET, unmet=UNMET)
        case Not():
            return _not(_compiled(rule.rule, inputs))
        case AllOf():
            return _at_least(len(rule.rules), tuple(_compiled(part, inputs) for part in rule.rules))
        case AnyOf():
            return _any(tuple(_compiled(part, inputs) for part in rule.rules))
        case AtLeast():
            return _at_least(rule.needed, tuple(_compiled(part, inputs) for part in rule.rules))
    raise TypeError(f"no such rule: {rule!r}")


def _not(test: Test) -> Test:
    turned = (UNMET, MET, UNKNOWN)
    return lambda values: turned[test(values)]


def _any(tests: tuple[Test, ...]) -> Test:
    return _at_least(1, tests)


def _at_least(needed: int, tests: tuple[Test, ...]) -> Test:
    def test_several(values: Values) -> int:
        statuses = [test(values) for test in tests]
        met = statuses.count(MET)
        if met >= needed:
            return MET
        return UNKNOWN if met + statuses.count(UNKNOWN) >= needed else UNMET

    return test_several


def _comparison(rule: Comparison, inputs: _Inputs) -> Test:
    term, op, value = rule.term, rule.op, rule.value
    index = inputs.of_term(term)
    if op == "known":
        return lambda values: UNMET if is_missing(values[index]) else MET
    if op in {"true", "false"} and term.measure is None:
        return _true(index, met=MET, unmet=UNMET) if op == "true" else _true(index, met=UNMET, unmet=MET)
    compare = operation(op, value)
    if term.measure is None and not isinstance(value, Term):
        return _against_constant(index, compare, value)
    left = _measured_at(term, index)
    right = _measured_at(value, inputs.of_term(value)) if isinstance(value, Term) else lambda _values: value

    def test_terms(values: Values) -> int:
        a, b = left(values), right(values)
        if is_missing(a) or (b is not None and is_missing(b)) or (b is None and isinstance(value, Term)):
            return UNKNOWN
        return MET if compare(a, b) else UNMET

    return test_terms


def _true(index: int, *, met: int, unmet: int) -> Test:
    def test_true(values: Values) -> int:
        value = values[index]
        if value is True:
            return met
        if is_missing(value):
            return UNKNOWN
        return met if value else unmet

    return test_true


def _against_constant(index: int, compare: Callable[[Any, Any], Any], constant: Any) -> Test:
    def test_constant(values: Values) -> int:
        value = values[index]
        if value is None:
            return UNKNOWN
        if compare(value, constant):
            return MET
        return UNMET if value == value else UNKNOWN  # noqa: PLR0124 - NaN is unknown

    return test_constant


def _measured_at(term: Term, index: int) -> Callable[[Values], Any]:
    if term.measure is None:
        return operator.itemgetter(index)
    return lambda values: measured(values[index], term)


def _as_found(value: Any) -> Any:
    return None if isinstance(value, Raised) or is_missing(value) else value


def _actual(rule: Rule, facts: dict[str, Any]) -> Any:
    """The one value that the rule is about, or all that it looked at."""
    if isinstance(rule, Comparison):
        value = next(iter(facts.values()))
        try:
            return value if rule.term.measure is None else measured(value, rule.term)
        except TypeError:
            return value
    return next(iter(facts.values())) if len(facts) == 1 else facts or None
