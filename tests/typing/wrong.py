"""What a type checker must refuse: each line with `error` in its comment, and no other."""

from __future__ import annotations

from dataclasses import dataclass

from salesprocess import Engine, HookEvent, Hooks
from salesprocess.catalog import FUNNEL
from salesprocess.testing import assert_allowed, assert_moves, assert_refused, paths


@dataclass
class Deal:
    stage: str = "top"


@dataclass
class Invoice:
    stage: str = "top"
    number: int = 1


def on_invoice(event: HookEvent[Invoice]) -> None:
    assert event.deal.number


def invoice_paid(invoice: Invoice) -> bool:
    return invoice.number > 0


hooks: Hooks[Deal] = Hooks()
hooks.won(on_invoice)  # error
hooks.before(on_invoice)  # error
hooks.before("advance")(on_invoice)  # error

engine: Engine[Deal] = Engine(FUNNEL)
engine.check(Invoice(), "advance")  # error
engine.fire(Invoice(), "advance")  # error
assert_allowed(engine, Invoice(), "advance")  # error
assert_refused(engine, Invoice(), "advance")  # error
assert_moves(engine, Invoice(), "advance")  # error
assert_refused(engine, Deal(), "advance", kind="refused")  # error
invoice: Invoice = next(paths(FUNNEL)).deal(Deal)  # error
of_deals: Engine[Deal] = Engine(FUNNEL, predicates={"paid": invoice_paid})  # error
