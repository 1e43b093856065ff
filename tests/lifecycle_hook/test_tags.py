"""Tags on instances: a failed instance that cannot be marked ends the hook, and no tag outlives its purpose."""

from __future__ import annotations

import contextlib

import pytest

from simulator.scaling_fleet import HOOK_ARN, notification_of
from simulator.wire import Killed
from spotkeeper.errors import DeadlineReached
from spotkeeper.hooks import FAILED_TAG, failed_mark, life_tag
from tests.lifecycle_hook.conftest import Make, Write
from tests.lifecycle_hook.stage import ARNS, NOW, REMOVE, HookStage, stage
from tests.rescue.reading import dies, fault


@pytest.mark.parametrize(
    ("action", "code"),
    [
        *(("TagResources", code) for code in ("QuotaExceed.Tags", "Forbidden.RAM", "InvalidOperation.SomethingNew")),
        ("DescribeScalingGroups", "Forbidden.RAM"),
    ],
)
def test_a_failed_instance_that_cannot_be_marked_or_spared(removing: Make, action: str, code: str) -> None:
    """One delivery ends the hook with the failure result, and the answer says why: the broken machine never serves."""
    here = removing()
    fault(here, action, f"code:{code}", times=None)
    assert code in str(here.completes("ABANDON")["warnings"])
    assert here.serving() == set()


def test_twenty_tags_already(removing: Make) -> None:
    """As the cloud itself refuses the twenty-first."""
    here = removing()
    tags = here.cloud.ecs.instances[here.ids[0]].tags
    for number in range(20 - len(tags.true())):
        tags.set(f"mine-{number}", "", 0.0)
    here.completes("ABANDON")


@pytest.mark.parametrize("transition", ["SCALE_OUT", "SCALE_IN"])
def test_a_completed_hook_leaves_no_tag(transition: str, hooks: Write) -> None:
    """It was extended, so a tag said until when it lives; on the way out ROLLBACK keeps the instances."""
    hooks(SCALE_IN={"on_failure": "ROLLBACK"})
    here = stage(transition=transition)
    here.agents(NOW + 700, *here.ids) if transition == "SCALE_OUT" else here.fail(*here.ids, exit_code=1, seconds=700.0)
    answer = here.deliver()
    assert answer["result"] == ("CONTINUE" if transition == "SCALE_OUT" else "ROLLBACK")
    assert [here.cloud.ecs.instances[instance_id].status for instance_id in here.ids] == ["Running"] * 2
    assert [here.tags(instance_id) for instance_id in here.ids] == [{}, {}]
    assert here.actions("UntagResources")


def test_a_tag_of_another_hook_stays() -> None:
    """Two hooks hold the same instances: each takes away what it has written."""
    here = stage()
    tags = here.cloud.ecs.instances[here.ids[0]].tags
    tags.set(life_tag("ash-2"), f"another-token/{int(NOW) + 900}", 0.0)
    tags.set(FAILED_TAG, "another-token/ash-2/asa-2", 0.0)
    here.deliver()
    assert set(here.tags(here.ids[0])) == {life_tag("ash-2"), FAILED_TAG}


def test_two_hooks_that_both_were_extended() -> None:
    """Each has a tag of its own: the sweep takes neither for neglected, and in the end both tags are gone."""
    here = stage(second_hook=True)
    here.agents(None)
    sent = [notification_of(here.cloud, action) for action in here.fleet.activity.actions]
    for event, here.timeout in zip(sent, (500, 100), strict=True):
        here.fails(DeadlineReached, event=event)
    hooks = {action.hook.id for action in here.fleet.activity.actions}
    assert set(here.tags(here.ids[0])) == {life_tag(item) for item in hooks}
    assert here.sweep(SPOTKEEPER_HOOK_ARNS=HOOK_ARN)["hooks_handed_over"] == []
    here.agents(here.cloud.now())
    assert [here.deliver(event)["result"] for event in sent] == ["CONTINUE"] * 2
    assert here.tags(here.ids[0]) == {}


def test_a_removed_instance_that_outlives_its_group(removing: Make) -> None:
    """An instance that was added by hand is removed from the group and not released: its mark has done its work."""
    here = removing()
    dies(here, "RemoveInstances")
    assert FAILED_TAG in here.tags(here.ids[0])
    del here.fleet.group.instances[here.ids[0]]  # its owner has detached it meanwhile
    here.deliver()
    assert here.tags(here.ids[0]) == {}


