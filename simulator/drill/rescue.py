"""The drill of a rescue: after its event, or found by the sweep where the event got lost."""

from __future__ import annotations

from typing import Any

from simulator import proof
from simulator.drill.report import LATENCY, count, measured, show_timeline, verdict
from simulator.drill.stage import AUDIT_FILE, Drill


class RescueDrill(Drill):
    """The interruption event arrives just after it was sent."""

    def judge(self, answer: dict[str, Any]) -> int:
        """One image, one replacement in the source's places, and nothing else changed."""
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
    """The event got lost: the rescue is what the sweep makes of it. The lock appeared just after the last sweep."""

    before_event = 60.0

    def seed(self) -> None:
        """The fleet, and the function that the sweep hands over to."""
        super().seed()
        self.cloud.fc.register("spotkeeper-interruption", lambda one: self.call("interruption", one))

    def judge(self, answer: dict[str, Any]) -> int:
        """What the sweep handed over, then the proof of any rescue."""
        asked = next((call.at for call in self.cloud.calls if call.action == "CreateImage"), None)
        if asked is not None:
            print(f"CreateImage was called {asked - self.before['now']:.1f} s after the lock appeared.")
        for one in self.cloud.fc.finished:
            print(f"{one.function} (task {one.task_id}) {one.outcome} after {one.attempts} attempt(s)")
            answer = one.result if isinstance(one.result, dict) else answer
        print(f"{answer['outcome']}: {answer['reason']}\n")
        return super().judge(answer)
