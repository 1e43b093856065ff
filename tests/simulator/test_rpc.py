"""The wire: signatures, parameters, refusals."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import requests
from alibabacloud_tea_openapi.utils_models import OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from Tea.exceptions import TeaException

from simulator.cloud import Cloud
from simulator.fleet import INSTANCE_ID, Fleet
from simulator.signing import AccessKey
from simulator.transport import in_process
from simulator.wire import Request
from tests.simulator.sdk import REGION, Ecs, code, launch_of, signed


def test_a_correctly_signed_request_is_answered(cloud: Cloud) -> None:
    """What is signed by the published rules is accepted, also with characters that need encoding."""
    request = signed(cloud, "DescribeInstances", f"InstanceName=a%20%2Bb~%E4%BD%A0&RegionId={REGION}")

    assert code(cloud.respond(request)) == (200, "")


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"authorization": ""}, (400, "MissingParameter")),
        ({"authorization": "OSS4-HMAC-SHA256 Credential=x"}, (400, "MissingParameter")),
        ({"x-acs-date": ""}, (400, "MissingParameter")),
        ({"x-acs-date": "yesterday"}, (400, "InvalidTimeStamp.Format")),
        ({"x-acs-signature-nonce": "another"}, (400, "SignatureDoesNotMatch")),
        ({"x-acs-extra": "not signed"}, (400, "SignatureDoesNotMatch")),
        ({"x-acs-security-token": "not signed"}, (400, "SignatureDoesNotMatch")),
        ({"host": "elsewhere"}, (400, "SignatureDoesNotMatch")),
    ],
)
def test_what_is_not_signed_is_refused(cloud: Cloud, change: dict[str, str], refusal: tuple[int, str]) -> None:
    """Any header that was changed, added or left out after signing breaks the signature."""
    request = signed(cloud, "DescribeRegions", "")

    changed = replace(request, headers={**request.headers, **change})

    assert code(cloud.respond(changed)) == refusal


def test_query_and_body_are_signed(cloud: Cloud) -> None:
    """Neither can be changed after signing."""
    request = signed(cloud, "DescribeInstances", f"RegionId={REGION}")

    assert code(cloud.respond(replace(request, query="RegionId=cn-beijing"))) == (400, "SignatureDoesNotMatch")
    assert code(cloud.respond(replace(request, body=b"PageSize=1"))) == (400, "SignatureDoesNotMatch")


def test_a_nonce_works_once(cloud: Cloud) -> None:
    """A request that is replayed is refused."""
    request = signed(cloud, "DescribeRegions", "")

    assert code(cloud.respond(request)) == (200, "")
    assert code(cloud.respond(request)) == (400, "SignatureNonceUsed")


@pytest.mark.parametrize(
    ("action", "version", "refusal", "named"),
    [
        ("describe-instances", "2014-05-26", (404, "InvalidAction.NotFound"), ()),
        ("DescribeRegions", "newest", (400, "NoSuchVersion"), ()),
        ("DescribeNothing", "2014-05-26", (400, "NotCovered"), ()),
        ("DescribeLoadBalancers", "2014-05-26", (400, "NotCovered"), ()),
        ("DescribeScalingGroups", "2014-08-28", (400, "NotCovered"), ()),
        ("InvokeCommand", "2014-05-26", (400, "NotCovered"), ("action InvokeCommand of ecs", "RunInstances")),
        ("DescribeRegions", "2014-05-15", (400, "NotCovered"), ("action DescribeRegions of slb", "DescribeVServer")),
        ("ListServerGroups", "2020-06-16", (400, "NotCovered"), ("version 2020-06-16", "ecs 2014-05-26", "slb 2014")),
        ("GetFunction", "2023-03-30", (400, "NotCovered"), ("action GetFunction of fc", "InvokeFunction")),
    ],
)
def test_unknown_actions_are_refused(
    cloud: Cloud, action: str, version: str, refusal: tuple[int, str], named: tuple[str, ...]
) -> None:
    """An action is known by name and version; where only the real API has it, the message tells what there is."""
    answer = cloud.respond(signed(cloud, action, "", x_acs_version=version))

    assert code(answer) == refusal
    assert [text for text in named if text not in json.loads(answer.body)["Message"]] == []


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        ("/", "Action=DescribeInstances&Version=2014-05-26&AccessKeyId=a&Signature=b", {}),
        ("/2021-04-06/services", "", {"authorization": "FC a:b"}),
        ("/queues/jobs/messages", "", {"x-mns-version": "2015-06-06"}),
        ("/logstores/spotkeeper", "", {"x-log-apiversion": "0.6.0"}),
    ],
    ids=["rpc-signature-1.0", "function-compute-2.0", "message-service", "log-service"],
)
def test_requests_of_other_kinds_are_not_taken_for_oss(
    cloud: Cloud, path: str, query: str, headers: dict[str, str]
) -> None:
    """They get NotCovered as JSON, not an error of OSS."""
    answer = cloud.respond(Request("GET", path, query, {"host": "127.0.0.1", **headers}))

    assert code(answer) == (400, "NotCovered")
    assert "ACS3" in answer.body.decode() or "ecs" in answer.body.decode()


@pytest.mark.parametrize(
    ("query", "refusal"),
    [
        ("", (400, "MissingParameter")),
        (f"RegionId={REGION}&InstanceId=i-1&ImageName=", (404, "InvalidInstanceId.NotFound")),
        (f"RegionId={REGION}&Instanceid=i-1", (400, "InvalidParameter")),
        (f"RegionId={REGION}&DryRun=yes", (400, "InvalidParameter")),
        (f"RegionId={REGION}&DiskDeviceMapping.1.Size=big", (400, "InvalidParameter")),
        (f"RegionId={REGION}&Tag.0.Key=a", (400, "InvalidParameter")),
        (f"RegionId={REGION}&Tag.one.Key=a", (400, "InvalidParameter")),
        (f"RegionId={REGION}&Tag.1.Name=a", (400, "InvalidParameter")),
        (f"RegionId={REGION}&Features.Nvme=a", (400, "InvalidParameter")),
    ],
)
def test_parameters_are_checked(cloud: Cloud, query: str, refusal: tuple[int, str]) -> None:
    """Unknown, missing and ill-typed parameters are refused."""
    assert code(cloud.respond(signed(cloud, "CreateImage", query))) == refusal


def test_mandatory_parameters_are_demanded(drill: Fleet, cloud: Cloud) -> None:
    """Also where the answer would not depend on them."""
    assert code(cloud.respond(signed(cloud, "DescribeInstances", ""))) == (400, "MissingParameter")
    assert code(cloud.respond(signed(cloud, "DescribeInstances", "RegionId="))) == (400, "MissingParameter")


def test_parameters_that_are_not_covered_are_refused(drill: Fleet, ecs: Ecs) -> None:
    """A Describe never answers, and a write never succeeds, as if a parameter had not been sent."""
    assert ecs.refused("DescribeInstances", HpcClusterId="hpc-1") == (400, "NotCovered")
    assert ecs.refused("StopInstance", InstanceId=INSTANCE_ID, Hibernate=True) == (400, "NotCovered")


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("DeleteInstance", {"InstanceId": "i-stopped", "Force": True}),
        ("RunInstances", {"IoOptimized": "optimized", "PasswordInherit": True}),
        ("CreateImage", {"InstanceId": INSTANCE_ID, "Architecture": "x86_64", "DetectionStrategy": "Standard"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wish_that_changes_nothing_is_taken(
    drill: Fleet, cloud: Cloud, ecs: Ecs, action: str, parameters: dict[str, Any]
) -> None:
    """What is covered is taken, also where nothing depends on it this time."""
    stopped = cloud.ecs.instances.pop(drill.bystanders[0].instance_id)
    stopped.instance_id, stopped.status = "i-stopped", "Stopped"
    cloud.ecs.instances["i-stopped"] = stopped

    assert ecs(action, **(launch_of(drill) if action == "RunInstances" else {}), **parameters)


def test_a_list_where_json_is_due_is_not_seen(drill: Fleet, cloud: Cloud) -> None:
    """``InstanceIds.1`` filters nothing, and neither does what is not JSON: everybody's instances come back."""
    for query in (f"InstanceIds.1={INSTANCE_ID}", f"InstanceIds={INSTANCE_ID}", "InstanceIds=%5B1%5D"):
        body = json.loads(cloud.respond(signed(cloud, "DescribeInstances", f"RegionId={REGION}&{query}")).body)

        assert body["TotalCount"] == 3


