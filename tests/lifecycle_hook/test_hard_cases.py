"""Orderings and moments that would let a broken machine in, or send a healthy group away."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from simulator.ecs.assistant import Outcome
from spotkeeper.errors import CloudError, DeadlineReached, SpotkeeperError, WaitFailed
from tests.lifecycle_hook.conftest import Make, Write
from tests.lifecycle_hook.stage import ARNS, NOW, REMOVE, stage
from tests.rescue.reading import dies, fault
from tests.rescue.walks import attempt, describe, side_by_side

READINGS = ("restart", "add")


@pytest.mark.parametrize(("timeout", "comes"), [(60, 20), (600, 430), (600, 480), (14_400, 14_000)])
def test_an_agent_that_comes_just_after_a_heartbeat(timeout: int, comes: int) -> None:
    """That the hook was extended a moment ago is no reason to give up."""
    here = stage(hook_timeout=timeout, timeout=20_000)
    here.agents(NOW + comes, here.ids[0])
    here.completes("CONTINUE")


@pytest.mark.parametrize("action", ["RunCommand", "DescribeInvocationResults", "DescribeInstances"])
def test_a_call_that_is_throttled_past_the_hook_s_timeout(action: str) -> None:
    """The hook is kept alive meanwhile, and the broken machines stay out."""
    here = stage(timeout=1_800)
    here.fail(*here.ids)
    fault(here, action, "throttle", times=None, until=NOW + 660)
    here.completes("ABANDON")
    assert here.fleet.action.heartbeats >= 1


def test_a_completion_that_nobody_answers_past_the_hook_s_timeout() -> None:
    """The hook is kept alive until a completion is accepted, without hundreds of tries."""
    here = stage(timeout=1_800)
    here.fail(*here.ids)
    fault(here, "CompleteLifecycleAction", "code:ServiceUnavailable", times=None, until=NOW + 640)
    here.completes("ABANDON")
    assert len(here.actions("CompleteLifecycleAction")) < 100


def test_our_failure_near_the_hook_s_end() -> None:
    """An extension leaves time for another call; nothing is decided by default while another is possible."""
    here = stage()
    here.advance(485)
    fault(here, "DescribeInstances", "code:Forbidden.RAM", times=None)
    here.fails(SpotkeeperError, match="DescribeInstances")
    assert (here.action, here.fleet.action.heartbeats) == (("Pending", ""), 1)


@pytest.mark.parametrize("reading", READINGS)
def test_hours_of_waiting_with_retries_and_sweeps(reading: str) -> None:
    """The next call learns from a tag how long the hook lives: the twenty heartbeats last for hours."""
    here = stage(timeout=1_800)
    here.cloud.ess.heartbeat_reading = reading
    here.agents(NOW + 9_000, here.ids[0])
    for _ in range(300):
        if isinstance(attempt(here), dict):
            break
        here.sweeps(2, **ARNS)
    assert here.action == ("Completed", "CONTINUE")
    assert here.fleet.action.heartbeats <= 12


def test_a_long_hook_is_handed_over_again_and_again() -> None:
    """A notification got lost, and the first calls fail: later ones come before the hook's timeout, not after it."""
    here = stage(hook_timeout=3_600)
    here.fail(*here.ids)
    fault(here, "RunCommand", "code:Forbidden.RAM", times=None, until=NOW + 2_600)
    here.sweeps(60, **ARNS)
    assert here.action == ("Completed", "ABANDON")


def test_a_group_that_cannot_spare_the_failed_one(removing: Make) -> None:
    """RemoveInstances would refuse below MinSize, and the broken machine would serve: abandoned instead."""
    here = removing(min_size=3)
    assert "MinSize" in here.completes("ABANDON")["reason"]


def test_removed_by_somebody_else_just_now(removing: Make) -> None:
    """By a call side by side, between the list and RemoveInstances: no failure, the next list shows who is left."""
    here = removing()
    outcomes = side_by_side(here, ("one", 0), ("two", 14))
    assert [describe(item) for item in outcomes.values() if not isinstance(item, dict)] == []
    assert [action.code for action in here.actions("RemoveInstances") if action.code]
    here.advance(120)
    assert here.serving() == {here.ids[1]}


