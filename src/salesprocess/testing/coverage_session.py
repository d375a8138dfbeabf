"""Coverage of processes over a pytest run, on one machine or on the workers of xdist."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from salesprocess.testing.coverage import Coverage
from salesprocess.testing.coverage_report import page, table
from salesprocess.testing.engine_listener import watching

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["CoveragePlugin"]

_SENT_AS = "salesprocess_coverage"


class CoveragePlugin:
    """Watches the engines from before the first conftest to the end of the run, then reports."""

    def __init__(self, config: pytest.Config) -> None:
        self.coverage: Coverage = Coverage()
        self._options = config.known_args_namespace
        self._undo = ExitStack()
        self._undo.enter_context(watching(self.coverage.of))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Add what a worker of xdist saw."""
        sent = getattr(node, "workeroutput", {}).get(_SENT_AS)
        if sent:
            self.coverage.add(json.loads(sent))

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None, object, object]:
        """Send what was seen to the controller, or write the reports; fail a run that exercised too little."""
        result = yield
        sends = getattr(session.config, "workeroutput", None)
        if sends is not None:
            sends[_SENT_AS] = json.dumps(self.coverage.model_dump())
            return result
        self._write()
        if self._falls_short() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return result

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        terminalreporter.section("process coverage")
        if not self.coverage.processes:
            terminalreporter.line("no engine was built in this run: the tests must use the engine of your application")
            return
        for line in table(self.coverage):
            terminalreporter.line(line)
        if self._falls_short():
            terminalreporter.line(f"less than --process-fail-under={self._options.process_fail_under:g}", red=True)

    def pytest_unconfigure(self) -> None:
        """Stop listening to the engines."""
        self._undo.close()

    def _falls_short(self) -> bool:
        least = self._options.process_fail_under
        return least is not None and (not self.coverage.processes or self.coverage.percent < least)

    def _write(self) -> None:
        if self._options.process_coverage_json:
            text = json.dumps(self.coverage.model_dump(), indent=2)
            Path(self._options.process_coverage_json).write_text(f"{text}\n", encoding="utf-8")
        if self._options.process_coverage_html:
            Path(self._options.process_coverage_html).write_text(page(self.coverage), encoding="utf-8")
