"""One asynchronous invocation: read from a request, kept in the queue, with its outcome."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from simulator.actions import uncovered
from simulator.error_catalogue import refusal
from simulator.fc import refusals
from simulator.wire import Request

_PATH = re.compile(r"/2023-03-30/functions/([^/]+)/invocations\Z")
_TASK_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}\Z")
TYPE, TASK_ID, LOG_TYPE = "x-fc-invocation-type", "x-fc-async-task-id", "x-fc-log-type"


@dataclass(eq=False)
class AsyncInvocation:
    """``submitted_at`` and ``due`` (of the next run) in virtual seconds; ``attempts`` counts the runs so far.

    ``outcome`` is ``Succeeded`` or ``Failed`` once it is finished. ``result`` is the answer of the function, ``error``
    the last run's exception, as text; empty where that run succeeded.
    """

    function: str
    task_id: str
    request_id: str
    payload: bytes
    submitted_at: float
    due: float
    attempts: int = 0
    outcome: str = ""
    error: str = ""
    result: object = None

    def shown(self) -> dict[str, Any]:
        """As JSON values; the result left out."""
        return {
            "function": self.function,
            "task_id": self.task_id,
            "request_id": self.request_id,
            "payload": self.payload.decode("utf-8", "replace"),
            "submitted_at": self.submitted_at,
            "due": self.due,
            "attempts": self.attempts,
            "outcome": self.outcome,
            "error": self.error,
        }


def read(request: Request, request_id: str, now: float) -> AsyncInvocation:
    """The invocation that a request asks for; without a task id it has the request's id ("Task deduplication").

    Raises ApiError.
    """
    action = request.headers.get("x-acs-action")
    if action != "InvokeFunction":
        raise uncovered(f"action {action} of fc", ["InvokeFunction"])
    path = _PATH.match(request.path)
    if path is None or request.method != "POST":
        raise refusal("PathNotSupported")
    _check_covered(request)
    if len(request.body) > refusals.MAX_ASYNC_PAYLOAD:
        raise refusal("EntityTooLarge")
    task_id = request.headers.get(TASK_ID)
    if task_id is not None and not _TASK_ID.match(task_id):
        raise refusals.invalid(f"{TASK_ID} must begin with a letter or _ and have up to 128 of A-Z a-z 0-9 _ -")
    return AsyncInvocation(unquote(path[1]), task_id or request_id, request_id, request.body, now, now)


def _check_covered(request: Request) -> None:
    """Refuses wrong headers, and as ``NotCovered`` headers of the real API that are missing here."""
    unknown = [name for name in request.headers if name.startswith("x-fc-") and name not in (TYPE, TASK_ID, LOG_TYPE)]
    if unknown:
        raise uncovered(f"header {', '.join(sorted(unknown))}")
    kind = request.headers.get(TYPE, "Sync")
    if kind not in ("Sync", "Async"):
        raise refusals.invalid(f"{TYPE} must be Sync or Async")
    if kind == "Sync":
        raise uncovered("synchronous invocations")
    if request.headers.get(LOG_TYPE, "None") not in ("None", "Tail"):
        raise refusals.invalid(f"{LOG_TYPE} must be None or Tail")
    if set(parse_qsl(request.query, keep_blank_values=True)) - {("qualifier", "LATEST")}:
        raise uncovered("versions and aliases of functions")
