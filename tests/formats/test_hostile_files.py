"""Hostile input: each gets a clear error, in bounded time and memory, and none ever another exception."""

from __future__ import annotations

import copy
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import DefinitionError, SalesProcess, Stage, days, fact
from salesprocess.formats import frappe, hubspot, json_, odoo, pipedrive, salesforce, toml_, zoho
from salesprocess.formats.crm_import import Imported

yaml_ = pytest.importorskip("salesprocess.formats.yaml_", reason="PyYAML is an extra")

SECONDS = 5
MEGABYTES = 250
FILES: dict[str, Callable[[Any], object]] = {"json": json_.loads, "yaml": yaml_.loads, "toml": toml_.loads}
CRMS: dict[str, Callable[[Any], object]] = {
    "hubspot": hubspot.load,
    "pipedrive": pipedrive.load,
    "salesforce": salesforce.load,
    "zoho": zoho.load,
    "odoo": odoo.load,
    "frappe": frappe.load,
}
LOADERS = FILES | CRMS


@contextmanager
def refused(match: str) -> Iterator[None]:
    """One clear error, soon and without filling the memory."""
    tracemalloc.start()
    started = time.process_time()
    try:
        with pytest.raises(DefinitionError, match=match) as caught:
            yield
        spent, (_, peak) = time.process_time() - started, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(str(caught.value)) < 5000
    assert spent < SECONDS
    assert peak < MEGABYTES * 1_000_000


NO_NUMBER = "<standardValue><fullName>a</fullName><probability>nan</probability></standardValue>"


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
@pytest.mark.parametrize("byte", [b"key: \xff", b"\xfe\xff\x00k", b'{"key": "\xc3\x28"}'])
def test_invalid_utf8_is_refused_with_its_place(load: Callable[[Any], object], byte: bytes) -> None:
    with refused(r"byte 0x[0-9a-f]{2} is not UTF-8 \(line 1, column \d+\)"):
        load(byte)


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_ten_megabytes_are_refused_unread(load: Callable[[Any], object]) -> None:
    text = json.dumps({"key": "p", "stages": [{"key": f"stage_{n}", "name": "x" * 80} for n in range(90_000)]})
    assert len(text) > 10_000_000
    with refused(r"may be 4,000,000 bytes long"):
        load(text)


MANY = 4_000
TOO_MANY: dict[str, Any] = {
    "json": json.dumps({"key": "p", "stages": [{"key": f"s{n}"} for n in range(MANY)]}),
    "yaml": "key: p\nstages:\n" + "".join(f"- key: s{n}\n" for n in range(MANY)),
    "toml": "key = 'p'\n" + "".join(f"[[stages]]\nkey = 's{n}'\n" for n in range(MANY)),
    "hubspot": json.dumps({"id": "p", "stages": [{"id": f"s{n}"} for n in range(MANY)]}),
    "pipedrive": json.dumps([{"id": n, "name": "x"} for n in range(MANY)]),
    "salesforce": "<StandardValueSet>"
    + "".join(f"<standardValue><fullName>s{n}</fullName></standardValue>" for n in range(MANY))
    + "</StandardValueSet>",
    "zoho": json.dumps([{"blueprint": {}} for _ in range(MANY)]),
    "odoo": "id,name\n" + "".join(f"{n},x\n" for n in range(MANY)),
    "frappe": "deal_status,type\n" + "".join(f"s{n},Open\n" for n in range(MANY)),
}


