"""Files: JSON, YAML and TOML say the same, come back the same, and complain with line and column."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings

from salesprocess import DefinitionError, SalesProcess, Stage
from salesprocess.catalog.seven_stage import SEVEN_STAGE
from salesprocess.formats import dump, json_, load, toml_
from tests.formats.conftest import definitions

yaml_ = pytest.importorskip("salesprocess.formats.yaml_", reason="PyYAML is an extra")
pytest.importorskip("tomli_w", reason="tomli-w is an extra")

FORMATS = {"json": json_, "yaml": yaml_, "toml": toml_}


@pytest.mark.parametrize("module", FORMATS.values(), ids=FORMATS)
@given(process=definitions())
@settings(max_examples=40, deadline=None)
def test_round_trip(module: ModuleType, process: SalesProcess) -> None:
    """Every process comes back from every file."""
    assert module.loads(module.dumps(process)) == process


def nested(levels: int) -> dict[str, object]:
    data: dict[str, object] = {}
    for _ in range(levels - 1):
        data = {"a": data}
    return data


@pytest.mark.parametrize("module", FORMATS.values(), ids=FORMATS)
def test_deepest_extra(module: ModuleType) -> None:
    """An `extra` that is as deep as it may be comes back from every file."""
    data = nested(90)
    plain = SalesProcess.linear(key="p", stages=[Stage(key="a", extra=data)]).model_dump(mode="json")
    plain["transitions"] = [transition | {"extra": data} for transition in plain["transitions"]]
    process = SalesProcess.model_validate(plain | {"extra": data})
    assert module.loads(module.dumps(process)) == process


@pytest.mark.parametrize("module", FORMATS.values(), ids=FORMATS)
def test_large_process(module: ModuleType) -> None:
    """The limits leave room for any process that people work by."""
    stages = [Stage(key=f"s{n}", objective="x" * 500) for n in range(200)]
    process = SalesProcess.linear(key="p", stages=stages)
    assert module.loads(module.dumps(process)) == process


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml", ".toml", ".JSON"])
def test_suffix(tmp_path: Path, suffix: str) -> None:
    """The suffix of a file says how it is read and written."""
    path = tmp_path / f"sales{suffix}"
    dump(SEVEN_STAGE, path)
    assert load(path) == SEVEN_STAGE


def test_unknown_suffix(tmp_path: Path) -> None:
    """Another suffix is refused with the nearest one."""
    with pytest.raises(ValueError, match=r"no format for .*sales\.yamll.*did you mean '\.yaml'"):
        load(tmp_path / "sales.yamll")


def test_comments() -> None:
    """Comments are ignored."""
    plain = yaml_.loads("key: p\nstages: [{key: a}]\n")
    assert yaml_.loads("# how we sell\nkey: p # fixed\nstages: [{key: a}]\n").fingerprint == plain.fingerprint
    assert toml_.loads('# how we sell\nkey = "p"  # fixed\n[[stages]]\nkey = "a"\n') == plain


def test_yaml_1_2() -> None:
    """Plain words in YAML are what YAML 1.2 says: `no` and `on` are text."""
    process = yaml_.loads("key: no\nstages: [{key: on, name: 12:30, objective: 2026-01-31}]\n")
    assert process.key == "no"
    assert process.initial == Stage(key="on", name="12:30", objective="2026-01-31")


def test_schema_for_editors() -> None:
    """A `$schema` is not part of the process."""
    text = '{"$schema": "process.schema.json", "key": "p", "stages": [{"key": "a"}]}'
    assert json_.loads(text) == SalesProcess(key="p", stages=[Stage(key="a")])


def test_toml_has_no_null() -> None:
    """TOML cannot say `None`, which is refused with its path."""
    process = SalesProcess(key="p", stages=[Stage(key="a", extra={"owner": [None]})])
    with pytest.raises(DefinitionError, match=r"stages\[0\]\.extra\.owner\[0\]: TOML has no null"):
        toml_.dumps(process)


# Mistakes


@pytest.mark.parametrize(
    ("module", "text", "unknown_at", "missing_at"),
    [
        (
            json_,
            '{"key": "p",\n "stages": [\n  {"key": "a"},\n  {"key": "b", "knd": "won"},\n  {"name": "x"}]}',
            "line 4, column 16",
            "line 5, column 3",
        ),
        (
            yaml_,
            "key: p\nstages:\n  - key: a\n  - key: b\n    knd: won\n  - name: x\n",
            "line 5, column 5",
            "line 6, column 5",
        ),
        (
            toml_,
            'key = "p"\n[[stages]]\nkey = "a"\n[[stages]]\nkey = "b"\n  knd = "won"\n[[stages]]\nname = "x"\n',
            "line 6, column 3",
            "line 7, column 1",
        ),
    ],
    ids=FORMATS,
)
def test_positions(module: ModuleType, text: str, unknown_at: str, missing_at: str) -> None:
    """Every mistake is reported at once, each with its line and column."""
    with pytest.raises(DefinitionError) as caught:
        module.loads(text, name="sales")
    unknown, missing = caught.value.problems
    assert (unknown.path, missing.path) == ("stages[1].knd", "stages[2].key")
    assert unknown.message == f"unknown key 'knd'; did you mean 'kind'? ({unknown_at})"
    assert missing.message.endswith(f"({missing_at})")
    assert str(caught.value).startswith("sales: 2 problems")


def test_toml_positions_of_long_values() -> None:
    """A TOML value over several lines has the position of its first one."""
    text = 'key = "p"\n[[stages]]\nkey = "a"\ntactics = [\n  "call",\n  5,\n]\n'
    text += "[stages.extra]\nx = 1\n[[stages.exit_criteria]]\nky = 1\n"
    with pytest.raises(DefinitionError) as caught:
        toml_.loads(text)
    positions = {problem.path: problem.message.rpartition("(")[2] for problem in caught.value.problems}
    assert positions["stages[0].tactics[1]"] == "line 4, column 1)"
    assert positions["stages[0].exit_criteria[0]"] == "line 10, column 1)"


@pytest.mark.parametrize(
    ("module", "text", "position"),
    [
        (json_, '{"key" "p"}', "line 1, column 8"),
        (yaml_, "key: p\n  x: [", "line 2, column 4"),
        (toml_, 'key = "p"\nx = [', "line 2, column 6"),
    ],
    ids=FORMATS,
)
def test_syntax_error(module: ModuleType, text: str, position: str) -> None:
    """A syntax error has its position."""
    with pytest.raises(DefinitionError, match=position):
        module.loads(text)


@pytest.mark.parametrize(
    ("module", "text"),
    [(json_, '{"key": "a",\n"key": "b"}'), (yaml_, "key: a\nkey: b"), (toml_, "key = 'a'\nkey = 'b'")],
    ids=FORMATS,
)
def test_key_given_twice(module: ModuleType, text: str) -> None:
    """A key that is given twice is refused with its position."""
    with pytest.raises(DefinitionError, match=r"line 2, column"):
        module.loads(text)
