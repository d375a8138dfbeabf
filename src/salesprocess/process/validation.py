"""Everything that can be wrong with a definition in itself, found when it is made."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from salesprocess._text import is_slug, suggestion
from salesprocess.errors import Problem
from salesprocess.process.stages import ALL_OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydantic import ValidationError

    from salesprocess.criteria import Criterion
    from salesprocess.process.process import SalesProcess
    from salesprocess.process.stages import Activity, Stage, Transition

_SLUG = "a key is small letters, digits, _ and -, and at most 100 of them"


def mistakes(process: SalesProcess) -> Iterator[Problem]:
    """Every mistake, in the order of the definition."""
    yield from _bad_key("key", process.key)
    if not any(stage.kind == "open" for stage in process.stages):
        yield Problem("no_initial_stage", "stages", "a process needs a stage of kind 'open' to start deals in")
    yield from _repeats("duplicate_stage", "stages", "key", [stage.key for stage in process.stages])
    for index, stage in enumerate(process.stages):
        yield from _in_stage(f"stages[{index}]", stage)
    keys = [stage.key for stage in process.stages]
    for index, transition in enumerate(process.transitions):
        yield from _in_transition(f"transitions[{index}]", transition, keys)
    yield from _same_move_twice(process)


def _bad_key(path: str, key: str) -> Iterator[Problem]:
    if not is_slug(key):
        yield Problem("bad_key", path, f"{key!r} is no key: {_SLUG}")


def _repeats(code: str, path: str, name: str, keys: Iterable[str]) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for index, key in enumerate(keys):
        if key in seen:
            yield Problem(code, f"{path}[{index}].{name}", f"{key!r} is the {name} of {path}[{seen[key]}] already")
        seen.setdefault(key, index)


def _in_stage(path: str, stage: Stage) -> Iterator[Problem]:
    yield from _bad_key(f"{path}.key", stage.key)
    if stage.probability is not None and not 0 <= stage.probability <= 1:
        yield Problem(
            "bad_probability", f"{path}.probability", f"a probability is from 0 to 1, found {stage.probability:g}"
        )
    if stage.time_limit is not None and stage.time_limit <= timedelta(0):
        yield Problem(
            "bad_time_limit", f"{path}.time_limit", f"a time limit is more than nothing, found {stage.time_limit}"
        )
    yield from _repeats("duplicate_activity", f"{path}.activities", "key", [a.key for a in stage.activities])
    for index, activity in enumerate(stage.activities):
        yield from _in_activity(f"{path}.activities[{index}]", activity)
    yield from _in_criteria(f"{path}.entry_criteria", stage.entry_criteria)
    yield from _in_criteria(f"{path}.exit_criteria", stage.exit_criteria)
    for index, key in enumerate(stage.starts):
        yield from _bad_key(f"{path}.starts[{index}]", key)


def _in_activity(path: str, activity: Activity) -> Iterator[Problem]:
    yield from _bad_key(f"{path}.key", activity.key)
    yield from _in_criteria(f"{path}.criteria", activity.criteria)


def _in_criteria(path: str, criteria: Iterable[Criterion]) -> Iterator[Problem]:
    criteria = list(criteria)
    for index, criterion in enumerate(criteria):
        if not criterion.key.strip():
            yield Problem("bad_key", f"{path}[{index}].key", "a criterion needs a key that says what it is about")
    for key, count in Counter(criterion.key for criterion in criteria).items():
        if count > 1:
            yield Problem(
                "duplicate_criterion", path, f"{count} criteria have the key {key!r}; name each with Criterion(key=...)"
            )


def _in_transition(path: str, transition: Transition, stages: list[str]) -> Iterator[Problem]:
    yield from _bad_key(f"{path}.trigger", transition.trigger)
    if not transition.source:
        yield Problem(
            "no_source", f"{path}.source", "a transition comes from a stage, several, or '*' for all open ones"
        )
    for source in transition.source:
        if source != ALL_OPEN:
            yield from _unknown_stage(f"{path}.source", source, stages)
    yield from _unknown_stage(f"{path}.dest", transition.dest, stages)
    for index, waived in enumerate(transition.waives):
        yield from _unknown_stage(f"{path}.waives[{index}]", waived, stages)
    yield from _in_criteria(f"{path}.criteria", transition.criteria)
    for index, key in enumerate(transition.starts):
        yield from _bad_key(f"{path}.starts[{index}]", key)


def _unknown_stage(path: str, key: str, stages: list[str]) -> Iterator[Problem]:
    if key not in stages:
        yield Problem("unknown_stage", path, f"no stage {key!r}{suggestion(key, stages)}")


def _same_move_twice(process: SalesProcess) -> Iterator[Problem]:
    seen: dict[tuple[str, str, str], int] = {}
    for index, transition in enumerate(process.transitions):
        for source in process.sources(transition):
            move = (transition.trigger, source, transition.dest)
            first = seen.setdefault(move, index)
            if first != index:
                yield Problem(
                    "duplicate_transition",
                    f"transitions[{index}]",
                    f"{move[0]!r} from {source!r} to {move[2]!r} is transitions[{first}] already",
                )


# `stages[2]` and `transitions[2]` stay, whatever is wrong inside: other parts name them.
_NAMED_BY_OTHERS = 2


def pruned(data: Any, error: ValidationError) -> Any:
    """The data without each part that the error points at; a part that lacks something goes whole."""
    # Backwards, so that an item taken out of a list moves none that is still to be taken out.
    for detail in reversed(error.errors(include_url=False)):
        path = list(detail["loc"])
        data = _without(data, path[:-1] if detail["type"] == "missing" else path, depth=1)
    return data


def _without(data: Any, path: list[int | str], depth: int) -> Any:
    if not path or not isinstance(data, dict | list | tuple):
        return data
    head, *tail = path
    changed: Any = dict(data) if isinstance(data, dict) else list(data)
    try:
        if tail:
            changed[head] = _without(changed[head], tail, depth + 1)
        elif isinstance(data, dict) or depth > _NAMED_BY_OTHERS:
            del changed[head]
    except (LookupError, TypeError):
        return data
    return changed
