"""Completing lifecycle actions, keeping them alive, and letting them time out."""

from __future__ import annotations

import pytest

from simulator.cloud import Cloud
from simulator.ess.model import LifecycleAction
from tests.simulator.ess_sdk import GONE, Ess, lower_pair, pair, states
from tests.simulator.sdk import NOON

HOURS = 3600


def waiting(cloud: Cloud, timeout: int = 600, default_result: str = "CONTINUE") -> LifecycleAction:
    """The pending action of a scale-out."""
    group = cloud.ess.add_scaling_group()
    cloud.ess.add_lifecycle_hook(group, timeout=timeout, default_result=default_result)
    return cloud.ess.scale_out(group).actions[0]


def test_a_completion_is_written_down(cloud: Cloud, ess: Ess) -> None:
    """Token, hook, result and moment; the action has them too."""
    action = waiting(cloud)
    cloud.clock.advance(7)
    ess.complete(action, "ABANDON")

    completion = {"token": action.token, "hook_id": action.hook.id, "result": "ABANDON", "at": NOON + 7}
    assert cloud.ess.completions == [completion]
    assert (action.status, action.result, action.ended_at) == ("Completed", "ABANDON", NOON + 7)


def test_without_a_result_the_default_applies(cloud: Cloud, ess: Ess) -> None:
    """The trap of leaving it out: a hook lets in what it was made to hold back, or the other way round."""
    action = waiting(cloud, default_result="ABANDON")
    ess.complete(action)

    assert (action.result, states(cloud)) == ("ABANDON", [])
    assert cloud.ess.completions[0]["result"] == "ABANDON"


def test_a_token_works_once(cloud: Cloud, ess: Ess) -> None:
    """Completed, timed out, unknown, or with another hook's id: always the same refusal, for both operations."""
    done, late, other = waiting(cloud), waiting(cloud, timeout=30), waiting(cloud)
    ess.complete(done, "CONTINUE")
    cloud.clock.advance(30)

    for wrong in (done, late):
        assert ess.refused("CompleteLifecycleAction", **pair(wrong)) == GONE
        assert ess.refused("RecordLifecycleActionHeartbeat", **lower_pair(wrong)) == GONE
    mixed = {"LifecycleHookId": done.hook.id, "LifecycleActionToken": other.token}
    assert ess.refused("CompleteLifecycleAction", **mixed) == GONE
    assert ess.refused("CompleteLifecycleAction", **pair(other) | {"LifecycleActionToken": "T"}) == GONE
    assert ess.refused("CompleteLifecycleAction", **pair(other), RegionId="cn-shanghai") == GONE
    elsewhere = ess.refused("CompleteLifecycleAction", **pair(other), RegionId="cn-atlantis")
    assert elsewhere == (404, "InvalidRegionId.NotFound")
    assert len(cloud.ess.completions) == 1


def test_what_cannot_be_completed_with(cloud: Cloud, ess: Ess) -> None:
    """Both ids are mandatory, the result is one of three, the token of the client is short ASCII."""
    action = waiting(cloud)
    everything = pair(action)

    assert ess.refused("CompleteLifecycleAction", LifecycleHookId=action.hook.id) == (400, "MissingParameter")
    assert ess.refused("CompleteLifecycleAction", LifecycleActionToken=action.token) == (400, "MissingParameter")
    wrong = ess.refused("CompleteLifecycleAction", **everything, LifecycleActionResult="continue")
    assert wrong == (400, "InvalidParamter")
    for token in ("é", "t" * 65):
        assert ess.refused("CompleteLifecycleAction", **everything, ClientToken=token) == (400, "InvalidParameter")
    assert action.status == "Pending"


