"""A replacement that gets its own notice before its rescue is done: two rescues, and both end rightly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from simulator import proof
from simulator.transport import Killed
from spotkeeper.errors import RescueFailed
from spotkeeper.instances import iso
from tests.edge.samples import interruption_of
from tests.rescue.reading import dies, fault, heal, places, replacements
from tests.rescue.stage import REALISTIC, SOURCE, Stage, stage

NOTICE = 300.0
FIRST_WRITES = ("AddVServerGroupBackendServers", "AddBackendServers")


def event_of(here: Stage, instance_id: str) -> bytes:
    """The notice of an instance, sent now."""
    moment = iso(here.cloud.now()).replace("-", "").replace(":", "").replace("Z", "+0000")
    return json.dumps(interruption_of(instance_id, id=f"of-{instance_id}", eventTime=moment)).encode()


def launched_by_a_dead_call(here: Stage) -> str:
    """The replacement of a call that died before it gave it anything to serve."""
    dies(here, lambda _, item: item in FIRST_WRITES)
    (launched,) = [str(item["InstanceId"]) for item in replacements(here)]
    return launched


def interrupted(here: Stage) -> str:
    """Such a replacement, which is then under the lock itself."""
    launched = launched_by_a_dead_call(here)
    here.cloud.ecs.reclaim(launched)
    here.cloud.progress()
    return launched


def weights(state: dict[str, Any], instance_id: str) -> list[tuple[Any, ...]]:
    """Where an instance is a member, and with which weight."""
    groups = proof.memberships(state).items()
    return sorted((group, *member[1:3]) for group, members in groups for member in members if member[0] == instance_id)


def serves(here: Stage, instance_id: str) -> bool:
    """Whether an instance is where the source was before anything happened."""
    return weights(here.state, instance_id) == weights(here.before, SOURCE)


def test_its_own_rescue_gives_the_successor_what_it_was_owed() -> None:
    """It was in no group yet; its successor is in all of the source's, and the first rescue is done as well."""
    here = stage()
    launched = interrupted(here)
    second = here.deliver(event_of(here, launched), name="second")
    first = here.deliver(name="first")
    here.advance(NOTICE + 1)
    assert (first["outcome"], second["outcome"]) == ("done", "done")
    assert first["replacement_id"] == launched
    assert f"{launched}/1" in first["reason"]
    assert serves(here, second["replacement_id"])
    assert places(here, launched) == places(here, SOURCE) == 0


def test_it_is_put_in_no_group_while_nobody_rescues_it() -> None:
    """The first rescue raises until that of its replacement has begun; then both are done."""
    here = stage()
    launched = interrupted(here)
    here.fails(RescueFailed, match=rf"{launched} is to be reclaimed itself", name="first")
    assert places(here, launched) == 0
    second = here.deliver(event_of(here, launched), name="second")
    here.finishes(name="first again")
    assert serves(here, second["replacement_id"])


@pytest.mark.parametrize("locked", [True, False], ids=["reclaimed", "deleted-by-hand"])
def test_another_one_is_launched_where_nobody_rescued_it(*, locked: bool) -> None:
    """Released without a rescue of its own: the first rescue launches again, and its second replacement serves."""
    here = stage()
    launched = launched_by_a_dead_call(here)
    if locked:
        here.cloud.ecs.reclaim(launched)
        here.advance(NOTICE + 1)
    else:
        here.cloud.ecs.release(here.cloud.ecs.instances[launched], here.cloud.now(), "by hand")
    answer = here.finishes(name="first")
    assert answer["replacement_id"] != launched
    assert serves(here, answer["replacement_id"])
    assert any(f"{launched} was released before it served" in text for text in answer["warnings"])
    with here.writes_nothing():
        here.deliver(name="again")


def test_a_rescue_of_its_own_that_was_lost() -> None:
    """Its disks went before its image was asked for: the first rescue launches again from its own image."""
    here = stage()
    launched = interrupted(here)
    fault(here, "CreateImage", "kill-before")
    here.fails(Killed, event=event_of(here, launched), name="second")
    here.advance(NOTICE + 1)
    here.fails(RescueFailed, event=event_of(here, launched), name="second")
    assert serves(here, here.finishes(name="first")["replacement_id"])


