"""One HTTP exchange, free of sockets, used by the server and the tests alike."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request as received: ``path`` without query, ``query`` raw, header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes = b""


LARGEST_BODY = 64 * 1024 * 1024
"""Bytes that are kept in memory at most."""
LARGEST_OBJECT = 5 * 1024**3
"""Bytes of an object of PutObject ("Limits")."""


def announced_length(headers: Mapping[str, str]) -> int | None:
    """Bytes of the body by Content-Length; None without the header.

    Raises ApiError where they are not known beforehand, no number, or too many.
    """
    if headers.get("transfer-encoding"):
        raise ApiError(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    text = headers.get("content-length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit():
        raise ApiError(400, "InvalidArgument", "Content-Length is not a number of bytes.")
    if len(text) > LONGEST_NUMBER or int(text) > LARGEST_OBJECT:
        raise ApiError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
    if int(text) > LARGEST_BODY:
        raise uncovered(f"bodies of more than {LARGEST_BODY} bytes")
    return int(text)


@dataclass(frozen=True)
class Response:
    """An answer; ``sent`` bytes of the body only, where the connection ends within it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None

    @classmethod
    def of_json(cls, status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
        """A JSON body."""
        body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
        return cls(status, body, {"content-type": "application/json;charset=utf-8", **(headers or {})})


class ConnectionDropped(Exception):
    """The client gets no answer: the server closes the connection (``reset-before``, ``reset-after``)."""

    client_waited = 0.0
    """Seconds until the client notices."""


class ConnectionRefused(ConnectionDropped):
    """The connection is refused (``refused``)."""


class AnswerTooLate(ConnectionDropped):
    """The call was acted upon, but its answer comes when the client has given up waiting (``slow``)."""

    client_waited = 10.0  # the read timeout of spotkeeper's clients


class Killed(BaseException):
    """The process of this invocation is dead. Not an Exception: nothing that a process does can catch its death."""


class ApiError(Exception):
    """A refusal, as the API words it."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.headers = dict(headers or {})
        self.details = dict(details or {})


def uncovered(feature: str, covered: Iterable[str] = ()) -> ApiError:
    """The refusal of a feature that the real API has, or may have, and the embedded cloud lacks.

    ``covered`` names the covered features.
    """
    there_is = f" It covers: {', '.join(sorted(covered))}." if covered else ""
    return ApiError(400, "NotCovered", f"The embedded cloud does not cover {feature}.{there_is}")


LONGEST_NUMBER = 20
"""Characters of a 64-bit integer with its sign."""


def whole_number(text: str) -> int:
    """Digits, maybe with a sign, as a 64-bit integer. Raises ValueError."""
    number = int(text) if len(text) <= LONGEST_NUMBER and text.isascii() else 1 << 63
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("not a 64-bit integer")
    return number


def real_number(text: str) -> float:
    """A finite number. Raises ValueError."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def from_json(text: str | bytes) -> Any:
    """A JSON document of a caller. Raises ValueError, also for deep nesting and for numbers beyond 64 bits."""
    try:
        return json.loads(text, parse_int=whole_number, parse_float=real_number, parse_constant=real_number)
    except RecursionError:
        raise ValueError("nested too deep") from None
