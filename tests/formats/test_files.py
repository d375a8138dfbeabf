"""Files: JSON, YAML and TOML say the same, come back the same, and complain with line and column."""

from __future__ import annotations

import json
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import Criterion, DefinitionError, SalesProcess, Stage, fact
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import dump, load

pytest.importorskip("yaml", reason="PyYAML is an extra")
pytest.importorskip("tomli_w", reason="tomli-w is an extra")

FILES = [import_module(f"salesprocess.formats.{name}") for name in ("json_", "yaml_", "toml_")]
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
def processes(draw: st.DrawFn) -> SalesProcess:
    words = texts | yaml_traps
    stages = [
        Stage(
            key=f"s{number}",
            name=draw(words),
            objective=draw(st.none() | words),
            tactics=draw(st.lists(words, max_size=2)),
            probability=draw(st.none() | st.floats(0, 1)),
            time_limit=draw(st.none() | st.timedeltas(timedelta(seconds=1), timedelta(days=900))),
            exit_criteria=[Criterion(key="c", rule=fact("amount") >= draw(st.integers()), label=draw(words))],
            extra=draw(st.dictionaries(texts, json_values, max_size=2)),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    return SalesProcess.linear(key="p", version=draw(st.integers() | words), stages=stages, skip="allow")


@pytest.mark.parametrize("module", FILES)
@given(process=processes())
@settings(max_examples=40, deadline=None)
def test_every_process_comes_back_from_every_file(module: ModuleType, process: SalesProcess) -> None:
    assert module.loads(module.dumps(process)) == process


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml", ".toml", ".JSON"])
def test_a_file_is_read_and_written_by_its_suffix(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"sales{suffix}"
    dump(SEVEN_STAGE, path)
    assert load(path) == SEVEN_STAGE


def test_another_suffix_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no format for .*sales\.yamll.*did you mean '\.yaml'"):
        load(tmp_path / "sales.yamll")


def test_comments_mean_nothing() -> None:
    yaml, toml = FILES[1:]
    plain = yaml.loads("key: p\nstages: [{key: a}]\n")
    assert yaml.loads("# how we sell\nkey: p # fixed\nstages: [{key: a}]\n").fingerprint == plain.fingerprint
    assert toml.loads('# how we sell\nkey = "p"  # fixed\n[[stages]]\nkey = "a"\n') == plain


def test_yaml_words_are_what_yaml_1_2_says() -> None:
    process = FILES[1].loads("key: no\nstages: [{key: on, name: 12:30, objective: 2026-01-31}]\n")
    assert process.key == "no"
    assert process.initial == Stage(key="on", name="12:30", objective="2026-01-31")


def test_a_schema_for_editors_is_no_part_of_the_process() -> None:
    text = '{"$schema": "process.schema.json", "key": "p", "stages": [{"key": "a"}]}'
    assert FILES[0].loads(text) == SalesProcess(key="p", stages=[Stage(key="a")])


WRONG: dict[int, str] = {
    0: '{"key": "p",\n "stages": [\n  {"key": "a"},\n  {"key": "b", "knd": "won"},\n  {"name": "x"}]}',
    1: "key: p\nstages:\n  - key: a\n  - key: b\n    knd: won\n  - name: x\n",
    2: 'key = "p"\n[[stages]]\nkey = "a"\n[[stages]]\nkey = "b"\n  knd = "won"\n[[stages]]\nname = "x"\n',
}


@pytest.mark.parametrize(
    ("index", "places"),
    [(0, ("4, column 16", "5, column 3")), (1, ("5, column 5", "6, column 5")), (2, ("6, column 3", "7, column 1"))],
)
def test_every_mistake_is_told_with_its_place_at_once(index: int, places: tuple[str, str]) -> None:
    with pytest.raises(DefinitionError) as caught:
        FILES[index].loads(WRONG[index], name="sales")
    unknown, missing = caught.value.problems
    assert (unknown.path, missing.path) == ("stages[1].knd", "stages[2].key")
    assert unknown.message == f"unknown key 'knd'; did you mean 'kind'? (line {places[0]})"
    assert missing.message.endswith(f"(line {places[1]})")
    assert str(caught.value).startswith("sales: 2 problems")


def test_a_toml_value_over_several_lines_is_placed_at_its_first() -> None:
    text = 'key = "p"\n[[stages]]\nkey = "a"\ntactics = [\n  "call",\n  5,\n]\n'
    text += "[stages.extra]\nx = 1\n[[stages.exit_criteria]]\nky = 1\n"
    with pytest.raises(DefinitionError) as caught:
        FILES[2].loads(text)
    places = {problem.path: problem.message.rpartition("(")[2] for problem in caught.value.problems}
    assert places["stages[0].tactics[1]"] == "line 4, column 1)"
    assert places["stages[0].exit_criteria[0]"] == "line 10, column 1)"


@pytest.mark.parametrize(
    ("index", "text", "place"),
    [
        (0, '{"key" "p"}', "line 1, column 8"),
        (1, "key: p\n  x: [", "line 2, column 4"),
        (2, 'key = "p"\nx = [', "line 2, column 6"),
    ],
)
def test_a_syntax_error_is_placed(index: int, text: str, place: str) -> None:
    with pytest.raises(DefinitionError, match=place):
        FILES[index].loads(text)


@pytest.mark.parametrize(
    ("index", "text"), [(0, '{"key": "a",\n"key": "b"}'), (1, "key: a\nkey: b"), (2, "key = 'a'\nkey = 'b'")]
)
def test_a_key_given_twice_is_refused_where_it_is(index: int, text: str) -> None:
    with pytest.raises(DefinitionError, match=r"line 2, column"):
        FILES[index].loads(text)


def test_toml_has_no_word_for_nothing() -> None:
    process = SalesProcess(key="p", stages=[Stage(key="a", extra={"owner": [None]})])
    with pytest.raises(DefinitionError, match=r"stages\[0\]\.extra\.owner\[0\]: TOML has no null"):
        FILES[2].dumps(process)


# The published schema

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is a test dependency")


def validator() -> Any:
    from salesprocess.formats.schema import published

    jsonschema.Draft202012Validator.check_schema(published())
    return jsonschema.Draft202012Validator(published())


def test_the_published_schema_is_what_the_models_make() -> None:
    from salesprocess.formats.schema import published, schema

    assert published() == json.loads(json.dumps(schema()))
    page = Path(__file__).parents[2] / "docs" / "reference" / "process.schema.json"
    assert json.loads(page.read_text(encoding="utf-8")) == published()


@given(process=processes())
@settings(max_examples=15, deadline=None)
def test_the_schema_accepts_what_is_written(process: SalesProcess) -> None:
    validator().validate(json.loads(FILES[0].dumps(process)))


def test_the_schema_accepts_the_shipped_process_with_its_defaults() -> None:
    validator().validate(SEVEN_STAGE.model_dump(mode="json"))


RULES: list[Any] = [
    {"fact": "a.b", "op": "known"},
    {"fact": "a", "op": "known", "value": 1},
    {"fact": "a", "op": ">=", "value": {"decimal": "1.5"}},
    {"fact": "a", "op": ">="},
    {"fact": "a", "op": "=>", "value": 1},
    {"fact": "a", "op": "in", "value": ["x", 1, True]},
    {"fact": "a", "op": "in", "value": "x"},
    {"fact": "_a", "op": "true"},
    {"fact": "a..b", "op": "true"},
    {"fact": "a", "op": "<", "value": {"now": True}},
    {"now": True, "op": "<", "value": {"fact": "due"}},
    {"now": False, "op": "<", "value": 1},
    {"fact": "a", "op": "matches", "value": "x*"},
    {"fact": "a", "op": "matches", "value": "x" * 201},
    {"fact": "a", "op": "matches", "value": {"fact": "b"}},
    {"fact": "a", "measure": "count", "op": ">=", "value": 2},
    {"fact": "a", "measure": "sum", "op": ">=", "value": 2},
    {"time_in_stage": True, "op": ">=", "value": {"seconds": 60}},
    {"all": [{"predicate": "ok"}, {"not": {"fact": "a", "op": "false"}}]},
    {"all": {"predicate": "ok"}},
    {"any": [{"fact": "a", "op": "contains", "value": "x"}], "all": []},
    {"at_least": 2, "of": [{"context": "role", "op": "==", "value": "vp"}]},
    {"at_least": "2", "of": []},
    {"eval": "1"},
    [],
]


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("bare", [True, False])
def test_the_schema_refuses_the_rules_that_the_loader_refuses(rule: Any, bare: bool) -> None:
    criterion = rule if bare else {"key": "c", "rule": rule}
    data = {"key": "p", "stages": [{"key": "a", "exit_criteria": [criterion]}]}
    try:
        FILES[0].loads(json.dumps(data))
    except DefinitionError:
        loaded = False
    else:
        loaded = True
    assert validator().is_valid(data) is loaded


@pytest.mark.parametrize(
    ("change", "valid"),
    [
        ({"kind": "won"}, True),
        ({"kind": "closed"}, False),
        ({"probability": 0.5}, True),
        ({"probability": 1.5}, False),
        ({"time_limit": "P7D"}, True),
        ({"time_limit": 3600}, True),
        ({"time_limit": 0}, False),
        ({"tactics": "call"}, True),
        ({"tactics": [1]}, False),
        ({"activities": ["call", {"key": "mail"}]}, True),
        ({"activities": ["Call!"]}, False),
        ({"key": "A stage"}, False),
        ({"knd": "won"}, False),
        ({"extra": {"x": [None]}}, True),
        ({"extra": []}, False),
    ],
)
def test_the_schema_judges_a_stage_as_the_loader_does(change: dict[str, Any], valid: bool) -> None:
    data = {"key": "p", "stages": [{"key": "a"}, {"key": "b", **change}]}
    assert validator().is_valid(data) is valid
    if valid:
        FILES[0].loads(json.dumps(data))
    else:
        with pytest.raises(DefinitionError):
            FILES[0].loads(json.dumps(data))
