"""The products' APIs over the official SDK clients, which are imported at their first use. Retries and errors are ours.

Answers are dicts with the API's own field names (``{"Instances": {"Instance": [...]}}``), as the documents show them.
"""

from __future__ import annotations

import functools
import importlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from spotkeeper import paging
from spotkeeper.clock import TimeLimit
from spotkeeper.errors import CloudError, CloudUnreachable
from spotkeeper.models_on_demand import models_on_demand
from spotkeeper.retry import PLAIN, RetryPolicy, retried
from spotkeeper.settings.types import Endpoint
from spotkeeper.stand_ins import stand_ins

if TYPE_CHECKING:
    from spotkeeper.credentials import Credentials

T = TypeVar("T")

SDK_PACKAGES = {"ecs": "alibabacloud_ecs20140526", "slb": "alibabacloud_slb20140515", "ess": "alibabacloud_ess20220222"}

CONNECT_TIMEOUT_MS = 3_000
READ_TIMEOUT_MS = 10_000

CHECK_ENDPOINT = "check the endpoint (the *_ENDPOINT variables) and the function's network"

CHATTY_LOGGERS = ("darabonba-core", "alibabacloud-tea", "credentials", "urllib3", "requests", "alibabacloud_oss_v2")


def silence_sdk_loggers() -> None:
    """Keep the SDKs and HTTP libraries from printing: their debug lines carry signed headers, tokens and user data."""
    for name in CHATTY_LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers = [logging.NullHandler()]
        logger.propagate = False
        logger.setLevel(logging.CRITICAL)


@dataclass(eq=False)
class Api:
    """The API of a product in a region, for one call of a function."""

    product: str
    region: str
    _credentials: Credentials
    _endpoint: Endpoint | None
    _deadline: TimeLimit
    _request_ids: list[str] = field(default_factory=list, init=False)

    def take_request_ids(self) -> list[str]:
        """The request ids since the last call of this method, for the audit."""
        taken, self._request_ids = self._request_ids, []
        return taken

    def call(
        self,
        action: str,
        about: str,
        parameters: Mapping[str, Any],
        *,
        retry: RetryPolicy = PLAIN,
        until: TimeLimit | None = None,
    ) -> dict[str, Any]:
        """Call ``action`` (``DescribeInstances``) and return the answer's body.

        ``about`` names the resource for messages. ``parameters`` bear the API's names (``InstanceId``, ``Tag``);
        ``RegionId`` is filled in. ``until`` shortens the invocation's deadline.

        Raises ``CloudError`` for a refusal that does not pass in time, ``CloudUnreachable`` where no answer came.
        """
        client, request = self._prepare(action, parameters)
        operation = getattr(client, _methods(SDK_PACKAGES[self.product])[action.lower()])

        def once() -> dict[str, Any]:
            try:
                body = operation(request).body
            except Exception as error:  # noqa: BLE001 - ``as_cloud_error`` raises programming errors as they are
                refusal = as_cloud_error(error, action, about)
                self._request_ids.append(refusal.request_id)
                raise refusal from None
            answer = dict(body.to_map()) if body is not None else {}
            self._request_ids.append(str(answer.get("RequestId") or ""))
            return answer

        return retried(once, retry, until or self._deadline)

    def pages(
        self, action: str, about: str, parameters: Mapping[str, Any], *, until: TimeLimit | None = None
    ) -> Iterator[dict[str, Any]]:
        """All pages of a Describe. Raises as ``call`` does, also where a list gets shorter at each reading."""
        return paging.pages(action, about, lambda page: self.call(action, about, {**parameters, **page}, until=until))

    def listed(self, action: str, about: str, parameters: Mapping[str, Any], *path: str) -> Iterator[dict[str, Any]]:
        """The items at ``path`` of all pages of a Describe. Raises as ``pages`` does."""
        return (item for page in self.pages(action, about, parameters) for item in items(page, *path))

    def _prepare(self, action: str, parameters: Mapping[str, Any]) -> tuple[Any, Any]:
        client, models = self._sdk
        given = {"RegionId": self.region, **parameters}
        request = getattr(models, f"{action}Request")().from_map(given)
        kept = {"RegionId": self.region, **request.to_map()}  # some operations have no RegionId: the endpoint tells
        if dropped := _dropped(given, kept):
            # The SDK drops an unknown parameter without a word, and the API would then answer another question.
            raise TypeError(f"{action} has no parameter {dropped}")
        return client, request

    @functools.cached_property
    def _sdk(self) -> tuple[Any, Any]:
        """The SDK's client and its models."""
        client, models = load_sdk(SDK_PACKAGES[self.product])
        return client(sdk_config(self.region, self._credentials, self._endpoint)), models


