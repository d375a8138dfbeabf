"""What can be wrong with a definition in itself, found when it is made."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from salesprocess._text import is_slug, unknown
from salesprocess.errors import Problem
from salesprocess.process.stages import ALL_OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pydantic import ValidationError

    from salesprocess.criteria import Criterion
    from salesprocess.process.process import SalesProcess
    from salesprocess.process.stages import Stage, Transition


def mistakes(process: SalesProcess) -> Iterator[Problem]:
    """Yield every mistake, in the order of the definition."""
    yield from _bad_key("key", process.key)
    if not any(stage.kind == "open" for stage in process.stages):
        yield Problem("no_initial_stage", "stages", "a process needs a stage of kind 'open' to start deals in")
    keys = [stage.key for stage in process.stages]
    yield from _duplicates("stage", "stages", keys)
    for index, stage in enumerate(process.stages):
        yield from _of_stage(f"stages[{index}]", stage)
    for index, transition in enumerate(process.transitions):
        yield from _of_transition(f"transitions[{index}]", transition, keys)
    yield from _duplicate_moves(process)


def _of_stage(path: str, stage: Stage) -> Iterator[Problem]:
    yield from _bad_key(f"{path}.key", stage.key)
    if stage.probability is not None and not 0 <= stage.probability <= 1:
        message = f"a probability is from 0 to 1, found {stage.probability:g}"
        yield Problem("bad_probability", f"{path}.probability", message)
    if stage.time_limit is not None and stage.time_limit <= timedelta(0):
        message = f"a time limit is longer than nothing, found {stage.time_limit}"
        yield Problem("bad_time_limit", f"{path}.time_limit", message)
    yield from _duplicates("activity", f"{path}.activities", [activity.key for activity in stage.activities])
    for index, activity in enumerate(stage.activities):
        yield from _bad_key(f"{path}.activities[{index}].key", activity.key)
        yield from _of_criteria(f"{path}.activities[{index}].criteria", activity.criteria)
    yield from _of_criteria(f"{path}.entry_criteria", stage.entry_criteria)
    yield from _of_criteria(f"{path}.exit_criteria", stage.exit_criteria)
    for index, key in enumerate(stage.starts):
        yield from _bad_key(f"{path}.starts[{index}]", key)


def _of_transition(path: str, transition: Transition, stages: Sequence[str]) -> Iterator[Problem]:
    yield from _bad_key(f"{path}.trigger", transition.trigger)
    if not transition.source:
        message = "a transition comes from a stage, several, or '*' for all open ones"
        yield Problem("no_source", f"{path}.source", message)
    named = [(f"{path}.source", source) for source in transition.source if source != ALL_OPEN]
    named.append((f"{path}.dest", transition.dest))
    named += [(f"{path}.waives[{index}]", waived) for index, waived in enumerate(transition.waives)]
    for place, key in named:
        if key not in stages:
            yield Problem("unknown_stage", place, unknown("stage", key, stages))
    yield from _of_criteria(f"{path}.criteria", transition.criteria)
    for index, key in enumerate(transition.starts):
        yield from _bad_key(f"{path}.starts[{index}]", key)


def _of_criteria(path: str, criteria: Sequence[Criterion]) -> Iterator[Problem]:
    for index, criterion in enumerate(criteria):
        if not criterion.key.strip():
            yield Problem("bad_key", f"{path}[{index}].key", "a criterion needs a key that says what it is about")
    for key, count in Counter(criterion.key for criterion in criteria).items():
        if count > 1:
            message = f"{count} criteria have the key {key!r}; name each with Criterion(key=...)"
            yield Problem("duplicate_criterion", path, message)


def _bad_key(path: str, key: str) -> Iterator[Problem]:
    if not is_slug(key):
        message = f"bad key {key!r}: a key has small letters, digits, _ and - only, and at most 100 of them"
        yield Problem("bad_key", path, message)


def _duplicates(what: str, path: str, keys: Iterable[str]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for index, key in enumerate(keys):
        if first.setdefault(key, index) != index:
            message = f"{key!r} is the key of {path}[{first[key]}] already"
            yield Problem(f"duplicate_{what}", f"{path}[{index}].key", message)


def _duplicate_moves(process: SalesProcess) -> Iterator[Problem]:
    first: dict[tuple[str, str, str], int] = {}
    for index, transition in enumerate(process.transitions):
        for source in process.sources(transition):
            same = first.setdefault((transition.trigger, source, transition.dest), index)
            if same != index:
                message = (
                    f"{transition.trigger!r} from {source!r} to {transition.dest!r} is transitions[{same}] already"
                )
                yield Problem("duplicate_transition", f"transitions[{index}]", message)


# `stages[2]` and `transitions[2]` stay, whatever is wrong inside: other parts name them.
_NAMED_BY_OTHERS = 2


def pruned(data: Any, error: ValidationError) -> Any:
    """Return the data without each part that the error points at; a part that lacks something goes whole."""
    # Backwards, so that an item taken out of a list moves none that is still to be taken out.
    for detail in reversed(error.errors(include_url=False)):
        path = list(detail["loc"])
        data = _without(data, path[:-1] if detail["type"] == "missing" else path, depth=1)
    return data


def _without(data: Any, path: list[int | str], depth: int) -> Any:
    if not path or not isinstance(data, dict | list | tuple):
        return data
    head, *tail = path
    rest: Any = dict(data) if isinstance(data, dict) else list(data)
    try:
        if tail:
            rest[head] = _without(rest[head], tail, depth + 1)
        elif isinstance(data, dict) or depth > _NAMED_BY_OTHERS:
            del rest[head]
    except (LookupError, TypeError):
        return data
    return rest
