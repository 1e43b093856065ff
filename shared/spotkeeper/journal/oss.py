"""The journal in OSS: PutObject with ``x-oss-forbid-overwrite: true`` creates once, and OSS is strongly consistent.

In a versioned bucket that header is ignored (document of PutObject): the bucket must be unversioned.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from xml.etree.ElementTree import ParseError

from spotkeeper.clients import silence_sdk_loggers
from spotkeeper.clock import Deadline
from spotkeeper.credentials import Credentials
from spotkeeper.errors import BrokenRecord, CloudError, CloudUnreachable, InaccessibleRecord, JournalUnavailable
from spotkeeper.journal.protocol import PATIENCE_SECONDS, Journal
from spotkeeper.records import parse, written
from spotkeeper.retry import PLAIN, passes_by_itself, retried
from spotkeeper.settings.types import Endpoint, OssLocation
from spotkeeper.stand_ins import stand_ins

T = TypeVar("T")

CONNECT_TIMEOUT = 3.0
READ_TIMEOUT = 10.0
REREAD_PAUSES = (0.5, 1.0)
"""Seconds between the readings of an object with a broken record."""
KEYS_PER_PAGE = 1000
"""The largest page of ListObjectsV2; its default is 100."""
EXISTS = "FileAlreadyExists"
NO_OBJECT = "NoSuchKey"


class OssJournal(Journal):
    """An object for each record under ``prefix``."""

    def __init__(
        self,
        location: OssLocation,
        region: str,
        credentials: Credentials,
        endpoint: Endpoint | None,
        deadline: Deadline,
    ) -> None:
        with stand_ins():
            import alibabacloud_oss_v2 as oss  # noqa: PLC0415 - loaded only where the journal is in OSS
        import requests  # noqa: PLC0415

        self._oss = oss
        self._location = location
        self._deadline = deadline
        config = oss.config.load_default()
        config.region = region
        # In its own region a function reaches OSS over the internal network, free of charge.
        internal = f"oss-{region}-internal.aliyuncs.com"
        config.endpoint = f"{endpoint.protocol}://{endpoint.host}" if endpoint else internal
        # Plain http is for loopback, which has no host names for buckets.
        config.use_path_style = endpoint is not None and endpoint.protocol == "http"
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(
            credentials.access_key_id, credentials.access_key_secret, credentials.security_token or None
        )
        config.retry_max_attempts = 1  # ``spotkeeper.retry`` tries again
        config.connect_timeout = CONNECT_TIMEOUT
        config.readwrite_timeout = READ_TIMEOUT
        self._client = oss.Client(config)
        # The SDK does not map a body that ends early, nor a listing that is no XML.
        self._failures = (oss.exceptions.BaseError, requests.RequestException, ParseError)
        silence_sdk_loggers()

    def create(self, key: str, record: dict[str, Any]) -> dict[str, Any]:
        """After a lost answer the next try finds this call's own record."""
        request = self._put(key, record, forbid_overwrite="true")
        try:
            self._call("PutObject", key, lambda: self._client.put_object(request))
        except CloudError as error:
            if error.code != EXISTS:
                raise self._unavailable("write", key, error) from error
            standing = self.read(key)
            if standing is None:
                raise self._unavailable("read", key, error) from error
            return standing
        return record

    def read(self, key: str) -> dict[str, Any] | None:
        """A broken record is read again: it may be a proxy's answer, or half an answer."""
        for pause in REREAD_PAUSES:
            try:
                return self._read(key)
            except BrokenRecord:  # noqa: PERF203
                self._deadline.clock.sleep(pause)
        return self._read(key)

    def _read(self, key: str) -> dict[str, Any] | None:
        request = self._oss.GetObjectRequest(bucket=self._location.bucket, key=self._object(key))
        try:
            content = self._call("GetObject", key, lambda: self._client.get_object(request).body.content)
        except CloudError as error:
            if error.code == NO_OBJECT:
                return None
            unavailable = self._unavailable("read", key, error)
            raise (unavailable if passes_by_itself(error) else InaccessibleRecord(str(unavailable))) from error
        return parse(bytes(content), key)

    def hint(self, key: str, record: dict[str, Any], *, patience: float = PATIENCE_SECONDS) -> None:
        request = self._put(key, record)
        self._tried("write", "PutObject", key, lambda: self._client.put_object(request), patience)

    def delete(self, key: str, *, patience: float = PATIENCE_SECONDS) -> None:
        """OSS answers 204 whether the object stood or not (DeleteObject)."""
        request = self._oss.DeleteObjectRequest(bucket=self._location.bucket, key=self._object(key))
        self._tried("delete", "DeleteObject", key, lambda: self._client.delete_object(request), patience)

    def _put(self, key: str, record: dict[str, Any], **how: str) -> Any:
        return self._oss.PutObjectRequest(
            bucket=self._location.bucket,
            key=self._object(key),
            body=written(record),
            content_type="application/json",
            server_side_encryption="AES256",
            **how,
        )

    def keys(self, prefix: str, *, most: int | None = None) -> list[str]:
        found: list[str] = []
        token: str | None = None
        while True:
            page = self._page(prefix, token, most or KEYS_PER_PAGE)
            found += [str(entry.key) for entry in page.contents or []]
            token = page.next_continuation_token
            if most or not page.is_truncated or not token:
                break
        start = len(self._object(""))
        return sorted(name[start:].removesuffix(".json") for name in found if name.endswith(".json"))

    def _page(self, prefix: str, token: str | None, size: int) -> Any:
        request = self._oss.ListObjectsV2Request(
            bucket=self._location.bucket,
            prefix=self._object(prefix).removesuffix(".json"),
            max_keys=size,
            continuation_token=token,
        )
        return self._tried("list", "ListObjectsV2", prefix, lambda: self._client.list_objects_v2(request))

    def _object(self, key: str) -> str:
        folder = f"{self._location.prefix}/" if self._location.prefix else ""
        return f"{folder}{key}.json" if key else folder

    def _tried(self, verb: str, action: str, key: str, call: Callable[[], T], patience: float = PATIENCE_SECONDS) -> T:
        try:
            return self._call(action, key, call, patience)
        except CloudError as error:
            raise self._unavailable(verb, key, error) from error

    def _call(self, action: str, key: str, call: Callable[[], T], patience: float = PATIENCE_SECONDS) -> T:
        def once() -> T:
            try:
                return call()
            except self._failures as error:
                raise as_cloud_error(error, action, key) from None

        return retried(once, PLAIN, self._deadline.sooner(patience))

    def _unavailable(self, verb: str, key: str, error: CloudError) -> JournalUnavailable:
        where = f"oss://{self._location.bucket}/{self._location.prefix}"
        return JournalUnavailable(
            f"cannot {verb} journal record {key} in {where}: {error.code} ({error.detail}; request id "
            f"{error.request_id or 'none'}); check SPOTKEEPER_JOURNAL, the bucket's region and the function's role"
        )


def as_cloud_error(error: Any, action: str, key: str) -> CloudError:
    """The SDK wraps a ``ServiceError`` (an answer) or a request error (none) into an ``OperationError``.

    A connection that ends in the middle of GetObject's body is an error of ``requests``.
    """
    cause = error.unwrap() if hasattr(error, "unwrap") else error
    code = getattr(cause, "code", None)
    status = getattr(cause, "status_code", None)
    if not code or not status:
        return CloudUnreachable(action, key, "NoAnswer", type(cause).__name__)
    message = str(getattr(cause, "message", "") or "")
    return CloudError(action, key, str(code), message, status=int(status), request_id=str(cause.request_id or ""))