@pytest.mark.parametrize("name", TOO_MANY)
def test_thousands_of_stages_are_refused(name: str) -> None:
    with refused(r"a process may have (1,000|300) stages, found 4,000"):
        LOADERS[name](TOO_MANY[name])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("json", "[" * 100_000),
        ("json", '{"a":' * 500 + "1" + "}" * 500),
        ("yaml", "[" * 100_000),
        ("yaml", "- " * 50_000),
        ("yaml", "{a: " * 50_000),
        ("yaml", "- - " * 40 + "[" * 100_000),
        ("yaml", "{'[': [']', # ]\n" * 20 + "[" * 100_000),
        ("yaml", "a: \U0001f600\r\nb: " + "[" * 100_000),
        ("toml", "a = " + "[" * 100_000),
        ("toml", "a." * 50_000 + "b = 1"),
        ("toml", "[" + "a." * 50_000 + "b]"),
        ("toml", "x = {" + "a." * 50_000 + "b = 1}"),
        ("hubspot", "[" * 100_000),
        ("zoho", '[{"blueprint":' * 300 + "1" + "}]" * 300),
        ("salesforce", "<StandardValueSet>" * 100_000),
    ],
)
def test_deep_nesting_is_refused(name: str, text: str) -> None:
    with refused(r"nested 100 deep, (this one|a key here) is deeper|nested 100 deep and hold 200,000 elements"):
        LOADERS[name](text)


@pytest.mark.parametrize("name", FILES)
def test_a_text_that_is_too_deep_and_no_more_than_begun_is_refused_where_it_becomes_too_deep(name: str) -> None:
    start = {"json": "", "yaml": "", "toml": "a = "}[name]
    with refused(rf"nested 100 deep, this one is deeper \(line 1, column {101 + len(start)}\)"):
        LOADERS[name](start + "[" * 150)


@pytest.mark.parametrize("loader", ["CBaseLoader", "BaseLoader"])
def test_yaml_is_as_deep_with_libyaml_as_without(loader: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_, "_LOADER", getattr(yaml_.yaml, loader))
    for text in ("[" * 1_100, "[" * 101 + "]" * 101):
        with pytest.raises(DefinitionError, match=r"100 deep, this one is deeper \(line 1, column 101\)"):
            yaml_.loads(text)
    with pytest.raises(DefinitionError, match="expected a process"):
        yaml_.loads("[" * 100 + "]" * 100)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("json", '"[[\\"[[{{"', '[["[[{{'),
        ("toml", '"[[\\"[[{{"', '[["[[{{'),
        ("toml", "'[[{{'", "[[{{"),
        ("toml", '"""[[""[[\n[["""""', '[[""[[\n[[""'),
        ("toml", "'''[[''[[\n[['''''", "[[''[[\n[[''"),
        ("toml", "1 # [[", 1),
    ],
)
def test_brackets_in_a_text_or_a_comment_do_not_nest(name: str, text: str, value: str | int) -> None:
    text = text.replace("[[", "[" * 150)
    file = {
        "json": f'{{"key": "p", "stages": [{{"key": "a", "extra": {{"x": {text}}}}}]}}',
        "toml": f"key = 'p'\n[[stages]]\nkey = 'a'\n[stages.extra]\nx = {text}\n",
    }[name]
    expected = value.replace("[[", "[" * 150) if isinstance(value, str) else value
    process = FILES[name](file)
    assert isinstance(process, SalesProcess)
    assert process.initial.extra == {"x": expected}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("json", '"\\' * 200_000, "unterminated string"),
        ("json", '"\\"' * 200_000, "extra data"),
        ("toml", 'a = """\\' * 200_000, "unescaped"),
        ("toml", "a = '''" + "''b" * 200_000, "expected \"'''\""),
        ("toml", 'a = "' + '\\"' * 200_000, "unterminated string"),
        ("toml", "a = " + '"\n' * 200_000, "illegal character"),
    ],
)  # fmt: skip
def test_quotes_without_end_are_read_once(name: str, text: str, said: str) -> None:
    with refused(said):
        LOADERS[name](text)


def test_half_a_character_is_refused() -> None:
    with refused(r"'\\ud800' is half a character \(line 2, column 4\)|special characters are not allowed"):
        yaml_.loads("key: p\na: \ud800")


@pytest.mark.parametrize("levels", [91, 300, 100_000])
def test_what_another_system_keeps_may_not_nest_deeper_than_files_do(levels: int) -> None:
    data: dict[str, Any] = {}
    for _ in range(levels - 1):
        data = {"a": data}
    with refused(r"extra: expected data nested at most 90 deep, found deeper"):
        Stage(key="a", extra=data)


