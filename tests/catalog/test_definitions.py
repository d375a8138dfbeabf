"""The shipped processes as definitions: complete, stable, and found by name."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from salesprocess import SalesProcess, catalog

DOCS = Path(__file__).parents[2] / "docs"

# A change here changes what a deal is asked for: it needs a new version of the process and a line in the CHANGELOG.
FINGERPRINTS = {
    "pipeliner": "abc97a28aa4b5431",
    "seven_stage": "097a30de6f434898",
    "seven_step": "e01f2ee78d9e78c0",
    "six_step": "f71c3f011b0a83b2",
    "commercial": "6870f2a0d86d6c32",
    "funnel": "bc58a3899ac2a94c",
}


def test_fingerprint(process: SalesProcess) -> None:
    """The meaning of a shipped process is what it was."""
    assert process.fingerprint == FINGERPRINTS[process.key], (
        f"{process.key} means something else than it did: deals under way are asked for other things. "
        "If that is meant, raise its version, say so in the CHANGELOG, and pin the new fingerprint here."
    )


def test_json(process: SalesProcess) -> None:
    """JSON keeps all of a process."""
    assert SalesProcess.model_validate_json(process.model_dump_json()) == process


def test_phases(process: SalesProcess) -> None:
    """Open and won stages go through top, middle, bottom and after, in this order; the won ones are after the sale."""
    way = [stage for stage in process.stages if stage.kind in {"open", "won"}]
    assert list(dict.fromkeys(stage.phase for stage in way)) == ["top", "middle", "bottom", "after"]
    assert [stage.phase == "after" for stage in way] == [stage.kind == "won" for stage in way]


def test_guidance(process: SalesProcess) -> None:
    """Every stage has an objective, every criterion a label and the evidence it needs."""
    assert all(stage.objective for stage in process.stages)
    criteria = [criterion for stage in process.stages for criterion in stage.exit_criteria]
    criteria += [criterion for transition in process.transitions for criterion in transition.criteria]
    assert [criterion.key for criterion in criteria if not (criterion.label and criterion.evidence)] == []


def test_probabilities(process: SalesProcess) -> None:
    """No probability is made up."""
    assert {stage.probability for stage in process.stages} == {None}


def test_commercial_owners() -> None:
    """Somebody is responsible for every stage of COMMERCIAL."""
    assert [stage.key for stage in catalog.COMMERCIAL.stages if not stage.owner] == []


def test_six_step_activities() -> None:
    """Every step of SIX_STEP has two activities."""
    way = [stage for stage in catalog.SIX_STEP.stages if stage.kind in {"open", "won"}]
    assert {len(stage.activities) for stage in way} == {2}


def test_get(process: SalesProcess) -> None:
    """A process is found by its key, under its own constant."""
    assert catalog.get(process.key) is process
    assert getattr(catalog, process.key.upper()) is process


def test_get_unknown_key() -> None:
    """An unknown key is refused with the nearest one."""
    with pytest.raises(KeyError, match="unknown process 'seven_stages' in the catalog; did you mean 'seven_stage'"):
        catalog.get("seven_stages")


def test_page() -> None:
    """The page of the catalog is what its script prints."""
    printed = runpy.run_path(str(DOCS / "generate_catalog.py"))["page"]()
    assert (DOCS / "reference" / "catalog.md").read_text(encoding="utf-8") == printed, (
        "the page is out of date: python docs/generate_catalog.py > docs/reference/catalog.md"
    )
