"""Salesforce's stages and paths, in and out, and the history of its opportunities."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from salesprocess import DefinitionError, Engine, SalesProcess, Stage
from salesprocess.formats import salesforce
from tests.formats.conftest import assumed, kinds


def standard_value(name: str, **members: object) -> str:
    body = "".join(f"<{tag}>{value}</{tag}>" for tag, value in members.items())
    return (
        f"<standardValue><fullName>{name}</fullName><default>false</default><label>{name}</label>{body}</standardValue>"
    )


def value_set(*values: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<StandardValueSet xmlns="http://soap.sforce.com/2006/04/metadata">'
        f"<sorted>false</sorted>{''.join(values)}</StandardValueSet>"
    )


VALUES = value_set(
    standard_value("S0 &amp; S1", closed="false", won="false", probability=0, forecastCategory="Pipeline"),
    standard_value("Proposal/Price Quote", closed="false", won="false", probability=100, forecastCategory="Forecast"),
    standard_value("Closed Won", closed="true", won="true", probability=50, forecastCategory="Closed"),
    standard_value("Closed Lost", closed="true", won="false", probability=100, forecastCategory="MostLikely"),
    standard_value("Old", isActive="false", closed="false", won="false"),
)
PATH = """<PathAssistant xmlns="http://soap.sforce.com/2006/04/metadata"><active>true</active>
<pathAssistantSteps><fieldNames>Amount</fieldNames><fieldNames>NextStep</fieldNames>
<info>&lt;b&gt;Ask&lt;/b&gt; for the budget</info><picklistValueName>Proposal/Price Quote</picklistValueName>
</pathAssistantSteps></PathAssistant>"""


def test_kinds() -> None:
    """`closed` and `won` say what a stage is, whatever the probability."""
    imported = salesforce.load(VALUES)
    assert kinds(imported) == {
        "s0_s1": "open",
        "proposal_price_quote": "open",
        "closed_won": "won",
        "closed_lost": "lost",
    }
    assert imported.process.stage("proposal_price_quote").forecast == "commit"
    assert imported.process.stage("s0_s1").name == "S0 & S1"
    assert assumed(imported) == {"forecast", "key", "left_out", "moves"}


def test_path() -> None:
    """The fields of a path are advisory criteria: they guide, and block nothing."""
    process = salesforce.load(VALUES, path=PATH).process
    stage = process.stage("proposal_price_quote")
    assert [(criterion.key, criterion.severity) for criterion in stage.exit_criteria] == [
        ("Amount", "advisory"),
        ("NextStep", "advisory"),
    ]
    assert stage.tactics == ("Ask  for the budget",)
    decision = Engine(process).check({"stage": stage.key}, "win", to="closed_won")
    assert decision
    assert len(decision.advisories) == 2
    assert salesforce.load(salesforce.dump(process), path=salesforce.dump_path(process)).process == process


def test_control_character() -> None:
    """A name that XML cannot hold is refused when it is written."""
    process = SalesProcess.linear(key="p", stages=[Stage(key="a", name="bell \x07")])
    with pytest.raises(DefinitionError, match=r"not well-formed"):
        salesforce.dump(process)


def test_round_trip() -> None:
    """What came from Salesforce goes back and comes again the same."""
    process = salesforce.load(VALUES).process
    assert salesforce.load(salesforce.dump(process)).process == process


def test_real_metadata(real_sample: Callable[[str], bytes]) -> None:
    """A real value set comes in and goes back."""
    process = salesforce.load(real_sample("salesforce/OpportunityStage.standardValueSet-meta.xml")).process
    assert salesforce.load(salesforce.dump(process)).process == process


def test_history() -> None:
    """Rows that leave the stage as it is are no moves."""
    stages = ["S0 & S1", "S0 & S1", "Proposal/Price Quote", "Proposal/Price Quote", "Closed Won"]
    rows = [
        {
            "OpportunityId": "006",
            "StageName": name,
            "CreatedDate": f"2026-01-0{n}T09:00:00.000+0000",
            "CreatedById": "005",
        }
        for n, name in enumerate(stages, 1)
    ]
    log = salesforce.load_history(rows, salesforce.load(VALUES).process)
    assert [change.dest for change in log.histories["006"].changes] == ["s0_s1", "proposal_price_quote", "closed_won"]
    assert log.collapsed == 2
    assert log.histories["006"].changes[0].by == "005"
