"""The truth table of the lifecycle hook's decisions, with every reason word for word."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from checking.assignment import Partial
from checking.decide import decide
from checking.state import LifecycleAction
from checking.steps import Decision, Step
from spotkeeper.errors import CloudError
from spotkeeper.events.kinds import HookResult, Transition
from spotkeeper.failed_steps import FailedStep
from tests.lifecycle_hook.facts import HOOK, NEVER, NOW, READY, WAITING, facts, plan, progress, result, run
from tests.tables import answered, cases

PASSED = {(0, "i-a"): result("i-a"), (0, "i-b"): result("i-b")}
BROKEN = result("i-a", passed=False, reason="it is broken")
ONE_FAILED = {(0, "i-a"): BROKEN, (0, "i-b"): result("i-b")}
BOTH_FAILED = {(0, "i-a"): BROKEN, (0, "i-b"): result("i-b", passed=False, reason="so is it")}
REMOVE = plan(partial=Partial.CONTINUE_AND_REMOVE_FAILED)
ROLLBACK = plan(on_failure=HookResult.ROLLBACK)
CONTINUED = LifecycleAction("Completed", "CONTINUE", ("i-a", "i-b"))
REFUSED = CloudError("RecordLifecycleActionHeartbeat", "ash-1", "Forbidden.RAM")
IN = Transition.SCALE_IN
NONE_UNREACHED = "0 instances cannot be reached yet; the other checks are running"


def _of(results: object) -> dict[str, Any]:
    return {"progress": progress(results=results, runs=(run(),))}


def _done(result: str = "CONTINUE", **changes: Any) -> dict[str, Any]:
    return {"completed": HookResult(result), "judged": "why", "verified": True, "failed": (), **changes}


def _marked(*names: str) -> dict[str, Any]:
    """A completed action of which an earlier call has marked these instances."""
    return {"action": CONTINUED, "check_plan": REMOVE, "suspects": names}


def _alone(results: object) -> dict[str, Any]:
    """A hook that holds up one instance."""
    return {"progress": progress(results=results).replace(instance_ids=("i-a",))}


HALF = progress(instances={"i-a": WAITING, "i-b": READY})
SO_TOO: dict[str, Any] = {"passed": False, "reason": "it is broken"}
THREE = progress(instances=dict.fromkeys(("i-a", "i-b", "i-c"), READY)).replace(instance_ids=("i-a", "i-b", "i-c"))


THROTTLED = CloudError("DescribeInstances", "2 instances", "Throttling.User")


def _held(*steps: Step, until: float = NOW + 2_000) -> dict[str, Any]:
    return {"refusals": {(step, ""): FailedStep(THROTTLED, NOW, NOW, NOW, 1, until) for step in steps}}


UNREAD: dict[str, Any] = {"read": False, "looked": False, "looks": 0, "life_known": False, "hook": None, "action": None}
LONG: dict[str, Any] = {"alive_until": NOW + 1_000}
NOTHING = "they could not be removed after CONTINUE (DescribeInstances: Throttling.User)"
EXPIRED = "the hook cannot be kept alive any longer, and the checks have not ended"
MAKES_WAIT = "a refused call waits for its next try while the time of the hook passes"
DECISIONS: list[tuple[Step, str, list[dict[str, Any]]]] = [
    # the lifecycle action
    (Step.READ, "the timeout of the hook limits the time for checks", [{"read": False, "looked": False}]),
    (Step.CHOOSE, "the name, group, transition and metadata of the hook choose them", [
        {"chosen": False, "check_plan": None},
    ]),
    (Step.CHOOSE, "failed instances may have to be removed after CONTINUE", [
        {"action": CONTINUED, "chosen": False, "check_plan": None},
    ]),
    (Step.SKIP, "it is Completed already, with CONTINUE", [
        {"action": CONTINUED, "chosen": False, "check_plan": None, "transition": IN},
        {"action": CONTINUED}, {"action": CONTINUED, "check_plan": None},
        {"action": CONTINUED, "check_plan": REMOVE, "failed": ()}, {**_marked("i-b"), **_of(ONE_FAILED)},
        _marked(),
    ]),
    (Step.LOOK, "the current lifecycle action counts, not the notification", [
        {"looked": False}, {"looked": False, "looks": 0, "now": NOW + 880},
    ]),
    (Step.LOOK, "Auto Scaling may not show it yet", [{"action": None}, {"action": None, "entered_at": NOW - 29.9}]),
    (Step.SKIP, "Auto Scaling shows no lifecycle action with this token", [
        {"action": None, "entered_at": NOW - 30}, {"action": None, "entered_at": NOW - 31},
        {"action": None, "entered_at": NOW - 30, "tidied": False},
    ]),
    (Step.RUN, "system-up on 2 instances", [
        {"action": LifecycleAction(answered("Pending"), "", ("i-a",))},
        {"hook": {**HOOK, "HeartbeatTimeout": 18_000}, "alive_until": NOW + 18_000, "now": NOW + 17_909,
         "leave_at": NOW + 20_000},
        {"now": NOW + 419}, {"now": NOW + 509, "extendable": False},
        {"now": NOW + 510, "extendable": False, "polled": False}, {}, {**_held(Step.RUN, until=NOW)},
        {**_held(Step.HEARTBEAT), "now": NOW + 420}, {"unrecorded": True, **_held(Step.RECORD_LIFE), **LONG},
        _marked("i-a"),
    ]),
    (Step.FAIL, "its status Paused is unknown", [{"action": LifecycleAction("Paused", "", ())}]),
    (Step.LEAVE, "this call's time is up", [{"looked": False, "now": NOW + 880}, {"looked": False, "now": NOW + 881}]),
    (Step.SKIP, "it is Timeout already, with ABANDON", [{"action": LifecycleAction("Timeout", "ABANDON", ())}]),
    (Step.SKIP, "it is Completed already, with no result", [{"action": LifecycleAction("Completed", "", ())}]),
    # every check has ended
    (Step.COMPLETE, "CONTINUE: 2 instances passed every check", [
        _of(PASSED), {**_of(PASSED), "now": NOW + 10_000},
        {**_of(PASSED), "now": NOW + 419, "sent": HookResult.CONTINUE}, {"unrecorded": True, **_of(PASSED)},
    ]),
    (Step.COMPLETE, "ABANDON: 1 of 2 instances failed: i-a: it is broken", [
        _of(ONE_FAILED), _of({(0, "i-a"): BROKEN}), {**_of(ONE_FAILED), "check_plan": REMOVE, "transition": IN},
    ]),
    (Step.COMPLETE, "ABANDON: 2 of 2 instances failed: i-a: it is broken; i-b: so is it", [
        _of(BOTH_FAILED), {**_of(BOTH_FAILED), "check_plan": REMOVE},
    ]),
    (Step.OBSERVE, "0 instances cannot be reached yet; the other checks are running", [
        {**_of({(0, "i-a"): BROKEN}), "check_plan": REMOVE}, {"progress": progress(runs=(run(),))},
        {"progress": progress(runs=(run(at=NOW - 220),))},
    ]),
    (Step.CHECK_MIN_SIZE, "Auto Scaling removes no instance from a group at its MinSize", [
        {**_of(ONE_FAILED), "check_plan": REMOVE},
        {"progress": THREE.replace(results={**PASSED, (0, "i-c"): result("i-c", **SO_TOO)}), "check_plan": REMOVE},
    ]),
    (Step.COMPLETE,
     "ABANDON: 1 of 2 instances failed: i-a: it is broken; without them the group is below its MinSize", [
        {**_of(ONE_FAILED), "check_plan": REMOVE, "keeps_min_size": False},
    ]),
    (Step.MARK, "a later call needs to know which instances to remove after CONTINUE", [
        {**_of(ONE_FAILED), "check_plan": REMOVE, "keeps_min_size": True},
    ]),
    (Step.COMPLETE, "CONTINUE: 1 of 2 instances failed: i-a: it is broken; they are removed after CONTINUE", [
        {**_of(ONE_FAILED), "check_plan": REMOVE, "keeps_min_size": True, "marked": True},
    ]),
    (Step.COMPLETE, "ROLLBACK: 1 of 2 instances failed: i-a: it is broken", [
        {**_of(ONE_FAILED), "check_plan": ROLLBACK, "transition": IN},
    ]),
    (Step.COMPLETE, "ABANDON: 1 of 2 instances failed: i-b: it is Stopped; no ROLLBACK, since i-b would not serve", [
        {"progress": progress(instances={"i-a": READY, "i-b": NEVER}), "check_plan": ROLLBACK, "transition": IN},
    ]),
    (Step.COMPLETE, "CONTINUE: 1 instance passed every check", [_alone({(0, "i-a"): result("i-a")})]),
    (Step.COMPLETE, "ABANDON: 1 of 1 instance failed: i-a: it is broken", [_alone({(0, "i-a"): BROKEN})]),
    (Step.LOOK, "the action lists no instance yet", [{"progress": progress().replace(instance_ids=())}]),
    (Step.FAIL, "the lifecycle action lists no instance", [
        {"progress": progress().replace(instance_ids=()), "entered_at": NOW - 30},
    ]),
    # the time of the hook
    (Step.HEARTBEAT, "the hook may end in 180 s", [
        {**_of(PASSED), "now": NOW + 420, "sent": HookResult.CONTINUE}, {"now": NOW + 420},
    ]),
    (Step.HEARTBEAT, "the hook may end in 179 s", [{**_of(PASSED), "now": NOW + 421, "sent": HookResult.CONTINUE}]),
    (Step.HEARTBEAT, "the hook may end in 90 s", [
        {"hook": {**HOOK, "HeartbeatTimeout": 18_000}, "alive_until": NOW + 18_000, "now": NOW + 17_910,
         "leave_at": NOW + 20_000},
        {"now": NOW + 510, "observed": False},
    ]),
    (Step.HEARTBEAT, "the hook may end in 0 s", [{"now": NOW + 700}]),
    (Step.OBSERVE, "instances need a running agent before a check", [
        {"now": NOW + 509, "observed": False},
        {"observed": False}, {**_marked("i-a"), "observed": False},
    ]),
    (Step.COMPLETE, f"ABANDON: {EXPIRED}", [
        {"now": NOW + 510, "extendable": False},
        {"now": NOW + 21_580, "alive_until": NOW + 21_600, "leave_at": NOW + 30_000},
        {**_held(Step.HEARTBEAT), "now": NOW + 510},
        {**_held(Step.OBSERVE), "extendable": False, "polled": False, "observed": False, "now": NOW + 510},
    ]),
    (Step.COMPLETE, f"ROLLBACK: {EXPIRED}", [
        {"now": NOW + 510, "extendable": False, "check_plan": ROLLBACK, "transition": IN},
        {"now": NOW + 510, "extendable": False, "check_plan": ROLLBACK, "transition": IN,
         "progress": progress(instances={"i-b": READY, "i-other": NEVER})},
    ]),
    (Step.COMPLETE, f"ABANDON: {EXPIRED}; no ROLLBACK, since i-a would not serve", [
        {"now": NOW + 510, "extendable": False, "check_plan": ROLLBACK, "transition": IN,
         "progress": progress(instances={"i-a": replace(WAITING, running=False), "i-b": READY})},
    ]),
    (Step.FAIL, "the hook cannot be kept alive any longer", [
        {"now": NOW + 510, "extendable": False, "heartbeat_error": REFUSED},
    ]),
    (Step.LEAVE, "this call's time is up, the hook lives for 120 s", [
        {"now": NOW + 480, "leave_at": NOW + 480, "extendable": False},
    ]),
    (Step.LEAVE, "this call's time is up, the hook lives for 600 s", [{"leave_at": NOW - 1}, {"leave_at": NOW}]),
    (Step.HEARTBEAT, "the next call needs 120 s, the hook has 119", [
        {"now": NOW + 481, "leave_at": NOW + 481, "observed": False},
    ]),
    (Step.COMPLETE, "ABANDON: the hook cannot be kept alive until the next call, and the checks have not ended", [
        {"now": NOW + 481, "leave_at": NOW + 481, "extendable": False},
        {**_held(Step.HEARTBEAT), "now": NOW + 481, "leave_at": NOW + 481},
    ]),
    # the checks
    (Step.OBSERVE, "1 instances cannot be reached yet; the other checks are running", [
        {"progress": progress(instances={"i-a": READY, "i-b": WAITING})},
        {"progress": progress(instances={"i-a": WAITING, "i-b": READY}), "check_plan": plan(agent_seconds=60.0),
         "began_at": NOW - 59},
        {"progress": progress(instances={"i-a": WAITING, "i-b": READY}), "extendable": False, "now": NOW + 409},
        {**_marked("i-b"), "progress": progress(instances={"i-a": READY, "i-b": WAITING}), "entered_at": NOW - 59},
    ]),
    (Step.COMPLETE, "ABANDON: 1 of 2 instances failed: i-b: it is Stopped", [
        {"progress": progress(instances={"i-a": READY, "i-b": NEVER})},
    ]),
    (Step.RUN, "system-up on 1 instances", [
        {"progress": progress(instances={"i-a": READY, "i-b": NEVER}), "check_plan": REMOVE},
    ]),
    (Step.GIVE_UP, "agent_seconds of the hook's rule is 60", [
        {"progress": progress(instances={"i-a": WAITING, "i-b": READY}), "check_plan": plan(agent_seconds=60.0),
         "began_at": NOW - 60},
        {"progress": HALF, "check_plan": plan(agent_seconds=60.0), "began_at": NOW - 61},
    ]),
    (Step.GIVE_UP, "the checks of the other instances need the rest of the hook's life (190 s)", [
        {"progress": HALF, "extendable": False, "now": NOW + 411},
        {"progress": progress(instances={"i-a": WAITING, "i-b": READY}), "extendable": False, "now": NOW + 410},
    ]),
    (Step.GIVE_UP, "Cloud Assistant shows no result of a command", [
        {"progress": progress(runs=(run(at=NOW - 221),))},
    ]),
    # after the completion
    (Step.VERIFY, "an accepted request does not prove a completed action", [_done(verified=False)]),
    (Step.DONE, "completed with CONTINUE: why", [
        _done(), _done(check_plan=REMOVE), _done(check_plan=REMOVE, failed=("i-a",), removed=("i-a",)),
        _done(check_plan=REMOVE, failed=("i-a",), transition=IN),
    ]),
    (Step.DONE, "completed with ABANDON: why", [_done("ABANDON", check_plan=REMOVE)]),
    (Step.REMOVE, "i-a failed a check and would take traffic", [
        _done(check_plan=REMOVE, failed=("i-a",)), _done(check_plan=REMOVE, failed=("i-a",), tidied=False),
        {"action": CONTINUED, "check_plan": REMOVE, "failed": ("i-a",)},
        {**_marked("i-a", "i-b"), **_of(ONE_FAILED)},
    ]),
    (Step.GIVE_UP, "a member of the group is waited for 60 s at most", [
        {**_marked("i-b"), "progress": progress(instances={"i-a": READY, "i-b": WAITING}), "entered_at": NOW - 60},
    ]),
    (Step.LEAVE, "this call's time is up, and the checks of marked instances have not ended", [
        {**_marked("i-a"), "leave_at": NOW},
    ]),
    (Step.TIDY, "no call needs them any more", [_done(tidied=False), {"action": CONTINUED, "tidied": False}]),
    (Step.REMOVE, "i-a; i-b; i-c; and 2 more failed a check and would take traffic", [
        _done(check_plan=REMOVE, failed=("i-a", "i-b", "i-c", "i-d", "i-e")),
    ]),
    (Step.REMOVE, "i-a; i-b; i-c failed a check and would take traffic", [
        _done(check_plan=REMOVE, failed=("i-a", "i-b", "i-c")),
    ]),
    (Step.REMOVE, "i-a; i-b; i-c; and 4 more failed a check and would take traffic", [
        _done(check_plan=REMOVE, failed=tuple(f"i-{letter}" for letter in "abcdefg")),
    ]),
    (Step.RECALL, "an earlier call may have died between CONTINUE and the removal", [
        {"action": CONTINUED, "check_plan": REMOVE},
        {"action": LifecycleAction("Completed", answered("CONTINUE"), ()), "check_plan": REMOVE},
    ]),
    (Step.DONE, "it is Completed already, with CONTINUE", [
        {"action": CONTINUED, "check_plan": REMOVE, "failed": ("i-a",), "removed": ("i-a",)},
    ]),
    (Step.SKIP, "it is Completed already, with ROLLBACK", [
        {"action": LifecycleAction("Completed", "ROLLBACK", ()), "check_plan": REMOVE},
    ]),
    (Step.SKIP, "it is Completed already, with ABANDON", [
        {"action": LifecycleAction("Completed", "ABANDON", ()), "check_plan": REMOVE},
    ]),
    # refused calls
    (Step.HEARTBEAT, MAKES_WAIT, [
        {**UNREAD, **_held(Step.READ)}, {**_held(Step.LOOK), "looked": False}, {**_held(Step.RUN)},
        {**_held(Step.RUN), "alive_until": NOW + 630}, {**_of(PASSED), **_held(Step.COMPLETE)},
    ]),
    (Step.WAIT, f"read the hook: {THROTTLED}", [
        {**UNREAD, **_held(Step.READ), "extendable": False}, {**UNREAD, **_held(Step.READ, Step.HEARTBEAT)},
    ]),
    (Step.LEAVE, f"this call's time is up; read the hook: {THROTTLED}", [
        {**UNREAD, **_held(Step.READ, Step.HEARTBEAT), "leave_at": NOW},
    ]),
    (Step.WAIT, f"run a check: {THROTTLED}", [{**_held(Step.RUN), "alive_until": NOW + 631}]),
    (Step.WAIT, f"complete the lifecycle action: {THROTTLED}", [{**_of(PASSED), **_held(Step.COMPLETE), **LONG}]),
    (Step.RECORD_LIFE, "no API shows the hook's end of life to other calls", [{"unrecorded": True}]),
    (Step.FAIL, "Auto Scaling does not show its hook", [{"hook": None}]),
    (Step.COMPLETE, f"ABANDON: 1 of 2 instances failed: i-a: it is broken; {NOTHING}", [
        {**_of(ONE_FAILED), "check_plan": REMOVE, "removal_error": THROTTLED},
    ]),
]  # fmt: skip


@pytest.mark.parametrize(("step", "reason", "changes"), cases(DECISIONS))
def test_decide(step: Step, reason: str, changes: dict[str, Any]) -> None:
    """One step, and its reason word for word; a completion says with what."""
    decision = decide(facts(**changes))
    said = f"{decision.result.value}: {decision.reason}" if decision.result else decision.reason
    assert (decision.step, said) == (step, reason)


def test_the_steps_in_words() -> None:
    """As the audit records them; those that write are not taken in a dry run."""
    assert {step.value: step.writes for step in Step} == {
        "read the hook": False,
        "look at the lifecycle action": False,
        "choose the checks": False,
        "look at the progress of the checks": False,
        "run a check": True,
        "stop waiting": False,
        "check whether the group can spare the failed instances": False,
        "keep the hook alive": True,
        "record how long the hook lives": True,
        "mark the failed instances": True,
        "complete the lifecycle action": True,
        "verify that it is completed": False,
        "look for failed instances that stayed": False,
        "remove the failed instances": True,
        "remove the tags": True,
        "wait for the next try of a refused call": False,
        "leave the rest to the next call": False,
        "fail": False,
        "skip": False,
        "done": False,
    }


def test_a_decision_stands() -> None:
    """Nobody changes it afterwards."""
    decision = Decision(Step.SKIP, "")
    with pytest.raises(FrozenInstanceError):
        decision.reason = "another"  # type: ignore[misc]
