"""Text for people: names that were probably meant, values as they are shown, and literals as JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Literal: TypeAlias = str | int | float | bool | Decimal | datetime | date | timedelta

# The most characters of a value in a message.
SHOWN = 80

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
# How many names a message lists.
LISTED = 12
# Python writes so many digits of a whole number whatever limit it is given.
_MOST_DIGITS = 640


def is_slug(text: str) -> bool:
    """Return whether the text can be a key: lower-case letters, digits, `_` and `-`, at most 100."""
    return SLUG.fullmatch(text) is not None


def unknown(what: str, name: object, known: Iterable[str], where: str = "") -> str:
    """Return the message about a name that is not known: `unknown stage 'clsing'; did you mean 'closing'?`."""
    place = f" in {where}" if where else ""
    return f"unknown {what} {name!r}{place}{suggestion(name, known)}"


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?`, or the known names, to put behind a message about an unknown one."""
    names = list(known)
    close = nearest(name, names)
    if close is not None:
        return f"; did you mean {close!r}?"
    if not names:
        return "; there are none"
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"; there are {', '.join(map(repr, names[:LISTED]))}{more}"


def nearest(name: object, names: Sequence[str]) -> str | None:
    """Return the name that was probably meant, or `None` where none is close."""
    # Wanted only where something is wrong, and a twentieth of the time that importing the library takes.
    from difflib import get_close_matches  # noqa: PLC0415

    return next(iter(get_close_matches(str(name), names, n=1)), None)


def one_line(text: str) -> str:
    r"""Return the text with a space for each character that does not print, so that it cannot forge a line of a log.

    >>> one_line("signed" + chr(10) + "2026-01-01 ERROR")
    'signed 2026-01-01 ERROR'
    """
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)


def type_name(value: object) -> str:
    """Return the name of a value's type, which is shown where the value itself is not: `<Contact>`."""
    return f"<{type(value).__name__}>"


def as_literal(value: object) -> Literal:
    """Return a value as a rule keeps it: of a plain type, a time at a fixed offset from UTC.

    Raises:
        TypeError: for a value that has no stored form, with what to write instead.
        ValueError: for a number that is not finite or has too many digits, a time without a zone, or text that no file
            can hold.
    """
    match value:
        case Enum():
            return as_literal(value.value)
        case bool():
            return value
        case None:
            raise TypeError("a rule cannot compare with None: write .is_known(), or ~ of it")
        case int() | float() | Decimal():
            return _as_number(value)
        case str():
            return checked_text(str.__str__(value))
        case datetime():
            return _as_moment(value)
        case date() | timedelta():
            return value
    raise TypeError(
        f"a rule cannot hold a {type(value).__name__}: "
        "use text, a number, a bool, a date, an aware datetime or a timedelta"
    )


def checked_text(text: str) -> str:
    """Return the text if a file can hold it.

    Raises:
        ValueError: for half of a surrogate pair, which is no character.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{text!a} holds {text[error.start]!a}, half of a character, which no file can hold") from None
    return text


def _as_number(value: float | Decimal) -> Literal:
    number: int | float | Decimal
    if isinstance(value, int):
        number, digits = int(value), _digits(value)
    else:
        number = value if isinstance(value, Decimal) else float(value)
        is_finite = number.is_finite() if isinstance(number, Decimal) else math.isfinite(number)
        if not is_finite:
            raise ValueError(f"a rule cannot compare with {value}: it equals nothing, or bounds nothing")
        digits = _written_out(number) if isinstance(number, Decimal) else 1
    if digits > _MOST_DIGITS:
        raise ValueError(f"a number in a rule has at most {_MOST_DIGITS} digits, this one has {digits:,}")
    return number


def _as_moment(value: datetime) -> datetime:
    offset = value.utcoffset()
    if offset is None:
        raise ValueError(f"{value.isoformat()} has no time zone: add tzinfo=UTC, or the zone that is meant")
    # The stored form keeps the offset alone, and times of one zone would be compared by their clocks.
    day, clock = value.date(), value.time()
    return datetime.combine(day, clock.replace(fold=0), UTC if not offset else timezone(offset))


def _digits(number: int) -> int:
    """Return how many digits a whole number has, without writing it out."""
    return int(math.log10(abs(number))) + 1 if number else 1


def _written_out(number: Decimal) -> int:
    """Return how many digits a decimal has when it is written without an exponent."""
    _, digits, exponent = number.as_tuple()
    return max(len(digits) + max(int(exponent), 0), -int(exponent))


def encode(value: Literal) -> object:
    """Return a literal as JSON: plain where JSON has the type, tagged (`{"decimal": "1.50"}`) where it has not."""
    match value:
        case Decimal():
            return {"decimal": str(value)}
        case datetime():
            return {"datetime": value.isoformat()}
        case date():
            return {"date": value.isoformat()}
        case timedelta():
            seconds = value.total_seconds()
            return {"seconds": int(seconds) if seconds.is_integer() else seconds}
        case _:
            return value


def decode(data: object) -> Literal:
    """Return the literal that `encode` stored.

    Raises:
        ValueError: for what `encode` never gives.
    """
    if not isinstance(data, Mapping):
        if isinstance(data, str | int | float):
            return as_literal(data)
        raise ValueError(f"expected text, a number, true or false, found {shown(data)}")
    if len(data) == 1:
        ((tag, text),) = data.items()
        try:
            match tag, text:
                case "decimal", str():
                    return as_literal(Decimal(text))
                case "datetime", str():
                    return as_literal(datetime.fromisoformat(text))
                case "date", str():
                    return date.fromisoformat(text)
                case "seconds", int() | float():
                    return timedelta(seconds=text)
        except (ArithmeticError, InvalidOperation, ValueError) as error:
            raise ValueError(f"{shown(text)} is no {tag}: {error}") from None
    message = f"expected one of decimal, datetime, date, seconds, found {shown(data)}"
    raise ValueError(message)


def shown(value: object) -> str:
    """Return a value as a report shows it: numbers with separators, at most 80 characters."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return _number(value)
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, date):
        return value.isoformat()
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a host's broken repr must not hide the refusal
        text = f"<{type(value).__name__} whose repr raised {type(error).__name__}>"
    return shortened(text)


def shortened(text: str) -> str:
    """Return the text, cut at 80 characters."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def _number(value: float | Decimal) -> str:
    if isinstance(value, int) and _digits(value) > SHOWN:
        return f"a number of {_digits(value):,} digits"
    text = f"{value:,}"
    return text if len(text) <= SHOWN else f"a number of {sum(map(str.isdigit, text)):,} digits"


def _duration(value: timedelta) -> str:
    number, unit = in_units(value)
    return f"{number} {unit}{'' if number == '1' else 's'}"


def in_units(value: timedelta) -> tuple[str, str]:
    """Return a duration as a number of the largest unit that divides it: `("2", "day")`."""
    for unit, size in (("day", timedelta(days=1)), ("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1))):
        count, rest = divmod(value, size)
        if count and not rest:
            return f"{count:,}", unit
    return f"{value.total_seconds():,g}", "second"
