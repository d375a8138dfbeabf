"""Which stage to work on.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import narwhals.stable.v2 as nw

from salesprocess.errors import DealError
from salesprocess.frames import _markov_chain
from salesprocess.frames._any_dataframe import metric
from salesprocess.frames._arguments import check_share
from salesprocess.frames._backends import Frame, keyed, rows_like, rows_of
from salesprocess.frames._columns import rows_per
from salesprocess.frames._forecast import learn
from salesprocess.frames._markov_chain import LOSS
from salesprocess.frames._stage_numbers import NOWHERE, StageNumbers
from salesprocess.frames._stays import stays
from salesprocess.process import SalesProcess


@metric
def bottleneck(process: SalesProcess, events: Frame, *, keep: float = 0.1, at: datetime | None = None) -> Frame:
    """Rank the stages by how much the win rate would rise if fewer deals were lost there.

    The question asked of each stage: if of the deals lost out of it this share (`keep`) stayed in the game and went on
    as the others do from there, what would the share of won deals be? Reckoned with the chain of `chances`, so that
    what is lost again later counts as lost. Deals start where the log has them start.

    Columns: `stage`, `position`, `lost` (moves out of the stage to a loss), `loss_share` (of the moves out),
    `win_rate` (now, of a new deal, 0 to 1), `win_rate_after`, `gain` (their difference); the biggest gain first.

    >>> frames.bottleneck(SEVEN_STAGE, LOG).select("stage", "lost").row(0)
    ('qualifying', 1)

    Raises:
        DealError: for a `keep` that is no share.
    """
    check_share("keep", keep)
    if not keep:
        raise DealError(f"keep is a share above 0, found {keep}", found=keep)
    weights = learn(process, events, at)
    starts = _starts(process, events, at)
    now = _overall(weights, starts)
    rows = [_gain(process, place, weights, starts, now, keep) for place in StageNumbers(process).unclosed]
    return rows_like(events, sorted(rows, key=lambda row: (-row["gain"], row["position"])))


def _starts(process: SalesProcess, events: Frame, at: datetime | None) -> dict[int, int]:
    first = keyed(events, ["deal"], lambda log: stays(process, log, (), at))
    rows = rows_of(rows_per(first.filter(nw.col("_came") == NOWHERE), ["_place"], "_n"))
    found = {row["_place"]: row["_n"] for row in rows}
    opened = StageNumbers(process).unclosed
    return {place: found[place] for place in opened if place in found} or {opened[0]: 1}


def _overall(weights: _markov_chain.Counts, starts: dict[int, int]) -> float:
    chances = _markov_chain.chances(weights)
    return sum(chances[place] * count for place, count in starts.items()) / sum(starts.values())


def _gain(
    process: SalesProcess, place: int, weights: _markov_chain.Counts, starts: dict[int, int], now: float, keep: float
) -> dict[str, Any]:
    ways = weights[place]
    total, lost = sum(ways.values()), ways[LOSS]
    others = total - lost
    grown = {way: weight * (1 + keep * lost / others) for way, weight in ways.items()} if others else dict(ways)
    after = _overall({**weights, place: grown | {LOSS: lost * (1 - keep if others else 1)}}, starts)
    return {
        "stage": process.stages[place].key,
        "position": place + 1,
        "lost": int(lost),
        "loss_share": lost / total,
        "win_rate": now,
        "win_rate_after": after,
        "gain": after - now,
    }
