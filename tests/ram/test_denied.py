"""What each product answers where RAM does not permit a call, and where the functions' permissions end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest
from Tea.exceptions import TeaException

import ram
from simulator import function_compute
from simulator.cloud import Cloud
from simulator.fleet import BUCKET, INSTANCE_ID, Fleet, drill_fleet
from simulator.ram import Policy, RequiredPermission
from simulator.signing import AccessKey
from simulator.transport import in_process
from spotkeeper.clock import Clock, Deadline
from spotkeeper.credentials import Credentials
from spotkeeper.errors import CloudError
from spotkeeper.invoke import Functions
from spotkeeper.settings.types import Endpoint
from tests.ram.documents import VALUES
from tests.simulator.oss_sdk import oss_client
from tests.simulator.sdk import NOON, Ecs

HERE, ACCOUNT = "cn-hangzhou", "1690701234567830"
JOURNAL = f"acs:oss:oss-{HERE}:{ACCOUNT}:journal-of-ours/spotkeeper/{ACCOUNT}/{HERE}"
FOLDERS = {"interruption": "rescues", "state_change": "restarts", "sweep": "sweeps"}
"""Where in the journal a function writes."""
OWN = "rescues/1690701234567830/cn-hangzhou/sweeps/i-1/1/cleaned.json"
NEW = {"ImageId": "aliyun_3_x64_20G_alibase_20240528.vhd", "InstanceType": "ecs.g7.large"}


class Limited:
    """A cloud with the drill's fleet, and a key that may do what a policy says."""

    def __init__(self, url: str, cloud: Cloud, fleet: Fleet) -> None:
        self.url, self.cloud, self.fleet = url, cloud, fleet

    def key(self, *statements: dict[str, Any]) -> AccessKey:
        """A key with these statements."""
        policy = Policy.of(
            {"Version": "1", "Statement": [{"Effect": "Allow", **statement} for statement in statements]}
        )
        self.cloud.access_keys["limited"] = AccessKey("limited", "secret", allowed=policy)
        return self.cloud.access_keys["limited"]

    def ecs(self, *statements: dict[str, Any]) -> Ecs:
        """ECS with such a key."""
        key = self.key(*statements)
        return Ecs(self.cloud, self.url, access_key_id=key.access_key_id, access_key_secret=key.secret)


@pytest.fixture
def limited() -> Iterator[Limited]:
    """A key that may do little."""
    cloud = Cloud(NOON)
    fleet = drill_fleet(cloud)
    with in_process(cloud) as url:
        yield Limited(url, cloud, fleet)


def test_ecs_says_what_was_missing(limited: Limited) -> None:
    """403 Forbidden.RAM with the documented message, and RAM's details of it; nothing happens."""
    ecs = limited.ecs({"Action": "ecs:Describe*", "Resource": "*"})
    with pytest.raises(TeaException) as caught:
        ecs("StopInstance", InstanceId=INSTANCE_ID)
    assert (caught.value.statusCode, caught.value.code) == (403, "Forbidden.RAM")
    assert "not authorized to operate on the specified resource, or this API doesn't support RAM" in str(caught.value)
    assert caught.value.accessDeniedDetail["AuthAction"] == "ecs:StopInstance"
    assert limited.cloud.ecs.instances[INSTANCE_ID].status == "Running"


def test_every_resource_of_a_call_has_to_be_permitted(limited: Limited) -> None:
    """Of two disks one is not the key's business: neither is changed."""
    first, second = list(limited.cloud.ecs.disks)[:2]
    ecs = limited.ecs({"Action": "ecs:ModifyDiskAttribute", "Resource": f"acs:ecs:*:*:disk/{first}"})
    both = {"DiskIds": [first, second], "DeleteWithInstance": False}
    assert ecs.refused("ModifyDiskAttribute", **both) == (403, "Forbidden.RAM")
    ecs("ModifyDiskAttribute", DiskIds=[first], DeleteWithInstance=False)
    assert not limited.cloud.ecs.disks[first].delete_with_instance


@pytest.mark.parametrize(
    ("resource", "refusal"),
    [
        (["acs:ecs:cn-hangzhou:*:*"], "Forbidden.RAM"),
        (["acs:ecs:cn-beijing:*:*", "acs:vpc:*:*:*"], "Forbidden.RAM"),
        (["acs:ecs:cn-hangzhou:*:*", "acs:vpc:cn-hangzhou:*:*"], "InvalidUser.PassRoleForbidden"),
    ],
)
def test_a_launch_needs_more_than_one_permission(limited: Limited, resource: list[str], refusal: str) -> None:
    """The vSwitch is VPC's, the region counts, and the instance's role has to be passed on."""
    spec = limited.fleet.spec
    wish = {**NEW, "VSwitchId": spec.vswitch_id, "SecurityGroupId": spec.security_group_ids[0], "Amount": 1}
    ecs = limited.ecs({"Action": "ecs:RunInstances", "Resource": resource})
    assert ecs.refused("RunInstances", RamRoleName="web-role", **wish) == (403, refusal)


def test_tags_that_do_not_show_yet_do_not_count(limited: Limited) -> None:
    """A condition on a tag is met once a Describe shows the tag."""
    image = limited.ecs({"Action": "ecs:CreateImage", "Resource": "*"})("CreateImage", InstanceId=INSTANCE_ID)
    condition = {"StringLike": {"ecs:tag/spotkeeper:episode": "*"}}
    ecs = limited.ecs({"Action": "ecs:DeleteImage", "Resource": "*", "Condition": condition})
    tags = limited.cloud.ecs.images[image["ImageId"]].tags
    tags.set("spotkeeper:episode", f"{INSTANCE_ID}/1", limited.cloud.now() + 8)
    assert ecs.refused("DeleteImage", ImageId=image["ImageId"]) == (403, "Forbidden.RAM")
    limited.cloud.clock.advance(8)
    ecs("DeleteImage", ImageId=image["ImageId"])


