"""One task, measured: the seven-stage sale in this library, in its peers, and written by hand.

    python benchmarks/transition.py [--rounds 21]

Each of the six forward moves asks two criteria, runs a hook before and a hook after, and keeps a record with an aware
time. All contenders run in one process; each round measures every one of them, in the opposite order of the round
before; the collector is off inside a section. Times are medians, ratios are medians of the ratios of each round.
"""

# ruff: noqa: PLR2004 - the numbers are the task

from __future__ import annotations

import argparse
import gc
import importlib.util
import os
import statistics
import subprocess
import sys
import textwrap
import timeit
import tracemalloc
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import pairwise
from operator import or_
from time import process_time
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from salesprocess import Engine, Hooks, SalesProcess, Stage, Transition, fact

if TYPE_CHECKING:
    from collections.abc import Callable

STAGES = (
    "prospecting",
    "making_contact",
    "qualifying",
    "presenting",
    "overcoming_objections",
    "closing",
    "generating_referrals",
)
# For each stage, what leaving it asks for: one fact that is true, and one number that is high enough.
ASKED = (
    ("has_decision_maker", "lead_score", 20),
    ("conversation_held", "touches", 2),
    ("need_identified", "budget", 1000),
    ("demo_done", "attendees", 2),
    ("objections_resolved", "probability", 50),
    ("contract_signed", "amount", 1),
)
# The same by hand. The second parameter is for the libraries that hand one over.
GUARDS: dict[str, Callable[..., Any]] = {
    "has_decision_maker": lambda deal, _event=None: deal.has_decision_maker,
    "lead_score": lambda deal, _event=None: deal.lead_score >= 20,
    "conversation_held": lambda deal, _event=None: deal.conversation_held,
    "touches": lambda deal, _event=None: deal.touches >= 2,
    "need_identified": lambda deal, _event=None: deal.need_identified,
    "budget": lambda deal, _event=None: deal.budget >= 1000,
    "demo_done": lambda deal, _event=None: deal.demo_done,
    "attendees": lambda deal, _event=None: deal.attendees >= 2,
    "objections_resolved": lambda deal, _event=None: deal.objections_resolved,
    "probability": lambda deal, _event=None: deal.probability >= 50,
    "contract_signed": lambda deal, _event=None: deal.contract_signed,
    "amount": lambda deal, _event=None: deal.amount >= 1,
}
MOVES = [
    (source, dest, (flag, number)) for (source, dest), (flag, number, _) in zip(pairwise(STAGES), ASKED, strict=True)
]


def hook(_subject: object, _event: object = None) -> None:
    """What runs before and after each move: nothing, so that only the calls are measured."""


class Deal:
    """The host's deal."""

    def __init__(self, lead_score: int = 50) -> None:
        self.stage = "prospecting"
        self.history: list[Any] = []
        self.has_decision_maker = self.conversation_held = self.need_identified = True
        self.demo_done = self.objections_resolved = self.contract_signed = True
        self.lead_score, self.touches, self.budget = lead_score, 5, 50_000
        self.attendees, self.probability, self.amount = 4, 80, 40_000


@dataclass(slots=True)
class Record:
    """The thirteen fields of a `StageChange`, as one writes them by hand."""

    seq: int | None
    process: str
    version: int
    fingerprint: str
    trigger: str
    source: str
    dest: str
    at: datetime
    by: str | None = None
    reason: str | None = None
    source_kind: str = "live"
    waived: tuple[str, ...] = ()
    starts: tuple[str, ...] = ()


def record(source: str, dest: str, at: datetime, by: str | None = None, reason: str | None = None) -> Record:
    return Record(None, "seven", 1, "0123456789abcdef", "advance", source, dest, at, by, reason)


class ModelDeal(Deal):
    """The deal as the libraries want it that find conditions and callbacks by their names on it."""

    hook = hook

    def keep(self, event: Any) -> None:
        change = event.transition
        self.history.append(record(change.source, change.dest, datetime.now(UTC), "ana"))

    def keep_it(self, source: Any, target: Any) -> None:
        self.history.append(record(source.id, target.id, datetime.now(UTC), "ana"))


