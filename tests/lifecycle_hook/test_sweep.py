"""A notification that got lost does not leave a group hanging."""

from __future__ import annotations

import contextlib
import json

import pytest

from simulator.faults import Fault
from simulator.scaling_fleet import HOOK_ARN
from spotkeeper.errors import BadSetting, BatchFailed, SpotkeeperError
from spotkeeper.hooks import FAILED_TAG
from tests.lifecycle_hook.stage import ARNS, HookStage, stage
from tests.rescue.reading import fault


def minutes(here: HookStage, count: int) -> list[str]:
    """The timer goes off each minute; what was handed over each time."""
    return [item for answer in here.sweeps(count, **ARNS) for item in answer["hooks_handed_over"]]


@pytest.mark.parametrize("transition", ["SCALE_OUT", "SCALE_IN"])
def test_a_notification_that_got_lost(transition: str) -> None:
    """Half of the hook's timeout after the activity began, the function is given what it was never told."""
    here = stage(transition=transition)
    assert minutes(here, 4) == []
    assert minutes(here, 2) == [f"{here.fleet.activity.id}/{here.fleet.hook.id}"]
    assert here.action == ("Completed", "CONTINUE")
    assert here.cloud.fc.finished[0].outcome == "Succeeded"


def test_a_lost_notification_of_an_action_that_lists_nobody() -> None:
    """The function is told of it all the same, and ends the hook with the failure result instead of its own default."""
    here = stage(default_result="CONTINUE")
    here.fleet.action.instance_ids = []
    here.fleet.action.heartbeats = 20
    minutes(here, 12)
    assert here.action == ("Completed", "ABANDON")


def test_somebody_elses_hook() -> None:
    """A hook that notifies somebody else is never looked at any closer, nor is any without the setting."""
    here = stage(notification_arn="acs:mns:cn-hangzhou:1690701234567830:topic/others")
    here.advance(400)
    assert here.sweep(**ARNS)["hooks_handed_over"] == []
    assert here.actions("DescribeLifecycleActions") == []
    before = len(here.actions("DescribeScalingGroups"))
    assert here.sweep()["lifecycle_hooks"] == []
    assert len(here.actions("DescribeScalingGroups")) == before


def test_handed_over_once_in_a_round() -> None:
    """A call that works on it is not joined by another each minute: that would cost the hook its heartbeats."""
    here = stage()
    here.advance(240)
    here.cloud.fc.register("spotkeeper-lifecycle-hook", lambda _: {}, attempts=1)
    here.sweeps(5, **ARNS)
    assert len({invocation.task_id for invocation in [*here.cloud.fc.finished, *here.cloud.fc.pending]}) == 1


def test_a_quiet_account_costs_one_call() -> None:
    """Where nobody waits, only the groups are listed."""
    here = stage()
    here.deliver()
    here.advance(60)
    calls = len(here.cloud.calls)
    here.sweep(**ARNS)
    assert [call.action for call in here.cloud.calls[calls:] if call.product == "ess"] == ["DescribeScalingGroups"]


def test_auto_scaling_that_refuses_keeps_nothing_from_its_turn() -> None:
    """The other jobs are done, then the sweep raises."""
    here = stage()
    fault(here, "DescribeScalingGroups", "code:Forbidden.RAM", times=None)
    here.sweep_fails(BatchFailed, match="lifecycle hooks: DescribeScalingGroups", **ARNS)
    assert here.actions("DescribeImages")


def test_a_dry_run_hands_nothing_over() -> None:
    """It says what it would do."""
    here = stage()
    here.advance(400)
    answer = here.sweep(**ARNS, SPOTKEEPER_DRY_RUN="true")
    assert answer["plan"] == [f"invoke lifecycle_hook for {here.fleet.activity.id}/{here.fleet.hook.id}"]
    assert here.action == ("Pending", "")


