"""RAM and OSS with the caller's credentials."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import alibabacloud_oss_v2 as oss

from spotkeeper.clients import silence_sdk_loggers
from spotkeeper.credentials import Credentials, find_credentials
from spotkeeper.errors import CloudError
from spotkeeper.journal.oss import as_cloud_error
from spotkeeper.settings.types import Endpoint
from spotkeeper.settings.variables import Variables
from tools.deploy.openapi import ask

T = TypeVar("T")

RAM = Endpoint("https", "ram.aliyuncs.com")
VERSION = "2015-05-01"


@dataclass(frozen=True)
class RamApi:
    """RAM, a global service."""

    region: str
    credentials: Credentials
    endpoint: Endpoint

    @classmethod
    def open(cls, region: str, environ: Mapping[str, str]) -> RamApi:
        """At ``RAM_ENDPOINT``, else at RAM's own endpoint. Raises ``NoCredentials``."""
        return cls(region, find_credentials(None, environ), Variables(environ).endpoint("RAM_ENDPOINT") or RAM)

    def call(self, action: str, **parameters: str) -> dict[str, Any]:
        """The answer of an action. Raises ``CloudError``."""
        return ask(action, VERSION, parameters, self.credentials, self.region, self.endpoint)

    def find(self, action: str, **parameters: str) -> dict[str, Any] | None:
        """The answer of an action; None where the entity does not exist. Raises ``CloudError``."""
        try:
            return self.call(action, **parameters)
        except CloudError as error:
            if error.code.startswith("EntityNotExist"):
                return None
            raise


class Buckets:
    """OSS in one region."""

    def __init__(self, region: str, credentials: Credentials, endpoint: Endpoint | None) -> None:
        self.region = region
        config = oss.config.load_default()
        config.region = region
        if endpoint is not None:
            config.endpoint = f"{endpoint.protocol}://{endpoint.host}"
            config.use_path_style = endpoint.protocol == "http"
        config.credentials_provider = oss.credentials.StaticCredentialsProvider(
            credentials.access_key_id, credentials.access_key_secret, credentials.security_token or None
        )
        self._client = oss.Client(config)
        silence_sdk_loggers()

    @classmethod
    def open(cls, region: str, environ: Mapping[str, str]) -> Buckets:
        """At ``OSS_ENDPOINT``, else at the region's public one. Raises ``NoCredentials``."""
        return cls(region, find_credentials(None, environ), Variables(environ).endpoint("OSS_ENDPOINT"))

    def info(self, bucket: str) -> Any:
        """``BucketInfo``; None where the bucket does not exist. Raises ``CloudError``."""
        request = oss.GetBucketInfoRequest(bucket=bucket)
        return _found(
            "GetBucketInfo", bucket, "NoSuchBucket", lambda: self._client.get_bucket_info(request).bucket_info
        )

    def lifecycle(self, bucket: str) -> list[Any]:
        """The lifecycle rules. Raises ``CloudError``."""
        request = oss.GetBucketLifecycleRequest(bucket=bucket)
        found = _found(
            "GetBucketLifecycle",
            bucket,
            "NoSuchLifecycle",
            lambda: self._client.get_bucket_lifecycle(request).lifecycle_configuration,
        )
        return list(found.rules or []) if found else []

    def create(self, bucket: str) -> None:
        """A private bucket. Raises ``CloudError``."""
        request = oss.PutBucketRequest(bucket=bucket, acl="private")
        _call("PutBucket", bucket, lambda: self._client.put_bucket(request))

    def encrypt(self, bucket: str) -> None:
        """AES256 as the default encryption. Raises ``CloudError``."""
        default = oss.ApplyServerSideEncryptionByDefault(sse_algorithm="AES256")
        rule = oss.ServerSideEncryptionRule(apply_server_side_encryption_by_default=default)
        request = oss.PutBucketEncryptionRequest(bucket=bucket, server_side_encryption_rule=rule)
        _call("PutBucketEncryption", bucket, lambda: self._client.put_bucket_encryption(request))

    def block_public_access(self, bucket: str) -> None:
        """Block Public Access, regardless of ACL and bucket policy. Raises ``CloudError``."""
        block = oss.PublicAccessBlockConfiguration(block_public_access=True)
        request = oss.PutBucketPublicAccessBlockRequest(bucket=bucket, public_access_block_configuration=block)
        _call("PutBucketPublicAccessBlock", bucket, lambda: self._client.put_bucket_public_access_block(request))

    def put_lifecycle(self, bucket: str, rules: list[Any]) -> None:
        """Replace all lifecycle rules. Raises ``CloudError``."""
        request = oss.PutBucketLifecycleRequest(
            bucket=bucket, lifecycle_configuration=oss.LifecycleConfiguration(rules=rules)
        )
        _call("PutBucketLifecycle", bucket, lambda: self._client.put_bucket_lifecycle(request))


def _found(action: str, bucket: str, absent: str, call: Callable[[], T]) -> T | None:
    try:
        return _call(action, bucket, call)
    except CloudError as error:
        if error.code == absent:
            return None
        raise


def _call(action: str, bucket: str, call: Callable[[], T]) -> T:
    try:
        return call()
    except oss.exceptions.BaseError as error:
        raise as_cloud_error(error, action, f"bucket {bucket}") from None
