"""The drill of a state change: a stopped instance is to run again, any other state is to change nothing."""

from __future__ import annotations

from typing import Any

from simulator import fleet, proof
from simulator.cloud import Cloud
from simulator.drill_report import LATENCY, verdict
from simulator.ecs.instances import STATUSES

RESTART_TAG = {"spotkeeper:auto-restart": "true"}


def around(state: str) -> dict[str, Any]:
    """The fleet that fits an event of that state: no lock, stock, and the event's instance in that state."""
    return {
        "locked": False,
        "sold_out": False,
        "tags": {**fleet.MANAGED_TAG, **RESTART_TAG, "service": "shop", "team": "web"},
        "attributes": {"status": state if state in STATUSES else "Running"},
    }


def judge(cloud: Cloud, before: proof.State, instance_id: str, state: str) -> int:
    """Show what was called, and prove by the cloud's state what became of the instance; returns the exit code."""
    for call in cloud.calls:
        print(f"  {call.at - before['now'] + LATENCY:6.1f} s  {call.product} {call.action} {call.code}".rstrip())
    after = cloud.state()
    if state != "Stopped":
        return verdict("nothing was changed", proof.untouched(before, after))
    return verdict(
        "the instance was started once and runs, in the same places with the same weights, bystanders untouched",
        shortcomings(before, after, instance_id),
    )


def shortcomings(before: proof.State, after: proof.State, instance_id: str) -> list[str]:
    """What keeps ``after`` from being the end of a restart of ``instance_id``."""
    now = proof.instance(after, instance_id) or {}
    starts = [one for one in after["calls"] if one["action"] == "StartInstance" and one["status"] == 200]
    return [
        *([] if now.get("Status") == "Running" else [f"the instance is {now.get('Status')}"]),
        *([] if len(starts) == 1 else [f"{len(starts)} starts instead of 1"]),
        *([] if after["slb"] == before["slb"] else ["the groups changed"]),
        *([] if after["ecs"]["disks"] == before["ecs"]["disks"] else ["the disks changed"]),
        *(
            []
            if len(after["ecs"]["instances"]) == len(before["ecs"]["instances"])
            else ["instances were made or deleted"]
        ),
        *proof.bystanders_changed(before, after, instance_id),
    ]
