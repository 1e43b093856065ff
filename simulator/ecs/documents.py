"""Instances, disks, images and snapshots as the Describe actions show them."""

from __future__ import annotations

from typing import Any

from simulator.ecs.model import Disk, Image, Instance, Snapshot, Tags, utc
from simulator.ecs.stock import INSTANCE_TYPES

Document = dict[str, Any]


def instance(i: Instance, now: float) -> Document:
    """One element of DescribeInstances. Containers and strings that the cloud leaves out where empty are left out."""
    cpu, memory = INSTANCE_TYPES[i.instance_type]
    document: Document = {
        "InstanceId": i.instance_id,
        "InstanceName": i.instance_name,
        "HostName": i.host_name,
        "Description": i.description,
        "Status": i.status,
        "StoppedMode": i.stopped_mode,
        "RegionId": i.region,
        "ZoneId": i.zone_id,
        "ImageId": i.image_id,
        "InstanceType": i.instance_type,
        "InstanceTypeFamily": i.instance_type.rpartition(".")[0],
        "Cpu": cpu,
        "Memory": memory,
        "OSType": i.os_type,
        "OSName": "Alibaba Cloud Linux 3.2104 LTS 64 bit",
        "IoOptimized": True,
        "SerialNumber": i.instance_id.removeprefix("i-"),
        "CreationTime": utc(i.created_at, minutes=True),
        "StartTime": utc(i.started_at, minutes=True) if i.started_at else "",
        "ExpiredTime": "2099-12-31T15:59Z",
        # Without seconds, unlike the parameter of RunInstances.
        "AutoReleaseTime": f"{i.auto_release_time[:16]}Z" if i.auto_release_time else "",
        "InstanceChargeType": "PostPaid",
        "SpotStrategy": i.spot_strategy,
        "SpotPriceLimit": i.spot_price_limit,
        "CreditSpecification": i.credit_specification,
        "DeletionProtection": i.deletion_protection,
        "DeploymentSetId": i.deployment_set_id,
        "ResourceGroupId": i.resource_group_id,
        "Recyclable": False,
        "OperationLocks": {"LockReason": [{"LockReason": reason} for reason in i.visible_locks(now)]},
        "SecurityGroupIds": {"SecurityGroupId": list(i.security_group_ids)},
        "MetadataOptions": {
            "HttpEndpoint": i.http_endpoint,
            "HttpTokens": i.http_tokens,
            "HttpPutResponseHopLimit": i.http_put_response_hop_limit,
        },
        "ImageOptions": {"LoginAsNonRoot": i.login_as_non_root},
        **_network(i),
        **_spot(i),
    }
    if i.key_pair_name:
        document["KeyPairName"] = i.key_pair_name
    if i.deployment_set_group_no is not None:
        document["DeploymentSetGroupNo"] = i.deployment_set_group_no
    return document | _cpu_options(i, cpu) | _tags(i.tags, now) | i.settings


def _network(i: Instance) -> Document:
    primary = {
        "NetworkInterfaceId": i.network_interface_id,
        "Type": "Primary",
        "PrimaryIpAddress": i.private_ip,
        "PrivateIpSets": {"PrivateIpSet": [{"Primary": True, "PrivateIpAddress": i.private_ip}]},
    }
    if i.ipv6_addresses:
        primary["Ipv6Sets"] = {"Ipv6Set": [{"Ipv6Address": address} for address in i.ipv6_addresses]}
    return {
        "InstanceNetworkType": "vpc",
        "InternetChargeType": i.internet_charge_type,
        "InternetMaxBandwidthOut": i.internet_max_bandwidth_out,
        "InternetMaxBandwidthIn": i.internet_max_bandwidth_in,
        "PublicIpAddress": {"IpAddress": [i.public_ip] if i.public_ip else []},
        "InnerIpAddress": {"IpAddress": []},
        "EipAddress": i.eip_address or {"AllocationId": "", "IpAddress": "", "InternetChargeType": ""},
        "VpcAttributes": {
            "VpcId": i.vpc_id,
            "VSwitchId": i.vswitch_id,
            "NatIpAddress": "",
            "PrivateIpAddress": {"IpAddress": [i.private_ip]},
        },
        "NetworkInterfaces": {"NetworkInterface": [primary, *i.secondary_network_interfaces]},
    }


def _spot(i: Instance) -> Document:
    if not i.is_spot:
        return {}
    return {
        "SpotDuration": 1 if i.spot_duration is None else i.spot_duration,
        "SpotInterruptionBehavior": i.spot_interruption_behavior,
    }


