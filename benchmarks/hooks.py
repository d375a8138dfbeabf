"""What hooks and histories cost. Prints a Markdown table.

Run with `python benchmarks/hooks.py [deal_changes.csv]`. The file is a log of stage changes with the columns deal_id,
change_time, changed_field_key and new_value; without one, a log of the same size is made.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from salesprocess import Engine, Hooks, SalesProcess, Stage, Transition
from salesprocess.catalog import SEVEN_STAGE
from salesprocess.history import History, ImportedLog, read_changes, replay

MOVES = 2_000
ROUNDS = 15
DEALS = 2_000
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
STAGES = {str(number): f"s{number}" for number in range(1, 10)}
NINE = SalesProcess.linear(
    key="nine",
    stages=[*(Stage(key=key) for key in STAGES.values()), Stage(key="won", kind="won")],
    transitions=[Transition(trigger="lose", source="*", dest="lost")],
)


def median(run: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Seconds."""
    times = []
    for _ in range(rounds):
        gc.collect()
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def four_hooks(hook: Callable[[Any], Any]) -> Hooks[Any]:
    hooks: Hooks[Any] = Hooks()
    for phase in (hooks.before, hooks.exit, hooks.enter, hooks.after):
        phase(hook)
    return hooks


def plain(_event: object) -> None: ...


async def later(_event: object) -> None: ...


def time_moves(hooks: Hooks[Any] | None, *, awaits: bool = False) -> float:
    """Microseconds for one forward move through a gate of three criteria."""
    engine: Engine[Any] = Engine(SEVEN_STAGE, hooks=hooks)
    deal = SimpleNamespace(stage="qualifying", need=True, budget=True, authority=True)

    def fire_all() -> None:
        for _ in range(MOVES):
            engine.fire(deal, "advance", at=AT)
            deal.stage = "qualifying"

    async def afire_all() -> None:
        for _ in range(MOVES):
            await engine.afire(deal, "advance", at=AT)
            deal.stage = "qualifying"

    return median((lambda: asyncio.run(afire_all())) if awaits else fire_all) / MOVES * 1e6


def generated() -> Iterator[Mapping[str, str]]:
    """A log about as large as the public one: 2,000 deals and 8,900 stage changes, a third of them skips."""
    draw = random.Random(2026)
    for deal in range(DEALS):
        moment, stage = AT + timedelta(minutes=deal), 1
        yield {"deal_id": str(deal), "change_time": str(moment), "changed_field_key": "add_time", "new_value": ""}
        while stage <= len(STAGES):
            row = {"deal_id": str(deal), "change_time": str(moment)}
            yield row | {"changed_field_key": "stage_id", "new_value": str(stage)}
            moment += timedelta(days=draw.randint(1, 30))
            stage += draw.choices([1, 2, 3, 9], weights=[57, 20, 8, 15])[0]


def read(log: str | Iterable[Mapping[str, str]]) -> ImportedLog:
    return read_changes(
        log,
        NINE,
        stage="new_value",
        at="change_time",
        stages=STAGES,
        zone=UTC,
        keep=lambda row: row["changed_field_key"] == "stage_id",
        begins=lambda row: row["changed_field_key"] == "add_time",
    )


def size_of(make: Callable[[], object]) -> int:
    """Bytes that what is made holds."""
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    size = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    del made
    return size


def rows_of_moves() -> Iterator[tuple[str, str]]:
    for name, hooks, awaits in [
        ("`fire`, no hooks", None, False),
        ("`fire`, four hooks", four_hooks(plain), False),
        ("`afire`, no hooks", None, True),
        ("`afire`, four plain hooks", four_hooks(plain), True),
        ("`afire`, four async hooks", four_hooks(later), True),
    ]:
        yield name, f"{time_moves(hooks, awaits=awaits):.1f} us"


def rows_of_histories(log: str | list[Mapping[str, str]]) -> Iterator[tuple[str, str]]:
    imported = read(log)
    histories = list(imported.histories.values())
    changes = sum(map(len, histories))
    what = f"{len(histories):,} deals, {changes:,} changes"
    stored = json.dumps([history.model_dump(mode="json") for history in histories])
    yield f"`read_changes`: {what}", f"{median(lambda: read(log), 5) * 1e3:.0f} ms"
    seconds = median(lambda: [replay(NINE, history) for history in histories])
    yield f"`replay`: {what}", f"{seconds * 1e3:.0f} ms, {seconds / changes * 1e6:.1f} us a change"
    size = size_of(lambda: [History(NINE, list(history)) for history in read(log).histories.values()])
    yield "memory of a history, a change, as imported", f"{size / changes:.0f} bytes"
    size = size_of(lambda: [History(NINE, each) for each in json.loads(stored)])
    yield "memory of a history, a change, loaded from JSON", f"{size / changes:.0f} bytes"


def main() -> None:
    log: str | list[Mapping[str, str]] = sys.argv[1] if len(sys.argv) > 1 else list(generated())
    print("| what | median |")
    print("|---|---:|")
    for name, value in [*rows_of_moves(), *rows_of_histories(log)]:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
