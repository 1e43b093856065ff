"""The refusals of Function Compute, with the codes and messages of "Error codes" where it has them."""

from __future__ import annotations

from simulator.wire import ApiError, Response

MAX_ASYNC_PAYLOAD = 128 * 1024
"""Bytes ("EntityTooLarge: payload size exceeds maximum allowed size": 128 KB for an asynchronous invocation)."""

CODES: dict[str, tuple[int, str]] = {
    "PathNotSupported": (400, "The API path is not supported."),
    "EntityTooLarge": (400, f"payload size exceeds maximum allowed size ({MAX_ASYNC_PAYLOAD} bytes)"),
    "FunctionNotFound": (404, "The function does not exist."),
    # "Task deduplication" documents the status alone; the code is the one that clients of FC 2.0 look for.
    "StatefulAsyncInvocationAlreadyExists": (409, "The task id was submitted already."),
    "ResourceExhausted": (429, "The concurrency of this account exceeds its limit."),
    "InternalServerError": (500, "An internal error has occurred. Please retry."),
    "ResourceThrottled": (503, "The resources of this account are throttled."),
}


def refused(code: str) -> ApiError:
    """The refusal with this code."""
    status, message = CODES[code]
    return ApiError(status, code, message)


def invalid(message: str) -> ApiError:
    """A header has a value that it cannot have."""
    return ApiError(400, "InvalidArgument", message)


def access_denied(action: str, resource: str) -> ApiError:
    """The RAM policy of the key does not have the action on the resource ("Policies and sample policies")."""
    return ApiError(403, "AccessDenied", f"the caller is not authorized to perform '{action}' on resource '{resource}'")


def answer(error: ApiError, request_id: str) -> Response:
    """A refusal as JSON, with the fields that the SDK reads."""
    body = {"RequestId": request_id, "Code": error.code, "Message": error.message}
    return Response.of_json(error.status, body, {"x-fc-request-id": request_id, **error.headers})
