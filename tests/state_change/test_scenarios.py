"""A stopped instance is started or left alone, by the state of the cloud."""

from __future__ import annotations

import json

import pytest

from simulator.transport import Killed
from tests.edge.samples import SAMPLES
from tests.rescue.reading import audited, fault, skipped
from tests.rescue.stage import SOURCE
from tests.state_change.stage import BOOTING, STOPPED, TAGS, StateStage, stage, stopped

STATE_CHANGES = [name for name in SAMPLES if name.startswith("state-change.")]


def left_alone(here: StateStage, event: bytes | None = None, **settings: str) -> str:
    """A delivery changes nothing, not even the journal; its reason."""
    answer = skipped(here, event, **settings)
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


@pytest.mark.parametrize("name", STATE_CHANGES)
def test_every_sample_event(name: str) -> None:
    """Whatever the envelope, only an event that says Stopped starts the instance."""
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
    assert [record["outcome"] for name in ("receive", "answer") for record in audited(caplog, name)] == [
        *("seen", "skipped")
    ]


@pytest.mark.parametrize("state", ["Created", "Pending", "Running", "Stopped"])
def test_facts_are_caught_while_it_exists(state: str, caplog: pytest.LogCaptureFixture) -> None:
    """The audit gets what makes a released instance useful to know, but no user data."""
    here = stage(tags={"team": "web"})
    here.deliver(here.event(state))
    (looked,) = audited(caplog, "look at the instance")
    assert looked["state"] == state
    assert looked["instance"] == {
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
    here.finishes(here.event("Stopped", eventTime=value))


def test_of_another_account() -> None:
    """Nothing is looked at."""
    here = stopped()
    event = {**json.loads(STOPPED), "userId": "1", "resourceId": f"acs:ecs:cn-hangzhou:1:instance/{SOURCE}"}
    assert here.deliver(json.dumps(event).encode())["outcome"] == "skipped"
    assert here.cloud.calls == []


def test_dry_run() -> None:
    """Everything is read, nothing is written; the plan says what would be done."""
    assert skipped(stopped(), SPOTKEEPER_DRY_RUN="true")["plan"] == [
        "start the instance (it is stopped: restart 1 of at most 3 in 3600 s)",
        "wait until it is running",
        "record that it ran again",
    ]


def test_a_replacement_whose_rescue_is_under_way() -> None:
    """It may be a duplicate, about to be deleted: it belongs to the rescue until that is done."""
    here = stage(locked=True)
    fault(here, "RunInstances", "kill-after")
    with pytest.raises(Killed):
        here.rescue()
    (made,) = [instance for instance in here.cloud.ecs.instances.values() if instance.launched_with]
    made.status = "Stopped"
    answer = here.deliver(here.event("Stopped").replace(SOURCE.encode(), made.instance_id.encode()))
    assert (answer["outcome"], here.starts) == ("skipped", 0)
    assert "rescue that is not finished" in answer["reason"]


def test_a_replacement_whose_rescue_is_finished() -> None:
    """From then on it is an instance like any other."""
    here = stage(locked=True)
    replacement = here.rescue()["replacement_id"]
    here.cloud.ecs.instances[replacement].status = "Stopped"
    here.finishes(here.event("Stopped").replace(SOURCE.encode(), replacement.encode()))
