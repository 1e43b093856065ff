"""Disks before the image, both before load balancers: whatever is refused, nothing waits inside itself."""

from __future__ import annotations

import itertools

import pytest

from simulator.ecs import DiskSpec, Timings
from spotkeeper.errors import CloudError
from tests.rescue.reading import audited, dies, doomed_disks, fault, images, source_disks
from tests.rescue.stage import REALISTIC, Stage, stage

MINUTE = 60.0
REFUSALS = ("Throttling", "IncorrectDiskStatus", "IncorrectDiskStatus.CreatingSnapshot", "ServiceUnavailable")


def retained_after(here: Stage) -> float:
    """Seconds from the event to the first flag that was changed."""
    done = next(call for call in here.calls("ModifyDiskAttribute") if not call.code)
    return float(done.at - here.before["now"])


@pytest.mark.parametrize("image", ["IncorrectDiskStatus.CreatingSnapshot", "Throttling"])
@pytest.mark.parametrize("disks", REFUSALS)
def test_disks_and_image_refused_for_a_minute(disks: str, image: str) -> None:
    """A mass reclaim, or an automatic snapshot that is running: the disks are retained as soon as that is possible."""
    here = stage(REALISTIC)
    until = here.before["now"] + MINUTE
    fault(here, "ModifyDiskAttribute", f"code:{disks}", times=None, until=until)
    fault(here, "CreateImage", f"code:{image}", times=None, until=until)
    here.rescues()
    assert MINUTE <= retained_after(here) <= 2 * MINUTE


@pytest.mark.parametrize("disks", REFUSALS)
def test_image_refused_for_the_whole_notice(disks: str) -> None:
    """No image is made in time; the disks are retained although they were refused for two minutes."""
    here = stage(REALISTIC)
    fault(here, "ModifyDiskAttribute", f"code:{disks}", times=None, until=here.before["now"] + 2 * MINUTE)
    fault(here, "CreateImage", "code:IncorrectDiskStatus.CreatingSnapshot", times=None)
    here.fails(Exception, match="released before its rescue was complete")
    assert images(here) == []
    assert set(doomed_disks(here)) <= set(source_disks(here))


def test_before_each_try_of_the_image_the_disks_are_tried() -> None:
    """Neither is asked twice in a row while both are refused."""
    here = stage(REALISTIC)
    until = here.before["now"] + 100.0
    fault(here, "ModifyDiskAttribute", "code:Throttling", times=None, until=until)
    fault(here, "CreateImage", "code:IncorrectDiskStatus.CreatingSnapshot", times=None, until=until)
    here.deliver()
    tries = [call.action for call in here.calls("ModifyDiskAttribute", "CreateImage") if call.code]
    assert tries.count("CreateImage") > 5
    pairs = list(itertools.pairwise(tries))
    assert ("CreateImage", "CreateImage") not in pairs


def test_disks_are_tried_while_the_image_grows() -> None:
    """Disks that were refused before CreateImage are retained during it, and no warning says otherwise."""
    here = stage(REALISTIC, disks=(DiskSpec("cloud_essd", 40, "PL0"), DiskSpec("cloud_essd", 100, "PL1", "/dev/xvdb")))
    fault(here, "ModifyDiskAttribute", "code:IncorrectDiskStatus", times=None, until=here.before["now"] + 50.0)
    answer = here.rescues()
    assert 50.0 <= retained_after(here) <= 60.0
    assert here.calls("CreateImage")[0].at - here.before["now"] < 20.0
    assert not any("will be released" in text for text in answer["warnings"])


def test_a_busy_load_balancer_does_not_hold_up_throttled_disks() -> None:
    """Disks throttled by the second, a CLB that refuses for minutes: the disks come when their second is over."""
    here = stage(REALISTIC)
    start = here.before["now"]
    fault(here, "ModifyDiskAttribute", "code:Throttling", times=2)
    fault(here, "slb:*", "code:ServiceIsConfiguring", times=None, until=start + 2 * MINUTE)
    here.rescues()
    assert retained_after(here) <= 5.0
    assert here.calls("CreateImage")[0].at - start <= 40.0


