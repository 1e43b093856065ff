"""Which instances a command can reach: Running, and a Cloud Assistant agent with a heartbeat. Nothing here writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace

from checking.context import Context
from checking.progress import Machine, Progress, Readiness
from spotkeeper.clients import chunks, items
from spotkeeper.errors import BadCheck, CloudError
from spotkeeper.instances import Described, describe_instances

INSTANCES_PER_DESCRIBE = 100
INSTANCES_PER_STATUS = 50
STATUSES = ("InstanceCloudAssistantStatusSet", "InstanceCloudAssistantStatus")
GONE = "InvalidInstance.NotFound"
OUT_SECONDS = 60.0
ON_ITS_WAY = frozenset({"Pending", "Starting"})


def look(run: Context, progress: Progress) -> Progress:
    """See again those that no command can reach yet. Raises ``CloudError``, and ``BadCheck`` for a missing script."""
    waiting, now = progress.waiting, run.clock.now()
    described = _described(run, waiting)
    machines = {one: _standing(described.get(one), progress, (one, now)) for one in waiting}
    running = [one for one in waiting if (described.get(one) or {}).get("Status") == "Running"]
    agents = _with_agent(run, [one for one in running if machines[one].readiness is Readiness.WAITING])
    ready = {one: Machine(Readiness.READY, os_type=machines[one].os_type) for one in agents}
    return progress.with_machines({**machines, **ready})


def _standing(seen: Described | None, progress: Progress, looked: tuple[str, float]) -> Machine:
    """What the instance itself says; one that runs still waits for its agent."""
    if seen is None:
        return _out(progress, looked, Machine(Readiness.WAITING, "the instance does not exist"))
    os_type = str(seen.get("OSType") or "linux").lower()
    if unfit := [one.check.name for one in progress.chosen if os_type not in one.check.scripts]:
        raise BadCheck(f"check {unfit[0]} has no script for {os_type}, which {looked[0]} runs: choose another one")
    status = str(seen.get("Status"))
    if status == "Running":
        return Machine(Readiness.WAITING, "its Cloud Assistant agent has no heartbeat", os_type)
    machine = Machine(Readiness.WAITING, f"it is {status}", os_type)
    return machine if status in ON_ITS_WAY else _out(progress, looked, machine)


def _out(progress: Progress, looked: tuple[str, float], machine: Machine) -> Machine:
    """Not there, or not running: one look may be wrong, a minute of looks is not."""
    instance_id, now = looked
    before = progress.machines.get(instance_id)
    since = before.out_since if before and before.out_since is not None else now
    readiness = Readiness.NEVER if now - since >= OUT_SECONDS else Readiness.WAITING
    return replace(machine, readiness=readiness, out_since=since)


def _described(run: Context, instance_ids: Sequence[str]) -> dict[str, Described]:
    found: dict[str, Described] = {}
    for chunk in chunks(instance_ids, INSTANCES_PER_DESCRIBE):
        described = describe_instances(run.ecs, f"{len(chunk)} instances", {"InstanceIds": json.dumps(chunk)})
        found.update({str(one["InstanceId"]): one for one in described if one.get("InstanceId") in chunk})
    return found


def _with_agent(run: Context, instance_ids: Sequence[str]) -> Iterable[str]:
    """``CloudAssistantStatus`` is the text "true", not a boolean (DescribeCloudAssistantStatus)."""
    for chunk in chunks(instance_ids, INSTANCES_PER_STATUS):
        for one in _statuses(run, chunk):
            if one.get("InstanceId") in chunk and str(one.get("CloudAssistantStatus")).lower() == "true":
                yield str(one["InstanceId"])


def _statuses(run: Context, instance_ids: Sequence[str]) -> list[Described]:
    about, parameters = f"{len(instance_ids)} instances", {"InstanceId": list(instance_ids)}
    try:
        pages = list(run.ecs.pages("DescribeCloudAssistantStatus", about, parameters))
    except CloudError as error:
        if error.code != GONE:
            raise
        return []  # one of them is released by now: the next look sees that
    return [one for page in pages for one in items(page, *STATUSES)]
