"""What a sweep does: hand over, and clean up. It never rescues anything itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spotkeeper.clients import Api
from spotkeeper.errors import CloudError
from spotkeeper.instances import iso
from spotkeeper.invoke import Functions
from spotkeeper.journal import Journal
from sweeping.decide import CleanUp, Decision
from sweeping.facts import Rescue

MINUTE = 60
GONE = frozenset({"InvalidImageId.NotFound", "InvalidSnapshotId.NotFound", "InvalidDiskId.NotFound"})


@dataclass(frozen=True)
class Hands:
    """What a sweep acts with; ``home`` is ``<account>/<region>``."""

    ecs: Api
    functions: Functions
    journal: Journal
    home: str
    interruption_function: str

    def hand_over(self, decision: Decision, now: float) -> None:
        """Invoke the interruption function asynchronously, at most once a minute for one episode.

        Raises ``CloudError``.
        """
        rescue = decision.rescue
        task_id = f"{rescue.instance_id}-{rescue.number}-{int(now // MINUTE)}"
        self.functions.hand_over(self.interruption_function, self.event(rescue, task_id), task_id)

    def event(self, rescue: Rescue, event_id: str) -> dict[str, Any]:
        """The event that EventBridge would have sent. Where nobody knows when the notice began, it has no time."""
        account, _, region = self.home.partition("/")
        noticed = rescue.event.get("time")
        return {
            "id": event_id,
            "source": "acs.ecs",
            "specversion": "1.0",
            "type": "ecs:Instance:PreemptibleInstanceInterruption",
            "datacontenttype": "application/json;charset=utf-8",
            "subject": f"acs:ecs:{region}:{account}:instance/{rescue.instance_id}",
            **({"time": iso(float(noticed))} if noticed is not None else {}),
            "aliyunaccountid": account,
            "aliyunregionid": region,
            "data": {"instanceId": rescue.instance_id, "action": "delete"},
        }

    def clean_up(self, plan: CleanUp) -> None:
        """Delete, the image before its snapshots; what is written down first is found again after a crash.

        Raises ``CloudError``, ``JournalUnavailable``.
        """
        folder = f"{self.home}/{plan.leftover.name}"
        self.journal.create(f"{folder}/clean-up", {"image_id": plan.image_id, "snapshot_ids": list(plan.snapshot_ids)})
        if plan.image_id:
            self._delete("DeleteImage", "ImageId", [plan.image_id])
        self._delete("DeleteSnapshot", "SnapshotId", plan.snapshot_ids)
        self._delete("DeleteDisk", "DiskId", plan.disk_ids)
        self.journal.create(f"{folder}/cleaned", {"image_id": plan.image_id, "disk_ids": list(plan.disk_ids)})

    def _delete(self, action: str, key: str, resource_ids: Iterable[str]) -> None:
        """Never with Force: what somebody uses refuses, and stays."""
        for resource_id in resource_ids:
            with suppress_gone():
                self.ecs.call(action, resource_id, {key: resource_id})


@contextmanager
def suppress_gone() -> Iterator[None]:
    """What does not exist any more is deleted."""
    try:
        yield
    except CloudError as error:
        if error.code not in GONE:
            raise
