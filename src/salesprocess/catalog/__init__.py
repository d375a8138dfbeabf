"""The sales processes that ship with the library: constants that nobody can change, and sets of criteria to add."""

from __future__ import annotations

from typing import Final

from salesprocess._text import suggestion
from salesprocess.catalog.commercial import COMMERCIAL
from salesprocess.catalog.frameworks import BANT, MEDDIC, MEDDPICC, SANDLER, SPICED, SPIN, Framework, Score
from salesprocess.catalog.funnel import FUNNEL
from salesprocess.catalog.pipeliner import PIPELINER
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.catalog.seven_step import SEVEN_STEP
from salesprocess.catalog.six_step import SIX_STEP
from salesprocess.process import SalesProcess

__all__ = [
    "BANT",
    "COMMERCIAL",
    "FUNNEL",
    "MEDDIC",
    "MEDDPICC",
    "PIPELINER",
    "SANDLER",
    "SEVEN_STAGE",
    "SEVEN_STEP",
    "SIX_STEP",
    "SPICED",
    "SPIN",
    "Framework",
    "Score",
    "all",
    "get",
]

_PROCESSES: Final = (PIPELINER, SEVEN_STAGE, SEVEN_STEP, SIX_STEP, COMMERCIAL, FUNNEL)


def all() -> tuple[SalesProcess, ...]:  # noqa: A001 - read as `catalog.all()`
    """Return every shipped process.

    >>> from salesprocess import catalog
    >>> [process.key for process in catalog.all()]
    ['pipeliner', 'seven_stage', 'seven_step', 'six_step', 'commercial', 'funnel']
    """
    return _PROCESSES


def get(key: str) -> SalesProcess:
    """Return the shipped process with this key.

    >>> from salesprocess import catalog
    >>> print(catalog.get("funnel"))
    Sales funnel (version 1): top > middle > bottom > customer > lost > disqualified

    Raises:
        KeyError: for an unknown key, with the nearest one.
    """
    for process in _PROCESSES:
        if process.key == key:
            return process
    raise KeyError(f"unknown process {key!r} in the catalog{suggestion(key, (process.key for process in _PROCESSES))}")
