"""An absorbing Markov chain over the stages: the chance of a win from each, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Final, NamedTuple, TypeAlias

State: TypeAlias = int
Counts: TypeAlias = Mapping[State, Mapping[State, float]]
Chances: TypeAlias = dict[State, float]

WIN: Final = -10
LOSS: Final = -11


class Chance(NamedTuple):
    """A probability of winning, and the ends of its credible interval."""

    mean: float
    low: float
    high: float


def chances(weights: Counts) -> Chances:
    """Return the chance of ending in `WIN` from each state, for moves with these weights: (I - Q) p = r, solved for p.

    Kemeny and Snell, Finite Markov Chains (1960), theorem 3.3.7. Every state must have a way to an end.
    """
    states = list(weights)
    rows = [_equation(state, states, weights[state]) for state in states]
    return dict(zip(states, _solved(rows), strict=True))


def _equation(state: State, states: list[State], ways: Mapping[State, float]) -> list[float]:
    total = sum(ways.values())
    row = [float(state == other) - ways.get(other, 0.0) / total for other in states]
    return [*row, ways.get(WIN, 0.0) / total]


def _solved(rows: list[list[float]]) -> list[float]:
    """Solve the system by Gauss-Jordan elimination with the largest pivot; it has a few dozen rows at most."""
    size = len(rows)
    for column in range(size):
        pivot = max(range(column, size), key=lambda index: abs(rows[index][column]))
        rows[column], rows[pivot] = rows[pivot], rows[column]
        scale = rows[column][column]
        rows[column] = [value / scale for value in rows[column]]
        for index in range(size):
            factor = rows[index][column]
            if index != column and factor:
                rows[index] = [a - factor * b for a, b in zip(rows[index], rows[column], strict=True)]
    return [row[size] for row in rows]


def drawn(weights: Counts, draws: int, seed: int) -> Iterator[Chances]:
    """Yield chances of winning for transition probabilities drawn from the Dirichlet distribution of the weights."""
    random = Random(seed)  # noqa: S311 - a simulation that must repeat, not a secret
    for _ in range(draws):
        yield chances(
            {
                state: {way: random.gammavariate(weight, 1.0) + 1e-300 for way, weight in ways.items()}
                for state, ways in weights.items()
            }
        )


def quantile(values: list[float], share: float) -> float:
    """Return the value below which this share lies, by linear interpolation."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def credible(weights: Counts, *, draws: int, interval: float, seed: int) -> dict[State, Chance]:
    """Return the chance of winning from each state with the middle `interval` of its posterior."""
    samples = list(drawn(weights, draws, seed))
    means, edge = chances(weights), (1 - interval) / 2
    return {
        state: Chance(
            means[state],
            quantile([sample[state] for sample in samples], edge),
            quantile([sample[state] for sample in samples], 1 - edge),
        )
        for state in weights
    }
