"""Which settings of an instance its replacement gets, as tables: every field of DescribeInstances is in one of them.

A field is named by its path in the answer, lists passed through (``NetworkInterfaces.NetworkInterface.Type``); a table
that has a path has all that is below it. Field names are those of the pinned SDK's response models, parameter names
those of its request model. What RunInstances takes, and from which accounts, is in its request metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spotkeeper.instances import Described

PLAIN = {
    "InstanceName": "InstanceName",
    "Description": "Description",
    "HostName": "HostName",
    "CreditSpecification": "CreditSpecification",
    "DeploymentSetId": "DeploymentSetId",
    "DeploymentSetGroupNo": "DeploymentSetGroupNo",
    "ResourceGroupId": "ResourceGroupId",
    "HpcClusterId": "HpcClusterId",
    "ISP": "Isp",
    "MetadataOptions.HttpEndpoint": "HttpEndpoint",
    "MetadataOptions.HttpTokens": "HttpTokens",
    "MetadataOptions.HttpPutResponseHopLimit": "HttpPutResponseHopLimit",
    "ImageOptions.LoginAsNonRoot": "ImageOptions.LoginAsNonRoot",
    "SecurityOptions.EnableSecureBoot": "SecurityOptions.EnableSecureBoot",
    "ClockOptions.PtpStatus": "ClockOptions.PtpStatus",
    "HibernationOptions.Configured": "HibernationOptions.Configured",
    "CpuOptions.CoreCount": "CpuOptions.Core",
    "CpuOptions.ThreadsPerCore": "CpuOptions.ThreadsPerCore",
    "CpuOptions.TopologyType": "CpuOptions.TopologyType",
    "CpuOptions.NestedVirtualization": "CpuOptions.NestedVirtualization",
    "PrivateDnsNameOptions.HostnameType": "PrivateDnsNameOptions.HostnameType",
    "PrivateDnsNameOptions.EnableIpDnsARecord": "PrivateDnsNameOptions.EnableIpDnsARecord",
    "PrivateDnsNameOptions.EnableIpDnsPtrRecord": "PrivateDnsNameOptions.EnableIpDnsPtrRecord",
    "PrivateDnsNameOptions.EnableInstanceIdDnsARecord": "PrivateDnsNameOptions.EnableInstanceIdDnsARecord",
    "PrivateDnsNameOptions.EnableInstanceIdDnsAAAARecord": "PrivateDnsNameOptions.EnableInstanceIdDnsAAAARecord",
}
"""Field -> RunInstances parameter, taken over as it is where it is set."""

COMPUTED = {
    "SecurityGroupIds": "SecurityGroupIds",
    "KeyPairName": "KeyPairName",
    "Tags": "Tag",
    "ImageId": "ImageId",
    "InstanceType": "InstanceType",
    "VpcAttributes.VSwitchId": "VSwitchId",
    "InternetChargeType": "InternetChargeType",
    "InternetMaxBandwidthOut": "InternetMaxBandwidthOut",
    "InternetMaxBandwidthIn": "InternetMaxBandwidthIn",
    "InstanceChargeType": "InstanceChargeType",
    "SpotStrategy": "SpotStrategy",
    "SpotPriceLimit": "SpotPriceLimit",
    "SpotDuration": "SpotDuration",
    "SpotInterruptionBehavior": "SpotInterruptionBehavior",
    "AutoReleaseTime": "AutoReleaseTime",
}
"""Field -> the parameter that ``launch_spec`` and ``launch_options`` make of it."""

UNSET: Mapping[str, tuple[Any, ...]] = {
    "MetadataOptions.HttpPutResponseHopLimit": (1,),
    "MetadataOptions.InstanceMetadataTags": ("disabled",),
    "ClockOptions.PtpStatus": ("disabled",),
    "CpuOptions.ThreadsPerCore": (2,),
    "CpuOptions.NestedVirtualization": ("disabled",),
    "PrivateDnsNameOptions.HostnameType": ("Custom",),
    "DedicatedInstanceAttribute.Tenancy": ("default",),
    "DedicatedInstanceAttribute.Affinity": ("default",),
    "EcsCapacityReservationAttr.CapacityReservationPreference": ("none", "None", "open", "Open"),
}
"""Values that mean "not set", besides null, false, 0, and empty texts: RunInstances chooses them by itself."""

SOME_ONLY = (
    "CpuOptions",
    "HibernationOptions",
    "SecurityOptions",
    "ClockOptions",
    "HpcClusterId",
    "ImageOptions",
    "Isp",
    "HttpPutResponseHopLimit",
    "PrivateDnsNameOptions",
)
"""Parameters that RunInstances takes for some instance types or images only, or by invitation. No document tells what
it answers otherwise. A replacement without them is better than none: they are asked for first, and left out then."""

BOUND_TO_TYPE = ("CpuOptions", "HibernationOptions", "SecurityOptions", "ClockOptions", "HpcClusterId")
"""Those of ``SOME_ONLY`` that are the instance type's: another type does without."""

