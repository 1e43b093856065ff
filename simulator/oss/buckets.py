"""Buckets and objects, without any wire format."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from simulator.oss.checksum import crc64

ENCRYPTIONS = {"AES256", "KMS", "SM4"}


@dataclass(frozen=True)
class StoredObject:
    """An object; ``headers`` are those that come back with it (content type, encryption, x-oss-meta-*)."""

    body: bytes
    last_modified: float
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def etag(self) -> str:
        """The MD5 of the body, upper case, in quotes."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest().upper()}"'

    @property
    def crc64(self) -> str:
        """The value of ``x-oss-hash-crc64ecma``."""
        return str(crc64(self.body))


@dataclass
class Bucket:
    """A bucket; ``versioning`` is None (never configured), Enabled or Suspended; ``encryption`` its default algorithm.

    ``region`` is None for the cloud's own; ``lifecycle`` is the document of its rules, None without any.
    Of a versioned object only the current version is kept: overwriting a versioned object cannot be forbidden.
    """

    name: str
    created_at: float
    versioning: str | None = None
    objects: dict[str, StoredObject] = field(default_factory=dict)
    acl: str = "private"
    encryption: str | None = None
    block_public_access: bool = False
    lifecycle: bytes | None = None
    region: str | None = None


@dataclass(frozen=True)
class Page:
    """One page of a listing; ``last`` is where the next page begins, empty on the last page."""

    keys: list[str]
    common_prefixes: list[str]
    last: str


def page(bucket: Bucket, prefix: str, delimiter: str, after: str, size: int) -> Page:
    """Keys in the order of their UTF-8 bytes; those alike up to ``delimiter`` count once, as a common prefix."""
    found = Page([], [], "")
    last = after
    for key in sorted((key for key in bucket.objects if key.startswith(prefix)), key=str.encode):
        rolled = _rolled(key, prefix, delimiter)
        entry = rolled or key
        if entry.encode() <= after.encode() or rolled in found.common_prefixes:
            continue
        if len(found.keys) + len(found.common_prefixes) == size:
            return Page(found.keys, found.common_prefixes, last)
        (found.common_prefixes if rolled else found.keys).append(entry)
        last = entry
    return found


def _rolled(key: str, prefix: str, delimiter: str) -> str:
    """The common prefix that stands for ``key``; empty where it stands for itself."""
    head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
    return f"{prefix}{head}{delimiter}" if found else ""
