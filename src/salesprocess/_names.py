"""Names: what a key may look like, and which one was probably meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")
_LISTED = 12


def is_slug(text: str) -> bool:
    """Whether the text will do as a key: small letters, digits, `_` and `-`, at most 100."""
    return SLUG.fullmatch(text) is not None


def suggestion(name: object, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or the names there are, to put behind a message about an unknown one."""
    # Wanted only where something is wrong, and a twentieth of the time that importing the library takes.
    from difflib import get_close_matches  # noqa: PLC0415

    names = list(known)
    close = get_close_matches(str(name), names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return "; there are none"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"; there are {', '.join(map(repr, names[:_LISTED]))}{more}"
