"""What goes wrong in systems of the kind, and does not here. Each test says what goes wrong elsewhere."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from salesprocess import (
    Blocked,
    Criterion,
    DealError,
    Engine,
    Hooks,
    SalesProcess,
    Stage,
    StageChange,
    Transition,
    UnknownStage,
    context,
    fact,
)
from salesprocess.history import History, read_changes

MONDAY = datetime(2026, 3, 2, 9, tzinfo=UTC)
PROCESS = SalesProcess.linear(
    key="sale",
    stages=[
        Stage(key="lead", probability=0.0),
        Stage(key="offer", probability=0.5, exit_criteria=fact("signed").is_true()),
        Stage(key="won", kind="won", probability=1.0),
        Stage(key="grown", kind="won", probability=1.0),
    ],
    skip="allow",
)


def day(number: float) -> datetime:
    return MONDAY + timedelta(days=number)


def live(*moves: tuple[str, str | None], hooks: Hooks[Any] | None = None) -> History:
    """The history of a deal that is started and then moved, one move a day."""
    engine: Engine[Any] = Engine(PROCESS, hooks=hooks)
    deal: dict[str, Any] = {"signed": True}
    history = History(PROCESS, [engine.start(deal, at=day(0))])
    for number, (trigger, to) in enumerate(moves, 1):
        history.append(engine.fire(deal, trigger, to=to, reason="a reason", at=day(number)))
    return history


WON = (("advance", None), ("win", None))
LOST = (("advance", None), ("lose", None))


# Closing and reopening


def test_a_won_deal_that_is_taken_back_has_no_closing_date_and_the_next_one_is_its_own() -> None:
    """Elsewhere a reopened deal keeps its closing date and is counted as closed, or never gets a second one."""
    assert live(*WON, ("go_back", None)).closed_at is None
    again = live(*WON, ("go_back", None), ("win", None))
    assert (again.closed_at, again.first_won_at) == (day(4), day(2))


def test_losing_sets_stage_outcome_and_closing_date_in_one_change() -> None:
    """Elsewhere two writes undo one another, and a lost deal has no closing date."""
    history = live(*LOST)
    assert (history[-1].dest, history.outcome, history.closed_at) == ("lost", "lost", history[-1].at)


def test_the_stage_in_which_a_deal_was_lost_stays_known_after_it_is_reopened_and_lost_again() -> None:
    """Elsewhere the loss overwrites the stage, so that nobody can say where deals are lost."""
    history = live(*LOST, ("reopen", "lead"), ("lose", None))
    assert history.lost_in == "lead"
    assert History(PROCESS, history[:3]).lost_in == "offer"


def test_won_and_lost_mean_the_same_in_hooks_history_and_definition() -> None:
    """Elsewhere one product has two definitions of a won deal, by stage and by percentage."""
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.won(lambda _event: ran.append("won"))
    hooks.lost(lambda _event: ran.append("lost"))
    for moves, outcome in [(WON, "won"), (LOST, "lost")]:
        history = live(*moves, hooks=hooks)
        assert (ran.pop(), history.outcome, PROCESS.stage(str(history.stage)).kind) == (outcome, outcome, outcome)


# Probability


def test_an_open_stage_at_nought_per_cent_is_open() -> None:
    """Elsewhere a stage at 0% is taken for lost, though public stage sets have open ones there."""
    assert live().outcome == "open"
    assert live().closed_at is None


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_a_probability_makes_no_outcome(probability: float) -> None:
    """Elsewhere a lost deal whose probability is computed anew falls out of the lost ones."""
    data = json.loads(PROCESS.model_dump_json())
    data["stages"][-1]["probability"] = probability
    assert History(SalesProcess.model_validate(data), live(*LOST)).outcome == "lost"


def test_the_probability_is_that_of_the_stage_the_deal_is_in() -> None:
    """Elsewhere it is copied onto the deal, and stays what it was when the deal moves on or the stage is edited."""
    engine: Engine[Any] = Engine(PROCESS)
    deal = {"stage": "lead", "signed": True}
    seen = []
    for trigger in ("advance", "win", "go_back", "lose"):
        engine.fire(deal, trigger, reason="a reason")
        seen.append(PROCESS.stage(deal["stage"]).probability)  # type: ignore[arg-type]
    assert seen == [0.5, 1.0, 0.5, None]
    assert deal == {"stage": "lost", "signed": True}


# What the record says


def test_no_first_record_is_invented_for_a_log_that_begins_in_the_middle() -> None:
    """Elsewhere a first row a minute earlier is made up, and with it a stay in a stage where the deal never was."""
    log = read_changes([{"deal_id": "1", "stage": "offer", "at": MONDAY}], PROCESS)
    history = log.histories["1"]
    assert [(change.source, change.dest, change.at) for change in history] == [(None, "offer", MONDAY)]
    assert (history.visited, history.time_in("lead")) == (("offer",), None)
    assert [oddity.code for oddity in log.oddities["1"]] == ["skip"]


def test_a_deal_that_enters_a_stage_again_is_one_deal() -> None:
    """Elsewhere a funnel counts moves: a deal that comes back counts twice, a lost one not at all."""
    back_and_forth = live(("advance", None), ("go_back", None), ("advance", None))
    counts = Counter(stage for history in [back_and_forth, live(*LOST)] for stage in history.visited)
    assert counts == {"lead": 2, "offer": 2, "lost": 1}


def test_a_won_deal_that_moves_on_is_won_once() -> None:
    """Elsewhere every entry of a won stage is one more sale."""
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.won(lambda event: ran.append(event.deal["stage"]))
    live(*WON, ("advance", None), hooks=hooks)
    assert ran == ["won"]


def test_changes_of_the_same_second_come_back_in_order() -> None:
    """Elsewhere a history is sorted by time alone, and changes of one second change places."""
    engine: Engine[Any] = Engine(PROCESS, seq="seq", clock=lambda: MONDAY)
    deal: dict[str, Any] = {"seq": 0, "signed": True}
    changes = [engine.start(deal), *(engine.fire(deal, trigger) for trigger in ("advance", "win"))]
    stored = [json.dumps(change.model_dump(mode="json")) for change in reversed(changes)]
    loaded = sorted((StageChange.model_validate(json.loads(row)) for row in stored), key=lambda change: change.seq or 0)
    assert loaded == changes
    assert History(PROCESS, loaded).visited == ("lead", "offer", "won")


def test_every_stay_has_its_entry_its_exit_and_its_length() -> None:
    """Elsewhere the history has moves alone, and everybody writes the query for times in stages again."""
    spells = live(*LOST, ("reopen", "offer")).spells
    assert [spell.stage for spell in spells] == ["lead", "offer", "lost", "offer"]
    assert all(left.left_at == entered.entered_at for left, entered in pairwise(spells))
    assert [spell.length() for spell in spells] == [timedelta(days=1)] * 3 + [None]


def test_the_day_of_closing_is_the_day_where_it_was_closed() -> None:
    """Elsewhere a deal closed on an evening in Arizona is stored as closed on the next day."""
    evening = datetime(2026, 3, 31, 20, 30, tzinfo=ZoneInfo("America/Phoenix"))
    change = Engine[Any](PROCESS).fire({"stage": "offer", "signed": True}, "win", at=evening)
    stored = json.loads(json.dumps(change.model_dump(mode="json")))
    closed_at = History(PROCESS, [stored]).closed_at
    assert closed_at is not None
    assert (closed_at.date(), closed_at) == (date(2026, 3, 31), evening)


def test_two_spellings_of_a_stage_are_one_stage_and_a_third_is_reported() -> None:
    """Elsewhere names are the keys: a sixth of the rows of a public export has a second spelling of one product."""
    rows = [
        {"deal_id": "1", "stage": name, "at": day(number)} for number, name in enumerate(["Lead", "New Lead", "ofer"])
    ]
    log = read_changes(rows, PROCESS, stages={"Lead": "lead", "New Lead": "lead"})
    assert (len(log.histories["1"]), log.collapsed) == (2, 1)
    assert "did you mean 'offer'" in log.oddities["1"][0].message


# Hooks


@pytest.mark.parametrize("trigger", ["win", "lose"])
def test_leaving_the_last_open_stage_runs_its_exit_hook(trigger: str) -> None:
    """Elsewhere the exit hook of the last stage never runs, as finishing the process is no move."""
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.exit("offer")(lambda event: ran.append(event.decision.trigger))
    live(("advance", None), (trigger, None), hooks=hooks)
    assert ran == [trigger]


def test_leaving_a_won_stage_runs_its_exit_hook_too() -> None:
    """Elsewhere what was set up on winning stays when the win is taken back."""
    ran: list[str] = []
    hooks: Hooks[Any] = Hooks()
    hooks.exit("won")(lambda event: ran.append(event.decision.trigger))
    live(*WON, ("go_back", None), hooks=hooks)
    assert ran == ["go_back"]


def test_rules_that_bounce_a_deal_stop_at_the_first_bounce() -> None:
    """Elsewhere two automations move a deal back and forth until somebody notices."""
    hooks: Hooks[Any] = Hooks()
    hooks.enter("offer")(lambda event: engine.fire(event.deal, "go_back", reason="rule 1"))
    hooks.enter("lead")(lambda event: engine.fire(event.deal, "advance"))
    engine: Engine[Any] = Engine(PROCESS, hooks=hooks)
    deal = {"stage": "lead"}
    with pytest.raises(DealError, match="under way"):
        engine.fire(deal, "advance")
    assert deal == {"stage": "lead"}


# One rule for every door


def through_the_machine(engine: Engine[Any], deal: Any) -> bool:
    engine.machine.add_model(deal, initial=deal.stage)
    return bool(deal.win())


DOORS: list[Callable[[Engine[Any], Any], Any]] = [
    lambda engine, deal: engine.fire(deal, "win"),
    lambda engine, deal: engine.fire(deal, to="won"),
    lambda engine, deal: engine.transition(deal, "win")[1],
    lambda engine, deal: asyncio.run(engine.afire(deal, "win")),
]


@pytest.mark.parametrize("door", DOORS, ids=["trigger", "target", "transition", "afire"])
def test_every_door_asks_the_same_and_leaves_the_same_record(door: Callable[[Engine[Any], Any], Any]) -> None:
    """Elsewhere workflows, bulk edits and some APIs go past the rules, or past the timeline."""
    engine: Engine[Any] = Engine(PROCESS, clock=lambda: MONDAY)
    with pytest.raises(Blocked) as caught:
        door(engine, {"stage": "offer"})
    assert caught.value.decision == engine.check({"stage": "offer"}, "win")
    signed = {"stage": "offer", "signed": True}
    assert door(engine, dict(signed)) == engine.fire(dict(signed), "win")


def test_the_machine_behind_the_engine_is_no_back_door() -> None:
    """Elsewhere the state machine below checks less than what is built on it."""
    engine: Engine[Any] = Engine(PROCESS)
    assert through_the_machine(engine, SimpleNamespace(stage="offer")) is False
    assert through_the_machine(engine, SimpleNamespace(stage="offer", signed=True)) is True


@pytest.mark.parametrize("verb", ["check", "fire", "transition", "options", "plan", "progress", "start"])
def test_a_deal_in_a_stage_of_another_pipeline_is_refused_by_every_verb(verb: str) -> None:
    """Elsewhere a deal is saved with a stage that its pipeline does not have, and nobody says so."""
    engine: Engine[Any] = Engine(PROCESS)
    arguments = {"check": ["win"], "fire": ["win"], "transition": ["win"]}.get(verb, [])
    options = {"to": "won"} if verb == "plan" else {}
    words = "unknown stage 'shipping' of process 'sale'"
    if verb in {"check", "options", "plan"}:
        answer = getattr(engine, verb)({"stage": "shipping"}, *arguments, **options)
        assert words in str(answer)
        return
    with pytest.raises(UnknownStage, match=words):
        getattr(engine, verb)({"stage": "shipping"}, *arguments, **options)


def test_two_pipelines_of_one_deal_move_on_their_own() -> None:
    """Elsewhere a deal has one stage, or every user another active process on the same record."""
    delivery = SalesProcess.linear(key="delivery", stages=[Stage(key="lead"), Stage(key="done", kind="won")])
    deal = {"stage": "lead", "delivery_stage": "lead"}
    Engine[Any](delivery, stage="delivery_stage").fire(deal, "win")
    assert deal == {"stage": "lead", "delivery_stage": "done"}
    Engine[Any](PROCESS).fire(deal, "advance")
    assert deal == {"stage": "offer", "delivery_stage": "done"}


def test_a_field_that_was_asked_for_stays_asked_for_and_only_of_those_it_is_for() -> None:
    """Elsewhere a field that a stage asks for can be emptied in the next, and partners need exceptions in formulas."""
    pain = Criterion(key="pain", rule=fact("pain").is_known(), when=context("profile") == "ae")
    stages = [Stage(key="a", exit_criteria=pain), Stage(key="b"), Stage(key="won", kind="won")]
    engine: Engine[Any] = Engine(SalesProcess.linear(key="spiced", stages=stages, cumulative=True))
    emptied = {"stage": "b", "pain": None}
    assert [found.key for found in engine.check(emptied, "win", context={"profile": "ae"}).unmet] == ["pain"]
    assert engine.check(emptied, "win", context={"profile": "partner"})


def test_an_approval_is_no_stage_that_a_salesperson_can_pick() -> None:
    """Elsewhere an approval is a stage in the list, and the one who needs it selects it."""
    win = Transition(trigger="win", source="offer", dest="won", criteria=context("role") == "manager")
    process = SalesProcess.linear(key="p", stages=[Stage(key="offer"), Stage(key="won", kind="won")], transitions=[win])
    engine: Engine[Any] = Engine(process)
    assert not engine.check({"stage": "offer"}, to="won", context={"role": "sales"})
    assert engine.check({"stage": "offer"}, to="won", context={"role": "manager"})


# Limits


def test_a_new_limit_holds_at_once_for_deals_that_are_in_the_stage() -> None:
    """Elsewhere a threshold that is changed applies to deals that enter the stage after it."""
    history = live(("advance", None))
    data = json.loads(PROCESS.model_dump_json())
    data["stages"][1]["time_limit"] = "P2D"
    changed = SalesProcess.model_validate(data)
    deal = {"stage": "offer"}
    assert Engine[Any](PROCESS).overdue(deal, history, at=day(5)) is None
    overdue = Engine[Any](changed).overdue(deal, History(changed, history), at=day(5))
    assert overdue is not None
    assert overdue.by == timedelta(days=2)
