"""The command line: `python -m salesprocess check FILE|module:NAME`.

Exit codes: 0 clean, 1 problems or differences, 2 bad input.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from salesprocess import formats
from salesprocess.assurance import diff, problems
from salesprocess.errors import DefinitionError
from salesprocess.formats.commands import add_convert, add_show
from salesprocess.process import SalesProcess

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - the only name of its type

CLEAN, FOUND, BAD_INPUT = 0, 1, 2
# A text that is no definition at all, as against one with mistakes in it.
_UNREADABLE = {"bad_json", "bad_yaml", "bad_toml", "not_utf8", "too_long"}


class _BadInputError(Exception):
    """What was named is not there, or is nothing that can be read."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; the exit code is what it came to."""
    parser = argparse.ArgumentParser(prog="python -m salesprocess", description="Sales processes as data.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for add in COMMANDS:
        add(commands)
    given = parser.parse_args(arguments)
    try:
        found: int = given.run(given)
    except _BadInputError as error:
        print(f"salesprocess: {error}", file=sys.stderr)
        return BAD_INPUT
    return found


def _add_check(commands: Commands) -> None:
    parser = commands.add_parser("check", help="report everything that is wrong with a process")
    parser.add_argument(
        "process", metavar="FILE|module:NAME", help="a JSON, YAML or TOML file, or a name in Python code"
    )
    parser.add_argument("--deal", metavar="module:NAME", help="the deal type that its criteria are to fit")
    parser.add_argument(
        "--known", metavar="FILE|module:NAME", action="append", help="a process that may be started; can be repeated"
    )
    parser.add_argument(
        "--waive", metavar="CODE=REASON", action="append", default=[], help="a code to let pass, and why"
    )
    parser.set_defaults(run=_check)


def _check(given: argparse.Namespace) -> int:
    try:
        process = load_process(given.process)
        known = None if given.known is None else [load_process(each) for each in given.known]
        deal_type = None if given.deal is None else load_object(given.deal)
    except DefinitionError as error:
        print(error)
        return FOUND
    waive = dict(each.partition("=")[::2] for each in given.waive)
    try:
        found = problems(process, deal_type, known=known, waive=waive)
    except DefinitionError as error:
        raise _BadInputError(str(error)) from None
    for problem in found:
        print(f"{problem.path}: {problem.code}: {problem.message}")
    count = f"{len(found)} {'problem' if len(found) == 1 else 'problems'}" if found else "no problems"
    print(f"{process}: {count}")
    return FOUND if found else CLEAN


def _add_diff(commands: Commands) -> None:
    parser = commands.add_parser("diff", help="report what changed from one process to another")
    parser.add_argument("old", metavar="OLD", help="a definition in a file, or module:NAME")
    parser.add_argument("new", metavar="NEW", help="the same")
    parser.set_defaults(run=_diff)


def _diff(given: argparse.Namespace) -> int:
    try:
        found = diff(load_process(given.old), load_process(given.new))
    except DefinitionError as error:
        raise _BadInputError(str(error)) from None
    print(found)
    return FOUND if found else CLEAN


def load_process(named: str) -> SalesProcess:
    """The process in a JSON, YAML or TOML file, or under a name in a module, which is the user's own code.

    Raises:
        DefinitionError: for a definition with mistakes.
    """
    if ":" in named and not Path(named).exists():
        found = load_object(named)
        if not isinstance(found, SalesProcess):
            raise _BadInputError(f"{named} is a {type(found).__name__}, not a SalesProcess")
        return found
    try:
        return formats.load(named)
    except (OSError, ValueError, ImportError) as error:
        if isinstance(error, DefinitionError) and not _UNREADABLE.intersection(each.code for each in error.problems):
            raise
        raise _BadInputError(f"cannot read {named}: {error}") from None


def load_object(named: str) -> Any:
    """What a module has under a name: `app.sales:PROCESS`, with dots for what is inside that."""
    module, colon, path = named.partition(":")
    if not (module and colon and path):
        raise _BadInputError(f"{named!r} names nothing in Python: write module:NAME")
    try:
        found: Any = importlib.import_module(module)
    except DefinitionError:
        raise
    except Exception as error:
        raise _BadInputError(f"cannot import {module}: {type(error).__name__}: {error}") from error
    for name in path.split("."):
        if not hasattr(found, name):
            raise _BadInputError(f"{module} has no {path!r}")
        found = getattr(found, name)
    return found


COMMANDS: Final[tuple[Callable[[Commands], None], ...]] = (
    _add_check,
    _add_diff,
    partial(add_show, load=load_process),
    partial(add_convert, load=load_process),
)
