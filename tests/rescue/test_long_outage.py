"""An API that is down for a part of the notice: the call that works on the rescue is there when it is back."""

from __future__ import annotations

import pytest

from simulator.ecs import Timings
from tests.rescue.reading import doomed_disks, fault, moment, places, replacements, source_disks
from tests.rescue.stage import REALISTIC, stage

SLOW = Timings(image=320, usable=320, snapshot=320, boot=30)


@pytest.mark.parametrize(("effect", "seconds"), [("garbage", 45.0), ("code:InternalError", 100.0)])
@pytest.mark.parametrize("api", ["DescribeDisks", "ModifyDiskAttribute", "DescribeUserData", "slb:*"])
def test_one_api_down_for_a_part_of_the_notice(api: str, effect: str, seconds: float) -> None:
    """Disks, launch spec and memberships are saved by the same call, although the image is slower than the notice."""
    here = stage(SLOW, timeout=1800)
    fault(here, api, effect, times=None, until=here.cloud.now() + seconds)
    here.finishes()
    assert set(doomed_disks(here)) <= set(source_disks(here))
    assert moment(here, "SetVServerGroupAttribute") <= seconds + 35.0
    assert places(here, replacements(here)[0]["InstanceId"]) == 2


def test_a_group_in_which_weight_0_gets_no_answer() -> None:
    """The source leaves it all the same, and soon: it gets requests there, and a stopped server cannot be removed."""
    here = stage(REALISTIC, {"SPOTKEEPER_STOP_SOURCE": "before-relaunch"})
    fault(here, "SetBackendServers", "reset-before", times=None)
    answer = here.rescues()
    assert any("was left without weight 0" in warning for warning in answer["warnings"])
    assert here.calls("RemoveBackendServers")[0].at < here.calls("StopInstance")[0].at