def impatient(hooks: Write) -> HookStage:
    """A stage whose second agent comes too late for the first call, which marks the instance and dies."""
    hooks(SCALE_OUT={**REMOVE, "agent_seconds": 120})
    here = stage()
    here.agents(NOW + 200, here.ids[1])
    dies(here, "CompleteLifecycleAction")
    assert FAILED_TAG in here.tags(here.ids[1])
    return here


@pytest.mark.parametrize(
    ("action", "effect"),
    [("CompleteLifecycleAction", "kill-after"), ("UntagResources", "code:Forbidden.RAM")],
    ids=["it dies after CONTINUE", "it may not remove the mark"],
)
def test_a_mark_is_older_than_a_passed_check(hooks: Write, action: str, effect: str) -> None:
    """The next call sees every instance pass: none of them leaves the group for the sake of the old mark."""
    here = impatient(hooks)
    here.advance(90)
    fault(here, action, effect)
    with contextlib.suppress(Killed):
        here.deliver()
    assert here.action == ("Completed", "CONTINUE")
    here.sweeps(7, **ARNS)
    assert (here.serving(), here.cloud.ecs.released) == (set(here.ids), [])
    assert [here.tags(instance_id) for instance_id in here.ids] == [{}, {}]


def test_a_mark_that_was_copied(hooks: Write) -> None:
    """Days later somebody writes the mark on a healthy member: it stays, and the mark goes."""
    hooks(SCALE_OUT=REMOVE)
    here = stage()
    here.deliver()
    here.advance(3 * 86_400)
    mark = failed_mark(here.fleet.action.token, here.fleet.hook.id, here.fleet.activity.id)
    here.cloud.ecs.instances[here.ids[1]].tags.set(FAILED_TAG, mark, here.cloud.now())
    here.sweeps(3, **ARNS)
    assert (here.serving(), here.tags(here.ids[1])) == (set(here.ids), {})


@pytest.mark.parametrize("forgets", [False, True], ids=["results are kept", "results are forgotten"])
def test_a_marked_instance_that_fails_is_removed_after_a_crash(removing: Make, *, forgets: bool) -> None:
    """By the result of the earlier call's command, which does not run again; by a fresh one where that is lost."""
    here = removing()
    dies(here, "CompleteLifecycleAction", "kill-after")
    if forgets:
        here.agents(None, here.ids[1])  # so that the command is another
    here.sweeps(3, **ARNS)
    assert here.serving() == {here.ids[1]}
    assert [one.instance_ids for one in here.cloud.ecs.assistant.commands] == [here.ids, *([here.ids[:1]] * forgets)]


def test_a_marked_instance_without_an_agent_is_removed_after_a_crash(hooks: Write) -> None:
    """No command tells that it failed: it is waited for a minute."""
    hooks(SCALE_OUT={**REMOVE, "agent_seconds": 120})
    here = stage()
    here.agents(None, here.ids[1])
    dies(here, "CompleteLifecycleAction", "kill-after")
    here.sweeps(3, **ARNS)
    assert here.serving() == {here.ids[0]}


@pytest.mark.parametrize("moment", [9_999_999_999, int(NOW) + 1_100], ids=["in centuries", "after any heartbeat"])
def test_a_life_tag_that_somebody_wrote(moment: int) -> None:
    """The hook's own timeout counts: it is extended, and what fails does not serve."""
    here = stage(hook_timeout=300, default_result="CONTINUE")
    here.fail(*here.ids, exit_code=1, seconds=400.0)
    forge(here, moment)
    here.advance(20)
    here.deliver()
    assert (here.action, here.serving()) == (("Completed", "ABANDON"), set())
    assert here.actions("RecordLifecycleActionHeartbeat")


@pytest.mark.parametrize("by", ["the next call", "the sweep"])
def test_a_life_tag_that_somebody_wrote_after_a_heartbeat(by: str) -> None:
    """A time that no heartbeat can reach is ignored, so that the hook is extended again."""
    here = stage(hook_timeout=300, default_result="CONTINUE")
    here.agents(None)
    here.timeout = 200
    here.fails(DeadlineReached)
    here.timeout = 900
    here.advance(950)
    here.agents(here.cloud.now())
    here.fail(*here.ids, exit_code=1, seconds=400.0)
    forge(here, 9_999_999_999)
    if by == "the sweep":
        here.sweep(**ARNS)
    else:
        here.deliver()
    here.advance(60)
    assert (here.action, here.serving()) == (("Completed", "ABANDON"), set())


def forge(here: HookStage, moment: int) -> None:
    """Somebody writes until when the hook lives."""
    tags = here.cloud.ecs.instances[here.ids[0]].tags
    tags.set(life_tag(here.fleet.hook.id), f"{here.fleet.action.token}/{moment}", here.cloud.now())
