"""Actions of RPC products for which there is no SDK here: the generic call of ``alibabacloud_tea_openapi``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alibabacloud_tea_openapi.client import Client
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions

from spotkeeper.clients import as_cloud_error, sdk_config, silence_sdk_loggers
from spotkeeper.credentials import Credentials
from spotkeeper.settings.types import Endpoint
from spotkeeper.settings.variables import Variables


def ask(  # noqa: PLR0913 - what a call is made of
    action: str,
    version: str,
    query: Mapping[str, str],
    credentials: Credentials,
    region: str,
    endpoint: Endpoint,
) -> dict[str, Any]:
    """Call ``action`` once and return the answer's body. Raises ``CloudError`` and ``CloudUnreachable``."""
    params = Params(
        action=action,
        version=version,
        protocol=endpoint.protocol,
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    client = Client(sdk_config(region, credentials, endpoint))
    silence_sdk_loggers()
    try:
        body: dict[str, Any] = client.call_api(params, OpenApiRequest(query=dict(query)), RuntimeOptions())["body"]
    except Exception as error:  # noqa: BLE001 - mapped; other errors are raised unchanged
        raise as_cloud_error(error, action, f"the account in {region}") from None
    return body


def account_id(credentials: Credentials, region: str, environ: Mapping[str, str]) -> str:
    """The account of the credentials: STS GetCallerIdentity, which needs no permission. Raises as ``ask`` does."""
    endpoint = Variables(environ).endpoint("STS_ENDPOINT") or Endpoint("https", "sts.aliyuncs.com")
    return str(ask("GetCallerIdentity", "2015-04-01", {}, credentials, region, endpoint)["AccountId"])
