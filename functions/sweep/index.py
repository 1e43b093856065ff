"""Find what events missed, and invoke ``interruption``, ``state_change`` and ``lifecycle_hook`` for it.

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

from spotkeeper.events.notification import Kind
from spotkeeper.function import Answer, FunctionContext, run_function
from spotkeeper.settings.sweep import SweepSettings
from sweeping.entry import handle


def handler(event: bytes | str, context: FunctionContext) -> Answer:
    """Function Compute's entry point: the answer, or an error; the next timer event tries again anyway."""
    return run_function(event, context, SweepSettings.from_env, {Kind.TIMER: handle})
