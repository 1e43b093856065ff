"""OSS as a service: permissions and operations."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from simulator import required_permissions
from simulator.error_catalogue import refusal
from simulator.oss import bucket_settings, documents, operations, refusals, signature
from simulator.oss.buckets import ENCRYPTIONS, Bucket, StoredObject, page
from simulator.oss.target import Target, check_names, target_of
from simulator.wire import ApiError, Request, Response, from_json

if TYPE_CHECKING:
    from simulator.cloud import Cloud

_XML = {"content-type": "application/xml"}


class Oss:
    """Buckets of one region. Signatures are verified; missing operations are refused as ``NotCovered``."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.buckets: dict[str, Bucket] = {}
        self.taken: set[str] = set()
        """Names of other accounts' buckets."""
        self._handlers: dict[str, Callable[[Target], Response]] = {
            "ListBuckets": self._list_buckets,
            "GetBucketInfo": self._get_bucket_info,
            "GetBucketVersioning": self._get_bucket_versioning,
            "ListObjectsV2": self._list_objects,
            "PutObject": self._put_object,
            "GetObject": self._get_object,
            "HeadObject": self._head_object,
            "DeleteObject": self._delete_object,
            "PutBucket": self._put_bucket,
            "GetBucketLifecycle": lambda target: bucket_settings.get_lifecycle(self._bucket(target)),
            **{name: self._setting(change) for name, change in bucket_settings.CHANGES.items()},
        }

    def add_bucket(self, name: str, versioning: str | None = None) -> Bucket:
        """Seed a private bucket; ``versioning`` None, ``Enabled`` or ``Suspended``."""
        if versioning not in (None, "Enabled", "Suspended"):
            raise ValueError(f"versioning is None, Enabled or Suspended, not {versioning!r}")
        self.buckets[name] = Bucket(name, self.cloud.clock.now(), versioning)
        return self.buckets[name]

    def action_of(self, request: Request) -> str:
        """The operation's name; ``Unknown`` for an unknown request. Never raises."""
        try:
            operation = operations.find(target_of(request))
        except ApiError:
            return "Unknown"
        return operation.name if operation else "Unknown"

    def respond(self, request: Request) -> Response:
        """Perform a request.

        Raises ApiError with OSS's codes.
        """
        response = self._perform(target_of(request))
        return Response(
            response.status, response.body, {"x-oss-request-id": self.cloud.request_id(), **response.headers}
        )

    def state(self) -> dict[str, Any]:
        """``{bucket: {key: {size, etag, last_modified}}}``, with ``text`` where an object is a JSON document."""
        return {
            bucket.name: {key: _state_of(stored) for key, stored in sorted(bucket.objects.items())}
            for bucket in self.buckets.values()
        }

    def _perform(self, target: Target) -> Response:
        cloud = self.cloud
        key = signature.verify(target, cloud.access_keys, cloud.region, cloud.clock.now())
        operation = operations.covered(target)
        check_names(target)
        _check_digest(target.request.headers.get("content-md5"), target.request.body)
        if key.missing(required_permissions.of_oss(cloud, operation.name, target.request)):
            raise refusals.access_denied("You have no right to access this object.")
        return self._handlers[operation.name](target)

    def _bucket(self, target: Target) -> Bucket:
        if target.bucket in self.taken:
            raise refusals.not_yours()
        if target.bucket not in self.buckets:
            raise refusal("NoSuchBucket")
        found = self.buckets[target.bucket]
        # Whether GetBucketInfo answers at the endpoint of another region is not documented: refused like all others.
        if found.region not in (None, self.cloud.region):
            raise refusals.elsewhere()
        return found

    def _put_bucket(self, target: Target) -> Response:
        if target.bucket in self.taken or target.bucket in self.buckets:
            raise refusal("BucketAlreadyExists")
        bucket_settings.check_creation(target.request)
        self.add_bucket(target.bucket).acl = target.request.headers.get("x-oss-acl", "private")
        return Response(200)

    def _setting(self, change: Callable[[Bucket, bytes], None]) -> Callable[[Target], Response]:
        def answer(target: Target) -> Response:
            change(self._bucket(target), target.request.body)
            return Response(200)

        return answer

    def _object(self, target: Target) -> StoredObject:
        bucket = self._bucket(target)
        if target.key not in bucket.objects:
            raise refusal("NoSuchKey")
        return bucket.objects[target.key]

    def _list_buckets(self, _: Target) -> Response:
        return Response(200, documents.buckets(self.buckets.values(), self.cloud.region, self.cloud.account_id), _XML)

    def _get_bucket_info(self, target: Target) -> Response:
        return Response(
            200, documents.bucket_info(self._bucket(target), self.cloud.region, self.cloud.account_id), _XML
        )

    def _get_bucket_versioning(self, target: Target) -> Response:
        return Response(200, documents.bucket_versioning(self._bucket(target)), _XML)

    def _list_objects(self, target: Target) -> Response:
        bucket, asked = self._bucket(target), target.parameters
        after = max(asked.get("start-after", ""), _position(asked.get("continuation-token", "")))
        found = page(bucket, asked.get("prefix", ""), asked.get("delimiter", ""), after, _page_size(asked))
        return Response(200, documents.listing(bucket, found, asked, _token(found.last)), _XML)

    def _put_object(self, target: Target) -> Response:
        bucket, headers = self._bucket(target), target.request.headers
        forbid = _flag(headers.get("x-oss-forbid-overwrite", "false"))
        # "If versioning is enabled or suspended for the bucket, the header does not take effect" (PutObject).
        if forbid and bucket.versioning is None and target.key in bucket.objects:
            raise refusal("FileAlreadyExists")
        stored = StoredObject(target.request.body, self.cloud.clock.now(), _kept(headers))
        bucket.objects[target.key] = stored
        return Response(200, b"", _checks(stored) | _version(bucket, self.cloud))

    def _get_object(self, target: Target) -> Response:
        stored = self._object(target)
        return Response(200, stored.body, _description(stored))

    def _head_object(self, target: Target) -> Response:
        stored = self._object(target)
        return Response(200, b"", {**_description(stored), "content-length": str(len(stored.body))})

    def _delete_object(self, target: Target) -> Response:
        """Deleting a missing object succeeds as well."""
        self._bucket(target).objects.pop(target.key, None)
        return Response(204)


