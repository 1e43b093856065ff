"""The drill of a rescue: after its event, or found by the sweep where the event got lost."""

from __future__ import annotations

from typing import Any

from simulator import proof
from simulator.drill.report import LATENCY, count, measured, show_timeline, verdict
from simulator.drill.stage import AUDIT_FILE, Drill


class RescueDrill(Drill):
    """The interruption event arrives just after it was sent."""

    def judge(self, answer: dict[str, Any]) -> int:
        """One image, one replacement in the source's groups, and nothing else changed."""
        after = self.cloud.state()
        answer = next(iter(answer.get("results", [])), answer)
        show_timeline(answer, self.before["now"] - LATENCY + self.before_event)
        print(f"\n  {count(self.cloud)}: this rescue, waiting included")
        print(*measured(), sep="\n")
        print(f"\n  audit records: {AUDIT_FILE}")
        source_id = self.fleet.source.instance_id
        return verdict(
            "an image of all disks; a replacement like its source, in the same server groups with the same ports and "
            "weights; the disk flags are back; nothing else has changed",
            proof.shortcomings(self.before, after, source_id) + proof.elsewhere(self.before, after, source_id),
        )


class SweepDrill(RescueDrill):
    """The event got lost: the sweep begins the rescue. The lock appeared just after the last sweep."""

    before_event = 60.0

    def seed(self) -> None:
        """The fleet, and the function that the sweep invokes."""
        super().seed()
        self.cloud.fc.register("spotkeeper-interruption", lambda event: self.call("interruption", event))

    def judge(self, answer: dict[str, Any]) -> int:
        """The invocations of the sweep, then the proof of any rescue."""
        asked = next((call.at for call in self.cloud.calls if call.action == "CreateImage"), None)
        if asked is not None:
            print(f"CreateImage was called {asked - self.before['now']:.1f} s after the lock appeared.")
        for invocation in self.cloud.fc.finished:
            name = f"{invocation.function} (task {invocation.task_id})"
            print(f"{name} {invocation.outcome} after {invocation.attempts} attempt(s)")
            answer = invocation.result if isinstance(invocation.result, dict) else answer
        print(f"{answer['outcome']}: {answer['reason']}\n")
        return super().judge(answer)
