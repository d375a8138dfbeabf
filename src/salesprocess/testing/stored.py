"""The pasts that an application has stored, as cases of a test: would they pass under the process as it is now?"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from salesprocess.history import History

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

    from salesprocess.history.change import StageChange
    from salesprocess.process import SalesProcess

__all__ = ["stored_histories"]


def stored_histories(
    process: SalesProcess, stored: Path | Mapping[str, Iterable[StageChange | Mapping[str, Any]]]
) -> list[ParameterSet]:
    """One case for `pytest.mark.parametrize` a deal, by its id: its history, read by the process as it is now.

    `stored` has the changes of each deal, as they are or as `model_dump` gave them; or is the path of a JSON file with
    them, or of a folder with a JSON file a deal.

    Raises:
        DealError: for a change that is none.
    """
    if isinstance(stored, Path):
        stored = _read(stored)
    return [pytest.param(History(process, changes), id=str(deal)) for deal, changes in stored.items()]


def _read(path: Path) -> dict[str, Any]:
    if path.is_dir():
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(path.glob("*.json"))}
    deals: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return deals
