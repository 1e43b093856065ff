"""A stage for rescues: the drill's fleet in an embedded cloud, and the real function called as in Function Compute."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator import fleet, proof
from simulator.cloud import Cloud
from simulator.ecs import Timings
from simulator.ecs.model import Instance
from simulator.oss.buckets import StoredObject
from simulator.slb.model import LoadBalancer
from tests.function_stage import ROOT, FunctionStage

EVENT = (ROOT / "events" / "interruption.cloudmonitor.json").read_bytes()
SOURCE = fleet.INSTANCE_ID
NEIGHBOUR = "i-bp1bystander00000001"
"""A healthy instance in the source's groups."""
READY = Timings()
"""Everything is ready at first look."""
REALISTIC = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
"""Of a small web server: the notice is long enough, but nothing is there at first look."""
STOPPED_FIRST = {"SPOTKEEPER_STOP_SOURCE": "before-image"}


@dataclass
class Stage(FunctionStage):
    """One cloud with the fleet, and what it was like before anything happened."""

    function = "interruption"

    fleet: fleet.Fleet = field(kw_only=True)
    sent: bytes = EVENT

    def pass_notice(self) -> None:
        """Until just after the source's release."""
        release = self.before["now"] + self.fleet.spec.notice
        self.advance(max(0.0, release + 1 - self.cloud.clock.now()))

    def shortcomings(self) -> list[str]:
        """What keeps the cloud from being the proven end of a rescue."""
        return proof.shortcomings(self.before, self.state, SOURCE)

    def rescues(self, event: bytes | None = None, *, name: str = "call", **settings: str) -> dict[str, Any]:
        """One delivery that has to be done, and after which the cloud is that proven end; its answer."""
        answer, lacking = self.finishes(event, name=name, **settings), self.shortcomings()
        assert not lacking, "\n".join(lacking)
        return answer

    def calls(self, *actions: str) -> list[Any]:
        """The logged calls of these actions; without any, all ECS and CLB calls."""
        return [call for call in self.cloud.calls if (call.action in actions if actions else call.product != "oss")]

    @property
    def home(self) -> str:
        """Where the journal keeps what is about this account and region."""
        return f"rescues/{self.cloud.account_id}/{self.cloud.region}"

    def put(self, name: str, content: object, home: str = "") -> None:
        """Write the journal's object of that name, as everybody can who may write to the bucket; JSON but for text."""
        text = content if isinstance(content, (str, bytes)) else json.dumps(content)
        body = text if isinstance(text, bytes) else text.encode()
        objects = self.cloud.oss.buckets[fleet.BUCKET].objects
        objects[f"{home or self.home}/{name}.json"] = StoredObject(body, self.cloud.now())

    def move_away(self, name: str) -> None:
        """Delete the journal's object of that name."""
        self.cloud.oss.buckets[fleet.BUCKET].objects.pop(f"{self.home}/{name}.json", None)

    def hints(self, folder: str) -> list[str]:
        """The keys of the hints in ``alive`` or ``open``, without what stands before the folder."""
        start = f"{self.home}/{folder}/"
        every = self.cloud.oss.buckets[fleet.BUCKET].objects
        return sorted(key.removeprefix(start).removesuffix(".json") for key in every if key.startswith(start))

    def balancer(self, name: str) -> LoadBalancer:
        """The CLB of that name."""
        return next(one for one in self.cloud.slb.load_balancers.values() if one.name == name)

    def add_balancer(self, name: str) -> LoadBalancer:
        """Another CLB of the fleet's VPC."""
        return self.cloud.slb.add_load_balancer(name, vpc_id=self.fleet.spec.vpc_id)

    def add_instance(self, instance_id: str, **attributes: Any) -> Instance:
        """One more instance beside the source, in none of its groups."""
        spec = self.fleet.spec
        beside: dict[str, Any] = {"vswitch_id": spec.vswitch_id, "security_group_ids": list(spec.security_group_ids)}
        return self.cloud.ecs.add_instance(instance_id, **{**beside, "image_id": fleet.IMAGE_ID, **attributes})


def stage(
    timings: Timings = READY, settings: Mapping[str, str] | None = None, timeout: float = 900, **changes: Any
) -> Stage:
    """A cloud one second after the sample event was sent, with the fleet (``changes`` are FleetSpec's) around it."""
    cloud = Cloud(fleet.EVENT_TIME + 1)
    cloud.ecs.timings = timings
    seeded = fleet.drill_fleet(cloud, SOURCE, **{"sold_out": False, **changes})
    item = Stage(cloud, dict(settings or {}), timeout, fleet=seeded)
    item.before = cloud.state()
    return item


def event(**changes: Any) -> bytes:
    """The sample event with other top-level fields."""
    return json.dumps({**json.loads(EVENT), **changes}).encode()
