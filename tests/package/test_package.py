"""The package as it is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

import salesprocess

EXTRAS = {"narwhals", "polars", "pandas", "sqlalchemy", "django", "hypothesis", "pytest", "yaml", "matplotlib", "numpy"}


def test_names() -> None:
    """Every public name is listed, found and documented."""
    assert dir(salesprocess) == salesprocess.__all__ == sorted(salesprocess.__all__)
    for name in salesprocess.__all__:
        assert getattr(salesprocess, name).__doc__


def test_unknown_name() -> None:
    """An unknown name is an attribute error."""
    with pytest.raises(AttributeError, match="no attribute 'Engin'"):
        salesprocess.Engin  # noqa: B018 - asking is the test


def test_extras() -> None:
    """The core loads no extra."""
    code = "import sys, salesprocess.catalog, salesprocess.history; salesprocess.Engine; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert EXTRAS.isdisjoint(run.stdout.split())


@pytest.mark.parametrize(
    ("name", "packages"),
    [("Problem", "errors"), ("fact", "criteria errors"), ("SalesProcess", "criteria errors process")],
)
def test_lazy(name: str, packages: str) -> None:
    """A public name loads the package that has it and those below, and none above."""
    code = f"import sys, salesprocess; salesprocess.{name}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {module.split(".")[1] for module in run.stdout.split() if module.startswith("salesprocess.")}
    assert {package for package in loaded if not package.startswith("_")} == set(packages.split())
