"""A gate over a table says what the engine says of each deal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import Criterion, DealError, DefinitionError, Engine, SalesProcess, Stage, fact, frames  # noqa: E402

BIG = 1000
PROCESS = SalesProcess.linear(
    key="gated",
    skip="allow",
    stages=[
        Stage(key="lead", exit_criteria=[fact("fits").is_true(), fact("source").is_known()]),
        Stage(
            key="talk",
            exit_criteria=[
                Criterion(key="budget", rule=fact("amount") >= BIG, when=fact("fits").is_true()),
                Criterion(key="advice", rule=fact("source").is_known(), severity="advisory"),
            ],
        ),
        Stage(key="offer", entry_criteria=[fact("need").is_true()], exit_criteria=[fact("amount") > 1]),
        Stage(key="won", kind="won"),
    ],
)
ENGINE = Engine(PROCESS)
TRIGGERS = {"lead": "advance", "talk": "advance", "offer": "win"}
DEALS = st.fixed_dictionaries(
    {
        "stage": st.sampled_from(["lead", "talk", "offer", "won", "lost"]),
        "fits": st.sampled_from([None, True, False]),
        "need": st.sampled_from([None, True, False]),
        "source": st.sampled_from([None, "web"]),
        "amount": st.sampled_from([None, 0.5, 999.0, 1000.0]),
    }
)
SCHEMA = {"stage": pl.String, "fits": pl.Boolean, "need": pl.Boolean, "source": pl.String, "amount": pl.Float64}


def duck(frame: Any) -> Any:
    connection = pytest.importorskip("duckdb").connect()
    connection.register("given", frame.to_arrow())
    connection.execute("CREATE TABLE deals AS FROM given")
    return connection.table("deals")


KINDS = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "pandas": lambda frame: pytest.importorskip("pandas") and frame.to_pandas(),
    "pyarrow": lambda frame: frame.to_arrow(),
    "DuckDB": duck,
}


def rows(frame: Any, *columns: str) -> list[tuple[Any, ...]]:
    import narwhals.stable.v2 as nw

    return nw.from_native(frame).lazy().collect().select(*columns).rows()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=8, deadline=None)
@given(deals=st.lists(DEALS, min_size=1, max_size=12))
def test_a_gate_over_a_table_is_the_engines_on_each_deal(kind: str, deals: list[dict[str, Any]]) -> None:
    table = pl.DataFrame([deal | {"n": n} for n, deal in enumerate(deals)], schema={**SCHEMA, "n": pl.Int64})
    found = rows(frames.gate(PROCESS, KINDS[kind](table)), "n", "may_advance", "lacks")
    decided = {
        n: ENGINE.check(deal, TRIGGERS[deal["stage"]]) for n, deal in enumerate(deals) if deal["stage"] in TRIGGERS
    }
    assert {n for n, _, _ in found} == set(decided)
    for n, may, lacks in found:
        assert may == decided[n].allowed
        keys = [] if lacks is None or (isinstance(lacks, float)) else list(lacks)
        assert keys == [finding.key for finding in decided[n].unmet]


def test_a_column_a_criterion_is_null_where_it_is_not_asked() -> None:
    table = pl.DataFrame(
        {
            "stage": ["lead", "talk"],
            "fits": [True, None],
            "need": [None, True],
            "source": ["web", None],
            "amount": [None, 9.0],
        }
    )
    found = frames.gate(PROCESS, table)
    assert rows(found, "met_fits", "met_budget", "met_advice", "to") == [
        (True, None, None, "talk"),
        (None, False, False, "offer"),
    ]


def test_another_move_is_asked_for_by_its_trigger() -> None:
    table = pl.DataFrame({"stage": ["lead"], "fits": [True], "need": [True], "source": ["web"], "amount": [5000.0]})
    assert rows(frames.gate(PROCESS, table, trigger="skip"), "to", "may_advance") == [("offer", True)]
    with pytest.raises(DealError, match="did you mean 'advance'"):
        frames.gate(PROCESS, table, trigger="advnce")


def test_a_fact_without_a_column_is_an_error_with_its_name() -> None:
    with pytest.raises(DefinitionError, match="'fits'"):
        frames.gate(PROCESS, pl.DataFrame({"stage": ["lead"], "need": [True]}))
    table = pl.DataFrame({"stage": ["lead"], "good": [True], "need": [True], "source": ["web"], "amount": [1.0]})
    assert rows(frames.gate(PROCESS, table, facts={"fits": "good"}), "may_advance") == [(True,)]
