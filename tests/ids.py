"""Readable ids of parametrised cases: the values themselves, where pytest would number them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from pathlib import PurePath
from types import FunctionType
from typing import Any

LONGEST = 100
"""Characters of an id; the rest is replaced by a checksum, so that ids differ."""


def readable(value: Any) -> str | None:
    """The value as text; None for values that pytest names well, and for those whose text differs from run to run."""
    if value is None or isinstance(value, (bool, int, float, type)):
        return None
    if isinstance(value, (str, bytes)) and len(value) <= LONGEST:
        return None
    text = value if isinstance(value, str) else _words(value)
    if not text or " at 0x" in text:
        return None
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... {zlib.crc32(text.encode()):08x}"


def _words(value: Any) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({', '.join(_changed(value))})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_words(item)}" for name, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_words, value)) + "]"
    if isinstance(value, AbstractSet):
        return "{" + ", ".join(sorted(map(_words, value))) + "}"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, (Enum, PurePath)):
        return str(getattr(value, "value", value))
    if isinstance(value, (type, FunctionType)):
        return str(value.__name__)
    text = repr(value)
    held = {name: item for name, item in getattr(value, "__dict__", {}).items() if item is not None}
    return f"{type(value).__name__}({_words(held)})" if " at 0x" in text and held else text


def _changed(value: Any) -> list[str]:
    """The fields that differ from their defaults."""
    held = ((field.name, getattr(value, field.name), field.default) for field in fields(value))
    return [f"{name}={_words(item)}" for name, item, default in held if default is MISSING or item != default]
