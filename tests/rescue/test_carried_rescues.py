"""Each setting of an instance, seeded alone: the replacement has it, or the answer lists it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from rescue.launch_spec import instance_settings
from simulator import proof
from tests.rescue import settings_tables
from tests.rescue.reading import dies, fault, replacements
from tests.rescue.stage import SOURCE, Stage, stage


@dataclass(frozen=True)
class Seed:
    """A source with one setting: attributes of the embedded cloud's instance, and the value that Describe shows."""

    shown: Any
    attributes: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    instance_type: str = "ecs.g8i.large"


def nested(path: str, value: Any) -> dict[str, Any]:
    """``a.b`` as ``{"a": {"b": value}}``."""
    head, _, rest = path.partition(".")
    return {head: nested(rest, value) if rest else value}


CARRIED = {
    "InstanceName": Seed("web-9", {"instance_name": "web-9"}),
    "Description": Seed("the ninth", {"description": "the ninth"}),
    "HostName": Seed("web-9", {"host_name": "web-9"}),
    "CreditSpecification": Seed("Unlimited", {"credit_specification": "Unlimited"}, instance_type="ecs.t6-c1m4.large"),
    "DeploymentSetId": Seed("ds-1", {"deployment_set_id": "ds-1"}),
    "DeploymentSetGroupNo": Seed(2, {"deployment_set_id": "ds-1", "deployment_set_group_no": 2}),
    "ResourceGroupId": Seed("rg-acfmfleet000000", {"resource_group_id": "rg-acfmfleet000000"}),
    "HpcClusterId": Seed("hpc-1", settings={"HpcClusterId": "hpc-1"}),
    "ISP": Seed("cmcc", settings={"ISP": "cmcc"}),
    "MetadataOptions.HttpEndpoint": Seed("disabled", {"http_endpoint": "disabled"}),
    "MetadataOptions.HttpTokens": Seed("required", {"http_tokens": "required"}),
    "MetadataOptions.HttpPutResponseHopLimit": Seed(2, {"http_put_response_hop_limit": 2}),
    "ImageOptions.LoginAsNonRoot": Seed(shown=True, attributes={"login_as_non_root": True}),
    "CpuOptions.CoreCount": Seed(1, {"cpu_options": {"CoreCount": 1, "ThreadsPerCore": 1}}),
    "CpuOptions.ThreadsPerCore": Seed(1, {"cpu_options": {"ThreadsPerCore": 1}}),
    "CpuOptions.TopologyType": Seed("Discrete", {"cpu_options": {"TopologyType": "Discrete"}}),
    "CpuOptions.NestedVirtualization": Seed("enabled", {"cpu_options": {"NestedVirtualization": "enabled"}}),
    **{
        path: Seed(value, settings=nested(path, value))
        for path, value in (
            ("SecurityOptions.EnableSecureBoot", True),
            ("ClockOptions.PtpStatus", "enabled"),
            ("HibernationOptions.Configured", True),
            ("PrivateDnsNameOptions.HostnameType", "IpBased"),
            ("PrivateDnsNameOptions.EnableIpDnsARecord", True),
            ("PrivateDnsNameOptions.EnableIpDnsPtrRecord", True),
            ("PrivateDnsNameOptions.EnableInstanceIdDnsARecord", True),
            ("PrivateDnsNameOptions.EnableInstanceIdDnsAAAARecord", True),
        )
    },
    "KeyPairName": Seed("web-key", {"key_pair_name": "web-key"}),
    "InternetChargeType": Seed("PayByBandwidth", {"internet_charge_type": "PayByBandwidth"}),
    "InternetMaxBandwidthOut": Seed(7, {"internet_max_bandwidth_out": 7}),
    "InternetMaxBandwidthIn": Seed(9, {"internet_max_bandwidth_in": 9}),
    "SpotDuration": Seed(0, {"spot_duration": 0}),
    "SpotInterruptionBehavior": Seed("Terminate"),
    "SpotStrategy": Seed("SpotWithPriceLimit", {"spot_strategy": "SpotWithPriceLimit", "spot_price_limit": 0.9}),
    "SpotPriceLimit": Seed(0.9, {"spot_strategy": "SpotWithPriceLimit", "spot_price_limit": 0.9}),
    "AutoReleaseTime": Seed("2019-04-10T04:30Z", {"auto_release_time": "2019-04-10T04:30Z"}),
    "InstanceType": Seed("ecs.g8i.large"),
    "InstanceChargeType": Seed("PostPaid"),
    "VpcAttributes.VSwitchId": Seed("vsw-bp1fleet000000000000h"),
    "SecurityGroupIds": Seed({"SecurityGroupId": ["sg-bp1fleet0000000000web", "sg-bp1fleet0000000000ops"]}),
}
"""Field -> a source that has it. ``Tags`` and ``ImageId`` differ by the rescue's own doing and have their own tests."""


