"""The errors of OSS whose message depends on the request."""

from __future__ import annotations

from simulator.error_catalogue import refusal
from simulator.wire import ApiError


def access_denied(message: str) -> ApiError:
    """The request is not signed, or its key lacks the permission."""
    return refusal("AccessDenied", message)


def invalid(message: str) -> ApiError:
    """A parameter or header cannot be used."""
    return refusal("InvalidArgument", message)


def not_yours() -> ApiError:
    """The bucket belongs to another account."""
    return access_denied("You have no right to access this object because of bucket acl.")


def elsewhere() -> ApiError:
    """The bucket is in another region than the endpoint."""
    return access_denied(
        "The bucket you are attempting to access must be addressed using the specified endpoint. "
        "Please send all future requests to this endpoint."
    )
