"""The guard: whatever is not ours to rescue is skipped, and nothing is written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator import fleet, proof
from simulator.ecs import Timings
from simulator.transport import Invocation, Killed
from spotkeeper.errors import MalformedEvent, RescueFailed
from tests.rescue.reading import fault, images, places, replacements
from tests.rescue.stage import SOURCE, Stage, event, stage


def skipped(here: Stage, raw: bytes | None = None) -> str:
    """Deliver; the reason, once it is sure that nothing was written: neither to the cloud nor to the journal."""
    answer = here.deliver(raw)
    assert answer["outcome"] == "skipped"
    assert here.writes() == []
    assert proof.untouched(here.before, here.state) == []
    return str(answer["reason"])


def test_not_a_spot_instance() -> None:
    """An on-demand instance is never reclaimed, whatever the event says."""
    assert "spot" in skipped(stage(spot=False))


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"spotkeeper:managed": "false"},
        {"spotkeeper:managed": ""},
        {"Spotkeeper:managed": "true"},
        {"managed": "true"},
    ],
)
def test_without_the_managed_tag(tags: dict[str, str]) -> None:
    """Key and value must be the setting's, to the letter."""
    assert "spotkeeper:managed=true" in skipped(stage(tags=tags))


@pytest.mark.parametrize(
    ("setting", "tags", "managed"),
    [
        ("", {}, True),
        ("team", {"team": "web"}, True),
        ("team", {"team": ""}, True),
        ("team", {"service": "shop"}, False),
        ("a=b=c", {"a": "b=c"}, True),
        ("a=b=c", {"a=b": "c"}, False),
        ("a=", {"a": ""}, True),
        ("a=", {"a": "x"}, False),
    ],
)
def test_the_managed_tag_setting(setting: str, tags: dict[str, str], managed: bool) -> None:  # noqa: FBT001 - a row of a table
    """Empty: all instances; a bare key: any value; else split at the first ``=``."""
    here = stage(settings={"SPOTKEEPER_MANAGED_TAG": setting}, tags=tags)
    if managed:
        assert here.deliver()["outcome"] == "done"
        assert here.shortcomings() == []
    else:
        skipped(here)


@pytest.mark.parametrize("value", ["", "yes", "2019-04-09T12:00:00Z"])
def test_a_held_instance(value: str) -> None:
    """The operator says hands off, for ever or until a moment ahead."""
    assert "spotkeeper:hold" in skipped(stage(tags={**fleet.MANAGED_TAG, "spotkeeper:hold": value}))


def test_a_hold_that_is_over() -> None:
    """It holds nobody up."""
    here = stage(tags={**fleet.MANAGED_TAG, "spotkeeper:hold": "2019-04-09T00:00:00Z"})
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


def test_a_hold_in_the_middle() -> None:
    """Nothing more is done while it lasts, and the rest once it is taken off."""
    here = stage()
    fault(here, "CreateImage", "kill-before")
    with pytest.raises(Killed):
        here.deliver()
    tags = here.cloud.ecs.instances[SOURCE].tags
    tags.set("spotkeeper:hold", "", here.cloud.now())
    before, writes = here.state, here.writes()
    assert here.deliver()["outcome"] == "skipped"
    assert (here.writes(), proof.untouched(before, here.state)) == (writes, [])
    tags.set("spotkeeper:hold", None, here.cloud.now())
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


def test_another_account() -> None:
    """An event about another account makes no call at all."""
    here = stage()
    other = event(userId="1", resourceId=f"acs:ecs:cn-hangzhou:1:instance/{SOURCE}")
    assert "account" in skipped(here, other)
    assert here.cloud.calls == []


def test_an_account_that_contradicts_its_resource() -> None:
    """An event whose user and resource name different accounts writes nothing."""
    here = stage()
    try:
        skipped(here, event(userId="1"))
    except MalformedEvent:
        assert here.cloud.calls == []


def test_another_region() -> None:
    """In the event's region there is no such instance: the one of the same id elsewhere is not touched."""
    arn = f"acs:ecs:cn-beijing:1690701234567830:instance/{SOURCE}"
    here = stage()
    assert "does not exist" in skipped(here, event(regionId="cn-beijing", resourceId=arn))


def test_a_region_that_does_not_exist() -> None:
    """A well-formed region that the API does not know has no instances."""
    here = stage()
    skipped(here, event(regionId="xx-nowhere-1"))


def test_another_kind() -> None:
    """A state change of the same instance is not for this function."""
    here = stage()
    skipped(here, event(name="Instance:StateChange", content={"resourceId": SOURCE, "state": "Stopped"}))
    assert here.cloud.calls == []


def test_an_instance_that_never_existed() -> None:
    """No instance, no episode: nothing to do."""
    missing = json.dumps(
        {"name": "Instance:PreemptibleInstanceInterruption", "content": {"instanceId": "i-bp1nowhere"}}
    )
    assert "does not exist" in skipped(stage(), missing.encode())


def test_gone_without_an_episode() -> None:
    """An event that arrives after the release, of a rescue that nobody began."""
    here = stage()
    here.pass_notice()
    here.before = here.cloud.state()
    skipped(here)


def test_gone_with_a_finished_episode() -> None:
    """A redelivery after the release gives the recorded answer and writes nothing."""
    here = stage()
    first = here.deliver()
    here.pass_notice()
    writes = here.writes()
    again = here.deliver()
    told_anew = {"reason", "timeline"}
    assert {name: again[name] for name in first.keys() - told_anew} == {
        name: first[name] for name in first.keys() - told_anew
    }
    assert here.writes() == writes


def test_gone_with_an_unfinished_episode() -> None:
    """What was begun before the release is finished after it."""
    here = stage(timeout=10)
    for zone in ("cn-hangzhou-h", "cn-hangzhou-i"):
        here.cloud.ecs.stock[zone, "ecs.g7.large", "spot"] = 0
        here.cloud.ecs.stock[zone, "ecs.g7.large", "on-demand"] = 0
    for _ in range(3):
        with pytest.raises(Exception, match="next"):
            here.deliver()
    here.pass_notice()
    here.cloud.ecs.stock.table.clear()
    here.timeout = 900
    answer = here.deliver()
    assert answer["outcome"] == "done"
    assert len(images(here)) == 1
    assert [places(here, item["InstanceId"]) for item in replacements(here)] == [2]


def test_an_answer_with_other_peoples_instances(monkeypatch: pytest.MonkeyPatch) -> None:
    """A DescribeInstances whose filter was not understood lists the neighbours: their ids are checked."""
    here = stage()
    del here.cloud.ecs.instances[SOURCE]
    here.before = here.cloud.state()
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

    def before_call(_: Invocation | None, called: str) -> None:
        if called == action:
            here.fleet.source.locks.clear()

    with here.playing(before_call):
        assert here.call()["outcome"] == "done"
    assert here.shortcomings() == []


def test_a_lock_that_was_taken_back() -> None:
    """A call that finds half a rescue and no lock touches nothing, and says so to the alarm."""
    here = stage()
    fault(here, "AddVServerGroupBackendServers", "kill-before")
    with pytest.raises(Killed):
        here.deliver()
    here.fleet.source.locks.clear()
    written = here.writes()
    with pytest.raises(RescueFailed, match="Recycling lock"):
        here.deliver()
    assert here.writes() == written
    assert here.deliver(SPOTKEEPER_REQUIRE_RECYCLING_LOCK="false")["outcome"] == "done"
    assert here.shortcomings() == []
