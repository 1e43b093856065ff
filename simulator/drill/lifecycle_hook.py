"""The drill of a lifecycle hook: machines that Auto Scaling holds back are checked, and the hook is completed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from simulator.cloud import Cloud
from simulator.drill.report import LATENCY, verdict
from simulator.drill.stage import AUDIT_FILE, TIMINGS, Drill
from simulator.ecs.assistant import Command, Outcome
from simulator.ess.model import SCALE_IN, SCALE_OUT
from simulator.proof import State
from simulator.scaling_fleet import MEMBER, ScalingFleet, scaling_fleet

AGENT_SECONDS = 20.0
"""The Cloud Assistant agents have their first heartbeat so long after the machines run."""
CHECK_SECONDS = 8.0


class HookDrill(Drill):
    """The notification arrives just after the hook has begun to wait."""

    before_event = 2 * TIMINGS.boot + LATENCY

    def seed(self) -> None:
        """The scaling group of the notification, in the middle of its activity."""
        event = self.subject.event
        if event.transition.value == SCALE_IN:
            self.cloud.clock.advance(TIMINGS.boot)
        self.scaling = scaling_fleet(
            self.cloud,
            transition=event.transition.value,
            instance_ids=event.instance_ids,
            hook_name=event.hook_name or "check",
            hook_id=event.hook_id,
            group_id=event.scaling_group_id,
            activity_id=event.scaling_activity_id,
            token=event.token,
            metadata=event.notification_metadata or "",
        )
        assist(self.cloud, event.instance_ids)

    def judge(self, answer: dict[str, Any]) -> int:
        """Show the calls and the evidence, and prove the result by the cloud's state."""
        show(self.cloud, self.before, answer)
        self.cloud.clock.advance(60.0)  # Auto Scaling needs time after a hook
        found = shortcomings(self.before, self.cloud.state(), self.scaling)
        out = self.scaling.spec.transition == SCALE_OUT
        machines = "every new machine takes traffic" if out else "every leaving machine is released"
        return verdict(
            f"{machines} and was checked once, the hook was completed once with CONTINUE, the other member untouched",
            found,
        )


class CheckDrill(Drill):
    """Running instances, and a check on demand."""

    def seed(self) -> None:
        """The machines."""
        group = self.cloud.ess.add_scaling_group("web")
        ids = list(self.subject.event.instance_ids)
        self.cloud.ess.scale_out(group, instance_ids=ids, status="Running")
        assist(self.cloud, ids)

    def judge(self, answer: dict[str, Any]) -> int:
        """The commands ran, and nothing else was changed."""
        show(self.cloud, self.before, answer)
        after = self.cloud.state()
        checked = commanded(after)
        asked = sorted(self.subject.event.instance_ids)
        written = {call["action"] for call in after["calls"] if not call["action"].startswith("Describe")}
        return verdict(
            "the check ran once on every machine, and nothing else was changed",
            [
                *([] if checked == asked else [f"checked: {checked}"]),
                *([] if written == {"RunCommand"} else [f"called: {sorted(written)}"]),
            ],
        )


def assist(cloud: Cloud, instance_ids: Sequence[str]) -> None:
    """Agents that come a little late, and machines that are up."""
    cloud.ecs.assistant.agent_at.update(dict.fromkeys(instance_ids, cloud.now() + AGENT_SECONDS))
    cloud.ecs.assistant.script = _checked


def _checked(_: Command, instance_id: str) -> Outcome:
    return Outcome(output=f"ok: {instance_id} is up\n".encode(), seconds=CHECK_SECONDS)


def commanded(state: State) -> list[str]:
    """The instances on which commands were run, as often as that happened."""
    return sorted(result for command in state["ecs"]["invocations"] for result in command["InvocationStatus"])


def show(cloud: Cloud, before: State, answer: dict[str, Any]) -> None:
    """One line per kind of call, its first moment and how often it was made; and the output of every instance."""
    calls = [(call.product, call.action, call.code) for call in cloud.calls]
    for kind, number in Counter(calls).items():
        first = cloud.calls[calls.index(kind)].at - before["now"] + LATENCY
        times = f" ({number} times)" if number > 1 else ""
        print(f"  {first:6.1f} s  {' '.join(kind)}".rstrip() + times)
    print()
    for result in answer.get("results", []):
        print(f"  {result['instance_id']}  {result['reason']}: {result.get('output', '')}".rstrip())
    print("  (the embedded cloud runs no script: these answers are the drill's)")
    print(f"\n  audit records: {AUDIT_FILE}")


def shortcomings(before: State, after: State, seeded: ScalingFleet) -> list[str]:
    """The differences between ``after`` and the end of a hook whose checks have all passed."""
    out = seeded.spec.transition == SCALE_OUT
    ids = set(seeded.spec.instance_ids)
    action = next(result for result in after["ess"]["actions"] if result["LifecycleActionToken"] == seeded.action.token)
    ended = (action["LifecycleActionStatus"], action["LifecycleActionResult"])
    serving = {result["InstanceId"] for result in after["ess"]["instances"] if result["LifecycleState"] == "InService"}
    behind = {
        member["ServerId"]
        for balancer in after["slb"]["LoadBalancers"]
        for group in balancer["VServerGroups"]
        for member in group["BackendServers"]
    }
    standing = {result["InstanceId"] for result in after["ecs"]["instances"]}
    checked = commanded(after)
    wanted = ids | {MEMBER} if out else {MEMBER}
    return [
        *([] if ended == ("Completed", "CONTINUE") else [f"the lifecycle action is {' with '.join(ended)}"]),
        *([] if len(after["ess"]["completions"]) == 1 else [f"{len(after['ess']['completions'])} completions, not 1"]),
        *([] if serving == wanted else [f"in service: {sorted(serving)}"]),
        *([] if behind == wanted else [f"behind the load balancer: {sorted(behind)}"]),
        *([] if standing == wanted else [f"instances: {sorted(standing)}"]),
        *([] if checked == sorted(ids) else [f"checked: {checked}"]),
        *([] if before["oss"] == after["oss"] else ["something was written to OSS"]),
    ]
