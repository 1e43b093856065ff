from __future__ import annotations

import json

import pytest

from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.fleet import INSTANCE_ID, Fleet, drill_fleet
from tests.simulator.sdk import NOON, REGION, Ecs

BYSTANDER = "i-bp1bystander00000001"


def ids(answer: dict[str, object]) -> list[str]:
    """Ids in an answer of DescribeInstances."""
    found: list[dict[str, str]] = answer["Instances"]["Instance"]  # type: ignore[index]
    return [item["InstanceId"] for item in found]


def test_pages_by_number(cloud: Cloud, ecs: Ecs) -> None:
    """Ten by default, all of them once over all pages, an empty page after the last."""
    drill_fleet(cloud, bystanders=24)
    pages = [ids(ecs("DescribeInstances", PageNumber=number)) for number in (1, 2, 3, 4)]

    assert [len(page) for page in pages] == [10, 10, 5, 0]
    assert len({item for page in pages for item in page}) == 25
    assert ecs("DescribeInstances", PageSize=100)["TotalCount"] == 25
    assert ecs.refused("DescribeInstances", PageSize=101) == (400, "InvalidParameter")
    assert ecs.refused("DescribeInstances", PageNumber=0) == (400, "InvalidParameter")


def test_pages_by_token(cloud: Cloud, ecs: Ecs) -> None:
    """NextToken leads through all of them; TotalCount means nothing then."""
    drill_fleet(cloud, bystanders=24)
    answer = ecs("DescribeInstances", MaxResults=7)
    found = ids(answer)
    while answer["NextToken"]:
        answer = ecs("DescribeInstances", MaxResults=7, NextToken=answer["NextToken"])
        found += ids(answer)

    assert (len(found), len(set(found)), answer["TotalCount"]) == (25, 25, 0)
    assert ecs("DescribeInstances", MaxResults=25)["NextToken"] == ""
    assert ecs.refused("DescribeInstances", NextToken="bm9uc2Vuc2U=") == (400, "InvalidNextToken")
    assert ecs.refused("DescribeInstances", NextToken="é") == (400, "InvalidNextToken")
    assert ecs.refused("DescribeInstances", MaxResults=101) == (400, "InvalidParameter")


def test_filters(drill: Fleet, ecs: Ecs) -> None:
    """Each filter alone finds what has it, and only that."""
    drill.bystanders[0].status = "Stopped"
    drill.bystanders[0].tags.set("team", "ops", NOON)

    assert ids(ecs("DescribeInstances", LockReason="recycling")) == [INSTANCE_ID]
    assert ids(ecs("DescribeInstances", Status="Stopped")) == [BYSTANDER]
    assert ids(ecs("DescribeInstances", Tag=[{"Key": "team", "Value": "ops"}])) == [BYSTANDER]
    assert len(ids(ecs("DescribeInstances", Tag=[{"Key": "team"}]))) == 3
    assert ids(ecs("DescribeInstances", Tag=[{"Key": "nobody"}])) == []
    assert ids(ecs("DescribeInstances", InstanceName="web-1")) == [INSTANCE_ID]
    assert ids(ecs("DescribeInstances", VSwitchId="vsw-other")) == []
    assert ids(ecs("DescribeInstances", InstanceIds=json.dumps([BYSTANDER, "i-unknown"]))) == [BYSTANDER]
    assert ids(ecs("DescribeInstances", InstanceIds="[]")) == []
    assert ecs.refused("DescribeInstances", Status="Sleeping") == (404, "InvalidStatus.NotFound")
    many = json.dumps([f"i-{number}" for number in range(101)])
    assert ecs.refused("DescribeInstances", InstanceIds=many) == (400, "InvalidInstanceIds.Malformed")


def test_a_lock_appears_late(cloud: Cloud, ecs: Ecs) -> None:
    """The instance is being reclaimed before Describe shows the lock."""
    drill_fleet(cloud, lock_delay=40)

    before = ecs.instance(INSTANCE_ID)
    cloud.clock.advance(40)
    after = ecs.instance(INSTANCE_ID)

    assert before["OperationLocks"] == {"LockReason": []}
    assert after["OperationLocks"] == {"LockReason": [{"LockReason": "Recycling"}]}