def test_a_source_that_does_not_stop_is_imaged_as_it_runs() -> None:
    """before-image: stopping takes two minutes; the image is asked for after half a minute."""
    here = stage(
        Timings(image=90, usable=60, snapshot=75, boot=25, stop=120), {"SPOTKEEPER_STOP_SOURCE": "before-image"}
    )
    here.rescues()
    assert here.calls("CreateImage")[0].at - here.before["now"] <= 50.0


def test_the_audit_says_what_was_refused(caplog: pytest.LogCaptureFixture) -> None:
    """A refused try is no done step."""
    here = stage(REALISTIC)
    fault(here, "ModifyDiskAttribute", "code:Throttling", times=2)
    fault(here, "SetVServerGroupAttribute", "code:ServiceIsConfiguring", times=1)
    here.deliver()
    assert [record["outcome"] for record in audited(caplog, "retain the disks")] == ["failed", "failed", "done"]
    assert [record["outcome"] for record in audited(caplog, "weight 0")] == ["failed", "done", "done"]


def test_disks_are_tried_until_the_snapshots_are_complete() -> None:
    """Usable after a minute, snapshots after 400 s: disks that refuse until the image is usable are retained then."""
    here = stage(Timings(image=90, usable=60, snapshot=400, boot=25, stop=10))
    fault(here, "DescribeDisks", "code:Throttling", times=None, until=here.before["now"] + 70.0)
    here.deliver()
    assert set(doomed_disks(here)) <= set(source_disks(here))


def test_a_group_that_is_busy_for_minutes_is_asked_ever_more_seldom() -> None:
    """Every half minute after the first: one group must not use up the quota of all."""
    here = stage(REALISTIC, timeout=600)
    fault(here, "RemoveVServerGroupBackendServers", "code:BackendServer.configuring", times=None)
    here.fails(CloudError, match="configuring")
    assert len(here.calls("RemoveVServerGroupBackendServers")) <= 40


def test_a_throttled_look_at_the_image_does_not_hold_up_the_disks() -> None:
    """Disks that refused at first are tried again while the image is waited for, though nobody can see it."""
    here = stage(Timings(image=400, usable=400, snapshot=400))
    start = here.before["now"]
    fault(here, "ModifyDiskAttribute", "code:ServiceUnavailable", times=None, until=start + 45.0)
    fault(here, "DescribeImages", "throttle", times=None, until=start + 295.0)
    here.finishes()
    assert 45.0 <= retained_after(here) <= 60.0
    assert set(doomed_disks(here)) <= set(source_disks(here))


def test_a_throttled_look_for_an_earlier_image_holds_up_nothing() -> None:
    """A second call cannot see whether the first has made an image: weight 0, and CreateImage under the same name."""
    here = stage(REALISTIC)
    dies(here, "ModifyDiskAttribute", "kill-after")
    here.advance(40.0)
    fault(here, "DescribeImages", "throttle", times=None, until=here.before["now"] + 305.0)
    here.deliver()
    assert here.calls("SetVServerGroupAttribute")[0].at - here.before["now"] <= 45.0
    assert here.calls("CreateImage")[0].at - here.before["now"] <= 60.0
    assert len(images(here)) == 1


def test_a_throttled_look_at_a_source_that_stops_holds_up_the_image_for_half_a_minute() -> None:
    """Then it is imaged as it runs."""
    here = stage(REALISTIC)
    start = here.before["now"]
    fault(here, "DescribeInstances", "throttle", times=None, skip=1, until=start + 290.0)
    here.deliver(SPOTKEEPER_STOP_SOURCE="before-image")
    stopped, imaged = here.calls("StopInstance")[0], here.calls("CreateImage")[0]
    assert imaged.at - stopped.at <= 40.0
