"""What will close: by each stage's declared probability, and by what became of the deals before.

The examples have this log:

>>> import polars as pl
>>> from salesprocess import frames
>>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
>>> LOG = pl.DataFrame(frames.example_log())
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from random import Random
from typing import Any, Final, NamedTuple

import narwhals.stable.v2 as nw

from salesprocess._text import shown
from salesprocess.errors import DealError
from salesprocess.frames import _markov_chain
from salesprocess.frames._any_dataframe import metric
from salesprocess.frames._arguments import By, Progress, check_share, followed, names_of
from salesprocess.frames._backends import Frame, Rows, keyed, rows_like, rows_of
from salesprocess.frames._columns import amount, flag, is_one_of, rows_per, totals
from salesprocess.frames._markov_chain import LOSS, WIN, Chance
from salesprocess.frames._outcomes import ended
from salesprocess.frames._stage_numbers import NOWHERE, UNKNOWN, StageNumbers
from salesprocess.frames._stays import stays
from salesprocess.process import SalesProcess

_MONEY: Final = ("amount", "weighted", "learned", "low", "high")
_DRAWS: Final = 400
_SEED: Final = 20260


def learn(process: SalesProcess, events: Frame, at: datetime | None = None) -> dict[int, dict[int, float]]:
    """Return how often deals went from each open stage to each other one, to a win or to a loss, plus the prior.

    A won stage is the end, unless the log has deals that were lost or reopened out of one: then deals go on from won
    stages too, and those that stayed are the wins. The prior spreads the weight of one deal evenly over the ways that
    the process or the log has (Perks 1947): where nothing has been seen yet, the process alone speaks.
    """
    places = StageNumbers(process)
    seen = keyed(events, ["deal"], lambda log: stays(process, log, (), at))
    # In one order on every engine: the intervals are drawn in the order of the ways.
    rows: list[tuple[int, int, int]] = sorted(
        (row["_place"], row["_went"], row["_n"]) for row in rows_of(rows_per(seen, ["_place", "_went"], "_n"))
    )
    won = places.of("won")
    final = all(went in {*won, NOWHERE, UNKNOWN} for place, went, _ in rows if place in won)
    state: dict[int, int] = dict.fromkeys(places.of("lost", "disqualified"), LOSS)
    state |= dict.fromkeys(won, WIN) if final else {}
    ways: dict[int, dict[int, float]] = {number: {LOSS: 0.0} for number in places.unclosed}
    ways |= {} if final else {number: {WIN: 0.0} for number in won}
    numbers = places.numbers
    for move in process.moves():
        if numbers[move.source] in ways and move.dest != move.source:
            dest = numbers[move.dest]
            ways[numbers[move.source]].setdefault(state.get(dest, dest), 0.0)
    for place, went, count in rows:
        if place in ways and went != UNKNOWN and (went != NOWHERE or place in won):
            way = WIN if went == NOWHERE else state.get(went, went)
            ways[place][way] = ways[place].get(way, 0.0) + count
    return {place: {way: n + 1 / len(found) for way, n in found.items()} for place, found in ways.items()}


@metric
def chances(process: SalesProcess, events: Frame, *, interval: float = 0.9, at: datetime | None = None) -> Frame:
    """Return the chance that a deal in each open stage is won, learnt from where earlier deals went.

    An absorbing Markov chain on the counts of moves (Kemeny and Snell 1960): a deal that skips, goes back or is
    reopened takes part with all its moves, and one that was won and lost later is lost, as in `outcomes`. `low` and
    `high` bound the middle `interval` of the posterior, by drawing the transition probabilities from their Dirichlet
    distributions 400 times with a fixed seed.

    Columns: `position`, `stage`, `declared` (the process's own probability, may be null), `learned`, `low`, `high` (0
    to 1), `moves` (how many were counted out of the stage). The counts are read at once, from a lazy frame too.

    >>> frames.chances(SEVEN_STAGE, LOG)["learned"].round(2).to_list()
    [0.25, 0.19, 0.21, 0.42, 0.58, 0.76]
    """
    check_share("interval", interval)
    weights = learn(process, events, at)
    found = _markov_chain.credible(weights, draws=_DRAWS, interval=interval, seed=_SEED)
    return rows_like(
        events, [_chance_row(process, place, found[place], weights) for place in StageNumbers(process).unclosed]
    )


def _chance_row(
    process: SalesProcess, place: int, chance: Chance, weights: Mapping[int, Mapping[int, float]]
) -> dict[str, Any]:
    stage = process.stages[place]
    return {
        "position": place + 1,
        "stage": stage.key,
        "declared": stage.probability,
        "learned": chance.mean,
        "low": chance.low,
        "high": chance.high,
        "moves": round(sum(weights[place].values()) - 1),
    }


@metric
def forecast(
    process: SalesProcess, events: Frame, *, by: By = (), interval: float = 0.9, at: datetime | None = None
) -> Frame:
    """Return what the open deals are expected to bring, per currency; closed deals are not counted.

    `weighted` is the sum of amount x the stage's declared probability, as CRMs have it; null where an open deal is in
    a stage without one. `learned` takes the chances of `chances` instead, and `low` to `high` is where the middle
    `interval` of outcomes lies: each draw takes its own chances and adds the luck of the deals themselves.

    Needs `amount` and `currency`. Columns: `by`..., `currency`, `deals`, `without_amount` (deals left out), `amount`,
    `weighted`, `learned`, `low`, `high` (amounts).

    >>> frames.forecast(SEVEN_STAGE, LOG).select("currency", "deals", "amount", "weighted").rows()
    [('EUR', 2, 14000.0, None)]

    Raises:
        DealError: for a missing column, or where there is no open deal with a stage of the process.
    """
    check_share("interval", interval)
    groups = [*names_of(by, "currency", "without_amount", *_MONEY), "currency"]
    weights = learn(process, events, at)
    drawn = list(_markov_chain.drawn(weights, _DRAWS, _SEED))
    means = _markov_chain.chances(weights)
    open_deals = _open_amounts(process, events, groups, at)
    if not open_deals:
        raise DealError("no deal is open, so a forecast has no deals")
    rows = []
    for group, stages in sorted(open_deals.items(), key=lambda item: tuple(map(str, item[0]))):
        money = _Money(process, stages, means)
        sums = money.simulated(drawn)
        edge = (1 - interval) / 2
        ends = {"low": _markov_chain.quantile(sums, edge), "high": _markov_chain.quantile(sums, 1 - edge)}
        rows.append(dict(zip(groups, group, strict=True)) | money.row() | ends)
    return rows_like(events, rows)


class _Sums(NamedTuple):
    deals: int
    without_amount: int
    amount: float
    squares: float


def _open_amounts(
    process: SalesProcess, events: Frame, groups: Sequence[str], at: datetime | None
) -> dict[tuple[Any, ...], dict[int, _Sums]]:
    """Return the open deals' amounts for each group and stage, which is all that a forecast needs."""
    deals = ended(process, events, [*groups, "amount"], at)
    deals = deals.filter(is_one_of("_place", StageNumbers(process).unclosed))
    deals = deals.with_columns(amount())
    deals = deals.with_columns(flag(nw.col("amount").is_null()).alias("_missing"), nw.col("amount").fill_null(0.0))
    deals = deals.with_columns((nw.col("amount") * nw.col("amount")).alias("_squares"))
    sums = totals(deals, [*groups, "_place"], ["deals", "_missing", "amount", "_squares"], nw.Float64)
    found: dict[tuple[Any, ...], dict[int, _Sums]] = {}
    for row in sorted(rows_of(sums), key=lambda row: int(row["_place"])):
        group = found.setdefault(tuple(row[name] for name in groups), {})
        group[row["_place"]] = _Sums(int(row["deals"]), int(row["_missing"]), row["amount"], row["_squares"])
    return found


