"""The RPC wire format: which product and action a request is for, its parameters, and the shape of refusals."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote_plus

from simulator import schema
from simulator.actions import Answer, Parameters, Product, uncovered
from simulator.error_catalogue import refusal
from simulator.wire import ApiError, Request, Response

VERSIONS = {"2014-05-26": "ecs", "2014-05-15": "slb", "2022-02-22": "ess", "2023-03-30": "fc", "2015-05-01": "ram"}
DENIED = {"ram": "NoPermission"}
"""The code of a product for a call that RAM does not permit, where it is not Forbidden.RAM."""
_ACTION = re.compile(r"[A-Z][A-Za-z0-9]{2,99}\Z")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_ROA = re.compile(r"/\d{4}-\d\d-\d\d/", re.ASCII)
_OTHER_PRODUCTS = ("x-mns-", "x-log-", "x-ots-", "x-fc-")
_COMMON = {"RegionId", "OwnerAccount", "OwnerId", "ResourceOwnerAccount", "ResourceOwnerId"}


def is_rpc(request: Request) -> bool:
    """Whether the action is in a header: RPC and Function Compute (OSS and control requests have no such header)."""
    return "x-acs-action" in request.headers


def uncovered_protocol(request: Request) -> str:
    """The protocol of a request without that header; empty for OSS."""
    flat = flat_parameters(request)
    if "Action" in flat and {"Version", "Signature", "AccessKeyId"} & set(flat):
        return f"action {flat['Action']} signed by version 1.0 of the RPC signature (ACS3-HMAC-SHA256 is covered)"
    if _ROA.match(request.path):
        return f"{request.method} {request.path}"
    named = [name for name in request.headers if name.startswith(_OTHER_PRODUCTS)]
    return f"the product of header {min(named)}" if named else ""


def product_of(request: Request) -> str:
    """``ecs``, ``slb``, ``ess``, ``ram`` or ``fc``, by API version; ``unknown`` for another."""
    return VERSIONS.get(request.headers.get("x-acs-version", ""), "unknown")


def action_of(request: Request) -> str:
    """The action's name as sent."""
    return request.headers.get("x-acs-action", "")


def flat_parameters(request: Request) -> dict[str, str]:
    """Query and form, as sent."""
    return dict(parse_qsl(request.query, keep_blank_values=True) + parse_qsl(_form(request), keep_blank_values=True))


def said(request: Request) -> str:
    """Path, query and form in one decoded text, of any product: which contain the ids of resources."""
    return unquote_plus(f"{request.path} {request.query} {_form(request)}")


def unknown_version(request: Request) -> ApiError:
    """The refusal of a version that no product here has; real versions that are missing here are ``NotCovered``."""
    version = request.headers.get("x-acs-version", "")
    if not _VERSION.match(version):
        return refusal("NoSuchVersion")
    covered = [f"{product} {known}" for known, product in VERSIONS.items()]
    return uncovered(f"version {version} (action {action_of(request)})", covered)


def perform(product: Product, name: str, action: str, flat: dict[str, str]) -> Answer:
    """Validate the parameters and act; ``name`` is the product's.

    Raises ApiError, also for an action that the API or the embedded cloud lacks.
    """
    method = product.actions.get(action)
    if not _ACTION.match(action):
        raise refusal("InvalidAction.NotFound")
    if method is None:  # the real product may have it: which names are real is not known here
        raise uncovered(f"action {action} of {name}", product.actions)
    parameters = schema.validated(name, action, flat)
    if action.startswith(("Describe", "List")):
        return _whole(method(parameters), action, parameters, _COMMON | {"DryRun"})
    return _whole(method(parameters), action, parameters, _COMMON)


def _whole(answer: Answer, action: str, parameters: Parameters, common: set[str]) -> Answer:
    """The answer; refused where a parameter was sent and never read. A write has taken effect by then, without it."""
    if "DryRun" in common and parameters.bool("DryRun"):
        raise refusal("DryRunOperation")
    unread = parameters.unread() - common
    if unread:
        raise uncovered(f"parameter {', '.join(sorted(unread))} of {action}", parameters.read())
    return answer


def _form(request: Request) -> str:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return request.body.decode("utf-8", "replace")
    return ""


def error_response(error: ApiError, request: Request, request_id: str) -> Response:
    """An error as the RPC gateway words it."""
    body = {
        "RequestId": request_id,
        "HostId": request.headers.get("host", ""),
        "Code": error.code,
        "Message": error.message,
        "Recommend": f"https://api.alibabacloud.com/troubleshoot?q={error.code}",
        **error.details,
    }
    return Response.of_json(error.status, body, error.headers)
