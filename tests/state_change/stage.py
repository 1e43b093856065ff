"""A stage for state changes: the rescues' stage with an instance to be restarted, and all three functions."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from simulator import fleet
from simulator.ecs import Timings
from tests.function_stage import ROOT
from tests.rescue.stage import EVENT, READY, SOURCE, Stage, event
from tests.rescue.stage import stage as rescue_stage

STOPPED = (ROOT / "events" / "state-change.stopped.json").read_bytes()
RESTART_TAG = {"spotkeeper:auto-restart": "true"}
TAGS = {**fleet.MANAGED_TAG, **RESTART_TAG, "service": "shop", "team": "web"}
BOOTING = Timings(boot=25, stop=10)


@dataclass
class StateStage(Stage):
    """A stage whose calls go to ``state_change``; what the sweep hands over is played too."""

    function = "state_change"

    handed_over: list[dict[str, Any]] = field(default_factory=list)
    sent: bytes = STOPPED

    def event(self, state: str, at: float | None = None, **changes: Any) -> bytes:
        """The platform's word of a state of the source, as of now or ``at``."""
        moment = datetime.fromtimestamp(self.cloud.now() if at is None else at, tz=timezone.utc)
        sent = moment.strftime("%Y%m%dT%H%M%S.") + f"{moment.microsecond // 1000:03d}+0000"
        body = {**json.loads(STOPPED), "eventTime": sent, **changes}
        return json.dumps({**body, "content": {**body["content"], "state": state}}).encode()

    def changed(self, state: str, **settings: str) -> dict[str, Any]:
        """An event of that state is sent and delivered now."""
        return self.deliver(self.event(state), **settings)

    def interrupt(self) -> dict[str, Any]:
        """The source is reclaimed, and its interruption is rescued in this very moment."""
        self.cloud.ecs.reclaim(SOURCE)
        return self.rescue(self.notice)

    @property
    def notice(self) -> bytes:
        """The notice of the source's interruption, sent now."""
        return event(eventTime=json.loads(self.event("Running"))["eventTime"])

    def rescue(self, notice: bytes = EVENT) -> dict[str, Any]:
        """A notice is delivered to the interruption function, which has to be done; its answer."""
        with self.playing():
            answer = self.invoke("interruption", notice, name="rescue")
        assert answer["outcome"] == "done", f"{answer['outcome']}: {answer['reason']}"
        return answer

    def handed(self, payload: bytes) -> dict[str, Any]:
        """The same, kept."""
        self.handed_over.append(json.loads(payload))
        return super().handed(payload)

    def add_stopped(self, instance_id: str, **changes: Any) -> str:
        """One more stopped instance with the restart tag, or whatever ``changes`` make of it; its id."""
        return self.add_instance(instance_id, **{"tags": TAGS, "status": "Stopped", **changes}).instance_id

    def stock(self, instances: int | None) -> None:
        """So many spot instances of the source's type can be started in its zone; it gave its own capacity back."""
        spec = self.fleet.spec
        self.cloud.ecs.stock[spec.zone_id, spec.instance_type, "spot"] = instances
        self.fleet.source.stopped_mode = "StopCharging"

    def runs(self) -> None:
        """The source runs, whoever has started it."""
        self.cloud.ecs.instances[SOURCE].status = "Running"

    def shut_down(self, mode: str = "KeepCharging") -> None:
        """Somebody or something stops the source, and it is Stopped."""
        instance = self.cloud.ecs.instances[SOURCE]
        instance.status, instance.stopped_mode = "Stopped", mode

    @property
    def status(self) -> str:
        """The source's."""
        return str(
            next(instance["Status"] for instance in self.state["ecs"]["instances"] if instance["InstanceId"] == SOURCE)
        )

    @property
    def starts(self) -> int:
        """How many starts were accepted."""
        return sum(call.status == 200 for call in self.calls("StartInstance"))

    def restarts(self) -> dict[str, list[str]]:
        """The journal's records of each restart of the source, by number."""
        found: dict[str, list[str]] = {}
        for key in sorted(self.state["oss"][fleet.BUCKET]):
            _, mark, rest = key.partition(f"/restarts/{SOURCE}/")
            if mark:
                number, _, name = rest.removesuffix(".json").partition("/")
                found.setdefault(number, []).append(name)
        return found

    @property
    def counted(self) -> list[str]:
        """The numbers of the restarts that count."""
        return [number for number, names in self.restarts().items() if "accepted" in names or unanswered(names)]

    def weights(self) -> list[int]:
        """The source's in each of its places."""
        return [
            member["Weight"]
            for balancer in self.state["slb"]["LoadBalancers"]
            for group in (balancer, *balancer["VServerGroups"])
            for member in group["BackendServers"]
            if member["ServerId"] == SOURCE
        ]


def unanswered(names: list[str]) -> bool:
    """Whether a start was asked for that nobody knows the end of."""
    return sum(name.startswith("asked") for name in names) > sum(name.startswith("refused") for name in names)


def stage(timings: Timings = READY, settings: dict[str, str] | None = None, **changes: Any) -> StateStage:
    """A stage whose source runs, carries the restart tag and is not locked; ``changes`` are FleetSpec's."""
    item = rescue_stage(timings, settings, **{"locked": False, "tags": TAGS, **changes})
    return StateStage(item.cloud, item.settings, item.timeout, item.before, fleet=item.fleet)


def stopped(timings: Timings = READY, settings: dict[str, str] | None = None, **changes: Any) -> StateStage:
    """The same with the source stopped, by nobody knows whom."""
    here = stage(timings, settings, **changes)
    here.shut_down()
    here.before, here.sent = here.cloud.state(), here.event("Stopped")
    return here


def reclaimed(
    timings: Timings = READY, settings: dict[str, str] | None = None, *, returned: bool = True, **changes: Any
) -> StateStage:
    """The source was interrupted in stop mode, drained and stopped; ``returned``: and the lock is gone by now."""
    here = stage(timings, settings, spot_interruption_behavior="Stop", **changes)
    here.interrupt()
    here.advance(here.fleet.spec.notice + 1)
    assert (here.status, here.weights()) == ("Stopped", [0, 0])
    if returned:
        here.cloud.ecs.capacity_back(SOURCE)
    here.before, here.sent = here.cloud.state(), here.event("Stopped")
    return here


def start_by_hand(here: StateStage) -> None:
    """The operator, or the platform, starts the source; the event of that is what is delivered from now on."""
    here.cloud.progress()
    here.runs()
    here.sent = here.event("Running")


def running() -> StateStage:
    """Reclaimed in stop mode, running again by somebody's hand, and not yet put back."""
    here = reclaimed()
    start_by_hand(here)
    return here
