"""For each function, scenes that together need everything that it may do, and what each of them comes to."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from simulator.platform import play
from tests.lifecycle_hook import stage as hooks
from tests.rescue import stage as rescues
from tests.rescue.reading import dies
from tests.state_change import stage as restarts
from tests.sweep import cleaning
from tests.sweep import stage as sweeps

TOLD = ("outcome", "reason", "warnings", "not_carried", "retained_disks", "result", "removed_instances")
HANDED = ("handed_over", "handed_back", "hooks_handed_over", "deleted", "clean_up")


@dataclass(frozen=True)
class Scene:
    """``prepare`` sets the scene for a call of the function, with ``event`` or with its usual event."""

    function: str
    name: str
    prepare: Callable[[], Any]
    event: tuple[bytes, ...] = ()

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"

    def seen(self) -> tuple[str, frozenset[str]]:
        """What somebody sees who waits for the function under its own policy, and the actions that it needed."""
        here = self.prepare()
        call = here.sweep if self.function == "sweep" else here.deliver
        played = play(here.cloud, self.function, lambda: call(*self.event))
        told = {name: played.answer[name] for name in (*TOLD, *HANDED) if name in played.answer}
        error = f"{type(played.error).__name__}: {played.error}" if played.error else ""
        seen = json.dumps([told, error, played.logged, played.notified], default=str)
        return seen, frozenset(here.cloud.access_keys[f"STS.{self.function}"].used)


def image_that_fails() -> Any:
    """The first image fails, is deleted, and a second image made."""
    here = rescues.stage()
    here.cloud.ecs.failing_images = [0.0]
    return here


def duplicate_replacement() -> Any:
    """A call that died left a second replacement of the same episode behind, named by a record of its own."""
    here = rescues.stage()
    dies(here, "DescribeHealthStatus")
    duplicate = here.add_instance("i-bp1duplicate0000001", tags={"spotkeeper:episode": f"{rescues.SOURCE}/1"})
    duplicate.created_at = here.cloud.now()  # what is older than its rescue is not believed to be launched by it
    records = here.cloud.oss.buckets["spotkeeper-journal"].objects
    first = next(key for key in records if "/launched-" in key)
    records[f"{first.partition('launched-')[0]}launched-i-bp1duplicate0000001.json"] = records[first]
    here.advance(120)
    return here


def master_slave_group() -> Any:
    """The source is in a group that no API changes."""
    here = rescues.stage()
    neighbour = here.fleet.bystanders[0].instance_id
    pair = here.cloud.slb.add_master_slave_group(here.fleet.load_balancer, "pair", rescues.SOURCE, neighbour, 80)
    here.cloud.slb.add_listener(here.fleet.load_balancer, 22, "tcp", pair)
    return here


def put_back_where_it_is_missing() -> Any:
    """A stop-mode instance runs again, and somebody has taken it out of its groups."""
    here = restarts.running()
    for group in here.fleet.load_balancer.groups:
        group.drop_server(rescues.SOURCE)
    return here


def slow_agent() -> Any:
    """The hook is kept alive until an agent answers."""
    here = hooks.stage()
    here.agents(here.cloud.now() + 700, here.ids[0])
    return here


def hook_was_not_told() -> Any:
    """A hook whose notification got lost."""
    here = hooks.stage(hooks.ARNS)
    here.advance(400)
    return here


def failed_instance_left_behind() -> Any:
    """The others entered, and the call died before it removed the failed instance."""
    here = hooks.failing(settings=hooks.ARNS)
    dies(here, "RemoveInstances")
    here.advance(60)
    return here


PLAYS: dict[str, dict[str, Callable[[], Any]]] = {
    "interruption": {
        "plain": rescues.stage,
        "stopped before its image": partial(rescues.stage, settings=rescues.STOPPED_FIRST),
        "image that fails": image_that_fails,
        "duplicate replacement": duplicate_replacement,
        "master/slave group": master_slave_group,
    },
    "state_change": {
        "started again": restarts.stopped,
        "put back": restarts.running,
        "put back where it is missing": put_back_where_it_is_missing,
    },
    "lifecycle_hook": {
        "checks pass": hooks.stage,
        "slow agent": slow_agent,
        "failed instance is removed": hooks.failing,  # hooks.json says so
    },
    "sweep": {
        "event never came": sweeps.stage,
        "restart is due": restarts.stopped,
        "hook was not told": hook_was_not_told,
        "failed instance is left behind": failed_instance_left_behind,
        "cleaned up": partial(cleaning.finished, settings=cleaning.DELETE),
    },
}
SCENES = {
    function: [
        *(Scene(function, name, prepare) for name, prepare in plays.items()),
        Scene(function, "nonsense", next(iter(plays.values())), (b"nonsense",)),
    ]
    for function, plays in PLAYS.items()
}
"""By function; in the last of each the event cannot be understood."""
