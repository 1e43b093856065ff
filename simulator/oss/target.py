"""The target of a request to OSS: bucket and object, by path or by host, and the parameters."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote_to_bytes

from simulator.error_catalogue import refusal
from simulator.wire import Request

_BUCKET = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\Z")
_ENDPOINT = re.compile(r"(localhost|oss[-.a-z0-9]*)\Z")
_PORT = re.compile(r":[0-9]+\Z")
MAX_KEY_BYTES = 1023


@dataclass(frozen=True)
class Target:
    """A request with its bucket and key (empty where it has none) and its query parameters, decoded."""

    request: Request
    bucket: str
    key: str
    parameters: dict[str, str]

    @property
    def resource(self) -> str:
        """The path that is signed: the bucket is part of it even where it stands in the host."""
        return f"/{self.bucket}/{self.key}" if self.bucket else "/"


def target_of(request: Request) -> Target:
    """Read a request.

    An IP address, ``localhost`` and ``oss…`` are endpoints: the bucket is the first part of the path. In any other
    host the bucket is the first label ("bucket.localhost", "bucket.oss-cn-hangzhou.aliyuncs.com").
    Raises ApiError (400 ``InvalidObjectName``) for a key that is not UTF-8.
    """
    host = _PORT.sub("", request.headers.get("host", ""))
    path = _decoded(request.path).removeprefix("/")
    if _is_endpoint(host):
        bucket, _, key = path.partition("/")
    else:
        bucket, key = host.partition(".")[0], path
    return Target(request, bucket, key, dict(parse_qsl(request.query, keep_blank_values=True)))


def check_names(target: Target) -> None:
    """Raises ApiError for a bucket name or key that cannot exist."""
    if target.bucket and not _BUCKET.match(target.bucket):
        raise refusal("InvalidBucketName")
    if target.key.startswith(("/", "\\")) or len(target.key.encode()) > MAX_KEY_BYTES:
        raise refusal("InvalidObjectName")


def _is_endpoint(host: str) -> bool:
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return bool(_ENDPOINT.match(host))
    return True


def _decoded(path: str) -> str:
    try:
        return unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        raise refusal("InvalidObjectName") from None
