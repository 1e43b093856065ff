"""What tests read out of a stage, and the calls that Function Compute's asynchronous retry would make."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulator import proof
from simulator.faults import Fault, Matcher
from simulator.transport import Killed
from spotkeeper.errors import SpotkeeperError
from tests.function_stage import FunctionStage
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
    """Put an object where the first episode's record of that name is, as somebody who can write to the bucket can."""
    here.put(f"rescues/{SOURCE}/1/{name}", record)


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


def fault(here: FunctionStage, action: str | Matcher, effect: str, **how: Any) -> Fault:
    """Add a fault to the stage's cloud; see ``Fault``."""
    return here.cloud.faults.add(Fault(action, effect, **how))


def heal(here: FunctionStage) -> None:
    """End all misbehaviour."""
    here.cloud.faults.added.clear()


def dies(here: FunctionStage, action: str | Matcher, effect: str = "kill-before", **how: Any) -> None:
    """A delivery whose process dies at a call of ``action``; from then on nothing misbehaves."""
    fault(here, action, effect, **how)
    here.fails(Killed)
    heal(here)


def skipped(here: FunctionStage, event: bytes | None = None, **settings: str) -> dict[str, Any]:
    """A delivery that is skipped and changes nothing, neither the cloud nor the journal; its answer."""
    with here.writes_nothing():
        answer = here.deliver(event, **settings)
    assert answer["outcome"] == "skipped", answer["reason"]
    return answer


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
