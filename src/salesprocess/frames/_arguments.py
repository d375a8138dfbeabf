"""Checks of arguments, made before any row is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias, TypeVar

from salesprocess._text import shown, suggestion
from salesprocess.errors import DealError

By: TypeAlias = "str | Sequence[str]"
Progress: TypeAlias = Callable[[Sequence[Any]], Iterable[Any]]
StepT = TypeVar("StepT")


def check_choices(**choices: tuple[object, Sequence[str]]) -> None:
    """Refuse arguments, each given with the values that it may have, and name the nearest value.

    Raises:
        DealError: for the first one that is not among its values.
    """
    for name, (value, known) in choices.items():
        if value not in known:
            raise DealError(f"unknown {name} {value!r}{suggestion(value, known)}", found=value, expected=known)


def check_share(name: str, value: object) -> None:
    """Refuse what is not a share from 0 to 1, such as a percentage.

    Raises:
        DealError: with an example.
    """
    if isinstance(value, int | float) and 0 <= value <= 1:
        return
    raise DealError(f"{name} is a share from 0 to 1, such as 0.9 for nine in ten; found {shown(value)}", found=value)


def check_days(name: str, days: object) -> list[int]:
    """Return numbers of whole days, each once.

    Raises:
        DealError: for anything except a list of positive whole numbers.
    """
    found = list(days) if isinstance(days, Iterable) and not isinstance(days, str) else []
    if found and all(isinstance(each, int) and each > 0 for each in found):
        return list(dict.fromkeys(found))
    raise DealError(f"{name} is several numbers of whole days, such as [30, 90]; found {shown(days)}", found=days)


def several(names: str | Iterable[str]) -> list[str]:
    """Return the names as a list, each once."""
    return [names] if isinstance(names, str) else list(dict.fromkeys(names))


def names_of(by: By, *taken: str) -> list[str]:
    """Return the columns to group by; `taken` are the names of the other columns of the result.

    Raises:
        DealError: for a name that the result would have twice, or one of those that the metrics use inside.
    """
    names = several(by)
    for name in names:
        if name in taken:
            raise DealError(f"by={name!r}: the result has a column of that name itself; rename the log's", found=name)
        if name.startswith("_"):
            raise DealError(f"by={name!r}: names that begin with _ are in use inside; rename the column", found=name)
    return names


def followed(steps: Sequence[StepT], progress: Progress | None) -> Iterable[StepT]:
    """Return the steps, passed through `progress` where it is given."""
    return steps if progress is None else progress(steps)