def test_a_removal_that_is_refused(removing: Make) -> None:
    """While the list goes on to show the instance it is a failure, and the next call removes it."""
    here = removing()
    fault(here, "RemoveInstances", "code:InvalidInstanceId.NotFound")
    here.fails(CloudError, match="RemoveInstances")
    assert here.deliver()["removed_instances"] == [here.ids[0]]


def test_more_failed_instances_than_a_page_of_ids(removing: Make) -> None:
    """The first twenty that carry the tag are no members any more: the sweep goes on to the member."""
    here = removing()
    dies(here, "RemoveInstances")
    ecs = here.cloud.ecs
    failed = ecs.instances[here.ids[0]]
    tags = failed.tags.seen(here.cloud.now())
    for number in range(20):
        ecs.add_instance(
            f"i-bp0detached{number:08}",
            vswitch_id=failed.vswitch_id,
            security_group_ids=list(failed.security_group_ids),
            image_id=failed.image_id,
            tags=tags,
        )
    ecs.instances[failed.instance_id] = ecs.instances.pop(failed.instance_id)  # shown last
    here.advance(60)
    here.sweep(**ARNS)
    here.advance(120)
    assert here.serving() == {here.ids[1]}


def test_a_removal_that_has_to_wait_longer_than_all_retries(removing: Make) -> None:
    """Another hook holds the activity for hours; when it lets go, the sweep finds the failed one by its tag."""
    here = removing(second_hook=True, hook_timeout=10_800)
    first = json.dumps(here.cloud.ess.notifications[0]).encode()
    here.fails(SpotkeeperError, event=first)
    here.advance(10_800)
    assert here.serving() == set(here.ids)
    here.sweep(**ARNS)
    here.advance(120)
    assert here.serving() == {here.ids[1]}
    assert here.sweep(**ARNS)["hooks_handed_over"] == []


@pytest.mark.parametrize("action", ["RecordLifecycleActionHeartbeat", "CompleteLifecycleAction"])
def test_auto_scaling_contradicts_itself(action: str) -> None:
    """Describe shows a pending action that the other call does not know: asked with growing pauses, then left."""
    here = stage(hook_timeout=60, timeout=300)
    here.agents(None)
    if action == "CompleteLifecycleAction":
        here.agents(NOW)
    here.fleet.action.expires_at = NOW + 1e6
    fault(here, action, "code:LifecycleHookIdAndLifecycleActionToken.Invalid", times=None)
    here.fails(DeadlineReached)
    assert len(here.cloud.calls) < 150


@pytest.mark.parametrize("seconds", [0.0, 60.0])
def test_a_delivery_that_is_aborted_for_ever(hooks: Write, seconds: float) -> None:
    """Its pauses grow, and agent_seconds ends it like any instance that no command can reach."""
    hooks(SCALE_OUT={"agent_seconds": 300, **REMOVE})
    here = stage()
    here.fail(here.ids[0], status="Aborted", error_code="ClientNotResponse", seconds=seconds)
    answer = here.deliver()
    assert (answer["result"], answer["removed_instances"]) == ("CONTINUE", [here.ids[0]])
    assert len(here.cloud.ecs.assistant.commands) < 15


def test_an_instance_that_run_command_always_refuses(hooks: Write) -> None:
    """Only it fails: the others are asked without it."""
    hooks(SCALE_OUT={"agent_seconds": 120, **REMOVE})
    here = stage()
    fault(here, "RunCommand", "code:InvalidInstance.NotMatch", times=2)
    here.completes("CONTINUE")
    assert len(here.actions("RunCommand")) <= 4


@pytest.mark.parametrize("code", ["InstanceLockedForSecurity", "InvalidInstance.NotMatch"])
@pytest.mark.parametrize("action", ["RunCommand", "DescribeCloudAssistantStatus"])
def test_an_instance_that_is_refused_for_good(removing: Make, action: str, code: str) -> None:
    """Only it fails, within minutes and with the code; the other instance gets one command and serves."""
    here = removing()
    fault(here, action, f"code:{code}", times=None, resource=here.ids[0])
    answer = here.completes("CONTINUE")
    assert answer["removed_instances"] == [here.ids[0]]
    assert f"{action} was refused ({code})" in answer["reason"]
    assert (here.serving(), here.cloud.now() < NOW + 200) == ({here.ids[1]}, True)
    assert [command.instance_ids for command in here.cloud.ecs.assistant.commands] == [[here.ids[1]]]


