"""The course of a scaling activity: instances join or leave, hooks suspend them, and the last result decides.

The order is that of the lifecycle hooks' documentation: on the way in the hooks wait before the instances are added
to the load balancer, on the way out after they were removed from it.
"""

from __future__ import annotations

from typing import Any

from simulator.ecs.model import Instance
from simulator.ess.model import (
    PENDING,
    SCALE_IN,
    SCALE_OUT,
    TIMEOUT,
    LifecycleAction,
    LifecycleHook,
    ScalingActivity,
    ScalingGroup,
    ScalingInstance,
)
from simulator.ess.notification import notification
from simulator.ess.registry import Registry
from simulator.slb.model import BackendServer

TAG = "acs:autoscaling:scalingGroupId"
LOOK_AGAIN = 10.0
"""Seconds until Auto Scaling looks again for instances that do not run yet."""
_WAITS = {SCALE_OUT: "Pending:Wait", SCALE_IN: "Removing:Wait"}


class Activities(Registry):
    """The start of activities and their course."""

    def scale_out(
        self,
        group: ScalingGroup,
        count: int = 1,
        *,
        instance_ids: list[str] | None = None,
        **instance_attributes: Any,
    ) -> ScalingActivity:
        """New ECS instances for a group: ``count`` of them, or an instance for each id.

        ``instance_attributes`` are those of ``ecs.add_instance``; the others come from the cloud's
        resources. The instances boot as those of RunInstances; with a ``status`` they have that status, and keep it.
        """
        ids = instance_ids or [self.cloud.new_id("i") for _ in range(count)]
        if len(group.instances) + len(ids) > group.max_size:
            raise ValueError(f"{len(ids)} more instances are over the MaxSize {group.max_size} of {group.id}")
        activity = self._begin(group, SCALE_OUT, ids, "The embedded cloud was asked to scale out.")
        activity.created = list(ids)
        for instance_id in ids:
            self._create(group, instance_id, instance_attributes)
            group.instances[instance_id] = ScalingInstance(instance_id, "Pending", self.now(), activity.id)
        if self.hooks_wait_for_running:
            self.scheduler.at(self.now() + self.cloud.ecs.timings.boot, self._when_running, activity)
        else:
            self._suspend(self.now(), activity)
        self.progress()
        return activity

    def scale_in(self, group: ScalingGroup, instance_ids: list[str]) -> ScalingActivity:
        """Instances leave the group; existing ECS instances that were not in it yet count as its own."""
        for instance_id in instance_ids:
            self.cloud.ecs.instance(instance_id)
            group.instances.setdefault(instance_id, ScalingInstance(instance_id, "InService", self.now()))
        activity = self._begin(group, SCALE_IN, list(instance_ids), "The embedded cloud was asked to scale in.")
        self.remove_from_service(activity)
        return activity

    def remove_from_service(self, activity: ScalingActivity) -> None:
        """A scale-in begins: out of the load balancer first, then the hooks."""
        group = activity.group
        for instance_id in activity.instance_ids:
            group.instances[instance_id].lifecycle_state = "Removing"
            if group.vserver_group is not None:
                group.vserver_group.drop_server(instance_id)
        self._suspend(self.now(), activity)
        self.progress()

    def _begin(self, group: ScalingGroup, transition: str, ids: list[str], cause: str) -> ScalingActivity:
        activity = ScalingActivity(self.cloud.new_id("asa"), group, transition, ids, self.now(), cause)
        self.activities.append(activity)
        return activity

    def _create(self, group: ScalingGroup, instance_id: str, attributes: dict[str, Any]) -> None:
        ecs, now = self.cloud.ecs, self.now()
        if not ecs.vswitches:
            ecs.add_vswitch("vsw-bp1scaling000000000h", "vpc-bp1scaling000000000", f"{self.cloud.region}-h")
        settings: dict[str, Any] = {
            "vswitch_id": next(iter(ecs.vswitches)),
            "security_group_ids": list(ecs.security_groups)[:1] or ["sg-bp1scaling000000000"],
            "image_id": next(iter(ecs.images), "aliyun_3_x64_20G_alibase.vhd"),
            "instance_name": f"ESS-asg-{group.name}",
            "status": "Pending",
            **attributes,
        }
        instance = ecs.add_instance(instance_id, **settings)
        instance.tags = ecs.tags_from({**settings.get("tags", {}), TAG: group.id}, now)
        instance.created_at, instance.visible_at = now, now + ecs.timings.instance_visible
        if "status" not in attributes:
            self._boot(instance, now)

    def _boot(self, instance: Instance, now: float) -> None:
        ecs, boot = self.cloud.ecs, self.cloud.ecs.timings.boot
        instance.started_at = 0.0
        self.scheduler.at(now + boot / 4, ecs.arrive, instance.instance_id, "Pending", "Starting")
        self.scheduler.at(now + boot, ecs.arrive, instance.instance_id, "Starting", "Running")

    def _when_running(self, moment: float, activity: ScalingActivity) -> None:
        made = [self.cloud.ecs.instances[name] for name in self._present(activity)]
        if not made:
            self._close(moment, activity, "Failed")
        elif all(instance.status == "Running" for instance in made):
            self._suspend(moment, activity)
        else:
            self.scheduler.at(moment + LOOK_AGAIN, self._when_running, activity)

    def _present(self, activity: ScalingActivity) -> list[str]:
        """Those of an activity's instances that still exist."""
        return [instance_id for instance_id in activity.instance_ids if instance_id in self.cloud.ecs.instances]

    def _suspend(self, moment: float, activity: ScalingActivity) -> None:
        """Let the matching hooks suspend the instances; without a hook the activity continues."""
        group = activity.group
        hooks = [hook for hook in group.hooks if _fires(hook, activity)]
        if not hooks:
            self._resume(moment, activity, "CONTINUE")
            return
        for instance_id in self._present(activity):
            group.instances[instance_id].lifecycle_state = _WAITS[activity.transition]
        for hook in hooks:
            self._fire(moment, activity, hook)

    def _fire(self, moment: float, activity: ScalingActivity, hook: LifecycleHook) -> None:
        token, until = self.cloud.request_id(), moment + hook.timeout
        action = LifecycleAction(token, hook, activity, self._present(activity), moment, until)
        activity.actions.append(action)
        self.scheduler.at(until, self._expire, action)
        if hook.notification_arn is not None:
            self.notifications.append(notification(self.cloud, moment, action))

    def _expire(self, moment: float, action: LifecycleAction) -> None:
        """The clock of an action has run out, unless it was completed or set anew meanwhile."""
        if action.status == PENDING and action.expires_at <= moment:
            self.end(moment, action, TIMEOUT, action.hook.default_result)

    def end(self, moment: float, action: LifecycleAction, status: str, result: str) -> None:
        """A hook lets go: by CompleteLifecycleAction or by its timeout, with the same consequences.

        On the way out ABANDON and ROLLBACK end the other hooks "ahead of schedule". With which status and result those
        are recorded is not documented: as timeouts with their own default result.
        """
        activity = action.activity
        action.status, action.result, action.ended_at = status, result, moment
        others = [action for action in activity.actions if action.status == PENDING]
        if activity.transition == SCALE_IN and result != "CONTINUE":
            for other in others:
                other.status, other.result, other.ended_at = TIMEOUT, other.hook.default_result, moment
            others = []
        if not others:
            self._resume(moment, activity, result)

    def _resume(self, moment: float, activity: ScalingActivity, result: str) -> None:
        """The last lifecycle action has ended (or there was none): its result decides about all instances.

        The status of an activity whose instances were rejected is not documented: Failed.
        """
        abandoned = activity.transition == SCALE_OUT and result != "CONTINUE"
        rolled_back = activity.transition == SCALE_IN and result == "ROLLBACK"
        if abandoned or rolled_back:
            activity.message = f"The lifecycle hooks ended with {result}."
        if abandoned or (activity.transition == SCALE_IN and not rolled_back):
            self._send_away(moment, activity, "Failed" if abandoned else "Successful")
        else:
            self._put_in_service(moment, activity)
            self._close(moment, activity, "Failed" if rolled_back else "Successful")

    def _put_in_service(self, moment: float, activity: ScalingActivity) -> None:
        group = activity.group
        for instance_id in self._present(activity):
            group.instances[instance_id].lifecycle_state = "InService"
            if group.vserver_group is not None:
                member = BackendServer(instance_id, group.port, group.weight, added_at=moment)
                group.vserver_group.members.append(member)

    def _send_away(self, moment: float, activity: ScalingActivity, status: str) -> None:
        """Instances are stopped, then released."""
        for instance_id in self._present(activity):
            activity.group.instances[instance_id].lifecycle_state = "Removing"
            self.cloud.ecs.instances[instance_id].status = "Stopping"
        self.scheduler.at(moment + self.cloud.ecs.timings.stop, self._release, activity, status)

    def _release(self, moment: float, activity: ScalingActivity, status: str) -> None:
        for instance_id in self._present(activity):
            self.cloud.ecs.release(self.cloud.ecs.instances[instance_id], moment, "AutoScaling")
            activity.group.instances.pop(instance_id, None)
            activity.destroyed.append(instance_id)
        self._close(moment, activity, status)

    def _close(self, moment: float, activity: ScalingActivity, status: str) -> None:
        partly = status == "Successful" and activity.ignored_instances
        activity.status = "Warning" if partly else status
        activity.ended_at, activity.total_capacity = moment, len(activity.group.instances)


def _fires(hook: LifecycleHook, activity: ScalingActivity) -> bool:
    wanted = hook.transition == activity.transition and hook.status == "Active"
    return wanted and not activity.hooks_disabled and hook.id not in activity.ignored_hook_ids
