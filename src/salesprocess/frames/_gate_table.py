"""Which open deals may advance: the engine's gates over a whole table.

The example has this process:

>>> import polars as pl
>>> from salesprocess import SalesProcess, Stage, fact, frames
>>> SHORT = SalesProcess.linear(key="short", stages=[
...     Stage(key="qualifying", exit_criteria=[fact(name).is_true() for name in ("need", "budget", "authority")]),
...     Stage(key="won", kind="won"),
... ])
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import narwhals.stable.v2 as nw

from salesprocess._text import suggestion
from salesprocess.criteria import Criterion, required
from salesprocess.criteria.rules import Rule, comparisons, terms
from salesprocess.errors import DealError, DefinitionError, Problem
from salesprocess.frames._any_dataframe import metric
from salesprocess.frames._backends import Frame, as_lazy, by_row, is_dask, kind_of
from salesprocess.frames._columns import is_one_of, require
from salesprocess.frames._list_columns import as_given, typed, with_counts
from salesprocess.frames._stage_numbers import StageNumbers, switch
from salesprocess.process import SalesProcess
from salesprocess.process.graph import Move
from salesprocess.targets.narwhals import compile_gate

_TABLED: Final = 12


@metric
def gate(
    process: SalesProcess,
    deals: Frame,
    *,
    trigger: str | None = None,
    facts: Mapping[str, str] | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Frame:
    """Return the open deals with whether each may advance now and which criteria it lacks: `Engine.check` for a table.

    `deals` has a column `stage` and one for each fact that the gates look at; `facts` maps the process's fact names to
    other columns, `context` and `at` are those of `Engine.check`. Asked of is the forward move to the nearest stage,
    or the move of that `trigger`; deals without such a move are left out.

    Columns besides those given: `to` (stage), `may_advance`, `met_<key>` for each criterion (false where it is not met
    or not known, null where the deal's stage does not ask for it), and `lacks`: the keys of the required criteria
    that are not met, as a list, null where none is.

    >>> deals = pl.DataFrame({"stage": ["qualifying", "lost"], "need": [True, None], "budget": [None, True],
    ...     "authority": [False, True]})
    >>> frames.gate(SHORT, deals).select("to", "may_advance", "lacks").rows()
    [('won', False, ['budget', 'authority'])]

    Raises:
        DealError: for a missing column `stage`, or a trigger that no open stage has.
        DefinitionError: for every fact without a column, and every rule that an expression cannot say.
    """
    asked = _MovesAsked.of(process, trigger)
    if is_dask(deals):
        _refuse_texts(deals, asked, facts or {})
    return by_row(deals, lambda part: _gated(StageNumbers(process), asked, part, facts, context, at))


def _gated(
    places: StageNumbers,
    asked: _MovesAsked,
    given: Frame,
    facts: Mapping[str, str] | None,
    context: Mapping[str, object] | None,
    at: datetime | None,
) -> Frame:
    deals = typed(given)
    _check_columns(deals, asked)
    counted = with_counts(deals, terms(*asked.rules()), facts)
    met = _all_met(asked, counted, facts, context, at)
    goals = {place: move.dest for place, move in asked.moves.items()}
    deals = counted.with_columns(places.number("stage").alias("_place"))
    deals = deals.filter(nw.col("_place").is_in(list(asked.moves)))
    deals = deals.with_columns(switch("_place", goals).cast(nw.String).alias("to"), **met)
    deals = _with_lacks(deals, {key: sorted(uses) for key, uses in asked.uses.items() if key in asked.required})
    where_asked = (
        nw.when(is_one_of("_place", uses)).then(nw.col(f"met_{key}")).alias(f"met_{key}")
        for key, uses in asked.uses.items()
    )
    columns = given.collect_schema().names()
    made = ("to", *met, "may_advance", "lacks")
    return as_given(deals.with_columns(*where_asked).select(*columns, *made), given)


def _refuse_texts(deals: Frame, asked: _MovesAsked, facts: Mapping[str, str]) -> None:
    """Refuse a yes or no that is text: Dask writes bools with gaps as the words True and False.

    Raises:
        DealError: with how to keep the type.
    """
    schema = deals.collect_schema()
    for rule in comparisons(*asked.rules()):
        term = rule.term
        column = facts.get(str(term.path), str(term.path))
        asks = rule.operator.question == "truth" or isinstance(rule.value, bool)
        if asks and term.source == "fact" and column in schema.names() and schema[column] == nw.String:
            fix = "pandas' convert_dtypes() before dask.dataframe.from_pandas keeps what it is"
            raise DealError(
                f"{column} is text in this Dask frame, and the process asks whether it is true: {fix}", found=column
            )


def _check_columns(deals: Frame, asked: _MovesAsked) -> None:
    require(deals, ["stage"])
    dtype = deals.collect_schema()["stage"]
    if dtype.is_numeric():
        raise DealError(
            f"stage holds keys of stages, found {dtype}: name the keys that they stand for", found=str(dtype)
        )
    made = {"to", "may_advance", "lacks", "_place", "_set", "_text", *(f"met_{key}" for key in asked.uses)}
    for name in deals.collect_schema().names():
        if name in made:
            raise DealError(f"the gate makes a column {name!r}, and the frame has one: rename or drop it", found=name)


class _MovesAsked(NamedTuple):
    """The move that each stage is asked about, and each criterion's rule there, by the criterion's key."""

    moves: dict[int, Move]
    uses: dict[str, dict[int, Criterion]]
    required: set[str]

    @classmethod
    def of(cls, process: SalesProcess, trigger: str | None) -> _MovesAsked:
        numbers = {stage.key: number for number, stage in enumerate(process.stages)}
        opened = {number for number, stage in enumerate(process.stages) if stage.kind == "open"}
        moves: dict[int, Move] = {}
        for move in process.moves():
            place = numbers[move.source]
            fits = move.trigger == trigger if trigger else move.direction == "forward"
            nearer = place not in moves or numbers[move.dest] < numbers[moves[place].dest]
            if place in opened and fits and nearer:
                moves[place] = move
        if not moves:
            triggers = [move.trigger for move in process.transitions]
            raise DealError(f"no open stage has a move {trigger!r}{suggestion(trigger, triggers)}", expected=triggers)
        uses: dict[str, dict[int, Criterion]] = {}
        for place, move in sorted(moves.items()):
            for criterion in move.gate:
                uses.setdefault(criterion.key, {})[place] = criterion
        return cls(moves, uses, {each.key for move in moves.values() for each in required(move.gate)})

    def rules(self) -> Iterator[Rule]:
        """Yield every rule of every criterion."""
        for criterion in {each for uses in self.uses.values() for each in uses.values()}:
            yield from criterion.rules


def _all_met(
    asked: _MovesAsked,
    deals: Frame,
    facts: Mapping[str, str] | None,
    context: Mapping[str, object] | None,
    at: datetime | None,
) -> dict[str, nw.Expr]:
    """Return the column of each criterion.

    Raises:
        DefinitionError: for every rule that an expression cannot say, all at once.
    """
    met: dict[str, nw.Expr] = {}
    problems: list[Problem] = []
    for key, uses in asked.uses.items():
        try:
            met[f"met_{key}"] = _met(uses, deals, facts, context, at)
        except DefinitionError as error:
            problems += error.problems
    if problems:
        raise DefinitionError("the gate as a dataframe expression", problems)
    return met


def _met(
    uses: Mapping[int, Criterion],
    deals: Frame,
    facts: Mapping[str, str] | None,
    context: Mapping[str, object] | None,
    at: datetime | None,
) -> nw.Expr:
    """Return whether the criterion of this key is met; each stage may have its own rule for the key."""
    by_rule: dict[Criterion, list[int]] = {}
    for place, criterion in uses.items():
        by_rule.setdefault(criterion, []).append(place)
    result: nw.Expr | None = None
    for criterion, asked_in in by_rule.items():
        met = compile_gate(criterion, deals, facts=facts, context=context, at=at).met
        result = met if result is None else nw.when(nw.col("_place").is_in(asked_in)).then(met).otherwise(result)
    return nw.lit(value=True) if result is None else result


def _with_lacks(deals: Frame, required: Mapping[str, list[int]]) -> Frame:
    if not required:
        return deals.with_columns(nw.lit(value=True).alias("may_advance"), nw.lit(None).cast(nw.String).alias("lacks"))
    lacking = {key: is_one_of("_place", uses) & ~nw.col(f"met_{key}") for key, uses in required.items()}
    if len(required) <= _TABLED and kind_of(deals) in {nw.Implementation.POLARS, nw.Implementation.PANDAS}:
        return _with_lacks_in_memory(deals, lacking)
    texts = (nw.when(lacks).then(nw.lit(key)) for key, lacks in lacking.items())
    deals = deals.with_columns(nw.concat_str(*texts, separator=",", ignore_nulls=True).alias("_text"))
    split = nw.when(nw.col("_text") != "").then(nw.col("_text").str.split(","))
    return deals.with_columns((nw.col("_text") == "").alias("may_advance"), split.alias("lacks")).drop("_text")


def _with_lacks_in_memory(deals: Frame, lacking: Mapping[str, nw.Expr]) -> Frame:
    """Look up the list of lacking criteria by a number for each set of them, which is quicker than joining texts."""
    bits = (lacks.cast(nw.Int16) * (1 << bit) for bit, lacks in enumerate(lacking.values()))
    deals = deals.with_columns(nw.sum_horizontal(*bits).alias("_set"))
    deals = deals.with_columns((nw.col("_set") == 0).alias("may_advance"))
    table = [
        [key for bit, key in enumerate(lacking) if number >> bit & 1] or None for number in range(1 << len(lacking))
    ]
    if kind_of(deals) is nw.Implementation.POLARS:
        native: Any = deals.to_native()
        pl: Any = nw.get_native_namespace(deals)
        lists = pl.lit(pl.Series(table, dtype=pl.List(pl.String))).gather(pl.col("_set"))
        return as_lazy(native.with_columns(lacks=lists).drop("_set"))
    listed = deals.collect().to_native()
    listed = listed.assign(lacks=[table[number] for number in listed["_set"]]).drop(columns="_set")
    return as_lazy(listed)
