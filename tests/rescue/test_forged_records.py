"""Somebody who can write to the journal's bucket chooses neither the replacement's powers nor anybody's place."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import pytest

from rescue.actions.record_checks import contradictions
from simulator import proof
from simulator.ecs import Timings
from simulator.transport import Killed
from spotkeeper.errors import BrokenRecord
from tests.rescue.reading import dies, fault, heal, plant, records, replacements, source_disks
from tests.rescue.stage import NEIGHBOUR, SOURCE, Stage, stage

Forge = Callable[[dict[str, Any]], None]


def honest(**settings: str) -> dict[str, Any]:
    """The records that a rescue writes, from a cloud where nobody interferes."""
    here = stage(settings=settings)
    here.deliver()
    return records(here)


HONEST = honest()
PLANS: dict[str, Forge] = {
    "another role": lambda plan: plan["run"].update(RamRoleName="admin"),
    "user data": lambda plan: plan["run"].update(UserData="ZXZpbA=="),
    "another security group": lambda plan: plan["run"].update(SecurityGroupIds=["sg-bp1open"]),
    "a tag": lambda plan: plan["run"]["Tag"].append({"Key": "owner", "Value": "admin"}),
    "another image": lambda plan: plan.update(own_image="m-bp1evil"),
    "another vSwitch": lambda plan: plan["launch_options"][0]["add"].update(VSwitchId="vsw-bp1evil"),
    "another type": lambda plan: plan["launch_options"][0]["add"].update(InstanceType="ecs.gn7.large"),
    "no launch option": lambda plan: plan.update(launch_options=[]),
}


@pytest.mark.parametrize("relaunch", ["from-image", "at-once"])
@pytest.mark.parametrize("what", PLANS)
def test_a_forged_launch_spec(what: str, relaunch: str) -> None:
    """It is refused and named, and the replacement is what the source was; another call finds what superseded it."""
    settings = {"SPOTKEEPER_RELAUNCH": relaunch}
    here = stage(settings=settings)
    dies(here, "DescribeUserData")
    forged = copy.deepcopy(honest(**settings)["launch-spec"])
    PLANS[what](forged)
    plant(here, "launch-spec", forged)
    answer = here.finishes()
    assert [text for text in here.shortcomings() if "images" not in text] == []  # at-once makes none
    assert any("/launch-spec was superseded" in text for text in answer["warnings"])
    assert "ZXZpbA" not in str(answer)
    (launched,) = replacements(here)
    assert launched["LaunchedWith"].get("UserData", "") != "ZXZpbA=="
    assert contradictions(records(here)["launch-spec.2"], honest(**settings)["launch-spec"]) == []


@pytest.mark.parametrize("name", ["launch-spec", "launch-spec.999999999"], ids=["the record", "the largest number"])
def test_a_forged_launch_spec_of_a_source_that_goes(name: str) -> None:
    """A call that only compared it before it died has superseded it for the call that comes after the release."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "ModifyDiskAttribute")
    plan = copy.deepcopy(HONEST["launch-spec"])
    plan["run"]["RamRoleName"] = "admin"
    plant(here, name, plan)
    dies(here, "RunInstances")
    here.pass_notice()
    here.finishes()
    assert replacements(here)[0]["LaunchedWith"].get("RamRoleName") != "admin"


