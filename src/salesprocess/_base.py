"""The base of all definitions: frozen, closed to unknown keys, and refused with every mistake at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from salesprocess._text import shown, unknown
from salesprocess.errors import DefinitionError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails

# With a limit pydantic looks at the characters, and refuses half of a surrogate pair, which no file can hold.
_LONGEST_TEXT = 1_000_000

DefinitionT = TypeVar("DefinitionT", bound="Definition")


class Definition(BaseModel, frozen=True, extra="forbid", defer_build=True, str_max_length=_LONGEST_TEXT):
    """A frozen part of a definition.

    Raises:
        DefinitionError: with every mistake, when the part is made or loaded.
    """

    def __init__(self, **data: Any) -> None:
        with _definition_errors(type(self)):
            super().__init__(**data)

    # Marks the constructor as pydantic's own, so that nested parts are validated in one pass and all mistakes are kept.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Return the definition that plain data describes."""
        with _definition_errors(cls):
            return super().model_validate(obj, **options)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Return the definition that a JSON text describes."""
        with _definition_errors(cls):
            return super().model_validate_json(json_data, **options)


def changed(part: DefinitionT, **fields: Any) -> DefinitionT:
    """Return the definition with other values for some of its fields, checked like any other."""
    return type(part)(**{**dict(part), **fields})


@contextmanager
def _definition_errors(model: type[BaseModel]) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        raise DefinitionError(model.__name__, problems_of(error, model)) from None


def problems_of(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return what pydantic found wrong as problems, with paths such as `stages[2].probability`."""
    found: list[Problem] = []
    for detail in error.errors(include_url=False):
        cause = detail.get("ctx", {}).get("error")
        if isinstance(cause, DefinitionError):
            found.extend(cause.problems)
        else:
            found.append(Problem(detail["type"], path_of(detail["loc"]), _message(detail, model)))
    return found


def path_of(location: tuple[int | str, ...]) -> str:
    """Return a pydantic location as a path: `("stages", 2, "key")` is `stages[2].key`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _message(detail: ErrorDetails, model: type[BaseModel]) -> str:
    name = str(detail["loc"][-1]) if detail["loc"] else ""
    if detail["type"] == "extra_forbidden":
        return unknown("key", name, _keys_at(detail["loc"], model))
    if detail["type"] == "missing":
        return f"{name!r} is needed"
    text = detail["msg"].removeprefix("Value error, ")
    expected = f"{text[0].lower()}{text[1:]}"
    return expected if "found" in expected else f"{expected}, found {shown(detail['input'])}"


def _keys_at(location: tuple[int | str, ...], model: type[BaseModel]) -> list[str]:
    """Return the keys that the model at this location takes."""
    for part in location[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_in(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _refuse(*_args: object, **_kwargs: object) -> NoReturn:
    raise TypeError("this is part of a definition, which is frozen: derive another definition instead")


class FrozenDict(dict[str, Any]):
    """A dict that nobody can change, since all who have the definition share it."""

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenDict, (dict(self),)


class FrozenList(list[Any]):
    """A list that nobody can change."""

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self))

    def __reduce__(self) -> tuple[object, ...]:
        return FrozenList, (list(self),)


def frozen(value: Any) -> Any:
    """Return the same data with every dict and list in it frozen, down to the last."""
    if isinstance(value, dict):
        return FrozenDict({key: frozen(part) for key, part in value.items()})
    return FrozenList(map(frozen, value)) if isinstance(value, list) else value
