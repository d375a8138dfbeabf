"""What `compare.py` measures, in one checkout: it starts this file, and asks for one measurement after another.

Only names that the library's users have are used, so that the same file measures any two checkouts. The first line
that it prints lists the measurements and says where the library was found. After that it reads names, one a line, and
answers each with the nanoseconds of one call: the least of several repeats.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

import salesprocess
from salesprocess import Engine, Hooks, SalesProcess, Stage, fact, replay
from salesprocess.assurance import always_passes, never, problems, prove
from salesprocess.catalog import SEVEN_STAGE

STAGES = 200
ROWS = 1_000_000
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
ASKED = ("need", "budget", "authority")
# About how long one repeat takes, how long all of them may take together, in nanoseconds, and how many there are.
REPEAT, ALTOGETHER = 5_000_000, 300_000_000
MOST, IMPORTS_TIMED = 15, 3

CLOCK = "process_time_ns" if "--cpu" in sys.argv else "perf_counter_ns"
now = getattr(time, CLOCK)

Run = Callable[[], object]


@dataclass(slots=True)
class Deal:
    """A host's deal that meets the gate of its stage."""

    stage: str = "qualifying"
    seq: int = 0
    need: Any = True
    budget: Any = True
    authority: Any = True


GOOD, POOR = Deal(), Deal(need=None, budget=False)


def firing(deal: Any, **options: Any) -> Run:
    """A move, made again and again: the deal is put back after each."""
    fire = Engine(SEVEN_STAGE, **options).fire
    put = partial(deal.__setitem__, "stage") if isinstance(deal, dict) else partial(setattr, deal, "stage")
    return lambda: (fire(deal, "advance"), put("qualifying"))


def three_hooks() -> Hooks[Any]:
    hooks: Hooks[Any] = Hooks()
    for phase in (hooks.before, hooks.enter, hooks.after):
        phase(lambda _event: None)
    return hooks


def asking(ask: Callable[[Engine[Any]], object]) -> Run:
    """A question to an engine, asked again and again."""
    return partial(ask, Engine(SEVEN_STAGE))


def build_seven() -> SalesProcess:
    criteria = [fact(name).is_true() for name in ASKED]
    stages = [Stage(key=f"stage_{number}", exit_criteria=criteria) for number in range(6)]
    return SalesProcess.linear(key="seven", stages=[*stages, Stage(key="won", kind="won")])


def build_large() -> SalesProcess:
    """A linear process where leaving every other stage asks for something."""
    asked = {number: fact(f"fact_{number}") >= number for number in range(0, STAGES - 2, 2)}
    stages = [Stage(key=f"stage_{number}", exit_criteria=asked.get(number, ())) for number in range(STAGES - 2)]
    stages += [Stage(key="won", kind="won"), Stage(key="lost", kind="lost")]
    return SalesProcess.linear(key="large", stages=stages, skip="forbid")


large = cache(build_large)


def a_past() -> Run:
    """The changes of a deal that goes through ten stages and is won."""
    keys = [*(f"stage_{number}" for number in range(10)), "won"]
    stages = [Stage(key=key, kind="won" if key == "won" else "open") for key in keys]
    process = SalesProcess.linear(key="past", stages=stages)
    engine, deal = Engine(process), {"stage": None}
    changes = [engine.start(deal, at=AT)]
    changes += [engine.fire(deal, to=key, at=AT + timedelta(days=day)) for day, key in enumerate(keys[1:], 1)]
    return partial(replay, process, changes)


@cache
def process_and_log() -> tuple[SalesProcess, Any]:
    """A process, and a log of moves in no order, about five a deal; most are legal."""
    from frames import PROCESS, make_log, named

    return PROCESS, named(make_log(ROWS))


def on_log(metric: str) -> Run:
    from salesprocess import frames

    process, log = process_and_log()
    return lambda: getattr(frames, metric)(process, log)


