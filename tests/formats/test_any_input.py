"""Any input at all gives a process or a `DefinitionError`, and never another exception."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesprocess import DefinitionError, SalesProcess, Stage, days, fact
from salesprocess.formats import Imported, frappe, hubspot, odoo, pipedrive, salesforce, toml_
from tests.formats.conftest import FILES, LOADERS

yaml_ = pytest.importorskip("salesprocess.formats.yaml_", reason="PyYAML is an extra")
pytest.importorskip("tomli_w", reason="tomli-w is an extra")

VALID = SalesProcess.linear(
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
    "json": VALID.model_dump(mode="json"),
    "hubspot": hubspot.dump(VALID),
    "pipedrive": pipedrive.dump(VALID),
    "zoho": [{"blueprint": {"process_info": {"id": "1", "name": "P", "field_value": "A"}, "transitions": [STEP]}}],
    "odoo": odoo.dump(VALID),
    "frappe": frappe.dump(VALID),
}
TEXTS: dict[str, str] = {name: json.dumps(data) for name, data in DATA.items()} | {
    "yaml": yaml_.dumps(VALID),
    "toml": toml_.dumps(VALID),
    "salesforce": salesforce.dump(VALID),
    "odoo": odoo.dump_csv(VALID),
    "frappe": frappe.dump_csv(VALID),
}

any_data = st.recursive(
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

pieces = st.sampled_from(
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


def is_loaded(loader: str, source: Any) -> bool:
    """Whether the source is loaded; if not, at least one problem says why."""
    try:
        found = LOADERS[loader](source)
    except DefinitionError as error:
        assert error.problems
        return False
    assert isinstance(found, SalesProcess if loader in FILES else Imported)
    return True


def holders_in(data: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every place in nested data, as the object or list that holds it and its key there."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ()
    for key in keys:
        yield data, key
        yield from holders_in(data[key])


@st.composite
def changed_data(draw: st.DrawFn, valid: Any) -> Any:
    """Draw valid data with something else, or nothing, in up to three places."""
    data = [copy.deepcopy(valid)]
    for _ in range(draw(st.integers(0, 3))):
        holder, key = draw(st.sampled_from(list(holders_in(data))))
        if holder is not data and draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = draw(any_data)
    return data[0]


@st.composite
def changed_text(draw: st.DrawFn, valid: str) -> str:
    """Draw a valid text with something put in or cut out in up to three places."""
    for _ in range(draw(st.integers(0, 3))):
        index = draw(st.integers(0, len(valid)))
        valid = valid[:index] + draw(pieces | st.just("")) + valid[index + draw(st.integers(0, 5)) :]
    return valid


@pytest.mark.parametrize("loader", DATA)
def test_data(loader: str) -> None:
    """Data is loaded or refused, as text and as it is."""
    outcomes: set[bool] = set()

    @given(data=any_data | changed_data(DATA[loader]))
    @settings(max_examples=60, deadline=None)
    def check(data: Any) -> None:
        outcomes.add(is_loaded(loader, json.dumps(data)))
        if loader != "json" and isinstance(data, str | list | dict):
            outcomes.add(is_loaded(loader, data))

    check()
    assert outcomes == {True, False}


@pytest.mark.parametrize("loader", LOADERS)
def test_text(loader: str) -> None:
    """Text is loaded or refused."""
    outcomes: set[bool] = set()

    @given(text=st.lists(pieces | st.text(max_size=3), max_size=25).map("".join) | changed_text(TEXTS[loader]))
    @settings(max_examples=60, deadline=None)
    def check(text: str) -> None:
        outcomes.add(is_loaded(loader, text))

    check()
    assert outcomes == {True, False}
