"""A gate over a table says what the engine says of each deal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pl = pytest.importorskip("polars")
pytest.importorskip("narwhals")

from salesprocess import Criterion, DealError, DefinitionError, Engine, SalesProcess, Stage, fact, frames  # noqa: E402
from tests.frames.conftest import rows  # noqa: E402

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


LISTED = SalesProcess.linear(
    key="listed",
    stages=[
        Stage(
            key="lead",
            exit_criteria=[
                Criterion(key="champion", rule=fact("roles").contains("champion")),
                Criterion(key="two_roles", rule=fact("roles").count() >= 2),
                Criterion(key="many_roles", rule=fact("roles").distinct() > 1),
                Criterion(key="counted", rule=fact("roles").count() == fact("calls").count()),
                Criterion(key="third_call", rule=~fact("calls").contains(3)),
                Criterion(key="some", rule=fact("calls").is_known()),
            ],
        ),
        Stage(key="won", kind="won"),
    ],
)
LISTS = st.fixed_dictionaries(
    {
        "stage": st.just("lead"),
        "roles": st.none() | st.lists(st.sampled_from(["champion", "user", "it's", "", None]), max_size=4),
        "calls": st.none() | st.lists(st.sampled_from([1, 3, None]), max_size=3),
    }
)
WITH_LISTS = KINDS | {
    "pandas": lambda frame: pytest.importorskip("pandas").DataFrame(frame.to_dict(as_series=False)),
    "pandas on arrow": lambda frame: frame.to_arrow().to_pandas(types_mapper=pytest.importorskip("pandas").ArrowDtype),
}


@pytest.mark.parametrize("kind", WITH_LISTS)
@settings(max_examples=8, deadline=None)
@given(deals=st.lists(LISTS, min_size=1, max_size=8))
def test_lists_are_asked_as_the_engine_asks_them(kind: str, deals: list[dict[str, Any]]) -> None:
    schema = {"stage": pl.String, "roles": pl.List(pl.String), "calls": pl.List(pl.Int64), "n": pl.Int64}
    table = pl.DataFrame([deal | {"n": n} for n, deal in enumerate(deals)], schema=schema)
    found = rows(frames.gate(LISTED, WITH_LISTS[kind](table)), "n", "lacks")
    for n, lacks in found:
        unmet = Engine(LISTED).check(deals[n], "win").unmet
        assert ([] if lacks is None else list(lacks)) == [finding.key for finding in unmet]
    assert len(found) == len(deals)


def test_lists_come_back_as_they_were_given() -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"stage": ["won", "lead"], "roles": [["x"], ["user", None]], "calls": [[1], None]})
    found = frames.gate(LISTED, table)
    assert (found["roles"].to_list(), list(found.columns[:3])) == ([["user", None]], ["stage", "roles", "calls"])


def test_lists_of_mixed_items_are_refused_with_every_criterion_that_asks_for_them() -> None:
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"stage": ["lead"], "roles": [["champion", 1]], "calls": [[1]]})
    with pytest.raises(DefinitionError, match="known, and nothing else") as caught:
        frames.gate(LISTED, table)
    assert {problem.path for problem in caught.value.problems} == {
        "champion",
        "two_roles",
        "many_roles",
        "counted",
    }


def test_a_list_is_no_text() -> None:
    """A list that is compared with a text is refused, as the engine finds it errored."""
    process = SalesProcess.linear(
        key="p",
        stages=[
            Stage(key="lead", exit_criteria=fact("roles").one_of("champion", "user")),
            Stage(key="won", kind="won"),
        ],
    )
    deal: dict[str, Any] = {"stage": "lead", "roles": ["user"]}
    assert Engine[Any](process).check(deal, "win").kind == "errored"
    with pytest.raises(DefinitionError, match="a list column cannot be equal to 'champion', text"):
        frames.gate(process, pl.DataFrame([deal]))


def test_a_text_has_no_number_of_items() -> None:
    table = pl.DataFrame({"stage": ["lead"], "roles": ["champion"], "calls": [[1]]})
    with pytest.raises(DefinitionError, match="number of roles asks for a collection, and 'roles' is a text column"):
        frames.gate(LISTED, table)


EMPTY = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "pandas": lambda frame: pytest.importorskip("pandas").DataFrame(frame.to_dict(as_series=False)),
    "pandas with NaN": lambda frame: (
        pytest.importorskip("pandas")
        and frame.to_pandas().astype({name: "float64" for name in frame.columns if name != "stage"})
    ),
    "pyarrow": lambda frame: frame.to_arrow(),
    "DuckDB": lambda frame: pytest.importorskip("duckdb").from_arrow(frame.to_arrow()),
}


@pytest.mark.parametrize("kind", EMPTY)
@pytest.mark.parametrize(
    ("process", "names"), [(PROCESS, ["fits", "source", "amount", "need"]), (LISTED, ["roles", "calls"])]
)
def test_a_column_without_a_value_is_an_unknown_fact(kind: str, process: SalesProcess, names: list[str]) -> None:
    table = pl.DataFrame({"stage": ["lead"], **dict.fromkeys(names)})
    if kind == "DuckDB" and str(EMPTY[kind](table).types[-1]) != '"NULL"':
        pytest.skip("this DuckDB makes numbers of nulls")
    assert table.schema[names[0]] == pl.Null
    ((may, lacks),) = rows(frames.gate(process, EMPTY[kind](table)), "may_advance", "lacks")
    blank = {"stage": "lead", **dict.fromkeys(names)}
    unmet = Engine(process).check(blank, "advance" if process is PROCESS else "win").unmet
    assert (may, list(lacks)) == (False, [finding.key for finding in unmet])


def test_every_missing_column_is_told_of_at_once_and_none_of_ours() -> None:
    with pytest.raises(DefinitionError) as caught:
        frames.gate(PROCESS, pl.DataFrame({"stage": ["lead"], "amount": [1.0]}))
    assert {problem.path for problem in caught.value.problems} == {"fits", "source", "need", "budget", "advice"}
    assert "there are 'stage', 'amount'" in str(caught.value)
    assert "_place" not in str(caught.value)


def test_a_column_that_the_gate_makes_is_not_written_over() -> None:
    table = pl.DataFrame({"stage": ["lead"], "to": ["x"]})
    with pytest.raises(DealError, match="makes a column 'to', and the frame has one"):
        frames.gate(PROCESS, table)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([1, 2], "stage holds keys of stages, found Int64"),
        (["Lead", "Talk"], "none of the log's stages .*did you mean 'lead'"),
    ],
)
def test_stages_that_are_not_the_process_own_are_refused(stages: list[Any], message: str) -> None:
    with pytest.raises(DealError, match=message):
        frames.gate(PROCESS, pl.DataFrame({"stage": stages}))
