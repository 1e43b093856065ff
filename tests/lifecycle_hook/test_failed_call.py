"""Our own failure is not a failed check: it raises, and the hook stays open while another call can come."""

from __future__ import annotations

import pytest

from spotkeeper.errors import BadCheck, CloudError, SpotkeeperError
from tests.lifecycle_hook.conftest import Make, Write
from tests.lifecycle_hook.stage import HookStage, stage
from tests.rescue.reading import fault, heal

NEEDED = (
    "ess:DescribeLifecycleHooks",
    "ess:DescribeLifecycleActions",
    "ecs:DescribeInstances",
    "ecs:DescribeCloudAssistantStatus",
    "ecs:RunCommand",
    "ecs:DescribeInvocationResults",
)
SPENT = "LifecycleAction.TimeExceeded"
EXPIRED = "code:InvalidSecurityToken.Expired"


def deny(here: HookStage, *actions: str) -> None:
    """The function's role lacks these permissions."""
    for action in actions:
        fault(here, action, "code:Forbidden.RAM", times=None)


@pytest.mark.parametrize("action", NEEDED)
def test_a_missing_permission(action: str) -> None:
    """It raises and names the action, the hook stays open; with the permission the next call completes it."""
    here = stage()
    deny(here, action)
    assert here.fails(CloudError, match=action.partition(":")[2]).code == "Forbidden.RAM"
    assert (here.action, here.accepted()) == (("Pending", ""), 0)
    heal(here)
    here.completes("CONTINUE")


@pytest.mark.parametrize("action", NEEDED)
@pytest.mark.parametrize(("setting", "result"), [("", "ABANDON"), ("CONTINUE", "CONTINUE"), ("ROLLBACK", "ROLLBACK")])
def test_no_time_for_another_call(action: str, setting: str, result: str) -> None:
    """With less than a retry's time left it is completed, as the hook's default or the setting says, and raises."""
    here = stage(default_result="ABANDON")
    here.advance(530)
    deny(here, action, "ess:RecordLifecycleActionHeartbeat")
    here.fails(CloudError, SPOTKEEPER_HOOK_ON_INTERNAL_ERROR=setting)
    if not setting and action == "ess:DescribeLifecycleHooks":  # nobody but the hook itself says its default
        here.advance(70)
        assert here.action == ("Timeout", result)
        return
    assert here.action == ("Completed", result)
    assert here.accepted() == 1


def test_a_check_that_has_failed_is_not_our_failure(removing: Make) -> None:
    """After a later error, with no time left, it ends as a failed check does."""
    here = removing()
    here.fail(here.ids[1], exit_code=0, seconds=60.0)
    here.advance(485)
    fault(here, "DescribeInvocationResults", "code:Forbidden.RAM", times=None, skip=4)
    deny(here, "ess:RecordLifecycleActionHeartbeat")
    here.fails(CloudError, match="DescribeInvocationResults")
    assert here.action == ("Completed", "ABANDON")


def test_no_rollback_of_a_stopped_instance_after_our_failure(hooks: Write) -> None:
    """The failure result is the same as without the failure of this function."""
    hooks(SCALE_IN={"on_failure": "ROLLBACK"})
    here = stage(transition="SCALE_IN")
    here.cloud.ecs.instances[here.ids[0]].status = "Stopped"
    here.advance(485)
    deny(here, "ess:RecordLifecycleActionHeartbeat")
    fault(here, "CompleteLifecycleAction", "code:Forbidden.RAM")
    here.fails(CloudError, match="CompleteLifecycleAction")
    assert here.action == ("Completed", "ABANDON")


def test_a_result_that_got_no_answer() -> None:
    """After a later error, with no time left, the same result is sent again: Auto Scaling may have it already."""
    here = stage()
    here.advance(530)
    fault(here, "RecordLifecycleActionHeartbeat", f"code:{SPENT}", times=None)
    here.meanwhile("CompleteLifecycleAction", lambda: deny(here, "ess:DescribeLifecycleActions"), only=1)
    fault(here, "CompleteLifecycleAction", "reset-before")
    here.fails(CloudError, SPOTKEEPER_HOOK_ON_INTERNAL_ERROR="ROLLBACK")
    assert here.action == ("Completed", "ABANDON")


