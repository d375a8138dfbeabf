"""Two checkouts of the library, measured in one run: how much slower or faster the second is.

    python benchmarks/compare.py --before ../old [--after .] [--only fire,check] [--rounds 9] [--cpu]

A checkout is measured with the Python of its own `.venv`, or with the one that runs this, if it has none. In each round
both get a fresh process and take turns, measurement by measurement, the other one first in every second round: what
else the machine does in a moment hits both. Polars gets one thread. On a busy machine, `--cpu` takes processor time in
place of the clock's, which waiting for a core does not lengthen. A ratio is after/before, so less than 1 is faster.
Printed are the least time before and after, the ratio of these two, and the median, least and greatest of the ratios
of the rounds. Compare a checkout with itself to see what is noise.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).resolve().parent
UNITS = {"s": 1e9, "ms": 1e6, "us": 1e3, "ns": 1.0}


class Worker:
    """A process that measures one checkout, one measurement at a time, when it is asked to."""

    def __init__(self, checkout: Path, seed: int, options: list[str]) -> None:
        python = checkout / ".venv" / "bin" / "python"
        env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        env |= {"PYTHONPATH": str(checkout / "src"), "PYTHONHASHSEED": str(seed), "POLARS_MAX_THREADS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - our own script
            [python if python.exists() else sys.executable, HERE / "compare_worker.py", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        hello = self._answer()
        self.names: list[str] = hello["names"]
        if not Path(hello["library"]).resolve().is_relative_to(checkout):
            raise SystemExit(f"{checkout} was to be measured, found {hello['library']}")

    def measure(self, name: str) -> float:
        """Nanoseconds."""
        assert self._process.stdin is not None  # noqa: S101
        print(name, file=self._process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> Any:
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("a worker ended early: what it said is above")
        return json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()


def chosen(names: list[str], only: str | None) -> list[str]:
    """The measurements whose names begin with one of the words; all, if there are none."""
    if only is None:
        return names
    words = only.split(",")
    strangers = [word for word in words if not any(name.startswith(word) for name in names)]
    if strangers:
        raise SystemExit(f"nothing to measure begins with {', '.join(strangers)}: there are {'; '.join(names)}")
    return [name for name in names if name.startswith(tuple(words))]


def compared(
    before: Path, after: Path, rounds: int, only: str | None, options: list[str]
) -> dict[str, list[tuple[float, float]]]:
    """Nanoseconds before and after by measurement, one pair a round."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        with Worker(before, number, options) as one, Worker(after, number, options) as other:
            for name in chosen(one.names, only):
                if number % 2:
                    now, then = other.measure(name), one.measure(name)
                else:
                    then, now = one.measure(name), other.measure(name)
                pairs.setdefault(name, []).append((then, now))
    return pairs


def shown(nanoseconds: float) -> str:
    unit, size = next((unit, size) for unit, size in UNITS.items() if nanoseconds >= size)
    return f"{nanoseconds / size:.3g} {unit}"


def main() -> None:
    parser = argparse.ArgumentParser(description="Two checkouts of the library, measured in one run.")
    parser.add_argument("--before", type=Path, required=True, help="the checkout to compare with")
    parser.add_argument("--after", type=Path, default=HERE.parent, help="the checkout to compare; this one if left out")
    parser.add_argument("--only", help="the first words of what to measure, with commas: fire,check")
    parser.add_argument("--rounds", type=int, default=9, help="how often everything is measured")
    parser.add_argument("--cpu", action="store_true", help="take processor time in place of the clock's")
    given = parser.parse_args()
    options = ["--cpu"] if given.cpu else []
    pairs = compared(given.before.resolve(), given.after.resolve(), given.rounds, given.only, options)
    print(f"{'':26}{'before':>9}{'after':>9}{'of least':>10}{'median':>8}{'min':>7}{'max':>7}")
    for name, times in pairs.items():
        least_before, least_after = (min(side) for side in zip(*times, strict=True))
        ratios = [now / then for then, now in times]
        figures = f"{statistics.median(ratios):8.3f}{min(ratios):7.2f}{max(ratios):7.2f}"
        print(f"{name:26}{shown(least_before):>9}{shown(least_after):>9}{least_after / least_before:10.3f}{figures}")


if __name__ == "__main__":
    main()
