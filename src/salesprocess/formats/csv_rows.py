"""Rows as CSV text with a header, in and out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from salesprocess._text import shown
from salesprocess.formats.loading import refuse


def read_csv(text: str, name: str) -> Iterator[dict[str, str]]:
    """Yield each row as its cells by column; `name` is what errors call the text.

    Raises:
        DefinitionError: for a column that is named twice, a row that is too short or too long, and bad quoting.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        if len(set(header)) < len(header):
            refuse(name, "duplicate_key", f"the header names a column twice: {shown(header)}")
        for cells in reader:
            if len(cells) not in {0, len(header)}:
                message = f"{len(header)} cells expected, found {len(cells)}"
                refuse(name, "bad_csv", f"{message} (line {reader.line_num})")
            if cells:
                yield dict(zip(header, cells, strict=True))
    except csv.Error as error:
        refuse(name, "bad_csv", f"{error} (line {reader.line_num})")


def write_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the rows as CSV text: `None` is an empty cell, lists and objects are JSON."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: json.dumps(value) if isinstance(value, list | dict) else value for key, value in row.items()}
        for row in rows
    )
    return text.getvalue()
