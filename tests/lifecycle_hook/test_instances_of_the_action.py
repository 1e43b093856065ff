"""Whom a hook holds back is said by Auto Scaling, whatever the notification names."""

from __future__ import annotations

import json

import pytest

from simulator.scaling_fleet import MEMBER
from spotkeeper.errors import SpotkeeperError, WaitFailed
from tests.lifecycle_hook.stage import HookStage, stage

OTHER = "i-bp1other000000000001"


def named(here: HookStage) -> str:
    """All parameters of all calls."""
    return json.dumps([call.parameters for call in here.cloud.calls])


@pytest.mark.parametrize("ids", [[MEMBER], [OTHER], [MEMBER, OTHER]], ids=["a member", "a stranger", "both"])
def test_a_notification_that_names_others(ids: list[str]) -> None:
    """Nothing runs on them, nothing is said of them; those that wait are checked."""
    here = stage()
    answer = here.deliver(here.said(instanceIds=ids))
    assert (answer["result"], here.serving() - {MEMBER}) == ("CONTINUE", set(here.ids))
    assert not any(instance_id in named(here) + json.dumps(answer) for instance_id in ids)


@pytest.mark.parametrize("ids", [[MEMBER], [OTHER]], ids=["a member", "a stranger"])
def test_an_action_that_lists_nobody(ids: list[str]) -> None:
    """No command runs and nothing passes: 0 of 0 is not all. The call raises, and the hook stays open."""
    here = stage()
    here.fleet.action.instance_ids = []
    with pytest.raises(WaitFailed, match="lists no instance"):
        here.deliver(here.said(instanceIds=ids))
    assert (here.action, here.accepted()) == (("Pending", ""), 0)
    assert here.actions("RunCommand") == []


def test_an_action_that_lists_its_instances_late() -> None:
    """What is listed half a minute later is checked."""
    here = stage()
    ids, here.fleet.action.instance_ids = here.fleet.action.instance_ids, []
    shown_at = here.cloud.now() + 12

    def list_them(*_: object) -> None:
        if here.cloud.now() >= shown_at:
            here.fleet.action.instance_ids = ids

    with here.playing(list_them):
        answer = here.call()
    assert (answer["result"], here.serving()) == ("CONTINUE", set(here.ids))


def test_nobody_is_listed_until_the_hook_ends() -> None:
    """The failure result, not the hook's own default: nobody has passed."""
    here = stage(default_result="CONTINUE")
    here.fleet.action.instance_ids = []
    here.fleet.action.heartbeats = 20
    while here.action[0] == "Pending":
        with pytest.raises(SpotkeeperError):
            here.deliver()
        here.advance(60)
    assert here.action == ("Completed", "ABANDON")


def test_an_action_that_is_over_says_nothing_of_others() -> None:
    """The answer names the action's instance, not the notification's."""
    here = stage(instance_ids=("i-bp1new00000000000001",))
    here.deliver()
    answer = here.deliver(here.said(instanceIds=[OTHER]))
    assert (answer["outcome"], answer["instance_id"]) == ("skipped", here.ids[0])
    unknown = here.deliver(here.said(instanceIds=[OTHER], lifecycleActionToken="no-such"))
    assert "instance_id" not in unknown