def on_deals() -> Run:
    """A table of deals, a quarter of them won, with facts that are true, false and missing."""
    import numpy as np
    import polars as pl
    from frames import GATED

    from salesprocess import frames

    random = np.random.default_rng(3)

    def drawn(*values: object) -> pl.Series:
        return pl.Series(values).gather(random.integers(0, len(values), ROWS))

    flags = {name: drawn(True, False, None) for name in ("fits", *ASKED, "signed")}
    deals = pl.DataFrame({"stage": drawn("lead", "qualified", "closing", "won"), **flags})
    return partial(frames.gate, GATED, deals.with_columns(amount=drawn(None, 500.0, 5000.0)))


# What is measured: a name, and what makes the call that is timed. The first word is what `--only` takes.
MEASUREMENTS: dict[str, Callable[[], Run]] = {
    "fire, object": lambda: firing(Deal()),
    "fire, dict": lambda: firing({"stage": "qualifying"} | dict.fromkeys(ASKED, True)),
    "fire, counted": lambda: firing(Deal(), seq="seq"),
    "fire, three hooks": lambda: firing(Deal(), hooks=three_hooks()),
    "check, allowed": lambda: asking(lambda engine: engine.check(GOOD, "advance")),
    "check, by target": lambda: asking(lambda engine: engine.check(GOOD, to="presenting")),
    "check, blocked": lambda: asking(lambda engine: engine.check(POOR, "advance")),
    "refusal, unmet": lambda: asking(lambda engine: engine.check(POOR, "advance").unmet),
    "refusal, as text": lambda: asking(lambda engine: str(engine.check(POOR, "advance"))),
    "refusal, as JSON": lambda: asking(lambda engine: engine.check(POOR, "advance").model_dump(mode="json")),
    "options": lambda: asking(lambda engine: engine.options(POOR)),
    "plan": lambda: asking(lambda engine: engine.plan(POOR, to="generating_referrals")),
    "engine, seven stages": lambda: partial(Engine, SEVEN_STAGE),
    "engine, 200 stages": lambda: partial(Engine, large()),
    "definition, seven stages": lambda: build_seven,
    "definition, 200 stages": lambda: build_large,
    "problems, 200 stages": lambda: partial(problems, large()),
    "prove, never without": lambda: partial(prove, large(), never("won", without="fact_100")),
    "prove, always passes": lambda: partial(prove, large(), always_passes("stage_100", before="won")),
    "prove, with overrides": lambda: partial(prove, large(), never("won", without="fact_100"), with_overrides=True),
    "replay": a_past,
    "frames.conform": lambda: on_log("conform"),
    "frames.funnel": lambda: on_log("funnel"),
    "frames.gate": on_deals,
}
# Imports, each timed in an interpreter of its own.
IMPORTS = {
    "import, the package": "import salesprocess",
    "import, the engine": "from salesprocess import Engine",
}


def best(run: Run) -> float:
    """Nanoseconds of one call: the least of several repeats, with the collector off."""

    def repeat(number: int) -> int:
        start = now()
        for _ in range(number):
            run()
        return now() - start

    gc.collect()
    gc.disable()
    # The first call may import something.
    once = min(repeat(1), repeat(1))
    number = max(REPEAT // once, 1)
    repeats = min(ALTOGETHER // (once * number), MOST)
    least = min((repeat(number) / number for _ in range(repeats)), default=once)
    gc.enable()
    return least


def best_import(statement: str) -> int:
    """Nanoseconds of an import: the least of several, each timed by a fresh interpreter itself."""
    code = f"from time import {CLOCK} as now; start = now()\n{statement}\nprint(now() - start)"
    return min(int(subprocess.check_output([sys.executable, "-c", code])) for _ in range(IMPORTS_TIMED))  # noqa: S603


def main() -> None:
    print(json.dumps({"library": salesprocess.__file__, "names": [*MEASUREMENTS, *IMPORTS]}), flush=True)
    for line in sys.stdin:
        name = line.strip()
        taken = best_import(IMPORTS[name]) if name in IMPORTS else best(MEASUREMENTS[name]())
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
