"""The XML that OSS answers with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from urllib.parse import quote
from xml.etree import ElementTree as ET

from simulator.oss.buckets import Bucket, Page


def time_text(moment: float) -> str:
    """UTC with milliseconds: ``2026-11-20T09:30:00.000Z``."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def xml(root: ET.Element) -> bytes:
    """A document."""
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode").encode()


def listing(bucket: Bucket, found: Page, asked: dict[str, str], token: str) -> bytes:
    """The answer of ListObjectsV2; ``asked`` are the request's parameters, ``token`` where the next page begins."""
    encode = _quoted if asked.get("encoding-type") == "url" else str
    root = ET.Element("ListBucketResult")
    _add(root, "Name", bucket.name)
    for name, parameter in (("Prefix", "prefix"), ("StartAfter", "start-after"), ("Delimiter", "delimiter")):
        _add(root, name, encode(asked.get(parameter, "")))
    _add(root, "MaxKeys", asked.get("max-keys", "100"))
    if "encoding-type" in asked:
        _add(root, "EncodingType", asked["encoding-type"])
    if "continuation-token" in asked:
        _add(root, "ContinuationToken", encode(asked["continuation-token"]))
    _add(root, "IsTruncated", "true" if token else "false")
    if token:
        _add(root, "NextContinuationToken", encode(token))
    for key in found.keys:
        root.append(_contents(bucket, key, encode(key)))
    for prefix in found.common_prefixes:
        root.append(_element("CommonPrefixes", [("Prefix", encode(prefix))]))
    _add(root, "KeyCount", str(len(found.keys) + len(found.common_prefixes)))
    return xml(root)


def bucket_info(bucket: Bucket, region: str, owner: str) -> bytes:
    """The answer of GetBucketInfo; ``Versioning`` is there only where it was ever configured."""
    root = ET.Element("BucketInfo")
    inner = _bucket(bucket, region)
    inner.append(_element("Owner", [("ID", owner), ("DisplayName", owner)]))
    inner.append(_element("AccessControlList", [("Grant", bucket.acl)]))
    inner.append(_element("ServerSideEncryptionRule", [("SSEAlgorithm", bucket.encryption or "None")]))
    _add(inner, "BlockPublicAccess", "true" if bucket.block_public_access else "false")
    if bucket.versioning:
        _add(inner, "Versioning", bucket.versioning)
    root.append(inner)
    return xml(root)


def bucket_versioning(bucket: Bucket) -> bytes:
    """The answer of GetBucketVersioning; without ``Status`` where versioning was never configured."""
    return xml(_element("VersioningConfiguration", [("Status", bucket.versioning)] if bucket.versioning else []))


def buckets(all_buckets: Iterable[Bucket], region: str, owner: str) -> bytes:
    """The answer of ListBuckets."""
    root = ET.Element("ListAllMyBucketsResult")
    root.append(_element("Owner", [("ID", owner), ("DisplayName", owner)]))
    inner = ET.SubElement(root, "Buckets")
    for bucket in all_buckets:
        inner.append(_bucket(bucket, region))
    return xml(root)


def _bucket(bucket: Bucket, region: str) -> ET.Element:
    return _element(
        "Bucket",
        [
            ("Name", bucket.name),
            ("Location", f"oss-{region}"),
            ("CreationDate", time_text(bucket.created_at)),
            ("ExtranetEndpoint", f"oss-{region}.aliyuncs.com"),
            ("IntranetEndpoint", f"oss-{region}-internal.aliyuncs.com"),
            ("StorageClass", "Standard"),
        ],
    )


def _contents(bucket: Bucket, key: str, shown: str) -> ET.Element:
    stored = bucket.objects[key]
    return _element(
        "Contents",
        [
            ("Key", shown),
            ("LastModified", time_text(stored.last_modified)),
            ("ETag", stored.etag),
            ("Type", "Normal"),
            ("Size", str(len(stored.body))),
            ("StorageClass", "Standard"),
        ],
    )


def _element(tag: str, children: Iterable[tuple[str, str]]) -> ET.Element:
    element = ET.Element(tag)
    for name, text in children:
        _add(element, name, text)
    return element


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text


def _quoted(text: str) -> str:
    return quote(text, safe="")