def test_what_holds_itself_is_refused() -> None:
    data: dict[str, Any] = {}
    data |= {"a": data, "b": [data, data]}
    with refused(r"extra: expected data nested at most 90 deep, found deeper"):
        Stage(key="a", extra=data)


def test_what_is_as_deep_as_may_be_comes_back_from_every_file() -> None:
    data: dict[str, Any] = {}
    for _ in range(89):
        data = {"a": data}
    plain = SalesProcess.linear(key="p", stages=[Stage(key="a", extra=data)]).model_dump(mode="json")
    plain["transitions"] = [transition | {"extra": data} for transition in plain["transitions"]]
    process = SalesProcess.model_validate(plain | {"extra": data})
    for module in (json_, yaml_, toml_):
        assert import_module(module.__name__).loads(module.dumps(process)) == process


def test_deep_nesting_in_data_is_refused_too() -> None:
    data: list[Any] = []
    for _ in range(100_000):
        data = [data]
    with refused("deep"):
        hubspot.load(data)


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(20))
    + "]><StandardValueSet>&u;</StandardValueSet>"
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><StandardValueSet/>',
        '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><StandardValueSet>&f;</StandardValueSet>',
        '<?xml version="1.0"?><!DOCTYPE StandardValueSet><StandardValueSet/>',
    ],
    ids=["bomb", "external", "file", "empty"],
)
def test_an_xml_document_type_is_refused(text: str) -> None:
    with refused(r"document type is refused"):
        salesforce.load(text)


def test_a_yaml_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with refused("unfolds to more"):
        yaml_.loads("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x [*x]", "stands for nothing that is complete"),
        ("a: *x", "stands for nothing|undefined alias"),
        ("a: !!python/object/apply:os.system ['true']", "no tags"),
        ("--- {}\n--- {}", "one document"),
        ("? [a]\n: 1", "a key is plain text"),
    ],
)
def test_yaml_that_is_more_than_data_is_refused(text: str, said: str) -> None:
    with refused(said):
        yaml_.loads(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("json", '{"key": "a", "key": "b"}'),
        ("json", '{"key": "p", "stages": [{"key": "a", "extra": {"x": 1, "x": 2}}]}'),
        ("yaml", "key: a\nkey: b"),
        ("toml", "key = 1\nkey = 2"),
        ("hubspot", '{"id": "a", "id": "b", "stages": []}'),
        ("odoo", "id,name,name\n1,a,b\n"),
    ],
)
def test_a_key_given_twice_is_refused(name: str, text: str) -> None:
    with refused("twice|overwrite"):
        LOADERS[name](text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("json", '{"key": "p", "stages": [{"key": "a", "probability": NaN}]}'),
        ("json", '{"key": "p", "stages": [{"key": "a", "probability": 1e999}]}'),
        ("json", '{"key": "p", "stages": [{"key": "a", "probability": ' + "9" * 5000 + "}]}"),
        ("yaml", "key: p\nstages: [{key: a, probability: .nan}]"),
        ("yaml", "key: p\nstages: [{key: a, probability: nan}]"),
        ("yaml", "key: p\nstages: [{key: a, probability: 1e999}]"),
        ("toml", "key = 'p'\n[[stages]]\nkey = 'a'\nprobability = nan"),
        ("toml", "key = 'p'\n[[stages]]\nkey = 'a'\nprobability = " + "9" * 5000),
        ("hubspot", '{"id": "p", "stages": [{"id": "a", "metadata": {"probability": "NaN"}}]}'),
        ("pipedrive", '[{"id": 1, "name": "a", "deal_probability": "inf"}]'),
        ("salesforce", f"<StandardValueSet>{NO_NUMBER}</StandardValueSet>"),
        ("frappe", "deal_status,type,probability\na,Open,nan\n"),
    ],
)  # fmt: skip
def test_a_probability_that_is_no_number_is_refused(name: str, text: str) -> None:
    with refused(r"is no number to store|a valid number, .* found '\.nan'|from 0 to 1, found (nan|inf)|4300 digits"):
        LOADERS[name](text)


