"""Tags on instances: a failed instance that cannot be marked ends the hook, and no tag outlives its purpose."""

from __future__ import annotations

import pytest

from simulator.scaling_fleet import HOOK_ARN, notification_of
from spotkeeper.errors import DeadlineReached
from spotkeeper.hooks import FAILED_TAG, life_tag
from tests.lifecycle_hook.conftest import Make, Write
from tests.lifecycle_hook.stage import NOW, stage
from tests.rescue.reading import dies, fault


@pytest.mark.parametrize("code", ["QuotaExceed.Tags", "Forbidden.RAM", "InvalidOperation.SomethingNew"])
def test_a_failed_instance_that_cannot_be_marked(removing: Make, code: str) -> None:
    """One delivery ends the hook with the failure result, and the answer says why: the broken machine never serves."""
    here = removing()
    fault(here, "TagResources", f"code:{code}", times=None)
    answer = here.deliver()
    assert (answer["result"], here.action) == ("ABANDON", ("Completed", "ABANDON"))
    assert code in str(answer["warnings"])
    assert here.serving() == set()


def test_twenty_tags_already(removing: Make) -> None:
    """As the cloud itself refuses the twenty-first."""
    here = removing()
    tags = here.cloud.ecs.instances[here.ids[0]].tags
    for number in range(20 - len(tags.true())):
        tags.set(f"mine-{number}", "", 0.0)
    assert here.deliver()["result"] == "ABANDON"


def test_nobody_can_tell_whether_the_group_spares_them(removing: Make) -> None:
    """The failure result too: what is known to be broken does not wait for a permission."""
    here = removing()
    fault(here, "DescribeScalingGroups", "code:Forbidden.RAM", times=None)
    answer = here.deliver()
    assert (answer["result"], here.action) == ("ABANDON", ("Completed", "ABANDON"))
    assert "Forbidden.RAM" in str(answer["warnings"])


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
        with pytest.raises(DeadlineReached):
            here.deliver(event)
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
