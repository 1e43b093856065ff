"""A list that changes between two of its pages: what stood all the time is in what was read, or nothing is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from simulator.cloud import Cloud
from simulator.slb.model import VServerGroup
from simulator.transport import BeforeCall
from spotkeeper.errors import CloudUnreachable
from spotkeeper.paging import LISTINGS, pages
from tests.rescue.stage import SOURCE, Stage, stage

Change = Callable[[list[str], int], None]
"""Of the list and the number of the call: what somebody does to the list before that call."""


def read(names: list[str], change: Change) -> tuple[set[str], int]:
    """What is read of a list of names that ``change`` changes, and by how many calls."""
    calls = 0

    def call(paging: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        change(names, calls)
        start = (paging["PageNumber"] - 1) * paging["PageSize"]
        shown = [{"DiskId": one} for one in names[start : start + paging["PageSize"]]]
        return {"Disks": {"Disk": shown}, "TotalCount": len(names)}

    found = [one["DiskId"] for page in pages("DescribeDisks", "all", call) for one in page["Disks"]["Disk"]]
    return set(found), calls


def disks(count: int) -> list[str]:
    """So many ids."""
    return [f"d-{number:03}" for number in range(count)]


def test_an_element_of_the_first_page_goes() -> None:
    """The first of the second page has moved to the first one: the list is read again."""
    names = disks(105)
    found, calls = read(names, lambda names, call: names.remove("d-050") if call == 2 else None)
    assert found == set(names)
    assert calls == 4


def test_the_list_gets_as_short_as_one_page() -> None:
    """The second page is empty, and the 101st element was shown nowhere."""
    names = disks(101)
    found, _ = read(names, lambda names, call: names.remove("d-050") if call == 2 else None)
    assert found == set(names)


def test_one_goes_and_one_comes() -> None:
    """TotalCount stays the same; an element that is shown twice tells that another one is missing."""
    names = disks(105)

    def change(names: list[str], call: int) -> None:
        if call == 2:
            names.remove("d-103")
            names.insert(0, "d-new")

    found, _ = read(names, change)
    assert found == set(names)


def test_the_list_gets_shorter_each_time() -> None:
    """An error that passes by itself, after a bounded number of calls."""
    with pytest.raises(CloudUnreachable, match="DescribeDisks on all got no usable answer: ListChanged"):
        read(disks(250), lambda names, _: names.remove(names[0]))
    calls = 0

    def change(names: list[str], call: int) -> None:
        nonlocal calls
        calls = call
        del names[0]

    with pytest.raises(CloudUnreachable):
        read(disks(250), change)
    assert calls == 3 * LISTINGS


def test_the_list_grows_each_time() -> None:
    """That hides nothing which stood before: no error."""
    before = disks(150)
    found, calls = read(list(before), lambda names, call: names.insert(0, f"d-new-{call}"))
    assert found >= set(before)
    assert calls == 2 * LISTINGS


def among_many_load_balancers(count: int = 105) -> tuple[Stage, VServerGroup]:
    """The source is a member of a group of the 101st of so many CLBs, too."""
    here = stage()
    slb = here.cloud.slb
    for number in range(count - len(slb.load_balancers)):
        slb.add_load_balancer(f"other-{number}", vpc_id=here.fleet.spec.vpc_id)
    group = slb.add_vserver_group(list(slb.load_balancers.values())[100], "api")
    group.add(SOURCE, port=9090, weight=30)
    here.before = here.cloud.state()
    return here, group


def deleting(cloud: Cloud, calls: tuple[int, ...]) -> BeforeCall:
    """Before these calls of DescribeLoadBalancers a CLB of the first page is deleted."""
    seen = 0

    def before_call(_: object, action: str) -> None:
        nonlocal seen
        seen += action == "DescribeLoadBalancers"
        if action == "DescribeLoadBalancers" and seen in calls:
            del cloud.slb.load_balancers[list(cloud.slb.load_balancers)[10]]

    return before_call


@pytest.mark.parametrize("calls", [(2,), (2, 4, 6, 8)], ids=["once", "four times"])
def test_a_rescue_among_many_load_balancers(calls: tuple[int, ...]) -> None:
    """CLBs are deleted between the two pages: the source leaves every group, the replacement joins each of them."""
    here, group = among_many_load_balancers()
    with here.playing(deleting(here.cloud, calls)):
        answer = here.call()
    assert answer["outcome"] == "done"
    assert [(one.server_id, one.weight) for one in group] == [(answer["replacement_id"], 30)]
