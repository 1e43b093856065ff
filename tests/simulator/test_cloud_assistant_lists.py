"""Invocations, results and agents in pages, by filters."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.cloud import Cloud
from simulator.ecs import Outcome
from simulator.fleet import INSTANCE_ID, Fleet
from tests.simulator.sdk import NOON, Ecs

pytestmark = pytest.mark.usefixtures("drill")
OTHER = "i-bp1bystander00000001"


def results(ecs: Ecs, **parameters: Any) -> tuple[list[str], dict[str, Any]]:
    """Instances of the rows of DescribeInvocationResults, and what is said about the page."""
    answer: dict[str, Any] = ecs("DescribeInvocationResults", **parameters)["Invocation"]
    rows = answer.pop("InvocationResults")["InvocationResult"]
    return [row["InstanceId"] for row in rows], answer


def invocations(ecs: Ecs, **parameters: Any) -> list[dict[str, Any]]:
    """Rows of DescribeInvocations."""
    rows: list[dict[str, Any]] = ecs("DescribeInvocations", **parameters)["Invocations"]["Invocation"]
    return rows


def test_results_come_in_pages(cloud: Cloud, ecs: Ecs) -> None:
    """Ten by default, 50 at most; by token, where TotalCount means nothing, or by number."""
    ids = cloud.ess.scale_out(cloud.ess.add_scaling_group(), 60).instance_ids
    invoke_id = ecs.run(*ids)
    page, about = results(ecs, InvokeId=invoke_id, MaxResults=50)
    rest, end = results(ecs, InvokeId=invoke_id, MaxResults=50, NextToken=about["NextToken"])

    assert (len(page), page + rest, end["NextToken"], about["TotalCount"]) == (50, ids, "", 0)
    page, about = results(ecs, InvokeId=invoke_id)
    assert (page, about["TotalCount"], about["PageSize"]) == (ids[:10], 60, 10)
    assert results(ecs, InvokeId=invoke_id, PageNumber=2, PageSize=50)[0] == ids[50:]
    for wrong in ({"MaxResults": 51}, {"MaxResults": 0}, {"PageSize": 51}, {"PageNumber": 0}):
        for action in ("DescribeInvocationResults", "DescribeInvocations", "DescribeCloudAssistantStatus"):
            assert ecs.refused(action, **wrong) == (400, "InvalidParameter")


def test_results_by_filter(cloud: Cloud, ecs: Ecs) -> None:
    """By invocation, instance, tag and legacy status; without any, everybody's, the latest command first."""
    first = ecs.run(INSTANCE_ID, OTHER, Tag=[{"Key": "hook", "Value": "1"}])
    second = ecs.run(OTHER, Tag=[{"Key": "hook", "Value": "2"}])

    assert results(ecs)[0] == [OTHER, INSTANCE_ID, OTHER]
    assert results(ecs, InvokeId=first)[0] == [INSTANCE_ID, OTHER]
    assert results(ecs, InvokeId=first, InstanceId=OTHER)[0] == [OTHER]
    assert results(ecs, InvokeId="t-unknown")[0] == []
    assert results(ecs, Tag=[{"Key": "hook", "Value": "1"}])[0] == [INSTANCE_ID, OTHER]
    assert len(results(ecs, Tag=[{"Key": "hook"}])[0]) == 3
    assert results(ecs, Tag=[{"Key": "nobody"}])[0] == []
    cloud.clock.advance(10)
    assert results(ecs, InvokeRecordStatus="Running")[0] == []
    assert len(results(ecs, InvokeRecordStatus="Finished")[0]) == 3
    assert results(ecs, RegionId="cn-shanghai")[0] == []
    assert [row["InvokeId"] for row in invocations(ecs)] == [second, first]
    assert ecs.refused("DescribeInvocationResults", ResourceGroupId="rg-1") == (400, "NotCovered")


def test_invocations_by_filter(cloud: Cloud, ecs: Ecs) -> None:
    """By name, type, instance and status; the output only where it is asked for, of something named."""
    cloud.ecs.assistant.script = lambda _command, _instance_id: Outcome(output=b"out")
    first = ecs.run(
        INSTANCE_ID, OTHER, Name="up", CommandContent="up {{a}}", EnableParameter=True, Parameters={"a": "1"}
    )
    ecs.run(OTHER, Name="down")
    cloud.clock.advance(10)

    (row,) = invocations(ecs, CommandName="up", ContentEncoding="PlainText")
    assert (row["InvokeId"], row["CommandContent"], row["Parameters"]) == (first, "up {{a}}", '{"a": "1"}')
    assert "Output" not in row["InvokeInstances"]["InvokeInstance"][0]
    (row,) = invocations(ecs, InvokeId=first, InstanceId=OTHER, IncludeOutput=True)
    (instance,) = row["InvokeInstances"]["InvokeInstance"]
    assert (instance["InstanceId"], instance["Output"]) == (OTHER, "b3V0")
    assert (instance["FinishTime"], instance["InstanceInvokeStatus"]) == ("2026-11-20T12:00:02Z", "Finished")
    assert [len(invocations(ecs, InstanceId=item)) for item in (INSTANCE_ID, OTHER, "i-9")] == [1, 2, 0]
    assert len(invocations(ecs, CommandType="RunShellScript", InvokeStatus="Success", RepeatMode="Once")) == 2
    assert invocations(ecs, Timed=True) == invocations(ecs, CommandType="RunBatScript") == []
    assert ecs.refused("DescribeInvocations", IncludeOutput=True) == (400, "MissingParameter")


