"""The way back to the groups: one refusal takes nothing hostage."""

from __future__ import annotations

from typing import Any

import pytest

from simulator import fleet
from simulator.transport import Killed
from spotkeeper.errors import BrokenRecord, RescueIncomplete
from tests.rescue.reading import fault, heal, plant, records
from tests.rescue.stage import SOURCE
from tests.state_change.stage import StateStage, reclaimed, running, stage, start_by_hand

BACK = 80


def groups(here: StateStage) -> list[str]:
    """The default group (by its load balancer's id) and the vServer group."""
    return [here.fleet.load_balancer.id, here.fleet.vserver_group.id]


@pytest.mark.parametrize("refused", [0, 1], ids=["default-group", "vserver-group"])
@pytest.mark.parametrize("code", ["Forbidden.RAM", "OperationUnsupported", "InvalidServerId.NotFound"])
def test_one_group_refuses_for_good(refused: int, code: str) -> None:
    """The other group has its weight back; the error names the load balancer, the group, the code and the request."""
    here = running()
    name = groups(here)[refused]
    fault(here, "slb:*", f"code:{code}", times=None, resource=name)
    raised = here.fails(RescueIncomplete, match=rf"{code} .*request id [0-9A-F-]+")
    assert here.weights() == [0 if place == refused else BACK for place in (0, 1)]
    assert groups(here)[0] in str(raised)
    assert name in str(raised)
    assert "done" not in records(here)
    heal(here)
    here.finishes()
    assert here.weights() == [BACK, BACK]


def test_a_refusal_that_no_further_call_changes() -> None:
    """The sweep hands it back at once and 1, 5, 15 and 60 minutes later; then it says that somebody is needed."""
    here = running()
    here.advance(120 - here.cloud.now() % 60)
    fault(here, "slb:*", "code:Forbidden.RAM", times=None)
    answers = []
    for _ in range(90):
        answers.append(here.sweep())
        here.advance(60 - here.cloud.now() % 60)
    assert [minute for minute, one in enumerate(answers) if one["handed_back"]] == [0, 1, 5, 15, 60]
    (warning,) = answers[-1]["warnings"]
    assert SOURCE in warning
    heal(here)
    here.finishes()
    assert here.sweep()["warnings"] == []


def test_a_further_stop_after_a_refusal() -> None:
    """The refusal is settled, and the instance stops and runs again in the same rescue: it is handed back at once."""
    here = reclaimed(tags=fleet.MANAGED_TAG)
    start_by_hand(here)
    here.advance(120 - here.cloud.now() % 60)
    fault(here, "slb:*", "code:Forbidden.RAM", times=None)
    assert len([one for one in here.sweeps(90) if one["handed_back"]]) == 5
    heal(here)
    here.shut_down()
    here.sweeps(1)
    here.runs()
    here.fleet.source.started_at = here.cloud.now()
    here.sweeps(1)
    assert here.weights() == [BACK, BACK]


@pytest.mark.parametrize(("action", "ends"), [("SetBackendServers", True), ("DescribeLoadBalancers", False)])
def test_a_rescue_that_died_before_the_drain(action: str, *, ends: bool) -> None:
    """After the notice only the return is left: it ends the rescue, or a human does where no membership is recorded."""
    here = stage(tags=fleet.MANAGED_TAG, spot_interruption_behavior="Stop")
    fault(here, action, "kill-before")
    with pytest.raises(Killed):
        here.interrupt()
    heal(here)
    here.advance(here.fleet.spec.notice + 1)
    here.cloud.ecs.capacity_back(SOURCE)
    start_by_hand(here)
    here.sweeps(90)
    assert ("done" in records(here)) is ends
    assert len(here.handed_over) == (1 if ends else 5)
    assert here.weights() == [BACK, BACK]


