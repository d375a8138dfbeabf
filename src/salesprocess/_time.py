"""Moments: times that have a zone."""

from __future__ import annotations

from datetime import datetime

from salesprocess._text import shown
from salesprocess.errors import DealError


def aware(moment: object, name: str) -> datetime:
    """Return the moment if it is a time with a zone; `name` is what the caller calls it.

    Raises:
        DealError: if it is not, with what to write instead.
    """
    if not isinstance(moment, datetime):
        raise DealError(f"{name} is a datetime, found {shown(moment)}", found=moment)
    if moment.utcoffset() is None:
        raise DealError(
            f"{name} needs a time zone: {moment.isoformat()} has none; add tzinfo=UTC, or the zone that is meant",
            found=moment,
        )
    return moment