for _name, _guard in GUARDS.items():
    setattr(ModelDeal, f"ask_{_name}", _guard)


class Contender:
    """How one implementation does the task: statements over a `subject`, and the names that they use."""

    name: ClassVar[str]
    move = "subject.history.append(fire(subject, 'advance', by='ana'))"
    check: ClassVar[str | None] = "check(subject, 'advance')"
    refused = "check(subject, 'advance')"
    batch: ClassVar[int] = 1000

    def __init__(self) -> None:
        self.built = self.build()

    def build(self) -> Any:
        raise NotImplementedError

    def deal(self, **facts: Any) -> Any:
        return Deal(**facts)

    def bind(self, deal: Any) -> Any:
        """What the moves are made on: the deal itself, or what the library puts beside it."""
        return deal

    def names(self) -> dict[str, Any]:
        return {}


class Ours(Contender):
    name = "salesprocess"

    def build(self) -> Any:
        asked = [[fact(flag).is_true(), fact(number) >= least] for flag, number, least in ASKED]
        process = SalesProcess(
            key="seven",
            stages=[Stage(key=key, exit_criteria=gate) for key, gate in zip(STAGES, [*asked, ()], strict=True)],
            transitions=[Transition(trigger="advance", source=source, dest=dest) for source, dest, _ in MOVES],
        )
        hooks: Hooks[Deal] = Hooks()
        hooks.before(hook)
        hooks.after(hook)
        return Engine[Deal](process, hooks=hooks)

    def names(self) -> dict[str, Any]:
        return {"fire": self.built.fire, "check": self.built.check}


class OursRead(Ours):
    name = "salesprocess, `.unmet` read"
    check = refused = "check(subject, 'advance').unmet"


@dataclass(slots=True)
class Verdict:
    """What a hand-written check found."""

    allowed: bool
    found: list[tuple[str, bool]]

    def __bool__(self) -> bool:
        return self.allowed


@dataclass(slots=True)
class Event:
    """What hand-written hooks get."""

    deal: Any
    verdict: Verdict
    context: object = None
    change: Record | None = None


class ByHand(Contender):
    """A dict of moves that does what the library does.

    Every criterion is asked and its answer kept, hooks get an event with that, no move runs inside another one of the
    same deal, and the stage is put back if a hook raises. It knows neither missing facts nor any other deal.
    """

    name = "by hand, the same work"

    def build(self) -> Any:
        self.moving: set[int] = set()
        return {
            source: {"advance": (tuple((name, GUARDS[name]) for name in asked), (hook,), dest, (hook,))}
            for source, dest, asked in MOVES
        }

    def check_it(self, deal: Any, trigger: str) -> Verdict:
        found = [(name, bool(guard(deal))) for name, guard in self.built[deal.stage][trigger][0]]
        return Verdict(all([met for _, met in found]), found)  # noqa: C419 - quicker, with two

    def fire(self, deal: Any, trigger: str, *, by: str | None = None, reason: str | None = None) -> Record:
        at = datetime.now(UTC)
        source = deal.stage
        verdict = self.check_it(deal, trigger)
        if not verdict:
            raise ValueError(verdict)
        _guards, before, dest, after = self.built[source][trigger]
        if id(deal) in self.moving:
            raise RuntimeError("this deal is being moved already")
        self.moving.add(id(deal))
        event = Event(deal, verdict)
        try:
            for call in before:
                call(event)
            deal.stage = dest
            event.change = change = record(source, dest, at, by, reason)
            for call in after:
                call(event)
        except BaseException:
            deal.stage = source
            raise
        finally:
            self.moving.discard(id(deal))
        return change

    def names(self) -> dict[str, Any]:
        return {"fire": self.fire, "check": self.check_it}


