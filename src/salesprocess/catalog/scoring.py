"""A qualification framework: a set of criteria with a name, and what a deal scores in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, overload

from salesprocess._text import shown
from salesprocess.criteria import Criterion
from salesprocess.criteria.comparing import is_missing
from salesprocess.criteria.gate import Gate, Sources
from salesprocess.criteria.reading import read_path
from salesprocess.errors import DealError

SaleStep: TypeAlias = Literal["contact", "discover", "present", "propose", "close"]

_LEVELS: Final = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class Score:
    """What a deal scores in a framework: the points of each element that applies to it, from 0 to `most`."""

    framework: str
    points: Mapping[str, int]
    most: int

    @property
    def total(self) -> int:
        """The sum of the points of all elements."""
        return sum(self.points.values())

    @property
    def out_of(self) -> int:
        """The highest total that is possible."""
        return self.most * len(self.points)

    @property
    def share(self) -> float:
        """The total as a share of the highest one, 0 to 1."""
        return self.total / self.out_of

    @property
    def missing(self) -> tuple[str, ...]:
        """The elements that lack points, in the framework's order."""
        return tuple(key for key, points in self.points.items() if points < self.most)

    def __str__(self) -> str:
        short = (f"{key} ({self.points[key]} of {self.most})" if self.points[key] else key for key in self.missing)
        text = ", ".join(short)
        return f"{self.framework}: {self.total} of {self.out_of}" + (f"; missing: {text}" if text else "")


@dataclass(frozen=True, eq=False)
class Framework(Sequence[Criterion]):
    """A named set of criteria, in the framework's order: put it in a stage with `exit_criteria=[*BANT]`.

    `spread` has the elements by the step of a sale at whose end they are asked for: first contact made (`contact`),
    the problem and the people understood (`discover`), the offering shown (`present`), the offer made (`propose`),
    and decided on (`close`). `most` is what an element can score.

    >>> from salesprocess.catalog import BANT, MEDDPICC
    >>> [criterion.key for criterion in BANT]
    ['budget', 'authority', 'need', 'timeline']
    >>> [criterion.key for criterion in MEDDPICC.spread["propose"]]
    ['paper_process', 'competition']
    """

    key: str
    name: str
    criteria: tuple[Criterion, ...]
    spread: Mapping[SaleStep, tuple[Criterion, ...]]
    most: Literal[1, 2] = 1

    def score(self, deal: Any, *, facts: Mapping[str, str] | None = None) -> Score:
        """Return what the deal scores. `facts` maps the framework's names to the deal's own, as in `Engine(facts=...)`.

        An element that scores up to 2 is a number of the deal: 0 unknown, 1 partial, 2 validated. `True` is 1, since
        a tick says no more than that something is there. Any other element scores 1 when its criterion is met. A
        fact that is missing scores nothing, and a criterion that does not apply to the deal is left out.

        >>> from salesprocess.catalog import BANT, MEDDIC
        >>> print(BANT.score({"budget": True, "need": True}))
        BANT: 2 of 4; missing: authority, timeline
        >>> print(MEDDIC.score({"crm": {"champion": "Ana"}}, facts={"champion": "crm.champion"}).total)
        1

        Raises:
            DealError: for a scored element that is not 0, 1 or 2. What the deal's own attributes raise is passed on.
        """
        points = self._levels(deal, facts or {}) if self.most > 1 else self._met(deal, facts or {})
        return Score(self.name, MappingProxyType(points), self.most)

    def _levels(self, deal: Any, facts: Mapping[str, str]) -> dict[str, int]:
        return {
            criterion.key: _level(criterion.key, read_path(deal, facts.get(criterion.key, criterion.key)))
            for criterion in self.criteria
        }

    def _met(self, deal: Any, facts: Mapping[str, str]) -> dict[str, int]:
        gate = Gate(self.criteria, Sources(facts))
        values = gate.read(deal, None, None)
        points = {}
        for found in gate.findings(values, gate.judge(values)):
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


def _level(key: str, value: object) -> int:
    """Return the points that the deal itself holds for an element."""
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
