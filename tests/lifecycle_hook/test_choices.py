"""The checks that a hook's NotificationMetadata chooses, and the commands that reach the machines."""

from __future__ import annotations

import json

from spotkeeper.errors import BadCheck
from tests.lifecycle_hook.stage import stage


def test_another_check_with_parameters() -> None:
    """The declared parameters are filled into the script by Cloud Assistant, and nothing else is."""
    chosen = [{"name": "port-answers", "parameters": {"port": 8080}}]
    here = stage(metadata=json.dumps({"checks": chosen}))
    here.completes("CONTINUE")
    (command,) = here.cloud.ecs.assistant.commands
    assert (command.name, command.parameters) == ("spotkeeper-port-answers", {"port": "8080", "wait-seconds": "120"})
    assert "8080" in command.content
    assert "{{" not in command.content


def test_windows() -> None:
    """A machine's operating system decides which script runs; both kinds can be in one activity."""
    here = stage()
    here.cloud.ecs.instances[here.ids[1]].os_type = "windows"
    here.completes("CONTINUE")
    assert [(command.type, command.instance_ids) for command in here.cloud.ecs.assistant.commands] == [
        ("RunShellScript", here.ids[:1]),
        ("RunPowerShellScript", here.ids[1:]),
    ]


def test_a_machine_for_which_there_is_no_script() -> None:
    """That is a wrong choice of checks, not a failed one: it raises, and the hook stays open."""
    here = stage(metadata=json.dumps({"checks": [{"name": "logs-uploaded", "parameters": {"bucket": "shop-logs"}}]}))
    here.cloud.ecs.instances[here.ids[1]].os_type = "windows"
    here.fails(BadCheck, match="no script for windows")
    assert here.action == ("Pending", "")
