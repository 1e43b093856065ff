"""OSS4-HMAC-SHA256 in the Authorization header ("Include a V4 signature in the Authorization header").

The distance of ``x-oss-date`` to the clock is not checked: clients may sign with real time while the simulated clock
is somewhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from simulator.error_catalogue import refusal
from simulator.oss import refusals
from simulator.oss.target import Target

if TYPE_CHECKING:
    from simulator.signing import AccessKey

ALGORITHM = "OSS4-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=(?P<key>[^/,]+)/(?P<date>\d{8})/(?P<region>[^/,]+)/(?P<product>[^/,]+)/aliyun_v4_request"
    r"(, ?AdditionalHeaders=(?P<additional>[^,]+))?, ?Signature=(?P<signature>[0-9a-f]{64})\Z"
)
_DATE = re.compile(r"\d{8}T\d{6}Z\Z")
_ALWAYS_SIGNED = {"content-type", "content-md5"}


def verify(target: Target, keys: Mapping[str, AccessKey], region: str, now: float) -> AccessKey:
    """The key that signed the request; ``now`` in virtual seconds is for the end of security tokens.

    Raises ApiError: ``AccessDenied``, ``InvalidArgument``, ``InvalidAccessKeyId``, ``InvalidSecurityToken``,
    ``SecurityTokenExpired``, ``SignatureDoesNotMatch``.
    """
    headers = target.request.headers
    if "authorization" not in headers:
        raise refusals.access_denied("Anonymous access is forbidden for this operation.")
    found = _AUTHORIZATION.match(headers["authorization"])
    if found is None:
        raise refusals.invalid(f"Authorization header is invalid: {ALGORITHM} is required.")
    _check_scope(headers, found, region)
    key = keys.get(found["key"])
    if key is None:
        raise refusal("InvalidAccessKeyId")
    _check_token(headers.get("x-oss-security-token"), key, now)
    additional = (found["additional"] or "").split(";") if found["additional"] else []
    expected = _signature(target, additional, f"{found['date']}/{region}/oss/aliyun_v4_request", key.secret)
    if not hmac.compare_digest(expected, found["signature"]):
        raise refusal("SignatureDoesNotMatch")
    return key


def _check_scope(headers: Mapping[str, str], found: re.Match[str], region: str) -> None:
    date = headers.get("x-oss-date", "")
    if not _DATE.match(date) or not date.startswith(found["date"]):
        raise refusals.invalid("Invalid signing date in Authorization header.")
    if found["region"] != region:
        raise refusals.invalid("Invalid signing region in Authorization header.")
    if found["product"] != "oss":
        raise refusals.invalid("Invalid signing product in Authorization header.")
    if headers.get("x-oss-content-sha256") != "UNSIGNED-PAYLOAD":
        raise refusals.invalid("Invalid x-oss-content-sha256 header: UNSIGNED-PAYLOAD is required.")


def _check_token(token: str | None, key: AccessKey, now: float) -> None:
    if key.security_token is not None and not token:
        raise refusal("InvalidAccessKeyId")
    if token and token != key.security_token:
        raise refusal("InvalidSecurityToken")
    if key.expires_at is not None and now >= key.expires_at:
        raise refusal("SecurityTokenExpired")


def _signature(target: Target, additional: list[str], scope: str, secret: str) -> str:
    digest = hashlib.sha256(_canonical_request(target, additional).encode()).hexdigest()
    text = "\n".join([ALGORITHM, target.request.headers["x-oss-date"], scope, digest])
    signing_key = ("aliyun_v4" + secret).encode()
    for part in scope.split("/"):
        signing_key = hmac.new(signing_key, part.encode(), hashlib.sha256).digest()
    return hmac.new(signing_key, text.encode(), hashlib.sha256).hexdigest()


def _canonical_request(target: Target, additional: list[str]) -> str:
    headers = target.request.headers
    signed = sorted(
        name for name in headers if name.startswith("x-oss-") or name in _ALWAYS_SIGNED or name in additional
    )
    return "\n".join(
        [
            target.request.method,
            quote(target.resource, safe="/"),
            _canonical_query(target.request.query),
            "".join(f"{name}:{headers[name].strip()}\n" for name in signed),
            ";".join(additional),
            "UNSIGNED-PAYLOAD",
        ]
    )


def _canonical_query(query: str) -> str:
    """Parameters sorted, each encoded once; a parameter without a value has no equals sign."""
    pairs = [part.partition("=") for part in query.split("&") if part]
    encoded = sorted((quote(unquote(name), safe=""), quote(unquote(value), safe="")) for name, _, value in pairs)
    return "&".join(f"{name}={value}" if value else name for name, value in encoded)