class _Money:
    """The open deals of one group."""

    def __init__(self, process: SalesProcess, stages: Mapping[int, _Sums], means: Mapping[int, float]) -> None:
        self._stages = stages
        self._means = means
        self._declared = {place: process.stages[place].probability for place in stages}

    def row(self) -> dict[str, Any]:
        sums = self._stages.values()
        weighted = [
            None if declared is None else declared * self._stages[place].amount
            for place, declared in self._declared.items()
        ]
        return {
            "deals": sum(one.deals for one in sums),
            "without_amount": sum(one.without_amount for one in sums),
            "amount": sum(one.amount for one in sums),
            "weighted": None if None in weighted else sum(value for value in weighted if value is not None),
            "learned": sum(self._means[place] * one.amount for place, one in self._stages.items()),
        }

    def simulated(self, drawn: Iterable[Mapping[int, float]]) -> list[float]:
        """Return a total for each draw: its expected value plus a normal deviate for the luck of independent deals."""
        random = Random(_SEED)  # noqa: S311 - a simulation that must repeat, not a secret
        most = sum(one.amount for one in self._stages.values())
        totals_drawn = []
        for chance in drawn:
            expected = sum(chance[place] * one.amount for place, one in self._stages.items())
            variance = sum(chance[place] * (1 - chance[place]) * one.squares for place, one in self._stages.items())
            totals_drawn.append(min(max(random.gauss(expected, variance**0.5), 0.0), most))
        return totals_drawn


