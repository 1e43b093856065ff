"""Elastic Compute Service: API version 2014-05-26."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from simulator.ecs import documents
from simulator.ecs.assistant import Assistant, Command, Outcome
from simulator.ecs.catalogue import Catalogue
from simulator.ecs.cloud_assistant import CloudAssistant
from simulator.ecs.images import ImageActions
from simulator.ecs.instances import InstanceActions
from simulator.ecs.model import Timings
from simulator.ecs.power import Power
from simulator.ecs.seeding import DiskSpec, Seeding

if TYPE_CHECKING:
    from simulator.cloud import Cloud

__all__ = ["Command", "DiskSpec", "Ecs", "Outcome", "Timings"]


class Ecs(InstanceActions, ImageActions, Seeding, Power, CloudAssistant, Catalogue):
    """All of ECS that is covered."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self.assistant = Assistant(self)

    def state(self) -> dict[str, Any]:
        """The state now, in the API's field names, without eventual consistency.

        Instances have ``UserData``, ``RamRoleName``, ``ReleaseAt`` (virtual seconds), ``HasPassword``,
        ``LaunchedWith`` and ``Tags`` as a plain object besides.
        """
        now, far = self.now(), float("inf")
        return {
            "instances": [
                {
                    **documents.instance(instance, far),
                    "Tags": instance.tags.true(),
                    "UserData": instance.user_data,
                    "RamRoleName": instance.ram_role_name,
                    "HasPassword": bool(instance.password),
                    "ReleaseAt": instance.release_at,
                    "LaunchedWith": instance.launched_with,
                }
                for instance in self.instances.values()
            ],
            "disks": [{**documents.disk(disk, far), "Tags": disk.tags.true()} for disk in self.disks.values()],
            "images": [
                {
                    **documents.image(
                        image, self.snapshots, self.cloud.account_id, now, used=self.in_use(image.image_id)
                    ),
                    "Tags": image.tags.true(),
                    "SourceInstanceId": image.source_instance_id,
                }
                for image in self.images.values()
            ],
            "snapshots": [
                {**documents.snapshot(snapshot, now), "Tags": snapshot.tags.true()}
                for snapshot in self.snapshots.values()
            ],
            "released": list(self.released),
            "invocations": [
                {
                    "InvokeId": command.invoke_id,
                    "CommandName": command.name,
                    "CommandType": command.type,
                    "Content": command.content,
                    "Parameters": command.parameters,
                    "Tags": command.tags,
                    "ClientToken": command.client_token,
                    "InvocationStatus": {run.instance_id: run.status for run in command.runs},
                }
                for command in self.assistant.commands
            ],
            "stock": [
                {"zone_id": zone, "instance_type": kind, "charge": charge, "left": self.stock.left(key, now)}
                for key in self.stock.table
                for zone, kind, charge in [key]
            ],
        }
