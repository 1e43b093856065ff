"""The launch spec and its options, without any cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rescue.launch_spec.options import describe_option, launch_options, release_moved, release_time
from rescue.launch_spec.spec import launch_spec, run_parameters
from rescue.launch_spec.tags import carried_tags
from spotkeeper.settings.types import TagFilter
from tests.rescue.test_decide import settings as chosen

SOURCE: dict[str, Any] = {
    "InstanceId": "i-1",
    "InstanceName": "web-1",
    "HostName": "web",
    "Description": "shop front",
    "InstanceType": "ecs.t6-c1m4.large",
    "ImageId": "m-own",
    "SpotStrategy": "SpotWithPriceLimit",
    "SpotPriceLimit": 0.12,
    "SpotDuration": 0,
    "SpotInterruptionBehavior": "Terminate",
    "CreditSpecification": "Unlimited",
    "DeploymentSetId": "ds-1",
    "ResourceGroupId": "rg-1",
    "KeyPairName": "key",
    "InternetChargeType": "PayByTraffic",
    "InternetMaxBandwidthOut": 5,
    "InternetMaxBandwidthIn": -1,
    "SecurityGroupIds": {"SecurityGroupId": ["sg-1", "sg-2"]},
    "VpcAttributes": {"VSwitchId": "vsw-a", "PrivateIpAddress": {"IpAddress": ["10.0.0.1"]}},
    "MetadataOptions": {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 2},
    "Tags": {"Tag": [{"TagKey": "team", "TagValue": "web"}, {"TagKey": "empty", "TagValue": ""}]},
}


def a_disk(disk_id: str, kind: str, device: str, category: str, size: int, **more: Any) -> dict[str, Any]:
    """A disk as DescribeDisks shows it."""
    return {"DiskId": disk_id, "Type": kind, "Device": device, "Category": category, "Size": size, **more}


DISKS: list[dict[str, Any]] = [
    a_disk("d-2", "data", "/dev/xvdc", "cloud_efficiency", 200, DeleteWithInstance=False),
    a_disk("d-0", "system", "/dev/xvda", "cloud_essd", 40, PerformanceLevel="PL0"),
    a_disk("d-1", "data", "/dev/xvdb", "cloud_essd", 100, PerformanceLevel="PL1", DeleteWithInstance=True),
]


def spec(
    source: dict[str, Any] | None = None, disks: Any = None, user_data: str = "IyE=", role: str = "web", **how: str
) -> Any:
    """The launch spec of a source."""
    return launch_spec(
        SOURCE if source is None else source, DISKS if disks is None else disks, user_data, role, chosen(**how)
    )


def test_without_a_key_pair_the_password_is_inherited() -> None:
    """A login would be impossible otherwise; a password that cannot be read is reported."""
    found = spec({**SOURCE, "KeyPairName": ""})
    assert found["run"]["PasswordInherit"] is True
    assert "KeyPairName" not in found["run"]
    assert any("password" in text for text in found["not_carried"])
    assert not any("password" in text for text in spec()["not_carried"])


def test_the_bandwidth_of_an_eip_is_the_eips() -> None:
    """A public address of its own beside the EIP would be a second address."""
    found = spec({**SOURCE, "EipAddress": {"AllocationId": "eip-1", "IpAddress": "1.2.3.4"}})
    assert not {"InternetMaxBandwidthOut", "InternetChargeType"} & set(found["run"])
    assert any("1.2.3.4" in text for text in found["not_carried"])


def test_nulls_everywhere() -> None:
    """Containers and fields that the API leaves out or sends as null are no values."""
    bare = dict.fromkeys(SOURCE) | {"InstanceType": "ecs.g7.large", "SpotStrategy": "SpotAsPriceGo"}
    found = spec(bare, [], "", "")
    assert found["run"] == {"Amount": 1, "SecurityGroupIds": [], "PasswordInherit": True, "Tag": []}
    assert json.loads(json.dumps(found)) == found


def test_foreign_and_state_tags_stay_behind() -> None:
    """Tags of Auto Scaling and ACK are theirs to write; tags with our own state belong to an earlier rescue."""
    names = ("acs:a", "aliyun:b", "ack.c", "k8s.d")
    listed = [f"tag {key}: the platform writes tags with this prefix" for key in ("ack.c", "k8s.d")]
    state = ("spotkeeper:episode", "spotkeeper:failed-check", "spotkeeper:hook-alive-until:ash-1")
    kept = {"spotkeeper:managed": "true", "team": "web", "empty": ""}
    assert carried_tags({**dict.fromkeys((*names, *state), "x"), **kept}, TagFilter("team")) == (kept, listed)


@pytest.mark.parametrize(("own", "kept"), [(18, 18), (19, 19), (20, 19)])
def test_20_tags_at_most(own: int, kept: int) -> None:
    """One place is ours; a user's tag that has none is reported by its key."""
    tags = {f"key-{number}": str(number) for number in range(own)}
    source = {**SOURCE, "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}}
    found = spec(source)
    sent = run_parameters(found, found["launch_options"][0], "m-1", "i-1/1", 0.0)["Tag"]
    assert len(sent) == kept + 1 <= 20
    assert sent[-1] == {"Key": "spotkeeper:episode", "Value": "i-1/1"}
    assert len([text for text in found["not_carried"] if text.startswith("tag ")]) == own - kept


def test_the_managed_tag_is_never_the_one_that_is_dropped() -> None:
    """A replacement without the managed tag would not be rescued when its own time comes."""
    tags = {**{f"key-{number:02}": "x" for number in range(19)}, "spotkeeper:managed": "true"}
    source = {**SOURCE, "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]}}
    assert {"Key": "spotkeeper:managed", "Value": "true"} in spec(source)["run"]["Tag"]


@pytest.mark.parametrize("key", ["zone-team", "k8s.io/pool"])
def test_a_managed_tag_of_any_name_comes_first(key: str) -> None:
    """The setting decides which tag manages, whatever its name and the number of the others."""
    tags = {**{f"spotkeeper:{number:02}": "x" for number in range(19)}, key: "prod"}
    kept, dropped = carried_tags(tags, TagFilter(key, "prod"))
    assert next(iter(kept.items())) == (key, "prod")
    assert dropped == ["tag spotkeeper:18: an instance has 20 tags at most"]


def test_a_managed_tag_that_only_the_platform_writes_is_listed() -> None:
    """RunInstances refuses it: somebody has to know that the replacement is not managed."""
    dropped = carried_tags({"acs:team": "x", "acs:a": "x"}, TagFilter("acs:team"))[1]
    assert dropped == ["tag acs:team: the platform writes tags with this prefix"]


def test_the_order_of_the_launch_options() -> None:
    """Charge by charge, then vSwitch by vSwitch, then type by type; doubles once."""
    how = chosen(FALLBACK_INSTANCE_TYPES="ecs.g7.large,ecs.t6-c1m4.large", FALLBACK_VSWITCH_IDS="vsw-b,vsw-a")
    options = launch_options(SOURCE, how, {})
    assert [describe_option(option) for option in options] == [
        f"{charge} {kind} in {place}"
        for charge in ("spot", "on-demand")
        for place in ("vsw-a", "vsw-b")
        for kind in ("ecs.t6-c1m4.large", "ecs.g7.large")
    ]


def test_what_each_launch_option_drops() -> None:
    """The credit specification is one family's; the price limit is the user's, whatever the type."""
    options = spec(FALLBACK_INSTANCE_TYPES="ecs.t6-c1m4.xlarge,ecs.g7.large")["launch_options"]
    kept = [option for option in options if "HttpPutResponseHopLimit" not in option["drops"]]
    assert [option["drops"] for option in kept] == [[], [], ["CreditSpecification"]] * 2
    spot, on_demand = ([option["add"] for option in kept[start : start + 3]] for start in (0, 3))
    assert {(item["SpotStrategy"], item["SpotPriceLimit"]) for item in spot} == {("SpotWithPriceLimit", 0.12)}
    assert {item["SpotDuration"] for item in spot} == {0}
    assert {item["SpotStrategy"] for item in on_demand} == {"NoSpot"}
    assert not any({"SpotDuration", "SpotInterruptionBehavior", "SpotPriceLimit"} & set(item) for item in on_demand)


def test_what_may_be_refused_is_left_out_before_the_charge_changes() -> None:
    """All spot options with it, then all without, then on-demand; another type never has what is bound to the type."""
    source = {**SOURCE, "ISP": "cmcc", "MetadataOptions": {}, "HibernationOptions": {"Configured": True}}
    options = spec(source, FALLBACK_INSTANCE_TYPES="ecs.t6-c1m4.xlarge")["launch_options"]
    assert [(option["add"]["SpotStrategy"], option["add"]["InstanceType"], option["drops"]) for option in options] == [
        (charge, kind, drops)
        for charge in ("SpotWithPriceLimit", "NoSpot")
        for kind, drops in (
            ("ecs.t6-c1m4.large", []),
            ("ecs.t6-c1m4.xlarge", ["HibernationOptions"]),
            ("ecs.t6-c1m4.large", ["HibernationOptions", "Isp"]),
            ("ecs.t6-c1m4.xlarge", ["HibernationOptions", "Isp"]),
        )
    ]


NOON = 1_760_011_200.0
"""2025-10-09T12:00:00Z."""


@pytest.mark.parametrize(
    ("wanted", "given", "moved"),
    [
        pytest.param("2025-10-09T18:00Z", "2025-10-09T18:00:00Z", False, id="far-enough"),
        pytest.param("2025-10-09T12:45Z", "2025-10-09T12:45:00Z", False, id="just-far-enough"),
        pytest.param("2025-10-09T12:44Z", "2025-10-09T13:00:00Z", True, id="too-near"),
        pytest.param("2025-10-09T11:00Z", "2025-10-09T13:00:00Z", True, id="past"),
    ],
)
def test_the_release_time_of_the_source(wanted: str, given: str, moved: bool) -> None:  # noqa: FBT001
    """It is sent as RunInstances spells it, never nearer than it takes it, and a change is told."""
    found = spec({**SOURCE, "AutoReleaseTime": wanted})
    sent = run_parameters(found, found["launch_options"][0], "m-1", "i-1/1", NOON)
    assert sent["AutoReleaseTime"] == given == release_time(wanted, NOON)
    assert [given in text for text in release_moved(found, {"requested_at": NOON})] == [True] * moved


def test_a_release_time_that_is_none() -> None:
    """It is told, and nothing is sent."""
    found = spec({**SOURCE, "AutoReleaseTime": "tomorrow"})
    assert "AutoReleaseTime" not in run_parameters(found, found["launch_options"][0], "m-1", "i-1/1", NOON)
    assert any("tomorrow" in text for text in found["not_carried"])


@pytest.mark.parametrize(
    ("outgoing", "incoming", "sent"),
    [(5, 10, {"InternetMaxBandwidthIn": 10}), (5, 100, {}), (50, 50, {"InternetMaxBandwidthIn": 50}), (50, 51, {})],
)
def test_inbound_bandwidth_beyond_what_run_instances_takes(outgoing: int, incoming: int, sent: dict[str, int]) -> None:
    """DescribeInstances shows 100 or 200 where RunInstances takes 10: the most it takes is its default."""
    run = spec({**SOURCE, "InternetMaxBandwidthOut": outgoing, "InternetMaxBandwidthIn": incoming})["run"]
    assert {name: run[name] for name in run if name == "InternetMaxBandwidthIn"} == sent


def test_limits_that_are_lower_than_what_the_source_has() -> None:
    """A launch that is refused on every option for such a figure would leave no replacement at all."""
    found = spec({**SOURCE, "InternetMaxBandwidthOut": 200, "SpotDuration": 6, "SpotStrategy": "SpotAsPriceGo"})
    assert found["run"]["InternetMaxBandwidthOut"] == 100
    assert found["launch_options"][0]["add"]["SpotDuration"] == 1
    assert [text.partition(":")[0] for text in found["not_carried"]][-2:] == [
        "public bandwidth 200 Mbit/s",
        "SpotDuration 6",
    ]


def test_a_group_number_goes_with_its_deployment_set() -> None:
    """RunInstances takes the number for a deployment set only."""
    assert "DeploymentSetGroupNo" not in spec({**SOURCE, "DeploymentSetId": "", "DeploymentSetGroupNo": 2})["run"]
