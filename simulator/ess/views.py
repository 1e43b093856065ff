"""Groups, hooks, activities and their instances as the Describe actions show them."""

from __future__ import annotations

from typing import Any

from simulator.ecs.model import Instance, utc
from simulator.ess.model import (
    IN_PROGRESS,
    LifecycleAction,
    LifecycleHook,
    ScalingActivity,
    ScalingGroup,
    ScalingInstance,
)

Row = dict[str, Any]


def group(g: ScalingGroup, load_balancer_id: str) -> Row:
    """One element of DescribeScalingGroups; ``load_balancer_id`` owns the vServer group, where the group has one."""
    servers = []
    if g.vserver_group is not None:
        attributes = [{"VServerGroupId": g.vserver_group.id, "Port": g.port, "Weight": g.weight}]
        servers = [{"LoadBalancerId": load_balancer_id, "VServerGroupAttributes": attributes}]
    return {
        "ScalingGroupId": g.id,
        "ScalingGroupName": g.name,
        "RegionId": g.region,
        "GroupType": "ECS",
        "LifecycleState": "Active",
        "CreationTime": utc(g.created_at, minutes=True),
        "MinSize": g.min_size,
        "MaxSize": g.max_size,
        "EnableDesiredCapacity": False,
        "DefaultCooldown": 300,
        "HealthCheckType": "ECS",
        "ScalingPolicy": "release",
        "SpotInstanceRemedy": False,
        "TotalCapacity": len(g.instances),
        "TotalInstanceCount": len(g.instances),
        "ActiveCapacity": g.count("InService"),
        "PendingCapacity": g.count("Pending"),
        "PendingWaitCapacity": g.count("Pending:Wait"),
        "RemovingCapacity": g.count("Removing"),
        "RemovingWaitCapacity": g.count("Removing:Wait"),
        "ProtectedCapacity": 0,
        "StandbyCapacity": 0,
        "StoppedCapacity": 0,
        "LoadBalancerIds": [load_balancer_id] if load_balancer_id else [],
        "VServerGroups": servers,
        "Tags": [],
    }


def hook(h: LifecycleHook, region: str, account_id: str) -> Row:
    """One element of DescribeLifecycleHooks."""
    return {
        "LifecycleHookId": h.id,
        "LifecycleHookName": h.name,
        "ScalingGroupId": h.group_id,
        "LifecycleTransition": h.transition,
        "HeartbeatTimeout": h.timeout,
        "DefaultResult": h.default_result,
        "LifecycleHookStatus": h.status,
        "NotificationArn": h.notification_arn or f"acs:ess:{region}:{account_id}:null/null",
        "NotificationMetadata": h.metadata,
    }


def activity(a: ScalingActivity) -> Row:
    """One element of DescribeScalingActivities. Times are cut to the minute, so they are up to 59 s early."""
    shown: Row = {
        "ScalingActivityId": a.id,
        "ScalingGroupId": a.group.id,
        "StatusCode": a.status,
        "StatusMessage": a.message,
        "Progress": 50 if a.status == IN_PROGRESS else 100,
        "Cause": a.cause,
        "Description": f"{'Add' if a.created else 'Remove'} {len(a.instance_ids)} ECS instance(s)",
        "StartTime": utc(a.started_at, minutes=True),
        "ScalingInstanceNumber": len(a.instance_ids),
        "CreatedCapacity": len(a.created),
        "CreatedInstances": list(a.created),
        "DestroyedCapacity": len(a.destroyed),
        "DestroyedInstances": list(a.destroyed),
        "TriggerSourceType": a.trigger,
        "LifecycleHookContext": {
            "DisableLifecycleHook": a.hooks_disabled,
            "IgnoredLifecycleHookIds": list(a.ignored_hook_ids),
        },
        "ErrorMessages": [
            {"Code": ignored["Code"], "Message": ignored["Message"], "FailedInstanceIds": [ignored["InstanceId"]]}
            for ignored in a.ignored_instances
        ],
    }
    if a.ended_at is not None:
        shown |= {"EndTime": utc(a.ended_at, minutes=True), "TotalCapacity": str(a.total_capacity)}
    return shown


def action(a: LifecycleAction) -> Row:
    """One element of DescribeLifecycleActions; in the documented sample a pending action has the default result."""
    return {
        "LifecycleHookId": a.hook.id,
        "LifecycleActionToken": a.token,
        "LifecycleActionStatus": a.status,
        "LifecycleActionResult": a.result or a.hook.default_result,
        "InstanceIds": list(a.instance_ids),
    }


def instance(g: ScalingGroup, member: ScalingInstance, ecs: Instance) -> Row:
    """One element of DescribeScalingInstances; "instances that are not Running are considered unhealthy"."""
    return {
        "InstanceId": member.instance_id,
        "ScalingInstanceId": member.instance_id,
        "ScalingGroupId": g.id,
        "ScalingActivityId": member.activity_id,
        "LifecycleState": member.lifecycle_state,
        "HealthStatus": "Healthy" if ecs.status == "Running" else "Unhealthy",
        "CreationType": "AutoCreated",
        "CreationTime": utc(member.since, minutes=True),
        "CreatedTime": utc(member.since),
        "PrivateIpAddress": ecs.private_ip,
        "SpotStrategy": ecs.spot_strategy,
        "ZoneId": ecs.zone_id,
        "WarmupState": "NoNeedWarmup",
        "Entrusted": False,
        "LoadBalancerWeight": g.weight,
    }
