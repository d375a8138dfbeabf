"""Values of the library as types that pydantic and FastAPI can use: as fields, in responses, with JSON Schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import create_model
from pydantic_core import core_schema

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


class Dumped:
    """A value that pydantic writes as its `model_dump`, with the JSON Schema of that.

    A subclass says with `_dump_fields` what its dump has, and with `_loaded` what a field accepts.
    """

    __slots__ = ()

    @classmethod
    def _dump_fields(cls) -> dict[str, Any]:
        """Return the type of each key of the dump."""
        raise NotImplementedError

    @classmethod
    def _loaded(cls, value: object) -> Any:
        """Return the value itself.

        Raises:
            ValueError: for anything else, its own dump included.
        """
        if isinstance(value, cls):
            return value
        message = f"a {cls.__name__} is made by an engine: it cannot be loaded from its dump"
        raise ValueError(message)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> core_schema.CoreSchema:
        dump = core_schema.plain_serializer_function_ser_schema(
            lambda value, info: value.model_dump(mode=info.mode), info_arg=True
        )
        return core_schema.no_info_plain_validator_function(cls._loaded, serialization=dump)

    @classmethod
    def __get_pydantic_json_schema__(
        cls, _schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        fields: dict[str, Any] = {name: (annotation, ...) for name, annotation in cls._dump_fields().items()}
        model = create_model(cls.__name__, __doc__=(cls.__doc__ or "").partition("\n")[0], **fields)
        return handler(model.__pydantic_core_schema__)