def load_sdk(package: str) -> tuple[Any, Any]:
    """An SDK's ``Client`` and its ``models``, silent and without what they import and a call does not use."""
    models = models_on_demand(package)
    with stand_ins():
        module = importlib.import_module(f"{package}.client")
    silence_sdk_loggers()
    return module.Client, models


def sdk_config(region: str, credentials: Credentials, endpoint: Endpoint | None) -> Any:
    """The ``Config`` of any Tea SDK client; without an endpoint the SDK's own."""
    config = importlib.import_module("alibabacloud_tea_openapi.models").Config(
        access_key_id=credentials.access_key_id,
        access_key_secret=credentials.access_key_secret,
        security_token=credentials.security_token or None,
        region_id=region,
        connect_timeout=CONNECT_TIMEOUT_MS,
        read_timeout=READ_TIMEOUT_MS,
    )
    if endpoint is not None:
        config.endpoint = endpoint.host
        config.protocol = endpoint.protocol
    return config


def items(body: Mapping[str, Any], *path: str) -> list[dict[str, Any]]:
    """The list at ``path`` of an answer, empty where any container on the way is missing or null."""
    found: Any = body
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """At most ``size`` values each, in their order."""
    every = list(values)
    return (every[start : start + size] for start in range(0, len(every), size))


def _dropped(given: Any, kept: Any) -> str:
    """The first name in ``given`` that is not in ``kept``, at any depth; empty where there is none."""
    if isinstance(given, Mapping):
        for name, value in given.items():
            if not isinstance(kept, Mapping) or name not in kept:
                return str(name)
            if inner := _dropped(value, kept[name]):
                return f"{name}.{inner}"
    if isinstance(given, list) and isinstance(kept, list):
        return next((inner for pair in zip(given, kept) if (inner := _dropped(*pair))), "")  # noqa: B905
    return ""


def as_cloud_error(error: Exception, action: str, about: str) -> CloudError:
    """The SDK's exception as ours. Neither URL nor headers of the request go into the message.

    A refusal has ``code`` and ``status_code``; a broken connection, a timeout or an answer that is not JSON has neither
    (darabonba's ``UnretryableException``). A programming error (``TypeError`` …) is re-raised as it is.
    """
    from Tea.exceptions import TeaException, UnretryableException  # noqa: PLC0415 - the SDK is loaded by now

    if isinstance(error, UnretryableException) or not isinstance(error, TeaException):
        cause = getattr(error, "inner_exception", None) or error
        if isinstance(error, (TypeError, AttributeError, NameError)):
            raise error
        return CloudUnreachable(action, about, "NoAnswer", f"{type(cause).__name__}; {CHECK_ENDPOINT}")
    code = getattr(error, "code", None)
    status = getattr(error, "status_code", None)
    retry_after = getattr(error, "retry_after", None)  # milliseconds
    if not code or status is None:
        return CloudUnreachable(action, about, "NoAnswer", f"HTTP {status} that is not the API's; {CHECK_ENDPOINT}")
    request_id = getattr(error, "request_id", None) or (getattr(error, "data", None) or {}).get("RequestId")
    return CloudError(
        action,
        about,
        str(code),
        _first_sentence(error),
        status=int(status),
        request_id=str(request_id or ""),
        retry_after=None if retry_after is None else float(retry_after) / 1000.0,
    )


def _first_sentence(error: Exception) -> str:
    """The API's message without the ``code: 403, … request id: …`` that the SDK wraps around it."""
    text = str(getattr(error, "message", None) or "")
    if text.startswith("code: "):
        text = text.partition(", ")[2]
    return text.partition(" request id: ")[0].strip()


@functools.cache
def _methods(package: str) -> dict[str, str]:
    """``describevservergroups`` -> ``describe_vserver_groups``: the SDK's spelling, whatever it does with acronyms."""
    client = importlib.import_module(f"{package}.client").Client
    return {name.replace("_", ""): name for name in dir(client) if not name.startswith("_")}
