"""Limits: hostile input gets one clear error, in bounded time and memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from salesprocess import DefinitionError, SalesProcess, Stage
from salesprocess.formats import hubspot, json_, odoo, salesforce
from tests.formats.conftest import FILES, LOADERS

yaml_ = pytest.importorskip("salesprocess.formats.yaml_", reason="PyYAML is an extra")

SECONDS = 5
MEGABYTES = 250
each_loader = pytest.mark.parametrize("loader", LOADERS)


@contextmanager
def refused(match: str) -> Iterator[None]:
    """Expect one clear error, soon and without filling the memory."""
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


# Size


@each_loader
@pytest.mark.parametrize("source", [b"key: \xff", b"\xfe\xff\x00k", b'{"key": "\xc3\x28"}'])
def test_not_utf8(loader: str, source: bytes) -> None:
    """A byte that is not UTF-8 is refused with its position."""
    with refused(r"byte 0x[0-9a-f]{2} is not UTF-8 \(line 1, column \d+\)"):
        LOADERS[loader](source)


@each_loader
def test_too_long(loader: str) -> None:
    """Ten megabytes are refused unread."""
    text = json.dumps({"key": "p", "stages": [{"key": f"stage_{n}", "name": "x" * 80} for n in range(90_000)]})
    assert len(text) > 10_000_000
    with refused(r"may be 4,000,000 bytes long"):
        LOADERS[loader](text)


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


@each_loader
def test_too_many_stages(loader: str) -> None:
    """Thousands of stages are refused."""
    with refused(r"a process may have (1,000|300) stages, found 4,000"):
        LOADERS[loader](TOO_MANY[loader])


# Depth


@pytest.mark.parametrize(
    ("loader", "text"),
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
def test_too_deep(loader: str, text: str) -> None:
    """Deep nesting is refused in every form that it can take."""
    with refused(r"nested 100 deep, (this one|a key here) is deeper|nested 100 deep and hold 200,000 elements"):
        LOADERS[loader](text)


@pytest.mark.parametrize("loader", FILES)
def test_position_of_too_deep(loader: str) -> None:
    """A text that is too deep is refused where it becomes so, even if it has no end."""
    start = {"json": "", "yaml": "", "toml": "a = "}[loader]
    with refused(rf"nested 100 deep, this one is deeper \(line 1, column {101 + len(start)}\)"):
        LOADERS[loader](start + "[" * 150)


@pytest.mark.parametrize("parser", ["CBaseLoader", "BaseLoader"])
def test_yaml_depth_without_libyaml(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """YAML may be as deep with libyaml as without it."""
    monkeypatch.setattr(yaml_, "_LOADER", getattr(yaml_.yaml, parser))
    for text in ("[" * 1_100, "[" * 101 + "]" * 101):
        with pytest.raises(DefinitionError, match=r"100 deep, this one is deeper \(line 1, column 101\)"):
            yaml_.loads(text)
    with pytest.raises(DefinitionError, match="expected a process"):
        yaml_.loads("[" * 100 + "]" * 100)


@pytest.mark.parametrize(
    ("loader", "text", "value"),
    [
        ("json", '"[[\\"[[{{"', '[["[[{{'),
        ("toml", '"[[\\"[[{{"', '[["[[{{'),
        ("toml", "'[[{{'", "[[{{"),
        ("toml", '"""[[""[[\n[["""""', '[[""[[\n[[""'),
        ("toml", "'''[[''[[\n[['''''", "[[''[[\n[[''"),
        ("toml", "1 # [[", 1),
    ],
)
def test_brackets_in_text(loader: str, text: str, value: str | int) -> None:
    """Brackets in a text or in a comment do not nest, and come back as the text."""
    text = text.replace("[[", "[" * 150)
    file = {
        "json": f'{{"key": "p", "stages": [{{"key": "a", "extra": {{"x": {text}}}}}]}}',
        "toml": f"key = 'p'\n[[stages]]\nkey = 'a'\n[stages.extra]\nx = {text}\n",
    }[loader]
    expected = value.replace("[[", "[" * 150) if isinstance(value, str) else value
    process = FILES[loader](file)
    assert isinstance(process, SalesProcess)
    assert process.initial.extra == {"x": expected}


@pytest.mark.parametrize(
    ("loader", "text", "words"),
    [
        ("json", '"\\' * 200_000, "unterminated string"),
        ("json", '"\\"' * 200_000, "extra data"),
        ("toml", 'a = """\\' * 200_000, "unescaped"),
        ("toml", "a = '''" + "''b" * 200_000, "expected \"'''\""),
        ("toml", 'a = "' + '\\"' * 200_000, "unterminated string"),
        ("toml", "a = " + '"\n' * 200_000, "illegal character"),
    ],
)  # fmt: skip
def test_open_quotes(loader: str, text: str, words: str) -> None:
    """Quotes without an end are read once, and refused in the words for each."""
    with refused(words):
        LOADERS[loader](text)


def test_too_deep_data() -> None:
    """Deep nesting in data is refused too."""
    data: list[Any] = []
    for _ in range(100_000):
        data = [data]
    with refused("deep"):
        hubspot.load(data)


@pytest.mark.parametrize("levels", [91, 300, 100_000])
def test_too_deep_extra(levels: int) -> None:
    """What another system keeps with a stage may not be nested deeper than files are."""
    data: dict[str, Any] = {}
    for _ in range(levels - 1):
        data = {"a": data}
    with refused(r"extra: expected data nested at most 90 deep, found deeper"):
        Stage(key="a", extra=data)


def test_data_in_itself() -> None:
    """Data that holds itself is refused."""
    data: dict[str, Any] = {}
    data |= {"a": data, "b": [data, data]}
    with refused(r"extra: expected data nested at most 90 deep, found deeper"):
        Stage(key="a", extra=data)


# What a format can do besides holding data


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
def test_xml_document_type(text: str) -> None:
    """An XML document type is refused."""
    with refused(r"document type is refused"):
        salesforce.load(text)


def test_yaml_bomb() -> None:
    """Aliases that unfold to too many values are refused."""
    lines = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with refused("unfolds to more"):
        yaml_.loads("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [*x]", "stands for nothing that is complete"),
        ("a: *x", "stands for nothing|undefined alias"),
        ("a: !!python/object/apply:os.system ['true']", "no tags"),
        ("--- {}\n--- {}", "one document"),
        ("? [a]\n: 1", "a key is plain text"),
    ],
)
def test_yaml_features(text: str, message: str) -> None:
    """YAML that is more than data is refused."""
    with refused(message):
        yaml_.loads(text)


def test_half_a_character() -> None:
    """A lone surrogate in YAML is refused."""
    with refused(r"'\\ud800' is half a character \(line 2, column 4\)|special characters are not allowed"):
        yaml_.loads("key: p\na: \ud800")


@pytest.mark.parametrize(
    ("loader", "text"),
    [
        ("json", '{"key": "a", "key": "b"}'),
        ("json", '{"key": "p", "stages": [{"key": "a", "extra": {"x": 1, "x": 2}}]}'),
        ("yaml", "key: a\nkey: b"),
        ("toml", "key = 1\nkey = 2"),
        ("hubspot", '{"id": "a", "id": "b", "stages": []}'),
        ("odoo", "id,name,name\n1,a,b\n"),
    ],
)
def test_key_given_twice(loader: str, text: str) -> None:
    """A key that is given twice is refused."""
    with refused("twice|overwrite"):
        LOADERS[loader](text)


# Values


NOT_A_NUMBER = "<standardValue><fullName>a</fullName><probability>nan</probability></standardValue>"


@pytest.mark.parametrize(
    ("loader", "text"),
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
        ("salesforce", f"<StandardValueSet>{NOT_A_NUMBER}</StandardValueSet>"),
        ("frappe", "deal_status,type,probability\na,Open,nan\n"),
    ],
)  # fmt: skip
def test_probability(loader: str, text: str) -> None:
    """A probability that is not a finite number is refused."""
    with refused(r"cannot be stored|a valid number, .* found '\.nan'|from 0 to 1, found (nan|inf)|4300 digits"):
        LOADERS[loader](text)


@pytest.mark.parametrize("limit", ["1e308", "nan", "inf", "-1"])
def test_time_limit(limit: str) -> None:
    """A time limit that is not a length of time is refused."""
    with refused("expected a number of days, found|a time limit is longer than nothing, found -1 day"):
        odoo.load(f"id,name,rotting_threshold_days\n1,a,{limit}\n")


def test_proto() -> None:
    """`__proto__` is a key like any other, which definitions do not have and CRMs may."""
    with refused("unknown key '__proto__'"):
        json_.loads('{"__proto__": {"x": 1}, "key": "p", "stages": [{"key": "a"}]}')
    with refused("bad key '__proto__'"):
        json_.loads('{"key": "p", "stages": [{"key": "__proto__"}]}')
    kept = hubspot.load('{"id": "__proto__", "stages": [{"id": "constructor", "__proto__": {"x": 1}}]}').process
    assert kept.key == "proto"
    assert kept.initial.extra == {"__proto__": {"x": 1}}
