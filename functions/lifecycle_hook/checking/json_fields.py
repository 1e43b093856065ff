"""Strict reading of ``checks.json`` and ``hooks.json``: a missing, unknown or wrong field raises ``BadCheck``.

``where`` begins the message: the file and the place in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from spotkeeper.errors import BadCheck
from spotkeeper.events.text import read_json, shown


def read(path: Path, where: str) -> str:
    """The text of a file, with line feeds as line ends."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadCheck(f"{where} cannot be read: {type(error).__name__}") from error


def value_of(text: str, where: str) -> Any:
    """The value of JSON text in which no object has a key twice."""
    try:
        return read_json(text)
    except ValueError as error:
        raise BadCheck(f"{where} is not JSON: {error}") from error


def record(value: object, where: str) -> Mapping[str, Any]:
    """An object with any keys."""
    if not isinstance(value, dict):
        raise BadCheck(f"{where} accepts an object, not {shown(value)}")
    return value


def only(value: object, where: str, required: Iterable[str], optional: Iterable[str] = ()) -> Mapping[str, Any]:
    """An object with all ``required`` keys, perhaps with ``optional`` keys, and without any other key."""
    fields, required, optional = record(value, where), list(required), list(optional)
    if missing := [key for key in required if key not in fields]:
        raise BadCheck(f"{where} needs {missing[0]}")
    if unknown := [key for key in fields if key not in [*required, *optional]]:
        raise BadCheck(f"{where} accepts {', '.join([*required, *optional])}, not {shown(unknown[0])}")
    return fields


def entries(value: object, where: str, most: int) -> list[Any]:
    """A list of 1 to ``most`` entries."""
    if not isinstance(value, list) or not 0 < len(value) <= most:
        raise BadCheck(f"{where} accepts a list of 1 to {most} entries")
    return value


def words(value: object, where: str, most: int = 512) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise BadCheck(f"{where} accepts 1 to {most} characters, not {shown(value)}")
    return value


def whole(value: object, bounds: tuple[int, int], where: str) -> int:
    """A whole number; both bounds are included."""
    if not isinstance(value, int) or isinstance(value, bool) or not bounds[0] <= value <= bounds[1]:
        given = value if isinstance(value, int) else shown(value)
        raise BadCheck(f"{where} accepts a whole number from {bounds[0]} to {bounds[1]}, not {given}")
    return value
