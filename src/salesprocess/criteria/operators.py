"""The operators of comparisons, in one table: what each takes, how it reads, what it does and what it amounts to.

Whatever treats operators reads this table: loading and storing rules, their wording, their evaluation, the JSON Schema,
the solver and the targets. A new operator is a row here and a method of `Term`.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from salesprocess._text import checked_text, shown
from salesprocess.criteria.comparing import as_compared, equals, in_order, is_among

Question: TypeAlias = Literal["presence", "truth", "equality", "order", "membership", "pattern"]

_LONGEST_GLOB: Final = 200
_GLOB_TOKEN: Final = re.compile(r"\[([*?[])\]|(.)", re.DOTALL)
_WILDCARDS: Final = ("*", "?")
_LITERAL: Final = {"$ref": "#/$defs/Literal"}


@dataclass(frozen=True, slots=True, eq=False)
class Operand:
    """What an operator compares a term with.

    `schema` is the JSON Schema of its stored form, which has the name `name` among the schema's definitions. `check`
    raises `ValueError` for a value that the operator cannot take.
    """

    name: str
    description: str
    schema: Mapping[str, Any] | None
    is_list: bool = False
    takes_terms: bool = False
    check: Callable[[Any], None] = lambda _value: None


def _check_glob(value: Any) -> None:
    if not isinstance(value, str) or len(value) > _LONGEST_GLOB:
        raise ValueError(f"a pattern is text of at most {_LONGEST_GLOB} characters, found {shown(value)}")
    checked_text(value)


def _check_range(value: Any) -> None:
    if not isinstance(value, tuple) or len(value) != 2:  # noqa: PLR2004 - two ends
        raise ValueError(f"a range has two ends, found {shown(value)}")
    try:
        is_in_order = in_order(operator.le, *value)
    except TypeError:
        raise ValueError(f"a range has ends that can be compared, found {shown(value)}") from None
    if not is_in_order:
        raise ValueError(f"a range starts with its lower end, found {shown(value)}")


NOTHING: Final = Operand("Unary", "no value", None)
LITERALS: Final = Operand("OneOf", "a list", {"type": "array", "items": _LITERAL}, is_list=True)
LITERAL: Final = Operand("Contains", "a value", _LITERAL)
GLOB: Final = Operand("Matches", "a pattern", {"type": "string", "maxLength": _LONGEST_GLOB}, check=_check_glob)
LITERAL_OR_TERM: Final = Operand(
    "Comparison", "a value", {"anyOf": [_LITERAL, {"$ref": "#/$defs/Term"}]}, takes_terms=True
)
RANGE: Final = Operand(
    "Between",
    "a list of two values",
    {"type": "array", "items": _LITERAL, "minItems": 2, "maxItems": 2},
    is_list=True,
    check=_check_range,
)


class Wording(NamedTuple):
    """How a comparison reads: behind its term, as what would meet it, and when it is negated.

    `{}` stands for each value that the operator takes. Without `negated`, the negation is that of any other rule.
    """

    clause: str
    expected: str
    negated: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Operator:
    """One way to compare a term.

    `question` is what the operator asks of a value, which says what other values it can be compared with.
    `holds(found, asked)` is true where the comparison holds for a known value; `prepare` is applied to the value asked
    for, once for each rule. `negates` names the operator that this one is the opposite of, and `mirror` the one that
    says the same with its sides exchanged, where that is another one. `bounds` are operators, one for each of the
    values, that all hold where this one does.

    `holds` raises `TypeError` for values that cannot be compared. `holds_plainly` is the same and quicker, for a value
    of a type that Python compares rightly with the one asked for, as `COMPARED_AS_THEY_ARE` has them.
    """

    name: str
    question: Question
    operand: Operand
    wording: Wording
    holds: Callable[[Any, Any], object]
    holds_plainly: Callable[[Any, Any], object] | None = None
    wording_of_times: Wording | None = None
    prepare: Callable[[Any], Any] = lambda asked: asked
    negates: str | None = None
    mirror: str | None = None
    bounds: tuple[str, ...] = ()


def _is_plainly_one_of(found: Any, options: Collection[Any]) -> bool:
    return found in options


def _is_between(found: Any, ends: tuple[Any, Any]) -> bool:
    return in_order(operator.ge, found, ends[0]) and in_order(operator.le, found, ends[1])


def _is_plainly_between(found: Any, ends: tuple[Any, Any]) -> Any:
    return ends[0] <= found <= ends[1]


def _contains(container: Any, item: Any) -> bool:
    kind, held = as_compared(container)
    if kind == "text":
        if not isinstance(item, str):
            raise TypeError(f"text can contain text alone, not {shown(item)}")
        return item in held
    if kind != "collection":
        raise TypeError(f"expected a collection or text, found {shown(container)}")
    return is_among(item, held)


def glob_tokens(glob: str) -> Iterator[tuple[str, bool]]:
    """Yield the characters of a pattern, each with whether it is a wildcard: `*` for any text, `?` for any character.

    `[*]`, `[?]` and `[[]` are the characters themselves; any other bracket is one as well.

    >>> list(glob_tokens("a[*]*"))
    [('a', False), ('*', False), ('*', True)]
    """
    for escaped, plain in _GLOB_TOKEN.findall(glob):
        yield (escaped, False) if escaped else (plain, plain in _WILDCARDS)


def fnmatch_of(glob: str) -> str:
    """Return the pattern as `fnmatch` and the GLOB of SQLite take it, where every bracket has a meaning."""
    return "".join(
        f"[{character}]" if character in "*?[" and not is_wild else character
        for character, is_wild in glob_tokens(glob)
    )


def _pattern(glob: str) -> re.Pattern[str]:
    # The only patterns in a definition: globs of bounded length, whose translation does not backtrack.
    return re.compile(fnmatch.translate(fnmatch_of(glob)))


def _fits(text: str, pattern: re.Pattern[str]) -> bool:
    return pattern.match(text) is not None


def _matches(value: Any, pattern: re.Pattern[str]) -> bool:
    kind, text = as_compared(value)
    if kind != "text":
        raise TypeError(f"a pattern fits text alone, found {shown(value)}")
    return _fits(text, pattern)


def _truth(found: Any, _nothing: object) -> bool:
    return bool(as_compared(found)[1])


def _adjective(expected: str) -> Wording:
    return Wording(f"is {expected}", expected)


def _equality(name: str, wording: str, negates: str | None = None) -> Operator:
    return Operator(name, "equality", LITERAL_OR_TERM, _adjective(wording), equals, operator.eq, negates=negates)


def _order(name: str, mirror: str, holds: Callable[[Any, Any], Any], wording: str, of_times: str) -> Operator:
    return Operator(
        name,
        "order",
        LITERAL_OR_TERM,
        _adjective(wording),
        partial(in_order, holds),
        holds,
        wording_of_times=_adjective(of_times),
        mirror=mirror,
    )


def _unary(name: str, question: Question, expected: str, negates: str | None = None) -> Operator:
    wording = Wording(f"is {name}", expected, f"is not {name}")
    return Operator(name, question, NOTHING, wording, _truth, negates=negates)


OPERATORS: Final[Mapping[str, Operator]] = {
    each.name: each
    for each in (
        _equality("==", "{}"),
        _equality("!=", "anything but {}", negates="=="),
        _order("<", ">", operator.lt, "less than {}", "before {}"),
        _order("<=", ">=", operator.le, "at most {}", "at or before {}"),
        _order(">", "<", operator.gt, "more than {}", "after {}"),
        _order(">=", "<=", operator.ge, "at least {}", "at or after {}"),
        Operator(
            "between",
            "order",
            RANGE,
            _adjective("between {} and {}"),
            _is_between,
            _is_plainly_between,
            bounds=(">=", "<="),
        ),
        Operator("in", "equality", LITERALS, _adjective("one of {}"), is_among, _is_plainly_one_of),
        Operator("contains", "membership", LITERAL, Wording("contains {}", "to contain {}"), _contains),
        Operator("matches", "pattern", GLOB, Wording("matches {}", "to match {}"), _matches, _fits, prepare=_pattern),
        _unary("known", "presence", "a value"),
        _unary("true", "truth", "true"),
        _unary("false", "truth", "false", negates="true"),
    )
}
