"""Which gates can be met: what is true of all gates of a process at once is found out once."""

from __future__ import annotations

from collections.abc import Iterable

from salesprocess.assurance.solver.search import RuleLike
from salesprocess.assurance.solver.witness import Unsatisfiable, Witness, Witnesses
from salesprocess.criteria import Criterion


class Gates:
    """Says whether gates made of these criteria can be met while none of `not_met` is.

    Criteria that have no fact in common can be met apart from each other. So a gate is judged by those of its criteria
    alone that cannot all be met, or that share facts with what is not to be met.
    """

    def __init__(
        self,
        witnesses: Witnesses,
        criteria: Iterable[Criterion],
        not_met: tuple[RuleLike, ...],
        *,
        with_overrides: bool,
    ) -> None:
        self._witnesses = witnesses
        self._not_met = not_met
        ruled_out = set(map(id, not_met))
        touched: list[RuleLike] = []
        impossible: list[RuleLike] = []
        for group in witnesses.related([*criteria, *not_met]):
            if not ruled_out.isdisjoint(map(id, group)):
                touched += group
            elif not isinstance(witnesses.find(group), Witness):
                impossible += group
        self._telling = set(map(id, (*touched, *impossible)))
        self._against = set(self._alone_against(touched))
        self._together = self._met_together([rule for rule in touched if id(rule) not in self._against])
        self._with_overrides = with_overrides
        self._overridable = with_overrides and self._answered([*touched, *impossible]) is True

    def can_be_met(self, gate: Iterable[Criterion], *, overridable: bool) -> bool | None:
        """Whether a deal passes the gate; `None` where that could not be decided."""
        telling = [criterion for criterion in gate if id(criterion) in self._telling]
        met = self._can_all_be_met(telling)
        if met or not (self._with_overrides and overridable):
            return met
        return True if self._overridable else self._answered(telling)

    def _can_all_be_met(self, telling: list[Criterion]) -> bool | None:
        ids = set(map(id, telling))
        if not self._against.isdisjoint(ids):
            return False
        if self._together is not None and ids <= self._together:
            return True
        return _as_bool(self._witnesses.find(telling, self._not_met))

    def _alone_against(self, touched: list[RuleLike]) -> Iterable[int]:
        """The criteria that no deal meets while none of `not_met` is met."""
        for rule in touched:
            if isinstance(self._witnesses.find([rule], self._not_met), Unsatisfiable):
                yield id(rule)

    def _met_together(self, rest: list[RuleLike]) -> set[int] | None:
        found = self._witnesses.find(rest, self._not_met)
        return set(map(id, rest)) if isinstance(found, Witness) else None

    def _answered(self, rules: Iterable[RuleLike]) -> bool | None:
        """Whether facts exist on which none of the rules raises, so that an override lets the move through."""
        return _as_bool(self._witnesses.find((), self._not_met, answered=rules))


def _as_bool(found: Witness | Unsatisfiable | None) -> bool | None:
    return None if found is None else isinstance(found, Witness)