class ByHandBare(ByHand):
    """The same with less: the check is a bare bool, and hooks get the deal alone."""

    name = "by hand, bare"

    def check_it(self, deal: Any, trigger: str) -> Any:
        for _name, guard in self.built[deal.stage][trigger][0]:  # noqa: SIM110 - a generator costs more than a loop
            if not guard(deal):
                return False
        return True

    def fire(self, deal: Any, trigger: str, *, by: str | None = None, reason: str | None = None) -> Record:
        at = datetime.now(UTC)
        source = deal.stage
        guards, before, dest, after = self.built[source][trigger]
        unmet = [name for name, guard in guards if not guard(deal)]
        if unmet:
            raise ValueError(unmet)
        if id(deal) in self.moving:
            raise RuntimeError("this deal is being moved already")
        self.moving.add(id(deal))
        try:
            for call in before:
                call(deal)
            deal.stage = dest
            change = record(source, dest, at, by, reason)
            for call in after:
                call(deal, change)
        except BaseException:
            deal.stage = source
            raise
        finally:
            self.moving.discard(id(deal))
        return change


class TransitionsShared(Contender):
    """The cheapest use of `transitions`: one machine, and no deal registered with it."""

    name = "transitions, shared machine"
    move = refused = "advance(subject)"
    check = "can(subject, 'advance')"

    def build(self, model: Any = None) -> Any:
        from transitions import Machine  # noqa: PLC0415

        around = {"trigger": "advance", "before": "hook", "after": "hook"}
        return Machine(
            model=model,
            states=list(STAGES),
            transitions=[
                around | {"source": source, "dest": dest, "conditions": [f"ask_{name}" for name in asked]}
                for source, dest, asked in MOVES
            ],
            initial="prospecting",
            model_attribute="stage",
            send_event=True,
            auto_transitions=False,
            after_state_change="keep",
        )

    def deal(self, **facts: Any) -> Any:
        return ModelDeal(**facts)

    def names(self) -> dict[str, Any]:
        # `_can_trigger` is what `may_advance` of a registered deal calls.
        return {"advance": self.built.events["advance"].trigger, "can": self.built._can_trigger}  # noqa: SLF001


class TransitionsEach(TransitionsShared):
    name = "transitions, a machine per deal"
    move = refused = "subject.advance()"
    check = "subject.may_advance()"
    batch = 100

    def bind(self, deal: Any) -> Any:
        self.build(deal)
        return deal


class PythonStateMachine(Contender):
    name = "python-statemachine"
    move = "subject.advance()"
    check = "subject.enabled_events()"
    refused = "try: subject.advance()\nexcept TransitionNotAllowed: pass"
    batch = 50

    def build(self) -> Any:
        from statemachine import State, StateMachine  # noqa: PLC0415

        states = {key: State(value=key, initial=key == STAGES[0], final=key == STAGES[-1]) for key in STAGES}
        moves = [
            states[source].to(states[dest], cond=[f"ask_{n}" for n in asked], before="hook", after=["hook", "keep_it"])
            for source, dest, asked in MOVES
        ]
        return type("DealMachine", (StateMachine,), states | {"advance": reduce(or_, moves)})

    def deal(self, **facts: Any) -> Any:
        return ModelDeal(**facts)

    def bind(self, deal: Any) -> Any:
        return self.built(model=deal, state_field="stage")

    def names(self) -> dict[str, Any]:
        return {"TransitionNotAllowed": importlib.import_module("statemachine.exceptions").TransitionNotAllowed}


class Automat(Contender):
    """Automat has no guards and cannot be asked: they are written by hand in front of it."""

    name = "Automat, guards by hand"
    move = "advance(subject)"
    check = None
    refused = "try: advance(subject)\nexcept ValueError: pass"

    def build(self) -> Any:
        from automat import TypeMachineBuilder  # noqa: PLC0415

        class Inputs(Protocol):
            def advance(self) -> None: ...

        builder = TypeMachineBuilder(Inputs, Deal)
        states = {key: builder.state(key) for key in STAGES}
        for source, dest, _ in MOVES:

            def move(_inputs: Any, deal: Any, source: str = source, dest: str = dest) -> None:
                hook(deal)
                deal.stage = dest
                deal.history.append(record(source, dest, datetime.now(UTC), "ana"))
                hook(deal)

            states[source].upon(Inputs.advance).to(states[dest])(move)
        return builder.build()

    def bind(self, deal: Any) -> Any:
        return deal, self.built(deal)

    def names(self) -> dict[str, Any]:
        guards = {source: [GUARDS[name] for name in asked] for source, _, asked in MOVES}

        def advance(pair: tuple[Any, Any]) -> None:
            deal, machine = pair
            for guard in guards[deal.stage]:
                if not guard(deal):
                    raise ValueError(deal.stage)
            machine.advance()

        return {"advance": advance}


