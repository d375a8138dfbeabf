"""Logs for process mining tools: pm4py's column names, XES, OCEL 2.0.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, TextIO
from xml.sax.saxutils import quoteattr

import narwhals.stable.v2 as nw

from salesprocess.frames._any_dataframe import open_frame
from salesprocess.frames._backends import Frame, rows_of
from salesprocess.frames._columns import REQUIRED, require
from salesprocess.process import SalesProcess

CASE: Final = "case:concept:name"
ACTIVITY: Final = "concept:name"
TIME: Final = "time:timestamp"
_RESOURCE: Final = "org:resource"
# What XML 1.0 has no way to write, not even escaped.
_UNWRITABLE: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def to_pm4py(events: Any) -> Any:
    """Return the log with the column names of pm4py and other process mining tools, as the caller's kind of frame.

    `case:concept:name` (the deal, as text, which pm4py insists on), `concept:name` (the stage), `time:timestamp`,
    `org:resource` (the owner, where the log has it); other columns keep their names. Rows without a deal, a
    stage or a time are left out.

    >>> frames.to_pm4py(LOG).columns[:3]
    ['case:concept:name', 'concept:name', 'time:timestamp']

    Raises:
        DealError: for a missing column.
    """
    opened = open_frame(events)
    return opened.give_back(_named(opened.frame))


def _named(log: Frame) -> Frame:
    require(log, REQUIRED)
    names = {"deal": CASE, "stage": ACTIVITY, "at": TIME}
    if "owner" in log.collect_schema().names():
        names["owner"] = _RESOURCE
    log = log.filter(*(~nw.col(name).is_null() for name in REQUIRED))
    return log.with_columns(nw.col("deal").cast(nw.String), nw.col("stage").cast(nw.String)).rename(names)


def to_xes(events: Any, file: TextIO) -> int:
    """Write the log as XES (IEEE 1849) to a text file, one trace a deal, and return the number of events.

    >>> import io
    >>> page = io.StringIO()
    >>> frames.to_xes(LOG, page)
    14
    >>> page.getvalue().count("<trace>")
    4

    Raises:
        DealError: for a missing column.
    """
    file.write('<?xml version="1.0" encoding="UTF-8"?>\n<log xes.version="1849-2016" xes.features="">\n')
    file.writelines(
        f'<extension name="{name}" prefix="{prefix}" uri="http://www.xes-standard.org/{prefix}.xesext"/>\n'
        for name, prefix in (("Concept", "concept"), ("Time", "time"), ("Lifecycle", "lifecycle"))
    )
    file.write(f'<classifier name="Stage" keys="{ACTIVITY}"/>\n')
    deal, count = None, 0
    for row in _rows(events):
        if row[CASE] != deal:
            file.write("</trace>\n" if count else "")
            deal = row[CASE]
            file.write(f"<trace><string key={quoteattr(ACTIVITY)} value={_quoted(deal)}/>\n")
        file.write(_event(row))
        count += 1
    file.write("</trace>\n</log>\n" if count else "</log>\n")
    return count


def _rows(events: Any) -> Iterator[dict[str, Any]]:
    log = _named(open_frame(events).frame)
    order = [CASE, *(["seq"] if "seq" in log.collect_schema().names() else []), TIME, ACTIVITY]
    return rows_of(log.sort(*order))


def _quoted(text: str) -> str:
    return quoteattr(_UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text))


def _event(row: dict[str, Any]) -> str:
    resource = (
        f"<string key={quoteattr(_RESOURCE)} value={_quoted(str(row[_RESOURCE]))}/>" if row.get(_RESOURCE) else ""
    )
    return (
        f"<event><string key={quoteattr(ACTIVITY)} value={_quoted(row[ACTIVITY])}/>"
        f"<date key={quoteattr(TIME)} value={quoteattr(_iso(row[TIME]))}/>"
        f'<string key="lifecycle:transition" value="complete"/>{resource}</event>\n'
    )


def _iso(at: Any) -> str:
    moment = at if isinstance(at, datetime) else datetime(at.year, at.month, at.day)  # noqa: DTZ001 - zoned below
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).isoformat(timespec="milliseconds")


def to_ocel(process: SalesProcess, events: Any) -> str:
    """Return the log as OCEL 2.0 JSON: an object for each deal, and for each owner where the log has it.

    Event types are the process's stages and whatever else the log has, object types `deal` and `owner`.

    >>> json.loads(frames.to_ocel(SEVEN_STAGE, LOG))["events"][0]["type"]
    'prospecting'

    Raises:
        DealError: for a missing column.
    """
    rows = list(_rows(events))
    types = dict.fromkeys([*(stage.key for stage in process.stages), *(row[ACTIVITY] for row in rows)])
    deals = dict.fromkeys(row[CASE] for row in rows)
    owners = dict.fromkeys(str(row[_RESOURCE]) for row in rows if row.get(_RESOURCE))
    log = {
        "eventTypes": [{"name": name, "attributes": []} for name in types],
        "objectTypes": [{"name": name, "attributes": []} for name in ("deal", "owner")],
        "events": [_ocel_event(number, row) for number, row in enumerate(rows, 1)],
        "objects": [*_ocel_objects("deal", deals), *_ocel_objects("owner", owners)],
    }
    return json.dumps(log, ensure_ascii=False)


def _ocel_event(number: int, row: dict[str, Any]) -> dict[str, Any]:
    related = [{"objectId": f"deal:{row[CASE]}", "qualifier": "deal"}]
    if row.get(_RESOURCE):
        related.append({"objectId": f"owner:{row[_RESOURCE]}", "qualifier": "owner"})
    return {
        "id": f"e{number}",
        "type": row[ACTIVITY],
        "time": _iso(row[TIME]),
        "attributes": [],
        "relationships": related,
    }


def _ocel_objects(kind: str, names: Iterable[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        yield {"id": f"{kind}:{name}", "type": kind, "attributes": [], "relationships": []}