LISTED = {
    "EipAddress.IpAddress": "EIP {}: associate it with the replacement",
    "NetworkInterfaces.NetworkInterface.Ipv6Sets.Ipv6Set.Ipv6Address": "IPv6 addresses {}",
    "NetworkInterfaces.NetworkInterface.Ipv4PrefixSets": "IPv4 prefixes {} of network cards",
    "NetworkInterfaces.NetworkInterface.Ipv6PrefixSets": "IPv6 prefixes {} of network cards",
    "RdmaIpAddress": "RDMA addresses {}",
    "VpcAttributes.NatIpAddress": "NAT address {}",
    "VpcAttributes.PrivateIpAddress": "private address {}: the source holds it until it is released",
    "PublicIpAddress": "public address: the replacement gets a new one",
    "DeletionProtection": "release protection: switch it on for the replacement (a surplus one could not be deleted)",
    "MetadataOptions.InstanceMetadataTags": "tags in instance metadata ({}): RunInstances has no such parameter",
    "CpuOptions.TurboMode": "CPU turbo mode {}: RunInstances has no such parameter",
    "CpuOptions.EnableVISST": "CPU option EnableVISST: RunInstances has no such parameter",
    "CpuOptions.EnableVRDT": "CPU option EnableVRDT: RunInstances has no such parameter",
    "AdditionalInfo.EnableHighDensityMode": "high-density mode: RunInstances has no such parameter",
    "AdditionalInfo.ManagedHostId": "managed host {}: spot instances do not run on it",
    "EnableNVS": "EnableNVS: RunInstances has no such parameter",
    "DedicatedHostAttribute.DedicatedHostId": "dedicated host {}: RunInstances ignores the spot price limit there",
    "DedicatedHostAttribute.DedicatedHostClusterId": "dedicated host cluster {}: only dedicated hosts belong to it",
    "DedicatedInstanceAttribute.Tenancy": "tenancy {}: RunInstances ignores the spot price limit on dedicated hosts",
    "DedicatedInstanceAttribute.Affinity": "affinity {}: it belongs to a dedicated host",
    "EcsCapacityReservationAttr.CapacityReservationId": "capacity reservation {}: spot instances use none",
    "EcsCapacityReservationAttr.CapacityReservationPreference": "preference {}: spot instances use no reservation",
}
"""Field -> what ``not_carried`` says where it is set, ``{}`` being its values."""

LISTED_BY_CODE = {
    "NetworkInterfaces.NetworkInterface.NetworkInterfaceId": "the secondary ones",
    "NetworkInterfaces.NetworkInterface.PrivateIpSets": "the secondary addresses of the primary network card",
}
"""Fields that ``not_carried`` has under a condition."""

OF_THE_TYPE = "of the instance type"
OF_THE_IMAGE = "of the image"
OF_THE_INSTANCE = "of this one instance: its id, state, or history"
OF_THE_CARD = "of this one network card"
OF_THE_EIP = "of the EIP"

NO_SETTING = {
    **dict.fromkeys(("Cpu", "Memory", "GPUAmount", "GPUSpec", "InstanceTypeFamily", "IoOptimized"), OF_THE_TYPE),
    **dict.fromkeys(("LocalStorageAmount", "LocalStorageCapacity"), f"{OF_THE_TYPE}; local disks are listed as disks"),
    **dict.fromkeys(("OSName", "OSNameEn", "OSType", "ImageOptions.CurrentOSNVMeSupported"), OF_THE_IMAGE),
    **dict.fromkeys(
        ("InstanceId", "SerialNumber", "Status", "StoppedMode", "CreationTime", "StartTime", "DeviceAvailable"),
        OF_THE_INSTANCE,
    ),
    **dict.fromkeys(("OperationLocks", "Recyclable", "AdditionalInfo.NodeSerialNumber"), OF_THE_INSTANCE),
    **dict.fromkeys(("ExpiredTime", "SaleCycle"), "of subscriptions"),
    **dict.fromkeys(("RegionId", "ZoneId", "VpcAttributes.VpcId"), "follows from the vSwitch"),
    **dict.fromkeys(("InstanceNetworkType", "InnerIpAddress", "VlanId", "ClusterId"), "of the classic network"),
    **dict.fromkeys(
        ("EipAddress.AllocationId", "EipAddress.Bandwidth", "EipAddress.InternetChargeType"), f"{OF_THE_EIP}, listed"
    ),
    "EipAddress.IsSupportUnassociate": OF_THE_EIP,
    "NetworkInterfaces.NetworkInterface.MacAddress": OF_THE_CARD,
    "NetworkInterfaces.NetworkInterface.PrimaryIpAddress": "the private address, listed",
    "NetworkInterfaces.NetworkInterface.Ipv6Sets.Ipv6Set.Primary": "of the IPv6 address, which is listed",
    "NetworkInterfaces.NetworkInterface.Type": "tells the secondary network cards, which are listed",
    "DedicatedHostAttribute.DedicatedHostName": "the name of the dedicated host, which is listed",
    "CpuOptions.Numa": "no longer used (RunInstances)",
}
"""Field -> why there is nothing to carry."""

