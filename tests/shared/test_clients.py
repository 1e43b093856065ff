"""The SDK clients: parameters, pages, errors, and an endpoint that does not answer."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from simulator import fleet
from simulator.cloud import Cloud
from simulator.ecs import DiskSpec
from simulator.faults import Fault
from simulator.function_compute import simulated_time
from simulator.transport import in_process
from spotkeeper.clients import Api, items
from spotkeeper.clock import Clock, Deadline
from spotkeeper.credentials import Credentials
from spotkeeper.errors import CloudError, CloudUnreachable
from spotkeeper.settings.types import Endpoint
from tests.rescue.stage import SOURCE, stage


@pytest.fixture
def cloud() -> Cloud:
    """A cloud with the drill's fleet."""
    item = Cloud(fleet.EVENT_TIME)
    fleet.drill_fleet(item)
    return item


@pytest.fixture
def ecs(cloud: Cloud) -> Iterator[Api]:
    """Its ECS, on its time."""
    with api(cloud, "ecs") as opened:
        yield opened


@contextmanager
def api(cloud: Cloud, product: str) -> Iterator[Api]:
    """One product of a cloud, on its time."""
    key = Credentials(cloud.access_key.access_key_id, cloud.access_key.secret)
    with in_process(cloud) as url, simulated_time(cloud.clock):
        endpoint, clock = Endpoint("http", url.removeprefix("http://")), Clock()
        yield Api(product, cloud.region, key, endpoint, Deadline.after(clock, 900))


def test_an_answer_is_a_plain_mapping(ecs: Api) -> None:
    """With the API's own field names."""
    body = ecs.call("DescribeInstances", SOURCE, {"InstanceIds": f'["{SOURCE}"]'})
    assert [item["InstanceId"] for item in items(body, "Instances", "Instance")] == [SOURCE]


def test_a_parameter_that_the_sdk_would_drop(ecs: Api, cloud: Cloud) -> None:
    """Dropped without a word it would ask another question: refused before anything is sent, at any depth."""
    for parameters in ({"InstanceIdz": "x"}, {"Tag": [{"Kex": "a"}]}):
        with pytest.raises(TypeError, match="has no parameter"):
            ecs.call("DescribeInstances", SOURCE, parameters)
    assert cloud.calls == []


@pytest.mark.parametrize("action", ["StopInstance", "DeleteInstance", "DescribeUserData", "CreateImage"])
def test_actions_with_and_without_a_region(ecs: Api, cloud: Cloud, action: str) -> None:
    """RegionId is sent where the action has it, and nowhere else: each of these reaches the cloud."""
    try:
        ecs.call(action, SOURCE, {"InstanceId": SOURCE})
    except CloudError as error:
        assert error.code  # noqa: PT017 - what the cloud says to it is not the point
    assert [call.action for call in cloud.calls] == [action]


@pytest.mark.parametrize("count", [1, 100, 101, 250])
def test_all_pages_of_both_kinds(cloud: Cloud, ecs: Api, count: int) -> None:
    """By NextToken and by PageNumber: everything, once."""
    for _ in range(count):
        cloud.ecs.add_disk(cloud.ecs.instances[SOURCE], DiskSpec(device="/dev/xvdz"))
    found = [
        item["DiskId"]
        for page in ecs.pages("DescribeDisks", "all", {"InstanceId": SOURCE})
        for item in items(page, "Disks", "Disk")
    ]
    assert len(found) == len(set(found)) == count + 3
    for number in range(count):
        cloud.ecs.instances[f"i-{number}"] = cloud.ecs.instances[SOURCE]
    pages = list(ecs.pages("DescribeInstances", "all", {}))
    assert sum(len(items(page, "Instances", "Instance")) for page in pages) == count + 3


def test_an_error_says_what_happened(ecs: Api, cloud: Cloud) -> None:
    """Action, resource, code, status, request id and the API's own sentence."""
    cloud.faults.add(Fault("CreateImage", "code:QuotaExceed.Image"))
    with pytest.raises(CloudError) as raised:
        ecs.call("CreateImage", SOURCE, {"InstanceId": SOURCE})
    error = raised.value
    assert (error.action, error.resource, error.code, error.status) == ("CreateImage", SOURCE, "QuotaExceed.Image", 403)
    assert error.request_id == cloud.calls[-1].request_id
    assert error.detail == "The Image Quota exceeds."
    assert all(
        text in str(error) for text in ("CreateImage", SOURCE, "QuotaExceed.Image", error.request_id, error.detail)
    )


def test_the_servers_hint(ecs: Api, cloud: Cloud) -> None:
    """``x-acs-retry-after`` is milliseconds; it is waited for."""
    cloud.faults.add(Fault("DescribeInstances", "throttle", retry_after_ms=70_000))
    began = cloud.now()
    ecs.call("DescribeInstances", SOURCE, {})
    assert cloud.now() - began == pytest.approx(70)


def test_an_unknown_group_of_clb(cloud: Cloud) -> None:
    """A refusal of CLB has its sentence too: that a group does not exist is said nowhere else."""
    with api(cloud, "slb") as slb, pytest.raises(CloudError, match="does not exist") as raised:
        slb.call("DescribeVServerGroupAttribute", "rsp-1", {"VServerGroupId": "rsp-1"})
    assert "does not exist" in raised.value.detail


@pytest.mark.parametrize("effect", ["reset-before", "reset-after", "garbage"])
def test_no_usable_answer(ecs: Api, cloud: Cloud, effect: str) -> None:
    """CloudUnreachable after a bounded time, naming the action and the cause; neither URL nor key in it."""
    cloud.faults.add(Fault("*", effect, times=None))
    began = cloud.now()
    with pytest.raises(CloudUnreachable, match="DescribeInstances on i-1") as raised:
        ecs.call("DescribeInstances", "i-1", {})
    assert cloud.now() - began <= 95
    assert not any(text in str(raised.value) for text in ("http", "127.0.0.1", "Signature", cloud.access_key.secret))


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, []),
        ({"A": None}, []),
        ({"A": {"B": None}}, []),
        ({"A": {"B": "x"}}, []),
        ({"A": []}, []),
        ({"A": {"B": [None, 1, {"c": 1}]}}, [{"c": 1}]),
    ],
)
def test_items_of_whatever_came(body: dict[str, Any], found: list[Any]) -> None:
    """Containers may be missing, null or something else."""
    assert items(body, "A", "B") == found


def test_a_port_that_refuses() -> None:
    """An endpoint where nobody listens: CloudUnreachable, nothing changed, and simulated seconds only."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        here = stage(settings={"ECS_ENDPOINT": f"http://127.0.0.1:{taken.getsockname()[1]}"})
        here.fails(CloudUnreachable, match="DescribeInstances")
    assert here.cloud.calls == []
    assert here.cloud.now() - here.before["now"] <= 20
