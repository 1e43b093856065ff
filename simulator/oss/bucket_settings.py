"""Settings of a bucket: default encryption, lifecycle rules, Block Public Access; and its creation."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree as ET

from simulator.error_catalogue import refusal
from simulator.oss import refusals
from simulator.oss.buckets import Bucket
from simulator.wire import Request, Response, uncovered

ACLS = ("private", "public-read", "public-read-write")
_DAYS = re.compile(r"[1-9][0-9]{0,8}")
_RULE = {"ID", "Prefix", "Status", "Expiration"}


def check_creation(request: Request) -> None:
    """PutBucket's ACL and document. Raises ApiError."""
    if request.headers.get("x-oss-acl", "private") not in ACLS:
        raise refusals.invalid("x-oss-acl is private, public-read or public-read-write.")
    if request.body and _document(request.body, "CreateBucketConfiguration").find("StorageClass") is not None:
        raise uncovered("storage classes of buckets")


def get_lifecycle(bucket: Bucket) -> Response:
    """The rules as they were put."""
    if bucket.lifecycle is None:
        raise refusal("NoSuchLifecycle")
    return Response(200, bucket.lifecycle, {"content-type": "application/xml"})


def _put_encryption(bucket: Bucket, body: bytes) -> None:
    rule = _document(body, "ServerSideEncryptionRule")
    algorithm = rule.findtext("ApplyServerSideEncryptionByDefault/SSEAlgorithm")
    if algorithm not in ("AES256", "KMS", "SM4"):
        raise refusal("InvalidEncryptionAlgorithmError")
    bucket.encryption = algorithm


def _put_lifecycle(bucket: Bucket, body: bytes) -> None:
    """All rules at once: a rule that is not in the document is deleted."""
    for rule in _document(body, "LifecycleConfiguration").findall("Rule"):
        if unknown := {child.tag for child in rule} - _RULE:
            raise uncovered(f"lifecycle rules with {', '.join(sorted(unknown))}")
        days = rule.findtext("Expiration/Days") or ""
        if rule.findtext("Status") not in ("Enabled", "Disabled") or not _DAYS.fullmatch(days):
            raise refusal("MalformedXML")
    bucket.lifecycle = body


def _put_public_access_block(bucket: Bucket, body: bytes) -> None:
    wanted = _document(body, "PublicAccessBlockConfiguration").findtext("BlockPublicAccess", "false")
    if wanted.lower() not in ("true", "false"):
        raise refusal("MalformedXML")
    bucket.block_public_access = wanted.lower() == "true"


CHANGES: dict[str, Callable[[Bucket, bytes], None]] = {
    "PutBucketEncryption": _put_encryption,
    "PutBucketLifecycle": _put_lifecycle,
    "PutBucketPublicAccessBlock": _put_public_access_block,
}


def _document(body: bytes, root: str) -> ET.Element:
    try:
        found = ET.fromstring(body)  # noqa: S314 - written by whoever runs the embedded cloud
    except (ET.ParseError, ValueError, LookupError):  # the last two: an encoding that the parser lacks
        raise refusal("MalformedXML") from None
    if found.tag != root:
        raise refusal("MalformedXML")
    return found
