from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from simulator.cloud import Cloud
from simulator.ecs import DiskSpec, Timings
from simulator.ecs.stock import Stock
from simulator.fleet import INSTANCE_ID, USER_DATA, Fleet
from tests.simulator.sdk import NOON, Ecs, launch_of

SPOT = {"SpotStrategy": "SpotAsPriceGo"}


@pytest.fixture
def launch(drill: Fleet) -> dict[str, Any]:
    """Parameters of a launch that succeeds."""
    return launch_of(drill)


def launched(ecs: Ecs, **parameters: Any) -> str:
    """Id of the instance that a launch makes."""
    (instance_id,) = ecs("RunInstances", **parameters)["InstanceIdSets"]["InstanceIdSet"]
    return str(instance_id)


def test_an_instance_comes_up(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """Pending, Starting, Running."""
    cloud.ecs.timings = Timings(boot=40)
    instance_id = launched(ecs, **launch)
    seen = []
    for _ in range(3):
        shown = ecs.instance(instance_id)
        seen.append(shown["Status"])
        cloud.clock.advance(20)

    assert seen == ["Pending", "Starting", "Running"]


def test_a_new_instance_cannot_be_deleted_for_a_minute(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """Running at once, and all the same not to be deleted before 60 seconds are over."""
    instance_id = launched(ecs, **launch)
    cloud.clock.advance(59)

    refused = ecs.refused("DeleteInstance", InstanceId=instance_id, Force=True)
    assert refused == (403, "IncorrectInstanceStatus.Initializing")
    cloud.clock.advance(1)
    ecs("DeleteInstance", InstanceId=instance_id, Force=True)


def test_all_that_was_asked_for_is_there(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """Every attribute of a launch shows in the instance."""
    wishes = {
        "InstanceName": "web-2",
        "HostName": "web-2",
        "Description": "shop front",
        "KeyPairName": "web-key",
        "RamRoleName": "web-role",
        "UserData": USER_DATA,
        "InternetMaxBandwidthOut": 5,
        "InternetChargeType": "PayByBandwidth",
        "SpotStrategy": "SpotWithPriceLimit",
        "SpotPriceLimit": 0.123,
        "SpotDuration": 0,
        "SpotInterruptionBehavior": "Stop",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
        "ResourceGroupId": "rg-acfmfleet000000",
        "PrivateIpAddress": "172.17.3.4",
        "Tag": [{"Key": "a", "Value": "b"}],
    }
    instance_id = launched(ecs, **launch, **wishes)
    (state,) = [instance for instance in cloud.ecs.state()["instances"] if instance["InstanceId"] == instance_id]

    for name in set(wishes) - {"Tag", "HttpTokens", "HttpPutResponseHopLimit", "PrivateIpAddress"}:
        assert state[name] == wishes[name], name
    assert (state["MetadataOptions"]["HttpTokens"], state["MetadataOptions"]["HttpPutResponseHopLimit"]) == (
        "required",
        2,
    )
    assert state["VpcAttributes"]["PrivateIpAddress"] == {"IpAddress": ["172.17.3.4"]}
    assert len(state["PublicIpAddress"]["IpAddress"]) == 1
    assert state["ZoneId"] == "cn-hangzhou-i"
    assert state["Tags"] == {"a": "b"}
    assert {disk.disk_id: disk.tags.true() for disk in cloud.ecs.disks_of(instance_id)}.popitem()[1] == {"a": "b"}


def test_disks_of_an_image_are_made_once(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """Matched by Device they get what was asked for; a disk without the image's device is a further disk, and blank."""
    launch["ImageId"] = ecs("CreateImage", InstanceId=INSTANCE_ID)["ImageId"]
    matched = {"Device": "/dev/xvdc", "Category": "cloud_essd", "PerformanceLevel": "PL2", "DeleteWithInstance": False}
    instance_id = launched(
        ecs,
        **launch,
        SystemDisk={"Category": "cloud_essd", "PerformanceLevel": "PL0", "Size": "60"},
        DataDisk=[matched, {"Size": 30, "Category": "cloud_ssd"}, {"Size": 50, "Device": "/dev/xvdf"}],
    )

    made = [
        (disk.device, disk.category, disk.performance_level, disk.size, bool(disk.source_snapshot_id))
        for disk in cloud.ecs.disks_of(instance_id)
    ]
    assert made == [
        ("/dev/xvda", "cloud_essd", "PL0", 60, False),
        ("/dev/xvdb", "cloud_efficiency", "", 100, True),
        ("/dev/xvdc", "cloud_essd", "PL2", 200, True),
        ("/dev/xvdd", "cloud_ssd", "", 30, False),
        ("/dev/xvdf", "cloud_efficiency", "", 50, False),
    ]
    assert [disk.delete_with_instance for disk in cloud.ecs.disks_of(instance_id)] == [True, True, False, True, True]


def test_the_same_token_makes_one_instance(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """Same token and parameters: the same instance, no more stock used; other parameters are refused."""
    cloud.ecs.stock["cn-hangzhou-i", "ecs.g7.large", "on-demand"] = 1
    first, again = (launched(ecs, **launch, ClientToken="t1") for _ in range(2))

    assert first == again
    refused = ecs.refused("RunInstances", **launch, ClientToken="t1", InstanceName="other")
    assert refused == (400, "IdempotentParameterMismatch")
    assert ecs.refused("RunInstances", **launch, ClientToken="t2") == (403, "OperationDenied.NoStock")
    assert ecs.refused("RunInstances", **launch, ClientToken="ü") == (400, "InvalidParameter")
    assert len(cloud.ecs.instances) == 4


def test_a_token_that_is_forgotten(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """With a life, the same call makes another instance once it is over, and may have other parameters."""
    cloud.ecs.tokens.life = 600
    first = launched(ecs, **launch, ClientToken="t1")
    cloud.clock.advance(599)
    assert launched(ecs, **launch, ClientToken="t1") == first
    cloud.clock.advance(1)
    second = launched(ecs, **launch, ClientToken="t1", InstanceName="other")

    assert second != first
    assert len(cloud.ecs.instances) == 4  # the source is gone by now


def test_another_vpc(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """A vSwitch of another VPC than the security groups' has the code of CreateInstance's error table."""
    cloud.ecs.add_vswitch("vsw-far", "vpc-far", "cn-hangzhou-i")
    launch["VSwitchId"] = "vsw-far"

    assert ecs.refused("RunInstances", **launch) == (403, "OperationDenied.InconsistentNetwork")


def test_a_full_security_group(launch: dict[str, Any], ecs: Ecs, cloud: Cloud, drill: Fleet) -> None:
    """No place until one of its instances is gone."""
    cloud.ecs.capacities[drill.spec.security_group_ids[1]] = 3

    assert ecs.refused("RunInstances", **launch) == (403, "SecurityGroupInstanceLimitExceed")
    cloud.clock.advance(drill.spec.notice)
    assert launched(ecs, **launch)
    assert ecs.refused("RunInstances", **launch) == (403, "SecurityGroupInstanceLimitExceed")


def test_a_full_deployment_set(launch: dict[str, Any], ecs: Ecs, cloud: Cloud, drill: Fleet) -> None:
    """The source takes its place until it is released."""
    cloud.ecs.deployment_sets.add("ds-1")
    cloud.ecs.capacities["ds-1"] = 1
    drill.source.deployment_set_id = launch["DeploymentSetId"] = "ds-1"

    assert ecs.refused("RunInstances", **launch) == (403, "QuotaExceed.DeploymentSetInstanceQuotaFull")
    cloud.clock.advance(drill.spec.notice)
    assert launched(ecs, **launch)


def test_encrypted_disks_stay_encrypted(launch: dict[str, Any], ecs: Ecs, cloud: Cloud, drill: Fleet) -> None:
    """An image of them makes encrypted disks with the same key; that they be plain is refused."""
    cloud.ecs.add_disk(drill.source, DiskSpec(device="/dev/xvdd", encrypted=True, attributes={"kms_key_id": "key-1"}))
    launch["ImageId"] = ecs("CreateImage", InstanceId=INSTANCE_ID)["ImageId"]
    plain = {"Device": "/dev/xvdd", "Size": 40, "Encrypted": "false"}

    assert ecs.refused("RunInstances", **launch, DataDisk=[plain]) == (403, "InvalidEncrypted.NotMatchSnapshot")
    made = cloud.ecs.disks_of(launched(ecs, **launch))
    assert [(disk.encrypted, disk.kms_key_id) for disk in made] == [(False, "")] * 3 + [(True, "key-1")]


def test_stock(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """Per zone, type and way of charging; used up; MinAmount takes what is left, without it all or none."""
    cloud.ecs.stock["cn-hangzhou-i", "ecs.g7.large", "spot"] = 3

    assert ecs.refused("RunInstances", **launch, **SPOT, Amount=4) == (403, "OperationDenied.NoStock")
    made = ecs("RunInstances", **launch, **SPOT, Amount=4, MinAmount=2)["InstanceIdSets"]["InstanceIdSet"]
    assert len(made) == 3
    assert ecs.refused("RunInstances", **launch, **SPOT) == (403, "OperationDenied.NoStock")
    assert launched(ecs, **launch)
    assert launched(ecs, **{**launch, "InstanceType": "ecs.g6.large"}, **SPOT)


def test_stock_comes_and_goes() -> None:
    """A schedule has levels from moments on; what was taken counts against each of them."""
    stock, key = Stock(default=0), ("z", "t", "spot")
    stock[key] = [(10, 2), (20, None), (30, 1)]
    stock.take(key, 1)

    assert [stock.left(key, moment) for moment in (9, 10, 20, 30)] == [0, 1, None, 0]
    assert stock.left(("z", "other", "spot"), 0) == 0


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"ImageId": "m-no"}, (404, "InvalidImageId.NotFound")),
        ({"InstanceType": "ecs.q9.large"}, (400, "InvalidInstanceType.ValueNotSupported")),
        ({"InstanceType": None}, (400, "MissingParameter")),
        ({"VSwitchId": "vsw-no"}, (404, "InvalidVSwitchId.NotFound")),
        ({"VSwitchId": None}, (400, "MissingParameter")),
        ({"ZoneId": "cn-hangzhou-h"}, (403, "OperationDenied.ZoneNotAllowed")),
        ({"SecurityGroupIds": None}, (400, "MissingParameter")),
        ({"SecurityGroupIds": ["sg-no"]}, (404, "InvalidSecurityGroupId.NotFound")),
        ({"SecurityGroupId": "sg-bp1fleet0000000000web"}, (400, "InvalidParameter")),
        ({"KeyPairName": "no"}, (404, "InvalidKeyPairName.NotFound")),
        ({"RamRoleName": "no"}, (404, "InvalidRamRole.NotFound")),
        ({"DeploymentSetId": "no"}, (404, "DeploymentSet.NotFound")),
        ({"PrivateIpAddress": "10.0.0.1"}, (400, "InvalidPrivateIpAddress.Malformed")),
        ({"Amount": 101}, (400, "InvalidParameter")),
        ({"Amount": 2, "MinAmount": 3}, (400, "InvalidParameter")),
        ({"InstanceName": "1"}, (400, "InvalidInstanceName.Malformed")),
        ({"HostName": "-web"}, (400, "InvalidHostName.Malformed")),
        ({"HostName": "web..1"}, (400, "InvalidHostName.Malformed")),
        ({"Description": "x"}, (400, "InvalidDescription.Malformed")),
        ({"UserData": "not base64!"}, (400, "InvalidUserData.Base64FormatInvalid")),
        ({"UserData": b64encode(b"x" * 32769).decode()}, (400, "InvalidUserData.SizeExceeded")),
        ({"PasswordInherit": True, "Password": "Passw0rd!"}, (400, "InvalidPasswordParam.Mismatch")),
        ({"InternetChargeType": "Free"}, (400, "InvalidInternetChargeType.ValueNotSupported")),
        ({"InternetMaxBandwidthOut": 101}, (400, "InvalidParameter")),
        ({"CreditSpecification": "Unlimited"}, (400, "InvalidParameter")),
        ({"HttpTokens": "no"}, (400, "InvalidHttpTokens.NotSupported")),
        ({"HttpPutResponseHopLimit": 65}, (400, "InvalidHttpPutResponseHopLimit.NotSupported")),
        ({**SPOT, "DeletionProtection": True}, (403, "InvalidChargeType.ValueNotSupported")),
        ({"SystemDisk": {"KMSKeyId": "key-1"}}, (400, "InvalidEncrypted.NotMatchKmsKeyId")),
        ({"InstanceChargeType": "PrePaid"}, (400, "InvalidInstanceChargeType.NotFound")),
        ({"SpotStrategy": "Cheap"}, (400, "InvalidSpotStrategy")),
        ({"SpotDuration": 1}, (400, "InvalidSpotStrategy")),
        ({"SpotInterruptionBehavior": "Stop"}, (400, "InvalidSpotStrategy")),
        ({**SPOT, "SpotDuration": 7}, (400, "InvalidSpotDuration")),
        ({**SPOT, "SpotPriceLimit": 1.0}, (400, "InvalidSpotPriceLimit")),
        ({"SpotStrategy": "SpotWithPriceLimit"}, (400, "InvalidSpotPriceLimit")),
        ({"SpotStrategy": "SpotWithPriceLimit", "SpotPriceLimit": 0.1234}, (400, "InvalidSpotPriceLimit")),
        (
            {"SpotStrategy": "SpotWithPriceLimit", "SpotPriceLimit": 0.001},
            (400, "InvalidSpotPriceLimit.LowerThanPublicPrice"),
        ),
        ({"SystemDisk": {"Size": "19"}}, (400, "InvalidSystemDiskSize.ValueNotSupported")),
        ({"SystemDisk": {"Category": "floppy"}}, (400, "InvalidSystemDiskCategory.ValueNotSupported")),
        (
            {"SystemDisk": {"Category": "cloud_ssd", "PerformanceLevel": "PL1"}},
            (400, "InvalidPerformanceLevel.Malformed"),
        ),
        ({"DataDisk": [{"Category": "cloud_ssd"}]}, (400, "MissingParameter")),
        ({"DataDisk": [{"Size": 5}]}, (400, "InvalidDataDiskSize.ValueNotSupported")),
        ({"DataDisk": [{"Size": 20, "Category": "floppy"}]}, (400, "InvalidDataDiskCategory.ValueNotSupported")),
        ({"DataDisk": [{"Size": 20, "Device": "/dev/xvda"}]}, (400, "InvalidDataDevice.Malformed")),
        ({"DataDisk": [{"Size": 20, "Device": "/dev/xvdb"}] * 2}, (400, "InvalidDataDevice.Malformed")),
        ({"Tag": [{"Key": "acs:x", "Value": ""}]}, (400, "InvalidTagKey.Malformed")),
        *(
            ({"AutoReleaseTime": text}, (400, "InvalidAutoReleaseTime"))
            for text in ("2026-11-20T12:29:59Z", "2029-11-20T12:00:00Z")
        ),
        *(
            ({"AutoReleaseTime": text}, (400, "InvalidAutoReleaseTime.Malformed"))
            for text in ("tomorrow", "2026-11-20T15:00:00")
        ),
        ({"InternetMaxBandwidthIn": 100}, (400, "InvalidInternetMaxBandwidthIn.ValueNotSupported")),
        ({"DataDisk": [{"Size": 20, "Encrypted": "yes"}]}, (400, "InvalidParameter")),
        ({"DataDisk": [{"Size": 20, "KMSKeyId": "key"}]}, (400, "InvalidEncrypted.NotMatchKmsKeyId")),
        ({"HibernationOptions": {"Configured": True}}, (400, "InvalidParameter")),
        ({"Isp": "cmcc"}, (400, "InvalidParameter")),
        ({"CpuOptions": {"ThreadsPerCore": 1}, "InstanceType": "ecs.g6.large"}, (400, "InvalidParameter")),
        ({"CpuOptions": {"ThreadsPerCore": 4}}, (400, "InvalidParameter")),
        ({"CpuOptions": {"Core": 3}}, (400, "InvalidParameter")),
        ({"CpuOptions": {"Numa": "1"}}, (400, "InvalidParameter")),
        ({"CpuOptions": {"TopologyType": "DiscreteCoreToHTMapping"}}, (400, "InvalidParameter")),
        ({"SecurityOptions": {"EnableSecureBoot": True}, "InstanceType": "ecs.g6.large"}, (400, "InvalidParameter")),
        ({"PrivateDnsNameOptions": {"HostnameType": "Mine"}}, (400, "InvalidParameter")),
        ({"PrivateDnsNameOptions": {"HostnameType": "IpBased"}, "HostName": "web"}, (400, "InvalidParameter")),
        ({"Affinity": "host"}, (400, "NotCovered")),
        ({"DryRun": True}, (400, "DryRunOperation")),
    ],
)
def test_refusals(
    launch: dict[str, Any], ecs: Ecs, cloud: Cloud, change: dict[str, Any], refusal: tuple[int, str]
) -> None:
    """Each mistake has its documented code, and no instance was made."""
    parameters = {name: value for name, value in {**launch, **change}.items() if value is not None}

    assert ecs.refused("RunInstances", **parameters) == refusal
    assert len(cloud.ecs.instances) == 3


def test_options_are_shown(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """What is only stored is shown as DescribeInstances names it; the earliest AutoReleaseTime without seconds."""
    cloud.ecs.invitations |= {"Isp", "HibernationOptions"}
    options = {"ThreadsPerCore": 1, "Core": 1}
    release = {"AutoReleaseTime": "2026-11-20T12:30:00Z"}
    hibernation = {"HibernationOptions": {"Configured": True}, "Isp": "cmcc"}
    shown = ecs.instance(launched(ecs, **launch, **hibernation, **release, CpuOptions=options))

    assert shown["CpuOptions"] == {"CoreCount": 1, "ThreadsPerCore": 1, "Numa": ""}
    assert (shown["ISP"], shown["HibernationOptions"]) == ("cmcc", {"Configured": True})
    assert shown["AutoReleaseTime"] == "2026-11-20T12:30Z"


def test_an_image_must_be_ready(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """An image in creation or a failed image makes no instance, a usable image does; no disk shrinks."""
    cloud.ecs.timings = Timings(image=100, usable=60)
    launch["ImageId"] = ecs("CreateImage", InstanceId=INSTANCE_ID)["ImageId"]

    assert ecs.refused("RunInstances", **launch) == (403, "OperationDenied.ImageNotValid")
    cloud.clock.advance(60)
    small = ecs.refused("RunInstances", **launch, SystemDisk={"Size": "30"})
    assert small == (400, "InvalidSystemDiskSize.LessThanImageSize")
    small = ecs.refused("RunInstances", **launch, DataDisk=[{"Device": "/dev/xvdb", "Size": 90}])
    assert small == (400, "InvalidDataDiskSize.ValueNotSupported")
    assert launched(ecs, **launch)
    cloud.ecs.images[launch["ImageId"]].status = "CreateFailed"
    assert ecs.refused("RunInstances", **launch) == (403, "OperationDenied.ImageNotValid")


def test_addresses(launch: dict[str, Any], ecs: Ecs, cloud: Cloud, drill: Fleet) -> None:
    """An address is given once, is free again after the release, and a vSwitch can run out of them."""
    vswitch = cloud.ecs.vswitches[drill.spec.other_vswitch_id]
    vswitch.free_addresses = 1
    instance_id = launched(ecs, **launch, PrivateIpAddress="172.17.0.99")

    assert ecs.refused("RunInstances", **launch) == (400, "QuotaExceeded.PrivateIpAddress")
    vswitch.free_addresses = 1
    taken = ecs.refused("RunInstances", **launch, PrivateIpAddress="172.17.0.99")
    assert taken == (400, "InvalidPrivateIpAddress.Duplicated")
    cloud.clock.advance(60)
    ecs("DeleteInstance", InstanceId=instance_id, Force=True)
    assert launched(ecs, **launch, PrivateIpAddress="172.17.0.99")


def test_instances_appear_late(launch: dict[str, Any], ecs: Ecs, cloud: Cloud) -> None:
    """With eventual consistency a new instance is not listed yet, nor are its disks; its token is known."""
    cloud.ecs.timings = Timings(instance_visible=5, disk_visible=8)
    instance_id = launched(ecs, **launch, ClientToken="t")

    assert ecs.instance(instance_id) == {}
    assert launched(ecs, **launch, ClientToken="t") == instance_id
    cloud.clock.advance(5)
    assert ecs.instance(instance_id)
    assert ecs("DescribeDisks", InstanceId=instance_id)["TotalCount"] == 0
    cloud.clock.advance(3)
    assert ecs("DescribeDisks", InstanceId=instance_id)["TotalCount"] == 1
    assert cloud.ecs.instances[instance_id].created_at == NOON
