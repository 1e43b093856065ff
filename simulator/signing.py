"""ACS3-HMAC-SHA256, the signature of Alibaba Cloud's RPC APIs ("V3 request syntax and signature method").

The checks are those of the cloud, except the distance of ``x-acs-date`` to the clock: clients may sign with
real time while the simulated clock is somewhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from simulator.error_catalogue import refusal
from simulator.ram import Policy, RequiredPermission, allowing
from simulator.wire import ApiError, Request

ALGORITHM = "ACS3-HMAC-SHA256"
_AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=(?P<key>[^,]+), ?SignedHeaders=(?P<headers>[^,]+), ?Signature=(?P<signature>[0-9a-f]+)\Z"
)
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")
_MANDATORY = ("host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256")


@dataclass
class AccessKey:
    """A key pair; with ``security_token`` from STS, valid until ``expires_at`` (virtual seconds, None: for ever).

    ``allowed`` is the RAM policy behind it, or patterns of actions (``ecs:Describe*``) that it allows on everything;
    None allows everything. ``used`` are the actions that it was needed for and had.
    """

    access_key_id: str
    secret: str
    security_token: str | None = None
    expires_at: float | None = None
    allowed: Policy | tuple[str, ...] | None = None
    used: set[str] = field(default_factory=set, compare=False)

    def missing(self, required: Iterable[RequiredPermission]) -> RequiredPermission | None:
        """The first required permission that the key lacks; None where it has all."""
        if self.allowed is None:
            return None
        policy = self.allowed if isinstance(self.allowed, Policy) else allowing(*self.allowed)
        for permission in required:
            if not policy.permits(permission):
                return permission
            self.used.add(permission.action)
        return None


def verify(request: Request, keys: Mapping[str, AccessKey], now: float) -> AccessKey:
    """The key that signed ``request``.

    Raises ApiError: ``MissingParameter``, ``InvalidAccessKeyId.NotFound``, ``SignatureDoesNotMatch``,
    ``MissingSecurityToken``, ``InvalidSecurityToken.*``.
    """
    found = _AUTHORIZATION.match(request.headers.get("authorization", ""))
    if found is None:
        raise refusal("MissingParameter", f"Authorization is mandatory for this action, as {ALGORITHM}.")
    for name in _MANDATORY:
        if not request.headers.get(name):
            raise refusal("MissingParameter", f"{name} is mandatory for this action.")
    if not _DATE.match(request.headers["x-acs-date"]):
        raise refusal("InvalidTimeStamp.Format")
    key = keys.get(found["key"])
    if key is None:
        raise refusal("InvalidAccessKeyId.NotFound")
    signed = found["headers"].split(";")
    _check_signed(request, signed)
    if not hmac.compare_digest(signature(request, signed, key.secret), found["signature"]):
        raise _mismatch("Specified signature is not matched with our calculation.")
    _check_token(request.headers.get("x-acs-security-token"), key, now)
    return key


def signature(request: Request, signed_headers: list[str], secret: str) -> str:
    """The hexadecimal signature that ``request`` must carry."""
    canonical = "\n".join(
        [
            request.method,
            request.path or "/",
            _canonical_query(request.query),
            "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed_headers),
            ";".join(signed_headers),
            request.headers.get("x-acs-content-sha256", ""),
        ]
    )
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def _canonical_query(query: str) -> str:
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs)


def _check_signed(request: Request, signed: list[str]) -> None:
    must = {name for name in request.headers if name.startswith("x-acs-")} | {"host"}
    if not must <= set(signed):
        raise _mismatch(f"Headers {', '.join(sorted(must - set(signed)))} are not signed.")
    if hashlib.sha256(request.body).hexdigest() != request.headers["x-acs-content-sha256"]:
        raise _mismatch("The body does not have the hash in x-acs-content-sha256.")


def _check_token(token: str | None, key: AccessKey, now: float) -> None:
    if key.security_token is None:
        if token:
            raise refusal("InvalidSecurityToken.MismatchWithAccessKey")
        return
    if not token:
        raise refusal("MissingSecurityToken")
    if token != key.security_token:
        raise refusal("InvalidSecurityToken.MismatchWithAccessKey")
    if key.expires_at is not None and now >= key.expires_at:
        raise refusal("InvalidSecurityToken.Expired")


def _mismatch(why: str) -> ApiError:
    return ApiError(400, "SignatureDoesNotMatch", why)