@pytest.mark.parametrize("limit", ["1e308", "nan", "inf", "-1"])
def test_a_time_limit_that_is_no_time_is_refused(limit: str) -> None:
    with refused("expected a number of days, found|a time limit is more than nothing, found -1 day"):
        odoo.load(f"id,name,rotting_threshold_days\n1,a,{limit}\n")


def test_proto_is_a_key_like_any_other_and_no_key_of_ours() -> None:
    with refused("unknown key '__proto__'"):
        json_.loads('{"__proto__": {"x": 1}, "key": "p", "stages": [{"key": "a"}]}')
    with refused("'__proto__' is no key"):
        json_.loads('{"key": "p", "stages": [{"key": "__proto__"}]}')
    kept = hubspot.load('{"id": "__proto__", "stages": [{"id": "constructor", "__proto__": {"x": 1}}]}').process
    assert kept.key == "proto"
    assert kept.initial.extra == {"__proto__": {"x": 1}}


@pytest.mark.parametrize(
    "name", ["'; DROP TABLE deals; --", '" OR 1=1', "=cmd|' /C calc'!A0", "{{7*7}}", "../../etc/passwd"]
)
def test_a_hostile_name_is_a_name_and_its_key_is_harmless(name: str) -> None:
    process = frappe.load([{"deal_status": name, "type": "Open"}]).process
    assert process.initial.name == name
    assert process.initial.key.replace("_", "").isalnum()
    assert json_.loads(json_.dumps(process)) == process


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "label",
                    "stages",
                    "metadata",
                    "isClosed",
                    "probability",
                    "results",
                    "data",
                    "name",
                    "blueprint",
                    "process_info",
                    "transitions",
                    "next_field_value",
                    "fields",
                    "api_name",
                    "mandatory",
                    "deal_status",
                    "type",
                    "position",
                    "sequence",
                    "is_won",
                    "order_nr",
                    "deal_probability",
                    "rotten_days",
                    "displayOrder",
                    "key",
                    "exit_criteria",
                    "rule",
                    "fact",
                    "op",
                    "value",
                    "kind",
                    "source",
                    "dest",
                    "trigger",
                    "field_value",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


SOUND = SalesProcess.linear(
    key="p",
    skip="with_reason",
    stages=[
        Stage(key="a", probability=0.5, time_limit=days(7), exit_criteria=fact("x") >= 1, activities=["call"]),
        Stage(key="b", objective="x", tactics=["y"], phase="top", entry_criteria=fact("z").is_known(), extra={"n": 1}),
        Stage(key="won", kind="won"),
    ],
)
STEP = {"id": "7", "name": "Go", "next_field_value": "B", "fields": [{"api_name": "X", "mandatory": True}]}
DATA: dict[str, Any] = {
    "json": SOUND.model_dump(mode="json"),
    "hubspot": hubspot.dump(SOUND),
    "pipedrive": pipedrive.dump(SOUND),
    "zoho": [{"blueprint": {"process_info": {"id": "1", "name": "P", "field_value": "A"}, "transitions": [STEP]}}],
    "odoo": odoo.dump(SOUND),
    "frappe": frappe.dump(SOUND),
}
TEXT: dict[str, str] = {name: json.dumps(data) for name, data in DATA.items()} | {
    "yaml": yaml_.dumps(SOUND),
    "toml": toml_.dumps(SOUND),
    "salesforce": salesforce.dump(SOUND),
    "odoo": odoo.dump_csv(SOUND),
    "frappe": frappe.dump_csv(SOUND),
}


def places_in(data: Any) -> list[tuple[Any, Any]]:
    """Every place in nested data, as what holds it and its key there."""
    if not isinstance(data, dict | list):
        return []
    keys = list(data) if isinstance(data, dict) else range(len(data))
    return [place for key in keys for place in [(data, key), *places_in(data[key])]]


