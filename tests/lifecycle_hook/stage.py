"""A stage for lifecycle hooks: a scaling group in the middle of an activity, and the real function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.ecs.assistant import Command, Outcome
from simulator.scaling_fleet import HOOK_ARN, ScalingFleet, notification_of, scaling_fleet
from tests.function_stage import FunctionStage

if TYPE_CHECKING:
    import pytest

NOW = 1_760_000_000.0
FUNCTION = "spotkeeper-lifecycle-hook"
MINUTE = 60.0
ARNS = {"SPOTKEEPER_HOOK_ARNS": HOOK_ARN}
REMOVE = {"on_partial_failure": "continue_and_remove_failed"}


@dataclass
class HookStage(FunctionStage):
    """One cloud with the group, and what it was like before the function was called."""

    function = "lifecycle_hook"
    fleet: ScalingFleet = field(kw_only=True)

    @property
    def variables(self) -> dict[str, str]:
        """It has no journal, and its role's key."""
        return {}

    @property
    def sent(self) -> bytes:
        """The notification of the hook."""
        return notification_of(self.cloud, self.fleet.action)

    def check(self, name: str = "system-up", *instance_ids: str, **settings: str) -> dict[str, Any]:
        """A check on demand."""
        return self.deliver(json.dumps({"check": name, "instanceIds": instance_ids or self.ids}).encode(), **settings)

    def completes(self, result: str, event: bytes | None = None, **settings: str) -> dict[str, Any]:
        """One delivery that has to complete the action with this result; its answer."""
        answer = self.deliver(event, **settings)
        came_to = (answer.get("result"), *self.action)
        assert came_to == (result, "Completed", result), f"{came_to}: {answer['reason']}"
        return answer

    def advance(self, seconds: float) -> None:
        """Let time pass while nobody works; what is due by then happens."""
        super().advance(seconds)
        self.cloud.progress()

    @property
    def ids(self) -> list[str]:
        """The instances that wait."""
        return list(self.fleet.spec.instance_ids)

    def said(self, **changes: Any) -> bytes:
        """The notification with ``changes`` in its content; ``time`` is its own."""
        event = json.loads(self.sent)
        if "time" in changes:
            event["time"] = changes.pop("time")
        event["content"] |= changes
        return json.dumps(event).encode()

    def tags(self, instance_id: str) -> dict[str, str]:
        """Our tags on an instance; none where it was released."""
        instance = self.cloud.ecs.instances.get(instance_id)
        tags = instance.tags.true() if instance else {}
        return {key: value for key, value in tags.items() if key.startswith("spotkeeper:")}

    def fail(self, *instance_ids: str, **outcome: Any) -> None:
        """Every command on these instances ends so (without anything: with exit code 1)."""
        ends = Outcome(**(outcome or {"exit_code": 1, "output": b"no: it is broken\n"}))
        before = self.cloud.ecs.assistant.script

        def script(command: Command, instance_id: str) -> Outcome:
            return ends if instance_id in instance_ids else before(command, instance_id)

        self.cloud.ecs.assistant.script = script

    def agents(self, when: float | None, *instance_ids: str) -> None:
        """The agents of these instances (of all) have their first heartbeat then; None: never."""
        self.cloud.ecs.assistant.agent_at.update(dict.fromkeys(instance_ids or self.ids, when))

    def serving(self) -> set[str]:
        """The new instances that take traffic: in service in their group, and behind its load balancer."""
        inside = {
            instance.instance_id
            for instance in self.fleet.group.instances.values()
            if instance.lifecycle_state == "InService"
        }
        behind = {member.server_id for member in self.fleet.vserver_group.members}
        assert inside & set(self.ids) == behind & set(self.ids)
        return inside & set(self.ids)

    @property
    def action(self) -> tuple[str, str]:
        """Status and result of the lifecycle action."""
        self.cloud.progress()
        return self.fleet.action.status, self.fleet.action.result

    def actions(self, *names: str) -> list[Any]:
        """The logged calls of these actions."""
        return [call for call in self.cloud.calls if call.action in names]

    def accepted(self) -> int:
        """How often a completion was accepted; at most once per token, whatever happens."""
        tokens = [completion["token"] for completion in self.cloud.ess.completions]
        assert len(tokens) == len(set(tokens))
        return len(tokens)


def stage(
    settings: Mapping[str, str] | None = None, timeout: float = 900, now: float = NOW, **changes: Any
) -> HookStage:
    """A cloud in which a hook has just begun to wait (``changes`` are ScalingSpec's)."""
    cloud = Cloud(now)
    cloud.ecs.timings = Timings()
    cloud.oss.add_bucket("spotkeeper-journal")
    item = HookStage(cloud, dict(settings or {}), timeout, fleet=scaling_fleet(cloud, **changes))
    item.before = cloud.state()
    return item


def failing(**changes: Any) -> HookStage:
    """A stage of which the first instance fails its check."""
    here = stage(**changes)
    here.fail(here.ids[0])
    return here


def write_hooks(folder: Path, monkeypatch: pytest.MonkeyPatch, **defaults: dict[str, Any]) -> None:
    """The functions read a hooks.json without rules, whose defaults have these changes."""
    usual = {"SCALE_OUT": {"checks": ["system-up"]}, "SCALE_IN": {"checks": ["connections-drained"]}}
    merged = {name: {**usual[name], **defaults.get(name, {})} for name in usual}
    path = folder / "hooks.json"
    path.write_text(json.dumps({"rules": [], "defaults": merged}), encoding="utf-8")
    monkeypatch.setattr("checking.entry.HOOKS", path)
