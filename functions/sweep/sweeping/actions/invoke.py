"""Invocations of the other functions, with events as EventBridge sends them."""

from __future__ import annotations

import hashlib
from typing import Any

from spotkeeper.instances import iso
from sweeping.context import Context
from sweeping.lifecycle_actions import EVENT_TYPES, MINUTE, LifecycleAction
from sweeping.missed_changes import MissedChange
from sweeping.state import RescueState


def interruption(run: Context, rescue: RescueState) -> None:
    """Invoke ``interruption``, at most once a minute for an episode. The event has the recorded time of the notice.

    Accepted invocations are counted after an error that needs a human. Raises ``CloudError``, ``JournalUnavailable``.
    """
    noticed = rescue.event.get("time")
    event = {
        "type": "ecs:Instance:PreemptibleInstanceInterruption",
        **({"time": iso(float(noticed))} if noticed is not None else {}),
        "data": {"instanceId": rescue.instance_id, "action": "delete"},
    }
    task_id = f"{rescue.instance_id}-{rescue.number}-{int(run.now // MINUTE)}"
    _invoke(run, run.settings.interruption_function, _of_instance(run, rescue.instance_id, event), task_id)
    if rescue.needs_human_since is not None:
        document = {"at": run.now, "locked": rescue.locked}
        run.journal.create(f"{run.home}/sweeps/{rescue.name}/invoked-{rescue.invocations + 1}", document)


def state_change(run: Context, change: MissedChange) -> None:
    """Invoke ``state_change``, at most once a minute for a stop. Raises ``CloudError``.

    The event has no time: the time of the state change is not known.
    """
    data = {"resourceId": change.instance_id, "resourceType": "ALIYUN::ECS::Instance", "state": change.state}
    event = _of_instance(run, change.instance_id, {"type": "ecs:Instance:StateChange", "data": data})
    task_id = f"{change.instance_id}-{change.about}-{int(run.now // MINUTE)}"
    _invoke(run, run.settings.state_change_function, event, task_id)


def lifecycle_hook(run: Context, pending: LifecycleAction) -> bool:
    """Invoke ``lifecycle_hook``, once in each round; whether this call did. Raises ``CloudError``."""
    hook, action = pending.hook, pending.action
    # Actions of a hook in the same activity differ by their tokens; the parts of a tag may hold any character.
    about = hashlib.sha256(f"{pending.name}/{action.get('LifecycleActionToken')}".encode()).hexdigest()[:32]
    account, _, region = run.home.partition("/")
    # As in the notification, but without a time: the time at which the hook began to wait is not known.
    data = {
        "lifecycleHookId": hook["LifecycleHookId"],
        "lifecycleHookName": hook.get("LifecycleHookName"),
        "lifecycleActionToken": action["LifecycleActionToken"],
        "lifecycleTransition": hook["LifecycleTransition"],
        "defaultResult": hook.get("DefaultResult"),
        "notificationMetadata": hook.get("NotificationMetadata"),
        "instanceIds": pending.instance_ids or _waiting(run, str(hook.get("ScalingGroupId"))),
        "scalingActivityId": pending.activity_id,
        "scalingGroupId": hook.get("ScalingGroupId"),
    }
    event = {
        "type": EVENT_TYPES[str(hook["LifecycleTransition"])],
        "source": "acs.ess",
        "subject": f"acs.ess:{region}:{account}:{hook.get('ScalingGroupId')}",
        "data": {name: value for name, value in data.items() if value},
    }
    return _invoke(run, run.settings.lifecycle_hook_function, event, f"hook-{about}-{pending.round(run.now)}")


def _waiting(run: Context, group_id: str) -> list[str]:
    """The members that wait, for an action that lists none: without an instance id the event would be malformed.

    The function checks the instances of the action alone. Raises ``CloudError``.
    """
    members = run.ess.listed("DescribeScalingInstances", group_id, {"ScalingGroupId": group_id}, "ScalingInstances")
    return [str(member["InstanceId"]) for member in members if str(member.get("LifecycleState")).endswith(":Wait")]


def _of_instance(run: Context, instance_id: str, event: dict[str, Any]) -> dict[str, Any]:
    account, _, region = run.home.partition("/")
    return {"source": "acs.ecs", "subject": f"acs:ecs:{region}:{account}:instance/{instance_id}", **event}


def _invoke(run: Context, function: str, event: dict[str, Any], task_id: str) -> bool:
    """Whether this call invoked the function: a task id is accepted once. Raises ``CloudError``."""
    account, _, region = run.home.partition("/")
    envelope = {
        "id": task_id,
        "specversion": "1.0",
        "datacontenttype": "application/json;charset=utf-8",
        "aliyunaccountid": account,
        "aliyunregionid": region,
    }
    return run.functions.invoke(function, {**envelope, **event}, task_id)