@st.composite
def spoiled(draw: st.DrawFn, sound: Any) -> Any:
    """Sound data with something else, or nothing, in up to three places of it."""
    data = [copy.deepcopy(sound)]
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(places_in(data)))
        if holder is not data and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(values)
    return data[0]


def loaded(name: str, source: Any) -> bool:
    """Whether it was, into what it is to be; what was not says why, and nothing else is ever raised."""
    try:
        found = LOADERS[name](source)
    except DefinitionError as error:
        assert error.problems
        return False
    assert isinstance(found, SalesProcess if name in FILES else Imported)
    return True


@pytest.mark.parametrize("name", DATA)
def test_any_data_gives_a_process_or_a_definition_error(name: str) -> None:
    outcomes: set[bool] = set()

    @given(data=values | spoiled(DATA[name]))
    @settings(max_examples=60, deadline=None)
    def check(data: Any) -> None:
        outcomes.add(loaded(name, json.dumps(data)))
        if name != "json" and isinstance(data, str | list | dict):
            outcomes.add(loaded(name, data))

    check()
    assert outcomes == {True, False}


PIECES = st.sampled_from(
    [
        "key: p\n",
        "stages:\n",
        "- key: a\n",
        "  name: &x b\n",
        "*x",
        "[",
        "]",
        "{",
        "}",
        '"',
        "'",
        "\n",
        " ",
        ":",
        "|\n",
        ">",
        "key = 'p'\n",
        "[[stages]]\n",
        "[stages.extra]\n",
        "'''",
        '"""',
        "#",
        "\x00",
        "\ufeff",
        "<StandardValueSet>",
        "<standardValue>",
        "<fullName>",
        "a",
        "</fullName>",
        "</standardValue>",
        "</StandardValueSet>",
        "<!DOCTYPE",
        "&amp;",
        "<![CDATA[",
        "id,name\n",
        "1,New\n",
        ",",
        '"a\n',
        "\r",
        "---",
        "%YAML 1.1\n",
        "!!str ",
        "\u2028",
        "=",
        "2026-01-01",
        "1e5",
    ]
)


@st.composite
def torn(draw: st.DrawFn, sound: str) -> str:
    """A sound text, in up to three places of which something is put in or cut out."""
    for _ in range(draw(st.integers(0, 3))):
        place = draw(st.integers(0, len(sound)))
        sound = sound[:place] + draw(PIECES | st.just("")) + sound[place + draw(st.integers(0, 5)) :]
    return sound


@pytest.mark.parametrize("name", LOADERS)
def test_any_text_gives_a_process_or_a_definition_error(name: str) -> None:
    outcomes: set[bool] = set()

    @given(text=st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join) | torn(TEXT[name]))
    @settings(max_examples=60, deadline=None)
    def check(text: str) -> None:
        outcomes.add(loaded(name, text))

    check()
    assert outcomes == {True, False}


def test_the_bounds_leave_room_for_any_real_process() -> None:
    stages = [Stage(key=f"s{n}", objective="x" * 500) for n in range(200)]
    process = SalesProcess.linear(key="p", stages=stages)
    for module in (json_, yaml_, toml_):
        assert import_module(module.__name__).loads(module.dumps(process)) == process


# Found by coverage-guided fuzzing


def test_a_blueprint_that_does_not_say_its_state_is_refused() -> None:
    info = {"id": "1", "name": "New"}
    with refused(r"\[0\]\.blueprint\.process_info: 'field_value' is needed"):
        zoho.load({"blueprint": {"process_info": info, "transitions": [{"name": "Go", "next_field_value": "B"}]}})


def test_a_type_that_is_no_text_is_refused() -> None:
    with refused(r"rows\[0\]\.type: no type \['Won'\]"):
        frappe.load([{"deal_status": "Won", "type": ["Won"]}])


def test_a_state_called_0_is_a_state() -> None:
    answer = {"blueprint": {"process_info": {"field_value": 0}, "transitions": [{"name": "Go", "next_field_value": 0}]}}
    assert zoho.load(answer).process.initial.key == "0"