def _cpu_options(i: Instance, cpu: int) -> Document:
    return {"CpuOptions": {"CoreCount": cpu // 2, "ThreadsPerCore": 2, "Numa": "", **i.cpu_options}}


def _tags(tags: Tags, now: float, key: str = "TagKey", value: str = "TagValue") -> Document:
    """The container of the tags; the cloud has none where there are no tags."""
    seen = tags.seen(now)
    return {"Tags": {"Tag": [{key: name, value: text} for name, text in seen.items()]}} if seen else {}


def disk(d: Disk, now: float) -> Document:
    """One element of DescribeDisks."""
    attachment = {"InstanceId": d.instance_id, "Device": d.device, "AttachedTime": utc(d.attached_at)}
    document: Document = {
        "DiskId": d.disk_id,
        "DiskName": d.disk_name,
        "Description": d.description,
        "RegionId": d.region,
        "ZoneId": d.zone_id,
        "InstanceId": d.instance_id,
        "Device": d.device,
        "Type": d.type,
        "Category": d.category,
        "Size": d.size,
        "Status": d.status,
        "Portable": d.portable,
        "Encrypted": d.encrypted,
        "KMSKeyId": d.kms_key_id,
        "DeleteWithInstance": d.delete_with_instance,
        "DeleteAutoSnapshot": d.delete_auto_snapshot,
        "EnableAutoSnapshot": d.enable_auto_snapshot,
        "AutoSnapshotPolicyId": d.auto_snapshot_policy_id,
        "BurstingEnabled": d.bursting_enabled,
        "MultiAttach": "Enabled" if d.multi_attach else "Disabled",
        "DiskChargeType": "PostPaid",
        "ImageId": d.image_id,
        "SourceSnapshotId": d.source_snapshot_id,
        "ResourceGroupId": d.resource_group_id,
        "CreationTime": utc(d.created_at),
        "AttachedTime": utc(d.attached_at),
        "DetachedTime": utc(d.detached_at),
        "Attachments": {"Attachment": [attachment] if d.instance_id else []},
        "OperationLocks": {"OperationLock": []},
        "SerialNumber": d.disk_id.removeprefix("d-"),
    }
    if d.performance_level:
        document["PerformanceLevel"] = d.performance_level
    if d.provisioned_iops is not None:
        document["ProvisionedIops"] = d.provisioned_iops
    return document | _tags(d.tags, now) | d.settings


def image(m: Image, snapshots: dict[str, Snapshot], account_id: str, now: float, *, used: bool) -> Document:
    """One element of DescribeImages; ``used``: an instance was made of it and exists."""
    document: Document = {
        "ImageId": m.image_id,
        "ImageName": m.image_name,
        "Description": m.description,
        "ImageFamily": m.image_family,
        "ImageVersion": m.image_version,
        "ImageOwnerAlias": m.owner_alias,
        "ImageOwnerId": int(account_id) if m.owner_alias == "self" else 0,
        "IsPublic": m.owner_alias == "system",
        "IsSelfShared": "",
        "Status": m.status,
        "Progress": _image_progress(m, now),
        "Size": m.size,
        "OSType": m.os_type,
        "OSName": "Alibaba Cloud Linux 3.2104 LTS 64 bit",
        "Platform": "Aliyun",
        "Architecture": "x86_64",
        "CreationTime": utc(m.created_at),
        "Usage": "instance" if used else "none",
        "ResourceGroupId": m.resource_group_id,
        "IsSupportCloudinit": True,
        "IsSupportIoOptimized": True,
        "DiskDeviceMappings": {
            "DiskDeviceMapping": [
                {
                    "SnapshotId": disk.snapshot_id,
                    "Device": disk.device,
                    "Size": str(disk.size),
                    "Type": disk.type,
                    "Encrypted": disk.encrypted,
                    **_mapping_progress(snapshots.get(disk.snapshot_id), now),
                }
                for disk in m.disks
            ]
        },
    }
    if m.usable is not None:
        document["Usable"] = m.usable
    return document | _tags(m.tags, now)


def _image_progress(m: Image, now: float) -> str:
    return "100%" if m.status == "Available" else percent(m.created_at, m.available_at, now)


def _mapping_progress(snapshot: Snapshot | None, now: float) -> Document:
    if snapshot is None:
        return {"Progress": "0%", "RemainTime": 0}
    remaining = max(0, int(snapshot.accomplished_at - now))
    return {"Progress": _snapshot_progress(snapshot, now), "RemainTime": remaining}


def snapshot(s: Snapshot, now: float) -> Document:
    """One element of DescribeSnapshots."""
    done = s.status == "accomplished"
    document: Document = {
        "SnapshotId": s.snapshot_id,
        "SnapshotName": s.snapshot_name,
        "Description": s.description,
        "RegionId": s.region,
        "SourceDiskId": s.disk_id,
        "SourceDiskType": s.disk_type,
        "SourceDiskSize": str(s.size),
        "SnapshotType": "auto" if s.automatic else "user",
        "Category": "standard",
        "Status": s.status,
        "Progress": _snapshot_progress(s, now),
        "RemainTime": max(0, int(s.accomplished_at - now)),
        "Available": done,
        "Usage": "image" if s.image_id else "none",
        "Encrypted": s.encrypted,
        "KMSKeyId": s.kms_key_id,
        "ResourceGroupId": s.resource_group_id,
        "CreationTime": utc(s.created_at),
        "LastModifiedTime": utc(s.accomplished_at if done else s.created_at),
    }
    return document | _tags(s.tags, now)


def _snapshot_progress(s: Snapshot, now: float) -> str:
    return "100%" if s.status == "accomplished" else percent(s.created_at, s.accomplished_at, now)


def percent(start: float, end: float, now: float) -> str:
    """How far something is that has not ended yet; 99 % at most."""
    if end <= start:
        return "99%"
    return f"{min(99, int(100 * (now - start) / (end - start)))}%"
