"""What the attributes of a class are without an annotation: methods, related managers, and what an ORM maps."""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import partialmethod
from inspect import getattr_static
from typing import Any, Final

from salesprocess.criteria.comparing import is_manager

_METHODS: Final = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodDescriptorType, types.WrapperDescriptorType),
    *(staticmethod, classmethod, partialmethod),
)


def is_queried(owner: type, name: str) -> bool:
    """Return whether an attribute gives a manager of Django, or a query of SQLAlchemy, in place of values."""
    mapper: Any = getattr(owner, "__mapper__", None)
    relationships: Mapping[str, Any] = getattr(mapper, "relationships", {})
    if name in relationships:
        return relationships[name].lazy in {"dynamic", "write_only"}
    attribute = getattr_static(owner, name, None)
    return hasattr(attribute, "related_manager_cls") or is_manager(type(attribute))


def what_is_called_in(owner: type, name: str) -> str | None:
    """Return in words what an attribute without an annotation is, if it gives a value only when it is called."""
    attribute = getattr_static(owner, name, None)
    return "a method" if isinstance(attribute, _METHODS) else "a class" if isinstance(attribute, type) else None


def mapped_names(owner: type) -> list[str]:
    """Return the names of the attributes that Django or SQLAlchemy maps for a class."""
    options: Any = getattr(owner, "_meta", None)
    mapper: Any = getattr(owner, "__mapper__", None)
    if hasattr(mapper, "all_orm_descriptors"):
        return [str(name) for name in mapper.all_orm_descriptors.keys()]  # noqa: SIM118 - no mapping
    fields = options.get_fields() if hasattr(options, "get_fields") else ()
    return [name for field in fields for name in (field.name, getattr(field, "attname", field.name))]
