"""One HTTP exchange, free of sockets, so that the server and the tests hand over the same thing."""

from __future__ import annotations

import json
from collections.abc import Mapping
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


@dataclass(frozen=True)
class Response:
    """What goes back; ``sent`` bytes of the body only, where the connection ends within it."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: int | None = None

    @classmethod
    def of_json(cls, status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
        """A JSON body."""
        body = json.dumps(document, ensure_ascii=False).encode()
        return cls(status, body, {"content-type": "application/json;charset=utf-8", **(headers or {})})


class ConnectionDropped(Exception):
    """The client gets no answer: the server closes the connection (``reset-before``, ``reset-after``)."""

    client_waited = 0.0
    """Seconds until the client notices."""


class ConnectionRefused(ConnectionDropped):
    """Nobody listens (``refused``)."""


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
