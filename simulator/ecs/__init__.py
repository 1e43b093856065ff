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
        """What is true now, in the API's field names, for readers that verify; eventual consistency left out.

        Instances have ``UserData``, ``RamRoleName``, ``ReleaseAt`` (virtual seconds), ``HasPassword``,
        ``LaunchedWith`` and ``Tags`` as a plain object besides.
        """
        now, far = self.now(), float("inf")
        return {
            "instances": [
                {
                    **documents.instance(one, far),
                    "Tags": one.tags.true(),
                    "UserData": one.user_data,
                    "RamRoleName": one.ram_role_name,
                    "HasPassword": bool(one.password),
                    "ReleaseAt": one.release_at,
                    "LaunchedWith": one.launched_with,
                }
                for one in self.instances.values()
            ],
            "disks": [{**documents.disk(one, far), "Tags": one.tags.true()} for one in self.disks.values()],
            "images": [
                {
                    **documents.image(one, self.snapshots, self.cloud.account_id, now, used=self.in_use(one.image_id)),
                    "Tags": one.tags.true(),
                    "SourceInstanceId": one.source_instance_id,
                }
                for one in self.images.values()
            ],
            "snapshots": [{**documents.snapshot(one, now), "Tags": one.tags.true()} for one in self.snapshots.values()],
            "released": list(self.released),
            "invocations": [
                {
                    "InvokeId": one.invoke_id,
                    "CommandName": one.name,
                    "CommandType": one.type,
                    "Content": one.content,
                    "Parameters": one.parameters,
                    "Tags": one.tags,
                    "ClientToken": one.client_token,
                    "InvocationStatus": {run.instance_id: run.status for run in one.runs},
                }
                for one in self.assistant.commands
            ],
            "stock": [
                {"zone_id": zone, "instance_type": kind, "charge": charge, "left": self.stock.left(key, now)}
                for key in self.stock.table
                for zone, kind, charge in [key]
            ],
        }
