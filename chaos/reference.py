"""What rescues write that nothing disturbs: the keys of the records to come, and a year of rescues that have ended.

Both are played by the functions themselves, so that nothing here knows how the journal is laid out.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from chaos.deeds.scene import Records
from chaos.journal_keys import record_of
from chaos.platform import Platform, sweep, sweep_once
from chaos.scenarios import SCENARIOS
from chaos.schedule import Schedule
from chaos.stages import SOURCE
from chaos.world import World
from simulator.fleet import BUCKET
from simulator.oss.buckets import StoredObject

DAY = 86400.0
NOW, THEN = "15547", "15527"
"""The first digits of the moments of an undisturbed rescue, and those of three weeks before it."""


@functools.cache
def records(scenario: str) -> Records:
    """Of a rescue in this scenario: name of a record -> its key and its content."""
    found = {record_of(key): (key, stored.body) for key, stored in _played(scenario, age=0.0).items()}
    return {record.name: kept for record, kept in found.items() if record and record.is_of(SOURCE, 1)}


@functools.cache
def ending(scenario: str) -> Mapping[str, Any]:
    """How a scenario ends that nothing disturbs; see ``Story.ending``."""
    return _world(scenario).story("").ending


@functools.cache
def history(count: int) -> Mapping[str, StoredObject]:
    """The objects of so many rescues that ended, and whose image and disks are gone since."""
    ended = _played("plain", age=2 * DAY)
    found: dict[str, StoredObject] = {}
    for number in range(count):
        instance_id = f"i-bp1ended{number:010}"
        for key, stored in ended.items():
            name = key.replace(SOURCE, instance_id).replace(NOW, THEN)
            body = stored.body.replace(SOURCE.encode(), instance_id.encode()).replace(NOW.encode(), THEN.encode())
            found[name] = StoredObject(body, stored.last_modified - DAY, stored.headers)
    return found


def _played(scenario: str, age: float) -> dict[str, StoredObject]:
    """The journal's objects once a rescue has ended, and ``age`` seconds later, when nothing of it is left."""
    world = _world(scenario)
    if age:
        with world.playing():
            world.pass_time(world.cloud.now() + age)
            ecs = world.cloud.ecs
            for image_id in [one.image_id for one in ecs.images.values() if one.owner_alias == "self"]:
                del ecs.images[image_id]
            sweep_once(world, 0.0)
    return dict(world.cloud.oss.buckets[BUCKET].objects)


def _world(scenario: str) -> World:
    """The scenario, played to its end."""
    schedule = Schedule(scenario, SCENARIOS[scenario].deliveries)
    world = World(schedule)
    with world.playing():
        Platform(world, schedule).run()
        sweep(world, schedule.phase)
    return world