class DjangoFsm(Contender):
    """A model that is never saved: the transition alone is measured."""

    name = "django-fsm-2"
    move = "subject.advance()"
    check = "can_proceed(subject.advance)"
    refused = "try: subject.advance()\nexcept TransitionNotAllowed: pass"
    batch = 300

    def build(self) -> Any:
        from django.conf import settings  # noqa: PLC0415

        if not settings.configured:
            settings.configure(INSTALLED_APPS=[], DEFAULT_AUTO_FIELD="django.db.models.AutoField")
            importlib.import_module("django").setup()
        from django.apps import apps  # noqa: PLC0415
        from django.db import models  # noqa: PLC0415
        from django_fsm import FSMField, signals, transition  # noqa: PLC0415

        # What an earlier build left behind would be warned about, or called again.
        apps.all_models["bench"].clear()
        signals.post_transition.receivers = []
        signals.post_transition.sender_receivers_cache.clear()
        stage = FSMField(default="prospecting")

        def advance(deal: Any) -> None:
            hook(deal)

        for source, dest, asked in MOVES:
            guards = [GUARDS[name] for name in asked]
            advance = transition(stage, source=source, target=dest, conditions=guards)(advance)
        facts: dict[str, Any] = {flag: models.BooleanField(default=True) for flag, _, _ in ASKED}
        facts |= {number: models.IntegerField(default=50_000) for _, number, _ in ASKED}
        meta = type("Meta", (), {"app_label": "bench"})
        body = {"__module__": __name__, "Meta": meta, "stage": stage, "advance": advance}
        model = type("DealModel", (models.Model,), body | facts)

        def keep(instance: Any, source: str, target: str, **_rest: Any) -> None:
            instance.history.append(record(source, target, datetime.now(UTC), "ana"))
            hook(instance)

        signals.post_transition.connect(keep, sender=model, weak=False)
        return model

    def deal(self, **facts: Any) -> Any:
        deal = self.built(**facts)
        deal.history = []
        return deal

    def names(self) -> dict[str, Any]:
        fsm = importlib.import_module("django_fsm")
        return {"can_proceed": fsm.can_proceed, "TransitionNotAllowed": fsm.TransitionNotAllowed}


CONTENDERS = "Ours OursRead ByHand ByHandBare TransitionsShared TransitionsEach PythonStateMachine Automat DjangoFsm"
METRICS = {"fire": "fire", "refused": "refused check", "check": "check", "build": "build"}


def contender(kind: str) -> Any:
    """A contender from a copy of this file of its own.

    CPython specialises a function to the classes it meets: shared guards would be slower for all.
    """
    spec = importlib.util.spec_from_file_location(f"transition_of_{kind}", __file__)
    assert spec is not None  # noqa: S101
    assert spec.loader is not None  # noqa: S101
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    try:
        return getattr(module, kind)()
    except ImportError as error:
        print(f"skipped: {getattr(module, kind).name}: {error}")
        return None


def seconds(each: Any, what: str) -> float:
    """The time that one operation takes, over a section of some milliseconds."""
    names = each.names()
    if what == "build":
        return min(timeit.repeat(each.build, number=1, repeat=2, timer=process_time))
    if what == "fire":
        subjects = [each.bind(each.deal()) for _ in range(each.batch)]
        walk = "for subject in subjects:\n" + textwrap.indent("\n".join([each.move] * len(MOVES)), " ")
        return (
            timeit.timeit(walk, globals=names | {"subjects": subjects}, number=1, timer=process_time)
            / each.batch
            / len(MOVES)
        )
    statement = each.check if what == "check" else each.refused
    subject = each.bind(each.deal(lead_score=50 if what == "check" else 0))
    number = 5 * each.batch
    return timeit.timeit(statement, globals=names | {"subject": subject}, number=number, timer=process_time) / number


