"""The door through which pytest finds `salesprocess.testing`: options and fixtures, and nothing that costs.

pytest imports this module in every run of everybody who has the library installed, whether or not they use it there.
It therefore imports nothing of the package before it is asked for something.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from salesprocess import SalesProcess
    from salesprocess.testing import FrozenClock, RecordingHooks


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options, all of them off."""
    group = parser.getgroup("salesprocess", "coverage of sales processes")
    group.addoption(
        "--process-coverage",
        action="store_true",
        help="report which stages, transitions, criteria and refusals of each sales process the tests exercise",
    )
    group.addoption(
        "--process-fail-under",
        type=float,
        metavar="PERCENT",
        help="fail if less than this share of the processes is exercised",
    )
    group.addoption("--process-coverage-json", metavar="FILE", help="write the process coverage as JSON")
    group.addoption("--process-coverage-html", metavar="FILE", help="write the process coverage as an HTML page")
    group.addoption(
        "--process-snapshot-update", action="store_true", help="accept sales processes as they are as their snapshots"
    )


def _asked_for(options: Any) -> bool:
    return bool(
        options.process_coverage
        or options.process_fail_under is not None
        or options.process_coverage_json
        or options.process_coverage_html
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start to listen before any conftest can build an engine."""
    if _asked_for(early_config.known_args_namespace):
        from salesprocess.testing.coverage_session import CoveragePlugin  # noqa: PLC0415 - see the module's docstring

        early_config.pluginmanager.register(CoveragePlugin(early_config), "salesprocess-coverage")


@pytest.fixture
def frozen_clock() -> FrozenClock:
    """Return a clock for `Engine(clock=...)` that moves only by `advance`."""
    from salesprocess.testing.doubles import FrozenClock  # noqa: PLC0415 - see the module's docstring

    return FrozenClock()


@pytest.fixture
def recording_hooks() -> RecordingHooks[Any]:
    """Return hooks for `Engine(hooks=...)` that record each event in `seen`."""
    from salesprocess.testing.doubles import RecordingHooks  # noqa: PLC0415 - see the module's docstring

    return RecordingHooks()


@pytest.fixture
def process_snapshot(request: pytest.FixtureRequest) -> Callable[[SalesProcess], None]:
    """Compare a process with its snapshot beside the test; `--process-snapshot-update` writes a new one."""
    from salesprocess.testing.snapshot import assert_unchanged  # noqa: PLC0415 - see the module's docstring

    update = bool(request.config.getoption("--process-snapshot-update"))
    folder = request.path.parent / "process_snapshots"

    def compare(process: SalesProcess) -> None:
        __tracebackhide__ = True
        assert_unchanged(process, folder / f"{process.key}.json", update=update)

    return compare