def test_a_form_is_read_like_the_query(drill: Fleet, ecs: Ecs) -> None:
    """Clients that send parameters in the body are understood."""
    how = Params(
        action="DescribeInstances",
        version="2014-05-26",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    request = OpenApiRequest(body={"RegionId": REGION, "PageSize": "1"})
    answer = ecs.client.call_api(how, request, RuntimeOptions())

    assert answer["body"]["PageSize"] == 1


def test_a_refusal_has_the_gateway_s_form(cloud: Cloud) -> None:
    """RequestId, HostId, Code, Message and Recommend, and the call log has the code."""
    body = json.loads(cloud.respond(signed(cloud, "CreateImage", "")).body)

    assert set(body) == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    assert (cloud.calls[-1].code, cloud.calls[-1].request_id) == ("MissingParameter", body["RequestId"])


def test_wrong_secret_and_unknown_key(cloud: Cloud, drill: Fleet) -> None:
    """The SDK with a wrong secret gets SignatureDoesNotMatch, with an unknown key InvalidAccessKeyId.NotFound."""
    with in_process(cloud) as url:
        wrong = Ecs(cloud, url, access_key_secret="wrong")
        unknown = Ecs(cloud, url, access_key_id="unknown")

        assert wrong.refused("DescribeRegions") == (400, "SignatureDoesNotMatch")
        assert unknown.refused("DescribeRegions") == (404, "InvalidAccessKeyId.NotFound")


def test_temporary_credentials(cloud: Cloud, drill: Fleet) -> None:
    """An STS key needs its own token, and ends with it."""
    cloud.access_keys["STS.1"] = AccessKey("STS.1", "secret", "token", expires_at=cloud.now() + 60)
    with in_process(cloud) as url:
        key = {"access_key_id": "STS.1", "access_key_secret": "secret"}
        right = Ecs(cloud, url, **key, security_token="token")

        assert Ecs(cloud, url, **key).refused("DescribeRegions") == (400, "MissingSecurityToken")
        wrong = Ecs(cloud, url, **key, security_token="other")
        assert wrong.refused("DescribeRegions") == (400, "InvalidSecurityToken.MismatchWithAccessKey")
        assert right("DescribeRegions")["Regions"]
        cloud.clock.advance(60)
        assert right.refused("DescribeRegions") == (400, "InvalidSecurityToken.Expired")


def test_secrets_stay_out_of_the_call_log(drill: Fleet, ecs: Ecs, cloud: Cloud) -> None:
    """A password that was sent is not in the state that the server shows."""
    with pytest.raises(TeaException):
        ecs("RunInstances", ImageId="m-1", Password="Hunter2!hunter2", InstanceType="ecs.g7.large")

    assert "Hunter2" not in json.dumps(cloud.state())


def test_nothing_else_is_within_reach(cloud: Cloud) -> None:
    """While a cloud is in this process no other host can be called."""
    with in_process(cloud), pytest.raises(requests.exceptions.ConnectionError, match="out of reach"):
        requests.get("http://100.100.100.200/latest/meta-data/", timeout=1)
