"""Asynchronous invocation of another function (Function Compute's ``InvokeFunction``)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from spotkeeper.clients import CONNECT_TIMEOUT_MS, READ_TIMEOUT_MS, as_cloud_error, load_sdk, sdk_config
from spotkeeper.clock import TimeLimit
from spotkeeper.credentials import Credentials
from spotkeeper.errors import CloudError
from spotkeeper.retry import RetryPolicy, retried
from spotkeeper.settings.types import Endpoint

FUNCTION_COMPUTE = "alibabacloud_fc20230330"
SUBMITTED_BEFORE = 409
"""HTTP status of a task id that was submitted already ("Task deduplication")."""
BUSY = RetryPolicy(conflicts=frozenset({"ResourceExhausted"}))
"""HTTP 429: no room for another invocation right now."""


class Functions:
    """The functions of one region."""

    def __init__(self, region: str, credentials: Credentials, endpoint: Endpoint | None, deadline: TimeLimit) -> None:
        self._settings = (region, credentials, endpoint)
        self._deadline = deadline
        self._client: Any = None

    def invoke(self, function: str, event: Mapping[str, Any], task_id: str) -> bool:
        """Invoke ``function`` with ``event``. False where the task id was submitted before.

        ``task_id`` is a letter followed by letters, digits, ``_`` and ``-``, 128 characters at most.
        Raises ``CloudError`` and ``CloudUnreachable``.
        """
        payload = json.dumps(event).encode()
        try:
            retried(lambda: self._invoke(function, payload, task_id), BUSY, self._deadline)
        except CloudError as error:
            if error.status != SUBMITTED_BEFORE:
                raise
            return False
        return True

    def _invoke(self, function: str, payload: bytes, task_id: str) -> None:
        client, models = load_sdk(FUNCTION_COMPUTE)
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415 - an invocation that invokes nothing never loads it

        if self._client is None:
            self._client = client(sdk_config(*self._settings))
        headers = models.InvokeFunctionHeaders(x_fc_invocation_type="Async", x_fc_async_task_id=task_id)
        request = models.InvokeFunctionRequest(body=io.BytesIO(payload))
        runtime = RuntimeOptions(connect_timeout=CONNECT_TIMEOUT_MS, read_timeout=READ_TIMEOUT_MS)
        try:
            self._client.invoke_function_with_options(function, request, headers, runtime)
        except Exception as error:  # noqa: BLE001 - as in ``clients``
            raise as_cloud_error(error, "InvokeFunction", function) from None
