"""Check the instances of a pending lifecycle action, keep its hook alive meanwhile, and complete it exactly once.

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

``hooks.json`` has the checks of each hook, ``checks/`` the scripts of the checks.
Settings: ``SPOTKEEPER_DRY_RUN``, ``SPOTKEEPER_HOOK_ON_INTERNAL_ERROR``, ``ECS_ENDPOINT``, ``ESS_ENDPOINT``.
"""

from __future__ import annotations

from checking.entry import handle, handle_check, handle_test
from spotkeeper.events.notification import Kind
from spotkeeper.function import Answer, FunctionContext, run_function
from spotkeeper.settings.lifecycle_hook import LifecycleHookSettings

HANDLERS = {Kind.LIFECYCLE_HOOK: handle, Kind.CHECK: handle_check, Kind.LIFECYCLE_HOOK_TEST: handle_test}


def handler(event: bytes | str, context: FunctionContext) -> Answer:
    """Function Compute's entry point: the answer, or an error after which calling again goes on."""
    return run_function(event, context, LifecycleHookSettings.from_env, HANDLERS)