def started(here: StateStage) -> int:
    """The minute in which the source was started, in seconds since 1970."""
    return int(here.fleet.source.started_at // 60 * 60)


@pytest.mark.parametrize("text", ["oops", "{}", '{"at": 1e300}', '{"at": 99999999999}'])
def test_a_forged_hand_back(text: str) -> None:
    """A forged record of an earlier hand-back puts off none."""
    here = running()
    here.advance(60)
    here.put(f"sweeps/{SOURCE}/running-1/{started(here)}-1", text)
    assert here.sweep()["handed_back"] == [f"{SOURCE}/running-1"]


def test_after_many_rescues() -> None:
    """The bucket keeps the records of some months: the numbers of its rescues do not begin with 1 any more."""
    here = running()
    objects = here.cloud.oss.buckets[fleet.BUCKET].objects
    for key in [stored for stored in objects if f"rescues/{SOURCE}/1" in stored]:
        objects[key.replace(f"rescues/{SOURCE}/1", f"rescues/{SOURCE}/40")] = objects.pop(key)
    here.finishes()
    assert here.weights() == [BACK, BACK]


def test_every_group_refuses() -> None:
    """All of them are named."""
    here = running()
    fault(here, "slb:*", "code:Forbidden.RAM", times=None)
    raised = here.fails(RescueIncomplete)
    assert all(name in str(raised) for name in groups(here))


@pytest.mark.parametrize("effect", ["code:ServiceIsConfiguring", "throttle", "refused"])
def test_a_group_that_is_busy_for_minutes(effect: str) -> None:
    """The other group does not wait for it; the call gives up after two minutes, and the next one goes on."""
    here = running()
    name = groups(here)[0]
    fault(here, "slb:*", effect, times=None, resource=name)
    begun = here.cloud.now()
    here.fails(RescueIncomplete, match=name)
    assert here.weights() == [0, BACK]
    write = here.calls("SetVServerGroupAttribute")[-1]
    assert write.at - begun < 30
    assert here.cloud.now() - begun < 180
    heal(here)
    here.finishes()


@pytest.mark.parametrize("effect", ["code:ServiceIsConfiguring", "throttle", "refused", "garbage"])
def test_trouble_of_one_minute(effect: str) -> None:
    """It ends within the delivery."""
    here = running()
    fault(here, "slb:*", effect, times=None, until=here.cloud.now() + 59, resource=groups(here)[0])
    here.finishes()
    assert here.weights() == [BACK, BACK]


@pytest.mark.parametrize(
    ("effect", "how"),
    [("throttle-second", {"rate": 1}), ("throttle-second", {"rate": 2}), ("code:Throttling", {})],
    ids=["one a second", "two a second", "for three seconds"],
)
def test_throttled_by_the_second(effect: str, how: dict[str, int]) -> None:
    """Throttled calls are tried again after a second or two: nothing is lost, and the next minute is not waited for."""
    here = running()
    begun = here.cloud.now()
    fault(here, "slb:*", effect, times=None, until=None if how else begun + 3, **how)
    here.finishes()
    assert here.cloud.now() - begun < 20


def test_a_load_balancer_that_was_deleted() -> None:
    """A warning names both places; nothing is left to be done."""
    here = running()
    here.cloud.slb.load_balancers.clear()
    assert len(here.finishes()["warnings"]) == 2
    assert "done" in records(here)


def in_batches(here: StateStage, second: Any) -> None:
    """The search of the rescue has found one membership first, and the rest in a later call."""
    members = records(here)["memberships"]["memberships"]
    plant(here, "memberships", {"memberships": members[:1], "searched": [], "complete": False})
    plant(here, "memberships-1", {"memberships": members} if second is None else second)


def test_memberships_found_one_after_the_other() -> None:
    """Those of the later batch get their weights back, too."""
    here = running()
    in_batches(here, None)
    here.finishes()
    assert here.weights() == [BACK, BACK]


def test_a_later_batch_that_cannot_be_read() -> None:
    """Its content is unknown, so no weight is set."""
    here = running()
    in_batches(here, "oops")
    here.fails(BrokenRecord, match="memberships-1")
    assert here.weights() == [0, 0]


def test_a_network_card_that_it_has_lost() -> None:
    """A card that its owner has detached cannot be put back: a warning says so, and the rest is put back."""
    here = running()
    members = records(here)["memberships"]["memberships"]
    plant(here, "memberships", {"memberships": [*members, {**members[1], "server_id": "eni-bp1gone", "type": "eni"}]})
    answer = here.finishes()
    assert ["eni-bp1gone" in warning for warning in answer["warnings"]] == [True]
    assert here.weights() == [BACK, BACK]


def test_a_search_that_was_not_finished() -> None:
    """What was found gets its weight back; the rest is unknown, so it raises and the rescue is never done."""
    here = running()
    members = records(here)["memberships"]["memberships"]
    plant(here, "memberships", {"memberships": members[:1], "searched": [], "complete": False})
    for _ in range(2):
        here.fails(RescueIncomplete, match="was not finished")
        assert sorted(here.weights()) == [0, BACK]
        assert "done" not in records(here)
