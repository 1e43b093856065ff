"""The end of a group, judged by the cloud's state, for each way in which checks can go."""

from __future__ import annotations

import json

import pytest

from simulator.scaling_fleet import MEMBER
from tests.lifecycle_hook.conftest import Make, Write
from tests.lifecycle_hook.stage import REMOVE, failing, stage
from tests.rescue.reading import skipped

MANY = tuple(f"i-bp1crowd{number:012}" for number in range(120))
BROKEN = MANY[57]


def test_all_pass() -> None:
    """Every instance takes traffic, the answer says why, and it took ten calls or so."""
    here = stage()
    answer = here.deliver()
    assert (answer["outcome"], answer["result"]) == ("done", "CONTINUE")
    assert [(result["instance_id"], result["passed"]) for result in answer["results"]] == [
        (instance_id, True) for instance_id in here.ids
    ]
    assert (here.action, here.serving(), here.accepted()) == (("Completed", "CONTINUE"), set(here.ids), 1)
    assert len(here.cloud.calls) <= 12


def test_one_of_120_fails_and_all_are_abandoned() -> None:
    """By default nobody takes traffic; the answer names who has failed and what it said."""
    here = stage(instance_ids=MANY)
    here.fail(BROKEN)
    answer = here.completes("ABANDON")
    failed = [result for result in answer["results"] if not result["passed"]]
    assert [(item["instance_id"], item["exit_code"], item["output"]) for item in failed] == [
        (BROKEN, 1, "no: it is broken")
    ]
    here.advance(60)
    assert not set(MANY) & set(here.cloud.ecs.instances)
    assert MEMBER in here.cloud.ecs.instances


def test_one_of_120_fails_and_is_removed(hooks: Write) -> None:
    """The others take traffic, the failed one leaves without its hook running again."""
    hooks(SCALE_OUT=REMOVE)
    here = stage(instance_ids=MANY)
    here.fail(BROKEN)
    answer = here.deliver()
    assert (answer["result"], answer["removed_instances"]) == ("CONTINUE", [BROKEN])
    here.advance(60)
    assert here.serving() == set(MANY) - {BROKEN}
    assert BROKEN not in here.cloud.ecs.instances
    assert len(here.cloud.ess.notifications) == 1
    assert here.accepted() == 1


@pytest.mark.parametrize("policy", [{}, REMOVE])
def test_all_fail(hooks: Write, policy: dict[str, str]) -> None:
    """No instance is left to go on with: abandoned under either policy."""
    hooks(SCALE_OUT=policy)
    here = stage()
    here.fail(*here.ids)
    here.completes("ABANDON")
    assert here.serving() == set()


@pytest.mark.parametrize(
    ("failure", "left"), [("ABANDON", set()), ("ROLLBACK", {"i-bp1new00000000000001", "i-bp1new00000000000002"})]
)
def test_a_scale_in_that_fails(hooks: Write, failure: str, left: set[str]) -> None:
    """ABANDON removes them all the same, ROLLBACK puts them back into service."""
    hooks(SCALE_IN={"on_failure": failure})
    here = failing(transition="SCALE_IN")
    assert here.deliver()["result"] == failure
    here.advance(60)
    assert here.action == ("Completed", failure)
    assert set(here.cloud.ecs.instances) - {MEMBER} == left


def test_no_rollback_of_an_instance_that_would_not_serve(hooks: Write) -> None:
    """Auto Scaling would remove a stopped instance again and again: it leaves, and the answer says why."""
    hooks(SCALE_IN={"on_failure": "ROLLBACK"})
    here = stage(transition="SCALE_IN")
    here.cloud.ecs.instances[here.ids[0]].status = "Stopped"
    assert f"no ROLLBACK, since {here.ids[0]} would not serve" in here.completes("ABANDON")["reason"]
    here.advance(60)
    assert set(here.cloud.ecs.instances) == {MEMBER}


def test_several_checks_one_after_the_other(hooks: Write) -> None:
    """The second runs where the first has passed, and on nobody else."""
    hooks(SCALE_OUT={"checks": ["system-up", "headroom"], **REMOVE})
    here = stage()
    here.fail(here.ids[1])
    answer = here.deliver()
    commands = here.cloud.ecs.assistant.commands
    assert [(command.name, command.instance_ids) for command in commands] == [
        ("spotkeeper-system-up", here.ids),
        ("spotkeeper-headroom", here.ids[:1]),
    ]
    assert (answer["result"], answer["removed_instances"]) == ("CONTINUE", [here.ids[1]])


