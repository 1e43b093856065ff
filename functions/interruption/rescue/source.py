"""The interrupted instance itself."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from rescue.facts import Described, Facts, locked
from rescue.tools import NOTICE_SECONDS, Tools
from spotkeeper.clients import Api, items
from spotkeeper.clock import Deadline
from spotkeeper.polling import Waiter, wait_for
from spotkeeper.retry import RetryPolicy

LOCK_PAUSE = 2.0

STOPPED = Waiter("instance", success=frozenset({"Stopped", "absent"}), retry=frozenset({"Stopping", "Running"}))
STOP_CONFLICTS = RetryPolicy(conflicts=frozenset({"IncorrectInstanceStatus.Initializing", "InstanceNotReady"}))


def describe_instance(ecs: Api, instance_id: str) -> Described | None:
    """The instance, or None.

    DescribeInstances answers an empty list, not an error, and a filter that it does not understand with other people's
    instances.
    """
    body = ecs.call("DescribeInstances", instance_id, {"InstanceIds": json.dumps([instance_id])})
    found = (one for one in items(body, "Instances", "Instance") if one.get("InstanceId") == instance_id)
    return next(found, None)


def look(tools: Tools, facts: Facts) -> Facts:
    """Read the source again."""
    source = describe_instance(tools.ecs, tools.instance_id)
    return judge_notice(tools, facts.but(source=source, source_seen=True))


def judge_notice(tools: Tools, facts: Facts) -> Facts:
    """A notice that has passed while the source stands under the lock ends later than thought."""
    if locked(facts.source) and tools.clock.now() > facts.notice_end:
        return facts.but(notice_end=facts.entered + NOTICE_SECONDS, notice_estimated=True)
    return facts


def wait_for_lock(tools: Tools, facts: Facts) -> Facts:
    """Give the lock a moment to appear."""
    tools.clock.sleep(LOCK_PAUSE)
    return look(tools, facts)


def stop(tools: Tools, facts: Facts, until: Deadline) -> Facts:
    """StopInstance and wait until it is Stopped (or gone, which is stopped for good)."""
    if (facts.source or {}).get("Status") == "Running":
        tools.ecs.call(
            "StopInstance", tools.instance_id, {"InstanceId": tools.instance_id}, retry=STOP_CONFLICTS, until=until
        )

    def status() -> tuple[str, Described | None]:
        source = describe_instance(tools.ecs, tools.instance_id)
        return str(source.get("Status")) if source else "absent", source

    source = wait_for(STOPPED, tools.instance_id, status, tools.clock, until)
    return facts.but(source=source, source_seen=True, stopped_at=tools.clock.now())


def iso(seconds: float) -> str:
    """``2026-01-02T03:04:05.678Z``."""
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
