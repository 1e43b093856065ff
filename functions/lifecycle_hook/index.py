"""Check the machines that Auto Scaling holds back, keep the hook alive meanwhile, and complete it exactly once.

Event (``events/lifecycle-hook.scale-out.json``; ``events/README.md`` lists the other envelopes)::

    {"product": "ESS", "regionId": "cn-shenzhen", "userId": "1690701234567830", "time": "2018-06-21T03:07:57.641Z",
     "resourceArn": "acs:ess:cn-shenzhen:1690701234567830:scalingGroup/asg-wz9012345678abcdefgh",
     "content": {"lifecycleHookId": "ash-wz9012345678abcdefgh", "lifecycleHookName": "SCALE_OUT_TEST",
                 "lifecycleActionToken": "C8BEAE68-CB77-4E60-986D-1E8BBF1A6B99", "lifecycleTransition": "SCALE_OUT",
                 "scalingGroupId": "asg-wz9012345678abcdefgh", "scalingActivityId": "asa-wz9012345678abcdefgh",
                 "instanceIds": ["i-wz9012345678abcdefg1"], "defaultResult": "CONTINUE",
                 "notificationMetadata": "..."}}

or, for a check on demand (``events/check.json``)::

    {"check": "system-up", "instanceIds": ["i-wz9012345678abcdefg1"]}

Which checks run for which hook stands in ``hooks.json``, what they are in ``checks/``.
Settings: ``SPOTKEEPER_DRY_RUN``, ``SPOTKEEPER_HOOK_ON_INTERNAL_ERROR``, ``ECS_ENDPOINT``, ``ESS_ENDPOINT``.
"""

from __future__ import annotations

import os
from typing import Any

from checking.entry import handle_check, handle_hook
from spotkeeper.clock import Clock
from spotkeeper.events import CheckOnDemand, Kind, LifecycleHook, Notification
from spotkeeper.function import Context, Invocation, respond
from spotkeeper.settings import LifecycleHookSettings


def handler(event: bytes | str, context: Context) -> dict[str, Any]:
    """Function Compute's entry point: the answer, or an error after which calling again goes on."""
    invocation = Invocation.enter(context, os.environ, Clock())
    settings = LifecycleHookSettings.from_env(os.environ)

    def held(notification: Notification) -> dict[str, Any]:
        action = LifecycleHook.of(notification, invocation.region)
        return handle_hook(action, invocation, settings)

    def asked(notification: Notification) -> dict[str, Any]:
        check = CheckOnDemand.of(notification, invocation.region)
        return handle_check(check, invocation, settings)

    def tested(_: Notification) -> dict[str, Any]:
        return {"outcome": "skipped", "reason": "the test of a lifecycle hook is acknowledged; its token is not real"}

    handlers = {Kind.LIFECYCLE_HOOK: held, Kind.CHECK: asked, Kind.LIFECYCLE_HOOK_TEST: tested}
    return respond(event, invocation, handlers)
