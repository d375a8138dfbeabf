"""The commands `show` and `convert` of `python -m salesprocess`.

Exit codes: 0 done, 2 bad input. What an import had to assume is written to the error stream.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from salesprocess._text import suggestion
from salesprocess.errors import DefinitionError
from salesprocess.formats.text_source import MAX_BYTES
from salesprocess.process import SalesProcess

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - the only name of its type

Load: TypeAlias = Callable[[str], SalesProcess]

DONE, BAD_INPUT = 0, 2
_FILES = {"json": "json_", "yaml": "yaml_", "toml": "toml_"}
_CRMS = ("hubspot", "pipedrive", "salesforce", "zoho", "odoo", "frappe")
_SHOWN = {"markdown": "dumps", "table": "transition_table", "html": "dumps"}
_DRAWN = {"mermaid": "dumps", "dot": "dumps", "svg": "to_svg"}
_SUFFIXES = {"yml": "yaml", "md": "markdown", "htm": "html", "mmd": "mermaid", "gv": "dot", "xml": "salesforce"}


def add_show(commands: Commands, load: Load) -> None:
    """Adds `show`; `load` gives the process that is named on the command line."""
    parser = commands.add_parser("show", help="print a process as words or as a picture")
    parser.add_argument("process", metavar="FILE|module:NAME", help="a JSON, YAML or TOML file, or a process in Python")
    parser.add_argument("--as", dest="form", choices=[*_SHOWN, *_DRAWN], default="markdown", help="what to print")
    parser.add_argument(
        "--path", metavar="STAGE,STAGE", default="", help="in a picture: the stages a deal went through"
    )
    parser.set_defaults(run=lambda given: _guarded(_show, given, load))


def add_convert(commands: Commands, load: Load) -> None:
    """Adds `convert`; `load` gives the process that is named on the command line."""
    parser = commands.add_parser("convert", help="turn a definition into another format")
    parser.add_argument("source", metavar="FILE|module:NAME", help="where it is")
    parser.add_argument("target", metavar="FILE", help="where it goes; - for the output, as JSON unless --to is given")
    parser.add_argument("--from", dest="read", choices=_CRMS, help="the CRM that the source comes from")
    parser.add_argument("--to", dest="write", choices=[*_FILES, *_CRMS, *_SHOWN, *_DRAWN], help="default: the suffix")
    parser.set_defaults(run=lambda given: _guarded(_convert, given, load))


def _guarded(run: Callable[[argparse.Namespace, Load], None], given: argparse.Namespace, load: Load) -> int:
    try:
        run(given, load)
    except KeyError as error:
        sys.stderr.write(f"salesprocess: {error.args[0]}\n")
    except (DefinitionError, OSError, ValueError, ImportError, subprocess.SubprocessError) as error:
        sys.stderr.write(f"salesprocess: {error}\n")
    else:
        return DONE
    return BAD_INPUT


def _show(given: argparse.Namespace, load: Load) -> None:
    path = [key for key in given.path.split(",") if key]
    sys.stdout.write(written(load(given.process), given.form, **({"path": path} if path else {})))


def _convert(given: argparse.Namespace, load: Load) -> None:
    if given.read is None:
        process = load(given.source)
    else:
        with Path(given.source).open("rb") as file:
            imported = _module(given.read).load(file.read(MAX_BYTES + 1))
        process = imported.process
        for assumption in imported.assumptions:
            sys.stderr.write(f"assumed: {assumption}\n")
    form = given.write or ("json" if given.target == "-" else _form_of(given.target))
    text = written(process, form)
    if given.target == "-":
        sys.stdout.write(text)
    else:
        Path(given.target).write_text(text, encoding="utf-8")


def _form_of(target: str) -> str:
    suffix = Path(target).suffix.lower().removeprefix(".")
    form = _SUFFIXES.get(suffix, suffix)
    known = [*_FILES, *_SHOWN, *_DRAWN, "salesforce"]
    if form not in known:
        raise ValueError(f"no format for {target!r}{suggestion(form, known)}; or name it with --to")
    return form


def written(process: SalesProcess, form: str, **options: Any) -> str:
    """The process as text in a format."""
    if form in _CRMS:
        data = _module(form).dump(process)
        return data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    if form in _DRAWN:
        return str(getattr(_module("dot" if form == "svg" else form), _DRAWN[form])(process, **options))
    if options:
        raise ValueError(f"a path is for pictures: {', '.join(_DRAWN)}")
    module = _module(_FILES.get(form, "markdown" if form == "table" else form))
    return str(getattr(module, _SHOWN.get(form, "dumps"))(process))


def _module(name: str) -> Any:
    # The names come from the tables above, never from a file.
    return import_module(f"salesprocess.formats.{name}")
