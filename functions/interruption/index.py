"""Rescue an interrupted spot instance: drain it, image it, replace it, and put the replacement where it was.

Event (``events/interruption.cloudmonitor.json``; ``events/README.md`` lists the other envelopes)::

    {"name": "Instance:PreemptibleInstanceInterruption", "product": "ECS", "regionId": "cn-hangzhou",
     "eventTime": "20190409T121826.922+0800", "userId": "1690701234567830", "level": "INFO", "ver": "1.0",
     "resourceId": "acs:ecs:cn-hangzhou:1690701234567830:instance/i-bp1ecr012345675go2go",
     "content": {"instanceId": "i-bp1ecr012345675go2go", "action": "delete"}}

Settings: ``SPOTKEEPER_JOURNAL`` (required), ``SPOTKEEPER_MANAGED_TAG``, ``SPOTKEEPER_DRY_RUN``,
``SPOTKEEPER_REQUIRE_RECYCLING_LOCK``, ``SPOTKEEPER_DRAIN_SECONDS``, ``SPOTKEEPER_STOP_SOURCE``,
``SPOTKEEPER_RETAIN_DISKS``, ``SPOTKEEPER_RELAUNCH``, ``SPOTKEEPER_FALLBACK_INSTANCE_TYPES``,
``SPOTKEEPER_FALLBACK_VSWITCH_IDS``, ``SPOTKEEPER_FALLBACK_ON_DEMAND``, ``SPOTKEEPER_USER_DATA``, ``ECS_ENDPOINT``,
``SLB_ENDPOINT``, ``OSS_ENDPOINT``.
"""

from __future__ import annotations

from rescue.entry import handle
from spotkeeper.events.notification import Kind
from spotkeeper.function import Answer, FunctionContext, run_function
from spotkeeper.settings.interruption import InterruptionSettings


def handler(event: bytes | str, context: FunctionContext) -> Answer:
    """Function Compute's entry point: the answer, or an error after which calling again goes on."""
    return run_function(event, context, InterruptionSettings.from_env, {Kind.INTERRUPTION: handle})
