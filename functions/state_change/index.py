"""Audit every state change; start stopped instances again within limits; restore memberships after stop mode.

Event (``events/state-change.stopped.json``; ``events/README.md`` lists the other envelopes)::

    {"name": "Instance:StateChange", "product": "ECS", "regionId": "cn-hangzhou", "level": "INFO", "ver": "1.0",
     "id": "9435EAD6-3CF6-4494-8F7A-3A0123456777", "userId": "1690701234567830",
     "eventTime": "20190409T122330.000+0800",
     "resourceId": "acs:ecs:cn-hangzhou:1690701234567830:instance/i-bp1ecr012345675go2go",
     "content": {"resourceId": "i-bp1ecr012345675go2go", "resourceType": "ALIYUN::ECS::Instance", "state": "Stopped"}}

Settings: ``SPOTKEEPER_JOURNAL`` (required), ``SPOTKEEPER_DRY_RUN``, ``SPOTKEEPER_RESTART_TAG``,
``SPOTKEEPER_RESTART_LIMIT``, ``SPOTKEEPER_RESTART_WINDOW_SECONDS``, ``ECS_ENDPOINT``, ``SLB_ENDPOINT``,
``OSS_ENDPOINT``.
"""

from __future__ import annotations

from restarting.entry import handle
from spotkeeper.events.notification import Kind
from spotkeeper.function import Answer, FunctionContext, run_function
from spotkeeper.settings.state_change import StateChangeSettings


def handler(event: bytes | str, context: FunctionContext) -> Answer:
    """Function Compute's entry point: the answer, or an error after which calling again goes on."""
    return run_function(event, context, StateChangeSettings.from_env, {Kind.STATE_CHANGE: handle})
