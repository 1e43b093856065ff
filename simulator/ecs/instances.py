"""Instances as they are described and modified."""

from __future__ import annotations

from simulator.actions import Answer, Parameters, action, invalid
from simulator.ecs import documents
from simulator.ecs.model import Instance
from simulator.ecs.paging import either, numbered
from simulator.ecs.store import EcsStore, tagged, wanted_ids
from simulator.error_catalogue import refusal

STATUSES = ("Pending", "Starting", "Running", "Stopping", "Stopped")
_ATTRIBUTES = (
    *("InstanceId", "InstanceName", "HostName", "Description", "Status", "StoppedMode", "RegionId", "ZoneId"),
    *("ImageId", "InstanceType", "Cpu", "Memory", "SerialNumber", "CreationTime", "ExpiredTime"),
    *("InstanceChargeType", "InstanceNetworkType", "InternetChargeType", "CreditSpecification", "OperationLocks"),
    *("InternetMaxBandwidthIn", "InternetMaxBandwidthOut", "PublicIpAddress", "InnerIpAddress", "EipAddress"),
    *("SecurityGroupIds", "VpcAttributes", "IoOptimized"),
)
_SAME_VALUE = {
    "InstanceName": "instance_name",
    "InstanceType": "instance_type",
    "ImageId": "image_id",
    "ZoneId": "zone_id",
    "VpcId": "vpc_id",
    "VSwitchId": "vswitch_id",
    "KeyPairName": "key_pair_name",
    "ResourceGroupId": "resource_group_id",
}


class InstanceActions(EcsStore):
    """DescribeInstances and its relatives."""

    @action("DescribeInstances")
    def describe_instances(self, p: Parameters) -> Answer:
        """Instances by id, status, tags, lock and plain attributes. An unknown id is no error."""
        p.covers(*_SAME_VALUE, "Status", "InstanceChargeType", "LockReason", "SecurityGroupId", "Tag")
        found = [instance for instance in self.visible(p, self.instances.values()) if self._wanted(instance, p)]
        found = self._with_ids(found, p)
        page, about = either(p, found)
        return {**about, "Instances": {"Instance": [documents.instance(instance, self.now()) for instance in page]}}

    def _with_ids(self, found: list[Instance], p: Parameters) -> list[Instance]:
        ids = wanted_ids(p, "InstanceIds")
        return found if ids is None else [instance for instance in found if instance.instance_id in ids]

    def _wanted(self, instance: Instance, p: Parameters) -> bool:
        status = p.get("Status")
        if status is not None and status not in STATUSES:
            raise refusal("InvalidStatus.NotFound")
        charge = p.get("InstanceChargeType", "PostPaid")
        lock = p.get("LockReason")
        group = p.get("SecurityGroupId")
        return (
            status in (None, instance.status)
            and charge == "PostPaid"
            and (lock is None or str(lock).casefold() in map(str.casefold, instance.visible_locks(self.now())))
            and (group is None or group in instance.security_group_ids)
            and all(getattr(instance, _SAME_VALUE[name]) == p[name] for name in _filters(p))
            and tagged(instance.tags, p.list("Tag"), self.now())
        )

    @action("DescribeInstanceStatus")
    def describe_instance_status(self, p: Parameters) -> Answer:
        """Id and status; an id that is not found refuses the whole call."""
        found = self.visible(p, self.instances.values())
        ids = p.list("InstanceId")
        if not set(ids) <= {instance.instance_id for instance in found}:
            raise refusal("InvalidInstanceId.NotFound")
        zone = p.get("ZoneId")
        wanted = [
            instance
            for instance in found
            if (not ids or instance.instance_id in ids) and zone in (None, instance.zone_id)
        ]
        page, about = numbered(p, wanted, largest=50)
        statuses = [{"InstanceId": instance.instance_id, "Status": instance.status} for instance in page]
        return {**about, "InstanceStatuses": {"InstanceStatus": statuses}}

    @action("DescribeInstanceAttribute")
    def describe_instance_attribute(self, p: Parameters) -> Answer:
        """One instance, with fewer fields than DescribeInstances (no tags, for example)."""
        shown = documents.instance(self.described_instance(p), self.now())
        shown["IoOptimized"] = "optimized"
        return {name: shown[name] for name in _ATTRIBUTES}

    @action("DescribeUserData")
    def describe_user_data(self, p: Parameters) -> Answer:
        """User data in Base64; an empty string where there is none."""
        found = self.described_instance(p)
        return {"InstanceId": found.instance_id, "RegionId": found.region, "UserData": found.user_data}

    @action("DescribeInstanceRamRole")
    def describe_instance_ram_role(self, p: Parameters) -> Answer:
        """Roles of instances named by a JSON list; instances without a role are in the answer with an empty role."""
        found = self.visible(p, self.instances.values())
        role = p.get("RamRoleName")
        if "InstanceIds" in p:
            ids = wanted_ids(p, "InstanceIds")
            if ids is None:
                raise refusal("InvalidInstanceIds.Malformed")
            found = [instance for instance in found if instance.instance_id in ids]
        elif role is None:
            raise refusal("MissingParameter.InstanceIds")
        found = [instance for instance in found if role in (None, instance.ram_role_name)]
        page, about = numbered(p, found, largest=50)
        roles = [{"InstanceId": instance.instance_id, "RamRoleName": instance.ram_role_name} for instance in page]
        answer = {"RegionId": self.known_region(p), "TotalCount": about["TotalCount"]}
        return {**answer, "InstanceRamRoleSets": {"InstanceRamRoleSet": roles}}

    @action("ModifyInstanceAttribute")
    def modify_instance_attribute(self, p: Parameters) -> Answer:
        """Name, description, host name, user data, deletion protection. User data of a running instance is refused."""
        found = self.instance(p["InstanceId"])
        unknown = set(p) - _MODIFIABLE.keys() - {"InstanceId", "RegionId"}
        if unknown:
            raise invalid(min(unknown), "the embedded cloud does not modify it")
        if "UserData" in p and found.status != "Stopped":
            raise refusal("IncorrectInstanceStatus")
        for name in set(p) & _MODIFIABLE.keys():
            setattr(found, _MODIFIABLE[name], p[name])
        return {}


_MODIFIABLE = {
    "InstanceName": "instance_name",
    "Description": "description",
    "HostName": "host_name",
    "UserData": "user_data",
    "DeletionProtection": "deletion_protection",
}


def _filters(p: Parameters) -> list[str]:
    return [name for name in _SAME_VALUE if name in p]
