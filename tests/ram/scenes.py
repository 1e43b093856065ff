"""For each function, scenes that together need everything that it may do, and what each of them comes to."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simulator.cloud import Cloud
from simulator.faults import Fault
from simulator.platform import Played, play
from simulator.scaling_fleet import HOOK_ARN
from simulator.transport import Killed
from tests.lifecycle_hook import stage as hooks
from tests.rescue import stage as rescues
from tests.state_change import stage as restarts
from tests.sweep import cleaning
from tests.sweep import stage as sweeps

TOLD = ("outcome", "reason", "warnings", "not_carried", "retained_disks", "result", "removed_instances")
HANDED = ("handed_over", "handed_back", "hooks_handed_over", "deleted", "clean_up")


@dataclass(frozen=True)
class Scene:
    """``play`` sets the scene and calls the function under its own policy; its cloud comes back with it."""

    function: str
    name: str
    play: Callable[[], tuple[Cloud, Played]]

    def __str__(self) -> str:
        return f"{self.function}: {self.name}"

    def seen(self) -> tuple[str, frozenset[str]]:
        """What somebody who waits for the function sees, and the actions that its role was needed for."""
        cloud, played = self.play()
        told = {name: played.answer[name] for name in (*TOLD, *HANDED) if name in played.answer}
        error = f"{type(played.error).__name__}: {played.error}" if played.error else ""
        seen = json.dumps([told, error, played.logged, played.notified], default=str)
        return seen, frozenset(cloud.access_keys[f"STS.{self.function}"].used)


def _delivered(here: rescues.Stage) -> tuple[Cloud, Played]:
    return here.cloud, play(here.cloud, "interruption", here.deliver)


def plain() -> tuple[Cloud, Played]:
    """An image, a replacement, and its places behind the load balancer."""
    return _delivered(rescues.stage())


def stopped_before_its_image() -> tuple[Cloud, Played]:
    """A consistent file system."""
    return _delivered(rescues.stage(settings={"SPOTKEEPER_STOP_SOURCE": "before-image"}))


def image_that_fails() -> tuple[Cloud, Played]:
    """The first image fails, is deleted, and a second one made."""
    here = rescues.stage()
    here.cloud.ecs.failing_images = [0.0]
    return _delivered(here)


def surplus_replacement() -> tuple[Cloud, Played]:
    """A call that died left a second replacement of the same episode behind, named by a record of its own."""
    here = rescues.stage()
    here.cloud.faults.add(Fault("DescribeHealthStatus", "kill-before"))
    with contextlib.suppress(Killed):
        here.deliver()
    surplus = here.cloud.ecs.add_instance(
        "i-bp1surplus000000001",
        vswitch_id=here.fleet.spec.vswitch_id,
        security_group_ids=list(here.fleet.spec.security_group_ids),
        image_id="aliyun_3_x64_20G_alibase_20240528.vhd",
        tags={"spotkeeper:episode": f"{rescues.SOURCE}/1"},
    )
    surplus.created_at = here.cloud.now()  # what is older than its rescue is not believed to be launched by it
    records = here.cloud.oss.buckets["spotkeeper-journal"].objects
    first = next(key for key in records if "/launched-" in key)
    records[f"{first.partition('launched-')[0]}launched-i-bp1surplus000000001.json"] = records[first]
    here.advance(120)
    return _delivered(here)


def master_slave_group() -> tuple[Cloud, Played]:
    """The source is in a group that no API changes."""
    here = rescues.stage()
    neighbour = here.fleet.bystanders[0].instance_id
    here.cloud.slb.add_master_slave_group(here.fleet.load_balancer, "pair", rescues.SOURCE, neighbour, 80)
    return _delivered(here)


def rescue_of_nonsense() -> tuple[Cloud, Played]:
    """An event that cannot be understood."""
    here = rescues.stage()
    return here.cloud, play(here.cloud, "interruption", lambda: here.deliver(b"nonsense"))


def _changed(here: restarts.StateStage, event: bytes | None = None) -> tuple[Cloud, Played]:
    return here.cloud, play(here.cloud, "state_change", lambda: here.deliver(event))


def started_again() -> tuple[Cloud, Played]:
    """A stopped instance with the restart tag."""
    return _changed(restarts.stopped())


def put_back() -> tuple[Cloud, Played]:
    """A stop-mode instance runs again: its old weights."""
    here = restarts.reclaimed()
    restarts.start_by_hand(here)
    return _changed(here)


def put_back_where_it_is_missing() -> tuple[Cloud, Played]:
    """The same, and somebody has taken it out of its groups."""
    here = restarts.reclaimed()
    for group in (here.fleet.load_balancer.default_group, here.fleet.vserver_group):
        group.members = [member for member in group.members if member.server_id != rescues.SOURCE]
    restarts.start_by_hand(here)
    return _changed(here)


def state_of_nonsense() -> tuple[Cloud, Played]:
    """An event that cannot be understood."""
    return _changed(restarts.stopped(), b"nonsense")


def _held(here: hooks.HookStage, event: bytes | None = None) -> tuple[Cloud, Played]:
    return here.cloud, play(here.cloud, "lifecycle_hook", lambda: here.deliver(event))


def checks_pass() -> tuple[Cloud, Played]:
    """The hook completes."""
    return _held(hooks.stage())


def slow_agent() -> tuple[Cloud, Played]:
    """The hook is kept alive until an agent answers."""
    here = hooks.stage()
    here.agents(here.cloud.now() + 700, here.ids[0])
    return _held(here)


def failed_one_is_removed() -> tuple[Cloud, Played]:
    """The others enter, the failed one leaves its group (``hooks.json`` says so)."""
    here = hooks.stage()
    here.fail(here.ids[0])
    return _held(here)


def hook_of_nonsense() -> tuple[Cloud, Played]:
    """An event that cannot be understood."""
    return _held(hooks.stage(), b"nonsense")


def _swept(here: Any, **settings: str) -> tuple[Cloud, Played]:
    return here.cloud, play(here.cloud, "sweep", lambda: here.sweep(**settings))


def event_never_came() -> tuple[Cloud, Played]:
    """An instance under the lock that nobody works on."""
    return _swept(sweeps.stage())


def restart_is_due() -> tuple[Cloud, Played]:
    """A stopped instance for which no event came."""
    return _swept(restarts.stopped())


def hook_was_not_told() -> tuple[Cloud, Played]:
    """A hook whose notification got lost."""
    here = hooks.stage()
    here.advance(400)
    return _swept(here, SPOTKEEPER_HOOK_ARNS=HOOK_ARN)


def failed_one_left_behind() -> tuple[Cloud, Played]:
    """The others entered, and the call died before it removed the failed one."""
    here = hooks.stage()
    here.fail(here.ids[0])
    here.cloud.faults.add(Fault("RemoveInstances", "kill-before"))
    with contextlib.suppress(Killed):
        here.deliver()
    here.advance(60)
    return _swept(here, SPOTKEEPER_HOOK_ARNS=HOOK_ARN)


def cleaned_up() -> tuple[Cloud, Played]:
    """Image, snapshots and disks of a rescue long ago are deleted."""
    return _swept(cleaning.finished(), **cleaning.DELETE)


def sweep_of_nonsense() -> tuple[Cloud, Played]:
    """An event that cannot be understood."""
    here = sweeps.stage()
    return here.cloud, play(here.cloud, "sweep", lambda: here.sweep(b"nonsense"))


PLAYS: dict[str, list[Callable[[], tuple[Cloud, Played]]]] = {
    "interruption": [
        plain,
        stopped_before_its_image,
        image_that_fails,
        surplus_replacement,
        master_slave_group,
        rescue_of_nonsense,
    ],
    "state_change": [started_again, put_back, put_back_where_it_is_missing, state_of_nonsense],
    "lifecycle_hook": [checks_pass, slow_agent, failed_one_is_removed, hook_of_nonsense],
    "sweep": [
        event_never_came,
        restart_is_due,
        hook_was_not_told,
        failed_one_left_behind,
        cleaned_up,
        sweep_of_nonsense,
    ],
}
SCENES = {function: [Scene(function, item.__name__, item) for item in plays] for function, plays in PLAYS.items()}
