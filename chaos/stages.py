"""What the functions find: for each kind of scenario its fleet, the events that reach them, and when it is over."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from datetime import datetime, timezone
from typing import Any

from chaos.journal_keys import Record, record_of
from chaos.scenario import Kind, Scenario
from simulator import fleet, function_compute
from simulator.cloud import Cloud
from simulator.ecs.assistant import Command, Outcome
from simulator.scaling_fleet import notification_of, scaling_fleet

FOLDER = function_compute.ROOT / "events"
SAME = (FOLDER / "interruption.cloudmonitor.json").read_bytes()
EVENTS = {
    "same": SAME,
    "bridge": (FOLDER / "interruption.eventbridge.json").read_bytes(),
    "another": json.dumps({**json.loads(SAME), "eventTime": "20190409T121831.000+0800", "id": "another"}).encode(),
    "timer": (FOLDER / "timer.json").read_bytes(),
    "stopped": (FOLDER / "state-change.stopped.json").read_bytes(),
}
FUNCTIONS = {
    **dict.fromkeys(("same", "bridge", "another"), "interruption"),
    **dict.fromkeys(("stopped", "running"), "state_change"),
    "notification": "lifecycle_hook",
    "timer": "sweep",
}
"""Which function an event is for."""
STATE_CHANGE = json.loads(EVENTS["stopped"])
SOURCE = fleet.INSTANCE_ID
LETS_GO = 120.0
"""Seconds in which Auto Scaling does what a hook's end lets it do."""
BAD = Outcome(exit_code=1, output=b"no: it is broken\n")


class Stage(ABC):
    """One cloud's fleet. ``look`` is called often: before each call, and whenever time has passed."""

    source_id = SOURCE

    def __init__(self, cloud: Cloud, scenario: Scenario) -> None:
        self.cloud = cloud
        self.scenario = scenario
        self.fleet = self.seed()
        self.start = cloud.now()
        scenario.arrange(cloud, self.fleet)

    @abstractmethod
    def seed(self) -> Any:
        """The fleet."""

    @abstractmethod
    def settled(self) -> bool:
        """Whether nothing is open, and nothing waits to be begun."""

    def event(self, name: str) -> bytes | None:
        """What is delivered under this name now; None where nothing of that kind has happened."""
        return EVENTS[name]

    def look(self, *, ours: bool = True) -> None:  # noqa: B027 - a rescue is judged by its end
        """Notice what has changed; ``ours`` False: somebody else has just changed it."""

    @property
    def over_at(self) -> float:
        """When nothing happens by itself any more."""
        return self.cloud.now()

    @property
    def last_event(self) -> str | None:
        """What is delivered at the very end, to see whether it is heard."""
        return None

    def seen(self) -> dict[str, Any]:
        """What it has noticed, as fields of the story."""
        return {}

    @property
    def records(self) -> list[Record]:
        """The names of the source's records."""
        return list(self._objects)

    @property
    def _objects(self) -> dict[Record, bytes]:
        """The source's records with their content."""
        objects = self.cloud.oss.buckets[fleet.BUCKET].objects
        found = {record_of(key): one.body for key, one in objects.items() if f"/{SOURCE}/" in key}
        return {one: body for one, body in found.items() if one is not None and one.instance_id == SOURCE}

    def open_rescues(self, *ends: str) -> bool:
        """Whether a rescue was begun that has not ended; what does not say when is no end, whatever its name."""
        opened = {one.number for one in self.records if one.name == "event"}
        ended = {one.number for one, body in self._objects.items() if one.name in ends and _says_when(body)}
        return not opened <= ended


def _says_when(body: bytes) -> bool:
    try:
        record = json.loads(body)
    except ValueError:
        return False
    return isinstance(record, dict) and isinstance(record.get("at"), float)


