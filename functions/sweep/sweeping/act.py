"""What a sweep does: hand over, and clean up. It never rescues anything itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spotkeeper.clients import Api
from spotkeeper.errors import CloudError
from spotkeeper.hints import Due
from spotkeeper.instances import ALL_STATUSES, describe_images, iso
from spotkeeper.invoke import Functions
from spotkeeper.journal import Journal
from sweeping.decide import CleanUp, Decision
from sweeping.facts import Rescue

MINUTE = 60
IN_USE = frozenset({"ImageUsingByInstance", "SnapshotCreatedImage", "IncorrectDiskStatus", "ImageUseShared"})
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

        One whose last call needs a human is counted, once it was accepted. Raises ``CloudError``,
        ``JournalUnavailable``.
        """
        rescue = decision.rescue
        task_id = f"{rescue.instance_id}-{rescue.number}-{int(now // MINUTE)}"
        self.functions.hand_over(self.interruption_function, self.event(rescue, task_id), task_id)
        if rescue.needs_human_since is not None:
            self.journal.create(f"{self.home}/sweeps/{rescue.name}/handed-{rescue.handed + 1}", {"at": now})

    def event(self, rescue: Rescue, event_id: str) -> dict[str, Any]:
        """The event that EventBridge would have sent. Where nobody knows when the notice began, it has no time."""
        noticed = rescue.event.get("time")
        return {
            **envelope(self.home, rescue.instance_id, event_id),
            "type": "ecs:Instance:PreemptibleInstanceInterruption",
            **({"time": iso(float(noticed))} if noticed is not None else {}),
            "data": {"instanceId": rescue.instance_id, "action": "delete"},
        }

    def clean_up(self, plan: CleanUp) -> None:
        """Delete, the image before its snapshots; what is written down first is found again after a crash.

        What is in use refuses and stays, and with an image that stays everything does. Never with Force.
        Raises ``CloudError``, ``JournalUnavailable``.
        """
        folder = f"{self.home}/sweeps/{plan.leftover.name}"
        self.journal.create(f"{folder}/clean-up", {"image_id": plan.image_id, "snapshot_ids": list(plan.snapshot_ids)})
        if plan.image_id and self._delete("DeleteImage", "ImageId", [plan.image_id]):
            return
        stays = self._delete("DeleteSnapshot", "SnapshotId", plan.snapshot_ids)
        stays += self._delete("DeleteDisk", "DiskId", plan.disk_ids)
        if not stays:
            self.close(plan)

    def put_away(self, due: Due, plan: CleanUp, until: int) -> None:
        """What is over is in the index no more; the rest is due another time. Raises ``JournalUnavailable``."""
        if plan.over and not plan.leftover.cleaned:
            self.close(plan)
        if not plan.over:
            self.journal.hint(Due(due.episode, until).key(self.home), {})
        self.forget(due.key(self.home))

    def forget(self, key: str) -> None:
        """Delete a hint. Raises ``JournalUnavailable``."""
        self.journal.delete(key)

    def close(self, plan: CleanUp) -> None:
        """Write down that nothing is left of a rescue: no sweep looks at it any more. Raises ``JournalUnavailable``."""
        document = {"image_id": plan.image_id, "disk_ids": list(plan.disk_ids)}
        self.journal.create(f"{self.home}/sweeps/{plan.leftover.name}/cleaned", document)

    def _delete(self, action: str, key: str, resource_ids: Iterable[str]) -> list[str]:
        """Returns what is in use and stays."""
        return [one for one in resource_ids if not self._deleted(action, key, one)]

    def _deleted(self, action: str, key: str, resource_id: str) -> bool:
        try:
            self.ecs.call(action, resource_id, {key: resource_id})
        except CloudError as error:
            if error.code in IN_USE:
                return False
            if error.code not in GONE and not (action == "DeleteImage" and self._image_is_gone(resource_id)):
                raise
        return True

    def _image_is_gone(self, image_id: str) -> bool:
        """The role may delete what carries a tag: asked again for what an unanswered call has deleted, RAM refuses."""
        parameters = {"ImageId": image_id, "Status": ALL_STATUSES}
        return not any(one.get("ImageId") == image_id for one in describe_images(self.ecs, image_id, parameters))


def envelope(home: str, instance_id: str, event_id: str) -> dict[str, Any]:
    """What EventBridge puts around every event about an instance of ``home`` (``<account>/<region>``)."""
    account, _, region = home.partition("/")
    return {
        "id": event_id,
        "source": "acs.ecs",
        "specversion": "1.0",
        "datacontenttype": "application/json;charset=utf-8",
        "subject": f"acs:ecs:{region}:{account}:instance/{instance_id}",
        "aliyunaccountid": account,
        "aliyunregionid": region,
    }
