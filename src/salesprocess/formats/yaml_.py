"""A process as YAML, which needs PyYAML: `pip install salesprocess[yaml]`.

Plain scalars mean what YAML 1.2 says: `no` and `on` are text, not false and true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NoReturn

import yaml

from salesprocess.formats.json_ import plain
from salesprocess.formats.loading import (
    MAX_DEPTH,
    MAX_VALUES,
    Path,
    Position,
    check_limits,
    check_nesting,
    position_at,
    process_from,
    refuse,
    text_of,
)
from salesprocess.process import SalesProcess

__all__ = ["dumps", "loads"]

# libyaml's where PyYAML was built with it; both give the same events.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# What may stand between one event and the next: text in quotes and comments, which may hold brackets, and brackets.
_AHEAD = re.compile(r"""["](?:[^"\\]|\\.)*+["]?|'[^']*+'?|\#[^\n]*+|[\[\]{}]""", re.DOTALL)
_WHOLE = re.compile(r"[-+]?[0-9]{1,100}")
_NUMBER = re.compile(r"[-+]?(\.[0-9]{1,100}|[0-9]{1,100}(\.[0-9]{0,100})?)([eE][-+]?[0-9]{1,3})?")


def loads(text: str | bytes, *, name: str = "the YAML text") -> SalesProcess:
    """Return the process that a YAML text defines; comments are ignored, `name` is what errors call the text.

    >>> process = loads('''
    ... key: short
    ... stages:
    ...   - key: talk        # the first call
    ...     exit_criteria: [{fact: budget, op: known}]
    ... ''')
    >>> print(process.initial.exit_criteria[0])
    budget is known

    Raises:
        DefinitionError: with every mistake, each with its line and column. A key given twice, a tag such as
            `!!python/object`, aliases that unfold to more than 200,000 values, and a text of more than 4 MB are
            refused too.
    """
    text = text_of(text, name)
    reader = _Reader(name)
    try:
        data = reader.read(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reader.refuse_depth_ahead(text[: mark.index] if mark else "")
        message = f"{error.problem or error.context or 'no YAML'}"
        refuse(name, "bad_yaml", message, position=None if mark is None else Position(mark.line + 1, mark.column + 1))
    except UnicodeEncodeError as error:
        position = position_at(text, error.start)
        refuse(name, "bad_yaml", f"{text[error.start]!r} is half a character", position=position)
    except yaml.YAMLError as error:
        refuse(name, "bad_yaml", str(error).partition("\n")[0])
    check_limits(data, name)
    return process_from(data, name, lambda: reader.positions)


class _Reader:
    """Builds plain data from YAML's events, and notes where each value stands.

    Events come one at a time, so that a limit is noticed before the whole text is read.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.positions: dict[Path, Position] = {}
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.count = 0
        self.depth = 0
        self.taken = 0

    def read(self, text: str) -> Any:
        """Return the data of the one document in the text."""
        self.events = self.follow(text)
        data = None
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if self.count:
                    self.refuse(event, "bad_yaml", "a definition is one document, this is a second")
                data = self.value(next(self.events), ())
        return data

    def follow(self, text: str) -> Iterator[Any]:
        """Yield the events of the text, and note how deep and how far they are."""
        events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
        for event in events:
            self.depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            self.taken = max(self.taken, event.end_mark.index)
            yield event

    def refuse_depth_ahead(self, text: str) -> None:
        """Refuse a text that is nested too deep where PyYAML read ahead and gave up before it gave an event.

        It reads a thousand characters ahead of what may be a key, and newer releases have a limit of their own.
        """
        check_nesting(text, _AHEAD, self.name, start=self.taken, depth=self.depth)

    def refuse(self, event: yaml.Event, code: str, message: str) -> NoReturn:
        """Raise a `DefinitionError` at the event's position."""
        refuse(self.name, code, message, position=_position(event))

    def value(self, event: Any, path: Path) -> Any:
        """Return the value that begins with the event."""
        self.positions.setdefault(path, _position(event))
        if len(path) >= MAX_DEPTH:
            self.refuse(event, "too_deep", f"a definition may be nested {MAX_DEPTH} deep, this one is deeper")
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event)
        before = self.count
        self.count_values(event, 1)
        if getattr(event, "tag", None) not in {None, "!"}:
            self.refuse(event, "bad_tag", f"a definition has no tags, found {event.tag!r}")
        match event:
            case yaml.ScalarEvent():
                data: Any = _scalar(event)
            case yaml.SequenceStartEvent():
                data = self.sequence(path)
            case _:
                data = self.mapping(path)
        if event.anchor:
            self.anchors[event.anchor] = (data, self.count - before)
        return data

    def count_values(self, event: yaml.Event, values: int) -> None:
        """Add to the number of values, and refuse too many."""
        self.count += values
        if self.count > MAX_VALUES:
            self.refuse(event, "too_many", f"a definition may hold {MAX_VALUES:,} values, this one unfolds to more")

    def alias(self, event: yaml.AliasEvent) -> Any:
        """Return the value of the anchor that an alias names."""
        if event.anchor not in self.anchors:
            self.refuse(event, "bad_alias", f"*{event.anchor} stands for nothing that is complete by here")
        data, size = self.anchors[event.anchor]
        self.count_values(event, size)
        return data

    def sequence(self, path: Path) -> list[Any]:
        """Return the list whose first event has been taken."""
        items: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            items.append(self.value(event, (*path, len(items))))
        return items

    def mapping(self, path: Path) -> dict[str, Any]:
        """Return the mapping whose first event has been taken."""
        members: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self.refuse(event, "bad_key", "a key is plain text")
            if event.value in members:
                self.refuse(event, "duplicate_key", f"{event.value!r} is given twice in one mapping")
            self.positions[(*path, event.value)] = _position(event)
            members[event.value] = self.value(next(self.events), (*path, event.value))
        return members


def _position(event: Any) -> Position:
    return Position(event.start_mark.line + 1, event.start_mark.column + 1)


def _scalar(event: yaml.ScalarEvent) -> str | float | bool | None:
    # Quoted and block scalars are text whatever they look like.
    return event.value if event.style in {"'", '"', "|", ">"} else _resolved(event.value)


def _resolved(text: str) -> str | float | bool | None:
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


def _quoted_if_needed(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Only in double quotes is every line break, of which YAML knows five, written as an escape.
    style = '"' if not text.isprintable() else None if _resolved(text) is text else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _quoted_if_needed)


def dumps(process: SalesProcess) -> str:
    """Return the process as YAML text without defaults; `loads` gives it back.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> loads(dumps(SEVEN_STAGE)) == SEVEN_STAGE
    True
    """
    return yaml.dump(plain(process), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
