"""Coverage as a table for a terminal, and as a page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from salesprocess.testing.coverage_points import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from salesprocess.testing.coverage import Coverage, ProcessCoverage

_HEADS = ("process", "stages", "transitions", "criteria", "refusals", "total")
_LISTED = 12
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}th,td{padding:.3rem .6rem;text-align:right;"
    "border-bottom:1px solid #ccc}th:first-child,td:first-child{text-align:left}"
    ".short{color:#a00}"
)


def table(coverage: Coverage) -> Iterator[str]:
    """Yield the lines of the report: a row for each process, and under it what was not exercised."""
    rows = [_row(each) for each in coverage.processes]
    widths = [max(len(row[index]) for row in [_HEADS, *rows]) for index in range(len(_HEADS))]
    yield _line(_HEADS, widths)
    for each, row in zip(coverage.processes, rows, strict=True):
        yield _line(row, widths)
        yield from (f"  - {point}" for point in each.missing[:_LISTED])
        if len(each.missing) > _LISTED:
            yield f"  - and {len(each.missing) - _LISTED} more"
    yield f"process coverage: {coverage.percent:.0f}%"


def page(coverage: Coverage) -> str:
    """Return the report as one HTML page that needs no other file."""
    heads = "".join(f"<th>{head}</th>" for head in _HEADS)
    rows = "".join(map(_html_row, coverage.processes))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Process coverage</title><style>{_STYLE}</style>"
        f"<h1>Process coverage: {coverage.percent:.0f}%</h1><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{rows}</tbody></table>{''.join(map(_missing, coverage.processes))}</html>\n"
    )


def _row(each: ProcessCoverage) -> tuple[str, ...]:
    counts = (f"{done}/{of}" for done, of in map(each.count, KINDS))
    return (f"{each.process.key} (version {each.process.version})", *counts, f"{each.percent:.0f}%")


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)])


def _html_row(each: ProcessCoverage) -> str:
    cells = "".join(f"<td>{escape(cell)}</td>" for cell in _row(each))
    return f"<tr{' class=short' if each.missing else ''}>{cells}</tr>"


def _missing(each: ProcessCoverage) -> str:
    if not each.missing:
        return ""
    items = "".join(f"<li>{escape(str(point))}</li>" for point in each.missing)
    return f"<h2>{escape(each.process.key)}: not exercised</h2><ul>{items}</ul>"