def test_what_nobody_may_complete() -> None:
    """Where even that is refused, the first error is raised."""
    here = stage()
    here.advance(530)
    deny(here, "ecs:RunCommand", "ess:RecordLifecycleActionHeartbeat", "ess:CompleteLifecycleAction")
    here.fails(CloudError, match="RunCommand")
    assert here.action == ("Pending", "")


def test_a_heartbeat_that_is_forbidden_while_a_check_runs_on() -> None:
    """That the hook cannot be extended is our failure, not the check's: its default, and the error is raised."""
    here = stage(default_result="CONTINUE")
    deny(here, "ess:RecordLifecycleActionHeartbeat")
    here.fail(*here.ids, exit_code=0, seconds=625.0)
    here.fails(CloudError, match="RecordLifecycleActionHeartbeat")
    assert here.action == ("Completed", "CONTINUE")


def test_expired_credentials_at_a_heartbeat() -> None:
    """The call ends while the hook has time for the next call, whose credentials are fresh."""
    here = stage(default_result="ABANDON")
    here.agents(here.cloud.now() + 700, here.ids[0])
    fault(here, "RecordLifecycleActionHeartbeat", EXPIRED)
    here.fails(CloudError, match="RecordLifecycleActionHeartbeat")
    assert here.action == ("Pending", "")
    here.completes("CONTINUE")


@pytest.mark.parametrize("action", ["DescribeScalingGroups", "TagResources"])
def test_expired_credentials_before_a_failed_instance_is_marked(removing: Make, action: str) -> None:
    """The next call marks it, and the others enter."""
    here = removing()
    fault(here, action, EXPIRED)
    here.fails(CloudError, match=action)
    assert here.action == ("Pending", "")
    here.completes("CONTINUE")
    assert here.serving() == {here.ids[1]}


def test_expired_credentials_while_tags_are_removed() -> None:
    """The next call removes them."""
    here = stage()
    here.agents(here.cloud.now() + 700, here.ids[0])
    fault(here, "UntagResources", EXPIRED)
    here.fails(CloudError, match="UntagResources")
    assert here.deliver()["outcome"] == "skipped"
    assert [here.tags(one) for one in here.ids] == [{}, {}]


@pytest.mark.parametrize("metadata", ['{"checks": ["rm -rf /"]}', '{"checks": [], "command": "id"}'])
def test_a_choice_of_checks_that_is_not_accepted(metadata: str) -> None:
    """The hook's configuration is wrong: nothing runs, it raises and says what is wrong."""
    here = stage(metadata=metadata)
    here.fails(BadCheck, match="notificationMetadata")
    assert here.writes() == []
    here.advance(500)
    here.fails(BadCheck)
    assert (here.action, here.writes()) == (("Pending", ""), ["RecordLifecycleActionHeartbeat", "TagResources"])
    deny(here, "ess:RecordLifecycleActionHeartbeat")
    here.advance(1_000)
    here.fails(BadCheck)
    assert here.action == ("Completed", "CONTINUE")


def test_a_long_hook_has_time_for_many_calls() -> None:
    """A wrong choice of checks can be mended for hours: the hook's own timeout counts, not the usual."""
    here = stage(hook_timeout=21_600, metadata='{"checks": ["no-such"]}')
    here.advance(1_000)
    here.fails(BadCheck)
    assert here.action == ("Pending", "")


def test_a_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is not typed goes the same way."""
    here = stage()

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("checking.actions.commands.start_due", broken)
    here.fails(ZeroDivisionError)
    assert here.action == ("Pending", "")
    here.advance(530)
    deny(here, "ess:RecordLifecycleActionHeartbeat")
    here.fails(ZeroDivisionError)
    assert here.action == ("Completed", "CONTINUE")


def test_an_api_that_stays_down() -> None:
    """Function Compute comes again and again; when the API is back, the checks decide."""
    here = stage()
    fault(here, "RunCommand", "code:ServiceUnavailable", times=None, until=here.cloud.now() + 400)
    calls = 0
    while here.action[0] == "Pending":
        calls += 1
        try:
            here.deliver()
        except SpotkeeperError:
            here.advance(60)
    assert here.action == ("Completed", "CONTINUE")
    assert here.serving() == set(here.ids)
    assert 2 <= calls <= 5