def test_it_served_and_was_interrupted_before_its_rescue_was_closed() -> None:
    """Its own rescue finds its groups by itself; the first rescue has nothing left to do."""
    here = stage()
    dies(here, "DescribeHealthStatus")
    launched = str(replacements(here)[0]["InstanceId"])
    here.cloud.ecs.reclaim(launched)
    here.cloud.progress()
    second = here.deliver(event_of(here, launched), name="second")
    here.finishes(name="first")
    here.advance(NOTICE + 1)
    assert serves(here, second["replacement_id"])
    assert len(replacements(here)) == 1


@pytest.mark.parametrize(("seconds", "launched"), [(5, 1), (50, 1), (90, 2)])
def test_a_running_replacement_that_is_not_shown_for_a_while(seconds: float, launched: int) -> None:
    """After a minute it counts as released, and is a duplicate when it is back; one of them stays."""
    here = stage(REALISTIC)
    fault(here, "AddVServerGroupBackendServers", "code:ServiceIsConfiguring", times=2)

    def vanish() -> None:
        here.cloud.ecs.instances[replacements(here)[0]["InstanceId"]].visible_at = here.cloud.now() + seconds

    here.meanwhile("AddVServerGroupBackendServers", vanish, only=1)
    here.rescues()
    assert len(here.calls("RunInstances")) == launched


def test_a_copied_tag_inherits_nothing() -> None:
    """A neighbour that carries the tag of the open rescue is no replacement, and its own gets its own groups."""
    here = stage()
    launched_by_a_dead_call(here)
    here.add_instance(
        "i-bp1neighbour00000001",
        tags={"spotkeeper:managed": "true", "spotkeeper:episode": f"{SOURCE}/1"},
        spot_strategy="SpotAsPriceGo",
        key_pair_name="web-key",
    )
    here.cloud.ecs.reclaim("i-bp1neighbour00000001")
    here.cloud.progress()
    answer = here.finishes(event_of(here, "i-bp1neighbour00000001"), name="second")
    assert weights(here.state, answer["replacement_id"]) == []


def stays_stopped(here: Stage, after: str) -> None:
    """From now on a replacement that has the status ``after`` is Stopped at once."""

    def power_off() -> None:
        for launched in replacements(here):
            instance = here.cloud.ecs.instances[launched["InstanceId"]]
            instance.status = "Stopped" if instance.status == after else instance.status

    here.meanwhile("DescribeInstances", power_off)


@pytest.mark.parametrize(("after", "least", "most"), [("Running", 60, 100), ("Pending", 300, 340)])
def test_a_replacement_that_stays_stopped(after: str, least: float, most: float) -> None:
    """Nothing starts it but a human: the call says so instead of waiting until its time is up, and starts nothing."""
    here = stage(REALISTIC, timeout=1800)
    stays_stopped(here, after)
    here.fails(RescueFailed, "Stopped and does not start.* Start it, or delete it")
    assert least <= here.cloud.now() - here.calls("RunInstances")[0].at <= most
    again = here.cloud.now()
    here.fails(RescueFailed, "Stopped and does not start")
    assert here.cloud.now() - again <= 400
    assert [launched["Status"] for launched in replacements(here)] == ["Stopped"]
    heal(here)
    here.cloud.ecs.instances[replacements(here)[0]["InstanceId"]].status = "Running"
    here.finishes()


def test_a_replacement_that_is_stopped_for_a_moment_while_it_starts() -> None:
    """RunInstances shows Stopped between Pending and Starting, however long."""
    here = stage(replace(REALISTIC, boot=400), timeout=1800)
    stays_stopped(here, "Pending")
    begun = here.cloud.now()

    def starts() -> None:
        for launched in replacements(here):
            if here.cloud.now() > begun + 300:
                here.cloud.ecs.instances[launched["InstanceId"]].status = "Running"

    here.meanwhile("DescribeInstances", starts)
    here.finishes()
