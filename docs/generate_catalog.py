"""Print the page of the catalog: `python docs/generate_catalog.py > docs/reference/catalog.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from salesprocess import SalesProcess, Stage, Transition, catalog

_INTRODUCTION = """\
# The catalog

Six sales processes ship with the library. They are constants that cannot be changed: to derive a process from one
makes a new one.

```python
from salesprocess import Engine, catalog

engine = Engine(catalog.get("seven_stage"))
```

```python
>>> [process.key for process in catalog.all()]
['pipeliner', 'seven_stage', 'seven_step', 'six_step', 'commercial', 'funnel']
>>> print(engine.check({"stage": "closing", "signed_at": None}, "win"))
'win' from 'closing' to 'generating_referrals' is blocked: 1 of 1 criteria is not met
  - Contract signed (signed_at): expected a value, found nothing yet
Other moves from 'closing': go_back to overcoming_objections (with a reason); lose to lost (with a reason)
```

`advance` and `win` ask for the exit criteria of the stage that they leave. In all six, a deal can be lost from any open
stage, disqualified before the first presentation, taken back one stage, and reopened into an open stage that the caller
names with `to=`: each with a reason. Stages can be skipped only where a move is listed for it.

The phase of its stages maps every process onto the same funnel: top, middle, bottom and after.

The facts in the criteria are attributes of your own deal; `Engine(process, facts={"budget": "finance.budget_ok"})`
maps them to your names. No stage has a probability: yours come from your own deals.

The criteria of a last stage say when the work there is done. No move leads further, so no move asks for them.
"""


def page() -> str:
    """Return the whole page."""
    return "\n".join([_INTRODUCTION, *(line for process in catalog.all() for line in _section(process))])


def _section(process: SalesProcess) -> Iterator[str]:
    yield f"## {process.key.upper()}: {process.name}\n"
    yield from _table(("stage", "phase", "kind", "objective", "exit criteria"), map(_stage_row, process.stages))
    details = [line for stage in process.stages for line in _details(stage)]
    if details:
        yield "\n".join([*details, ""])
    yield from _table(("move", "from", "to", "asks, besides the exit criteria", "starts"), _move_rows(process))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    rule = ("---",) * len(head)
    yield "\n".join(f"| {' | '.join(row)} |" for row in (head, rule, *rows)) + "\n"


def _stage_row(stage: Stage) -> tuple[str, ...]:
    activities = [f"{activity.name}: done has `{stage.key}.{activity.key}`" for activity in stage.activities]
    asked = "<br>".join([*activities, *map(str, stage.exit_criteria)])
    return f"`{stage.key}`", stage.phase or "", stage.kind, stage.objective or "", asked


def _details(stage: Stage) -> Iterator[str]:
    parts = [
        f"outcome: {stage.outcome}" if stage.outcome else "",
        f"tactics: {', '.join(stage.tactics)}." if stage.tactics else "",
        f"responsible: {stage.owner}." if stage.owner else "",
        f"starts: {_keys(stage.starts)}." if stage.starts else "",
    ]
    text = " ".join(part[0].upper() + part[1:] for part in parts if part)
    if text:
        yield f"- `{stage.key}`: {text}"


def _move_rows(process: SalesProcess) -> Iterator[tuple[str, ...]]:
    """Yield one row for the moves that differ only in their target."""
    targets: dict[tuple[str, ...], list[str]] = {}
    for transition in process.transitions:
        sources = _keys(process.sources(transition))
        row = (f"`{transition.trigger}`", sources, _asks(transition), _starts(transition))
        targets.setdefault(row, []).append(transition.dest)
    for (trigger, sources, asks, starts), keys in targets.items():
        yield trigger, sources, _keys(keys), asks, starts


def _asks(transition: Transition) -> str:
    asks = [str(criterion) for criterion in transition.criteria]
    asks += [f"not the criteria of {_keys(transition.waives)}"] if transition.waives else []
    return "<br>".join([*asks, *(["a reason"] if transition.needs_reason else [])])


def _starts(transition: Transition) -> str:
    facts = ", ".join(f"{name} {value!r}" for name, value in transition.start_facts.items())
    return _keys(transition.starts) + (f" with {facts}" if facts else "")


def _keys(keys: Iterable[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


if __name__ == "__main__":
    sys.stdout.write(page())
