"""A list that changes between two of its pages: what stood all the time is in what was read, or nothing is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from simulator.slb.model import VServerGroup
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
        shown = [{"DiskId": name} for name in names[start : start + paging["PageSize"]]]
        return {"Disks": {"Disk": shown}, "TotalCount": len(names)}

    found = [disk["DiskId"] for page in pages("DescribeDisks", "all", call) for disk in page["Disks"]["Disk"]]
    return set(found), calls


def disks(count: int) -> list[str]:
    """So many ids."""
    return [f"d-{number:03}" for number in range(count)]


def a_disk_goes(names: list[str], call: int) -> None:
    """Before the second call."""
    if call == 2:
        names.remove("d-050")


def a_disk_goes_and_another_comes(names: list[str], call: int) -> None:
    """Before the second call."""
    if call == 2:
        names.remove("d-103")
        names.insert(0, "d-new")


@pytest.mark.parametrize(
    ("count", "change", "calls"),
    [
        pytest.param(105, a_disk_goes, 4, id="the first of the second page has moved to the first page"),
        pytest.param(101, a_disk_goes, 3, id="the second page is empty"),
        pytest.param(105, a_disk_goes_and_another_comes, 4, id="TotalCount stays the same"),
    ],
)
def test_a_list_that_changes_is_read_again(count: int, change: Change, calls: int) -> None:
    """Until all that stands in it has been shown; an element that is shown twice tells that another is missing."""
    names = disks(count)
    found, made = read(names, change)
    assert (found, made) == (set(names), calls)


def test_the_list_gets_shorter_each_time() -> None:
    """An error that passes by itself, after a bounded number of calls."""
    calls: list[int] = []

    def change(names: list[str], call: int) -> None:
        calls.append(call)
        del names[0]

    with pytest.raises(CloudUnreachable, match="DescribeDisks on all got no usable answer: ListChanged"):
        read(disks(250), change)
    assert len(calls) == 3 * LISTINGS


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


@pytest.mark.parametrize("calls", [(2,), (2, 4, 6, 8)], ids=["once", "four times"])
def test_a_rescue_among_many_load_balancers(calls: tuple[int, ...]) -> None:
    """CLBs are deleted between the two pages: the source leaves every group, the replacement joins each of them."""
    here, group = among_many_load_balancers()
    balancers = here.cloud.slb.load_balancers
    for number in calls:
        here.meanwhile("DescribeLoadBalancers", lambda: balancers.pop(list(balancers)[10]), only=number)
    answer = here.finishes()
    assert [(member.server_id, member.weight) for member in group] == [(answer["replacement_id"], 30)]
