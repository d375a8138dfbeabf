"""Definitions: what is refused, what comes back, and what a gate asks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from salesprocess import Activity, DefinitionError, SalesProcess, Stage, Transition, fact
from salesprocess.catalog import SEVEN_STAGE

OPEN = [Stage(key="a"), Stage(key="b"), Stage(key="c")]
WON = Stage(key="won", kind="won")


def problems_of(make: Any) -> dict[str, str]:
    """The paths and codes of all problems that making a definition raises."""
    with pytest.raises(DefinitionError) as caught:
        make()
    problems = caught.value.problems
    assert len(problems) == len({(problem.path, problem.message) for problem in problems})
    return {problem.path: problem.code for problem in problems}


def test_every_mistake_is_reported_at_once_with_its_path() -> None:
    found = problems_of(
        lambda: SalesProcess(
            key="Bad Key",
            stages=[
                Stage(key="a", starts="no slug"),
                Stage(key="a", probability=1.5, time_limit=timedelta(0)),
                Stage(key="x y", activities=["call", "call"]),
            ],
            transitions=[
                Transition(trigger="go", source="aa", dest="lst"),
                Transition(trigger="go", source=(), dest="a", waives="nowhere"),
                Transition(trigger="to it", source="a", dest="a"),
                Transition(trigger="again", source="*", dest="a"),
                Transition(trigger="again", source=("x y", "a"), dest="a"),
            ],
        )
    )
    assert found == {
        "key": "bad_key",
        "stages[0].starts[0]": "bad_key",
        "stages[1].key": "duplicate_stage",
        "stages[1].probability": "bad_probability",
        "stages[1].time_limit": "bad_time_limit",
        "stages[2].key": "bad_key",
        "stages[2].activities[1].key": "duplicate_activity",
        "transitions[0].source": "unknown_stage",
        "transitions[0].dest": "unknown_stage",
        "transitions[1].source": "no_source",
        "transitions[1].waives[0]": "unknown_stage",
        "transitions[2].trigger": "bad_key",
        "transitions[4]": "duplicate_transition",
    }


def test_mistakes_of_shape_and_of_meaning_are_reported_together() -> None:
    data = json.loads(SEVEN_STAGE.model_dump_json())
    data["stages"][0]["probabilty"] = 0.5
    data["stages"][1]["kind"] = "opn"
    data["stages"][2]["probability"] = 7
    data["stages"][3]["exit_criteria"][0]["rule"]["op"] = "=>"
    data["transitions"][0]["dest"] = "qualifing"
    found = problems_of(lambda: SalesProcess.model_validate(data))
    assert list(found) == [
        "stages[0].probabilty",
        "stages[1].kind",
        "stages[3].exit_criteria[0].rule",
        "stages[2].probability",
        "transitions[0].dest",
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stage(key="a", knd="won"), "did you mean 'kind'"),  # type: ignore[call-arg]
        (lambda: Stage.model_validate({"name": "A"}), "'key' is needed"),
        (lambda: SalesProcess(key="p", stages=[WON]), "needs a stage of kind 'open'"),
        (
            lambda: SalesProcess(
                key="p", stages=[*OPEN, WON], transitions=[Transition(trigger="t", source="a", dest="wn")]
            ),
            "did you mean 'won'",
        ),
        (lambda: SalesProcess.model_validate_json("{"), "JSON"),
        (lambda: Stage(key="a", exit_criteria=[fact("x") > 1, fact("x") < 9]), ""),
    ],
)
def test_message_says_how_to_mend_it(make: Any, message: str) -> None:
    if not message:
        assert "Criterion(key=" in str(_error_of(lambda: SalesProcess(key="p", stages=[make(), WON])))
        return
    assert message in str(_error_of(make))


def _error_of(make: Any) -> DefinitionError:
    with pytest.raises(DefinitionError) as caught:
        make()
    return caught.value


def test_nan_is_no_probability() -> None:
    assert problems_of(lambda: SalesProcess(key="p", stages=[Stage(key="a", probability=float("nan"))])) == {
        "stages[0].probability": "bad_probability"
    }


def test_definitions_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SEVEN_STAGE.key = "other"


def test_definitions_are_frozen_down_to_their_dicts() -> None:
    refer: Any = SEVEN_STAGE.transitions[-1]
    for change in (lambda: refer.start_facts.update(source="x"), lambda: refer.start_facts.__setitem__("a", 1)):
        with pytest.raises(TypeError, match="frozen"):
            change()
    stage = Stage(key="a", extra={"tags": ["x", {"y": 1}]})
    assert hash(stage) == hash(Stage.model_validate(stage.model_dump()))
    assert len({SEVEN_STAGE, SalesProcess.model_validate_json(SEVEN_STAGE.model_dump_json())}) == 1


def test_json_round_trip_is_the_identity_and_keeps_the_fingerprint() -> None:
    loaded = SalesProcess.model_validate_json(SEVEN_STAGE.model_dump_json())
    assert loaded == SEVEN_STAGE
    assert loaded.fingerprint == SEVEN_STAGE.fingerprint


def stored() -> dict[str, Any]:
    """A stored process that has every part once."""
    criterion = {"key": "x", "rule": {"fact": "x", "op": "known"}}
    stage = {"key": "a", "activities": [{"key": "call", "criteria": [criterion]}], "exit_criteria": [criterion]}
    return {
        "key": "p",
        "stages": [stage | {"entry_criteria": [criterion]}, {"key": "b"}, {"key": "won", "kind": "won"}],
        "transitions": [{"trigger": "win", "source": ["a"], "dest": "won", "criteria": [criterion]}],
    }


def changed(path: str, value: Any) -> SalesProcess:
    """The stored process with one field changed, named like `stages.0.name`."""
    data = part = json.loads(json.dumps(stored()))
    *steps, last = path.split(".")
    for step in steps:
        part = part[int(step)] if step.isdigit() else part[step]
    part[last] = value
    return SalesProcess.model_validate(data)


CRITERIA = [
    "stages.0.entry_criteria.0",
    "stages.0.exit_criteria.0",
    "stages.0.activities.0.criteria.0",
    "transitions.0.criteria.0",
]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "Ours"),
        ("version", 7),
        ("extra", {"id": 1}),
        ("stages.0.name", "Alpha"),
        ("stages.0.objective", "talk"),
        ("stages.0.tactics", ["listen"]),
        ("stages.0.outcome", "trust"),
        ("stages.0.owner", "sales"),
        ("stages.0.extra", {"id": 1}),
        ("stages.0.activities.0.name", "Call them"),
        ("transitions.0.extra", {"id": 1}),
        *((f"{criterion}.label", "X is known") for criterion in CRITERIA),
        *((f"{criterion}.evidence", "document") for criterion in CRITERIA),
    ],
)
def test_fingerprint_is_blind_to_names_guidance_and_version(path: str, value: Any) -> None:
    process = SalesProcess.model_validate(stored())
    assert changed(path, value) != process
    assert changed(path, value).fingerprint == process.fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("key", "q"),
        ("cumulative", True),
        ("stages.0.kind", "on_hold"),
        ("stages.0.phase", "top"),
        ("stages.0.probability", 0.5),
        ("stages.0.time_limit", timedelta(days=3)),
        ("stages.0.starts", ["delivery"]),
        ("stages.0.activities.0.key", "visit"),
        ("transitions.0.trigger", "close"),
        ("transitions.0.needs_reason", True),
        *((f"{criterion}.rule.fact", "y") for criterion in CRITERIA),
        *((f"{criterion}.severity", "advisory") for criterion in CRITERIA),
    ],
)
def test_fingerprint_tells_meanings_apart(path: str, value: Any) -> None:
    assert changed(path, value).fingerprint != SalesProcess.model_validate(stored()).fingerprint


def test_fingerprint_is_that_of_earlier_releases() -> None:
    process = changed("stages.0.exit_criteria.0.rule", {"fact": "région", "op": "==", "value": "Île-de-France"})
    assert process.fingerprint == "dc03c56fcaf4a5a6"


def test_fingerprint_is_the_same_in_another_process_with_another_hash_seed() -> None:
    code = "from salesprocess.catalog import SEVEN_STAGE; print(SEVEN_STAGE.fingerprint)"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
        assert run.stdout.strip() == SEVEN_STAGE.fingerprint


def moves(process: SalesProcess) -> set[tuple[str, str, str]]:
    return {(move.source, move.trigger, move.dest) for move in process.moves()}


def test_linear_builds_the_usual_process() -> None:
    process = SalesProcess.linear(key="p", stages=[*OPEN, WON, Stage(key="hold", kind="on_hold")])
    assert moves(process) == {
        *{("a", "advance", "b"), ("b", "advance", "c"), ("c", "win", "won")},
        *{("b", "go_back", "a"), ("c", "go_back", "b"), ("won", "go_back", "c")},
        *{(key, "lose", "lost") for key in ("a", "b", "c", "hold")},
        *{(key, "hold", "hold") for key in "abc"},
        *{("hold", "resume", key) for key in "abc"},
        *{("lost", "reopen", key) for key in "abc"},
    }


def test_linear_policies_forbid_allow_or_ask_for_a_reason() -> None:
    strict = SalesProcess.linear(key="p", stages=[*OPEN, WON], back="forbid", reopen="forbid")
    assert {trigger for _, trigger, _ in moves(strict)} == {"advance", "win", "lose"}
    loose = SalesProcess.linear(key="p", stages=[*OPEN, WON], skip="with_reason", back="allow")
    reasons = {move.trigger: move.needs_reason for move in loose.transitions}
    assert reasons == {"advance": False, "win": False, "skip": True, "go_back": False, "lose": True, "reopen": True}
    assert ("a", "skip", "c") in moves(loose)


def test_deals_start_in_the_first_open_stage_and_a_star_leaves_the_other_open_ones_alone() -> None:
    aside = [Stage(key="paused", kind="on_hold"), Stage(key="lost", kind="lost")]
    drop = Transition(trigger="drop", source=("paused", "*"), dest="b")
    process = SalesProcess(key="p", stages=[aside[0], WON, *OPEN, aside[1]], transitions=[drop])
    assert process.initial.key == "a"
    assert process.sources(drop) == ("paused", "a", "c")
    again = Transition(trigger="again", source="*", dest="talk")
    written = SalesProcess(key="p", stages=[Stage(key="talk"), Stage(key="offer"), WON], transitions=[again])
    reread = SalesProcess.model_validate(json.loads(written.model_dump_json()))
    assert reread.sources(reread.transitions[0]) == ("offer",)


def gate_keys(process: SalesProcess, trigger: str, source: str) -> list[str]:
    found = next(move for move in process.graph.out_of[source] if move.trigger == trigger)
    return [criterion.key for criterion in found.gate]


def gated(**options: Any) -> SalesProcess:
    stages = [
        Stage(key="a", entry_criteria=fact("ea").is_known(), exit_criteria=fact("xa").is_known()),
        Stage(key="b", entry_criteria=fact("eb").is_known(), exit_criteria=fact("xb").is_known()),
        Stage(key="c", entry_criteria=fact("ec").is_known(), exit_criteria=fact("xc").is_known()),
        WON,
        Stage(key="lost", kind="lost", entry_criteria=fact("el").is_known()),
    ]
    return SalesProcess.linear(key="p", stages=stages, skip="allow", **options)


def test_forward_gate_is_exit_then_own_then_entry() -> None:
    assert gate_keys(gated(), "advance", "a") == ["xa", "eb"]


def test_skip_asks_for_the_exit_of_the_stages_jumped_over() -> None:
    assert gate_keys(gated(), "skip", "a") == ["xa", "xb", "ec"]


def test_waived_stages_are_not_asked() -> None:
    own = Transition(trigger="fast", source="a", dest="c", waives=("a", "b"), criteria=fact("vip").is_true())
    assert gate_keys(gated(transitions=[own]), "fast", "a") == ["vip", "ec"]


@pytest.mark.parametrize(("trigger", "source"), [("go_back", "b"), ("lose", "b"), ("reopen", "lost"), ("review", "b")])
def test_other_directions_ask_only_their_own(trigger: str, source: str) -> None:
    process = gated(transitions=[Transition(trigger="review", source="b", dest="b")])
    assert gate_keys(process, trigger, source) == []
    passed = [move.passes for move in process.graph.out_of[source] if move.trigger == trigger]
    assert set(passed) == {()}


def test_cumulative_asks_again_for_all_earlier_exits() -> None:
    assert gate_keys(gated(cumulative=True), "win", "c") == ["xa", "xb", "xc"]


def test_criterion_of_several_stages_is_asked_once() -> None:
    rule = fact("budget").is_true()
    process = SalesProcess.linear(
        key="p", stages=[Stage(key="a", exit_criteria=rule), Stage(key="b", exit_criteria=rule), WON], cumulative=True
    )
    assert gate_keys(process, "win", "b") == ["budget"]


def test_activity_is_asked_for_in_the_done_collection_with_its_own_criteria() -> None:
    stage = Stage(key="a", activities=["call", Activity(key="visit", criteria=fact("met_boss").is_true())])
    assert [criterion.key for criterion in stage.gate()] == ["a.call", "a.visit", "met_boss"]


def test_stage_finds_the_nearest_key() -> None:
    with pytest.raises(KeyError, match="did you mean 'qualifying'"):
        SEVEN_STAGE.stage("qualifing")


NASTY = ["trigger", "state", "to_a", "may_trigger", "is_trigger", "machine", "0", "a-b"]
names = st.text(max_size=20) | st.sampled_from(['"]-->x', "[*]", "';--", "Ünï ✓", "\n"])


@settings(max_examples=50)
@given(st.lists(st.sampled_from(NASTY), min_size=1, unique=True), st.data())
def test_any_names_and_slugs_survive_the_round_trip(keys: list[str], data: st.DataObject) -> None:
    stages = [Stage(key=key, name=data.draw(names), objective=data.draw(names)) for key in keys]
    process = SalesProcess.linear(key="p", stages=[*stages, WON], skip="allow")
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process


def test_a_definition_in_a_hosts_own_model_is_validated_with_it() -> None:
    from pydantic import BaseModel

    class Settings(BaseModel):
        process: SalesProcess

    settings = Settings.model_validate({"process": SEVEN_STAGE.model_dump(mode="json")})
    assert settings.process == SEVEN_STAGE
    with pytest.raises(ValidationError, match="unknown key"):
        Settings.model_validate({"process": {"key": "p", "stages": [{"key": "a", "nme": 1}]}})


ENDS: dict[str, Any] = {"later_won": "won", "lost": "lost", "paused": "on_hold", "unfit": "disqualified"}


@pytest.mark.parametrize(
    ("source", "dest", "direction"),
    [
        ("a", "b", "forward"),
        ("a", "c", "forward"),
        ("c", "won", "forward"),
        ("won", "later_won", "forward"),
        ("c", "a", "back"),
        ("later_won", "won", "back"),
        ("b", "b", "hold"),
        ("a", "paused", "hold"),
        ("paused", "b", "hold"),
        ("won", "paused", "hold"),
        ("a", "lost", "close"),
        ("paused", "unfit", "close"),
        ("won", "lost", "close"),
        ("lost", "unfit", "close"),
        ("lost", "a", "reopen"),
        ("unfit", "c", "reopen"),
        ("unfit", "won", "reopen"),
        ("won", "a", "reopen"),
        ("later_won", "c", "reopen"),
    ],
)
def test_direction_follows_from_the_kinds_and_the_order_of_the_stages(source: str, dest: str, direction: str) -> None:
    ends = [
        WON,
        Stage(key="later_won", kind="won"),
        Stage(key="lost", kind="lost"),
        Stage(key="paused", kind="on_hold"),
    ]
    stages = [*OPEN, *ends, Stage(key="unfit", kind="disqualified")]
    move = Transition(trigger="go", source=source, dest=dest)
    (found,) = SalesProcess(key="p", stages=stages, transitions=[move]).moves()
    assert found.direction == direction


@pytest.mark.parametrize(
    ("source", "dest", "cumulative", "passed"),
    [
        ("a", "c", False, "a b"),
        ("b", "c", False, "b"),
        ("b", "c", True, "a b"),
        ("b", "a", False, "b"),
        ("c", "a", False, "c"),
        ("c", "a", True, "a b c"),
        ("c", "c", False, "c"),
    ],
)
def test_move_declared_as_forward_asks_at_least_for_the_stage_it_leaves(
    source: str, dest: str, cumulative: bool, passed: str
) -> None:
    move = Transition(trigger="go", source=source, dest=dest, direction="forward")
    process = SalesProcess(key="p", stages=[*OPEN, WON], transitions=[move], cumulative=cumulative)
    assert " ".join(stage.key for stage in process.moves()[0].passes) == passed


def test_stages_that_are_no_part_of_the_sale_are_not_passed() -> None:
    stages = [
        Stage(key="a"),
        Stage(key="paused", kind="on_hold"),
        Stage(key="unfit", kind="disqualified"),
        *OPEN[1:],
        WON,
    ]
    process = SalesProcess.linear(
        key="p", stages=stages, transitions=[Transition(trigger="jump", source="a", dest="won")]
    )
    assert [stage.key for stage in process.moves()[-1].passes] == ["a", "b", "c"]


def test_process_reads_as_its_name_or_else_its_key_with_its_stages() -> None:
    process = SalesProcess.linear(key="short", stages=[OPEN[0], WON])
    assert str(process) == "short (version 1): a > won > lost"
    assert SalesProcess.model_validate(stored()).version == 1
    assert str(process.model_copy(update={"name": "Ours", "version": 3})) == "Ours (version 3): a > won > lost"


def test_facts() -> None:
    """A process names the facts that its moves read, of all stages or of one, each once."""
    stages = [
        Stage(key="a", entry_criteria=fact("source").is_known(), exit_criteria=fact("budget") > fact("floor")),
        Stage(key="b", exit_criteria=[fact("budget") > 1, fact("contact.email").is_known()]),
        WON,
    ]
    process = SalesProcess.linear(key="p", stages=stages)
    assert process.facts() == ("source", "budget", "floor", "contact.email")
    assert process.facts("b") == ("budget", "contact.email")
    with pytest.raises(KeyError, match="did you mean 'won'"):
        process.facts("wonn")
