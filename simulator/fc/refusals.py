"""The errors of Function Compute whose message depends on the request, and their wire format."""

from __future__ import annotations

from simulator.error_catalogue import refusal
from simulator.wire import ApiError, Response

MAX_ASYNC_PAYLOAD = 128 * 1024
"""Bytes ("EntityTooLarge: payload size exceeds maximum allowed size": 128 KB for an asynchronous invocation)."""


def invalid(message: str) -> ApiError:
    """A header has a value that it cannot have."""
    return refusal("InvalidArgument", message)


def access_denied(action: str, resource: str) -> ApiError:
    """The RAM policy of the key does not have the action on the resource ("Policies and sample policies")."""
    return refusal("AccessDenied", f"the caller is not authorized to perform '{action}' on resource '{resource}'")


def answer(error: ApiError, request_id: str) -> Response:
    """A refusal as JSON, with the fields that the SDK reads."""
    body = {"RequestId": request_id, "Code": error.code, "Message": error.message}
    return Response.of_json(error.status, body, {"x-fc-request-id": request_id, **error.headers})
