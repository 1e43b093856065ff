"""What a hook wants is what Auto Scaling says of it: an event chooses neither a weaker check nor another bucket."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spotkeeper.errors import SpotkeeperError
from tests.lifecycle_hook.conftest import Write
from tests.lifecycle_hook.stage import HookStage, stage

LOGS = {"checks": [{"name": "logs-uploaded", "parameters": {"bucket": "ours"}}]}
THEIRS = {"checks": [{"name": "logs-uploaded", "parameters": {"bucket": "theirs"}}]}


def ran(here: HookStage) -> list[str]:
    """The checks that were run."""
    return [command.name.removeprefix("spotkeeper-") for command in here.cloud.ecs.assistant.commands]


@pytest.mark.parametrize("own", ["", "a remark"], ids=["no metadata", "a remark"])
def test_an_event_that_chooses_a_weaker_check(own: str) -> None:
    """The transition's default runs."""
    here = stage(metadata=own)
    here.deliver(here.said(notificationMetadata=json.dumps({"checks": ["headroom"]})))
    assert ran(here) == ["system-up"]


@pytest.mark.parametrize("said", [json.dumps(THEIRS), "", "{"], ids=["theirs", "none", "broken"])
def test_an_event_that_chooses_another_bucket(said: str) -> None:
    """The logs go where the hook says."""
    here = stage(transition="SCALE_IN", metadata=json.dumps(LOGS))
    here.deliver(here.said(notificationMetadata=said))
    assert ran(here) == ["logs-uploaded"]
    assert [command.parameters["bucket"] for command in here.cloud.ecs.assistant.commands] == ["ours"]


@pytest.mark.parametrize(
    "changes",
    [
        {"lifecycleTransition": "SCALE_IN"},
        {"lifecycleHookName": "lenient"},
        {"scalingGroupId": "asg-lenient"},
        {"defaultResult": "ROLLBACK"},
    ],
    ids=lambda item: next(iter(item)),
)
def test_an_event_that_says_what_its_hook_does_not(changes: dict[str, Any]) -> None:
    """Transition, name, group and default are the hook's own."""
    here = stage()
    assert here.deliver(here.said(**changes))["result"] == "CONTINUE"
    assert ran(here) == ["system-up"]


def test_a_hook_that_is_not_shown(hooks: Write) -> None:
    """Nobody knows what it wants: nothing runs and nothing is completed by what the event says."""
    hooks(SCALE_IN={"checks": ["headroom"]})
    here = stage(default_result="ABANDON")
    here.fleet.group.hooks.clear()
    said = {
        "lifecycleTransition": "SCALE_IN",
        "defaultResult": "CONTINUE",
        "notificationMetadata": '{"checks": ["headroom"]}',
    }
    with pytest.raises(SpotkeeperError, match="does not show"):
        here.deliver(here.said(**said))
    assert (ran(here), here.action) == ([], ("Pending", ""))
