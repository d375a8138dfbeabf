"""How long `problems` and `diff` take on a large process: 200 stages, 2,000 transitions, 1,000 criteria.

Run with `python benchmarks/assurance.py`; every time is the best of three.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import make_dataclass
from itertools import pairwise
from typing import Any

from salesprocess import Criterion, SalesProcess, Stage, Transition, fact
from salesprocess.assurance import diff, problems

STAGES, TRANSITIONS, CRITERIA, FACTS = 200, 2_000, 1_000, 300


def rule_on(rng: random.Random, name: str) -> Any:
    amount = fact(name)
    return rng.choice(
        [
            amount >= rng.randint(0, 50),
            amount < rng.randint(60, 100),
            (amount > rng.randint(0, 40)) | (amount < 0),
            ~(amount < rng.randint(0, 50)),
        ]
    )


def large_process(*, cumulative: bool = False, seed: int = 1) -> SalesProcess:
    rng = random.Random(seed)
    per_stage = CRITERIA // STAGES
    keys = [f"stage_{number}" for number in range(STAGES - 2)]
    stages = [
        Stage(
            key=key,
            exit_criteria=[
                Criterion(key=f"{key}_{number}", rule=rule_on(rng, f"fact_{rng.randrange(FACTS)}"))
                for number in range(per_stage)
            ],
        )
        for key in keys
    ]
    stages += [Stage(key="won", kind="won"), Stage(key="lost", kind="lost")]
    moves = {("advance", left, right) for left, right in zip(keys, [*keys[1:], "won"], strict=True)}
    moves |= {("lose", key, "lost") for key in keys} | {("back", right, left) for left, right in pairwise(keys)}
    while len(moves) < TRANSITIONS:
        left, right = sorted(rng.sample(range(len(keys)), 2))
        moves.add((f"jump_{right}", keys[left], keys[right]))
    transitions = [Transition(trigger=trigger, source=source, dest=dest) for trigger, source, dest in sorted(moves)]
    return SalesProcess(key="large", stages=stages, transitions=transitions, cumulative=cumulative)


def best_of_three(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    process, cumulative = large_process(), large_process(cumulative=True)
    deal = make_dataclass("Deal", [(f"fact_{number}", int) for number in range(FACTS)])
    newer = process.require("stage_7", fact("fact_1") > 1).with_version(2)
    for name, run in {
        "problems": lambda: problems(process),
        "problems, with a deal type": lambda: problems(process, deal),
        "problems, cumulative": lambda: problems(cumulative),
        "diff": lambda: diff(process, newer),
    }.items():
        print(f"{name:30} {best_of_three(run):6.2f} s")


if __name__ == "__main__":
    main()