@pytest.mark.parametrize("status", ["Error", "Invalid", "Cancelled", "Terminated", "Timeout", "Failed"])
@pytest.mark.parametrize("exit_code", [0, 1])
def test_every_way_to_end_but_success_fails(status: str, exit_code: int) -> None:
    """Cloud Assistant's word counts, not the 0 that stands where there is no exit code."""
    here = stage()
    here.fail(here.ids[0], status=status, exit_code=exit_code, error_code="ExecutionException")
    answer = here.deliver()
    assert (answer["result"], here.serving()) == ("ABANDON", set())
    assert len(here.cloud.ecs.assistant.commands) == 1


def test_success_with_another_exit_code_is_no_success() -> None:
    """The check's own criterion counts."""
    here = stage()
    here.fail(here.ids[0], status="Success", exit_code=3)
    here.completes("ABANDON")


def test_an_instance_that_stops_between_two_calls() -> None:
    """RunCommand refuses all of them for its sake: they are looked at again, and it has failed."""
    here = stage()

    def stop() -> None:
        here.cloud.ecs.instances[here.ids[0]].status = "Stopped"

    here.meanwhile("RunCommand", stop)
    assert "it is Stopped" in here.completes("ABANDON")["reason"]


def test_a_delivery_that_was_aborted_is_tried_again() -> None:
    """Nothing was executed, so it is no failed check."""
    here = stage()
    before, told = here.cloud.ecs.assistant.script, []

    def script(command: object, instance_id: str) -> object:
        told.append(instance_id)
        outcome = type(before(command, instance_id))  # type: ignore[arg-type]
        return outcome(status="Aborted", error_code="ClientNotResponse") if told.count(here.ids[0]) < 3 else outcome()

    here.cloud.ecs.assistant.script = script  # type: ignore[assignment]
    here.completes("CONTINUE")
    assert told.count(here.ids[0]) == 3


def test_a_second_delivery() -> None:
    """It finds the action completed, says with what, and writes nothing."""
    here = stage()
    here.deliver()
    with here.writes_nothing():
        answer = here.deliver()
    assert (answer["outcome"], answer["lifecycle_action_status"], answer["result"]) == (
        "skipped",
        "Completed",
        "CONTINUE",
    )


def test_completed_by_somebody_else_meanwhile() -> None:
    """While our check runs a human completes the hook: skipped, with what the cloud recorded."""
    here = stage()

    def complete() -> None:
        here.cloud.ess.end(here.cloud.now(), here.fleet.action, "Completed", "ABANDON")
        here.cloud.ess.completions.append({"token": here.fleet.action.token})

    here.meanwhile("DescribeInvocationResults", complete, only=1)
    answer = here.deliver()
    assert (answer["outcome"], answer["result"]) == ("skipped", "ABANDON")
    assert here.accepted() == 1


def test_two_hooks_on_one_activity() -> None:
    """Each has its own token; the instances go on when the second has ended too."""
    here = stage(second_hook=True)
    first, second = (json.dumps(notification).encode() for notification in here.cloud.ess.notifications)
    here.completes("CONTINUE", first)
    assert here.serving() == set()
    here.completes("CONTINUE", second)
    assert here.serving() == set(here.ids)
    assert here.accepted() == 2


def test_two_hooks_on_the_way_in_of_which_one_is_abandoned(removing: Make) -> None:
    """Failed instances are removed only once the other hook has let go; a call waits for that as long as it can."""
    here = removing(second_hook=True)
    first = json.dumps(here.cloud.ess.notifications[0]).encode()
    answer = here.deliver(first)  # the second hook times out with CONTINUE meanwhile
    assert answer["removed_instances"] == [here.ids[0]]
    here.advance(60)
    assert here.serving() == {here.ids[1]}


def test_a_dry_run() -> None:
    """Everything is read and nothing written; the plan says which instances can be checked and how it would end."""
    here = stage()
    here.agents(None, here.ids[1])
    answer = skipped(here, SPOTKEEPER_DRY_RUN="true")
    assert here.ids[0] in answer["plan"][0]
    assert "no heartbeat" in answer["plan"][1]
    assert any(line.startswith("run system-up on 2 instances") for line in answer["plan"])
    assert "ABANDON" in answer["plan"][-1]
    assert "DefaultResult" in answer["warnings"][0]
