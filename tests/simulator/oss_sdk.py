"""The unmodified OSS SDK: its client, and its signature alone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import alibabacloud_oss_v2 as oss
from alibabacloud_oss_v2.retry import NopRetryer

from simulator.cloud import Cloud
from simulator.signing import AccessKey
from simulator.wire import Request
from tests.simulator.sdk import REGION


def oss_client(key: AccessKey, url: str, **config: Any) -> Any:
    """The client of a key, which does not retry by itself."""
    provider = oss.credentials.StaticCredentialsProvider(key.access_key_id, key.secret, key.security_token)
    options = {"region": REGION, "endpoint": url, "credentials_provider": provider, "retryer": NopRetryer(), **config}
    return oss.Client(oss.Config(**options))


def signed_for_oss(cloud: Cloud, method: str, bucket: str, key: str, **headers: str) -> Request:
    """A request for an object as the SDK signs it, its ``headers`` too."""
    request = oss.types.HttpRequest(method, f"http://127.0.0.1/{bucket}/{key}", headers=headers)
    context = oss.types.SigningContext(
        product="oss",
        region=REGION,
        bucket=bucket,
        key=key,
        request=request,
        credentials=oss.credentials.Credentials(cloud.access_key.access_key_id, cloud.access_key.secret),
        signing_time=datetime.fromtimestamp(cloud.now(), timezone.utc),
        additional_headers=set(headers),
    )
    oss.signer.SignerV4().sign(context)
    sent = {name.lower(): text for name, text in request.headers.items()}
    return Request(method, f"/{bucket}/{key}", "", {**sent, "host": "127.0.0.1"})
