"""More hooks than a sweep has time for: what is found is handed over, and each group has its turn soon."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.scaling_fleet import HOOK_ARN
from spotkeeper.errors import BatchFailed
from tests.function_stage import JOURNAL, TIMER
from tests.lifecycle_hook.stage import FUNCTION, MINUTE, HookStage, stage
from tests.rescue.reading import fault

LIMIT = 55.0
"""The sweep's timeout as it is deployed, seconds."""
COUNT = 60
TIMEOUT = 1_200
LATE = TIMEOUT / 2
"""So long after its activity began a hook is due."""


def crowd(count: int = COUNT, seconds_after: float = LATE) -> HookStage:
    """So many groups, each with a pending action whose notification got lost."""
    here = stage(hook_timeout=TIMEOUT)
    ess = here.cloud.ess
    for number in range(count - 1):
        group = ess.add_scaling_group(f"group-{number:03}")
        ess.add_lifecycle_hook(group, "check", transition="SCALE_OUT", timeout=TIMEOUT, notification_arn=HOOK_ARN)
        ess.scale_out(group, instance_ids=[f"i-bp1wait{number:012}"])
    here.advance(seconds_after)
    here.sweep_timeout = LIMIT
    here.cloud.fc.register(FUNCTION, lambda _: None, attempts=1)
    return here


def sweep(here: HookStage, seconds_a_call: float = 0.2, **settings: str) -> dict[str, Any]:
    """One sweep, each call of which takes its time; what it hands over stays in the queue."""

    def take_time(*_: object) -> None:
        here.cloud.clock.advance(seconds_a_call)

    given = {"SPOTKEEPER_JOURNAL": JOURNAL, "SPOTKEEPER_HOOK_ARNS": HOOK_ARN, **settings}
    with here.playing(take_time, given):
        return here.invoke("sweep", TIMER, name="sweep")


def handed_over(here: HookStage) -> set[str]:
    """The groups about which lifecycle_hook was called."""
    return {json.loads(invocation.payload)["data"]["scalingGroupId"] for invocation in here.cloud.fc.pending}


def test_as_many_as_there_is_time_for() -> None:
    """Half of the job's time is for handing over; the sweep ends in time and says how much is left."""
    here = crowd()
    began = here.cloud.now()
    answer = sweep(here)
    assert here.cloud.now() - began <= LIMIT
    assert len(answer["hooks_handed_over"]) == len(handed_over(here)) >= COUNT / 5
    left = COUNT - len(answer["hooks_handed_over"])
    assert f"the time of this sweep was up: {left} scaling groups" in str(answer["warnings"])


def test_every_group_has_its_turn() -> None:
    """A quarter of the groups in each sweep: after eight all were handed over, and no hook has ended."""
    here = crowd()
    for _ in range(8):
        began = here.cloud.now()
        sweep(here)
        here.cloud.clock.advance(began + MINUTE - here.cloud.now())
    assert len(handed_over(here)) == COUNT


def test_nothing_is_due_yet_of_what_was_looked_at() -> None:
    """The answer does not claim that nothing was missed."""
    answer = sweep(crowd(seconds_after=100.0))
    assert (answer["outcome"], answer["reason"]) == (
        "skipped",
        "no function was invoked and nothing was deleted: see the warnings",
    )
    assert "scaling groups" in str(answer["warnings"])


@pytest.mark.parametrize("action", ["DescribeLifecycleHooks", "DescribeLifecycleActions", "DescribeInstances"])
def test_throttled_while_it_looks(action: str) -> None:
    """The hooks found before are handed over, and the sweep raises."""
    here = crowd(20)
    skip = 5 + 2 * (action == "DescribeInstances")  # those under the lock, and the marks of failed instances
    fault(here, action, "throttle", times=None, skip=skip)
    with pytest.raises(BatchFailed, match="Throttling"):
        sweep(here, 0.1)
    assert len(handed_over(here)) == 5


def test_groups_that_cannot_be_looked_at() -> None:
    """They take no place of SPOTKEEPER_SWEEP_LIMIT from an action that was found."""
    here = crowd(4)
    for group in list(here.cloud.ess.groups)[1:]:
        fault(here, "DescribeLifecycleHooks", "code:Forbidden.RAM", times=None, resource=group)
    with pytest.raises(BatchFailed, match="3 of 4 failed"):
        sweep(here, SPOTKEEPER_SWEEP_LIMIT="1")
    assert handed_over(here) == {here.fleet.group.id}
