"""A replacement that gets its own notice before its rescue is done: two rescues, and both end rightly."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator import proof
from simulator.transport import Killed
from spotkeeper.errors import RescueFailed
from spotkeeper.instances import iso
from tests.rescue.reading import fault, places, replacements
from tests.rescue.stage import EVENT, SOURCE, Stage, stage
from tests.rescue.walks import attempt

NOTICE = 300.0
FIRST_WRITES = ("AddVServerGroupBackendServers", "AddBackendServers")


def event_of(here: Stage, instance_id: str) -> bytes:
    """The notice of an instance, sent now."""
    sent: dict[str, Any] = json.loads(EVENT)
    del sent["eventTime"]
    found = {**sent, "resourceId": sent["resourceId"].replace(SOURCE, instance_id), "id": f"of-{instance_id}"}
    moment = iso(here.cloud.now()).replace("-", "").replace(":", "").replace("Z", "+0000")
    return json.dumps(
        {**found, "eventTime": moment, "content": {"instanceId": instance_id, "action": "delete"}}
    ).encode()


def interrupted(here: Stage, action: str = "AddVServerGroupBackendServers") -> str:
    """A rescue whose call dies before ``action``, and whose replacement is then under the lock itself."""
    fault(here, lambda _, item: item == action or (item in FIRST_WRITES and action in FIRST_WRITES), "kill-before")
    assert isinstance(attempt(here, "dies"), Killed)
    (launched,) = [str(item["InstanceId"]) for item in replacements(here)]
    here.cloud.ecs.reclaim(launched)
    here.cloud.progress()
    return launched


def released(here: Stage) -> None:
    """Until every notice is over."""
    here.advance(NOTICE + 1)


def weights(here: Stage, instance_id: str) -> list[tuple[Any, ...]]:
    """Where an instance is a member, and with which weight."""
    groups = proof.memberships(here.state)
    return sorted(
        (group, *member[1:3]) for group, members in groups.items() for member in members if member[0] == instance_id
    )


def served_before(here: Stage) -> list[tuple[Any, ...]]:
    """Where the source was a member before anything happened."""
    groups = proof.memberships(here.before)
    return sorted(
        (group, *member[1:3]) for group, members in groups.items() for member in members if member[0] == SOURCE
    )


def test_its_own_rescue_gives_the_successor_what_it_was_owed() -> None:
    """It was in no group yet; its successor is in all of the source's, and the first rescue is done as well."""
    here = stage()
    launched = interrupted(here)
    second = here.deliver(event_of(here, launched), name="second")
    first = here.deliver(name="first")
    released(here)
    assert (first["outcome"], second["outcome"]) == ("done", "done")
    assert first["replacement_id"] == launched
    assert f"{launched}/1" in first["reason"]
    assert weights(here, second["replacement_id"]) == served_before(here)
    assert places(here, launched) == places(here, SOURCE) == 0


def test_it_is_put_in_no_group_while_nobody_rescues_it() -> None:
    """The first rescue raises until that of its replacement has begun; then both are done."""
    here = stage()
    launched = interrupted(here)
    with pytest.raises(RescueFailed, match=rf"{launched} is to be reclaimed itself"):
        here.deliver(name="first")
    assert places(here, launched) == 0
    second = here.deliver(event_of(here, launched), name="second")
    assert here.deliver(name="first again")["outcome"] == "done"
    assert weights(here, second["replacement_id"]) == served_before(here)


@pytest.mark.parametrize("locked", [True, False], ids=["reclaimed", "deleted-by-hand"])
def test_another_one_is_launched_where_nobody_rescued_it(*, locked: bool) -> None:
    """Released without a rescue of its own: the first one launches again, and its second replacement serves."""
    here = stage()
    fault(here, lambda _, item: item in FIRST_WRITES, "kill-before")
    attempt(here, "dies")
    (launched,) = [item["InstanceId"] for item in replacements(here)]
    if locked:
        here.cloud.ecs.reclaim(launched)
        released(here)
    else:
        here.cloud.ecs.release(here.cloud.ecs.instances[launched], here.cloud.now(), "by hand")
    answer = here.deliver(name="first")
    assert answer["outcome"] == "done"
    assert answer["replacement_id"] != launched
    assert weights(here, answer["replacement_id"]) == served_before(here)
    assert any(f"{launched} was released before it served" in text for text in answer["warnings"])
    writes = here.writes()
    here.deliver(name="again")
    assert here.writes() == writes


def test_a_rescue_of_its_own_that_was_lost() -> None:
    """Its disks went before its image was asked for: the first rescue launches another one from its own image."""
    here = stage()
    launched = interrupted(here)
    fault(here, "CreateImage", "kill-before")
    assert isinstance(attempt_event(here, launched), Killed)
    released(here)
    assert isinstance(attempt_event(here, launched), RescueFailed)
    answer = here.deliver(name="first")
    assert answer["outcome"] == "done"
    assert weights(here, answer["replacement_id"]) == served_before(here)


def attempt_event(here: Stage, instance_id: str) -> Any:
    """What a delivery of an instance's notice came to."""
    try:
        return here.deliver(event_of(here, instance_id), name="second")
    except (Exception, Killed) as error:  # noqa: BLE001 - the test judges what was raised
        return error


def test_it_served_and_was_interrupted_before_its_rescue_was_closed() -> None:
    """Its own rescue finds its groups by itself; the first one has nothing left to do."""
    here = stage()
    launched = interrupted(here, "DescribeHealthStatus")
    second = here.deliver(event_of(here, launched), name="second")
    assert here.deliver(name="first")["outcome"] == "done"
    released(here)
    assert weights(here, second["replacement_id"]) == served_before(here)
    assert len(replacements(here)) == 1


def test_a_copied_tag_inherits_nothing() -> None:
    """A neighbour that carries the tag of the open rescue is no replacement, and its own gets its own groups."""
    here = stage()
    fault(here, lambda _, item: item in FIRST_WRITES, "kill-before")
    attempt(here, "dies")
    here.cloud.ecs.add_instance(
        "i-bp1neighbour00000001",
        vswitch_id=here.fleet.spec.vswitch_id,
        security_group_ids=list(here.fleet.spec.security_group_ids),
        image_id=here.fleet.source.image_id,
        tags={"spotkeeper:managed": "true", "spotkeeper:episode": f"{SOURCE}/1"},
        spot_strategy="SpotAsPriceGo",
        key_pair_name="web-key",
    )
    here.cloud.ecs.reclaim("i-bp1neighbour00000001")
    here.cloud.progress()
    answer = here.deliver(event_of(here, "i-bp1neighbour00000001"), name="second")
    assert answer["outcome"] == "done"
    assert weights(here, answer["replacement_id"]) == []
