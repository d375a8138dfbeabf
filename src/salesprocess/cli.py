"""The command line: `python -m salesprocess COMMAND`.

Exit codes: 0 done, and nothing found; 1 problems or differences found; 2 bad input.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from salesprocess import formats
from salesprocess._text import suggestion
from salesprocess.assurance import diff, problems
from salesprocess.errors import DefinitionError
from salesprocess.formats.loading import MAX_BYTES
from salesprocess.process import SalesProcess

CLEAN, FOUND, BAD_INPUT = 0, 1, 2
_PROCESS: Final = "FILE|module:NAME"
# A text that is no definition at all, as against one with mistakes in it.
_UNREADABLE: Final = {"bad_json", "bad_yaml", "bad_toml", "not_utf8", "too_long"}
_CRMS: Final = ("hubspot", "pipedrive", "salesforce", "zoho", "odoo", "frappe")
_PICTURES: Final = ("mermaid", "dot", "svg")
_SHOWN: Final = ("markdown", "table", "html", *_PICTURES)
# Module and function for each form that a process is written in. The command line chooses a row, never a module.
_WRITERS: Final[Mapping[str, tuple[str, str]]] = {
    "json": ("json_", "dumps"),
    "yaml": ("yaml_", "dumps"),
    "toml": ("toml_", "dumps"),
    **{crm: (crm, "dump") for crm in _CRMS},
    "markdown": ("markdown", "dumps"),
    "table": ("markdown", "transition_table"),
    "html": ("html", "dumps"),
    "mermaid": ("mermaid", "dumps"),
    "dot": ("dot", "dumps"),
    "svg": ("dot", "to_svg"),
}
_FORM_OF_SUFFIX: Final = {
    **{f".{form}": form for form in _WRITERS if form not in _CRMS},
    ".yml": "yaml",
    ".md": "markdown",
    ".htm": "html",
    ".mmd": "mermaid",
    ".gv": "dot",
    ".xml": "salesforce",
}


class _BadInputError(Exception):
    """What the command line names is missing or cannot be read."""


class Command(NamedTuple):
    """A command: `add_arguments` says what it takes, `run` does it and returns the exit code."""

    name: str
    summary: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        code: int = given.run(given)
    except (
        _BadInputError,
        DefinitionError,
        ImportError,
        OSError,
        UnicodeError,
        subprocess.SubprocessError,
    ) as error:
        print(f"salesprocess: {error}", file=sys.stderr)
        return BAD_INPUT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m salesprocess", description="Sales processes as data.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        subparser = commands.add_parser(command.name, help=command.summary)
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def _add_check_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("process", metavar=_PROCESS, help="a JSON, YAML or TOML file, or a process in Python")
    parser.add_argument("--deal", metavar="module:NAME", help="the deal type that the criteria must fit")
    parser.add_argument("--known", metavar=_PROCESS, action="append", help="a process that may be started; repeatable")
    parser.add_argument(
        "--waive", metavar="CODE=REASON", action="append", default=[], help="a code to let pass, and why; repeatable"
    )


def _check(given: argparse.Namespace) -> int:
    try:
        process = load_process(given.process)
        known = None if given.known is None else [load_process(each) for each in given.known]
        deal_type = None if given.deal is None else load_object(given.deal)
    except DefinitionError as error:
        print(error)
        return FOUND
    waive = dict(each.partition("=")[::2] for each in given.waive)
    found = problems(process, deal_type, known=known, waive=waive)
    for problem in found:
        print(f"{problem.path}: {problem.code}: {problem.message}")
    count = f"{len(found)} {'problem' if len(found) == 1 else 'problems'}" if found else "no problems"
    print(f"{process}: {count}")
    return FOUND if found else CLEAN


def _add_diff_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", metavar="OLD", help=f"the process before: {_PROCESS}")
    parser.add_argument("new", metavar="NEW", help=f"the process after: {_PROCESS}")


def _diff(given: argparse.Namespace) -> int:
    found = diff(load_process(given.old), load_process(given.new))
    print(found)
    return FOUND if found else CLEAN


def _add_show_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("process", metavar=_PROCESS, help="a JSON, YAML or TOML file, or a process in Python")
    parser.add_argument("--as", dest="form", choices=_SHOWN, default="markdown", help="what to print")
    parser.add_argument(
        "--path", metavar="STAGE,STAGE", default="", help="in a picture: the stages that a deal went through"
    )


def _show(given: argparse.Namespace) -> int:
    process = load_process(given.process)
    path = [key for key in given.path.split(",") if key]
    if not path:
        sys.stdout.write(write_as(process, given.form))
        return CLEAN
    if given.form not in _PICTURES:
        raise _BadInputError(f"a path is for pictures: {', '.join(_PICTURES)}")
    try:
        sys.stdout.write(write_as(process, given.form, path=path))
    except KeyError as error:
        raise _BadInputError(error.args[0]) from None
    return CLEAN


def _add_convert_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar=_PROCESS, help="what to read; with --from, a file that the CRM gave")
    parser.add_argument("target", metavar="FILE", help="what to write; - for the output, as JSON unless --to is given")
    parser.add_argument("--from", dest="crm", choices=_CRMS, help="the CRM that the source comes from")
    parser.add_argument("--to", dest="form", choices=_WRITERS, help="default: what the suffix of the target says")


def _convert(given: argparse.Namespace) -> int:
    process = load_process(given.source) if given.crm is None else _load_crm(given.crm, given.source)
    form = given.form or ("json" if given.target == "-" else _form_of(given.target))
    text = write_as(process, form)
    if given.target == "-":
        sys.stdout.write(text)
    else:
        Path(given.target).write_text(text, encoding="utf-8")
    return CLEAN


def _load_crm(crm: str, path: str) -> SalesProcess:
    """Read what a CRM gave, and write what the import assumed to the error stream."""
    with Path(path).open("rb") as file:
        imported = importlib.import_module(f"salesprocess.formats.{crm}").load(file.read(MAX_BYTES + 1))
    for assumption in imported.assumptions:
        print(f"assumed: {assumption}", file=sys.stderr)
    process: SalesProcess = imported.process
    return process


def _form_of(target: str) -> str:
    suffix = Path(target).suffix.lower()
    if suffix not in _FORM_OF_SUFFIX:
        raise _BadInputError(f"no format for {target!r}{suggestion(suffix, _FORM_OF_SUFFIX)}; or name it with --to")
    return _FORM_OF_SUFFIX[suffix]


def write_as(process: SalesProcess, form: str, **options: Any) -> str:
    """Return the process as text in one of the forms of `convert --to`."""
    module, function = _WRITERS[form]
    written = getattr(importlib.import_module(f"salesprocess.formats.{module}"), function)(process, **options)
    return written if isinstance(written, str) else json.dumps(written, indent=2, ensure_ascii=False) + "\n"


def load_process(named: str) -> SalesProcess:
    """Return the process in a JSON, YAML or TOML file, or under a name in a module, which is the user's own code.

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
    """Return what a module has under a name: `app.sales:PROCESS`, with dots for what is inside that."""
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


COMMANDS: Final = (
    Command("check", "report everything that is wrong with a process", _add_check_arguments, _check),
    Command("diff", "report what changed from one process to another", _add_diff_arguments, _diff),
    Command("show", "print a process as words or as a picture", _add_show_arguments, _show),
    Command("convert", "turn a definition into another format", _add_convert_arguments, _convert),
)
