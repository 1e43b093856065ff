"""What becomes of a stopped instance, by the state of the cloud."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator import proof
from simulator.ecs.model import Lock
from simulator.transport import Killed
from tests.edge.samples import SAMPLES
from tests.rescue.reading import fault
from tests.rescue.stage import EVENT, SOURCE
from tests.state_change.stage import BOOTING, RESTART_TAG, STOPPED, TAGS, StateStage, stage, stopped

STATE_CHANGES = [name for name in SAMPLES if name.startswith("state-change.")]


def left_alone(here: StateStage, event: bytes | None = None, **settings: str) -> str:
    """A delivery changes nothing, not even the journal; its reason."""
    before = here.state
    answer = here.deliver(event, **settings)
    assert answer["outcome"] == "skipped"
    assert proof.untouched(before, here.state) == []
    assert answer["instance_id"] == SOURCE
    return str(answer["reason"])


def test_it_is_started_and_waited_for() -> None:
    """The call is done when the instance runs, and says so; the event once more changes nothing."""
    here = stopped(BOOTING)
    answer = here.deliver()
    assert (answer["outcome"], answer["restart"], here.status) == ("done", 1, "Running")
    assert "restart 1 of at most 3" in answer["reason"]
    assert here.restarts() == {"1": ["accepted", "asked-1", "running"]}
    assert "Running" in left_alone(here)
    assert here.starts == 1


def test_the_rest_of_the_cloud() -> None:
    """Nothing but the one instance's status changes, in the groups neither."""
    here = stopped()
    here.deliver()
    assert proof.bystanders_changed(here.before, here.state, SOURCE) == []
    assert here.state["slb"] == here.before["slb"]
    now, was = proof.instance(here.state, SOURCE) or {}, proof.instance(here.before, SOURCE) or {}
    assert {name for name in was if now[name] != was[name]} == {"Status", "StartTime", "StoppedMode"}


def test_events_of_our_own_start() -> None:
    """Starting and Running of the instance that was started cause nothing."""
    here = stopped()
    here.deliver()
    for state in ("Starting", "Running"):
        left_alone(here, here.event(state))


@pytest.mark.parametrize("name", STATE_CHANGES)
def test_every_sample_event(name: str) -> None:
    """Whatever the envelope, only one that says Stopped starts the instance."""
    here = stopped()
    answer = here.deliver(SAMPLES[name])
    started = "stopped" in name or "eventbridge" in name
    assert (answer["outcome"], here.starts) == (("done", 1) if started else ("skipped", 0))


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith("state-change.")])
def test_other_events(name: str) -> None:
    """Events of other kinds are skipped without any call."""
    here = stopped()
    assert here.deliver(SAMPLES[name])["outcome"] == "skipped"
    assert here.cloud.calls == []


@pytest.mark.parametrize(
    "state", ["Created", "Pending", "Starting", "Running", "Stopping", "Deleted", "Hibernated", "stopped", "\ud800"]
)
def test_only_stopped_starts(state: str, caplog: pytest.LogCaptureFixture) -> None:
    """Any other state, known or not, is audited and changes nothing, even if the instance is stopped."""
    here = stopped()
    left_alone(here, here.event(state))
    records = [json.loads(record.message) for record in caplog.records if record.name == "spotkeeper.audit"]
    assert [record["outcome"] for record in records if record["action"] in ("receive", "answer")] == ["seen", "skipped"]


@pytest.mark.parametrize("state", ["Created", "Pending", "Running", "Stopped"])
def test_facts_are_caught_while_it_exists(state: str, caplog: pytest.LogCaptureFixture) -> None:
    """The audit gets what makes a released instance useful to know, but no user data."""
    here = stage(tags={"team": "web"})
    here.deliver(here.event(state))
    looked = [json.loads(record.message) for record in caplog.records if "look at the instance" in record.message]
    assert [item["state"] for item in looked] == [state]
    assert looked[0]["instance"] == {
        "instance_type": "ecs.g7.large",
        "zone_id": "cn-hangzhou-h",
        "vswitch_id": "vsw-bp1fleet000000000000h",
        "image_id": "aliyun_3_x64_20G_alibase_20240528.vhd",
        "private_ips": ["172.16.0.11"],
        "public_ips": ["47.96.0.10"],
        "charge_type": "PostPaid",
        "spot_strategy": "SpotAsPriceGo",
        "tags": {"team": "web"},
    }
    assert here.fleet.source.user_data not in caplog.text


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"tags": {}}, "does not carry the tag"),
        ({"tags": {**TAGS, "spotkeeper:auto-restart": "false"}}, "does not carry the tag"),
        ({"tags": {**TAGS, "spotkeeper:hold": ""}}, "forbids changes"),
        ({"tags": {**TAGS, "spotkeeper:hold": "2019-04-09T05:00:00Z"}}, "until 2019-04-09T05:00:00.000Z"),
        ({"attributes": {"locks": [Lock("financial", 0)]}}, "lock financial"),
        ({"attributes": {"locks": [Lock("security", 0)]}}, "lock security"),
        ({"locked": True}, "Recycling"),
    ],
)
def test_left_alone(changes: dict[str, Any], reason: str) -> None:
    """The instance's own state says why; no journal is read for it."""
    here = stopped(**changes)
    assert reason in left_alone(here)
    assert here.calls() == here.calls("DescribeInstances")


