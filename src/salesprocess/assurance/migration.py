"""Deals in flight, moved from one definition to another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, Self

from salesprocess._text import shown, suggestion
from salesprocess._time import aware
from salesprocess.criteria import Criterion, Finding, required
from salesprocess.criteria.gate import Gate, Sources
from salesprocess.engine.deal_access import DealAccess, stage_key
from salesprocess.engine.validation import engine_problems
from salesprocess.errors import DealError, DefinitionError, Problem
from salesprocess.history.change import StageChange
from salesprocess.process import SalesProcess

__all__ = ["DryRun", "Failing", "MigrationPlan"]

TRIGGER: Final = "migrate"


@dataclass(frozen=True, slots=True)
class Failing:
    """A deal that would not be where the plan puts it by the new definition's own gates, and what it lacks."""

    deal: Any
    source: str
    dest: str
    unmet: tuple[Finding, ...]

    def __str__(self) -> str:
        lacks = "; ".join(map(str, self.unmet))
        return f"{shown(self.deal)} from {self.source!r} to {self.dest!r}: {lacks}"


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a migration would do. True when every deal has a stage to go to, and meets the gates it would have passed.

    `counts` has the deals of each stage by its old key, `unmapped` those in stages that the plan leaves out.
    """

    plan: MigrationPlan
    counts: Mapping[str, int]
    unmapped: Mapping[str, int]
    failing: tuple[Failing, ...]

    def __bool__(self) -> bool:
        return not self.failing and not self.unmapped

    def __str__(self) -> str:
        old, new = self.plan.old, self.plan.new
        lines = [
            f"{old.key} version {old.version} to {new.key} version {new.version}: {sum(self.counts.values())} deals"
        ]
        lines += [f"  {key} to {self.plan.stages[key]}: {count}" for key, count in self.counts.items()]
        lines += [f"  {key} goes nowhere: {count}" for key, count in self.unmapped.items()]
        lines += [f"  fails: {each}" for each in self.failing]
        return "\n".join(lines)


@dataclass(frozen=True)
class MigrationPlan:
    """Where the deals of an old definition go in a new one: one new stage for each occupied old one.

    Every stage counts as occupied unless `occupied` says which are.

    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> shorter = SEVEN_STAGE.without("presenting").with_version(2)
    >>> plan = MigrationPlan.draft(SEVEN_STAGE, shorter, presenting="qualifying")
    >>> plan.stages["presenting"], plan.stages["closing"]
    ('qualifying', 'closing')

    Raises:
        DefinitionError: for an occupied stage that is not mapped and for keys that there are not, all at once.
    """

    old: SalesProcess
    new: SalesProcess
    stages: Mapping[str, str] = field(default_factory=dict)
    occupied: Collection[str] | None = None

    def __post_init__(self) -> None:
        # Frozen: a plan that was checked stays what it was when it was.
        object.__setattr__(self, "stages", MappingProxyType(dict(self.stages)))
        mistakes = list(self._mistakes())
        if mistakes:
            raise DefinitionError(f"migration of {self.old.key!r} to version {self.new.version}", mistakes)

    @classmethod
    def draft(
        cls, old: SalesProcess, new: SalesProcess, /, *, occupied: Collection[str] | None = None, **overrides: str
    ) -> Self:
        """The plan that maps equal keys, and whatever is said besides: `draft(old, new, pitch="presenting")`."""
        kept = {stage.key for stage in new.stages}
        equal = {stage.key: stage.key for stage in old.stages if stage.key in kept}
        return cls(old, new, {**equal, **overrides}, occupied)

    def _mistakes(self) -> Iterator[Problem]:
        before, after = ([stage.key for stage in process.stages] for process in (self.old, self.new))
        for source, dest in self.stages.items():
            if source not in before:
                message = f"the old definition has no stage {source!r}{suggestion(source, before)}"
                yield Problem("unknown_stage", f"stages.{source}", message)
            if dest not in after:
                message = f"the new definition has no stage {dest!r}{suggestion(dest, after)}"
                yield Problem("unknown_stage", f"stages.{source}", message)
        for source in before if self.occupied is None else self.occupied:
            if source not in before:
                message = f"the old definition has no stage {source!r}{suggestion(source, before)}"
                yield Problem("unknown_stage", "occupied", message)
            elif source not in self.stages:
                message = f"deals in {source!r} have no stage to go to: name one of {', '.join(map(repr, after))}"
                yield Problem("unmapped_stage", f"stages.{source}", message)

    def inverse(self) -> MigrationPlan:
        """The plan that takes every deal back.

        Raises:
            DefinitionError: where two stages became one, since nothing says which a deal came from.
        """
        came_from: dict[str, list[str]] = {}
        for source, dest in self.stages.items():
            came_from.setdefault(dest, []).append(source)
        shared = [
            Problem("shared_stage", f"stages.{dest}", f"deals in {dest!r} come from {', '.join(map(repr, sources))}")
            for dest, sources in came_from.items()
            if len(sources) > 1
        ]
        if shared:
            raise DefinitionError("inverse of the migration", shared)
        back = {dest: source for dest, (source,) in came_from.items()}
        return MigrationPlan(self.new, self.old, back, tuple(back))

    def dry_run(
        self,
        deals: Iterable[Any],
        *,
        stage: str = "stage",
        facts: Mapping[str, str] | None = None,
        predicates: Mapping[str, Callable[[Any], object]] | None = None,
        at: datetime | None = None,
    ) -> DryRun:
        """What the migration would do to these deals; nothing is changed.

        A deal fails the new gates if it lacks what it had to meet on the way to its new stage: the exit criteria of
        the open stages before it, and its entry criteria. Stages off the way (lost, disqualified, on hold) ask for
        nothing. `stage`, `facts` and `predicates` are as for `Engine`; `at` is the time that rules compare with.

        Raises:
            DefinitionError: for a predicate that the new definition names and that is not given.
        """
        moment = datetime.now(UTC) if at is None else aware(at, "at")
        predicates = dict(predicates or {})
        mistakes = list(engine_problems(self.new, predicates, {"stage": stage}))
        if mistakes:
            raise DefinitionError("dry run", mistakes)
        sources = Sources(dict(facts or {}), predicates, lambda: moment)
        gates = {key: Gate(behind(self.new, key), sources) for key in set(self.stages.values())}
        counts, unmapped, failing = Counter[str](), Counter[str](), []
        for deal in deals:
            source = _stage_of(deal, DealAccess(stage, None, None))[0]
            dest = self.stages.get(source)
            if dest is None:
                unmapped[source] += 1
                continue
            counts[source] += 1
            unmet = _unmet(gates[dest], deal, moment)
            if unmet:
                failing.append(Failing(deal, source, dest, unmet))
        in_order = {key: counts[key] for key in self.stages if counts[key]}
        return DryRun(self, in_order, dict(unmapped), tuple(failing))

    def migrate(
        self,
        deals: Iterable[Any],
        *,
        at: datetime,
        by: str | None = None,
        reason: str | None = None,
        stage: str = "stage",
        seq: str | None = None,
    ) -> Iterator[StageChange]:
        """One change for each deal, for the host to store and apply. The deals are not touched, and no hook runs.

        With `seq`, the attribute that counts a deal's changes, each change has the next number.

        Raises:
            DealError: for a time without a zone; and, when its turn comes, for a deal whose stage the plan leaves out.
        """
        aware(at, "at")
        return self._changes(deals, DealAccess(stage, seq, None), at, by, reason)

    def _changes(
        self, deals: Iterable[Any], access: DealAccess, at: datetime, by: str | None, reason: str | None
    ) -> Iterator[StageChange]:
        new, fingerprint = self.new, self.new.fingerprint
        for deal in deals:
            source, number = _stage_of(deal, access)
            if source not in self.stages:
                message = f"the deal is in stage {source!r}, which the plan leaves out{suggestion(source, self.stages)}"
                raise DealError(message, found=source, expected=self.stages)
            following = None if number is None else number + 1
            dest = self.stages[source]
            yield StageChange(
                following, new.key, new.version, fingerprint, TRIGGER, source, dest, at, by, reason, "migration"
            )

    def translated(self, changes: Iterable[StageChange]) -> Iterator[StageChange]:
        """A recorded past, with the old stages as the new ones: what `replay(plan.new, ...)` can be asked about.

        A change between stages that became one is left out.
        """
        for change in changes:
            source = None if change.source is None else self.stages.get(change.source, change.source)
            dest = self.stages.get(change.dest, change.dest)
            if source != dest or change.source == change.dest:
                yield change._replace(source=source, dest=dest)


def behind(process: SalesProcess, key: str) -> tuple[Criterion, ...]:
    """What a deal in a stage had to meet to get there step by step."""
    stage = process.stage(key)
    if stage.kind not in {"open", "won"}:
        return ()
    before = process.stages[: process.stages.index(stage)]
    passed = [each for each in before if each.kind in {"open", stage.kind}]
    criteria = [criterion for each in passed for criterion in each.gate()]
    return tuple(dict.fromkeys((*criteria, *stage.entry_criteria)))


def _unmet(gate: Gate, deal: Any, at: datetime) -> tuple[Finding, ...]:
    values = gate.read(deal, None, at)
    statuses = gate.judge(values)
    if statuses is None:
        return ()
    findings = gate.findings(values, statuses)
    return tuple(each for each in required(findings) if each.status != "met")


def _stage_of(deal: Any, access: DealAccess) -> tuple[str, int | None]:
    found, number = access.read(deal)
    key = stage_key(found)
    if not isinstance(key, str):
        raise DealError(f"a stage is a key, found {shown(key)}", found=key)
    return key, number
