"""Launched instances as the API has them: RunInstances with its record, and what Describe shows."""

from __future__ import annotations

from collections.abc import Mapping

from rescue import asks
from rescue.asks import Ask, Asks
from rescue.context import Context
from rescue.ladder import RUN_CONFLICTS
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.errors import BrokenRecord, DeadlineReached, RescueFailed
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of

RUN_SECONDS = 20.0
"""How long one option is asked for in spite of throttling and conflicts."""

OLDER_SECONDS = 300.0
"""CreationTime is in minutes, and its clock is not ours."""
VISIBLE_SECONDS = 60.0
LOOK_PAUSE = 3.0
"""How long after its launch an instance may not be visible yet, and how often it is looked for meanwhile."""


def run_instances(run: Context, ask: Ask) -> str:
    """RunInstances, and the record of what it launched."""
    parameters = asks.parameters(run, ask.option, ask.image_id, ask.at)
    try:
        answer = run.ecs.call(
            "RunInstances",
            f"replacement of {run.instance_id}",
            {**parameters, "ClientToken": ask.token},
            retry=RUN_CONFLICTS,
            until=run.step.until.sooner(RUN_SECONDS),
        )
    except (AttributeError, TypeError, ValueError) as error:
        # Once the source is released, nothing but the SDK tells that a launch spec is none.
        raise BrokenRecord(run.episode.key("launch-spec"), f"is no launch spec: {error}") from error
    launched = (answer.get("InstanceIdSets") or {}).get("InstanceIdSet") or []
    if not launched:
        raise RescueFailed(
            f"RunInstances for {run.instance_id} answered without an instance id; calling again finds it"
        )
    asks.launched(run, str(launched[0]), ask)
    return str(launched[0])


def stands(run: Context, instance_id: str, launched_at: float) -> bool:
    """Whether it exists. A new one may not be visible yet; one that is not for a minute was released.

    Raises ``DeadlineReached`` where that cannot be told yet.
    """
    while (seen := describe_instance(run.ecs, instance_id)) is None:
        if run.clock.now() - launched_at >= VISIBLE_SECONDS:
            return False
        if run.step.remaining() <= LOOK_PAUSE:
            raise DeadlineReached(f"instance {instance_id} is not visible yet; the next call looks again")
        run.clock.sleep(LOOK_PAUSE)
    check_age(run, seen)
    return True


def check_age(run: Context, instance: Described) -> None:
    """Whatever a record says, this rescue cannot have launched what was there before it.

    Raises ``BrokenRecord``: such an instance is neither adopted nor deleted.
    """
    opened = epoch_seconds(str(run.episode.records.get("event", {}).get("opened_at") or ""))
    created = epoch_seconds(str(instance.get("CreationTime") or ""))
    if opened is not None and created is not None and created < opened - OLDER_SECONDS:
        raise BrokenRecord(
            run.episode.key(f"launched-{instance['InstanceId']}"),
            "or replacement beside it names an instance that was created before this rescue began",
        )


def tagged(run: Context) -> dict[str, Described]:
    """The instances that carry this rescue's tag, whoever gave it to them, by id."""
    parameters = {"Tag": [{"Key": EPISODE_TAG, "Value": run.episode.name}]}
    found = describe_instances(run.ecs, run.episode.name, parameters)
    return {str(one["InstanceId"]): one for one in found if tags_of(one).get(EPISODE_TAG) == run.episode.name}


def suspects(ask: Ask, found: Mapping[str, Described], known: Asks) -> list[str]:
    """Those of the tagged instances that no record names and that this ask may have launched."""
    wanted = (ask.instance_type, ask.image_id, ask.vswitch_id)
    return [
        instance_id
        for instance_id, one in found.items()
        if instance_id not in known.launched
        and (one.get("InstanceType"), one.get("ImageId"), (one.get("VpcAttributes") or {}).get("VSwitchId")) == wanted
    ]
