"""A stage for sweeps: the rescues' stage with both real functions, and a timer that goes off by the minute."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from simulator import fleet
from simulator.ecs import Timings
from simulator.fc.invocation import AsyncInvocation
from simulator.fc.service import RUNS
from simulator.oss.buckets import StoredObject
from simulator.transport import Killed
from tests.function_stage import READS, TIMER
from tests.rescue.stage import EVENT, READY, Stage
from tests.rescue.stage import stage as rescue_stage
from tests.rescue.walks import Outcome

FUNCTION = "spotkeeper-interruption"
SILENCE = 180
"""Seconds after which nobody believes in a call any more that left no sign of life."""
ANSWER = {"outcome": "done", "reason": "it is finished", "warnings": [], "timeline": [], "retained_disks": []}
HINTS = ("/alive/", "/open/")
MINUTE, DAY = 60.0, 86_400.0
REALISTIC = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)


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

    def run(self, until: Callable[[], None] | None = None) -> None:
        """Function Compute runs what is in its queue: all of it with its retries, or what ``until`` says."""
        with self.playing():
            (until or self.cloud.fc.run_pending)()

    def tick(self, **settings: str) -> dict[str, Any]:
        """A sweep, and what is due by then."""
        answer = self.sweep(**settings)
        self.run(self.cloud.fc.run_due)
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

    def die(self) -> None:
        """What the queue holds runs until Function Compute gives it up; all the faults are over then."""
        self.run()
        assert [invocation.outcome for invocation in self.cloud.fc.finished] == ["Failed"]
        self.cloud.faults.added.clear()

    def give_up(self) -> None:
        """Until nobody believes any more in the call that ended now."""
        self.advance(SILENCE + 1)

    @property
    def home(self) -> str:
        """Where the journal keeps what is about this account and region."""
        return f"rescues/{self.cloud.account_id}/{self.cloud.region}"

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

    def hints(self, folder: str) -> list[str]:
        """The keys of the hints in ``alive`` or ``open``, without what stands before the folder."""
        start = f"{self.home}/{folder}/"
        every = self.cloud.oss.buckets[fleet.BUCKET].objects
        return sorted(key.removeprefix(start).removesuffix(".json") for key in every if key.startswith(start))

    def write(self, instance_id: str, number: int, name: str, document: dict[str, Any]) -> None:
        """A record in the journal, as an earlier call would have left it, with the hints that it leaves."""
        place, now = f"{instance_id}/{number}", self.cloud.now()
        needed: dict[str, dict[str, Any]] = {
            "event": {"notice_end": now, "notice_estimated": False},
            "done": {"answer": {**ANSWER, **document.get("answer", {})}},
        }
        document = {**document, **needed[name]} if name == "done" else {**needed.get(name, {}), **document}
        self.put(f"{self.home}/rescues/{place}/{name}.json", json.dumps(document))
        if name == "event":
            self.put(f"{self.home}/open/rescues/{place}.json", "{}")
        if name == "done":
            self.put(f"{self.home}/open/leftovers/{int(document['at']):010}/{place}.json", "{}")
            self.cloud.oss.buckets[fleet.BUCKET].objects.pop(f"{self.home}/open/rescues/{place}.json", None)

    def sign(self, instance_id: str, attempt: int, at: float, ending: str = "") -> None:
        """A sign of life, or the last one, of a call that works on the first episode."""
        self.put(f"{self.home}/alive/{instance_id}/1/{attempt}-{int(at)}{ending and '-'}{ending}.json", "{}")

    def put(self, key: str, text: str) -> None:
        """An object in the journal's bucket."""
        self.cloud.oss.buckets[fleet.BUCKET].objects[key] = StoredObject(text.encode(), self.cloud.now())

    def add_spot(self, instance_id: str, **changes: Any) -> None:
        """One more managed spot instance under the lock, or whatever ``changes`` make of it."""
        spec = self.fleet.spec
        attributes = {"spot_strategy": "SpotAsPriceGo", "tags": spec.tags, **changes}
        locked = attributes.pop("locked", True)
        self.cloud.ecs.add_instance(
            instance_id,
            vswitch_id=spec.vswitch_id,
            security_group_ids=list(spec.security_group_ids),
            image_id=fleet.IMAGE_ID,
            **attributes,
        )
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


def attempt(act: Callable[[], dict[str, Any]]) -> Outcome:
    """What a sweep came to."""
    try:
        return act()
    except (Exception, Killed) as error:  # noqa: BLE001 - the test judges what was raised
        return error
