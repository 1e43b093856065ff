"""What tests read out of a stage, and the calls that Function Compute's asynchronous retry would make."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulator import proof
from simulator.faults import Fault
from simulator.oss.buckets import StoredObject
from spotkeeper.errors import SpotkeeperError
from tests.rescue.stage import SOURCE, Stage

if TYPE_CHECKING:
    import pytest

WRITES = ("Set", "Add", "Remove")
"""How the CLB actions that change something begin."""


def audited(caplog: pytest.LogCaptureFixture, action: str) -> list[dict[str, Any]]:
    """The audit records of an action."""
    records = (json.loads(record.getMessage()) for record in caplog.records if record.name == "spotkeeper.audit")
    return [record for record in records if record["action"] == action]


def replacements(here: Stage) -> list[dict[str, Any]]:
    """The instances that were not there before."""
    known = proof.ids(here.before)
    return [instance for instance in here.state["ecs"]["instances"] if instance["InstanceId"] not in known]


def images(here: Stage) -> list[Any]:
    """The images that were not there before."""
    return list(proof.new_images(here.before, here.state))


def source_stands(here: Stage) -> bool:
    """Whether the interrupted instance still exists."""
    return proof.instance(here.state, SOURCE) is not None


def source_disks(here: Stage) -> dict[str, bool]:
    """``DeleteWithInstance`` of those of the source's disks that still exist, attached or not."""
    ids = {disk["DiskId"] for disk in proof.disks(here.before, SOURCE)}
    return {disk["DiskId"]: disk["DeleteWithInstance"] for disk in here.state["ecs"]["disks"] if disk["DiskId"] in ids}


def doomed_disks(here: Stage) -> list[str]:
    """The source's disks that would have gone with it."""
    return sorted(disk["DiskId"] for disk in proof.disks(here.before, SOURCE) if disk["DeleteWithInstance"])


def places(here: Stage, server_id: str) -> int:
    """How many entries a server has in the groups of all CLBs."""
    return sum(member[0] == server_id for members in proof.memberships(here.state).values() for member in members)


def undrained(here: Stage) -> bool:
    """Whether every group is exactly as it was."""
    return proof.memberships(here.state) == proof.memberships(here.before)


def records(here: Stage, episode: int = 1, folder: str = "rescues") -> dict[str, Any]:
    """The journal's records of an episode of the source, by name; ``folder`` is that of the function that writes."""
    folder = f"/{folder}/{SOURCE}/{episode}/"
    objects = here.state["oss"]["spotkeeper-journal"]
    return {
        key.partition(folder)[2].removesuffix(".json"): json.loads(one["text"])
        for key, one in objects.items()
        if folder in key
    }


def plant(here: Stage, name: str, record: object) -> None:
    """Put an object where the open episode's record of that name is, as somebody who can write to the bucket can."""
    objects = here.cloud.oss.buckets["spotkeeper-journal"].objects
    event = next(key for key in objects if key.endswith(f"/{SOURCE}/1/event.json"))
    body = record if isinstance(record, bytes) else json.dumps(record).encode()
    objects[f"{event.removesuffix('event.json')}{name}.json"] = StoredObject(body, here.cloud.now())


def moment(here: Stage, action: str, nth: int = 0) -> float:
    """When an action was called for the n-th time, in seconds after the beginning."""
    return float(here.calls(action)[nth].at - here.before["now"])


def launches(here: Stage) -> list[tuple[str, str, str]]:
    """Charge, vSwitch and instance type of each RunInstances call."""
    return [
        (
            "on-demand" if call.parameters["SpotStrategy"] == "NoSpot" else "spot",
            call.parameters["VSwitchId"],
            call.parameters["InstanceType"],
        )
        for call in here.calls("RunInstances")
    ]


def fault(here: Stage, action: str | Callable[[str, str], bool], effect: str, **how: Any) -> Fault:
    """Add a fault to the stage's cloud; see ``Fault``."""
    return here.cloud.faults.add(Fault(action, effect, **how))


def heal(here: Stage) -> None:
    """End all misbehaviour."""
    here.cloud.faults.added.clear()


def deliver_until_done(here: Stage, most: int, pause: float = 60.0) -> tuple[dict[str, Any], list[SpotkeeperError]]:
    """Deliver again after each error, as Function Compute does; the answer and the errors before it.

    Raises the last error where ``most`` deliveries were not enough.
    """
    errors: list[SpotkeeperError] = []
    while True:
        try:
            return here.deliver(name=f"call-{len(errors) + 1}"), errors
        except SpotkeeperError as error:  # noqa: PERF203 - one delivery after the other
            errors.append(error)
            if len(errors) == most:
                raise
            here.advance(pause)
