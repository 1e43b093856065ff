"""RunInstances with its records, and the launched instances as Describe shows them."""

from __future__ import annotations

from collections.abc import Mapping

from rescue.actions import launch_requests
from rescue.actions.launch_refusals import AT_ONCE
from rescue.actions.launch_requests import LaunchRecords, LaunchRequest
from rescue.context import Context
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import BrokenRecord, DeadlineReached, RescueFailed
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of

RUN_SECONDS = 20.0
"""How long a launch option is retried after throttling and conflicts."""

OLDER_SECONDS = 300.0
"""CreationTime is in minutes, and the clocks may differ."""
VISIBLE_SECONDS = 60.0
LOOK_PAUSE = 3.0
"""How long a launched instance may not be visible yet, and the pause between two looks."""


def run_instances(run: Context, request: LaunchRequest) -> str:
    """RunInstances, and the record of the launched instance; returns its id."""
    parameters = launch_requests.parameters(run, request.option, request.image_id, request.at)
    try:
        answer = run.ecs.call(
            "RunInstances",
            f"replacement of {run.instance_id}",
            {**parameters, "ClientToken": request.token},
            retry=AT_ONCE,
            until=run.step_limit.until.sooner(RUN_SECONDS),
        )
    except (AttributeError, TypeError, ValueError) as error:
        # After the release, only the SDK can tell that a record is no launch spec.
        raise BrokenRecord(run.episode.key("launch-spec"), f"is no launch spec: {error}") from error
    launched = (answer.get("InstanceIdSets") or {}).get("InstanceIdSet") or []
    if not launched:
        raise RescueFailed(
            f"RunInstances for {run.instance_id} answered without an instance id; the next call finds the instance"
        )
    launch_requests.record_launch(run, str(launched[0]), request)
    return str(launched[0])


def exists(run: Context, instance_id: str, launched_at: float) -> bool:
    """Whether it exists. A new instance may not be visible yet; if it is not visible for a minute, it was released.

    Raises ``DeadlineReached`` if this call's time does not suffice to tell.
    """
    while (seen := describe_instance(run.ecs, instance_id)) is None:
        if run.clock.now() - launched_at >= VISIBLE_SECONDS:
            return False
        if run.step_limit.remaining() <= LOOK_PAUSE:
            raise DeadlineReached(f"instance {instance_id} is not visible yet; the next call looks again")
        run.clock.sleep(LOOK_PAUSE)
    check_age(run, seen)
    return True


def check_age(run: Context, instance: Described) -> None:
    """This rescue cannot have launched an instance that is older than the rescue, whatever a record says.

    Raises ``BrokenRecord``: such an instance is neither adopted nor deleted.
    """
    opened = epoch_seconds(str(run.episode.records.get("event", {}).get("opened_at") or ""))
    created = epoch_seconds(str(instance.get("CreationTime") or ""))
    if opened is not None and created is not None and created < opened - OLDER_SECONDS:
        raise BrokenRecord(
            run.episode.key(f"launched-{instance['InstanceId']}"),
            "or the replacement record names an instance that was created before this rescue began",
        )


def tagged_instances(run: Context) -> dict[str, Described]:
    """The instances with this rescue's tag, by id; anybody can write the tag."""
    parameters = {"Tag": [{"Key": EPISODE_TAG, "Value": run.episode.name}]}
    found = describe_instances(run.ecs, run.episode.name, parameters)
    return {str(seen["InstanceId"]): seen for seen in found if tags_of(seen).get(EPISODE_TAG) == run.episode.name}


def possible_launches(request: LaunchRequest, found: Mapping[str, Described], known: LaunchRecords) -> list[str]:
    """The tagged instances without a record that this request may have launched."""
    wanted = (request.instance_type, request.image_id, request.vswitch_id)
    return [
        instance_id
        for instance_id, seen in found.items()
        if instance_id not in known.launched
        and (seen.get("InstanceType"), seen.get("ImageId"), (seen.get("VpcAttributes") or {}).get("VSwitchId"))
        == wanted
    ]
