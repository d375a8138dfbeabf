"""Definitions of processes, for those who test what works on any."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from salesprocess.criteria import Comparison, Criterion, Rule, Term, at_least, fact
from salesprocess.process import Policy, SalesProcess, Stage, Transition

__all__ = ["processes"]

_WORDS = ("lead", "contact", "talk", "offer", "review", "pilot", "negotiation", "approval", "contract", "delivery")
_NUMBERS = ("amount", "seats", "score")
_FLAGS = ("need", "budget", "approved")
_TEXTS = ("source", "region")
_LISTS = ("contacts", "documents")
_CHOICES: list[Policy] = ["forbid", "allow", "with_reason"]
_POLICIES = st.sampled_from(_CHOICES)


def processes(*, max_stages: int = 6) -> st.SearchStrategy[SalesProcess]:
    """Valid definitions: linear ones with every policy, some with criteria, activities and moves of their own."""
    return _process(max_stages)


@st.composite
def _process(draw: st.DrawFn, max_stages: int) -> SalesProcess:
    keys = draw(st.lists(st.sampled_from(_WORDS), min_size=1, max_size=max_stages, unique=True))
    stages = [draw(_stages(key)) for key in keys]
    stages.append(Stage(key="won", kind="won", probability=1.0))
    for key, kind in (("lost", "lost"), ("disqualified", "disqualified"), ("on_hold", "on_hold")):
        if draw(st.booleans()):
            stages.append(Stage(key=key, kind=kind))  # type: ignore[arg-type]
    moves = st.builds(_own_move, st.sampled_from(keys), st.sampled_from(keys), _criteria(), st.booleans())
    return SalesProcess.linear(
        key=draw(st.sampled_from(["sale", "renewal", "upsell"])),
        version=draw(st.integers(1, 9)),
        stages=stages,
        skip=draw(_POLICIES),
        back=draw(_POLICIES),
        reopen=draw(_POLICIES),
        transitions=draw(st.lists(moves, max_size=1)),
        cumulative=draw(st.booleans()),
    )


def _own_move(source: str, dest: str, criteria: list[Criterion], needs_reason: bool) -> Transition:  # noqa: FBT001
    return Transition(trigger="fast_track", source=source, dest=dest, criteria=criteria, needs_reason=needs_reason)


def _stages(key: str) -> st.SearchStrategy[Stage]:
    optional: dict[str, st.SearchStrategy[Any]] = {
        "phase": st.sampled_from(["top", "middle", "bottom"]),
        "exit_criteria": _criteria(),
        "entry_criteria": _criteria(),
        "activities": st.sampled_from([["call"], ["call", "visit"]]),
        "probability": st.sampled_from([0.0, 0.25, 0.5]),
        "time_limit": st.sampled_from([timedelta(days=7), timedelta(days=30)]),
    }
    return st.fixed_dictionaries({}, optional=optional).map(lambda fields: Stage(key=key, **fields))


def _criteria() -> st.SearchStrategy[list[Criterion]]:
    rules = st.lists(_rules(), max_size=3)
    severities = st.lists(st.sampled_from(["required", "required", "advisory"]), min_size=3, max_size=3)
    return st.builds(_numbered, rules, severities)


def _numbered(rules: list[Rule], severities: list[Any]) -> list[Criterion]:
    return [
        Criterion(key=f"{rule.name()[:60]}_{number}", rule=rule, severity=severity)
        for number, (rule, severity) in enumerate(zip(rules, severities, strict=False))
    ]


def _rules() -> st.SearchStrategy[Rule]:
    numbers, flags, lists = (st.sampled_from(names).map(fact) for names in (_NUMBERS, _FLAGS, _LISTS))
    texts = st.sampled_from(_TEXTS).map(fact)
    plain = st.one_of(
        st.builds(Comparison, numbers, st.sampled_from([">=", ">", "<"]), st.integers(1, 9_999)),
        st.builds(lambda term, low: term.between(low, 10 * low), numbers, st.integers(1, 999)),
        flags.map(Term.is_true),
        st.one_of(numbers, flags, texts).map(Term.is_known),
        st.builds(lambda term, value: term == value, texts, st.sampled_from(["referral", "north"])),
        st.builds(lambda term, least: term.count() >= least, lists, st.integers(1, 3)),
    )
    both = st.tuples(plain, plain)
    return st.one_of(
        plain,
        both.map(lambda pair: pair[0] | pair[1]),
        both.map(lambda pair: pair[0] & ~pair[1]),
        st.tuples(plain, plain, plain).map(lambda several: at_least(2, of=several)),
    )
