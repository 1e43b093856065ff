"""State about one lifecycle action, for tests of decisions: everything is looked at, and nobody is checked yet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from checking.assignment import CheckPlan, Chosen, Partial
from checking.catalogue import Check, Script
from checking.progress import InstanceState, Progress, Readiness, Result, Run
from checking.state import LifecycleAction, State
from spotkeeper.events.kinds import HookResult, LifecycleHook, Transition

NOW = 1_760_000_000.0
HOOK: Mapping[str, Any] = {"HeartbeatTimeout": 600, "DefaultResult": "CONTINUE", "LifecycleTransition": "SCALE_OUT"}
EVENT = LifecycleHook(
    id="e",
    name="ess:LifecycleHook:ScaleOut",
    region="cn-hangzhou",
    account_id=None,
    time=NOW,
    hook_id="ash-1",
    hook_name="check",
    token="T",
    scaling_group_id="asg-1",
    scaling_activity_id="asa-1",
    transition=Transition.SCALE_OUT,
    default_result=None,
    instance_ids=("i-a", "i-b"),
    notification_metadata=None,
)
READY = InstanceState(Readiness.READY)
WAITING = InstanceState(Readiness.WAITING, "no heartbeat")
NEVER = InstanceState(Readiness.NEVER, "it is Stopped", running=False)


def check(name: str = "system-up", timeout: int = 100) -> Chosen:
    """A check with a script for Linux."""
    scripts = {"linux": Script("RunShellScript", "true")}
    return Chosen(Check(name, "", timeout, frozenset({0}), scripts, {}), {})


def plan(*names: str, **changes: Any) -> CheckPlan:
    """What a hook wants; one check where none is named."""
    usual: dict[str, Any] = {
        "on_failure": HookResult.ABANDON,
        "partial": Partial.ABANDON,
        "agent_seconds": None,
        "why": "",
    }
    return CheckPlan(tuple(check(name) for name in names or ("system-up",)), **{**usual, **changes})


def result(instance_id: str, name: str = "system-up", attempt: int = 1, **changes: Any) -> Result:
    """A check that passed, or what ``changes`` make of it."""
    usual: dict[str, Any] = {"passed": True, "again": False, "reason": f"{name} ended"}
    return Result(instance_id, name, attempt, **{**usual, **changes})


def progress(wanted: CheckPlan | None = None, **changes: Any) -> Progress:
    """Both instances can be reached, and nothing was run."""
    usual: dict[str, Any] = {"instances": {"i-a": READY, "i-b": READY}}
    return Progress(("i-a", "i-b"), (wanted or plan()).checks, **{**usual, **changes})


def run(*instance_ids: str, stage: int = 0, attempt: int = 1, at: float = NOW) -> Run:
    """A command on these instances (on both)."""
    return Run(stage, attempt, f"t-{stage}-{attempt}", instance_ids or ("i-a", "i-b"), at)


def facts(**changes: Any) -> State:
    """A pending action that was looked at a second ago."""
    wanted = changes.get("check_plan") or plan()  # "check_plan": None is a hook for which nothing was chosen
    usual: dict[str, Any] = {
        "now": NOW,
        "entered_at": NOW - 1,
        "leave_at": NOW + 880,
        "notified_at": NOW,
        "began_at": NOW,
        "alive_until": NOW + 600,
        "read": True,
        "life_known": True,
        "hook": HOOK,
        "looked": True,
        "looks": 1,
        "action": LifecycleAction("Pending", "", ("i-a", "i-b")),
        "chosen": True,
        "check_plan": wanted,
        "progress": progress(wanted),
        "observed": True,
        "polled": True,
        "asked_at": changes.get("now", NOW),
        "tidied": True,
    }
    return State(event=EVENT, **{**usual, **changes})
