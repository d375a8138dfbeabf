"""Definitions in and out of the library: files, pictures, words, and the CRM that a company has.

Each format is a module of its own. `load` and `dump` choose the one that a file's suffix names.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from salesprocess._text import suggestion
from salesprocess.formats.crm_import import Assumption, Imported
from salesprocess.formats.loading import MAX_BYTES

if TYPE_CHECKING:
    from types import ModuleType

    from salesprocess.process import SalesProcess

__all__ = ["SUFFIXES", "Assumption", "Imported", "dump", "load"]

# Literal names, so that a file's name never chooses what is imported.
SUFFIXES = {".json": "json_", ".yaml": "yaml_", ".yml": "yaml_", ".toml": "toml_"}


def load(path: str | Path) -> SalesProcess:
    """Return the process in a JSON, YAML or TOML file.

    Raises:
        DefinitionError: with every mistake, each with its line and column.
        ValueError: for a file name with another suffix.
        OSError: for a file that cannot be read.
    """
    path = Path(path)
    module = _module_for(path)
    with path.open("rb") as file:
        # One byte more than is allowed is enough to refuse the rest unread.
        process: SalesProcess = module.loads(file.read(MAX_BYTES + 1), name=str(path))
    return process


def dump(process: SalesProcess, path: str | Path) -> None:
    """Write the process to a JSON, YAML or TOML file, in UTF-8.

    Raises:
        ValueError: for a file name with another suffix.
        OSError: for a file that cannot be written.
    """
    path = Path(path)
    path.write_text(_module_for(path).dumps(process), encoding="utf-8")


def _module_for(path: Path) -> ModuleType:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"no format for {str(path)!r}{suggestion(suffix, SUFFIXES)}")
    return import_module(f"{__name__}.{SUFFIXES[suffix]}")
