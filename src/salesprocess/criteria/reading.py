"""The facts of a host's deal: attributes of objects and keys of mappings, joined with dots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import getattr_static
from operator import attrgetter, itemgetter
from types import MemberDescriptorType
from typing import Any, Final, TypeAlias

from salesprocess.criteria.comparing import is_routine, what_is_called

Values: TypeAlias = tuple[Any, ...]
ReadersByClass: TypeAlias = dict[type, Callable[[Any], Values]]

_MOST_CLASSES: Final = 256


class _MappingClasses(dict[type, bool]):
    def __missing__(self, kind: type) -> bool:
        # Bounded, since it keeps classes alive, and a host may make more of them all the time.
        if len(self) >= _MOST_CLASSES:
            self.clear()
        self[kind] = found = issubclass(kind, Mapping)
        return found


# Whether instances of a class are mappings. Asking `Mapping` itself each time takes five times as long.
is_mapping_class: Final[Callable[[type], bool]] = _MappingClasses().__getitem__


class Unreadable:
    """Stands for a value that could not be read; `error` is what the host's deal raised."""

    __slots__ = ("error",)

    def __init__(self, error: Exception) -> None:
        self.error: Exception = error


class Incomplete(tuple[Any, ...]):
    """Values with an `Unreadable` among them: to look at that one is to get the exception that its reading raised."""

    __slots__ = ()

    def __getitem__(self, at: Any) -> Any:
        value = tuple.__getitem__(self, at)
        if isinstance(value, Unreadable):
            raise value.error
        return value


def as_values(values: Sequence[Any]) -> Values:
    """Return what was read of a deal as a tuple, `Incomplete` where something could not be read."""
    return Incomplete(values) if Unreadable in map(type, values) else tuple(values)


def read_path(owner: Any, path: str) -> Any:
    """Return the value at a dotted path over attributes and keys, `None` where a part is missing.

    A mapping is read by key alone, whatever attributes it has. An exception of the host's own property or mapping is
    passed on.

    Raises:
        TypeError: for a path that goes on behind a method or a manager, where no facts are kept.
    """
    for name in path.split("."):
        if owner is None:
            return None
        if is_routine(owner):
            raise TypeError(f"{path!r} goes through {what_is_called(owner)}, which holds no facts")
        if is_mapping_class(owner.__class__):
            owner = owner.get(name)
            continue
        try:
            owner = getattr(owner, name)
        except AttributeError:
            if _has(owner, name):
                raise
            return None
    return owner


def _has(owner: Any, name: str) -> bool:
    # A slot never filled and a name never given are missing; a property that raises is broken.
    return not isinstance(getattr_static(owner, name, None), MemberDescriptorType | None)


def fact_reader(names: Sequence[str]) -> tuple[Callable[[Any, object, object], Values], ReadersByClass]:
    """Return a function that reads these attributes or keys of a deal, each once, and never raises.

    With it comes its table of readers for the classes of deals seen so far, for a caller in a hurry: these raise where
    a name is missing.

    A dict, and an object whose attributes run no code of the host's, is read in one look. Where that fails, looking
    again at each does no harm; all other deals are read one name after the other.
    """
    getters = [(name, attrgetter(name)) for name in names]
    readers: ReadersByClass = {}

    def read(deal: Any, _context: object, _at: object) -> Values:
        try:
            return readers[deal.__class__](deal)
        except Exception:  # noqa: BLE001 - a class that is new, or a name that is missing
            return read_each(deal)

    def read_each(deal: Any) -> Values:
        kind = deal.__class__
        is_mapping = is_mapping_class(kind)
        if kind not in readers and len(readers) < _MOST_CLASSES:
            readers[kind] = _reader_at_once(kind, names) or read_each
        values = []
        for name, get in getters:
            try:
                values.append(deal.get(name) if is_mapping else get(deal))
            except Exception as error:  # noqa: BLE001 - becomes the finding's error
                is_broken = is_mapping or not isinstance(error, AttributeError) or _has(deal, name)
                values.append(Unreadable(error) if is_broken else None)
        return as_values(values)

    return read, readers


def _reader_at_once(kind: type, names: Sequence[str]) -> Callable[[Any], Values] | None:
    if kind is dict:
        get: Callable[[Any], Any] = itemgetter(*names)
    elif not is_mapping_class(kind) and all(is_plain_attribute(kind, name) for name in names):
        get = attrgetter(*names)
    else:
        return None
    return get if len(names) > 1 else lambda deal: (get(deal),)


def is_plain_attribute(kind: type, name: str) -> bool:
    """Return whether reading the attribute runs no code of the host's."""
    if getattr_static(kind, "__getattribute__") is not object.__getattribute__ or hasattr(kind, "__getattr__"):
        return False
    found = getattr_static(kind, name, None)
    return isinstance(found, MemberDescriptorType) or not hasattr(found, "__get__")
