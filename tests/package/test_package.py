"""The package as it is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

import salesprocess

EXTRAS = {"narwhals", "polars", "pandas", "sqlalchemy", "django", "hypothesis", "pytest", "yaml", "matplotlib", "numpy"}


def test_every_public_name_is_there() -> None:
    assert dir(salesprocess) == salesprocess.__all__ == sorted(salesprocess.__all__)
    for name in salesprocess.__all__:
        assert getattr(salesprocess, name).__doc__


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Engin'"):
        salesprocess.Engin  # noqa: B018 - asking is the test


def test_core_loads_no_extra() -> None:
    code = "import sys, salesprocess.catalog, salesprocess.history; salesprocess.Engine; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert EXTRAS.isdisjoint(run.stdout.split())
