"""The meaning of a process on file, so that a change of it is seen in review and never slips in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from salesprocess._text import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from salesprocess.process import SalesProcess

__all__ = ["assert_unchanged"]

_NOTHING = object()


def assert_unchanged(process: SalesProcess, path: Path, *, update: bool = False) -> None:
    """The process has the fingerprint that is on file; with `update`, it is put on file as it is.

    Names and guidance may change: a fingerprint is blind to them.

    Raises:
        AssertionError: with each place that changed, or if there is no such file yet.
    """
    __tracebackhide__ = True
    if update:
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = {"fingerprint": process.fingerprint, "process": process.model_dump(mode="json", exclude_defaults=True)}
        path.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
        return
    how = "to accept it, run pytest with --process-snapshot-update, or assert_unchanged(..., update=True)"
    if not path.exists():
        raise AssertionError(f"process {process.key!r} has no snapshot at {path}; {how}")
    stored = json.loads(path.read_text(encoding="utf-8"))
    if stored["fingerprint"] == process.fingerprint:
        return
    now = process.model_dump(mode="json", exclude_defaults=True)
    lines = [f"process {process.key!r} means something else than its snapshot {path.name}; {how}"]
    raise AssertionError("\n".join([*lines, *(f"  - {change}" for change in changes(stored["process"], now))]))


def changes(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Each place in which two definitions differ, as plain data; stages and criteria are matched by key."""
    if old is _NOTHING:
        yield f"{path} is new: {shown(new)}"
    elif new is _NOTHING:
        yield f"{path} is gone: {shown(old)}"
    elif isinstance(old, list) and isinstance(new, list) and any(map(_key, [*old, *new])):
        yield from changes(_by_key(old), _by_key(new), path)
    elif isinstance(old, dict) and isinstance(new, dict) and "op" not in {*old, *new}:
        for name in dict.fromkeys([*old, *new]):
            inner = f"{path}[{name.removeprefix('#')}]" if name.startswith("#") else f"{path}.{name}".lstrip(".")
            yield from changes(old.get(name, _NOTHING), new.get(name, _NOTHING), inner)
        if list(old) != list(new) and set(old) == set(new) and all(name.startswith("#") for name in old):
            yield f"{path} is in another order: {', '.join(name.removeprefix('#') for name in new)}"
    elif old != new:
        yield f"{path}: was {shown(old)}, is {shown(new)}"


def _key(item: Any) -> str | None:
    """What tells a part from its neighbours: its key, or for a transition its trigger and stages."""
    if not isinstance(item, dict):
        return None
    if "trigger" in item:
        return f"{item['trigger']}: {', '.join(item['source'])} > {item['dest']}"
    return item.get("key")


def _by_key(items: list[Any]) -> dict[str, Any]:
    return {f"#{_key(item) or index}": item for index, item in enumerate(items)}
