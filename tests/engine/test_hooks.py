"""Hooks run in order, and whatever fails, nothing is half done."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import (
    Blocked,
    DealError,
    DefinitionError,
    Engine,
    HookEvent,
    Hooks,
    SalesProcess,
    Stage,
    Transition,
    Veto,
    Vetoed,
    fact,
    predicate,
)

STAGES = [Stage(key="a", exit_criteria=fact("ready").is_true()), Stage(key="b"), Stage(key="w", kind="won")]
STAY = Transition(trigger="stay", source="a", dest="a")
PROCESS = SalesProcess.linear(key="p", stages=STAGES, transitions=[STAY])


@dataclass
class Deal:
    stage: str = "a"
    ready: bool = True
    number: int = 0


def recording(log: list[str], *phases: str) -> Hooks[Deal]:
    """Hooks that write their phase, and the stage that the deal is in then."""
    hooks: Hooks[Deal] = Hooks()
    for phase in phases:
        getattr(hooks, phase)(lambda event, phase=phase: log.append(f"{phase} {event.deal.stage}"))
    return hooks


def test_order_is_before_exit_write_enter_after() -> None:
    log: list[str] = []
    engine = Engine(PROCESS, hooks=recording(log, "after", "enter", "exit", "before"))
    engine.fire(Deal(), "advance")
    assert log == ["before a", "exit a", "enter b", "after b"]


def test_within_a_phase_the_order_is_the_one_given_and_composition_keeps_it() -> None:
    log: list[str] = []
    one, two = Hooks[Deal](), Hooks[Deal]()
    for hooks, name in [(one, "first"), (two, "second"), (two, "third")]:
        hooks.before(lambda _event, name=name: log.append(name))
    Engine(PROCESS, hooks=one | two).fire(Deal(), "advance")
    assert log == ["first", "second", "third"]


def test_hooks_are_by_trigger_by_stage_or_for_all() -> None:
    log: list[str] = []
    hooks: Hooks[Deal] = Hooks()
    hooks.before("win")(lambda _event: log.append("win"))
    hooks.enter("b", "w")(lambda event: log.append(f"enter {event.deal.stage}"))
    hooks.exit("b")(lambda _event: log.append("exit b"))
    hooks.after(lambda event: log.append(f"after {event.decision.trigger}"))
    engine = Engine(PROCESS, hooks=hooks)
    deal = Deal()
    engine.fire(deal, "advance")
    engine.fire(deal, "win")
    assert log == ["enter b", "after advance", "win", "exit b", "enter w", "after win"]


def test_won_and_lost_run_last_and_only_on_entering_that_outcome() -> None:
    log: list[str] = []
    engine = Engine(PROCESS, hooks=recording(log, "won", "lost", "after"))
    deal = Deal(stage="b")
    engine.fire(deal, "win")
    engine.fire(Deal(), "lose", reason="r")
    assert log == ["after w", "won w", "after lost", "lost lost"]


def test_move_that_stays_in_its_stage_neither_exits_nor_enters_it() -> None:
    log: list[str] = []
    Engine(PROCESS, hooks=recording(log, "before", "exit", "enter", "after")).fire(Deal(), "stay")
    assert log == ["before a", "after a"]


def test_event_shows_the_change_only_after_the_write() -> None:
    seen: list[Any] = []
    hooks: Hooks[Deal] = Hooks()
    hooks.before(lambda event: seen.append((event.change, event.context["who"])))
    hooks.after(lambda event: seen.append(event.change))
    change = Engine(PROCESS, hooks=hooks).fire(Deal(), "advance", context={"who": "ana"})
    assert seen == [(None, "ana"), change]


def test_event_is_a_view() -> None:
    def meddle(event: Any) -> None:
        event.deal = None

    hooks: Hooks[Deal] = Hooks()
    hooks.before(meddle)
    with pytest.raises(AttributeError, match="deal"):
        Engine(PROCESS, hooks=hooks).fire(Deal(), "advance")


def test_unknown_names_are_found_when_the_engine_is_built() -> None:
    hooks: Hooks[Deal] = Hooks()
    hooks.before("advnce")(print)
    hooks.enter("c")(print)
    with pytest.raises(DefinitionError) as caught:
        Engine(PROCESS, hooks=hooks)
    assert [problem.path for problem in caught.value.problems] == ["hooks.before", "hooks.enter"]
    assert "did you mean 'advance'" in str(caught.value)


def test_hook_added_after_the_engine_was_built_is_refused() -> None:
    hooks: Hooks[Deal] = Hooks()
    Engine(PROCESS, hooks=hooks)
    with pytest.raises(RuntimeError, match="before Engine"):
        hooks.before(print)


def test_check_runs_no_hook() -> None:
    log: list[str] = []
    engine = Engine(PROCESS, hooks=recording(log, "before", "exit", "enter", "after", "refused"))
    engine.check(Deal(), "advance")
    engine.check(Deal(ready=False), "advance")
    engine.options(Deal())
    assert log == []


def test_veto_before_the_write_is_a_refusal_in_the_hosts_words() -> None:
    log: list[str] = []
    hooks = recording(log, "refused")

    @hooks.before
    def no(_event: HookEvent[Deal]) -> None:
        raise Veto("credit is frozen")

    deal = Deal()
    with pytest.raises(Vetoed, match="credit is frozen") as caught:
        Engine(PROCESS, hooks=hooks).fire(deal, "advance")
    assert caught.value.decision.kind == "vetoed"
    assert deal == Deal()
    assert log == ["refused a"]


def test_veto_after_the_write_is_an_error_like_any_other() -> None:
    hooks: Hooks[Deal] = Hooks()

    @hooks.enter
    def late(_event: HookEvent[Deal]) -> None:
        raise Veto("too late")

    deal = Deal()
    with pytest.raises(Veto):
        Engine(PROCESS, hooks=hooks).fire(deal, "advance")
    assert deal == Deal()


def test_refused_hooks_run_on_a_refusal_with_its_decision() -> None:
    kinds: list[str] = []
    hooks: Hooks[Deal] = Hooks()
    hooks.refused("advance")(lambda event: kinds.append(event.decision.kind))
    engine = Engine(PROCESS, hooks=hooks)
    with pytest.raises(Blocked):
        engine.fire(Deal(ready=False), "advance")
    assert kinds == ["blocked"]


def failing(error: BaseException) -> Callable[[Any], None]:
    def fail(_event: Any) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    "make_move",
    [
        lambda engine: engine.fire(Deal(ready=False), "advance"),
        lambda engine: asyncio.run(engine.afire(Deal(ready=False), "advance")),
    ],
    ids=["fire", "afire"],
)
def test_of_two_failing_refused_hooks_the_first_is_raised_and_the_second_noted(
    make_move: Callable[[Engine[Deal]], object],
) -> None:
    hooks: Hooks[Deal] = Hooks()
    first = KeyError("first")
    hooks.refused(failing(first))
    hooks.refused(failing(ValueError("second")))
    with pytest.raises(KeyError) as caught:
        make_move(Engine(PROCESS, hooks=hooks))
    assert caught.value is first
    assert isinstance(first.__cause__, Blocked)
    assert "second" in first.__notes__[0]


PHASES = ["before", "exit", "enter", "after"]
ERRORS = [RuntimeError("boom"), KeyboardInterrupt(), asyncio.CancelledError()]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(PHASES), st.booleans()), min_size=1, max_size=8),
    st.data(),
    st.sampled_from(["fire", "afire", "transition"]),
    st.booleans(),
)
def test_a_failing_hook_leaves_the_deal_as_it_was_and_runs_nothing_after_it(
    plan: list[tuple[str, bool]], data: st.DataObject, verb: str, meddles: bool
) -> None:
    """Random hooks, one of which fails, by every verb; a hook may even have set the stage itself."""
    failing_at = data.draw(st.integers(0, len(plan) - 1))
    error = data.draw(st.sampled_from(ERRORS))
    ran: list[int] = []
    hooks: Hooks[Deal] = Hooks()
    for index, (phase, is_async) in enumerate(plan):

        def hook(event: HookEvent[Deal], index: int = index) -> None:
            ran.append(index)
            if meddles:
                event.deal.stage = "b"
            if index == failing_at:
                raise error

        async def later(event: HookEvent[Deal], hook: Callable[..., None] = hook) -> None:
            await asyncio.sleep(0)
            hook(event)

        getattr(hooks, phase)(later if is_async and verb == "afire" else hook)
    engine = Engine(PROCESS, hooks=hooks, seq="number")
    deal = Deal(number=3)
    with pytest.raises(type(error)) as caught:
        run(engine, verb, deal)
    assert caught.value is error
    assert deal == Deal(number=3)
    order = sorted(range(len(plan)), key=lambda index: (PHASES.index(plan[index][0]), index))
    assert ran == order[: order.index(failing_at) + 1]


def run(engine: Engine[Deal], verb: str, deal: Deal) -> object:
    if verb != "afire":
        return getattr(engine, verb)(deal, "advance")

    async def main() -> object:
        return await engine.afire(deal, "advance")

    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(main())
    finally:
        loop.close()


def test_failed_start_takes_the_stage_away_again() -> None:
    hooks: Hooks[Any] = Hooks()
    hooks.enter("a")(failing(RuntimeError()))
    engine: Engine[Any] = Engine(PROCESS, hooks=hooks)
    deal: dict[str, Any] = {}
    with pytest.raises(RuntimeError):
        engine.start(deal)
    assert deal == {}


def test_deal_that_cannot_be_put_back_is_noted_on_the_error() -> None:
    class Once:
        ready = True
        writes = 0

        def __init__(self) -> None:
            self._stage = "a"

        @property
        def stage(self) -> str:
            return self._stage

        @stage.setter
        def stage(self, value: str) -> None:
            self.writes += 1
            if self.writes > 1:
                raise OSError("no more")
            self._stage = value

    hooks: Hooks[Any] = Hooks()
    hooks.after(failing(RuntimeError("boom")))
    with pytest.raises(RuntimeError, match="boom") as caught:
        Engine[Any](PROCESS, hooks=hooks).fire(Once(), "advance")
    assert "could not be put back into stage 'a'" in caught.value.__notes__[0]


def test_firing_on_the_deal_that_is_being_moved_names_both_moves() -> None:
    hooks: Hooks[Deal] = Hooks()
    hooks.enter("b")(lambda event: engine.fire(event.deal, "win"))
    engine = Engine(PROCESS, hooks=hooks)
    deal = Deal()
    with pytest.raises(DealError, match=r"'win' from 'b' to 'w' cannot begin: 'advance' from 'a' to 'b' is under way"):
        engine.fire(deal, "advance")
    assert deal == Deal()
    assert engine.check(deal, "advance")


def test_firing_on_another_deal_from_a_hook_works() -> None:
    other = Deal(stage="b")
    hooks: Hooks[Deal] = Hooks()
    hooks.enter("b")(lambda _event: engine.fire(other, "win"))
    engine = Engine(PROCESS, hooks=hooks)
    engine.fire(Deal(), "advance")
    assert other.stage == "w"


def test_two_threads_on_one_deal_move_it_once() -> None:
    inside, go_on = threading.Event(), threading.Event()
    hooks: Hooks[Deal] = Hooks()

    @hooks.before
    def wait(_event: HookEvent[Deal]) -> None:
        inside.set()
        go_on.wait(5)

    engine, deal = Engine(PROCESS, hooks=hooks), Deal()
    thread = threading.Thread(target=engine.fire, args=(deal, "advance"))
    thread.start()
    inside.wait(5)
    with pytest.raises(DealError, match="under way"):
        engine.fire(deal, "advance")
    go_on.set()
    thread.join()
    assert deal.stage == "b"


def test_tasks_that_share_an_engine_move_their_own_deals_and_refuse_a_shared_one() -> None:
    hooks: Hooks[Deal] = Hooks()

    @hooks.before
    async def pause(_event: HookEvent[Deal]) -> None:
        await asyncio.sleep(0.01)

    engine, shared = Engine(PROCESS, hooks=hooks), Deal()
    deals = [Deal() for _ in range(20)]

    async def main() -> list[Any]:
        moves = [engine.afire(deal, "advance") for deal in [*deals, shared, shared]]
        return await asyncio.gather(*moves, return_exceptions=True)

    results = asyncio.run(main())
    assert [deal.stage for deal in [*deals, shared]] == ["b"] * 21
    assert [type(result).__name__ for result in results[-2:]] == ["StageChange", "DealError"]


def test_cancelled_task_leaves_the_deal_as_it_was() -> None:
    hooks: Hooks[Deal] = Hooks()

    @hooks.after
    async def hang(_event: HookEvent[Deal]) -> None:
        await asyncio.sleep(10)

    engine, deal = Engine(PROCESS, hooks=hooks), Deal()

    async def main() -> None:
        task = asyncio.create_task(engine.afire(deal, "advance"))
        await asyncio.sleep(0.01)
        assert deal.stage == "b"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert deal == Deal()


def test_afire_refuses_and_vetoes_as_fire_does() -> None:
    seen: list[str] = []
    hooks: Hooks[Deal] = Hooks()

    @hooks.refused
    async def note(event: HookEvent[Deal]) -> None:
        await asyncio.sleep(0)
        seen.append(event.decision.kind)

    @hooks.exit("b")
    async def no(_event: HookEvent[Deal]) -> None:
        raise Veto("not today")

    engine = Engine(PROCESS, hooks=hooks)
    with pytest.raises(Blocked):
        asyncio.run(engine.afire(Deal(ready=False), "advance"))
    with pytest.raises(Vetoed, match="not today"):
        asyncio.run(engine.afire(Deal(stage="b"), "win"))
    assert seen == ["blocked", "vetoed"]


class Callable_:  # noqa: N801 - a class only to have an async __call__
    async def __call__(self, _event: object) -> None: ...


async def coroutine(_event: object, *_more: object) -> None: ...


@pytest.mark.parametrize("hook", [coroutine, functools.partial(coroutine), Callable_()], ids=["def", "partial", "call"])
@pytest.mark.parametrize("verb", ["fire", "transition", "start"])
def test_fire_on_an_engine_with_async_hooks_is_refused_at_once(hook: Any, verb: str) -> None:
    log: list[str] = []
    hooks = recording(log, "before")
    hooks.after("win")(hook)
    engine: Engine[Any] = Engine(PROCESS, hooks=hooks)
    with pytest.raises(DefinitionError, match=r"use afire\(\)"):
        engine.start({}) if verb == "start" else getattr(engine, verb)(Deal(), "advance")
    assert log == []


@pytest.mark.parametrize("moment", ["before", "exit", "enter", "after"])
def test_hook_that_turns_out_to_be_async_is_refused_and_undone(moment: str) -> None:
    hooks: Hooks[Deal] = Hooks()
    getattr(hooks, moment)(lambda event: coroutine(event))  # noqa: PLW0108 - hides that it is async
    deal = Deal()
    with pytest.raises(TypeError, match="returned an awaitable"):
        Engine(PROCESS, hooks=hooks).fire(deal, "advance")
    assert deal == Deal()


@pytest.mark.parametrize("hooks", [Hooks[Any](), recording([], "after")], ids=["no hooks", "hooks"])
def test_thread_that_decides_while_another_moves_the_deal_does_not_move_it_back(hooks: Hooks[Any]) -> None:
    inside, go_on = threading.Event(), threading.Event()

    def slowly(deal: Deal) -> bool:
        if threading.current_thread() is not threading.main_thread():
            inside.set()
            go_on.wait(5)
        return deal.ready

    stages = [Stage(key="a", exit_criteria=predicate("slowly")), *STAGES[1:]]
    engine = Engine(SalesProcess.linear(key="p", stages=stages), hooks=hooks, predicates={"slowly": slowly})
    deal = Deal()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(engine.fire, deal, "advance")
        inside.wait(5)
        engine.fire(deal, "advance")
        engine.fire(deal, "win")
        go_on.set()
    assert "has been moved since" in str(late.exception())
    assert deal.stage == "w"
