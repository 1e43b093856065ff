"""What a notification says counts only where Auto Scaling cannot be asked: its time, its choices, its instances."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.scaling_fleet import MEMBER
from spotkeeper.errors import SpotkeeperError, WaitFailed
from spotkeeper.instances import iso
from tests.lifecycle_hook.conftest import Write
from tests.lifecycle_hook.stage import NOW, HookStage, stage

HOUR = 3_600.0
SLIPS = {
    "eight hours ago": -8 * HOUR,
    "five and a half hours ago": -5.5 * HOUR,
    "a moment less than six hours ago": -6 * HOUR + 20,
    "a year ago": -8_760 * HOUR,
    "in five and a half hours": 5.5 * HOUR,
    "in eight hours": 8 * HOUR,
}


@pytest.mark.parametrize(
    ("rule", "comes"), [({}, 700), ({"agent_seconds": 300}, 120)], ids=["the hook's life", "agent_seconds"]
)
@pytest.mark.parametrize("slip", SLIPS.values(), ids=list(SLIPS))
def test_a_notification_time_that_cannot_be(hooks: Write, slip: float, rule: dict[str, int], comes: int) -> None:
    """The action is pending and the agents come within minutes: nothing counts from that time, the instances enter."""
    hooks(SCALE_OUT=rule)
    here = stage(timeout=1_800)
    here.agents(NOW + comes)
    answer = here.deliver(here.said(time=iso(here.cloud.now() + slip)))
    assert (answer["result"], here.serving()) == ("CONTINUE", set(here.ids))


LOGS = {"checks": [{"name": "logs-uploaded", "parameters": {"bucket": "ours"}}]}
THEIRS = {"checks": [{"name": "logs-uploaded", "parameters": {"bucket": "theirs"}}]}


def ran(here: HookStage) -> list[str]:
    """The checks that were run."""
    return [command.name.removeprefix("spotkeeper-") for command in here.cloud.ecs.assistant.commands]


@pytest.mark.parametrize("own", ["", "a remark"], ids=["no metadata", "a remark"])
def test_an_event_that_chooses_a_weaker_check(own: str) -> None:
    """The transition's default runs."""
    here = stage(metadata=own)
    here.deliver(here.said(notificationMetadata=json.dumps({"checks": ["headroom"]})))
    assert ran(here) == ["system-up"]


@pytest.mark.parametrize("said", [json.dumps(THEIRS), "", "{"], ids=["theirs", "none", "broken"])
def test_an_event_that_chooses_another_bucket(said: str) -> None:
    """The logs go where the hook says."""
    here = stage(transition="SCALE_IN", metadata=json.dumps(LOGS))
    here.deliver(here.said(notificationMetadata=said))
    assert ran(here) == ["logs-uploaded"]
    assert [command.parameters["bucket"] for command in here.cloud.ecs.assistant.commands] == ["ours"]


@pytest.mark.parametrize(
    "changes",
    [
        {"lifecycleTransition": "SCALE_IN"},
        {"lifecycleHookName": "lenient"},
        {"scalingGroupId": "asg-lenient"},
        {"defaultResult": "ROLLBACK"},
    ],
    ids=lambda item: next(iter(item)),
)
def test_an_event_that_says_what_its_hook_does_not(changes: dict[str, Any]) -> None:
    """Transition, name, group and default are the hook's own."""
    here = stage()
    here.completes("CONTINUE", here.said(**changes))
    assert ran(here) == ["system-up"]


def test_a_hook_that_is_not_shown(hooks: Write) -> None:
    """Its rule is unknown: no check runs, and the event alone completes nothing."""
    hooks(SCALE_IN={"checks": ["headroom"]})
    here = stage(default_result="ABANDON")
    here.fleet.group.hooks.clear()
    said = {
        "lifecycleTransition": "SCALE_IN",
        "defaultResult": "CONTINUE",
        "notificationMetadata": '{"checks": ["headroom"]}',
    }
    here.fails(SpotkeeperError, match="does not show", event=here.said(**said))
    assert (ran(here), here.action) == ([], ("Pending", ""))


OTHER = "i-bp1other000000000001"


@pytest.mark.parametrize("ids", [[MEMBER], [OTHER], [MEMBER, OTHER]], ids=["a member", "a stranger", "both"])
def test_a_notification_that_names_others(ids: list[str]) -> None:
    """Nothing runs on them, nothing is said of them; those that wait are checked."""
    here = stage()
    answer = here.deliver(here.said(instanceIds=ids))
    assert (answer["result"], here.serving() - {MEMBER}) == ("CONTINUE", set(here.ids))
    said = json.dumps([answer, *(call.parameters for call in here.cloud.calls)])
    assert [instance_id for instance_id in ids if instance_id in said] == []


@pytest.mark.parametrize("ids", [[MEMBER], [OTHER]], ids=["a member", "a stranger"])
def test_an_action_that_lists_nobody(ids: list[str]) -> None:
    """No command runs and nothing passes: 0 of 0 is not all. The call raises, and the hook stays open."""
    here = stage()
    here.fleet.action.instance_ids = []
    here.fails(WaitFailed, match="lists no instance", event=here.said(instanceIds=ids))
    assert (here.action, here.accepted()) == (("Pending", ""), 0)
    assert here.actions("RunCommand") == []


def test_an_action_that_lists_its_instances_late() -> None:
    """Instances that are listed half a minute later are checked."""
    here = stage()
    ids, here.fleet.action.instance_ids = here.fleet.action.instance_ids, []
    shown_at = here.cloud.now() + 12

    def list_them() -> None:
        if here.cloud.now() >= shown_at:
            here.fleet.action.instance_ids = ids

    here.meanwhile("*", list_them)
    answer = here.deliver()
    assert (answer["result"], here.serving()) == ("CONTINUE", set(here.ids))


def test_nobody_is_listed_until_the_hook_ends() -> None:
    """The failure result, not the hook's own default: nobody has passed."""
    here = stage(default_result="CONTINUE")
    here.fleet.action.instance_ids = []
    here.fleet.action.heartbeats = 20
    while here.action[0] == "Pending":
        here.fails(SpotkeeperError)
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
