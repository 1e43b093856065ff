"""The instances that a command can reach: Running, with a heartbeat of the agent. Nothing here writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from checking.context import Context
from checking.progress import InstanceState, Progress, Readiness
from checking.refusals import together_or_alone
from spotkeeper.clients import chunks
from spotkeeper.errors import BadCheck, CloudError
from spotkeeper.instances import Described, instances_by_id

INSTANCES_PER_DESCRIBE = 100
INSTANCES_PER_STATUS = 50
STATUSES = ("InstanceCloudAssistantStatusSet", "InstanceCloudAssistantStatus")
OUT_SECONDS = 60.0
ON_ITS_WAY = frozenset({"Pending", "Starting"})


def look(run: Context, progress: Progress) -> Progress:
    """Look at the instances that no command can reach yet. Raises ``CloudError``, and ``BadCheck`` without a script."""
    waiting, now = progress.waiting, run.clock.now()
    described: dict[str, Described] = {}
    for chunk in chunks(waiting, INSTANCES_PER_DESCRIBE):
        described |= instances_by_id(run.ecs, chunk)
    instances = {name: _standing(described.get(name), progress, name, now) for name in waiting}
    running = [name for name in waiting if (described.get(name) or {}).get("Status") == "Running"]
    with_agent, refused = _agents(run, running)
    for name in with_agent:
        instances[name] = InstanceState(Readiness.READY, os_type=instances[name].os_type)
    for name, error in refused.items():
        why = f"DescribeCloudAssistantStatus was refused ({error.code})"
        instances[name] = _out(progress.instances.get(name), now, replace(instances[name], why=why))
    return progress.with_instances(instances)


def _standing(seen: Described | None, progress: Progress, name: str, now: float) -> InstanceState:
    """The readiness by the instance's status; a running instance still waits for its agent."""
    before = progress.instances.get(name)
    if seen is None:
        return _out(before, now, InstanceState(Readiness.WAITING, "the instance does not exist", running=False))
    os_type = str(seen.get("OSType") or "linux").lower()
    if unfit := [chosen.check.name for chosen in progress.chosen if os_type not in chosen.check.scripts]:
        raise BadCheck(f"check {unfit[0]} has no script for {os_type}, which {name} runs: choose another check")
    status = str(seen.get("Status"))
    if status == "Running":
        return InstanceState(Readiness.WAITING, "its Cloud Assistant agent has no heartbeat", os_type)
    instance = InstanceState(Readiness.WAITING, f"it is {status}", os_type, running=False)
    return instance if status in ON_ITS_WAY else _out(before, now, instance)


def _out(before: InstanceState | None, now: float, instance: InstanceState) -> InstanceState:
    """An instance that does not exist or run, or is refused, is out: for good only after a minute of looks."""
    since = before.out_since if before and before.out_since is not None else now
    readiness = Readiness.NEVER if now - since >= OUT_SECONDS else Readiness.WAITING
    return replace(instance, readiness=readiness, out_since=since)


def _agents(run: Context, instance_ids: Sequence[str]) -> tuple[list[str], dict[str, CloudError]]:
    """The instances whose agent has a heartbeat, and the refusals by instance."""
    found: list[str] = []
    refused: dict[str, CloudError] = {}
    for chunk in chunks(instance_ids, INSTANCES_PER_STATUS):
        answers, refusals = together_or_alone(partial(_with_agent, run), chunk)
        found += chain.from_iterable(answers)
        refused |= refusals
    return found, refused


def _with_agent(run: Context, instance_ids: Sequence[str]) -> list[str]:
    about, asked = f"{len(instance_ids)} instances", {"InstanceId": list(instance_ids)}
    shown = run.ecs.listed("DescribeCloudAssistantStatus", about, asked, *STATUSES)
    # The text "true", not a boolean (DescribeCloudAssistantStatus).
    alive = (str(each.get("InstanceId")) for each in shown if str(each.get("CloudAssistantStatus")).lower() == "true")
    return [name for name in alive if name in instance_ids]
