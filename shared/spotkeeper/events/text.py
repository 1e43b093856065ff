"""Strict JSON, which all readers read alike, and Base64 of such JSON."""

from __future__ import annotations

import base64
import json
import math
import re
from typing import Any

from spotkeeper.errors import MalformedEvent

_MAX_NESTING = 64  # objects and arrays inside each other in one text; documented events have 4
_MAX_DIGITS = 40  # of a whole number: the time to read it grows with the square of its length
_WHITE_SPACE = re.compile(r"\s+")


def decode(raw: object) -> str:
    """The text of an event of type ``bytes`` or ``str``. Raises ``MalformedEvent``."""
    if isinstance(raw, str):
        return raw
    if not isinstance(raw, bytes):
        raise MalformedEvent(f"an event is bytes or str, not {type(raw).__name__}")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedEvent(f"the event is not UTF-8: {error.reason} at byte {error.start}") from error


def parse(text: str) -> Any:
    """The value of JSON text, or of Base64 of it (of Base64 of it: publisher and queue may both encode).

    Raises ``MalformedEvent``.
    """
    try:
        return read_json(text)
    except ValueError as error:
        decoded = _from_base64(text)
        if not decoded:
            raise MalformedEvent(f"neither JSON nor Base64 of it: {error}") from error
    return parse(decoded)  # the recursion ends: decoded text is shorter


def shown(value: object) -> str:
    """A foreign value in a form for messages: a text quoted, escaped and cut, of other values the type."""
    return repr(value[:60]) if isinstance(value, str) else f"a value of type {type(value).__name__}"


def _from_base64(text: str) -> str | None:
    """The text inside Base64 (line breaks allowed), ``None`` where it is not Base64 of UTF-8."""
    try:
        return base64.b64decode(_WHITE_SPACE.sub("", text), validate=True).decode("utf-8")
    except ValueError:  # covers wrong alphabet, wrong padding, and bytes that are not UTF-8
        return None


def read_json(text: str) -> Any:
    """The value of JSON text. Raises ``ValueError``, also for JSON that two readers could read differently."""
    try:
        value = json.loads(
            text, object_pairs_hook=_unique_keys, parse_constant=_finite, parse_float=_finite, parse_int=_whole_number
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _refuse_deep_nesting(value)
    return value


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("an object has the same key twice")
    return result


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a number")
    return number


def _whole_number(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


def _refuse_deep_nesting(value: Any) -> None:
    """Level by level: recursion could exceed the limit of the interpreter."""
    level = [value]
    for _ in range(_MAX_NESTING + 1):
        level = [inside for outer in level for inside in _children(outer)]
        if not level:
            return
    raise ValueError("nested too deeply")


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
