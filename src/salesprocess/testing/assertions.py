"""Assertions on moves, whose failures read as sentences and hold the whole decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn, TypeVar

from salesprocess._text import suggestion
from salesprocess.errors import TransitionRefused

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from salesprocess.engine import Engine
    from salesprocess.engine.decision import Decision, DecisionKind
    from salesprocess.history import Conformance
    from salesprocess.history.change import StageChange
    from salesprocess.process import SalesProcess

__all__ = ["assert_allowed", "assert_conforms", "assert_moves", "assert_refused"]

DealT = TypeVar("DealT")

# Only an attempt shows these: a check neither takes a reason nor runs a hook.
_SHOWN_BY_FIRING = {"needs_reason", "vetoed"}


def assert_allowed(
    engine: Engine[DealT],
    deal: DealT,
    trigger: str | None = None,
    *,
    to: str | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Decision:
    """Assert that the move may be made, and return the decision for further checks; nothing changes.

    >>> from salesprocess import Engine
    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> deal = {"stage": "prospecting", "prospect": "Acme", "fits_profile": True}
    >>> assert_allowed(Engine(SEVEN_STAGE), deal, "advance").dest
    'making_contact'

    Raises:
        AssertionError: with every criterion that is not met, and the moves there are instead.
    """
    __tracebackhide__ = True
    decision = engine.check(deal, trigger, to=to, context=context, at=at)
    if not decision:
        _fail(f"{_move(trigger, to)} should be allowed, but it is refused ({decision.kind})", decision)
    return decision


def assert_refused(  # noqa: PLR0913 - how a move is named, and what is expected of the answer
    engine: Engine[DealT],
    deal: DealT,
    trigger: str | None = None,
    *,
    to: str | None = None,
    unmet: Collection[str] | None = None,
    kind: DecisionKind | None = None,
    reason: str | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> Decision:
    """Assert that the move is refused: with `unmet`, for exactly these criteria; with `kind`, for that cause.

    Changes nothing. The kinds `needs_reason` and `vetoed` show only when a move is tried, so for these it is fired,
    with `reason` if given, and hooks run.

    >>> from salesprocess import Engine
    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> deal = {"stage": "prospecting", "prospect": "Acme"}
    >>> decision = assert_refused(Engine(SEVEN_STAGE), deal, "advance", unmet=["fits_profile"], kind="blocked")

    Raises:
        AssertionError: if the move is allowed, or refused for something else.
    """
    __tracebackhide__ = True
    if kind in _SHOWN_BY_FIRING:
        decision = _refusal(engine, deal, trigger, to, reason, context, at)
    else:
        decision = engine.check(deal, trigger, to=to, context=context, at=at)
    if decision:
        _fail(f"{_move(trigger, to)} should be refused, but it is allowed", decision)
    if kind is not None and decision.kind != kind:
        _fail(f"{_move(trigger, to)} should be refused as {kind!r}, but it is refused as {decision.kind!r}", decision)
    if unmet is not None:
        _same_unmet(decision, unmet, _move(trigger, to))
    return decision


def assert_moves(
    engine: Engine[DealT],
    deal: DealT,
    trigger: str | None = None,
    *,
    to: str | None = None,
    by: str | None = None,
    reason: str | None = None,
    context: Mapping[str, object] | None = None,
    at: datetime | None = None,
) -> StageChange:
    """Make the move with its hooks, assert that it is made, and return its change.

    >>> from salesprocess import Engine
    >>> from salesprocess.catalog.seven_stage import SEVEN_STAGE
    >>> deal = {"stage": "qualifying"}
    >>> assert_moves(Engine(SEVEN_STAGE), deal, "lose", reason="no budget").dest, deal["stage"]
    ('lost', 'lost')

    Raises:
        AssertionError: if the move is refused. What a hook or the host's own code raises is passed on.
    """
    __tracebackhide__ = True
    try:
        return engine.fire(deal, trigger, to=to, by=by, reason=reason, context=context, at=at)
    except TransitionRefused as refusal:
        decision = refusal.decision
        _fail(f"{_move(trigger, to)} should be made, but it is refused ({decision.kind})", decision, hide=refusal)


def assert_conforms(process: SalesProcess, history: Iterable[StageChange]) -> Conformance:
    """Assert that the process has every move of the history.

    Raises:
        AssertionError: with each oddity and its position.
    """
    __tracebackhide__ = True
    from salesprocess.history import replay  # noqa: PLC0415 - those who check moves alone need no history

    conformance = replay(process, tuple(history))
    if not conformance:
        count = len(conformance.oddities)
        lines = [
            f"the history should obey {process.key!r}, but {count} {'thing is' if count == 1 else 'things are'} odd"
        ]
        lines += [f"  - change {odd.position}: {odd.message} ({odd.code})" for odd in conformance.oddities]
        raise AssertionError("\n".join(lines))
    return conformance


def _refusal(
    engine: Engine[DealT],
    deal: DealT,
    trigger: str | None,
    to: str | None,
    reason: str | None,
    context: Mapping[str, object] | None,
    at: datetime | None,
) -> Decision:
    __tracebackhide__ = True
    try:
        change = engine.fire(deal, trigger, to=to, reason=reason, context=context, at=at)
    except TransitionRefused as refusal:
        return refusal.decision
    raise AssertionError(
        f"{_move(trigger, to)} should be refused, but the deal went from {change.source!r} to {change.dest!r}"
    )


def _same_unmet(decision: Decision, expected: Collection[str], move: str) -> None:
    __tracebackhide__ = True
    found = [finding.key for finding in decision.unmet]
    if set(found) == set(expected):
        return
    asked = [finding.key for finding in decision.findings]
    lines = [f"{move} should want {_listed(expected)}, but it wants {_listed(found)}"]
    lines += [
        f"  - {key} is met" if key in asked else f"  - {key} is not asked for{suggestion(key, asked)}"
        for key in expected
        if key not in found
    ]
    lines += [f"  - {key} was not expected" for key in found if key not in set(expected)]
    _fail("\n".join(lines), decision)


def _listed(keys: Iterable[str]) -> str:
    return ", ".join(keys) or "nothing"


def _move(trigger: str | None, to: str | None) -> str:
    named = "a move" if trigger is None else repr(trigger)
    return named if to is None else f"{named} to {to!r}"


def _fail(sentence: str, decision: Decision, *, hide: TransitionRefused | None = None) -> NoReturn:
    """Fail with the decision, without the traceback of a refusal that says the same."""
    __tracebackhide__ = True
    cause = None if hide is None else hide.__cause__
    raise AssertionError(f"{sentence}\n{decision}") from cause