def test_the_same_client_token_gets_the_same_answer(cloud: Cloud, ess: Ess) -> None:
    """A repeated call succeeds only if the first did, and completes nothing; other parameters are refused."""
    action = waiting(cloud)
    refused = {**pair(action), "LifecycleActionToken": "wrong", "ClientToken": "c"}

    assert ess.refused("CompleteLifecycleAction", **refused) == GONE
    assert ess.refused("CompleteLifecycleAction", **refused) == GONE
    for _ in range(2):
        ess.complete(action, "CONTINUE", ClientToken="c")
    other = ess.refused("CompleteLifecycleAction", **pair(action), LifecycleActionResult="ABANDON", ClientToken="c")
    assert other == (403, "IdempotentParameterMismatch")
    again = ess.refused("CompleteLifecycleAction", **pair(action), LifecycleActionResult="CONTINUE", ClientToken="d")
    assert again == GONE
    assert len(cloud.ess.completions) == 1


@pytest.mark.parametrize(("default", "left"), [("CONTINUE", ["InService"]), ("ABANDON", [])])
def test_a_timeout_applies_the_default(cloud: Cloud, default: str, left: list[str]) -> None:
    """At its moment, not a second earlier; nobody completed anything."""
    action = waiting(cloud, timeout=300, default_result=default)
    cloud.clock.advance(299)

    assert states(cloud) == ["Pending:Wait"]
    cloud.clock.advance(1000)
    assert states(cloud) == left
    assert (action.status, action.result, action.ended_at) == ("Timeout", default, NOON + 300)
    assert cloud.ess.completions == []


@pytest.mark.parametrize(
    ("reading", "seconds", "expires"), [("restart", 400, 200 + 400), ("add", 400, 600 + 400), ("restart", 30, 200 + 30)]
)
def test_a_heartbeat_moves_the_timeout(cloud: Cloud, ess: Ess, reading: str, seconds: int, expires: int) -> None:
    """From now on, also nearer than before, or in addition: both readings of the document."""
    cloud.ess.heartbeat_reading = reading
    action = waiting(cloud)
    cloud.clock.advance(200)
    ess.heartbeat(action, seconds)

    assert (action.heartbeats, action.expires_at) == (1, NOON + expires)
    cloud.clock.advance(expires - 200 - 1)
    assert states(cloud) == ["Pending:Wait"]
    cloud.clock.advance(1)
    assert states(cloud) == ["InService"]
    assert (action.status, action.ended_at) == ("Timeout", NOON + expires)


@pytest.mark.parametrize("seconds", [29, 21601, 0, -1])
def test_a_heartbeat_has_a_range(cloud: Cloud, ess: Ess, seconds: int) -> None:
    """30 to 21600 s; 600 where it is not given."""
    action = waiting(cloud, timeout=30)

    refusal = ess.refused("RecordLifecycleActionHeartbeat", **lower_pair(action), heartbeatTimeout=seconds)
    assert refusal == (400, "InvalidParamter")
    assert (action.heartbeats, action.expires_at) == (0, NOON + 30)
    ess("RecordLifecycleActionHeartbeat", **lower_pair(action))
    assert action.expires_at == NOON + 600


def test_twenty_heartbeats_are_the_most(cloud: Cloud, ess: Ess) -> None:
    """The 21st is refused and changes nothing."""
    action = waiting(cloud)
    for _ in range(20):
        cloud.clock.advance(60)
        ess.heartbeat(action, 100)

    refusal = ess.refused("RecordLifecycleActionHeartbeat", **lower_pair(action), heartbeatTimeout=100)
    assert refusal == (400, "LifecycleAction.RecordTimesExceeded")
    assert (action.heartbeats, action.expires_at) == (20, NOON + 20 * 60 + 100)


@pytest.mark.parametrize(("reading", "most"), [("restart", 3 * HOURS), ("add", 2 * HOURS)])
def test_six_hours_are_the_most(cloud: Cloud, ess: Ess, reading: str, most: int) -> None:
    """From the moment the hook fired to the new end, under both readings; to the second."""
    cloud.ess.heartbeat_reading = reading
    action = waiting(cloud, timeout=4 * HOURS)
    cloud.clock.advance(3 * HOURS)

    refusal = ess.refused("RecordLifecycleActionHeartbeat", **lower_pair(action), heartbeatTimeout=most + 1)
    assert refusal == (400, "LifecycleAction.TimeExceeded")
    assert action.heartbeats == 0
    ess.heartbeat(action, most)
    assert action.expires_at == NOON + 6 * HOURS
