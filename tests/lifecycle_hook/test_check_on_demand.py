"""Checks on demand: the same checks over any running instances; nothing is completed."""

from __future__ import annotations

import json

import pytest

from spotkeeper.errors import DeadlineReached, MalformedEvent
from tests.lifecycle_hook.stage import stage
from tests.rescue.reading import fault


def test_the_named_check_on_every_instance() -> None:
    """One result for each, and the hook that waits meanwhile is not touched."""
    here = stage()
    here.fail(here.ids[1])
    answer = here.check()
    assert (answer["outcome"], answer["passed"]) == ("done", False)
    assert [(result["instance_id"], result["passed"], result["exit_code"]) for result in answer["results"]] == [
        (here.ids[0], True, 0),
        (here.ids[1], False, 1),
    ]
    assert here.writes() == ["RunCommand"]
    assert here.action == ("Pending", "")


@pytest.mark.parametrize("name", ["no-such-check", "../hooks", "system-up.sh", "SYSTEM-UP", "uptime; id"])
def test_an_unknown_check(name: str) -> None:
    """Malformed, and nothing was asked or written."""
    here = stage()
    with pytest.raises(MalformedEvent):
        here.check(name)
    assert here.cloud.calls == []


def test_instances_that_no_command_can_reach() -> None:
    """They have failed after a minute, with why; the others are checked all the same."""
    here = stage()
    here.agents(None, here.ids[0])
    answer = here.check("system-up", *here.ids, "i-bp1nowhere")
    reasons = {result["instance_id"]: result["reason"] for result in answer["results"]}
    assert "no heartbeat" in reasons[here.ids[0]]
    assert "does not exist" in reasons["i-bp1nowhere"]
    assert answer["results"][0]["passed"] is True


def test_the_same_request_again_is_the_same_command() -> None:
    """A retry of Function Compute finds the command of the call that died; another request runs it anew."""
    here = stage(timeout=60)
    here.fail(*here.ids, exit_code=0, seconds=90.0)
    with pytest.raises(DeadlineReached):
        here.check()
    assert here.check()["passed"] is True
    assert len(here.cloud.ecs.assistant.commands) == 1
    event = json.dumps({"check": "system-up", "instanceIds": here.ids}).encode()
    here.fail(*here.ids, exit_code=0)
    assert here.deliver(event, name="another request")["passed"] is True
    assert len(here.cloud.ecs.assistant.commands) == 2


def test_a_dry_run() -> None:
    """The plan, and nothing is run."""
    here = stage()
    answer = here.check(SPOTKEEPER_DRY_RUN="true")
    assert (answer["outcome"], here.writes()) == ("skipped", [])
    assert answer["plan"] == [f"run system-up on {', '.join(here.ids)}"]


def test_a_refusal_is_raised() -> None:
    """Nothing waits for a check on demand, so nothing is done about our own failure but to say it."""
    here = stage()
    fault(here, "RunCommand", "code:Forbidden.RAM", times=None)
    with pytest.raises(Exception, match="RunCommand"):
        here.check()
    assert here.action == ("Pending", "")