def proved(each: Any) -> Any:
    """The contender, once it has done the task as it should."""
    deal, poor = each.deal(), each.deal(lead_score=0)
    timeit.timeit(each.move, globals=each.names() | {"subject": each.bind(deal)}, number=len(MOVES))
    timeit.timeit(each.refused, globals=each.names() | {"subject": each.bind(poor)}, number=1)
    assert (deal.stage, len(deal.history)) == (STAGES[-1], len(MOVES)), each.name  # noqa: S101
    assert (poor.stage, poor.history) == (STAGES[0], []), each.name  # noqa: S101
    return each


def measure(contenders: list[Any], rounds: int) -> dict[tuple[str, str], list[float]]:
    """Seconds by contender and metric, one a round."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for number in range(rounds):
        for metric in METRICS:
            for each in contenders if number % 2 else reversed(contenders):
                if metric != "check" or each.check:
                    gc.collect()
                    times[each.name, metric].append(seconds(each, metric))
    return times


def bytes_per_deal(each: Any, count: int = 100) -> float:
    """What there is for a deal beyond the host's own object, once it has been asked about."""
    subjects = [each.deal() for _ in range(count)]
    tracemalloc.start()
    for index, deal in enumerate(subjects):
        subjects[index] = each.bind(deal)
        if each.check:
            timeit.timeit(each.check, globals=each.names() | {"subject": subjects[index]}, number=1)
    gc.collect()
    held, _peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / count


IMPORTS = (
    "import salesprocess",
    "from salesprocess import Engine, SalesProcess, fact",
    "import pydantic, transitions; pydantic.BaseModel",
    "import pydantic, transitions\nclass Model(pydantic.BaseModel): x: int",
)


def import_times(rounds: int) -> list[list[float]]:
    """Seconds of each import in a process of its own, one a round."""
    times: list[list[float]] = [[] for _ in IMPORTS]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    for _ in range(rounds + 1):
        for statement, found in zip(IMPORTS, times, strict=True):
            code = f"from time import process_time as t; t0 = t()\n{statement}\nprint(t() - t0)"
            found.append(float(subprocess.check_output([sys.executable, "-c", code], env=env)))  # noqa: S603
    # The first round may have compiled the files.
    return [found[1:] for found in times]


def shown(number: float) -> str:
    return f"{number * 1e9:,.0f} ns" if number < 1e-5 else f"{number * 1e6:,.0f} us"


def ratio(times: dict[tuple[str, str], list[float]], name: str, metric: str, base: str = "salesprocess") -> float:
    """How many times longer one takes than another: the median over the rounds."""
    return median_ratio(times[name, metric], times[base, metric])


def median_ratio(these: list[float], those: list[float]) -> float:
    return statistics.median(this / that for this, that in zip(these, those, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description="The seven-stage sale: this library, its peers, and by hand.")
    parser.add_argument("--rounds", type=int, default=21, help="how often everything is measured")
    rounds = parser.parse_args().rounds
    contenders = [proved(each) for kind in CONTENDERS.split() if (each := contender(kind)) is not None]
    times = measure(contenders, rounds)
    print(f"| | {' | '.join(METRICS.values())} | bytes a deal |\n|---|{'--:|' * (len(METRICS) + 1)}")
    for each in contenders:
        cells = [
            f"{shown(statistics.median(times[each.name, metric]))} ({ratio(times, each.name, metric):.2f})"
            if times[each.name, metric]
            else "-"
            for metric in METRICS
        ]
        print(f"| {each.name} | {' | '.join(cells)} | {bytes_per_deal(each):,.0f} |")
    imported = import_times(rounds)
    print("\n| import | ms | times pydantic and transitions |\n|---|--:|--:|")
    for statement, found in zip(IMPORTS, imported, strict=True):
        text = statement.replace("\n", "; ")
        print(f"| `{text}` | {statistics.median(found) * 1e3:.0f} | {median_ratio(found, imported[2]):.2f} |")


if __name__ == "__main__":
    main()
