"""The rows that a CRM gives, read field by field: each value is what it should be, or refused with its path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn, TypeAlias

from salesprocess._text import shown
from salesprocess.formats.csv_rows import read_csv
from salesprocess.formats.json_ import parse
from salesprocess.formats.loading import check_count, check_limits, refuse, text_of

Json: TypeAlias = "Mapping[str, Any] | Sequence[Any]"
# More than any CRM lets a pipeline have; the moves between them grow with the square.
_MOST_STAGES = 300
# CRMs write a flag as a boolean, as text, and as 0 or 1.
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


@dataclass(frozen=True, slots=True)
class Row:
    """One object of the source. `source` is what errors call the source, `path` is where in it the object is."""

    source: str
    path: str
    fields: Mapping[str, Any]

    def refuse(self, code: str, message: str, field: str = "") -> NoReturn:
        """Raise a `DefinitionError` about the row, or about one of its fields."""
        refuse(self.source, code, message, path=f"{self.path}.{field}".strip("."))

    def text(self, field: str) -> str:
        """Return a field that is needed, as text; a number stands for its digits."""
        value = self.fields.get(field)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            self.refuse("no_text", f"{field!r} is needed, as text, found {shown(value)}")
        return str(value)

    def text_or(self, field: str, default: str) -> str:
        """Return a field as text, or the default if the field is missing or empty."""
        return str(self.fields.get(field) or default)

    def flag(self, field: str) -> bool | None:
        """Return a field as true or false, or `None` if it is missing or empty."""
        value = self.fields.get(field)
        if value is None or value == "":
            return None
        word = str(value).strip().lower()
        if word not in _FLAGS:
            self.refuse("no_flag", f"expected true or false, found {shown(value)}", field)
        return _FLAGS[word]

    def number(self, field: str) -> float | None:
        """Return a field as a number, also one that is written as text, or `None` if it is missing or empty."""
        value: Any = self.fields.get(field)
        if value is None or value == "" or value is False:
            return None
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            self.refuse("no_number", f"expected a number, found {shown(value)}", field)

    def share(self, field: str) -> float | None:
        """Return a percentage as a share, 0 to 1, or `None` if it is missing or empty."""
        number = self.number(field)
        return None if number is None else number / 100

    def days(self, field: str) -> timedelta | None:
        """Return a number of days as a length of time, or `None` if it is missing, empty or 0."""
        count = self.number(field)
        if not count:
            return None
        try:
            return timedelta(days=count)
        except (OverflowError, ValueError):
            self.refuse("no_number", f"expected a number of days, found {shown(count)}", field)

    def row(self, field: str) -> Row:
        """Return the object in a field, an empty one if it is missing."""
        value = self.fields.get(field) or {}
        if not isinstance(value, Mapping):
            self.refuse("not_an_object", f"expected an object, found {shown(value)}", field)
        return Row(self.source, f"{self.path}.{field}", value)

    def rows(self, field: str) -> list[Row]:
        """Return the objects in a field, none if it is missing or empty."""
        return rows_of(self.fields.get(field) or [], self.source, f"{self.path}.{field}".strip("."))


def data_of(source: str | bytes | Json, name: str) -> Any:
    """Return the source as plain data: JSON text is parsed, data is held against the limits."""
    if isinstance(source, str | bytes):
        return parse(text_of(source, name), name)
    check_limits(source, name)
    return source


def table_of(source: str | bytes | Json, name: str) -> list[Row]:
    """Return the rows of CSV text with a header, or of a JSON list; `{"data": [...]}` around the list is taken off."""
    if isinstance(source, str | bytes):
        text = text_of(source, name)
        if not text.lstrip().startswith(("[", "{")):
            return rows_of(list(read_csv(text, name)), name, "rows")
        source = text
    data = data_of(source, name)
    return rows_of(data.get("data") if isinstance(data, Mapping) else data, name, "rows")


def rows_of(value: object, name: str, path: str) -> list[Row]:
    """Return the rows of a list of objects that is not too long."""
    if not isinstance(value, list | tuple):
        refuse(name, "not_a_list", f"expected a list, found {shown(value)}", path=path)
    check_count(value, "stages", name, path, most=_MOST_STAGES)
    rows = [Row(name, f"{path}[{index}]", fields) for index, fields in enumerate(value)]
    for row in rows:
        if not isinstance(row.fields, Mapping) or not all(isinstance(field, str) for field in row.fields):
            row.refuse("not_an_object", f"expected an object, found {shown(row.fields)}")
    return rows


def in_order(rows: Iterable[Row], field: str) -> list[Row]:
    """Return the rows sorted by a number in a field, which is 0 where it is missing."""
    return sorted(rows, key=lambda row: row.number(field) or 0)
