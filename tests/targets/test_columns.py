"""What a target makes of columns, names and what is given beforehand, and what it refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

import pytest

from salesprocess import (
    Criterion,
    DealError,
    DefinitionError,
    at_least,
    context,
    days,
    fact,
    now,
    predicate,
    time_in_stage,
)
from salesprocess.targets import jsonlogic

sa = pytest.importorskip("sqlalchemy")
orm = pytest.importorskip("sqlalchemy.orm")
from salesprocess.targets import sqlalchemy as target  # noqa: E402 - after the skip

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Size(Enum):
    SMALL = 1
    LARGE = 10


class Base(orm.DeclarativeBase):
    pass


class Deal(Base):
    __tablename__ = "deal"
    id = orm.mapped_column(sa.Integer, primary_key=True)
    size = orm.mapped_column(sa.Enum(Size))
    letter = orm.mapped_column(sa.Enum("a", "b"))
    price = orm.mapped_column(sa.Numeric(10, 2))
    since = orm.mapped_column("since_when", sa.DateTime)
    blob = orm.mapped_column(sa.LargeBinary)
    parent_id = orm.mapped_column(sa.ForeignKey("deal.id"))


ROWS: list[dict[str, Any]] = [
    {"id": 1, "size": Size.SMALL, "letter": "a", "price": Decimal("0.10"), "since": datetime(2026, 2, 1)},  # noqa: DTZ001
    {"id": 2, "size": Size.LARGE, "letter": "b", "price": Decimal("9.99"), "since": datetime(2026, 3, 1)},  # noqa: DTZ001
    {"id": 3, "blob": b"x"},
]


@pytest.fixture(scope="module")
def session() -> Any:
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    Base.metadata.create_all(engine)
    with orm.Session(engine) as session:
        session.add_all(Deal(**row) for row in ROWS)
        session.flush()
        yield session
    engine.dispose()


def statuses(session: Any, subject: Any, entity: Any = Deal, **options: Any) -> list[str]:
    answer = target.compile_gate(subject, entity, **options)
    return list(session.scalars(sa.select(answer.status).select_from(entity).order_by(entity.id)))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (fact("size") == 10, ["unmet", "met", "unknown"]),
        (fact("size") == Size.SMALL, ["met", "unmet", "unknown"]),
        (fact("size").one_of(1, 10), ["met", "met", "unknown"]),
        (fact("size") != 7, ["met", "met", "unknown"]),
        (fact("letter") > "a", ["unmet", "met", "unknown"]),
        (fact("blob").is_known(), ["unmet", "unmet", "met"]),
        (fact("since") < AT - days(1), ["met", "unmet", "unknown"]),
    ],
    ids=str,
)
def test_columns_of_few_values_and_times_without_a_zone(session: Any, rule: Any, expected: list[str]) -> None:
    assert statuses(session, rule) == expected


@pytest.mark.filterwarnings("ignore:Dialect sqlite:sqlalchemy.exc.SAWarning")
def test_a_decimal_column_is_compared_by_its_value(session: Any) -> None:
    assert statuses(session, fact("price") == Decimal("0.1")) == ["met", "unmet", "unknown"]


def test_an_alias_and_a_mapping_of_names_do_as_well(session: Any) -> None:
    alias = orm.aliased(Deal)
    assert statuses(session, fact("size") == 1, alias) == ["met", "unmet", "unknown"]
    columns = {"kind.size": Deal.size}
    met = target.compile_gate(fact("kind.size") == 1, columns).met
    assert session.scalars(sa.select(Deal.id).where(met)).all() == [1]


def test_facts_name_the_hosts_own_columns(session: Any) -> None:
    long = time_in_stage() > timedelta(days=7)
    assert statuses(session, long, facts={"entered_at": "since"}, at=AT) == ["met", "unmet", "unknown"]


def test_of_a_gate_the_required_criteria_count(session: Any) -> None:
    small = Criterion(key="small", rule=fact("size") == 1)
    nice = Criterion(key="nice", rule=fact("letter") == "z", severity="advisory")
    assert statuses(session, [small, nice]) == ["met", "unmet", "unknown"]
    assert statuses(session, nice) == ["unmet", "unmet", "unknown"]
    assert statuses(session, []) == ["met"] * 3


def test_everything_that_sql_cannot_say_is_refused_at_once_by_name() -> None:
    gate = [
        predicate("credit_ok"),
        Criterion(key="late", rule=now() > fact("since")),
        Criterion(key="role", rule=fact("letter") == context("role")),
        Criterion(key="typo", rule=fact("leter").is_known()),
        Criterion(key="blob", rule=fact("blob") == "x"),
        Criterion(key="order", rule=fact("price") < "x"),
        Criterion(key="deep", rule=~at_least(1, of=[predicate("inner")])),
        Criterion(key="relation", rule=fact("size").count() > 1),
    ]
    with pytest.raises(DefinitionError) as caught:
        target.compile_gate(gate, Deal)
    messages = {problem.path: problem.message for problem in caught.value.problems}
    assert list(messages) == ["credit_ok", "late", "role", "typo", "blob", "order", "deep", "relation"]
    assert "give it with at=" in messages["late"]
    assert "give it with context=" in messages["role"]
    assert "did you mean 'letter'" in messages["typo"]
    assert "no order with 'x'" in messages["order"]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(DealError, match="needs a time zone"):
        jsonlogic.compile_gate(fact("since") < now(), at=datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        (fact("constructor").is_known(), "every object of JavaScript"),
        (fact("name").matches("a?"), "patterns"),
        (time_in_stage() > fact("limit"), "length of time"),
        (time_in_stage() > timedelta(days=10**6), "outside the calendar"),
    ],
    ids=str,
)
def test_json_logic_says_what_it_cannot_say(rule: Any, part: str) -> None:
    with pytest.raises(DefinitionError, match=part):
        jsonlogic.compile_gate(rule, at=AT)


def test_text_in_a_rule_is_bound_and_never_spliced() -> None:
    hostile = "'; DROP TABLE deal; --"
    met = target.compile_gate(
        fact("letter").one_of("a") | (fact("name") == hostile), {"letter": Deal.letter, "name": sa.column("n", sa.Text)}
    ).met
    compiled = met.compile()
    assert hostile not in str(compiled)
    assert hostile in compiled.params.values()
