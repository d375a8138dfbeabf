"""What the tests of the catalog share."""

from __future__ import annotations

import pytest

from salesprocess import SalesProcess, catalog


@pytest.fixture(params=catalog.all(), ids=lambda process: process.key)
def process(request: pytest.FixtureRequest) -> SalesProcess:
    """Each shipped process in turn."""
    found: SalesProcess = request.param
    return found