class RescueStage(Stage):
    """An instance under the lock, its groups and its neighbours."""

    def seed(self) -> fleet.Fleet:
        """The drill's fleet, with enough stock."""
        return fleet.drill_fleet(self.cloud, SOURCE, **{"sold_out": False, **self.scenario.changes})

    def settled(self) -> bool:
        """Its rescue has begun, where that may be, and ended."""
        begun = any(one.name == "event" for one in self.records)
        ends = ("done", "lost", "drained") if self.scenario.stop_mode else ("done", "lost")
        nothing_to_do = not self.scenario.touchable or SOURCE not in self.cloud.ecs.instances
        return (begun or nothing_to_do) and not self.open_rescues(*ends)

    @property
    def over_at(self) -> float:
        """The release of whatever is going to be released."""
        return max([self.cloud.now(), *(one.release_at or 0.0 for one in self.cloud.ecs.instances.values())])

    @property
    def last_event(self) -> str | None:
        """A rescue that is lost has to say so again."""
        return "same" if any(one.name == "lost" for one in self.records) else None


class RestartStage(Stage):
    """The same fleet, and an instance that stops. ``statuses``: (since when, which) of that instance."""

    def seed(self) -> fleet.Fleet:
        """The drill's fleet, with enough stock."""
        self.statuses: list[tuple[float, str]] = []
        self.starts: list[float] = []
        return fleet.drill_fleet(self.cloud, SOURCE, **{"sold_out": False, **self.scenario.changes})

    def look(self, *, ours: bool = True) -> None:
        """A new status; one that follows on Stopped was a start."""
        self.cloud.progress()
        instance = self.cloud.ecs.instances.get(SOURCE)
        status = instance.status if instance else "Released"
        last = self.statuses[-1][1] if self.statuses else ""
        if status != last:
            self.statuses.append((self.cloud.now(), status))
            if ours and last == "Stopped" and status in ("Starting", "Running"):
                self.starts.append(self.cloud.now())

    def event(self, name: str) -> bytes | None:
        """The platform's word of the last time that it stopped, or ran."""
        if name not in ("stopped", "running"):
            return super().event(name)
        moments = [at for at, status in self.statuses if status == name.capitalize()]
        if not moments:
            return None
        sent = datetime.fromtimestamp(moments[-1], tz=timezone.utc).strftime("%Y%m%dT%H%M%S.000+0000")
        content = {**STATE_CHANGE["content"], "state": name.capitalize()}
        return json.dumps({**STATE_CHANGE, "eventTime": sent, "content": content}).encode()

    def settled(self) -> bool:
        """It is as it is to be in the end."""
        status = self.statuses[-1][1] if self.statuses else ""
        return self.scenario.ends == status and not self.open_rescues("done", "lost")

    def seen(self) -> dict[str, Any]:
        """When it was started."""
        return {"starts": tuple(self.starts)}


class HookStage(Stage):
    """A scaling group in the middle of an activity, and a hook that has just begun to wait."""

    source_id = ""

    def seed(self) -> Any:
        """The group, with the machines in it that the scenario calls bad."""
        self.cloud.oss.add_bucket(fleet.BUCKET)
        self.served: set[str] = set()
        found = scaling_fleet(self.cloud, **self.scenario.changes)
        self.cloud.ecs.assistant.script = self._checked
        return found

    def _checked(self, _: Command, instance_id: str) -> Outcome:
        return BAD if instance_id in self.scenario.bad else Outcome(output=b"ok: it is up\n", seconds=8.0)

    def event(self, name: str) -> bytes | None:
        """The hook's notification."""
        return notification_of(self.cloud, self.fleet.action) if name == "notification" else super().event(name)

    def look(self, *, ours: bool = True) -> None:
        """Which bad machines take traffic."""
        del ours
        self.cloud.progress()
        behind = {one.server_id for one in self.fleet.vserver_group.members}
        self.served |= behind.intersection(self.scenario.bad)

    def settled(self) -> bool:
        """The action is over, and no bad machine has to be removed any more."""
        inside = [name for name, one in self.fleet.group.instances.items() if one.lifecycle_state == "InService"]
        return self.fleet.action.status != "Pending" and not set(inside) & set(self.scenario.bad)

    @property
    def over_at(self) -> float:
        """Auto Scaling has done what the hook's end lets it do."""
        return self.cloud.now() + LETS_GO

    def seen(self) -> dict[str, Any]:
        """Which bad machines took traffic, and what the action is about."""
        return {"served": frozenset(self.served), "token": self.fleet.action.token}


STAGES: dict[Kind, type[Stage]] = {Kind.RESCUE: RescueStage, Kind.RESTART: RestartStage, Kind.HOOK: HookStage}
