"""The cloud in the process: threads, invocations, hooks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest
from requests.adapters import HTTPAdapter

from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.fleet import Fleet, drill_fleet
from simulator.server import serving
from simulator.transport import Invocation, Killed, in_process, invocation
from tests.simulator.sdk import NOON, Ecs


def test_threads_belong_to_the_invocation_that_starts_them(cloud: Cloud, drill: Fleet) -> None:
    """Calls from a thread or a pool are counted to, and die with, the invocation that started it."""
    with in_process(cloud) as url, invocation() as invoked:
        ecs = Ecs(cloud, url)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: ecs("DescribeRegions"), range(4)))
        thread = Thread(target=ecs, args=("DescribeInstances",))
        thread.start()
        thread.join()
        cloud.faults.add(Fault("DescribeDisks", "kill-before"))
        with ThreadPoolExecutor(1) as pool, pytest.raises(Killed):
            pool.submit(ecs, "DescribeDisks").result()
        with pytest.raises(Killed):
            ecs("DescribeRegions")

    assert invoked.calls == ["DescribeRegions"] * 4 + ["DescribeInstances", "DescribeDisks"]
    assert invoked.killed


def test_the_hook_can_hold_a_call_up(cloud: Cloud, drill: Fleet) -> None:
    """While ``before_call`` blocks one invocation another invocation gets through."""
    waiting, go = Event(), Event()

    def hold(item: Invocation | None, action: str) -> None:
        if item is not None and item.name == "slow":
            waiting.set()
            go.wait()

    with in_process(cloud, hold) as url:
        ecs = Ecs(cloud, url)
        with invocation("slow"):
            slow = Thread(target=ecs, args=("DescribeInstances",))
            slow.start()
        waiting.wait()
        with invocation("fast"):
            ecs("DescribeRegions")
        go.set()
        slow.join()

    assert [call.action for call in cloud.calls] == ["DescribeRegions", "DescribeInstances"]


def test_many_threads_at_once(cloud: Cloud, drill: Fleet) -> None:
    """Side by side calls are all answered and numbered without gaps."""
    with in_process(cloud) as url, ThreadPoolExecutor(8) as pool:
        ecs = Ecs(cloud, url)
        counts = list(pool.map(lambda _: ecs("DescribeInstances")["TotalCount"], range(80)))

    assert counts == [3] * 80
    assert [call.number for call in cloud.calls] == list(range(1, 81))


def test_clouds_side_by_side() -> None:
    """Two hosts are two clouds; one host cannot be two."""
    small, large = Cloud(NOON), Cloud(NOON)
    drill_fleet(small, bystanders=0)
    drill_fleet(large, bystanders=4)
    with in_process(small, host="small.simulator.invalid") as near, in_process(large) as far:
        counts = [Ecs(cloud, url)("DescribeInstances")["TotalCount"] for cloud, url in ((small, near), (large, far))]
        with pytest.raises(ValueError, match="already"), in_process(large):
            pass

    assert counts == [1, 5]


def test_everything_is_put_back() -> None:
    """Outside the block requests and threads are what they were."""
    before = HTTPAdapter.send, Thread.start
    with in_process(Cloud(NOON)):
        assert (HTTPAdapter.send, Thread.start) != before

    assert (HTTPAdapter.send, Thread.start) == before


def test_the_served_cloud_is_the_same(cloud: Cloud, drill: Fleet) -> None:
    """Over HTTP the SDK gets the same answer as in the process, and a dropped connection is a network error."""
    with in_process(cloud) as url:
        inside = Ecs(cloud, url)("DescribeInstances")
    with serving(cloud) as url:
        ecs = Ecs(cloud, url)
        outside = ecs("DescribeInstances")
        cloud.faults.add(Fault("DescribeRegions", "reset-before"))
        with pytest.raises(Exception, match=r"[Cc]onnection"):
            ecs("DescribeRegions")

    assert inside | {"RequestId": ""} == outside | {"RequestId": ""}


def test_the_same_seed_gives_the_same_answers() -> None:
    """Ids and request ids are the same in every run."""

    def run() -> list[tuple[str, str]]:
        cloud = Cloud(NOON)
        fleet = drill_fleet(cloud)
        with in_process(cloud) as url:
            ecs = Ecs(cloud, url)
            ecs("CreateImage", InstanceId=fleet.source.instance_id)
        return [(call.action, call.request_id) for call in cloud.calls] + [(image, "") for image in cloud.ecs.images]

    assert run() == run()
