"""A framework: a set of criteria with a name, and what a deal scores in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, overload

from salesprocess._text import shown
from salesprocess.criteria import Criterion
from salesprocess.criteria.gate import Gate, Lookup, read_path
from salesprocess.criteria.operators import is_missing
from salesprocess.errors import DealError

Step: TypeAlias = Literal["contact", "discover", "present", "propose", "close"]

_LEVELS: Final = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Score:
    """How far a deal has come in a framework: the points of each element that applies to it, from 0 to `most`."""

    framework: str
    points: Mapping[str, int]
    most: int

    @property
    def total(self) -> int:
        """The points of all elements together."""
        return sum(self.points.values())

    @property
    def out_of(self) -> int:
        """The points that there are to get."""
        return self.most * len(self.points)

    @property
    def share(self) -> float:
        """The share of the points that there are, 0 to 1."""
        return self.total / self.out_of

    @property
    def missing(self) -> tuple[str, ...]:
        """The elements short of full points, in the framework's order."""
        return tuple(key for key, points in self.points.items() if points < self.most)

    def __str__(self) -> str:
        short = (f"{key} ({self.points[key]} of {self.most})" if self.points[key] else key for key in self.missing)
        text = ", ".join(short)
        return f"{self.framework}: {self.total} of {self.out_of}" + (f"; missing: {text}" if text else "")


@dataclass(frozen=True, eq=False)
class Framework(Sequence[Criterion]):
    """A named set of criteria, in the framework's order: put it in a stage with `exit_criteria=[*BANT]`.

    `spread` says at the leaving of which step of a sale an element belongs: first contact made (`contact`), the
    problem and the people understood (`discover`), the offering shown (`present`), the offer made (`propose`), and
    decided on (`close`). `most` is what an element can score.

    >>> from salesprocess.catalog import BANT, MEDDPICC
    >>> [criterion.key for criterion in BANT]
    ['budget', 'authority', 'need', 'timeline']
    >>> [criterion.key for criterion in MEDDPICC.spread["propose"]]
    ['paper_process', 'competition']
    """

    key: str
    name: str
    criteria: tuple[Criterion, ...]
    spread: Mapping[Step, tuple[Criterion, ...]]
    most: Literal[1, 2] = 1

    def score(self, deal: Any, *, facts: Mapping[str, str] | None = None) -> Score:
        """What the deal scores. `facts` maps the framework's names to the deal's own, as in `Engine(facts=...)`.

        An element that scores up to 2 is a number of the deal: 0 unknown, 1 partial, 2 validated. `True` is 1, since
        a tick says no more than that something is there. Any other element scores 1 when its criterion is met. A
        fact that is missing scores nothing, and a criterion that does not apply to the deal is left out.

        >>> from salesprocess.catalog import BANT, MEDDIC
        >>> print(BANT.score({"budget": True, "need": True}))
        BANT: 2 of 4; missing: authority, timeline
        >>> print(MEDDIC.score({"crm": {"champion": "Ana"}}, facts={"champion": "crm.champion"}).total)
        1

        Raises:
            DealError: for a scored element that is none of 0, 1 and 2. What the deal's own attributes raise is
                passed on.
        """
        lookup = Lookup(facts or {}, {}, _utc_now)
        points = self._levels(deal, lookup) if self.most > 1 else self._met(deal, lookup)
        return Score(self.name, MappingProxyType(points), self.most)

    def _levels(self, deal: Any, lookup: Lookup) -> dict[str, int]:
        return {
            criterion.key: _level(criterion.key, read_path(deal, lookup.facts.get(criterion.key, criterion.key)))
            for criterion in self.criteria
        }

    def _met(self, deal: Any, lookup: Lookup) -> dict[str, int]:
        gate = Gate(self.criteria, lookup)
        values = gate.read_each(deal, None, None)
        points = {}
        for found in gate.findings(values, gate.judge_each(values)):
            if found.error is not None:
                raise found.error
            points[found.key] = int(found.status == "met")
        return points

    @overload
    def __getitem__(self, index: int) -> Criterion: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Criterion, ...]: ...
    def __getitem__(self, index: int | slice) -> Criterion | tuple[Criterion, ...]:
        return self.criteria[index]

    def __len__(self) -> int:
        return len(self.criteria)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _level(key: str, value: object) -> int:
    """The points that the deal itself carries for an element."""
    if is_missing(value):
        return 0
    for level in _LEVELS:
        if value == level:
            return level
    raise DealError(
        f"{key!r} is scored 0 (unknown), 1 (partial) or 2 (validated), found {shown(value)}",
        found=value,
        expected=_LEVELS,
    )