NO_MOMENTS = [
    "9999-12-31T23:59:59-01:00",
    "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "2019-02-30T00:00:00Z",
    "2019-04-09T05:00:00+99:99",
    "\u0662\u0660\u0661\u0669-04-09T05:00:00Z",
]


@pytest.mark.parametrize("value", NO_MOMENTS)
def test_a_hold_until_no_moment(value: str) -> None:
    """It is for ever, and nobody else's start waits for it: a tag's value ends no call and no sweep."""
    here = stopped(tags={**TAGS, "spotkeeper:hold": value})
    other = here.add_stopped("i-bp1otherone00000001")
    assert "forbids changes" in left_alone(here)
    assert here.sweep()["handed_back"] == [f"{other}/restart-1"]


@pytest.mark.parametrize("value", NO_MOMENTS)
def test_an_event_of_no_moment(value: str) -> None:
    """It is an event without a time."""
    here = stopped()
    assert here.deliver(here.event("Stopped", eventTime=value))["outcome"] == "done"


def test_a_hold_that_is_over() -> None:
    """Its end lies in the past."""
    here = stopped(tags={**TAGS, "spotkeeper:hold": "2019-04-09T04:00:00Z"})
    assert here.deliver()["outcome"] == "done"


@pytest.mark.parametrize(
    ("settings", "tags", "started"),
    [
        ({"SPOTKEEPER_RESTART_TAG": ""}, TAGS, False),
        ({"SPOTKEEPER_RESTART_TAG": "keep=on"}, TAGS, False),
        ({"SPOTKEEPER_RESTART_TAG": "keep"}, {"keep": "whatever"}, True),
        ({"SPOTKEEPER_RESTART_LIMIT": "0"}, TAGS, False),
        ({}, RESTART_TAG, True),
    ],
)
def test_settings(settings: dict[str, str], tags: dict[str, str], started: bool) -> None:  # noqa: FBT001
    """The restart tag decides, whether managed or not."""
    here = stopped(settings=settings, tags=tags)
    assert here.deliver()["outcome"] == ("done" if started else "skipped")
    assert here.starts == started


@pytest.mark.parametrize("status", ["Running", "Starting", "Stopping"])
def test_not_stopped_any_more(status: str) -> None:
    """The event is late: what is true when it is looked at counts."""
    here = stopped()
    here.cloud.ecs.instances[SOURCE].status = status
    left_alone(here)


def test_released_meanwhile() -> None:
    """There is nothing to start."""
    here = stopped()
    here.cloud.ecs.release(here.fleet.source, here.cloud.now(), "DeleteInstance")
    assert "does not exist" in left_alone(here)


def test_of_another_account() -> None:
    """Nothing is looked at."""
    here = stopped()
    event = {**json.loads(STOPPED), "userId": "1", "resourceId": f"acs:ecs:cn-hangzhou:1:instance/{SOURCE}"}
    assert here.deliver(json.dumps(event).encode())["outcome"] == "skipped"
    assert here.cloud.calls == []


def test_dry_run() -> None:
    """Everything is read, nothing is written; the plan says what would be done."""
    here = stopped()
    before = here.state
    answer = here.deliver(SPOTKEEPER_DRY_RUN="true")
    assert answer["outcome"] == "skipped"
    assert answer["plan"] == [
        "start the instance (it is stopped: restart 1 of at most 3 in 3600 s)",
        "wait until it is running",
        "record that it ran again",
    ]
    assert proof.untouched(before, here.state) == []


def test_a_replacement_whose_rescue_is_under_way() -> None:
    """It may be surplus, about to be deleted: it belongs to the rescue until that is done."""
    here = stage(locked=True)
    fault(here, "RunInstances", "kill-after")
    rescue_dies(here)
    (made,) = [instance for instance in here.cloud.ecs.instances.values() if instance.launched_with]
    made.status = "Stopped"
    answer = here.deliver(here.event("Stopped").replace(SOURCE.encode(), made.instance_id.encode()))
    assert (answer["outcome"], here.starts) == ("skipped", 0)
    assert "rescue that is not finished" in answer["reason"]


def test_a_replacement_whose_rescue_is_finished() -> None:
    """From then on it is an instance like any other."""
    here = stage(locked=True)
    with here.playing():
        replacement = here.invoke("interruption", EVENT, name="rescue")["replacement_id"]
    here.cloud.ecs.instances[replacement].status = "Stopped"
    assert here.deliver(here.event("Stopped").replace(SOURCE.encode(), replacement.encode()))["outcome"] == "done"


def rescue_dies(here: StateStage) -> None:
    """The rescue of the source dies at the fault that was put in its way."""
    with pytest.raises(Killed), here.playing():
        here.invoke("interruption", EVENT, name="rescue")