@pytest.mark.parametrize("fallbacks", ["", "ecs.c7.large"], ids=["the same settings", "more fallbacks"])
def test_an_honest_launch_spec_is_left_as_it_is(fallbacks: str) -> None:
    """A second call compares it and finds nothing, although the operator may have changed the settings in between."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "RunInstances")
    assert here.finishes(SPOTKEEPER_FALLBACK_INSTANCE_TYPES=fallbacks)["warnings"] == []
    assert bool(fallbacks) or "launch-spec.2" not in records(here)


def entry(**changes: Any) -> dict[str, Any]:
    """A recorded membership of the source, changed."""
    return {**HONEST["memberships"]["memberships"][0], **changes}


MEMBERSHIPS: dict[str, list[dict[str, Any]]] = {
    "a neighbour": [*HONEST["memberships"]["memberships"], entry(server_id=NEIGHBOUR)],
    "a neighbour alone": [entry(server_id=NEIGHBOUR)],
    "another port": [*HONEST["memberships"]["memberships"], entry(port=22, group_id="rsp-bp1evil")],
    "nothing": [],
}


LOST: dict[str, list[dict[str, Any]]] = {
    "another server": [entry(server_id=NEIGHBOUR)],
    "another group": [entry(group_id="rsp-bp1evil")],
    "nothing": [],
    "two weights": [entry(port=9081, weight=90), entry(port=9082, weight=10)],
}


@pytest.mark.parametrize("members", LOST.values(), ids=LOST)
def test_weights_that_no_record_tells_any_more(members: list[dict[str, Any]]) -> None:
    """The lists show weight 0, which an earlier call has set: a human is told, and no replacement joins at weight 0."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "SetVServerGroupAttribute", "kill-after")
    plant(here, "memberships", {**HONEST["memberships"], "memberships": members})
    here.fails(BrokenRecord, match="may have set its weight 0")
    assert [member for member in everybody(here) if member[0] == replacements(here)[0]["InstanceId"]] == []


@pytest.mark.parametrize("moved", [False, True], ids=["overwritten", "moved away"])
def test_a_launch_spec_that_nobody_needs_any_more(*, moved: bool) -> None:
    """Once the replacement runs, its rescue can be done without the launch spec."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "AddVServerGroupBackendServers")
    here.pass_notice()
    plant(here, "launch-spec", b"oops")
    if moved:
        here.move_away(f"rescues/{SOURCE}/1/launch-spec")
    assert "unknown: the launch spec is missing or cannot be read" in here.finishes()["not_carried"]


@pytest.mark.parametrize("what", MEMBERSHIPS)
def test_forged_memberships(what: str) -> None:
    """Nobody but the source leaves a group, and the replacement joins only those in which the source was."""
    here = stage(Timings(boot=20))
    dies(here, "ModifyDiskAttribute")
    plant(here, "memberships", {**HONEST["memberships"], "memberships": MEMBERSHIPS[what]})
    assert "memberships" in str(here.rescues()["warnings"])


BEFORE: dict[str, dict[str, Any]] = {
    "another port": {"memberships": {**HONEST["memberships"], "memberships": MEMBERSHIPS["another port"]}},
    "no membership, and it is leaving": {"memberships": {"memberships": []}, "removing": {"at": 1.0}},
    "no membership, and it is drained": {"memberships": {"memberships": []}, "drained": {"at": 1.0}},
    "a neighbour that is leaving": {
        "event": {**HONEST["event"], "server_ids": [NEIGHBOUR]},
        "memberships": {**HONEST["memberships"], "memberships": [entry(server_id=NEIGHBOUR)]},
        "removing": {"at": 1.0},
    },
    "another role, and a usable image": {
        "launch-spec": {**HONEST["launch-spec"], "run": {**HONEST["launch-spec"]["run"], "RamRoleName": "admin"}},
        "usable": {"image_id": "m-bp1evil", "at": 1.0},
    },
    "done": {"event": HONEST["event"], "done": HONEST["done"]},
}


@pytest.mark.parametrize("planted", BEFORE.values(), ids=BEFORE)
def test_records_from_before_the_first_call(planted: dict[str, Any]) -> None:
    """Nobody goes by them, also where the groups refuse to contradict them for a minute."""
    here = stage(Timings(image=30, boot=20))
    for name, record in planted.items():
        plant(here, name, record)
    fault(here, "DescribeVServerGroupAttribute", "throttle-second", times=None, until=here.cloud.now() + 60)
    answer = here.rescues()
    assert answer["episode"] == 2
    assert any("another program wrote records of" in text for text in answer["warnings"])


@pytest.mark.parametrize("balancer", ["", "lb-bp1none"], ids=["not listed yet", "that does not exist"])
def test_a_forged_membership_that_nobody_can_contradict(balancer: str) -> None:
    """Of a load balancer that does not exist, or while none is listed: nobody goes by it."""
    here = stage(Timings(boot=20))
    other = here.cloud.slb.add_vserver_group(here.fleet.load_balancer, "others")
    other.add(NEIGHBOUR, port=8080, weight=50)
    here.before = here.cloud.state()
    dies(here, "ModifyDiskAttribute")
    forged = entry(group_id=other.id, port=8080, load_balancer_id=balancer or here.fleet.load_balancer.id)
    plant(here, "memberships", {**HONEST["memberships"], "memberships": [forged]})
    if not balancer:
        fault(here, "DescribeLoadBalancers", "throttle-second", times=None, until=here.cloud.now() + 20)
    here.rescues()


def test_a_later_batch_of_memberships_that_cannot_be_read() -> None:
    """The source has left its groups, so that no list tells what the batch said: the rescue is not done."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "RunInstances")
    plant(here, "memberships", {"memberships": [entry()], "searched": [], "complete": False})
    plant(here, "memberships-1", b"oops")
    here.fails(BrokenRecord, match="memberships-1")
    plant(here, "memberships-1", HONEST["memberships"])
    here.rescues()


