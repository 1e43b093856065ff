"""A stage for sweeps: the rescues' stage with both real functions, and a timer that goes off by the minute."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator import fleet
from simulator.ecs import Timings
from simulator.fc.invocation import AsyncInvocation
from simulator.fc.service import RUNS
from tests.function_stage import READS, TIMER
from tests.rescue.reading import fault, heal
from tests.rescue.stage import EVENT, READY, SOURCE, Stage
from tests.rescue.stage import stage as rescue_stage

FUNCTION, STATE_CHANGE = "spotkeeper-interruption", "spotkeeper-state-change"
SILENCE = 180
"""Seconds after which nobody believes in a call any more that left no sign of life."""
ANSWER = {"outcome": "done", "reason": "it is finished", "warnings": [], "timeline": [], "retained_disks": []}
HINTS = ("/alive/", "/open/")
MINUTE, DAY = 60.0, 86_400.0
LONG = 30 * DAY
PHASES = (
    *(0.001, 7, 17, 31.5, 52, 59.999),
    *(pytest.param(second + 0.001, marks=pytest.mark.full) for second in range(1, 60)),
)
"""Seconds of the timer's minute at which something happens."""


class SweepStage(Stage):
    """A stage whose cloud runs what the sweep hands over; ``seconds_a_call``: what each call of a sweep takes."""

    seconds_a_call = 0.0

    def register(self, attempts: int = RUNS) -> None:
        """The interruption function as Function Compute knows it."""
        self.cloud.fc.register(FUNCTION, lambda payload: self.call(payload, name="handed over"), attempts)

    def sweep(self, event: bytes = TIMER, /, **settings: str) -> dict[str, Any]:
        """The timer goes off now; what is handed over waits. Raises what the function raises."""
        with self.playing(self._take_time if self.seconds_a_call else None, settings):
            return self.invoke("sweep", event, name="sweep")

    def _take_time(self, *_: object) -> None:
        self.cloud.clock.advance(self.seconds_a_call)

    def tick(self, **settings: str) -> dict[str, Any]:
        """A sweep, and what is due by then."""
        answer = self.sweep(**settings)
        self.run(self.cloud.fc.run_due)
        return answer

    def idle(self, **settings: str) -> dict[str, Any]:
        """A sweep that is skipped, and writes nothing but hints; its answer."""
        with self.writes_nothing():
            answer = self.tick(**settings)
        assert answer["outcome"] == "skipped", answer["reason"]
        return answer

    def minutes(self, count: int, **settings: str) -> list[dict[str, Any]]:
        """The timer goes off each minute, so many times; what it calls takes place in between."""
        answers = []
        for _ in range(count):
            self.advance(MINUTE - self.cloud.now() % MINUTE)
            answers.append(self.tick(**settings))
        return answers

    def deliver_asynchronously(self, event: bytes = EVENT) -> None:
        """The event reaches Function Compute, which calls the function up to four times."""
        now = self.cloud.now()
        self.cloud.fc.pending.append(AsyncInvocation(FUNCTION, "event", "event", event, now, now))

    def dies_at(self, action: str, effect: str = "kill-before", attempts: int = 1, **how: Any) -> None:
        """The event arrives, and each of Function Compute's attempts is killed at its first call of ``action``."""
        self.register(attempts)
        fault(self, action, effect, times=attempts, **how)
        self.deliver_asynchronously()
        self.run()
        assert [invocation.outcome for invocation in self.cloud.fc.finished] == ["Failed"]
        heal(self)
        self.register()

    def give_up(self) -> None:
        """Until nobody believes any more in the call that ended now."""
        self.advance(SILENCE + 1)

    @property
    def state(self) -> dict[str, Any]:
        """The cloud as it is now, without the journal's hints: they come and go."""
        found = self.cloud.state()
        objects = found["oss"][fleet.BUCKET]
        kept = {key: one for key, one in objects.items() if not any(hint in key for hint in HINTS)}
        return {**found, "oss": {**found["oss"], fleet.BUCKET: kept}}

    def writes(self) -> list[str]:
        """The actions that changed anything but hints."""
        found = (call for call in self.cloud.calls if not call.action.startswith(READS))
        return [item.action for item in found if not any(hint in str(item.parameters.get("path")) for hint in HINTS)]

    def write(self, instance_id: str, number: int, name: str, document: dict[str, Any]) -> None:
        """A record in the journal, as an earlier call would have left it, with the hints that it leaves."""
        place, now = f"{instance_id}/{number}", self.cloud.now()
        needed: dict[str, dict[str, Any]] = {
            "event": {"notice_end": now, "notice_estimated": False},
            "done": {"answer": {**ANSWER, **document.get("answer", {})}},
        }
        document = {**document, **needed[name]} if name == "done" else {**needed.get(name, {}), **document}
        self.put(f"rescues/{place}/{name}", document)
        if name == "event":
            self.put(f"open/rescues/{place}", {})
            self.put(f"rescues/{place}/attempt-1", {})
        if name == "done":
            self.put(f"open/leftovers/{int(document['at']):010}/{place}", {})
            self.move_away(f"open/rescues/{place}")

    def sign(self, instance_id: str, attempt: int, at: float, ending: str = "") -> None:
        """A sign of life, or the last, of a call that works on the first episode."""
        self.put(f"alive/{instance_id}/1/{attempt}-{int(at)}{ending and '-'}{ending}", {})

    def add_spot(self, instance_id: str, **changes: Any) -> None:
        """One more managed spot instance under the lock, or whatever ``changes`` make of it."""
        attributes = {"spot_strategy": "SpotAsPriceGo", "tags": self.fleet.spec.tags, **changes}
        locked = attributes.pop("locked", True)
        self.add_instance(instance_id, **attributes)
        if locked:
            self.cloud.ecs.reclaim(instance_id)

    @property
    def handed_over(self) -> list[str]:
        """The instances that the queue's invocations are about, in their order."""
        every = [*self.cloud.fc.finished, *self.cloud.fc.pending]
        return [json.loads(item.payload)["data"]["instanceId"] for item in every if item.task_id != "event"]


def stage(timings: Timings = READY, settings: dict[str, str] | None = None, **changes: Any) -> SweepStage:
    """The rescues' stage (``changes`` are FleetSpec's) with both functions."""
    item = rescue_stage(timings, settings, **changes)
    swept = SweepStage(item.cloud, item.settings, item.timeout, item.before, fleet=item.fleet)
    swept.register()
    return swept


def half_done(action: str = "RunInstances", **changes: Any) -> SweepStage:
    """A rescue whose only call died before ``action``, and whose time is up."""
    here = stage(**{"notice": LONG, **changes})
    here.dies_at(action)
    here.give_up()
    return here


def back_from_stop_mode() -> SweepStage:
    """A stop-mode instance that was drained runs again, at weight 0, and the event of that got lost."""
    here = stage(spot_interruption_behavior="Stop")
    here.deliver()
    here.pass_notice()
    here.advance(MINUTE)
    here.cloud.progress()
    here.cloud.ecs.capacity_back(SOURCE)
    here.cloud.ecs.instances[SOURCE].status = "Running"
    here.cloud.fc.register(STATE_CHANGE, lambda _: None)
    return here
