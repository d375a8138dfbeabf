"""What a log itself suggests: the process, and the ways that deals took.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import narwhals.stable.v2 as nw

from salesprocess._text import is_slug, shown, suggestion
from salesprocess.errors import DealError
from salesprocess.frames._any_dataframe import metric, open_frame
from salesprocess.frames._arguments import check_share, several
from salesprocess.frames._backends import (
    Frame,
    Neighbour,
    Rows,
    keyed,
    rows_of,
    sorted_down,
    with_neighbours,
    with_overall,
)
from salesprocess.frames._columns import prepared, rows_per
from salesprocess.frames._stage_numbers import NOWHERE, UNKNOWN, StageNumbers, switch
from salesprocess.frames._stays import order_of, stays
from salesprocess.process import SalesProcess, Stage, Transition
from salesprocess.process.stages import Kind

_LONGEST: Final = 40


class Discovered(NamedTuple):
    """A process as a log has it, and how often each of its moves was made.

    `moves` has rows of `source`, `dest`, `count` and `share` (of the moves out of the source), `left_out` the rarer
    ones.
    """

    process: SalesProcess
    moves: Rows
    left_out: Rows


def discover(
    events: Any,
    *,
    won: Iterable[str],
    lost: Iterable[str] = (),
    disqualified: Iterable[str] = (),
    on_hold: Iterable[str] = (),
    at_least: float = 0.01,
    key: str = "discovered",
) -> Discovered:
    """Return the process that a log suggests: its stages in the order of the sale, and the moves that were made.

    What a stage means is not to be seen in a log, so the stages that won, lost, disqualified or held deals are named.
    The open ones are put in the order in which the fewest moves go back (the heuristic of Eades, Lin and Smyth
    1993). A move is taken in when it is at least this share of the moves out of its source.

    >>> found = frames.discover(LOG, won=["generating_referrals"], lost=["lost"])
    >>> [stage.key for stage in found.process.stages][:3]
    ['prospecting', 'making_contact', 'qualifying']
    >>> found.moves[0]
    {'source': 'prospecting', 'dest': 'making_contact', 'count': 2, 'share': 0.6666666666666666}

    Raises:
        DealError: for a named stage that the log lacks or that is named twice, or a log without moves.
    """
    check_share("at_least", at_least)
    counts = _edges(open_frame(events).frame)
    if not counts:
        raise DealError("the log has no move from one stage to another, so it shows no process")
    names = dict.fromkeys(name for edge in counts for name in edge)
    kinds = _kind_of_each_stage(names, {"on_hold": on_hold, "won": won, "lost": lost, "disqualified": disqualified})
    keys = _keys(names)
    order = [*_in_order(counts, [name for name in names if name not in kinds]), *kinds]
    rows = _with_shares(counts, keys, order)
    kept = [row for row in rows if row["share"] >= at_least]
    stages = [Stage(key=keys[name], name=name, kind=kinds.get(name, "open")) for name in order]
    process = SalesProcess(key=key, stages=stages, transitions=_transitions(kept))
    return Discovered(process, kept, [row for row in rows if row["share"] < at_least])


def _kind_of_each_stage(there: Iterable[str], named: Mapping[Kind, Iterable[str]]) -> dict[str, Kind]:
    kinds: dict[str, Kind] = {}
    for kind, names in named.items():
        for name in several(names):
            if name not in there:
                raise DealError(f"no deal moves to or from {name!r} in this log{suggestion(name, there)}", found=name)
            if name in kinds:
                raise DealError(f"{name!r} is named as {kinds[name]} and as {kind}", found=name)
            kinds[name] = kind
    return kinds


def _edges(events: Frame) -> dict[tuple[str, str], int]:
    def moves(log: Frame) -> Frame:
        log = prepared(log).rename({"_us": "_entered"})
        log = log.filter(~nw.col("deal").is_null(), ~nw.col("at").is_null(), ~nw.col("stage").is_null())
        log = log.with_columns(nw.col("stage").cast(nw.String), nw.col("stage").cast(nw.String).alias("_place"))
        log = with_neighbours(log, "deal", order_of(log), {"_from": Neighbour("stage", 1, None)})
        return log.filter(~nw.col("_from").is_null(), nw.col("_from") != nw.col("stage")).select("_from", "stage")

    rows = rows_of(rows_per(keyed(events, ["deal"], moves), ["_from", "stage"], "_n"))
    ordered = sorted(rows, key=lambda row: (-row["_n"], row["_from"], row["stage"]))
    return {(row["_from"], row["stage"]): row["_n"] for row in ordered}


def _in_order(counts: Mapping[tuple[str, str], int], names: list[str]) -> list[str]:
    """Order stages so that few moves go back: sources first, sinks last, between them by moves out less moves in."""
    first: list[str] = []
    last: list[str] = []
    left = list(names)
    while left:
        out = {name: sum(n for (a, b), n in counts.items() if a == name and b in left and b != name) for name in left}
        into = {name: sum(n for (a, b), n in counts.items() if b == name and a in left and a != name) for name in left}
        sinks = [name for name in left if not out[name] and into[name]]
        if sinks:
            taken = sinks[0]
            last.insert(0, taken)
        else:
            taken = max(left, key=lambda name: (not into[name], out[name] - into[name]))
            first.append(taken)
        left.remove(taken)
    return first + last


def _keys(names: Iterable[str]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for name in names:
        slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:90] or "stage"
        key = name if is_slug(name) else slug
        while key in keys.values():
            key += "_2"
        keys[name] = key
    return keys


def _with_shares(
    counts: Mapping[tuple[str, str], int], keys: Mapping[str, str], order: list[str]
) -> list[dict[str, Any]]:
    out: dict[str, int] = {}
    for (source, _), count in counts.items():
        out[source] = out.get(source, 0) + count
    return [
        {"source": keys[source], "dest": keys[dest], "count": count, "share": count / out[source]}
        for (source, dest), count in sorted(counts.items(), key=lambda item: order.index(item[0][0]))
    ]


def _transitions(rows: Rows) -> list[Transition]:
    sources: dict[str, list[str]] = {}
    for row in rows:
        sources.setdefault(row["dest"], []).append(row["source"])
    return [Transition(trigger=f"to_{dest}", source=found, dest=dest) for dest, found in sources.items()]


@metric
def variants(process: SalesProcess, events: Frame, *, longest: int = 20, at: datetime | None = None) -> Frame:
    """Return the ways that deals took through the stages, with the number of deals on each.

    Columns: `variant` (the stages with ` > ` between them, `?` for one that the process lacks, and ` > ...` behind one
    longer than `longest` stays), `stays`, `deals`, `share` (of all deals); the commonest first.

    >>> frames.variants(SEVEN_STAGE, LOG).select("variant", "stays", "deals").row(0)
    ('prospecting', 1, 1)

    Raises:
        DealError: for a `longest` outside 1 to 40.
    """
    if not isinstance(longest, int) or not 1 <= longest <= _LONGEST:
        raise DealError(f"longest is a whole number from 1 to {_LONGEST}, found {shown(longest)}", found=longest)
    places = StageNumbers(process)
    steps = [f"_{step}" for step in range(1, longest + 1)]
    paths = keyed(events, ["deal"], lambda log: _paths(stays(process, log, (), at), steps))
    counts = rows_per(paths, [*steps, "stays"], "deals")
    named = counts.with_columns(_step_name(places, step, first=step == "_1").alias(step) for step in steps)
    more = nw.when(nw.col("stays") > longest).then(nw.lit(" > ...")).otherwise(nw.lit(""))
    named = with_overall(named.with_columns(nw.concat_str(*steps, more).alias("variant")), "deals", "sum", "_all")
    share = nw.col("deals") / nw.col("_all")
    return sorted_down(named.select("variant", "stays", "deals", share.alias("share")), "deals", "variant", "stays")


def _paths(made: Frame, steps: list[str]) -> Frame:
    made = made.with_columns(
        nw.col("_place").cum_count().over("deal", order_by=order_of(made)).cast(nw.Int64).alias("_step")
    )
    columns = (
        nw.when(nw.col("_step") == number).then(nw.col("_place")).otherwise(nw.lit(NOWHERE)).cast(nw.Int64).alias(step)
        for number, step in enumerate(steps, 1)
    )
    wide = made.with_columns(*columns)
    return wide.group_by("deal").agg(*(nw.col(step).max() for step in steps), nw.col("_step").max().alias("stays"))


def _step_name(places: StageNumbers, step: str, *, first: bool) -> nw.Expr:
    lead = "" if first else " > "
    names = {number: lead + stage.key for number, stage in enumerate(places.stages)}
    return switch(step, {NOWHERE: "", UNKNOWN: lead + "?", **names}, "").cast(nw.String)
