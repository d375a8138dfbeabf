"""A host's type is read for the facts that its deals hold and for what its constructor takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from functools import cached_property
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Generic,
    Literal,
    NewType,
    NotRequired,
    TypedDict,
    TypeVar,
    Union,
)

import attrs
import pytest
from pydantic import BaseModel, ConfigDict, Field, computed_field
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from typing_extensions import TypeAliasType

from salesprocess.assurance.host_types import HostType, MissingFact, type_of_argument, type_of_fact
from salesprocess.assurance.value_types import PossibleValues, kind_of, possible_values, type_options

if TYPE_CHECKING:
    from nowhere import Unknown  # type: ignore[import-not-found]

ItemT = TypeVar("ItemT")
Money = NewType("Money", Decimal)
Alias = TypeAliasType("Alias", int | None)


class Tier(Enum):
    GOLD = "gold"
    SILVER = "silver"


class Rank(IntEnum):
    FIRST = 1


@dataclass
class Contact:
    email: str | None = None


@dataclass
class Phone:
    number: str


@dataclass
class DataDeal:
    stage: str
    amount: int | None = None
    contact: Contact | None = None
    total: Annotated[int, "cents"] = field(default=0, init=False)
    limit: ClassVar[int] = 5


class ModelDeal(BaseModel):
    stage: str
    amount: int | None = None
    contact: Contact | None = None

    @computed_field
    def total(self) -> int:
        return 0


@attrs.define
class AttrsDeal:
    stage: str
    amount: int | None = None
    contact: Contact | None = None
    total: int = attrs.field(default=0, init=False)


class DictDeal(TypedDict):
    stage: str
    amount: NotRequired[int | None]
    contact: NotRequired[Contact]
    total: NotRequired[int]


class AnnotatedDeal:
    stage: str
    amount: int | None
    contact: Contact

    def __init__(self, stage: str, amount: int | None = None, contact: Contact | None = None) -> None: ...

    @property
    def total(self) -> int:
        return 0


every_kind = pytest.mark.parametrize("deal_type", [DataDeal, ModelDeal, AttrsDeal, DictDeal, AnnotatedDeal])


@every_kind
def test_the_type_of_a_declared_fact(deal_type: Any) -> None:
    """A declared fact has the type of its annotation, whatever kind of type declares it."""
    assert type_options(type_of_fact(deal_type, "amount")) == [int, type(None)]


@every_kind
def test_the_type_of_a_dotted_fact(deal_type: Any) -> None:
    """A dotted path is followed through the types of its parts, past `None`."""
    assert type_options(type_of_fact(deal_type, "contact.email")) == [str, type(None)]


@every_kind
def test_the_type_of_a_computed_fact(deal_type: Any) -> None:
    """A property has the type that it returns."""
    assert type_options(type_of_fact(deal_type, "total")) == [int]


@every_kind
def test_a_fact_that_is_not_there(deal_type: Any) -> None:
    """A fact that a type does not have is reported with the names that it has."""
    missing = type_of_fact(deal_type, "amuont")
    assert isinstance(missing, MissingFact)
    assert (missing.name, missing.owner) == ("amuont", deal_type.__name__)
    assert set(missing.known) == {"stage", "amount", "contact", "total"}


@every_kind
def test_a_part_of_a_fact_that_is_not_there(deal_type: Any) -> None:
    """What is missing in a part of a deal is reported for the type of that part."""
    assert type_of_fact(deal_type, "contact.phone") == MissingFact("phone", "Contact", ("email",))


@every_kind
def test_what_a_constructor_takes(deal_type: Any) -> None:
    """A constructor says what it needs, and what it takes besides."""
    arguments = HostType(deal_type).arguments
    assert [arguments[name].required for name in ("stage", "amount", "contact")] == [True, False, False]
    assert type_options(type_of_argument(deal_type, "amount")) == [int, type(None)]


@pytest.mark.parametrize("deal_type", [DataDeal, ModelDeal, AttrsDeal, AnnotatedDeal])
def test_a_computed_fact_is_no_argument(deal_type: Any) -> None:
    """What the class sets itself is no argument of its constructor."""
    assert "total" not in HostType(deal_type).arguments


def test_a_class_attribute_is_a_fact() -> None:
    """A fact may be an attribute of the class."""
    assert type_options(type_of_fact(DataDeal, "limit")) == [int]


def test_a_cached_property_is_a_fact() -> None:
    """A cached property has the type that it returns, and `Any` where it does not say."""

    class Deal:
        stage: str

        @cached_property
        def score(self) -> int:
            return 1

        @property
        def rank(self):  # type: ignore[no-untyped-def]  # noqa: ANN202 - what is tested
            return 1

    assert type_of_fact(Deal, "score") is int
    assert type_of_fact(Deal, "rank") is Any


def test_aliases_of_a_pydantic_model() -> None:
    """A fact keeps its name where the constructor takes it by an alias."""

    class Deal(BaseModel):
        amount: int = Field(alias="dealAmount")

    assert type_of_fact(Deal, "amount") is int
    assert HostType(Deal).arguments["amount"] == (int, "dealAmount", True)


def test_private_attributes_of_attrs() -> None:
    """A private attribute is no fact, and the constructor takes it by its public name."""

    @attrs.define
    class Deal:
        _secret: int
        amount: Any = attrs.field(alias="value")

    assert set(HostType(Deal).facts) == {"amount"}
    assert [each.keyword for each in HostType(Deal).arguments.values()] == ["secret", "value"]


def test_an_init_only_argument_is_no_fact() -> None:
    """What a constructor takes and does not keep is an argument alone."""

    @dataclass
    class Deal:
        stage: str
        seed: InitVar[int]

    assert set(HostType(Deal).facts) == {"stage"}
    assert set(HostType(Deal).arguments) == {"stage", "seed"}


def test_annotations_that_cannot_be_resolved() -> None:
    """Where a name in an annotation is unknown at run time the facts are there, and of any type."""

    @dataclass
    class Deal:
        amount: Unknown
        stage: str

    assert type_of_fact(Deal, "amount") is Any
    assert isinstance(type_of_fact(Deal, "amuont"), MissingFact)


@pytest.mark.parametrize("deal_type", [dict, Any, object, Mapping], ids=str)
def test_types_that_say_nothing(deal_type: Any) -> None:
    """A fact of a type that says nothing is of any type."""
    assert type_of_fact(deal_type, "amount") is Any


def test_a_mapping_says_the_type_of_its_values() -> None:
    """Every fact of a mapping has the type of the mapping's values."""
    assert type_of_fact(dict[str, int], "amount") is int


