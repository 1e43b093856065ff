"""The settings in ``environmentVariables``, read by the code that will read them in Function Compute."""

from __future__ import annotations

import ast
import difflib
import importlib
from collections.abc import Collection, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

from spotkeeper import settings
from spotkeeper.errors import BadSetting
from spotkeeper.settings.types import DirectoryLocation
from spotkeeper.settings.variables import KNOWN
from tools.check_deployment.complaint import Complaint
from tools.check_deployment.resolve import ACCOUNT

MOST_BYTES = 4096
"""Of all names and values of a function together (Function Compute: Configure environment variables)."""

_ANY_ACCOUNT = "1690701234567830"


class Settings(Protocol):
    """One of the frozen classes of ``spotkeeper.settings``."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Settings:
        """The settings in an environment. Raises ``BadSetting``."""


class Recording(dict[str, str]):
    """An environment that records which names are read; defaults are the reader's."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        super().__init__(variables)
        self.asked: set[str] = set()

    def get(self, name: str, default: Any = None) -> Any:
        """The variable; noted."""
        self.asked.add(name)
        return super().get(name, default)


@cache
def classes(folder: Path) -> list[type[Settings]]:
    """The settings classes that the modules of a function's folder import."""
    imported = set()
    for module in sorted(folder.rglob("*.py")):
        for statement in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
            if isinstance(statement, ast.ImportFrom) and (statement.module or "").startswith(settings.__name__):
                imported |= {(alias.name, str(statement.module)) for alias in statement.names}
    found = [getattr(importlib.import_module(name), reader) for reader, name in sorted(imported)]
    return [cast("type[Settings]", reader) for reader in found if hasattr(reader, "from_env")]


def read_by(folder: Path) -> set[str]:
    """The variables that a function reads."""
    environ = Recording({"SPOTKEEPER_JOURNAL": "oss://bucket/prefix"})
    for reader in classes(folder):
        reader.from_env(environ)
    return environ.asked


def complaints(functions: Mapping[str, Mapping[str, Any]], root: Path) -> Iterator[Complaint]:
    """The mistakes in the environments of the functions (props by name) of the checkout ``root``."""
    folders = {name: root / "functions" / name for name in functions}
    known = KNOWN.union(*map(read_by, folders.values()))
    for name, props in functions.items():
        at, variables = f"resources.{name}.props.environmentVariables", props["environmentVariables"]
        for variable in sorted(set(variables) - known):
            yield Complaint(
                f"{at}.{variable}", f"it is not a setting{_hint(variable, known)}", "a name in docs/configuration.md"
            )
        for variable in sorted(read_by(folders[name]) - set(variables)):
            yield Complaint(f"{at}.{variable}", "it is missing", "every setting that the function reads, with a value")
        yield from _size(at, variables)
        environ = {key: variables[key].replace(ACCOUNT, _ANY_ACCOUNT) for key in known & set(variables)}
        for reader in classes(folders[name]):
            yield from _refused(at, reader, environ)


def _hint(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _size(at: str, variables: Mapping[str, str]) -> Iterator[Complaint]:
    size = sum(len(f"{name}{value}".encode()) for name, value in variables.items())
    if size > MOST_BYTES:
        yield Complaint(at, f"it has {size} bytes", f"at most {MOST_BYTES} bytes of names and values")


def _refused(at: str, reader: type[Settings], environ: Mapping[str, str]) -> Iterator[Complaint]:
    """The settings that the function would refuse, and a journal that would be lost with the instance."""
    try:
        journal = getattr(reader.from_env(environ), "journal", None)
    except BadSetting as error:
        variable, _, wrong = str(error).partition(" ")
        yield Complaint(f"{at}.{variable}", f"{reader.__name__} refuses it", f"it {wrong}")
    else:
        if isinstance(journal, DirectoryLocation):
            yield Complaint(f"{at}.SPOTKEEPER_JOURNAL", "a directory is lost with its instance", "oss://bucket/prefix")
