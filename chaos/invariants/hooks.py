"""What must be true of lifecycle hooks."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator

from chaos.story import Story
from simulator.scaling_fleet import MEMBER

ROUND_SECONDS = 300.0
NEVER_RAN = ("Aborted", "Invalid", "Cancelled")


def one_completion_per_token(story: Story) -> Iterator[str]:
    """At most one CompleteLifecycleAction is accepted for each token."""
    counts = Counter(one["token"] for one in story.after["ess"]["completions"])
    yield from (f"{count} completions of {token}" for token, count in counts.items() if count > 1)


def completed_by_the_function(story: Story) -> Iterator[str]:
    """No hook ends by its timeout: that would do with the machines what nobody has decided."""
    if unheard(story):
        return
    ended = {one["LifecycleActionToken"]: one["LifecycleActionStatus"] for one in story.after["ess"]["actions"]}
    if ended[story.token] != "Completed":
        yield f"the lifecycle action is {ended[story.token]}"


def is_short(story: Story) -> bool:
    """Whether the hook is shorter than the sweep's round: it lives by its notification."""
    return lifetime(story) < ROUND_SECONDS


def lifetime(story: Story) -> float:
    """Seconds that the hook waits without a heartbeat."""
    return float(story.scenario.changes.get("hook_timeout", 600.0))


def unheard(story: Story) -> bool:
    """Whether a short hook had ended before anybody was called, but for calls that were killed."""
    began = (run.began for run in story.runs_of("lifecycle_hook") if not run.killed)
    return is_short(story) and min(began, default=math.inf) >= story.start + lifetime(story)


def the_bad_never_serve(story: Story) -> Iterator[str]:
    """A machine that fails its check takes no traffic; where CONTINUE is to let the others in, not in the end."""
    bad = set(story.scenario.bad)
    inside = {one["InstanceId"] for one in story.after["ess"]["instances"] if one["LifecycleState"] == "InService"}
    behind = {
        member["ServerId"]
        for balancer in story.after["slb"]["LoadBalancers"]
        for group in balancer["VServerGroups"]
        for member in group["BackendServers"]
    }
    removed_later = any("on_partial_failure" in one for one in story.scenario.rules.values())
    serving = bad & (inside | behind | (set() if removed_later else story.served))
    yield from (f"{one} is bad and takes traffic" for one in sorted(serving))


def no_command_twice(story: Story) -> Iterator[str]:
    """What a command says of a machine is asked once; one that never ran may be sent again."""
    ran = Counter(
        (instance_id, command["CommandName"])
        for command in story.after["ecs"]["invocations"]
        for instance_id, status in command["InvocationStatus"].items()
        if status not in NEVER_RAN
    )
    yield from (f"{name} ran {count} times on {one}" for (one, name), count in ran.items() if count > 1)


def only_machines_of_the_action(story: Story) -> Iterator[str]:
    """No write names another member of the group."""
    for one in story.writes():
        if MEMBER in json.dumps(one.parameters):
            yield f"call {one.number} {one.action} names {MEMBER}, which does not wait"
