"""A log to try things on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

_MOVES = {
    "a": {
        1: "prospecting",
        4: "making_contact",
        11: "qualifying",
        15: "presenting",
        25: "overcoming_objections",
        28: "closing",
        31: "generating_referrals",
    },
    "b": {3: "prospecting", 5: "making_contact", 10: "qualifying", 20: "lost"},
    "c": {6: "prospecting"},
    "d": {8: "prospecting", 10: "presenting"},
}
_FACTS = {
    "a": ("ana", 10_000.0, None),
    "b": ("ben", 4_000.0, "price"),
    "c": ("ana", 6_000.0, None),
    "d": ("ben", 8_000.0, None),
}


def example_log() -> dict[str, list[Any]]:
    """Return four deals of `SEVEN_STAGE` in January 2026, as columns for a frame.

    One was won, one was lost, one waits in the first stage, and one skipped two stages.
    """
    rows = [
        (deal, stage, datetime(2026, 1, day, tzinfo=UTC), *_FACTS[deal][:2], "EUR", _reason(deal, stage))
        for deal, moves in _MOVES.items()
        for day, stage in moves.items()
    ]
    names = ("deal", "stage", "at", "owner", "amount", "currency", "reason")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _reason(deal: str, stage: str) -> str | None:
    return _FACTS[deal][2] if stage == "lost" else None
