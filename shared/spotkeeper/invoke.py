"""Asynchronous invocation of another function (Function Compute's ``InvokeFunction``)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

from spotkeeper.clients import CONNECT_TIMEOUT_MS, READ_TIMEOUT_MS, as_cloud_error, sdk_config, silence_sdk_loggers
from spotkeeper.clock import TimeLimit
from spotkeeper.credentials import Credentials
from spotkeeper.errors import CloudError
from spotkeeper.retry import RetryPolicy, retried
from spotkeeper.settings.types import Endpoint

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
        from alibabacloud_fc20230330 import models  # noqa: PLC0415 - a sweep that invokes nothing never loads it
        from alibabacloud_fc20230330.client import Client  # noqa: PLC0415
        from darabonba.runtime import RuntimeOptions  # noqa: PLC0415

        if self._client is None:
            self._client = Client(sdk_config(*self._settings))
            silence_sdk_loggers()
        headers = models.InvokeFunctionHeaders(x_fc_invocation_type="Async", x_fc_async_task_id=task_id)
        request = models.InvokeFunctionRequest(body=io.BytesIO(payload))
        runtime = RuntimeOptions(connect_timeout=CONNECT_TIMEOUT_MS, read_timeout=READ_TIMEOUT_MS)
        try:
            self._client.invoke_function_with_options(function, request, headers, runtime)
        except Exception as error:  # noqa: BLE001 - as in ``clients``
            raise as_cloud_error(error, "InvokeFunction", function) from None