def test_plain_values_have_no_facts() -> None:
    """Text and numbers have attributes, but no facts."""
    assert isinstance(type_of_fact(Contact, "email.title"), MissingFact)


def test_a_union_has_what_one_of_its_types_has() -> None:
    """A fact of a union is of the types that have it; it is missing where none has it."""
    either = Contact | Phone
    assert type_options(type_of_fact(either, "number")) == [str]
    assert isinstance(type_of_fact(either, "fax"), MissingFact)


class Undeclared:
    def __init__(self) -> None:
        self.amount = 1


class Assigning:
    stage: str

    def load(self) -> None:
        self.amount = 1


class Dynamic:
    stage: str

    def __getattr__(self, name: str) -> Any: ...


class Extra(BaseModel):
    model_config = ConfigDict(extra="allow")

    stage: str


@pytest.mark.parametrize("deal_type", [Undeclared, Assigning, Dynamic, Extra])
def test_facts_that_a_type_may_hold_undeclared(deal_type: Any) -> None:
    """A fact that methods may set, or that anything may be, is not missing."""
    assert type_of_fact(deal_type, "amount") is Any


def test_a_factory_takes_what_its_parameters_say() -> None:
    """A function that makes deals is read for what it takes; it says nothing of what deals hold."""

    def factory(amount: int, *, stage: str = "talk") -> dict[str, Any]: ...

    assert type_of_argument(factory, "amount") is int
    assert type_of_argument(factory, "amuont") is Any
    assert [each.required for each in HostType(factory).arguments.values()] == [True, False]
    assert type_of_fact(factory, "amount") is Any


@pytest.mark.parametrize(
    ("deal_type", "expected"),
    [(dict, True), (DictDeal, True), (Extra, True), (DataDeal, False), (ModelDeal, False), (AnnotatedDeal, False)],
)
def test_constructors_that_take_any_argument(deal_type: Callable[..., Any], expected: bool) -> None:
    """A dict takes facts by any name, a class that declares its own does not."""
    assert HostType(deal_type).takes_any_argument is expected


def test_a_mapped_column_has_the_type_of_its_values() -> None:
    """`Mapped` only says that a library keeps the value."""

    class Base(DeclarativeBase): ...

    class Deal(Base):
        __tablename__ = "deal"
        id: Mapped[int] = mapped_column(primary_key=True)

    assert type_options(type_of_fact(Deal, "id")) == [int]


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (int, [int]),
        (None, [type(None)]),
        (Union[int, None], [int, type(None)]),  # noqa: UP007 - the other form of a union
        (int | str, [int, str]),
        (Annotated[int | None, "a note"], [int, type(None)]),
        (Final[int], [int]),
        (ClassVar, [Any]),
        (Money, [Decimal]),
        (Alias, [int, type(None)]),
        (ItemT, [Any]),
        (TypeVar("Bound", bound=int), [int]),
        (list[int], [list[int]]),
        (Any, [Any]),
    ],
    ids=str,
)
def test_the_types_that_an_annotation_allows(annotation: Any, expected: list[Any]) -> None:
    """Unions are taken apart; what only wraps or names a type is taken off."""
    assert type_options(annotation) == expected


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (bool, [PossibleValues("bool", (True, False))]),
        (int | None, [PossibleValues("number")]),
        (Money, [PossibleValues("number")]),
        (datetime, [PossibleValues("time")]),
        (date, [PossibleValues("date")]),
        (Literal["a", 1], [PossibleValues("text", ("a",)), PossibleValues("number", (1,))]),
        (Tier, [PossibleValues("enum", ("gold", "silver"), is_plain_enum=True)]),
        (Rank, [PossibleValues("number", (1,))]),
        (list[Tier], [PossibleValues("collection", item=Tier)]),
        (tuple[int, str], [PossibleValues("collection", item=int | str)]),
        (tuple[int, ...], [PossibleValues("collection", item=int)]),
        (set, [PossibleValues("collection")]),
        (bytes, [PossibleValues(None)]),
        (Contact, [PossibleValues(None)]),
        (Any, [PossibleValues(None)]),
        (None, []),
    ],
    ids=str,
)
def test_what_values_of_a_type_can_be(annotation: Any, expected: list[PossibleValues]) -> None:
    """A type says what its values can be compared with, and lists them where it can."""
    assert list(possible_values(annotation)) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [(True, "bool"), (1, "number"), (Decimal(1), "number"), ("a", "text"), (date(2026, 1, 1), "date"), ([], None)],
)
def test_what_a_literal_can_be_compared_with(value: object, kind: str | None) -> None:
    """A literal is of the kind of its type."""
    assert kind_of(value) == kind


class Box(BaseModel, Generic[ItemT]):
    item: ItemT


def test_a_generic_model_with_its_type_filled_in() -> None:
    """A generic pydantic model says the type that was filled in."""
    assert type_of_fact(Box[int], "item") is int