def test_forged_memberships_of_a_source_that_is_gone() -> None:
    """The replacement gets what is the source's own; what the record said before, only a human can tell."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "RunInstances")
    here.pass_notice()
    forged = [*HONEST["memberships"]["memberships"], entry(server_id=NEIGHBOUR)]
    plant(here, "memberships", {**HONEST["memberships"], "memberships": forged})
    before = [member for member in everybody(here) if member[0] == NEIGHBOUR]
    here.fails(BrokenRecord, match=f"/memberships names {NEIGHBOUR}")
    assert [member for member in everybody(here) if member[0] == NEIGHBOUR] == before
    assert len([member for member in everybody(here) if member[0] == replacements(here)[0]["InstanceId"]]) == 2


def everybody(here: Stage) -> list[tuple[Any, ...]]:
    """Everybody's places."""
    return sorted((item for group in proof.memberships(here.state).values() for item in group), key=str)


@pytest.mark.parametrize("image", [0, 60], ids=["in one call", "after a death"])
def test_forged_disks(image: float) -> None:
    """Nobody else's disk gets a flag that releases it with its instance."""
    here = stage(Timings(image=image, boot=20))
    dies(here, "ModifyDiskAttribute")
    victim = next(disk for disk in here.cloud.ecs.disks.values() if disk.instance_id == NEIGHBOUR)
    victim.delete_with_instance = False
    here.before = here.cloud.state()
    plant(here, "disks", {"disks": {victim.disk_id: {"DeleteWithInstance": True, "Type": "data"}}})
    if image:
        dies(here, "RunInstances")
    here.finishes()
    assert not victim.delete_with_instance
    assert all(victim.disk_id not in str(call.parameters) for call in here.calls("ModifyDiskAttribute"))


def test_a_drain_in_the_future() -> None:
    """A moment that cannot be holds up nothing."""
    here = stage()
    dies(here, "ModifyDiskAttribute")
    plant(here, "drained", {"at": here.cloud.now() + 10_000})
    here.finishes()
    assert here.calls("CreateImage")[0].at - here.before["now"] <= 60


def test_a_call_that_died_between_removal_and_drain_forgets_no_place() -> None:
    """Weights refused, removal accepted, dead: the next call still gives the places back."""
    here = stage(Timings(image=30, boot=20))
    fault(here, lambda _, action: action.startswith("Set"), "code:Forbidden.RAM", times=None)
    begun_removal = fault(here, "RemoveBackendServers", "kill-after")
    here.fails(Killed)
    assert begun_removal.fired
    heal(here)
    here.rescues()


