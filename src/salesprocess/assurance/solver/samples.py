"""Values to try for a fact: any other plain value gives the comparisons the same statuses as one of these."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeAlias

from salesprocess.criteria.evaluation import MET, UNKNOWN, UNMET
from salesprocess.criteria.operators import glob_tokens
from salesprocess.criteria.rules import Comparison, Input, Predicate, Term, literals

Atom: TypeAlias = Comparison | Predicate
_Comparing: TypeAlias = tuple[Comparison, int]

# The statuses of a criterion as bits, so that a set of them is one number.
MET_BIT: Final = 1 << MET
UNMET_BIT: Final = 1 << UNMET
UNKNOWN_BIT: Final = 1 << UNKNOWN
ERRORED_BIT: Final = 1 << 3
ANSWERED: Final = MET_BIT | UNMET_BIT | UNKNOWN_BIT
ANY: Final = ANSWERED | ERRORED_BIT

NOON: Final = datetime(2026, 1, 5, 12, tzinfo=UTC)

_MOST_ITEMS: Final = 1_000
_WIDEST_EXPONENT: Final = 400
_DAY: Final = timedelta(days=1)


class Constraint(NamedTuple):
    """A comparison or predicate, and the statuses that it may have, as bits."""

    atom: Atom
    allowed: int


class Samples(NamedTuple):
    """Values to try, the plainest first; `complete` when every possible value is like one of them."""

    values: list[Any]
    complete: bool


def samples(
    variable: Input, constraints: Sequence[Constraint], pool: Iterable[Any], copies: int, at: datetime
) -> Samples:
    """Return the values to try for one input, `copies` of them between any two literals of the pool."""
    source = variable[0]
    if source == "predicate":
        return Samples([None, True, False], complete=True)
    points = _by_kind(pool)
    if source == "now":
        return Samples(_spread([at, *points["moment"]], copies, _moment_between), complete=True)
    if source == "time_in_stage":
        durations = _spread([*points["duration"], timedelta(0)], copies, _moment_between)
        return Samples([None, *durations], complete=True)
    return _plain_samples(variable, constraints, points, copies)


def _plain_samples(
    variable: Input, constraints: Sequence[Constraint], points: dict[str, list[Any]], copies: int
) -> Samples:
    comparisons = [
        (constraint.atom, constraint.allowed) for constraint in constraints if isinstance(constraint.atom, Comparison)
    ]
    numbers = [number for number in points["number"] if _is_tame(number)]
    ordered = [
        *_spread(numbers, copies, _number_between),
        *_spread(points["moment"], copies, _moment_between),
        *_spread(points["day"], copies, _day_between),
        *_spread(points["duration"], copies, _moment_between),
    ]
    texts, lists = _texts(comparisons, points["text"], copies), _lists(variable, comparisons, points["text"])
    used = {"measure" if atom.term.measure else atom.operator.question for atom, _ in comparisons}
    answers = [True, False] if "truth" in used else ["given", True, False]
    numbered = [1, *_spread([0, *numbers], copies, _number_between)]
    # Every kind of plain data is here once, so that what no literal speaks of is tried as well.
    opaque = [timedelta(0), _DAY, NOON, NOON.date(), NOON.replace(tzinfo=None), b"", b"bytes"]
    values = [
        *(None, *ordered),
        *(numbered if copies > 1 else answers),
        *(lists.values if used & {"membership", "measure"} else texts.values),
        *(*answers, *texts.values, *lists.values, *numbered, *opaque),
    ]
    tame = len(numbers) == len(points["number"])
    return Samples(values, complete=tame and texts.complete and lists.complete)


def _by_kind(pool: Iterable[Any]) -> dict[str, list[Any]]:
    kinds: dict[str, list[Any]] = {"number": [], "text": [], "moment": [], "day": [], "duration": []}
    for value in pool:
        match value:
            case str():
                kinds["text"].append(value)
            case datetime():
                kinds["moment"].append(value)
            case date():
                kinds["day"].append(value)
            case timedelta():
                kinds["duration"].append(value)
            case _:
                kinds["number"].append(value)
    return kinds


def _is_tame(number: Any) -> bool:
    return not isinstance(number, Decimal) or (number.is_finite() and abs(number.adjusted()) < _WIDEST_EXPONENT)


def _spread(points: Iterable[Any], copies: int, between: Callable[[Any, Any], Any]) -> list[Any]:
    """Return the points, then values between, above and below them."""
    firsts = dict.fromkeys(points)
    in_order = sorted(firsts)
    filled = list(firsts)
    for low, high in reversed(list(pairwise([None, *in_order, None]))) if in_order else ():
        value = low
        for _ in range(copies):
            value = between(value, high)
            if value is None:
                break
            filled.append(value)
    return filled


def _number_between(low: Any, high: Any) -> Any:
    if low is None:
        return math.ceil(high) - 1
    if high is None:
        return math.floor(low) + 1
    # A float is compared with other floats exactly, and with a decimal as it is written: the value is between for both.
    least, most = max(_readings(low)), min(_readings(high))
    if least >= most:
        return None
    digits = 0
    while True:
        found = math.floor(least * 10**digits) + 1
        if Fraction(found, 10**digits) < most:
            break
        digits += 1
    if digits == 0:
        return found
    exact = Decimal(f"{found}E-{digits}")
    return float(exact) if all(least < each < most for each in _readings(float(exact))) else exact


def _readings(number: Any) -> tuple[Fraction, Fraction]:
    """Return what a number counts as beside floats and whole numbers, and beside decimals."""
    return Fraction(number), Fraction(repr(number)) if isinstance(number, float) else Fraction(number)


def _moment_between(low: Any, high: Any) -> Any:
    for step in (_DAY, timedelta.resolution):
        try:
            value = high - step if low is None else low + step
        except OverflowError:
            continue
        if (low is None or low < value) and (high is None or value < high):
            return value
    return None


def _day_between(low: date | None, high: date | None) -> date | None:
    try:
        value = high - _DAY if low is None and high is not None else low + _DAY if low is not None else None
    except OverflowError:
        return None
    return value if value is not None and (high is None or value < high) else None


def _text_between(low: str | None, high: str | None) -> str | None:
    if low is None:
        return None
    # The shortest text after another one is that with a zero character behind it.
    return next((low + end for end in ("a", " ", "\0") if high is None or low + end < high), None)


def _texts(constraints: Sequence[_Comparing], points: list[str], copies: int) -> Samples:
    used = {atom.operator.question for atom, _ in constraints}
    globs = [str(atom.value) for atom, _ in constraints if atom.operator.question == "pattern"]
    parts = list(dict.fromkeys(part for part in _held(constraints) if isinstance(part, str)))
    found = [*points, *_fits(globs, parts), *_joined(parts, points), ""]
    ordered = "order" in used or copies > 1
    if ordered:
        found += _spread(["", *points], copies, _text_between)
    # One way to pick texts at a time is known to miss none: by order, by what they contain, or by equality.
    wild = any(is_wild for glob in globs for _, is_wild in glob_tokens(glob))
    missed = wild or (ordered and "membership" in used) or (copies > 1 and bool(points))
    complete = not missed or any(_pins(*constraint) or _rules_out_text(*constraint) for constraint in constraints)
    return Samples(list(dict.fromkeys(found)), complete)


def _pins(atom: Comparison, allowed: int) -> bool:
    """Return whether only the literals of the comparison give it an allowed status."""
    if atom.term.measure is not None or isinstance(atom.value, Term):
        return False
    return atom.operator.question == "equality" and allowed == MET_BIT


def _rules_out_text(atom: Comparison, allowed: int) -> bool:
    """Return whether no text gives the comparison an allowed status."""
    textual = any(isinstance(value, str) for value in atom.literals())
    match atom.operator.question:
        case "presence":
            given = MET_BIT
        case "pattern":
            given = MET_BIT | UNMET_BIT
        case _ if atom.term.measure is not None:
            given = ERRORED_BIT
        case "membership" if textual:
            given = MET_BIT | UNMET_BIT
        case "truth":
            given = ANSWERED
        case _ if isinstance(atom.value, Term) or textual:
            given = ANSWERED
        case _:
            given = ERRORED_BIT
    return not given & allowed and not isinstance(atom.value, Term)


def _held(constraints: Sequence[_Comparing]) -> Iterator[Any]:
    """Return what a collection or text must contain."""
    contained = (atom for atom, allowed in constraints if not allowed & UNMET_BIT)
    return (atom.value for atom in contained if atom.operator.question == "membership")


def _fits(globs: list[str], parts: list[str]) -> Iterator[str]:
    """Yield texts that fit each pattern, plain and with the parts inside."""
    for glob in globs:
        for filler in ("", "a", " ".join(parts)):
            fillers = {"*": filler, "?": "a"}
            yield "".join(fillers[each] if is_wild else each for each, is_wild in glob_tokens(glob))


def _joined(parts: list[str], points: list[str]) -> Iterator[str]:
    """Yield texts that contain these parts, and none of the other points unless a part does."""
    marks = itertools.chain(" |~^_", map(chr, itertools.count(0x2500)))
    apart = next(mark for mark in marks if not any(mark in point for point in points))
    text = apart.join(parts)
    # One of so many differs from every literal.
    for count in range(1, len(points) + 2):
        yield text + apart * count if parts else apart * count


def _lists(variable: Input, constraints: Sequence[_Comparing], points: list[str]) -> Samples:
    """Return lists that hold what they must, of every number of items that a comparison tells apart."""
    held: list[Any] = []
    for value in _held(constraints):
        if value not in held:
            held.append(value)
    measured = [atom for atom, _ in constraints if atom.term.measure is not None]
    counts = {len(held), len(held) + 1, *_numbers_around(literals(*measured))}
    sizes = sorted(count for count in counts if len(held) <= count <= _MOST_ITEMS)
    free = (name for number in itertools.count(1) if (name := f"{variable[1]} {number}") not in points)
    fillers = list(itertools.islice(free, max(sizes, default=0)))
    found = [
        _list_of([*held, *fillers[: distinct - len(held)]], count)
        for distinct in sizes
        for count in sizes
        if distinct == count or 0 < distinct < count
    ]
    related = any(isinstance(atom.value, Term) for atom, _ in constraints)
    collected = bool(measured) or any(atom.operator.question == "membership" for atom, _ in constraints)
    return Samples([*found, [None]], complete=max(counts) <= _MOST_ITEMS and not (related and collected))


def _numbers_around(values: Iterable[Any]) -> Iterator[int]:
    for value in values:
        if isinstance(value, int | float | Decimal) and math.isfinite(value):
            yield from range(math.floor(value) - 1, math.ceil(value) + 2)


def _list_of(different: list[Any], count: int) -> list[Any]:
    return different + different[-1:] * (count - len(different))
