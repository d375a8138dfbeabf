"""What changed between two definitions, and which deals it touches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, Literal, NamedTuple, TypeAlias

from salesprocess.assurance.part_differences import Finding, compared
from salesprocess.process import SalesProcess

__all__ = ["Diff", "Difference", "DifferenceKind", "diff"]

DifferenceKind: TypeAlias = Literal["added", "removed", "renamed", "tightened", "loosened", "re-gated", "changed"]

KINDS: Final[tuple[DifferenceKind, ...]] = (
    "added",
    "removed",
    "renamed",
    "tightened",
    "loosened",
    "re-gated",
    "changed",
)


class Difference(NamedTuple):
    """One difference: its kind, its place by keys, the stages whose deals it touches, and what it is in words.

    `tightened` and `loosened` are certain: all that meets the one gate meets the other. A gate of which that cannot
    be shown is `re-gated`. `breaks` is whether a deal in one of the stages may be refused what it was allowed before.
    """

    kind: DifferenceKind
    path: str
    stages: tuple[str, ...]
    message: str
    breaks: bool = False

    def __str__(self) -> str:
        touched = f" (touches {', '.join(self.stages)})" if self.stages else ""
        return f"{self.message}{touched}"


@dataclass(frozen=True, slots=True)
class Diff:
    """All differences between two definitions. True when there are any; as text, a release note."""

    old: SalesProcess
    new: SalesProcess
    differences: tuple[Difference, ...]

    def of(self, kind: DifferenceKind) -> tuple[Difference, ...]:
        """The differences of one kind."""
        return tuple(each for each in self.differences if each.kind == kind)

    @property
    def added(self) -> tuple[Difference, ...]:
        """Stages and moves that only the new definition has."""
        return self.of("added")

    @property
    def removed(self) -> tuple[Difference, ...]:
        """Stages and moves that only the old definition has."""
        return self.of("removed")

    @property
    def renamed(self) -> tuple[Difference, ...]:
        """Stages with the same key and another name."""
        return self.of("renamed")

    @property
    def tightened(self) -> tuple[Difference, ...]:
        """What surely asks for more than before."""
        return self.of("tightened")

    @property
    def loosened(self) -> tuple[Difference, ...]:
        """What surely asks for less than before."""
        return self.of("loosened")

    @property
    def regated(self) -> tuple[Difference, ...]:
        """What asks for something else than before."""
        return self.of("re-gated")

    def breaking(self, occupied: Iterable[str]) -> tuple[Difference, ...]:
        """The differences by which deals in these stages may be refused what they were allowed before.

        Raises:
            KeyError: for a stage that the old definition does not have, with the nearest key.
        """
        stages = {self.old.stage(key).key for key in occupied}
        return tuple(each for each in self.differences if each.breaks and not stages.isdisjoint(each.stages))

    def __bool__(self) -> bool:
        return bool(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    def __iter__(self) -> Iterator[Difference]:
        return iter(self.differences)

    def __str__(self) -> str:
        name = self.new.name or self.new.key
        title = f"{name}: version {self.old.version} to {self.new.version}"
        if not self:
            return f"{title}\nNo differences"
        sections = ([f"{kind.capitalize()}", *(f"  - {each}" for each in self.of(kind))] for kind in KINDS)
        return "\n".join([title, *chain.from_iterable(section for section in sections if len(section) > 1)])


def diff(old: SalesProcess, new: SalesProcess) -> Diff:
    """What changed from one definition to another, by keys: a stage that got another key was removed and added.

    Two definitions that differ in their version alone have no differences.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> from salesprocess.criteria import fact
    >>> print(diff(SEVEN_STAGE, SEVEN_STAGE.require("closing", fact("contract").is_known()).with_version(2)))
    Seven-stage sales process: version 1 to 2
    Tightened
      - leaving 'closing' also asks for contract: contract is known (touches closing)
    """
    found: dict[Finding, dict[str, None]] = {}
    for finding, stages in compared(old, new):
        found.setdefault(finding, {}).update(dict.fromkeys(stages))
    order = [stage.key for stage in (*old.stages, *new.stages)]
    differences = [
        Difference(each.kind, each.path, tuple(sorted(stages, key=order.index)), each.message, each.breaks)
        for each, stages in found.items()
    ]
    return Diff(old, new, tuple(differences))
