"""The errors of CLB whose documentation is not a plain entry of the error catalogue."""

from __future__ import annotations

from simulator.error_catalogue import refusal, server_codes
from simulator.wire import ApiError

CONFLICTS = server_codes("slb")
"""Codes of a CLB or server group that is busy; the same request may succeed later."""


def no_server_group(parameter: str) -> ApiError:
    """The vServer or master/slave group is unknown in the region (the table has this for ``VServerGroupId``)."""
    return ApiError(404, "InvalidParameter", f"The specified {parameter} does not exist.")


def bad_port() -> ApiError:
    """Port missing where it identifies the member, not a number, or out of range."""
    message = "The specified BackendServers is invalid, as the Port value should be in [1, 65535]."
    return refusal("InvalidParameter", message)


def bad_weight() -> ApiError:
    """Weight is not a number from 0 to 100."""
    return refusal("InvalidWeight.Malformed")


def bad_server() -> ApiError:
    """Another field of an element is out of its documented range."""
    return refusal("InvalidParameter", "The specified BackendServers is invalid.")


def already_attached() -> ApiError:
    """The member is in the group already.

    AddBackendServers documents "an error message is returned" without a code; this is the entry of the table that fits.
    For vServer groups nothing is documented: the same.
    """
    return refusal("InvalidParameter", "The resource already exists.")
