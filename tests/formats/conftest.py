"""What the tests of the formats share: imports read back, hostile texts, and processes that machines run."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import strategies as st

from salesprocess import Criterion, Engine, SalesProcess, Stage, Transition, TransitionRefused, at_least, fact
from salesprocess.criteria import Rule
from salesprocess.formats import Imported

SHARED_DATA = Path(__file__).parents[2].parent / "shared" / "data"


# Definitions that files write

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
yaml_traps = st.sampled_from(
    ["no", "on", "~", "null", "1", "1e3", "0o17", "1:30", "- x", "#", "a: b", "\n", " x", "'", "\x85", "\u2028", "a\rb"]
)
json_values = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@st.composite
def definitions(draw: st.DrawFn) -> SalesProcess:
    """Draw a process whose texts a file could take for something else."""
    written = texts | yaml_traps
    stages = [
        Stage(
            key=f"s{number}",
            name=draw(written),
            objective=draw(st.none() | written),
            tactics=draw(st.lists(written, max_size=2)),
            probability=draw(st.none() | st.floats(0, 1)),
            time_limit=draw(st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=900))),
            exit_criteria=[Criterion(key="c", rule=fact("amount") >= draw(st.integers()), label=draw(written))],
            extra=draw(st.dictionaries(texts, json_values, max_size=2)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    return SalesProcess.linear(key="p", version=draw(st.integers() | written), stages=stages, skip="allow")


# Loaders

Loader = Callable[[Any], object]


def loader(module: str, function: str) -> Loader:
    """Return the loader of a module, which is imported when it is first used: some need an extra."""

    def load(source: Any) -> object:
        return getattr(import_module(f"salesprocess.formats.{module}"), function)(source)

    return load


FILES: dict[str, Loader] = {name: loader(f"{name}_", "loads") for name in ("json", "yaml", "toml")}
CRM_NAMES = ("hubspot", "pipedrive", "salesforce", "zoho", "odoo", "frappe")
LOADERS: dict[str, Loader] = FILES | {name: loader(name, "load") for name in CRM_NAMES}


# CRMs


def kinds(imported: Imported) -> dict[str, str]:
    return {stage.key: stage.kind for stage in imported.process.stages}


def assumed(imported: Imported) -> set[str]:
    """Return the codes of the assumptions."""
    return {assumption.code for assumption in imported.assumptions}


@pytest.fixture
def real_sample() -> Callable[[str], bytes]:
    """Reads a sample from a real system; a test that asks for one skips where it is not on the machine."""

    def read(name: str) -> bytes:
        path = SHARED_DATA / name
        if not path.exists():
            pytest.skip(f"{name} is not at hand")
        return path.read_bytes()

    return read


# Texts that a format could take for its own


def words(text: str) -> str:
    """Return the text on one line without what cannot be printed, as every format shows it."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


# Marks of Markdown, HTML, Mermaid and DOT, and characters that read or print oddly.
TRAPS = ["<script>", "</style>", "|", "`", "*", "_", "[x](y)", "![", "# ", "- ", "1. ", "\\", "&lt;", "\n\n", "---",
         "~~", "$", '"', "]]", "-->", "[*]", "end", "state", "%%{init: {}}%%", "#quot;", "\n", "a:b;c", "\\N", "\u202e",
         "note right of x", "\U0001f600", "ﬂ°°", "¶ß", "{", "}", "'", "\x00", "%% c"]  # fmt: skip
any_text = st.lists(
    st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=4
).map("".join)
# Texts that show something.
hostile_texts = any_text.filter(words)


# Processes that machines run


class Event(NamedTuple):
    """Something that happens to a deal with these facts."""

    trigger: str
    to: str
    reason: str | None
    facts: dict[str, Any]
    role: str


def criteria_over(leaves: st.SearchStrategy[Rule], key: str) -> st.SearchStrategy[list[Criterion]]:
    """Draw at most one criterion, over rules that are made of the leaves."""
    rules = st.recursive(
        leaves,
        lambda inner: st.one_of(
            inner.map(lambda rule: ~rule),
            st.builds(lambda a, b: a & b, inner, inner),
            st.builds(lambda a, b: a | b, inner, inner),
            st.builds(lambda needed, of: at_least(needed, of=of), st.integers(0, 3), st.lists(inner, max_size=3)),
        ),
        max_leaves=4,
    )
    severities = st.sampled_from(["required", "required", "advisory"])
    criterion = st.builds(Criterion, key=st.just(key), rule=rules, when=st.none() | leaves, severity=severities)
    return criterion.map(lambda drawn: [drawn]) | st.just([])


@st.composite
def processes(draw: st.DrawFn, criteria: st.SearchStrategy[list[Criterion]], prefix: str) -> SalesProcess:
    """Draw a process of two to four open stages whose keys begin with the prefix."""
    stages = [
        Stage(key=f"{prefix}{number}", exit_criteria=draw(criteria), entry_criteria=draw(criteria))
        for number in range(draw(st.integers(2, 4)))
    ]
    policy = st.sampled_from(["forbid", "allow", "with_reason"])
    rush = Transition(trigger="rush", source="*", dest="won", criteria=draw(criteria), needs_reason=True, reasons="r")
    return SalesProcess.linear(
        key="drawn",
        stages=[*stages, Stage(key="won", kind="won"), Stage(key="pause", kind="on_hold")],
        skip=draw(policy),
        back=draw(policy),
        reopen=draw(policy),
        transitions=[rush],
    )


@st.composite
def traces(draw: st.DrawFn, process: SalesProcess, facts: st.SearchStrategy[dict[str, Any]]) -> list[Event]:
    """Draw events that a deal could take one after the other if gates and reasons allow it, and some others."""
    moves = sorted({(move.trigger, move.dest) for move in process.moves()})
    stage, trace = process.initial.key, []
    for _ in range(draw(st.integers(4, 8))):
        ways = sorted({(move.trigger, move.dest) for move in process.graph.out_of[stage]})
        trigger, stage = draw(st.sampled_from(ways or moves) | st.sampled_from(moves))
        reason, role = draw(st.sampled_from(["r", None, "other"])), draw(st.sampled_from(["manager", "x"]))
        trace.append(Event(trigger, stage, reason, draw(facts), role))
    return trace


def stages_of_engine(process: SalesProcess, trace: list[Event], *, names_target: bool) -> list[str]:
    """Return the stage after each event; the target is named always, or only if several moves have the trigger."""
    engine, stage, seen = Engine[dict[str, Any]](process), process.initial.key, []
    for event in trace:
        deal = {**event.facts, "stage": stage}
        rivals = sum(move.trigger == event.trigger for move in process.graph.out_of[stage])
        to = event.to if names_target or rivals > 1 else None
        with contextlib.suppress(TransitionRefused):
            engine.fire(deal, event.trigger, to=to, reason=event.reason, context={"role": event.role})
        stage = deal["stage"]
        seen.append(stage)
    return seen