NOT_ASKED_FOR = {
    **dict.fromkeys(
        (
            "SecurityEnhancementStrategy",
            "SecurityOptions.TrustedSystemMode",
            "SecurityOptions.ConfidentialComputingMode",
        ),
        "no Describe action tells it",
    ),
    **dict.fromkeys(
        ("NetworkInterface", "NetworkInterfaceQueueNumber", "NetworkOptions"),
        "traffic modes, queues and further cards: DescribeInstances does not tell them",
    ),
    **dict.fromkeys(("Ipv6Address", "Ipv6AddressCount"), "IPv6 addresses are listed: a fallback vSwitch may have none"),
    **dict.fromkeys(
        ("DedicatedHostId", "ManagedHostId", "Tenancy", "Affinity", "SchedulerOptions"),
        "RunInstances ignores the spot price limit on dedicated hosts",
    ),
    "PrivatePoolOptions": "capacity reservations are not for spot instances",
    "PrivateIpAddress": "the source holds it until it is released",
    **dict.fromkeys(("StorageSetId", "StorageSetPartitionNumber"), "listed with the disk: bound to its zone"),
    "DeletionProtection": "listed: a surplus replacement could not be deleted",
    "Password": "no Describe action tells it; without a key pair PasswordInherit keeps that of the image",
    **dict.fromkeys(("LaunchTemplateId", "LaunchTemplateName", "LaunchTemplateVersion"), "no Describe action tells it"),
    **dict.fromkeys(("HostNames", "UniqueSuffix", "MinAmount"), "for several instances"),
    **dict.fromkeys(("AutoPay", "AutoRenew", "AutoRenewPeriod", "Period", "PeriodUnit"), "for subscriptions"),
    **dict.fromkeys(("SecurityGroupId", "ImageFamily", "ZoneId"), "SecurityGroupIds, ImageId and VSwitchId tell it"),
    "IoOptimized": "follows from the instance type",
    "CpuOptions.Numa": "no longer used",
    "Arn": "not publicly available",
    **dict.fromkeys(
        ("OwnerId", "OwnerAccount", "ResourceOwnerId", "ResourceOwnerAccount", "DryRun"), "not of the instance"
    ),
}
"""RunInstances parameter -> why it is not sent."""


def values(described: Any, path: str) -> list[Any]:
    """What is at a path, lists passed through, without what is not set."""
    return [value for value in _at(described, path.split(".")) if value and value not in UNSET.get(path, ())]


def _at(described: Any, path: list[str]) -> list[Any]:
    if isinstance(described, list):
        return [value for one in described for value in _at(one, path)]
    if isinstance(described, Mapping):
        below = [described.get(path[0])] if path else list(described.values())
        return [value for one in below for value in _at(one, path[1:])]
    return [] if path else [described]


def plain_parameters(source: Described) -> dict[str, Any]:
    """The RunInstances parameters that are fields of the source."""
    run: dict[str, Any] = {}
    for path, parameter in PLAIN.items():
        for value in values(source, path):
            head, _, member = parameter.partition(".")
            run.update({head: {**run.get(head, {}), member: value}} if member else {head: value})
    if set(run.get("CpuOptions", ())) == {"Core"}:
        del run["CpuOptions"]  # shown of every instance; with nothing else beside it, it is the type's own number
    if "HostnameType" in run.get("PrivateDnsNameOptions", ()):
        run.pop("HostName", None)  # made of the address or the id of the instance, and so the source's own
    if "DeploymentSetId" not in run:
        run.pop("DeploymentSetGroupNo", None)
    return run


def listed(source: Described) -> list[str]:
    """What the replacement cannot get, where the source has it."""
    found = [(text, values(source, path)) for path, text in LISTED.items()]
    return [*_cards(source), *(text.format(", ".join(map(str, values))) for text, values in found if values)]


def _cards(source: Described) -> list[str]:
    cards = (source.get("NetworkInterfaces") or {}).get("NetworkInterface") or []
    secondary = [str(one.get("NetworkInterfaceId")) for one in cards if one.get("Type") == "Secondary"]
    sets = [(one.get("PrivateIpSets") or {}).get("PrivateIpSet") or [] for one in cards if one.get("Type") == "Primary"]
    further = [str(one.get("PrivateIpAddress")) for addresses in sets for one in addresses if not one.get("Primary")]
    return [
        *([f"secondary network cards {', '.join(secondary)}"] if secondary else []),
        *([f"secondary private addresses {', '.join(further)}"] if further else []),
    ]
