"""Events handed over to the function whose job it is, as EventBridge would have sent them."""

from __future__ import annotations

import hashlib
from typing import Any

from spotkeeper.events import Transition
from spotkeeper.instances import iso
from sweeping.context import Context
from sweeping.pending_actions import PendingAction
from sweeping.returns import Returning
from sweeping.state import Rescue

MINUTE = 60
EVENT_TYPES = {
    Transition.SCALE_OUT.value: "ess:LifecycleHook:ScaleOut",
    Transition.SCALE_IN.value: "ess:LifecycleHook:ScaleIn",
}


def rescue(run: Context, one: Rescue) -> None:
    """To the interruption function, at most once a minute for one episode. Its event has a time where that is known.

    A rescue whose last call needs a human is counted, once it was accepted. Raises ``CloudError``,
    ``JournalUnavailable``.
    """
    noticed = one.event.get("time")
    event = {
        "type": "ecs:Instance:PreemptibleInstanceInterruption",
        **({"time": iso(float(noticed))} if noticed is not None else {}),
        "data": {"instanceId": one.instance_id, "action": "delete"},
    }
    task_id = f"{one.instance_id}-{one.number}-{int(run.now // MINUTE)}"
    _hand_over(run, run.settings.interruption_function, _about_instance(run, one.instance_id, event), task_id)
    if one.needs_human_since is not None:
        run.journal.create(f"{run.home}/sweeps/{one.name}/handed-{one.handed + 1}", {"at": run.now})


def instance(run: Context, one: Returning) -> None:
    """To the state_change function, at most once a minute for one stop. Raises ``CloudError``.

    The event has no time: when the instance stopped, or began to run, is not known.
    """
    data = {"resourceId": one.instance_id, "resourceType": "ALIYUN::ECS::Instance", "state": one.state}
    event = _about_instance(run, one.instance_id, {"type": "ecs:Instance:StateChange", "data": data})
    task_id = f"{one.instance_id}-{one.about}-{int(run.now // MINUTE)}"
    _hand_over(run, run.restarts.state_change_function, event, task_id)


def pending_action(run: Context, one: PendingAction) -> bool:
    """To the lifecycle_hook function, once in each round; whether this call did. Raises ``CloudError``."""
    # Actions of one hook in one activity differ by their tokens; the parts of a tag may hold any character.
    about = hashlib.sha256(f"{one.name}/{one.action.get('LifecycleActionToken')}".encode()).hexdigest()[:32]
    account, _, region = run.home.partition("/")
    event = {
        "type": EVENT_TYPES[str(one.hook["LifecycleTransition"])],
        "source": "acs.ess",
        "subject": f"acs.ess:{region}:{account}:{one.hook.get('ScalingGroupId')}",
        "data": {name: value for name, value in _told(one).items() if value},
    }
    return _hand_over(run, run.hooks.lifecycle_hook_function, event, f"hook-{about}-{one.round(run.now)}")


def _told(one: PendingAction) -> dict[str, Any]:
    """As the notification has it, but for its time: when the hook began to wait is not known."""
    return {
        "lifecycleHookId": one.hook["LifecycleHookId"],
        "lifecycleHookName": one.hook.get("LifecycleHookName"),
        "lifecycleActionToken": one.action["LifecycleActionToken"],
        "lifecycleTransition": one.hook["LifecycleTransition"],
        "defaultResult": one.hook.get("DefaultResult"),
        "notificationMetadata": one.hook.get("NotificationMetadata"),
        "instanceIds": one.instance_ids,
        "scalingActivityId": one.activity_id,
        "scalingGroupId": one.hook.get("ScalingGroupId"),
    }


def _about_instance(run: Context, instance_id: str, event: dict[str, Any]) -> dict[str, Any]:
    account, _, region = run.home.partition("/")
    return {"source": "acs.ecs", "subject": f"acs:ecs:{region}:{account}:instance/{instance_id}", **event}


def _hand_over(run: Context, function: str, event: dict[str, Any], task_id: str) -> bool:
    """Invoke a function asynchronously; whether this call did: a task id is accepted once. Raises ``CloudError``."""
    account, _, region = run.home.partition("/")
    envelope = {
        "id": task_id,
        "specversion": "1.0",
        "datacontenttype": "application/json;charset=utf-8",
        "aliyunaccountid": account,
        "aliyunregionid": region,
    }
    return run.functions.hand_over(function, {**envelope, **event}, task_id)
