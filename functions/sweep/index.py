"""Find what events missed and hand it to ``interruption``, ``state_change`` and ``lifecycle_hook``.

Event (``events/timer.json``), every minute, since a notice has five::

    {"triggerTime": "2019-04-09T04:19:00Z", "triggerName": "sweep", "payload": ""}

Settings: ``SPOTKEEPER_JOURNAL`` (required), ``SPOTKEEPER_MANAGED_TAG``, ``SPOTKEEPER_DRY_RUN``,
``SPOTKEEPER_INTERRUPTION_FUNCTION``, ``SPOTKEEPER_SWEEP_LIMIT``, ``SPOTKEEPER_SWEEP_DELETE``,
``SPOTKEEPER_IMAGE_TTL_DAYS``, ``SPOTKEEPER_IMAGE_QUOTA``, ``SPOTKEEPER_STATE_CHANGE_FUNCTION``,
``SPOTKEEPER_RESTART_TAG``, ``SPOTKEEPER_RESTART_LIMIT``, ``SPOTKEEPER_RESTART_WINDOW_SECONDS``,
``SPOTKEEPER_HOOK_ARNS``, ``SPOTKEEPER_LIFECYCLE_HOOK_FUNCTION``, ``ECS_ENDPOINT``, ``ESS_ENDPOINT``, ``OSS_ENDPOINT``,
``FUNCTION_COMPUTE_ENDPOINT``.
"""

from __future__ import annotations

import os
from typing import Any

from spotkeeper.clock import Clock
from spotkeeper.events import Kind, Notification, Timer
from spotkeeper.function import Context, Invocation, respond
from spotkeeper.settings import SweepSettings
from sweeping.entry import sweep


def handler(event: bytes | str, context: Context) -> dict[str, Any]:
    """Function Compute's entry point: the answer, or an error; the next timer event tries again anyway."""
    invocation = Invocation.enter(context, os.environ, Clock())
    settings = SweepSettings.from_env(os.environ)

    def timer(notification: Notification) -> dict[str, Any]:
        Timer.of(notification, invocation.region)
        return sweep(invocation, settings)

    return respond(event, invocation, {Kind.TIMER: timer})
