"""A stage for lifecycle hooks: a scaling group in the middle of an activity, and the real function."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulator import function_compute
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.ecs.assistant import Command, Outcome
from simulator.scaling_fleet import ScalingFleet, notification_of, scaling_fleet
from simulator.transport import BeforeCall, in_process, invocation

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_760_000_000.0
FUNCTION = "spotkeeper-lifecycle-hook"
MINUTE = 60.0

HANDLER = function_compute.load("lifecycle_hook")
SWEEP = function_compute.load("sweep")
READS = ("Describe", "List", "Get", "Head")


@dataclass
class HookStage:
    """One cloud with the group, and what it was like before the function was called."""

    cloud: Cloud
    fleet: ScalingFleet
    settings: dict[str, str] = field(default_factory=dict)
    timeout: float = 900
    before: dict[str, Any] = field(default_factory=dict)

    @property
    def event(self) -> bytes:
        """The notification of the hook."""
        return notification_of(self.cloud, self.fleet.action)

    def deliver(self, event: bytes | None = None, *, name: str = "call", **settings: str) -> dict[str, Any]:
        """One delivery, in this thread, on simulated time. Raises what the function raises."""
        with self.playing(settings=settings):
            return self.call(event, name=name)

    @contextmanager
    def playing(
        self, before_call: BeforeCall | None = None, settings: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """The world of the function: its cloud, environment and time. Calls inside may come from several threads."""
        random.seed(20180621)
        with (
            in_process(self.cloud, before_call) as url,
            function_compute.environment({**function_compute.endpoints(url), **self.settings, **(settings or {})}),
            function_compute.simulated_time(self.cloud.clock),
        ):
            yield

    def call(self, event: bytes | None = None, *, name: str = "call") -> dict[str, Any]:
        """One call inside ``playing``."""
        meta = function_compute.FunctionMeta("lifecycle_hook", self.timeout)
        role = function_compute.assume(self.cloud, "lifecycle_hook")
        context = function_compute.Context(meta, self.cloud.region, self.cloud.account_id, name, role)
        with invocation(name):
            return HANDLER(self.event if event is None else event, context)

    def check(self, name: str = "system-up", *instance_ids: str, **settings: str) -> dict[str, Any]:
        """A check on demand."""
        return self.deliver(json.dumps({"check": name, "instanceIds": instance_ids or self.ids}).encode(), **settings)

    def sweep(self, **settings: str) -> dict[str, Any]:
        """The timer goes off; what the sweep hands over is handled at once."""
        self.cloud.fc.register(FUNCTION, lambda payload: self.call(payload, name="handed over"), attempts=1)
        variables = {"SPOTKEEPER_JOURNAL": "oss://spotkeeper-journal/rescues", **settings}
        meta = function_compute.FunctionMeta("sweep", 300)
        with self.playing(settings=variables), invocation("sweep"):
            role = function_compute.assume(self.cloud, "sweep")
            context = function_compute.Context(meta, self.cloud.region, self.cloud.account_id, credentials=role)
            answer = SWEEP((ROOT / "events" / "timer.json").read_bytes(), context)
            self.cloud.fc.run_due()
        return answer

    def advance(self, seconds: float) -> None:
        """Let time pass while nobody works."""
        self.cloud.clock.advance(seconds)
        self.cloud.progress()

    @property
    def ids(self) -> list[str]:
        """The instances that wait."""
        return list(self.fleet.spec.instance_ids)

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
        inside = {one.instance_id for one in self.fleet.group.instances.values() if one.lifecycle_state == "InService"}
        behind = {one.server_id for one in self.fleet.vserver_group.members}
        assert inside & set(self.ids) == behind & set(self.ids)
        return inside & set(self.ids)

    @property
    def state(self) -> dict[str, Any]:
        """The cloud as it is now."""
        return self.cloud.state()

    @property
    def action(self) -> tuple[str, str]:
        """Status and result of the lifecycle action."""
        self.cloud.progress()
        return self.fleet.action.status, self.fleet.action.result

    def actions(self, *names: str) -> list[Any]:
        """The logged calls of these actions."""
        return [one for one in self.cloud.calls if one.action in names]

    def writes(self) -> list[str]:
        """The actions that changed anything."""
        return [one.action for one in self.cloud.calls if not one.action.startswith(READS)]

    def accepted(self) -> int:
        """How often a completion was accepted; at most once per token, whatever happens."""
        tokens = [one["token"] for one in self.cloud.ess.completions]
        assert len(tokens) == len(set(tokens))
        return len(tokens)


def stage(settings: Mapping[str, str] | None = None, timeout: float = 900, **changes: Any) -> HookStage:
    """A cloud in which a hook has just begun to wait (``changes`` are ScalingSpec's)."""
    cloud = Cloud(NOW)
    cloud.ecs.timings = Timings()
    cloud.oss.add_bucket("spotkeeper-journal")
    one = HookStage(cloud, scaling_fleet(cloud, **changes), dict(settings or {}), timeout)
    one.before = cloud.state()
    return one
