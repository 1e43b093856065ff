"""Which operation a request is, and which parameters and headers of it are covered."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.error_catalogue import refusal
from simulator.oss.target import Target
from simulator.wire import uncovered

_SIGNING = {"x-oss-date", "x-oss-security-token", "x-oss-content-sha256"}
KEPT = frozenset({"cache-control", "content-disposition", "content-encoding", "content-language", "expires"})
"""Headers of PutObject that come back with the object."""
_MEANT = KEPT | {"range", "origin"}
_MEANT_FAMILIES = ("if-", "access-control-", "x-oss-", "x-amz-")
"""Headers that change the meaning of a request. All others are those of HTTP itself, or OSS ignores them."""
_METHODS = {
    "service": {"GET"},
    "bucket": {"GET", "PUT", "DELETE", "POST", "HEAD", "OPTIONS"},
    "object": {"GET", "PUT", "DELETE", "POST", "HEAD", "OPTIONS"},
}


@dataclass(frozen=True)
class Operation:
    """An operation: where and how it is called, ``marker`` being the query parameter that names it."""

    name: str
    level: str
    method: str
    marker: str = ""
    parameters: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()


OPERATIONS = (
    Operation("ListBuckets", "service", "GET"),
    Operation("GetBucketInfo", "bucket", "GET", "bucketInfo"),
    Operation("GetBucketVersioning", "bucket", "GET", "versioning"),
    Operation("GetBucketLifecycle", "bucket", "GET", "lifecycle"),
    Operation("PutBucket", "bucket", "PUT", headers=frozenset({"x-oss-acl"})),
    Operation("PutBucketEncryption", "bucket", "PUT", "encryption"),
    Operation("PutBucketLifecycle", "bucket", "PUT", "lifecycle"),
    Operation("PutBucketPublicAccessBlock", "bucket", "PUT", "publicAccessBlock"),
    Operation(
        "ListObjectsV2",
        "bucket",
        "GET",
        "list-type",
        frozenset({"prefix", "delimiter", "start-after", "continuation-token", "max-keys", "encoding-type"}),
    ),
    Operation(
        "PutObject",
        "object",
        "PUT",
        headers=frozenset({"x-oss-forbid-overwrite", "x-oss-server-side-encryption"}) | KEPT,
    ),
    Operation("GetObject", "object", "GET"),
    Operation("HeadObject", "object", "HEAD"),
    Operation("DeleteObject", "object", "DELETE"),
)


_NAMES = [operation.name for operation in OPERATIONS]


def find(target: Target) -> Operation | None:
    """The operation, by method, level and marker."""
    called = (_level(target), target.request.method)
    alike = (operation for operation in OPERATIONS if (operation.level, operation.method) == called)
    return next((operation for operation in alike if _marked(operation, target)), None)


def covered(target: Target) -> Operation:
    """The operation, every parameter and header of the request being understood.

    Raises ApiError: 405 ``MethodNotAllowed``, ``NotCovered`` for an operation of OSS that the embedded cloud lacks.
    """
    request = target.request
    if request.method not in _METHODS[_level(target)]:
        raise refusal("MethodNotAllowed")
    operation = find(target)
    if operation is None:
        named = "&".join(sorted(target.parameters))
        raise uncovered(f"{request.method} of a {_level(target)} with parameters {named or '(none)'}", _NAMES)
    unknown = set(target.parameters) - operation.parameters - {operation.marker}
    unknown |= {name for name in request.headers if not _header_covered(name, operation)}
    if unknown:
        raise uncovered(f"{', '.join(sorted(unknown))} of {operation.name}", operation.parameters | operation.headers)
    return operation


def _marked(operation: Operation, target: Target) -> bool:
    if operation.marker:
        return operation.marker in target.parameters
    return not target.parameters


def _level(target: Target) -> str:
    return "object" if target.key else "bucket" if target.bucket else "service"


def _header_covered(name: str, operation: Operation) -> bool:
    if name.startswith("x-oss-meta-"):
        return operation.name == "PutObject"
    meant = name in _MEANT or name.startswith(_MEANT_FAMILIES)
    return not meant or name in _SIGNING or name in operation.headers