def test_user_data_and_role(drill: Fleet, ecs: Ecs) -> None:
    """What DescribeInstances does not show has actions of its own."""
    assert ecs("DescribeUserData", InstanceId=INSTANCE_ID)["UserData"] == drill.source.user_data
    roles = ecs("DescribeInstanceRamRole", InstanceIds=json.dumps([INSTANCE_ID, BYSTANDER]))["InstanceRamRoleSets"]
    assert roles["InstanceRamRoleSet"] == [
        {"InstanceId": INSTANCE_ID, "RamRoleName": "web-role"},
        {"InstanceId": BYSTANDER, "RamRoleName": ""},
    ]
    assert ecs.refused("DescribeUserData", InstanceId="i-unknown") == (404, "InvalidInstanceId.NotFound")
    assert ecs.refused("DescribeInstanceRamRole") == (400, "MissingParameter.InstanceIds")
    assert ecs.refused("DescribeInstanceRamRole", InstanceIds="i-1") == (400, "InvalidInstanceIds.Malformed")


def test_status_of_many(drill: Fleet, ecs: Ecs) -> None:
    """DescribeInstanceStatus refuses the whole call for one unknown id, where DescribeInstances answers less."""
    answer = ecs("DescribeInstanceStatus", InstanceId=[BYSTANDER])

    assert answer["InstanceStatuses"]["InstanceStatus"] == [{"InstanceId": BYSTANDER, "Status": "Running"}]
    refused = ecs.refused("DescribeInstanceStatus", InstanceId=[BYSTANDER, "i-unknown"])
    assert refused == (404, "InvalidInstanceId.NotFound")


