"""The settings of an instance that its replacement gets, and those that are only listed, as tables.

``tests/rescue/settings_tables.py`` has all other fields of DescribeInstances, with the reason. A field is named by its
path in the answer, through lists (``NetworkInterfaces.NetworkInterface.Type``), and covers all fields below it. Field
names are those of the pinned SDK's response models, parameter names those of its request model. What RunInstances
accepts, and from which accounts, is in its request metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spotkeeper.clients import items
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
"""Field -> RunInstances parameter, copied if the field is set."""

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
"""Values that mean "not set", beside null, false, 0 and empty texts: RunInstances chooses them by itself."""

BOUND_TO_TYPE = ("CpuOptions", "HibernationOptions", "SecurityOptions", "ClockOptions", "HpcClusterId")
"""Parameters that belong to the instance type: another type leaves them out."""
DOUBTFUL = (*BOUND_TO_TYPE, "ImageOptions", "Isp", "HttpPutResponseHopLimit", "PrivateDnsNameOptions")
"""Parameters that RunInstances accepts for some instance types or images only, or by invitation; how it refuses them is
not documented. A replacement without them is better than none: they are tried first, and then left out."""

LISTED = {
    "EipAddress.IpAddress": "EIP {}: associate it with the replacement",
    "NetworkInterfaces.NetworkInterface.Ipv6Sets.Ipv6Set.Ipv6Address": "IPv6 addresses {}",
    "NetworkInterfaces.NetworkInterface.Ipv4PrefixSets": "IPv4 prefixes {} of network cards",
    "NetworkInterfaces.NetworkInterface.Ipv6PrefixSets": "IPv6 prefixes {} of network cards",
    "RdmaIpAddress": "RDMA addresses {}",
    "VpcAttributes.NatIpAddress": "NAT address {}",
    "VpcAttributes.PrivateIpAddress": "private address {}: the source holds it until it is released",
    "PublicIpAddress": "public address: the replacement gets a new one",
    "DeletionProtection": "release protection: switch it on for the replacement (a duplicate could not be deleted)",
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
"""Field -> the text of ``not_carried`` if it is set; ``{}`` stands for its values."""


def values(described: Any, path: str) -> list[Any]:
    """The values at a path that are set, through lists."""
    return [value for value in _at(described, path.split(".")) if value and value not in UNSET.get(path, ())]


def _at(described: Any, path: list[str]) -> list[Any]:
    if isinstance(described, list):
        return [value for element in described for value in _at(element, path)]
    if isinstance(described, Mapping):
        below = [described.get(path[0])] if path else list(described.values())
        return [value for element in below for value in _at(element, path[1:])]
    return [] if path else [described]


def plain_parameters(source: Described) -> dict[str, Any]:
    """The RunInstances parameters that are fields of the source."""
    run: dict[str, Any] = {}
    for path, parameter in PLAIN.items():
        for value in values(source, path):
            head, _, member = parameter.partition(".")
            run.update({head: {**run.get(head, {}), member: value}} if member else {head: value})
    if set(run.get("CpuOptions", ())) == {"Core"}:
        del run["CpuOptions"]  # shown for every instance; alone, it is the default of the instance type
    if "HostnameType" in run.get("PrivateDnsNameOptions", ()):
        run.pop("HostName", None)  # made of the address or the id of the source
    if "DeploymentSetId" not in run:
        run.pop("DeploymentSetGroupNo", None)
    return run


def listed(source: Described) -> list[str]:
    """The texts about the settings of the source that the replacement cannot get."""
    return [*_cards(source), *texts(source, LISTED)]


def texts(described: Described, table: Mapping[str, str]) -> list[str]:
    """The texts of a table about fields that are set, with their values."""
    found = [(text, values(described, path)) for path, text in table.items()]
    return [text.format(", ".join(map(str, there))) for text, there in found if there]


def applying(conditions: Mapping[str, object]) -> list[str]:
    """The texts whose condition is true."""
    return [text for text, applies in conditions.items() if applies]


def _cards(source: Described) -> list[str]:
    cards = items(source, "NetworkInterfaces", "NetworkInterface")
    secondary = [str(card.get("NetworkInterfaceId")) for card in cards if card.get("Type") == "Secondary"]
    primary = (card for card in cards if card.get("Type") == "Primary")
    addresses = [ip for card in primary for ip in items(card, "PrivateIpSets", "PrivateIpSet") if not ip.get("Primary")]
    further = [str(ip.get("PrivateIpAddress")) for ip in addresses]
    return applying(
        {
            f"secondary network cards {', '.join(secondary)}": secondary,
            f"secondary private addresses {', '.join(further)}": further,
        }
    )