def test_what_a_second_call_costs() -> None:
    """The comparison is two calls of ECS, and the search once more."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "RunInstances")
    first = len(here.calls())
    here.deliver()
    assert len(here.calls()) - first <= 32
    assert source_disks(here)
    assert here.fleet.source.instance_id == SOURCE


def test_a_try_above_which_there_is_none() -> None:
    """An image that was made is found again, whatever number somebody gave to a try that never was."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "ModifyDiskAttribute")
    plant(here, "image-999999999", {"at": here.cloud.now()})
    plant(here, "failed-999999999", {"image_id": ""})
    dies(here, "RunInstances")
    here.pass_notice()
    here.finishes()


ASK = {
    "round": 1,
    "option": 0,
    "instance_type": "ecs.g7.large",
    "vswitch_id": "vsw-1",
    "image_id": "m-1",
    "token": "sk-1",
    "at": 1.0,
}


@pytest.mark.parametrize(
    "record",
    [
        {**ASK, "round": 10**400},
        b'{"round": 1e999, "option": 0, "image_id": "m-1", "token": "sk-1", "at": 1.0}',
        b'{"round": 1, "option": 0, "image_id": "m-1", "token": "sk-1", "at": 1e999}',
        {**ASK, "at": "nan"},
        {**ASK, "option": 10**9},
    ],
    ids=["a round of 400 digits", "a round without end", "never", "no moment", "no launch option"],
)
def test_a_forged_ask(record: object) -> None:
    """The rescue goes on, or the error names the record."""
    here = stage(Timings(image=30, boot=20), attributes={"auto_release_time": "2019-04-10T12:00:00Z"})
    dies(here, "RunInstances")
    plant(here, "launch-request-7-1", record)
    with contextlib.suppress(BrokenRecord):
        here.finishes()


def test_an_ask_without_a_number() -> None:
    """A character that Python calls a digit and that makes no number is not ours."""
    here = stage()
    dies(here, "RunInstances")
    plant(here, "launch-request-\u00b2-1", ASK)
    here.finishes()


@pytest.mark.parametrize("requested_at", [None, "soon", 1e300])
def test_a_replacement_without_the_moment_of_its_launch(requested_at: object) -> None:
    """The moment of the record stands for it, or the error names the record."""
    here = stage(attributes={"auto_release_time": "2019-04-10T12:00:00Z"})
    dies(here, "AddVServerGroupBackendServers")
    plant(here, "replacement", {**records(here)["replacement"], "requested_at": requested_at})
    if requested_at is None:
        here.finishes()
    else:
        here.fails(BrokenRecord, match="requested_at")


NO_LAUNCH_SPECS: dict[str, Forge] = {
    "an unknown parameter": lambda plan: plan["run"].update(Bogus="1"),
    "a text for an object": lambda plan: plan["run"].update(PrivatePoolOptions="1"),
    "five instances": lambda plan: plan["run"].update(Amount=5),
    "a release that is no text": lambda plan: plan.update(release=5),
}


@pytest.mark.parametrize("what", NO_LAUNCH_SPECS)
def test_no_launch_spec_of_a_source_that_is_gone(what: str) -> None:
    """It is not launched, and the error or the warning names the record."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "RunInstances")
    here.pass_notice()
    forged = records(here)["launch-spec"]
    NO_LAUNCH_SPECS[what](forged)
    plant(here, "launch-spec.2", forged)
    try:
        answer = here.deliver()
    except BrokenRecord as error:
        assert "/launch-spec" in str(error)  # noqa: PT017 - an answer will do as well
    else:
        assert any("/launch-spec.2" in text for text in answer["warnings"])
    assert len(replacements(here)) <= 1
