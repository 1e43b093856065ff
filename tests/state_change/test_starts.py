"""StartInstance: refused, unanswered, too late, dead in the middle; what counts and what does not."""

from __future__ import annotations

import pytest

from spotkeeper.errors import (
    CloudError,
    CloudUnreachable,
    DeadlineReached,
    JournalUnavailable,
    RestartRefused,
    WaitFailed,
)
from tests.rescue.reading import dies, fault
from tests.rescue.stage import SOURCE
from tests.state_change.stage import BOOTING, TAGS, stage, stopped


@pytest.mark.parametrize(
    "code", ["OperationDenied.NoStock", "OperationDenied.SpotPriceLowerThanPublicPrice", "InsufficientBalance"]
)
def test_a_start_that_is_refused(code: str) -> None:
    """It raises, with code and request id, and does not count; the next call starts the instance."""
    here = stopped()
    fault(here, "StartInstance", f"code:{code}")
    raised = here.fails(RestartRefused, match=rf"StartInstance on {SOURCE} was refused: {code} .*request id [0-9A-F-]+")
    assert raised.code == code
    assert (here.status, here.counted) == ("Stopped", [])
    assert here.deliver()["restart"] == 1
    assert here.counted == ["1"]


def test_refused_and_then_started_by_somebody_else() -> None:
    """That start is not ours: it does not count, and the next stop has no back-off."""
    here = stopped()
    fault(here, "StartInstance", "code:OperationDenied.NoStock")
    here.fails(RestartRefused)
    here.advance(10)
    here.runs()
    assert here.changed("Running")["outcome"] == "done"
    here.advance(10)
    here.shut_down()
    assert here.changed("Stopped")["outcome"] == "done"
    assert here.counted == ["2"]


def test_a_status_that_changed_under_our_hands() -> None:
    """IncorrectInstanceStatus is read again: somebody was faster, and that start does not count as ours."""
    here = stopped(BOOTING)

    here.meanwhile("StartInstance", here.runs, only=1)
    here.finishes()
    assert (here.status, here.counted) == ("Running", [])


def test_an_accepted_start_that_the_journal_refused() -> None:
    """StartTime shows that the instance was started: that restart counts, and the next stop is another one."""
    here = stopped(BOOTING)
    fault(here, "PutObject", "code:SecurityTokenExpired", skip=1)
    here.fails(JournalUnavailable)
    here.advance(300)
    assert here.status == "Running"
    here.shut_down()
    assert here.changed("Stopped")["reason"].endswith("restart 2 of at most 3 in 3600 s")
    assert here.restarts() == {"1": ["accepted", "asked-1"], "2": ["accepted", "asked-1", "running"]}


def test_a_start_beside_which_another_call_died() -> None:
    """Describe lags: the dead call's start is recorded and waited for, not requested again."""
    here = stopped()
    dies(here, "PutObject", skip=1)
    here.shut_down()

    here.meanwhile("PutObject", here.runs)
    here.finishes()
    assert (here.starts, here.restarts()) == (1, {"1": ["accepted", "asked-1", "running"]})


def test_a_start_that_was_only_announced() -> None:
    """The call died before it started anything: the next one takes the same number, and the same attempt."""
    here = stopped()
    dies(here, "StartInstance")
    here.deliver()
    assert here.restarts() == {"1": ["accepted", "asked-1", "running"]}


def test_throttled_until_the_end() -> None:
    """That is no refusal of this start: the error is the API's own."""
    here = stopped(timeout=20)
    fault(here, "StartInstance", "code:Throttling.User", times=None)
    here.fails(CloudError, match=r"Throttling\.User")
    assert here.restarts() == {"1": ["asked-1"]}


def test_released_under_our_hands() -> None:
    """StartInstance does not know it any more."""
    here = stopped()
    here.meanwhile(
        "StartInstance", lambda: here.cloud.ecs.release(here.fleet.source, here.cloud.now(), "DeleteInstance")
    )
    answer = here.deliver()
    assert answer["outcome"] == "skipped"
    assert "does not exist" in answer["reason"]


def test_stopped_again_while_the_journal_is_read() -> None:
    """A restart that was begun after the instance was seen running is not over because of that."""
    here = stage()

    def stop() -> None:
        here.shut_down()
        here.put(f"restarts/{SOURCE}/1/asked-1", {"at": here.cloud.now() + 1})

    here.meanwhile("ListObjectsV2", stop)
    assert here.changed("Running")["outcome"] == "skipped"
    assert here.restarts() == {"1": ["asked-1"]}


def test_a_status_that_does_not_change() -> None:
    """Describe goes on to show Stopped: after a minute the call gives up, and the next one starts it."""
    here = stopped()
    fault(here, "StartInstance", "code:IncorrectInstanceStatus")
    here.fails(WaitFailed, match="is Stopped")
    here.finishes()
    assert here.counted == ["1"]


@pytest.mark.parametrize("effect", ["reset-before", "reset-after", "slow", "code:InternalError", "garbage"])
def test_a_start_without_an_answer(effect: str) -> None:
    """It is looked into: started once, counted once, whether or not the cloud had acted."""
    here = stopped(BOOTING)
    fault(here, "StartInstance", effect)
    acted = effect in ("reset-after", "slow")
    if not acted:
        here.fails(CloudError)
    here.finishes()
    assert (here.starts + acted, here.counted) == (1, ["1"])


def test_no_answer_at_all() -> None:
    """An unreachable endpoint raises; nothing was written."""
    here = stopped()
    fault(here, "ecs:*", "refused", times=None)
    here.fails(CloudUnreachable)
    assert here.writes() == []


def test_no_journal_no_start() -> None:
    """A start that cannot be counted is not made."""
    here = stopped()
    fault(here, "PutObject", "code:AccessDenied", times=None)
    here.fails(JournalUnavailable)
    assert here.starts == 0


def test_the_call_ends_before_it_runs() -> None:
    """It raises, and the next call waits on without a second start."""
    here = stopped(BOOTING, timeout=15)
    here.fails(DeadlineReached, match="Starting")
    here.timeout = 900
    here.finishes()
    assert (here.starts, here.counted) == (1, ["1"])


def test_a_start_that_comes_to_nothing() -> None:
    """It was accepted and the instance stays Stopped: that is a restart all the same, so the next one waits."""
    here = stopped(BOOTING)
    dies(here, "DescribeInstances", "kill-after", skip=1)
    here.advance(2)
    here.shut_down()
    here.fails(WaitFailed)
    assert here.cloud.now() - here.calls("StartInstance")[0].at < 70
    assert here.deliver()["restart"] == 2
    assert here.counted == ["1", "2"]


@pytest.mark.parametrize("tag", ["acs:autoscaling:scalingGroupId", "ack.aliyun.com"])
def test_stopped_by_its_maker(tag: str) -> None:
    """The restart tag came with the launch template: neither the event nor the sweep starts it."""
    here = stopped(tags={**TAGS, tag: "made-it"})
    assert "manages it" in here.deliver()["reason"]
    here.advance(200)
    here.sweep()
    assert (here.status, here.handed_over, here.starts) == ("Stopped", [], 0)