def test_a_function_that_died_for_good() -> None:
    """Its retries are over and the hook has long been extended: the sweep comes again in the next round."""
    here = stage()
    here.agents(here.cloud.now() + 1_300, here.ids[0])
    here.fails(SpotkeeperError)
    assert minutes(here, 30)
    assert here.action == ("Completed", "CONTINUE")


@pytest.mark.parametrize("value", ["web", "acs:mns", "acs:oss:cn-hangzhou:1:bucket", f"{HOOK_ARN};"])
def test_targets_that_are_none(value: str) -> None:
    """The variable and what it accepts are named."""
    here = stage()
    here.sweep_fails(BadSetting, match="SPOTKEEPER_HOOK_ARNS accepts", SPOTKEEPER_HOOK_ARNS=value)


def test_a_group_that_cannot_be_looked_at() -> None:
    """The actions of other groups are handed over, then the sweep raises and names the group."""
    here = stage()
    ess = here.cloud.ess
    other = ess.add_scaling_group("other")
    ess.add_lifecycle_hook(other, "check", transition="SCALE_OUT", timeout=600, notification_arn=HOOK_ARN)
    activity = ess.scale_out(other, instance_ids=["i-bp1other000000000001"])
    here.advance(400)
    refused = Fault("DescribeLifecycleHooks", "code:Forbidden.RAM", times=None, resource=here.fleet.group.id)
    here.cloud.faults.add(refused)
    here.sweep_fails(BatchFailed, match=here.fleet.group.id, **ARNS)
    here.run(here.cloud.fc.run_due)
    assert [action.status for action in activity.actions] == ["Completed"]


@pytest.mark.parametrize(("timeout", "seconds"), [(120, 20), (240, 95)])
def test_a_short_hook_whose_notification_got_lost(timeout: int, seconds: float) -> None:
    """It is handed over while two sweeps are left to it: half of its timeout later might be too late."""
    here = stage(hook_timeout=timeout)
    here.advance(seconds)
    here.sweep(**ARNS)
    assert here.action == ("Completed", "CONTINUE")


def marked(*marks: str) -> HookStage:
    """A completed hook after which somebody has written these values of our tag on its instances.

    ``{0}`` stands for the hook and the activity, ``{1}`` for the action's token.
    """
    here = stage()
    here.deliver()
    for instance_id, mark in zip(here.ids, marks, strict=True):
        place = f"{here.fleet.hook.id}/{here.fleet.activity.id}"
        here.cloud.ecs.instances[instance_id].tags.set(
            FAILED_TAG, mark.format(place, here.fleet.action.token), here.cloud.now()
        )
    return here


def tokens(here: HookStage) -> list[str]:
    """Of the actions about which the function was called, in their order."""
    return [json.loads(invocation.payload)["data"]["lifecycleActionToken"] for invocation in here.cloud.fc.finished]


@pytest.mark.parametrize("forged", ["!/{0}", "!/{0}" + 40 * "x", "!/{0}?"])
def test_a_tag_that_somebody_wrote(forged: str) -> None:
    """It takes no turn from the action whose failed instance is to leave the group, and breaks no sweep."""
    here = marked(forged, "{1}/{0}")
    here.sweep(**ARNS)
    assert sorted(tokens(here)) == sorted(["!", here.fleet.action.token])


@pytest.mark.parametrize("code", ["InvalidParameter", "Forbidden.RAM"])
def test_a_tag_of_a_hook_that_cannot_be_looked_at(code: str) -> None:
    """It hides no other failed instance, which is handed over whatever becomes of the sweep."""
    here = marked("a/ash-bp1gone/asa-bp1gone", "b/{0}")
    fault(here, "DescribeLifecycleHooks", f"code:{code}", times=None, resource="ash-bp1gone")
    with contextlib.nullcontext() if code == "InvalidParameter" else pytest.raises(BatchFailed, match="ash-bp1gone"):
        here.sweep(**ARNS)
    here.run(here.cloud.fc.run_due)
    assert tokens(here) == ["b"]