def test_stopping_and_starting(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """Stopping takes its time, starting too; what is not Running is not stopped, what is not Stopped not started."""
    cloud.ecs.timings = Timings(stop=10, boot=20)
    bystander = drill.bystanders[0]

    seen = []
    for action, seconds in (("StopInstance", 10), ("StartInstance", 20), ("RebootInstance", 30)):
        ecs(action, InstanceId=BYSTANDER)
        seen.append(bystander.status)
        for other in ("StopInstance", "StartInstance"):
            assert ecs.refused(other, InstanceId=BYSTANDER) == (403, "IncorrectInstanceStatus")
        cloud.clock.advance(seconds)
        cloud.progress()
        seen.append(bystander.status)

    assert seen == ["Stopping", "Stopped", "Starting", "Running", "Starting", "Running"]


def test_economical_mode_needs_stock_again(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """What was stopped with StopCharging starts only while there is stock; KeepCharging kept its place."""
    for mode in ("StopCharging", "KeepCharging"):
        ecs("StopInstance", InstanceId=BYSTANDER, StoppedMode=mode)
        if mode == "StopCharging":
            assert ecs.refused("StartInstance", InstanceId=BYSTANDER) == (403, "OperationDenied.NoStock")
            cloud.ecs.stock["cn-hangzhou-h", "ecs.g7.large", "spot"] = 1
        ecs("StartInstance", InstanceId=BYSTANDER)
        cloud.ecs.stock["cn-hangzhou-h", "ecs.g7.large", "spot"] = 0

    assert drill.bystanders[0].status == "Starting"


def test_deleting(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """A running instance is deleted with Force only, a protected instance not at all."""
    assert ecs.refused("DeleteInstance", InstanceId=BYSTANDER) == (403, "IncorrectInstanceStatus")
    drill.bystanders[0].deletion_protection = True
    refused = ecs.refused("DeleteInstance", InstanceId=BYSTANDER, Force=True)
    assert refused == (403, "InvalidOperation.DeletionProtection")
    drill.bystanders[0].deletion_protection = False
    dry = ecs.refused("DeleteInstance", InstanceId=BYSTANDER, Force=True, DryRun=True)
    assert dry == (400, "DryRunOperation")
    ecs("DeleteInstance", InstanceId=BYSTANDER, Force=True)

    assert ecs.instance(BYSTANDER) == {}
    assert cloud.ecs.disks_of(BYSTANDER) == []
    members = {item.server_id for item in drill.load_balancer.default_group}
    assert BYSTANDER not in members


def test_attributes_are_modified(drill: Fleet, ecs: Ecs) -> None:
    """Name and description; user data only while the instance is stopped."""
    ecs("ModifyInstanceAttribute", InstanceId=BYSTANDER, InstanceName="new", Description="other")

    assert (drill.bystanders[0].instance_name, drill.bystanders[0].description) == ("new", "other")
    refused = ecs.refused("ModifyInstanceAttribute", InstanceId=BYSTANDER, UserData="YQ==")
    assert refused == (403, "IncorrectInstanceStatus")
    drill.bystanders[0].status = "Stopped"
    ecs("ModifyInstanceAttribute", InstanceId=BYSTANDER, UserData="YQ==")
    assert drill.bystanders[0].user_data == "YQ=="


def test_tags(drill: Fleet, ecs: Ecs) -> None:
    """Values are overwritten, keys removed, both kinds of question answered."""
    item = {"ResourceType": "instance", "ResourceId": [BYSTANDER]}
    ecs("TagResources", **item, Tag=[{"Key": "team", "Value": "ops"}, {"Key": "new", "Value": ""}])
    ecs("UntagResources", **item, TagKey=["service", "unknown"])

    listed = ecs("ListTagResources", **item)["TagResources"]["TagResource"]
    assert {tag["TagKey"]: tag["TagValue"] for tag in listed} == {
        "spotkeeper:managed": "true",
        "team": "ops",
        "new": "",
    }
    found = ecs("ListTagResources", ResourceType="instance", Tag=[{"Key": "new"}])["TagResources"]["TagResource"]
    assert {tag["ResourceId"] for tag in found} == {BYSTANDER}
    ecs("UntagResources", **item, All=True)
    assert drill.bystanders[0].tags.true() == {}
    shown = ecs.instance(BYSTANDER)
    assert shown
    assert "Tags" not in shown


@pytest.mark.parametrize(
    ("tags", "refusal"),
    [
        ([{"Key": "acs:x", "Value": ""}], (400, "InvalidTagKey.Malformed")),
        ([{"Key": "aliyun", "Value": ""}], (400, "InvalidTagKey.Malformed")),
        ([{"Key": "k" * 129, "Value": ""}], (400, "InvalidTagKey.Malformed")),
        ([{"Key": "k", "Value": "v" * 129}], (400, "InvalidTagValue.Malformed")),
        ([{"Key": "k", "Value": "a"}, {"Key": "k", "Value": "b"}], (400, "Duplicate.TagKey")),
        ([{"Key": f"k{number}", "Value": ""} for number in range(21)], (400, "NumberExceed.Tags")),
        ([{"Key": f"k{number}", "Value": ""} for number in range(18)], (403, "QuotaExceed.Tags")),
    ],
)
def test_tags_that_cannot_be(drill: Fleet, ecs: Ecs, tags: list[dict[str, str]], refusal: tuple[int, str]) -> None:
    """Reserved, malformed, twice, too many: refused, and nothing was tagged."""
    before = drill.source.tags.true()

    assert ecs.refused("TagResources", ResourceType="instance", ResourceId=[INSTANCE_ID], Tag=tags) == refusal
    assert drill.source.tags.true() == before


def test_tagging_is_all_or_nothing(drill: Fleet, ecs: Ecs) -> None:
    """One unknown resource, and none is tagged."""
    refused = ecs.refused(
        "TagResources", ResourceType="instance", ResourceId=[INSTANCE_ID, "i-no"], Tag=[{"Key": "a", "Value": ""}]
    )

    assert refused == (404, "InvalidResourceId.NotFound")
    assert "a" not in drill.source.tags.true()


def test_tags_appear_late(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """With eventual consistency a tag is there before Describe shows it; the state tells the truth."""
    cloud.ecs.timings = Timings(tags_visible=5)
    ecs("TagResources", ResourceType="instance", ResourceId=[BYSTANDER], Tag=[{"Key": "new", "Value": "1"}])

    assert ids(ecs("DescribeInstances", Tag=[{"Key": "new"}])) == []
    assert [instance["Tags"].get("new") for instance in cloud.ecs.state()["instances"]] == [None, "1", None]
    cloud.clock.advance(5)
    assert ids(ecs("DescribeInstances", Tag=[{"Key": "new"}])) == [BYSTANDER]


def test_stock_is_shown(drill: Fleet, ecs: Ecs) -> None:
    """DescribeAvailableResource tells where a type is sold out."""
    answer = ecs(
        "DescribeAvailableResource",
        DestinationResource="InstanceType",
        SpotStrategy="SpotAsPriceGo",
        InstanceType="ecs.g7.large",
    )

    zones = {zone["ZoneId"]: zone["Status"] for zone in answer["AvailableZones"]["AvailableZone"]}
    assert zones == {"cn-hangzhou-h": "SoldOut", "cn-hangzhou-i": "Available"}
    assert {item["RegionId"] for item in answer["AvailableZones"]["AvailableZone"]} == {REGION}