def test_a_missing_permission_that_is_granted_later(removing: Make) -> None:
    """It says nothing about the instances: no command of the next call repeats what was done for an instance alone."""
    here = removing()
    fault(here, "RunCommand", "code:Forbidden.RAM", times=1)
    with pytest.raises(CloudError, match=r"Forbidden\.RAM"):
        here.deliver()
    here.completes("CONTINUE")
    assert [command.instance_ids for command in here.cloud.ecs.assistant.commands] == [here.ids]


@pytest.mark.parametrize("action", ["RunCommand", "DescribeCloudAssistantStatus"])
@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_hook_whose_instances_are_all_refused_for_good(action: str, names: str) -> None:
    """No instance that nobody could check ever serves, whatever the hook's own default; nor is it kept for hours."""
    here = stage(default_result="CONTINUE", instance_ids=tuple(f"i-bp1new{name}" for name in names))
    fault(here, action, "code:InstanceLockedForSecurity", times=None)
    here.completes("ABANDON")
    assert here.cloud.now() < NOW + 200


def test_a_refusal_that_passes_within_a_minute() -> None:
    """Its code is not known, and says nothing about the instance."""
    here = stage()
    fault(here, "RunCommand", "code:OperationConflict", times=5)
    here.completes("CONTINUE")


def test_the_same_command_in_another_call() -> None:
    """Its token is in use: that passes, however long the other call takes, and is no refusal of the instances."""
    here = stage(timeout=1_800)
    fault(here, "RunCommand", "code:IdempotentProcessing", times=None, until=NOW + 660)
    here.completes("CONTINUE")


def test_hooks_have_their_turn_without_a_journal() -> None:
    """The sweep raises what keeps it from looking for rescues, after the hooks."""
    here = stage()
    here.advance(400)
    fault(here, "oss:*", "code:InternalError", times=None)
    here.sweep_fails(SpotkeeperError, **ARNS)
    here.run(here.cloud.fc.run_due)
    assert here.action == ("Completed", "CONTINUE")


def test_one_look_that_does_not_show_an_instance() -> None:
    """Describe may be wrong once; the group is not sent away for that."""
    here = stage()
    here.agents(NOW + 200)
    hidden = here.cloud.ecs.instances[here.ids[0]]

    def hide() -> None:
        hidden.visible_at = here.cloud.now() + 1 if 90 < here.cloud.now() - NOW < 110 else 0.0

    here.meanwhile("DescribeInstances", hide)
    here.completes("CONTINUE")


def test_a_script_that_was_deployed_anew_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call's command differs: the old token would be refused with it for ever."""
    here = stage()
    fault(here, "DescribeInvocationResults", "code:Forbidden.RAM", times=1)
    here.fails(SpotkeeperError)
    monkeypatch.setattr("checking.catalogue.Script.encoded", b64encode(b"wait='{{wait-seconds}}'\n").decode())
    here.completes("CONTINUE")


def test_a_status_that_nobody_knows() -> None:
    """A command in it is waited for; an action in it is left to the next call."""
    here = stage()
    here.cloud.ecs.assistant.script = lambda *_: Outcome(status="Delivering", seconds=1.0)
    answer = here.deliver(SPOTKEEPER_HOOK_ON_INTERNAL_ERROR="ABANDON")
    assert (answer["result"], here.cloud.now() - NOW > 600) == ("ABANDON", True)
    odd = stage()
    odd.fleet.action.status = "Paused"
    odd.fails(WaitFailed, match="Paused")


def test_an_action_that_is_handed_over_already_takes_nobody_s_place() -> None:
    """SPOTKEEPER_SWEEP_LIMIT counts what was submitted, not what had been."""
    here = stage(second_hook=True)
    here.advance(310)
    here.cloud.fc.register("spotkeeper-lifecycle-hook", lambda _: {}, attempts=1)
    handed = []
    for _ in range(2):
        handed += here.sweep(**ARNS, SPOTKEEPER_SWEEP_LIMIT="1")["hooks_handed_over"]
        here.advance(10)
    assert len(set(handed)) == 2


def test_an_event_that_says_neither_when_nor_in_which_activity() -> None:
    """The end of the hook is unknown: it is extended before anything is waited for."""
    here = stage(hook_timeout=600)
    here.fail(*here.ids, seconds=400.0, exit_code=1)
    here.advance(300)
    event = json.loads(here.sent)
    del event["time"], event["content"]["scalingActivityId"]
    here.completes("ABANDON", json.dumps(event).encode())