def at(document: Mapping[str, Any], path: str) -> Any:
    """What Describe shows at a path without lists."""
    head, _, rest = path.partition(".")
    return at(document[head], rest) if rest else document[head]


def seeded(seed: Seed, **how: Any) -> Stage:
    """A stage whose source has the setting, in an account that may use it."""
    attributes = {"settings": dict(seed.settings), **seed.attributes}
    here = stage(instance_type=seed.instance_type, attributes=attributes, **how)
    here.cloud.ecs.invitations |= {"HibernationOptions", "Isp", "ClockOptions"}
    here.cloud.ecs.deployment_sets.add("ds-1")
    return here


def only_replacement(here: Stage) -> dict[str, Any]:
    """The replacement, as Describe shows it."""
    (found,) = replacements(here)
    return found


@pytest.mark.parametrize("path", sorted(CARRIED))
def test_a_setting_is_carried(path: str) -> None:
    """The replacement shows what the source showed, and nothing says that it does not."""
    here = seeded(CARRIED[path])
    source = proof.instance(here.before, SOURCE)
    assert source is not None
    assert at(source, path) == CARRIED[path].shown, "the source does not show what was seeded"
    answer = here.deliver()
    assert at(only_replacement(here), path) == CARRIED[path].shown
    assert not any("does not fit" in text or path in text for text in answer["not_carried"])


def test_every_carried_field_is_seeded() -> None:
    """Every field of the tables, and no other."""
    assert set(CARRIED) == {*instance_settings.PLAIN, *settings_tables.INSTANCE_COMPUTED} - {"Tags", "ImageId"}


PARAMETERS = {path: parameter.partition(".")[0] for path, parameter in instance_settings.PLAIN.items()}
DOUBTFUL = {parameter: path for path, parameter in PARAMETERS.items() if parameter in instance_settings.DOUBTFUL}


@pytest.mark.parametrize("parameter", DOUBTFUL)
def test_a_setting_that_the_cloud_refuses_does_not_stop_the_rescue(parameter: str) -> None:
    """Refused on every option, it is left out and named: a replacement without it is better than none."""
    here = seeded(CARRIED[DOUBTFUL[parameter]])
    fault(here, "RunInstances", "code:InvalidParameter", times=None, resource=parameter)
    answer = here.deliver()
    made = only_replacement(here)
    assert parameter not in {name.partition(".")[0] for name in made["LaunchedWith"]}
    assert [text for text in answer["not_carried"] if text.startswith(f"{parameter}: does not fit spot")]
    assert made["SpotStrategy"] == "SpotAsPriceGo"


