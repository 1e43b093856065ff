"""The drill of a state change: a stopped instance is to run again, any other state is to change nothing."""

from __future__ import annotations

from typing import Any

from simulator import fleet, proof
from simulator.drill.report import LATENCY, verdict
from simulator.drill.stage import AUDIT_FILE, Drill
from simulator.ecs.instances import STATUSES

RESTART_TAG = {"spotkeeper:auto-restart": "true"}


class StateChangeDrill(Drill):
    """No lock, stock, and the event's instance in the event's state."""

    def seed(self) -> None:
        """The fleet."""
        state = self.subject.event.state
        self.fleet = fleet.drill_fleet(
            self.cloud,
            self.subject.instance_id,
            locked=False,
            sold_out=False,
            tags={**fleet.MANAGED_TAG, **RESTART_TAG, "service": "shop", "team": "web"},
            attributes={"status": state if state in STATUSES else "Running"},
        )

    def judge(self, _: dict[str, Any]) -> int:
        """Show the calls, and prove the result by the cloud's state."""
        print(f"  audit records: {AUDIT_FILE}\n")
        for call in self.cloud.calls:
            moment = call.at - self.before["now"] + LATENCY
            print(f"  {moment:6.1f} s  {call.product} {call.action} {call.code}".rstrip())
        after = self.cloud.state()
        if self.subject.event.state != "Stopped":
            return verdict("nothing was changed", proof.untouched(self.before, after))
        return verdict(
            "the instance was started once and runs, in the same groups with the same weights; nothing else changed",
            shortcomings(self.before, after, self.subject.instance_id),
        )


def shortcomings(before: proof.State, after: proof.State, instance_id: str) -> list[str]:
    """The differences between ``after`` and the end of a restart of ``instance_id``."""
    now = proof.instance(after, instance_id) or {}
    starts = [call for call in after["calls"] if call["action"] == "StartInstance" and call["status"] == 200]
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
