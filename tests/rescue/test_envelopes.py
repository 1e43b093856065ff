"""Every envelope of every event: interruptions end alike, everything else writes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simulator import proof
from spotkeeper.errors import BatchFailed, CloudError, MalformedEvent
from tests.edge.samples import DOCUMENTED, INTERRUPTIONS, SAMPLES, interruption_of
from tests.rescue.reading import fault, places
from tests.rescue.stage import SOURCE, Stage, stage

OTHERS = [name for name in SAMPLES if name not in INTERRUPTIONS]


def end_state(here: Stage) -> dict[str, Any]:
    """The cloud's state without what the envelope may decide: the event's own name and id in the journal."""
    state = here.state
    return {
        "ecs": state["ecs"],
        "slb": state["slb"],
        "now": state["now"],
        "records": sorted(state["oss"]["spotkeeper-journal"]),
    }


def reference() -> dict[str, Any]:
    """The end state of the documented form."""
    here = stage()
    here.deliver()
    return end_state(here)


REFERENCE = reference()


@pytest.mark.parametrize("form", [bytes, bytes.decode], ids=["bytes", "text"])
@pytest.mark.parametrize("name", INTERRUPTIONS)
def test_every_envelope_leads_to_the_same_end_state(name: str, form: Callable[[bytes], Any]) -> None:
    """Instances, disks, images, groups, journal keys and the time taken are the same to the last value."""
    here = stage()
    answer = here.rescues(form(SAMPLES[name]))
    answers = answer.get("results", [answer])
    assert [answer["outcome"] for answer in answers] == ["done"]
    assert end_state(here) == REFERENCE


@pytest.mark.parametrize("name", OTHERS)
def test_other_events_are_skipped(name: str) -> None:
    """An event of a kind that is not this function's makes no call at all."""
    here = stage()
    assert here.deliver(SAMPLES[name])["outcome"] == "skipped"
    assert here.cloud.calls == []


def doomed_fleet(count: int = 3) -> tuple[Stage, list[str]]:
    """A stage in which the source and ``count`` - 1 of its neighbours are under the lock."""
    here = stage(bystanders=count)
    doomed = [SOURCE, *(item.instance_id for item in here.fleet.bystanders[: count - 1])]
    for instance_id in doomed[1:]:
        here.cloud.ecs.reclaim(instance_id)
    here.before = here.cloud.state()
    return here, doomed


def rescued(here: Stage, instance_id: str) -> bool:
    """Whether an instance is in no group any more and its replacement is in two."""
    tag = f"{instance_id}/1"
    made = [
        instance for instance in here.state["ecs"]["instances"] if instance["Tags"].get("spotkeeper:episode") == tag
    ]
    own = [item for item in here.state["ecs"]["images"] if item["Tags"].get("spotkeeper:episode") == tag]
    return (
        len(own) == 1
        and [item["Status"] for item in made] == ["Running"]
        and places(here, instance_id) == 0
        and places(here, made[0]["InstanceId"]) == 2
    )


def test_a_batch_of_several_instances() -> None:
    """Each is rescued; the answers come in the batch's order; a healthy neighbour is untouched."""
    here, doomed = doomed_fleet()
    answer = here.finishes(json.dumps([interruption_of(item) for item in doomed]).encode())
    assert [result["instance_id"] for result in answer["results"]] == doomed
    assert all(rescued(here, item) for item in doomed)
    healthy = here.fleet.bystanders[-1].instance_id
    assert proof.instance(here.state, healthy) == proof.instance(here.before, healthy)
    assert places(here, healthy) == 2


@pytest.mark.parametrize("bad", [{"content": {"instanceId": "i-*"}}, {"name": 1}, "not an event", None, []])
def test_one_bad_element_does_not_stop_the_others(bad: Any) -> None:
    """The others are finished, then BatchFailed has one answer per element."""
    here, doomed = doomed_fleet()
    broken = {**interruption_of(doomed[1]), **bad} if isinstance(bad, dict) else bad
    raised = here.fails(
        BatchFailed, event=json.dumps([interruption_of(doomed[0]), broken, interruption_of(doomed[2])]).encode()
    )
    assert [result["outcome"] for result in raised.results] == ["done", "failed", "done"]
    assert raised.results[1]["error"] == "MalformedEvent"
    assert rescued(here, doomed[0])
    assert rescued(here, doomed[2])
    assert places(here, doomed[1]) == 2


def test_a_failing_element_does_not_stop_the_others_and_a_second_delivery_finishes_it() -> None:
    """A refusal that concerns one instance fails its element alone; the repeated batch finishes the rest."""
    here, doomed = doomed_fleet()
    refusals = iter(["refuse"])

    def first_launch(_: str, action: str) -> bool:
        return action == "RunInstances" and next(refusals, None) is not None

    fault(here, first_launch, "code:Account.Arrearage", times=None)
    batch = json.dumps([interruption_of(item) for item in doomed]).encode()
    raised = here.fails(BatchFailed, event=batch)
    failed = [result for result in raised.results if result["outcome"] == "failed"]
    assert [item["error"] for item in failed] == [CloudError.__name__]
    assert failed[0]["instance_id"] in doomed
    assert sum(rescued(here, item) for item in doomed) == 2
    here.finishes(batch)
    assert all(rescued(here, item) for item in doomed)


def test_mixed_kinds_in_a_batch() -> None:
    """An event for another function is skipped beside a rescue that is done."""
    here = stage()
    others = [
        json.loads(SAMPLES["state-change.stopped.json"]),
        interruption_of("i-bp1missing"),
        interruption_of(SOURCE, userId="1"),
        DOCUMENTED,
    ]
    others[2]["resourceId"] = f"acs:ecs:cn-hangzhou:1:instance/{SOURCE}"
    answer = here.rescues(json.dumps(others).encode())
    assert [result["outcome"] for result in answer["results"]] == ["skipped", "skipped", "skipped", "done"]


def test_the_same_interruption_twice_in_a_batch() -> None:
    """Side by side in one call: one image, one replacement, exact memberships."""
    here = stage()
    answer = here.rescues(json.dumps([DOCUMENTED, json.dumps(DOCUMENTED)]).encode())
    assert [result["outcome"] for result in answer["results"]] == ["done", "done"]


@pytest.mark.parametrize("changes", [{"id": "\ud800"}, {"content": {"instanceId": SOURCE, "action": "\ud800"}}])
def test_text_that_is_no_unicode(changes: dict[str, Any]) -> None:
    """JSON may hold half a character: the event is malformed, or the journal takes it."""
    here = stage()
    try:
        answer = here.deliver(json.dumps({**DOCUMENTED, **changes}).encode())
    except MalformedEvent:
        assert here.writes() == []
    else:
        assert answer["outcome"] == "done"
        assert here.shortcomings() == []