def journal(limited: Limited) -> Any:
    """OSS in the name of the sweep, whose journal is in ``rescues/``."""
    with function_compute.environment({"SPOTKEEPER_JOURNAL": f"oss://{BUCKET}/rescues"}):
        role = function_compute.assume(limited.cloud, "sweep")
    return oss_client(AccessKey(role.access_key_id, role.access_key_secret, role.security_token), limited.url)


@pytest.mark.parametrize("call", ["put", "get", "list", "delete"])
def test_the_journal_ends_with_its_prefix(limited: Limited, call: str) -> None:
    """Objects beside it are out of reach, a listing of everything too, and no record can be deleted."""
    client = journal(limited)
    client.put_object(oss.PutObjectRequest(bucket=BUCKET, key=OWN, body=b"{}"))
    client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET, prefix="rescues/"))
    calls = {
        "put": lambda: client.put_object(oss.PutObjectRequest(bucket=BUCKET, key="other/1.json", body=b"{}")),
        "get": lambda: client.get_object(oss.GetObjectRequest(bucket=BUCKET, key="other/1.json")),
        "list": lambda: client.list_objects_v2(oss.ListObjectsV2Request(bucket=BUCKET)),
        "delete": lambda: client.delete_object(oss.DeleteObjectRequest(bucket=BUCKET, key=OWN)),
    }
    with pytest.raises(oss.exceptions.OperationError) as caught:
        calls[call]()
    assert (caught.value.unwrap().status_code, caught.value.unwrap().code) == (403, "AccessDenied")


def test_function_compute_names_action_and_resource(limited: Limited) -> None:
    """403 AccessDenied in its own words ("Policies and sample policies"); only three functions can be invoked."""
    key = limited.key({"Action": "fc:InvokeFunction", "Resource": "acs:fc:*:*:functions/spotkeeper-interruption"})
    limited.cloud.fc.register("somebody-elses", lambda _: None)
    endpoint = Endpoint("http", limited.url.removeprefix("http://"))
    deadline = Deadline.after(Clock(), 10.0)
    functions = Functions(HERE, Credentials(key.access_key_id, key.secret), endpoint, deadline)
    with pytest.raises(CloudError, match="not authorized to perform 'fc:InvokeFunction' on resource") as caught:
        functions.invoke("somebody-elses", {}, "task-1")
    assert (caught.value.status, caught.value.code) == (403, "AccessDenied")
    assert limited.cloud.fc.pending == []


@pytest.mark.parametrize(
    ("function", "action", "resource"),
    [
        ("interruption", "ecs:DeleteDisk", f"acs:ecs:{HERE}:{ACCOUNT}:disk/d-1"),
        ("interruption", "ecs:StopInstance", f"acs:ecs:cn-beijing:{ACCOUNT}:instance/i-1"),
        ("interruption", "ecs:RunCommand", f"acs:ecs:{HERE}:{ACCOUNT}:instance/i-1"),
        ("interruption", "fc:InvokeFunction", f"acs:fc:{HERE}:{ACCOUNT}:functions/our-interruption"),
        ("interruption", "oss:PutObject", f"acs:oss:oss-{HERE}:{ACCOUNT}:journal-of-ours/other/1.json"),
        ("state_change", "oss:GetObject", f"acs:oss:oss-{HERE}:{ACCOUNT}:journal-of-ours/other/1.json"),
        ("state_change", "ecs:StopInstance", f"acs:ecs:{HERE}:{ACCOUNT}:instance/i-1"),
        ("state_change", "slb:RemoveBackendServers", f"acs:slb:{HERE}:{ACCOUNT}:loadbalancer/lb-1"),
        ("lifecycle_hook", "ecs:DeleteInstance", f"acs:ecs:{HERE}:{ACCOUNT}:instance/i-1"),
        ("lifecycle_hook", "oss:GetObject", f"acs:oss:oss-{HERE}:{ACCOUNT}:journal-of-ours/spotkeeper/1.json"),
        ("sweep", "ecs:RunInstances", f"acs:ecs:{HERE}:{ACCOUNT}:instance/*"),
        ("sweep", "ecs:DeleteImage", f"acs:ecs:{HERE}:{ACCOUNT}:image/m-without-our-tag"),
        ("sweep", "fc:InvokeFunction", f"acs:fc:{HERE}:{ACCOUNT}:functions/our-sweep"),
        ("sweep", "oss:PutObject", f"acs:oss:oss-{HERE}:{ACCOUNT}:journal-of-ours/spotkeeper-2/1.json"),
        *(
            (function, "oss:PutObject", f"{JOURNAL}/{folder}/i-1/1/launch-spec.json")
            for function, own in FOLDERS.items()
            for folder in FOLDERS.values()
            if folder != own
        ),
        *((function, "oss:DeleteObject", f"{JOURNAL}/{own}/i-1/1/done.json") for function, own in FOLDERS.items()),
    ],
)
def test_what_is_not_a_functions_job(function: str, action: str, resource: str) -> None:
    """One function's permissions are no other's."""
    assert not Policy.of(ram.policy(function, VALUES)).permits(RequiredPermission(action, resource))