@metric
def calibration(process: SalesProcess, events: Frame, *, at: datetime, interval: float = 0.9) -> Frame:
    """Compare the forecast made at `at` for each stage with what became of the deals that were open there.

    The chances are learnt from the log as it was then. Deals still open at the end of the log are left out.

    Columns: `position`, `stage`, `deals`, `won`, `observed` (share won), `learned`, `low`, `high`, `declared` (0 to 1).

    >>> from datetime import datetime
    >>> frames.calibration(SEVEN_STAGE, LOG, at=datetime(2026, 1, 12)).select("stage", "deals", "won").rows()
    [('qualifying', 2, 1)]
    """
    check_share("interval", interval)
    return rows_like(events, calibrated(process, events, at, interval))


@metric
def backtest(
    process: SalesProcess, events: Frame, *, at: Sequence[datetime], progress: Progress | None = None
) -> Frame:
    """Return how good forecasts made at these moments were: Brier scores, from 0 (always right) to 1.

    The score is the mean over deals of (chance - outcome) squared (Brier 1950), for the `learned` chances, for the
    `declared` ones of the process (null without them) and for the `naive` one: the share won of all closed until then,
    the same for every deal. Deals still open at the end of the log are left out. Each moment takes as long as a
    `calibration`: `progress` is wrapped around the moments, as `tqdm.tqdm` is.

    Columns: `at` (ISO 8601 text), `deals`, `won`, `learned`, `declared`, `naive`.

    >>> from datetime import datetime
    >>> frames.backtest(SEVEN_STAGE, LOG, at=[datetime(2026, 1, 12)])["deals"].to_list()
    [2]
    """
    moments = [] if isinstance(at, datetime | str) else list(at)
    if not moments:
        raise DealError(f"at takes several moments, such as [datetime(2026, 1, 1)]; found {shown(at)}", found=at)
    rows = []
    for moment in followed(moments, progress):
        scores = scored(process, events, moment, calibrated(process, events, moment, 0.9))
        rows.append({"at": moment.isoformat()} | scores)
    return rows_like(events, rows)


def scored(process: SalesProcess, events: Frame, at: datetime, by_stage: Rows) -> dict[str, Any]:
    """Return a row of `backtest` without its moment, from the result of `calibrated` for that moment."""
    (before,) = rows_of(totals(ended(process, events, (), at), [], ["won", "lost"]))
    closed = before["won"] + before["lost"]
    naive = before["won"] / closed if closed else 0.5
    by_stage = [{**row, "naive": naive} for row in by_stage]
    deals, won = sum(row["deals"] for row in by_stage), sum(row["won"] for row in by_stage)
    return {"deals": deals, "won": won} | {name: _brier(by_stage, name) for name in ("learned", "declared", "naive")}


def _brier(by_stage: Rows, name: str) -> float | None:
    deals = sum(row["deals"] for row in by_stage)
    if not deals or any(row[name] is None for row in by_stage):
        return None
    lost = sum((row["deals"] - row["won"]) * row[name] ** 2 for row in by_stage)
    won = sum(row["won"] * (1 - row[name]) ** 2 for row in by_stage)
    return float((lost + won) / deals)


def calibrated(process: SalesProcess, events: Frame, at: datetime, interval: float) -> list[dict[str, Any]]:
    """Return the rows of `calibration`."""
    weights = learn(process, events, at)
    found = _markov_chain.credible(weights, draws=_DRAWS, interval=interval, seed=_SEED)
    then = (
        ended(process, events, (), at)
        .filter(is_one_of("_place", StageNumbers(process).unclosed))
        .select("deal", "_place")
    )
    later = ended(process, events, (), None).select("deal", "won", "lost", "disqualified")
    decided = then.join(later, on="deal", how="left")
    decided = decided.filter((nw.col("won") + nw.col("lost") + nw.col("disqualified")) > 0)
    decided = decided.with_columns(nw.lit(1).alias("deals"))
    rows = []
    for row in sorted(rows_of(totals(decided, ["_place"], ["deals", "won"])), key=lambda row: int(row["_place"])):
        named = _chance_row(process, row["_place"], found[row["_place"]], weights)
        observed = row["won"] / row["deals"]
        rows.append(named | {"deals": row["deals"], "won": row["won"], "observed": observed})
    if not rows:
        raise DealError(f"no deal was open at {at.isoformat()} and is closed now, so a comparison has no deals")
    order = ("position", "stage", "deals", "won", "observed", "learned", "low", "high", "declared")
    return [{name: row[name] for name in order} for row in rows]
