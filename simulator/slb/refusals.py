"""The refusals of CLB, worded as in its table of common error codes."""

from __future__ import annotations

from simulator.wire import ApiError

CONFLICTS: dict[str, tuple[int, str]] = {
    "ServiceIsConfiguring": (400, "A previous configuration is pending; please try again later."),
    "VServerGroupProcessing": (
        400,
        "A previous configuration of the VServer group is pending; please try again later.",
    ),
    "OperationBusy": (400, "A previous operation is pending."),
    "ProcessingSameRequest": (400, "The same request is being processed. Please try later."),
    "RspoolVipExist": (400, "there are vips associating with this vServer group."),
    "BackendServer.configuring": (
        409,
        "A previous configuration of the load balancer is pending; please try again later.",
    ),
    "ServiceIsStopping": (409, "The specified Listener is stopping, please retry later."),
    "OperationConflict": (409, "Request was denied due to conflict with a previous request."),
    "LastTokenProcessing": (403, "The last token request is processing."),
    "SystemBusy": (449, "The system is busy."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server now."),
}
"""Codes that ask for patience: HTTP status and message."""


def conflict(code: str) -> ApiError:
    """A write that comes while the CLB is still busy with an earlier one; KeyError for a code not in CONFLICTS."""
    status, message = CONFLICTS[code]
    return ApiError(status, code, message)


def no_load_balancer() -> ApiError:
    """The CLB is unknown in the region."""
    return ApiError(404, "InvalidLoadBalancerId.NotFound", "The specified LoadBalancerId does not exist.")


def no_server_group(parameter: str) -> ApiError:
    """The vServer or master/slave group is unknown in the region (the table has this for ``VServerGroupId``)."""
    return ApiError(404, "InvalidParameter", f"The specified {parameter} does not exist.")


def no_listener() -> ApiError:
    """No listener on the port."""
    return ApiError(
        404, "ListenerNotFound", "You have not created a listener for the specified port of the load balancer."
    )


def malformed() -> ApiError:
    """``BackendServers`` is not a JSON list of objects with the documented keys."""
    return ApiError(400, "BackendServersMalformed", "the specified parameter BackendServers is unavailable.")


def too_many() -> ApiError:
    """More than 20 elements in one request."""
    return ApiError(
        400, "TooManyBackendServers", "The total number of input real servers exceeds max supported number: 20"
    )


def bad_port() -> ApiError:
    """Port missing where it identifies the member, not a number, or out of range."""
    return ApiError(
        400,
        "InvalidParameter",
        "The specified BackendServers is invalid, as the Port value should be in [1, 65535].",
    )


def bad_weight() -> ApiError:
    """Weight is not a number from 0 to 100."""
    return ApiError(400, "InvalidWeight.Malformed", "A specified weight is not valid.")


def bad_server() -> ApiError:
    """Another field of an element is out of its documented range."""
    return ApiError(400, "InvalidParameter", "The specified BackendServers is invalid.")


def no_server() -> ApiError:
    """The ECS instance does not exist in the region."""
    return ApiError(404, "InvalidServerId.NotFound", "The specified ServerId does not exist.")


def not_running() -> ApiError:
    """The ECS instance is gone or not running."""
    return ApiError(
        400,
        "ObtainIpFail",
        "The specified BackendServers is invalid; some of the specified backend servers do not exist "
        "or are not running.",
    )


def network_conflict() -> ApiError:
    """The ECS instance is in another VPC than the CLB."""
    return ApiError(400, "NetworkConflict", "there are network conflicts in specified parameter.")


def inconsistent() -> ApiError:
    """The ECS instance is in another VPC than the members of an internet-facing CLB."""
    return ApiError(
        400,
        "InvalidBackendServers.Inconsistent",
        "All BackendServers on one Specified LoadBalancer have to be in the same vpc or all classic",
    )


def already_attached() -> ApiError:
    """The member is in the group already.

    AddBackendServers documents "an error message is returned" without a code; this is the entry of the table that fits.
    For vServer groups nothing is documented: the same.
    """
    return ApiError(400, "InvalidParameter", "The resource already exists.")