@pytest.mark.parametrize(
    ("statuses", "overall", "legacy"),
    [
        (["Success", "Success"], "Success", "Finished"),
        (["Success", "Terminated"], "Success", "Finished"),
        (["Success", "Failed"], "PartialFailed", "Finished"),
        (["Success", "Timeout"], "PartialFailed", "PartialFailed"),
        (["Failed", "Failed"], "Failed", "Finished"),
        (["Aborted", "Terminated"], "Failed", "PartialFailed"),
        (["Cancelled", "Terminated"], "Stopped", "Stopped"),
    ],
)
def test_the_overall_status(cloud: Cloud, ecs: Ecs, statuses: list[str], overall: str, legacy: str) -> None:
    """By the documented rules; the legacy field has its own."""
    by_id = dict(zip([INSTANCE_ID, OTHER], statuses, strict=True))
    cloud.ecs.assistant.script = lambda _command, instance_id: Outcome(status=by_id[instance_id])
    invoke_id = ecs.run(INSTANCE_ID, OTHER)

    seen = [invocations(ecs, InvokeId=invoke_id)[0]]
    for seconds in (1, 10):
        cloud.clock.advance(seconds)
        seen += invocations(ecs, InvokeId=invoke_id)
    assert seen[0]["InvocationStatus"] == "Pending"
    assert seen[1]["InvocationStatus"] in ("Pending", "Running")
    assert (seen[2]["InvocationStatus"], seen[2]["InvokeStatus"]) == (overall, legacy)


def test_whether_agents_are_there(cloud: Cloud, ecs: Ecs, drill: Fleet) -> None:
    """A text, not a boolean: "false" is true to whoever does not look closely."""
    cloud.ecs.assistant.agent_at |= {INSTANCE_ID: NOON + 60, OTHER: None}
    drill.bystanders[1].os_type = "windows"

    def shown(**parameters: Any) -> dict[str, str]:
        answer = ecs("DescribeCloudAssistantStatus", **parameters)["InstanceCloudAssistantStatusSet"]
        rows = answer["InstanceCloudAssistantStatus"]
        return {row["InstanceId"]: row["CloudAssistantStatus"] for row in rows}

    third = drill.bystanders[1].instance_id
    assert shown() == {INSTANCE_ID: "false", OTHER: "false", third: "true"}
    cloud.clock.advance(60)
    assert shown(InstanceId=[INSTANCE_ID, OTHER]) == {INSTANCE_ID: "true", OTHER: "false"}
    assert shown(OSType="Windows") == {third: "true"}
    drill.bystanders[1].status = "Stopped"
    assert shown(InstanceId=[third]) == {third: "false"}
    unknown = ecs.refused("DescribeCloudAssistantStatus", InstanceId=[third, "i-9"])
    assert unknown == (404, "InvalidInstance.NotFound")
    many = ecs.refused("DescribeCloudAssistantStatus", InstanceId=["i-9"] * 101)
    assert many == (403, "InstanceIds.ExceedLimit")


def test_agents_come_in_pages(cloud: Cloud, ecs: Ecs) -> None:
    """By token where no instances are named; named ones by number, ten by default, whatever MaxResults says."""
    ids = cloud.ess.scale_out(cloud.ess.add_scaling_group(), 57).instance_ids

    def page(**parameters: Any) -> tuple[int, str, int]:
        answer = ecs("DescribeCloudAssistantStatus", **parameters)
        rows = answer["InstanceCloudAssistantStatusSet"]["InstanceCloudAssistantStatus"]
        return len(rows), answer["NextToken"], answer["TotalCount"]

    size, token, _ = page(MaxResults=50)
    assert (size, page(MaxResults=50, NextToken=token)[:2]) == (50, (10, ""))
    assert page(InstanceId=ids, MaxResults=50) == (10, "", 57)
    assert page(InstanceId=ids, PageNumber=2, PageSize=50) == (7, "", 57)


def test_what_an_agent_did(cloud: Cloud, ecs: Ecs) -> None:
    """Commands that ran and run, the time of the last, the system."""
    ecs.run(INSTANCE_ID)
    cloud.clock.advance(10)
    ecs.run(INSTANCE_ID)
    cloud.clock.advance(1)
    answer = ecs("DescribeCloudAssistantStatus", InstanceId=[INSTANCE_ID])["InstanceCloudAssistantStatusSet"]

    (row,) = answer["InstanceCloudAssistantStatus"]
    assert (row["InvocationCount"], row["ActiveTaskCount"], row["OSType"]) == (2, 1, "Linux")
    assert (row["LastInvokedTime"], row["LastHeartbeatTime"]) == ("2026-11-20T12:00:10Z", "2026-11-20T12:00:11Z")
