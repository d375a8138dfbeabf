"""What the tests of the metrics share: results of any kind of frame as plain rows."""

from __future__ import annotations

from math import isnan
from typing import Any


def plain(value: Any) -> Any:
    """Return a cell with nulls of any kind as None, and floats rounded to nine digits."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and isnan(value)):
        return None
    return round(value, 9) if isinstance(value, float) else value


def rows(frame: Any, *columns: str) -> list[tuple[Any, ...]]:
    """Return a result of any kind as plain rows, in its order."""
    import narwhals.stable.v2 as nw

    found = nw.from_native(frame).lazy().collect()
    chosen = found.select(*columns) if columns else found
    return [tuple(map(plain, row)) for row in chosen.iter_rows()]