def _checks(stored: StoredObject) -> dict[str, str]:
    return {"ETag": stored.etag, "x-oss-hash-crc64ecma": stored.crc64}


def _description(stored: StoredObject) -> dict[str, str]:
    return {
        **stored.headers,
        **_checks(stored),
        "Last-Modified": formatdate(stored.last_modified, usegmt=True),
        "x-oss-object-type": "Normal",
        "x-oss-storage-class": "Standard",
    }


def _version(bucket: Bucket, cloud: Cloud) -> dict[str, str]:
    if bucket.versioning is None:
        return {}
    return {"x-oss-version-id": cloud.request_id() if bucket.versioning == "Enabled" else "null"}


def _kept(headers: Any) -> dict[str, str]:
    """The headers of PutObject that come back with the object."""
    encryption = headers.get("x-oss-server-side-encryption", "AES256")
    if encryption not in ENCRYPTIONS:
        raise refusal("InvalidEncryptionAlgorithmError")
    kept = {"content-type": headers.get("content-type", "application/octet-stream")}
    names = {"x-oss-server-side-encryption", *operations.KEPT}
    return kept | {name: headers[name] for name in headers if name in names or name.startswith("x-oss-meta-")}


def _check_digest(digest: str | None, body: bytes) -> None:
    expected = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
    if digest is not None and digest != expected:
        raise refusal("InvalidDigest")


def _flag(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise refusals.invalid("x-oss-forbid-overwrite is true or false.")
    return text.lower() == "true"


def _page_size(asked: dict[str, str]) -> int:
    if asked["list-type"] != "2" or asked.get("encoding-type", "url") != "url":
        raise refusals.invalid("list-type is 2 and encoding-type is url.")
    text = asked.get("max-keys", "100")
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= 1000:
        raise refusals.invalid("Argument max-keys must be an integer between 1 and 1000.")
    return int(text)


def _token(last: str) -> str:
    return base64.b64encode(last.encode()).decode()


def _position(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:  # no Base64, or no UTF-8 in it
        raise refusals.invalid("The continuation token provided is incorrect.") from None


def _state_of(stored: StoredObject) -> dict[str, Any]:
    state = {"size": len(stored.body), "etag": stored.etag, "last_modified": documents.time_text(stored.last_modified)}
    try:
        from_json(stored.body)
    except ValueError:
        return state
    return {**state, "text": stored.body.decode()}