LISTED: dict[str, tuple[dict[str, Any], str]] = {
    "EipAddress.IpAddress": ({"eip_address": {"AllocationId": "eip-1", "IpAddress": "47.1.1.1"}}, "47.1.1.1"),
    "NetworkInterfaces.NetworkInterface.Ipv6Sets.Ipv6Set.Ipv6Address": ({"ipv6_addresses": ["2408::1"]}, "2408::1"),
    "PublicIpAddress": ({"public_ip": "47.1.1.2"}, "public address"),
    "VpcAttributes.PrivateIpAddress": ({}, "172.16.0.11"),
    "VpcAttributes.NatIpAddress": (
        {"settings": {"VpcAttributes": {"VSwitchId": "vsw-bp1fleet000000000000h", "NatIpAddress": "10.8.8.8"}}},
        "10.8.8.8",
    ),
    "DeletionProtection": ({"deletion_protection": True}, "release protection"),
    "NetworkInterfaces.NetworkInterface.NetworkInterfaceId": (
        {"secondary_network_interfaces": [{"NetworkInterfaceId": "eni-2", "Type": "Secondary"}]},
        "eni-2",
    ),
    **{
        path: ({"settings": nested(path, value)}, told)
        for path, value, told in (
            ("RdmaIpAddress", {"IpAddress": ["10.9.9.9"]}, "10.9.9.9"),
            ("MetadataOptions.InstanceMetadataTags", "enabled", "tags in instance metadata"),
            ("CpuOptions.TurboMode", "on", "turbo"),
            ("CpuOptions.EnableVISST", True, "EnableVISST"),
            ("CpuOptions.EnableVRDT", True, "EnableVRDT"),
            ("AdditionalInfo.EnableHighDensityMode", True, "high-density"),
            ("AdditionalInfo.ManagedHostId", "mh-1", "mh-1"),
            ("EnableNVS", True, "EnableNVS"),
            ("DedicatedHostAttribute.DedicatedHostId", "dh-1", "dh-1"),
            ("DedicatedHostAttribute.DedicatedHostClusterId", "dc-1", "dc-1"),
            ("DedicatedInstanceAttribute.Tenancy", "host", "tenancy host"),
            ("DedicatedInstanceAttribute.Affinity", "host", "affinity host"),
            ("EcsCapacityReservationAttr.CapacityReservationId", "crp-1", "crp-1"),
            ("EcsCapacityReservationAttr.CapacityReservationPreference", "target", "preference target"),
        )
    },
}
"""Field -> attributes of a source that has it, and what the answer says."""

CARD = "NetworkInterfaces.NetworkInterface."
OF_CARDS: dict[str, tuple[dict[str, Any], str]] = {
    f"{CARD}Ipv4PrefixSets": ({"Ipv4PrefixSets": {"Ipv4PrefixSet": [{"Ipv4Prefix": "10.7.0.0/28"}]}}, "10.7.0.0/28"),
    f"{CARD}Ipv6PrefixSets": ({"Ipv6PrefixSets": {"Ipv6PrefixSet": [{"Ipv6Prefix": "2408::/80"}]}}, "2408::/80"),
    f"{CARD}PrivateIpSets": (
        {"PrivateIpSets": {"PrivateIpSet": [{"Primary": False, "PrivateIpAddress": "172.16.0.99"}]}},
        "172.16.0.99",
    ),
}
"""The same for fields of the primary network card."""
LOSSES = {
    **LISTED,
    **{
        path: ({"settings": {"NetworkInterfaces": {"NetworkInterface": [{"Type": "Primary", **fields}]}}}, told)
        for path, (fields, told) in OF_CARDS.items()
    },
}


@pytest.mark.parametrize("path", sorted(LOSSES))
def test_a_setting_is_listed(path: str) -> None:
    """The answer names it, and without it says nothing about it."""
    attributes, told = LOSSES[path]
    assert [text for text in stage(attributes=dict(attributes)).deliver()["not_carried"] if told in text]
    if path != "VpcAttributes.PrivateIpAddress":
        assert [text for text in plain_losses() if told in text] == []


@cache
def plain_losses() -> list[str]:
    """The losses of a source without special settings."""
    plain = stage(attributes={"public_ip": "", "internet_max_bandwidth_out": 0})
    return list(plain.deliver()["not_carried"])


def test_every_listed_field_is_seeded() -> None:
    """Every field of the tables, and no other."""
    assert set(LOSSES) == {*instance_settings.LISTED, *settings_tables.INSTANCE_LISTED_BY_CODE}


def test_a_launch_with_a_release_time_is_repeated_as_it_was() -> None:
    """The call dies after RunInstances has acted; the next one, in another hour, asks for the very same instance."""
    here = stage(attributes={"auto_release_time": "2019-04-09T04:30Z"})
    dies(here, "RunInstances", "kill-after")
    here.advance(3000)
    here.deliver()
    assert only_replacement(here)["AutoReleaseTime"] == "2019-04-09T06:00Z"


@pytest.mark.parametrize("key", ["zone-team", "k8s.io/pool"])
def test_the_replacement_is_managed_by_a_tag_of_any_name(key: str) -> None:
    """Without SPOTKEEPER_MANAGED_TAG its own interruption would be skipped."""
    tags = {**{f"key-{number:02}": "x" for number in range(19)}, key: "prod"}
    here = stage(settings={"SPOTKEEPER_MANAGED_TAG": f"{key}=prod"}, tags=tags)
    here.finishes()
    (launched,) = replacements(here)
    assert launched["Tags"][key] == "prod"
