"""The guard: whatever is not ours to rescue is skipped, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator import fleet
from simulator.ecs import Timings
from tests.rescue.reading import dies, skipped
from tests.rescue.stage import SOURCE, event, stage

NOT_OURS: dict[str, tuple[dict[str, Any], str]] = {
    "not a spot instance": ({"spot": False}, "spot"),
    "no tag": ({"tags": {}}, "spotkeeper:managed=true"),
    "another value": ({"tags": {"spotkeeper:managed": "false"}}, "spotkeeper:managed=true"),
    "another case": ({"tags": {"Spotkeeper:managed": "true"}}, "spotkeeper:managed=true"),
    "held": ({"tags": {**fleet.MANAGED_TAG, "spotkeeper:hold": ""}}, "spotkeeper:hold"),
    "held until later": ({"tags": {**fleet.MANAGED_TAG, "spotkeeper:hold": "2019-04-09T12:00:00Z"}}, "spotkeeper:hold"),
}


@pytest.mark.parametrize(("changes", "words"), NOT_OURS.values(), ids=NOT_OURS)
def test_not_ours(changes: dict[str, Any], words: str) -> None:
    """It is never touched, whatever the event says."""
    assert words in skipped(stage(**changes))["reason"]


@pytest.mark.parametrize(("setting", "tags"), [("", {}), ("team", {"team": "web"}), ("a=b=c", {"a": "b=c"})])
def test_the_managed_tag_setting(setting: str, tags: dict[str, str]) -> None:
    """It decides what is ours."""
    here = stage(settings={"SPOTKEEPER_MANAGED_TAG": setting}, tags=tags)
    here.finishes()


def test_a_hold_that_is_over() -> None:
    """It holds up no rescue."""
    here = stage(tags={**fleet.MANAGED_TAG, "spotkeeper:hold": "2019-04-09T00:00:00Z"})
    here.rescues()


def test_a_hold_in_the_middle() -> None:
    """Nothing more is done while it lasts, and the rest once it is taken off."""
    here = stage()
    dies(here, "CreateImage")
    tags = here.cloud.ecs.instances[SOURCE].tags
    tags.set("spotkeeper:hold", "", here.cloud.now())
    skipped(here)
    tags.set("spotkeeper:hold", None, here.cloud.now())
    here.rescues()


def elsewhere(region: str) -> bytes:
    """The event, of another region."""
    return event(regionId=region, resourceId=f"acs:ecs:{region}:1690701234567830:instance/{SOURCE}")


NOWHERE = json.dumps({"name": "Instance:PreemptibleInstanceInterruption", "content": {"instanceId": "i-bp1nowhere"}})
OF_OTHERS: dict[str, tuple[bytes, str, bool]] = {
    "another account": (event(userId="1", resourceId=f"acs:ecs:cn-hangzhou:1:instance/{SOURCE}"), "account", False),
    "another kind": (event(name="Instance:StateChange", content={"resourceId": SOURCE, "state": "Stopped"}), "", False),
    "another region": (elsewhere("cn-beijing"), "does not exist", True),
    "a region that does not exist": (elsewhere("xx-nowhere-1"), "", True),
    "an instance that never existed": (NOWHERE.encode(), "does not exist", True),
}


@pytest.mark.parametrize(("sent", "words", "asked"), OF_OTHERS.values(), ids=OF_OTHERS)
def test_an_event_of_others(sent: bytes, words: str, *, asked: bool) -> None:
    """The instance of the same id here is not touched; about another account or kind no call is made at all."""
    here = stage()
    assert words in skipped(here, sent)["reason"]
    assert bool(here.cloud.calls) == asked


def test_gone_without_an_episode() -> None:
    """An event that arrives after the release, of a rescue that nobody began."""
    here = stage()
    here.pass_notice()
    skipped(here)


def test_gone_with_a_finished_episode() -> None:
    """A redelivery after the release gives the recorded answer and writes nothing."""
    here = stage()
    first = here.deliver()
    here.pass_notice()
    with here.writes_nothing():
        again = here.deliver()
    told_anew = {"reason", "timeline"}
    assert {name: again[name] for name in first.keys() - told_anew} == {
        name: first[name] for name in first.keys() - told_anew
    }


def test_an_answer_with_other_peoples_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DescribeInstances whose filter was not understood lists the neighbours: their ids are checked."""
    here = stage()
    del here.cloud.ecs.instances[SOURCE]
    monkeypatch.setattr(here.cloud.ecs, "_with_ids", lambda found, p: (p.get("InstanceIds"), found)[1])
    skipped(here)


def test_an_answer_without_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    """``Instances`` may be null: that is no instance, not a crash."""
    here = stage()
    monkeypatch.setitem(here.cloud.ecs.actions, "DescribeInstances", nothing)
    skipped(here)


def nothing(p: Any) -> dict[str, Any]:
    """An answer in which every container is null."""
    p.get("InstanceIds"), p.get("MaxResults"), p.list("Tag")
    return {"Instances": None}


@pytest.mark.parametrize("action", ["ModifyDiskAttribute", "CreateImage", "AddVServerGroupBackendServers"])
def test_a_lock_that_is_shown_no_more(action: str) -> None:
    """A call that has begun under the lock goes on to the end: half a rescue leaves nobody serving."""
    here = stage(Timings(image=90, boot=20))
    here.meanwhile(action, here.fleet.source.locks.clear)
    here.rescues()
