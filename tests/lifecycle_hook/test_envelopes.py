"""The notification in every form: the same end. What carries it (MNS, Base64) is for tests/edge/test_events.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from spotkeeper.errors import MalformedEvent
from tests.lifecycle_hook.stage import stage

Wrap = Callable[[dict[str, Any]], Any]


def _event(notification: dict[str, Any], data: Any, name: str = "ess:LifecycleHook:ScaleOut") -> dict[str, Any]:
    return {
        "id": "7E2B01C4",
        "source": "acs.ess",
        "specversion": "1.0",
        "type": name,
        "time": notification["time"],
        "aliyunaccountid": notification["userId"],
        "aliyunregionid": notification["regionId"],
        "data": data,
    }


ENVELOPES: dict[str, Wrap] = {
    "notification": lambda item: item,
    "notification, content as text": lambda item: {**item, "content": json.dumps(item["content"])},
    "EventBridge": lambda item: _event(item, item["content"]),
    "EventBridge, data.content": lambda item: _event(item, {"content": item["content"]}),
    "EventBridge, data is the notification": lambda item: _event(item, item),
    "EventBridge, data as text": lambda item: _event(item, json.dumps(item["content"])),
    "EventBridge, instanceIds as text": lambda item: _event(
        item, {**item["content"], "instanceIds": json.dumps(item["content"]["instanceIds"])}
    ),
    "MNS topic": lambda item: {"TopicName": "hooks", "Message": json.dumps(item)},
}


@pytest.mark.parametrize("wrap", ENVELOPES.values(), ids=list(ENVELOPES))
def test_every_envelope(wrap: Wrap) -> None:
    """The hook is completed."""
    here = stage()
    event = wrap(json.loads(here.sent))
    answer = here.deliver(json.dumps(event).encode())
    assert (answer["outcome"], answer["result"], here.serving()) == ("done", "CONTINUE", set(here.ids))


def test_several_notifications_at_once() -> None:
    """Two hooks in one array: both are completed, side by side."""
    here = stage(second_hook=True)
    answer = here.deliver(json.dumps(here.cloud.ess.notifications).encode())
    assert [result["result"] for result in answer["results"]] == ["CONTINUE", "CONTINUE"]
    assert here.serving() == set(here.ids)


def test_the_console_s_test() -> None:
    """It is acknowledged: its token is not real."""
    here = stage()
    item = json.loads(here.sent)
    answer = here.deliver(json.dumps(_event(item, item["content"], "ess:LifecycleHook:Test")).encode())
    assert (answer["outcome"], here.cloud.calls) == ("skipped", [])


def test_somebody_elses_account() -> None:
    """Skipped, whatever else is in it."""
    here = stage()
    answer = here.deliver(json.dumps({**json.loads(here.sent), "userId": "1", "resourceArn": None}).encode())
    assert (answer["outcome"], here.cloud.calls) == ("skipped", [])


@pytest.mark.parametrize(
    "changes",
    [{"instanceIds": []}, {"instanceIds": ["i-1; id"]}, {"lifecycleActionToken": None}, {"lifecycleTransition": "UP"}],
)
def test_what_cannot_be_understood(changes: dict[str, Any]) -> None:
    """Malformed, and nobody was asked."""
    here = stage()
    here.fails(MalformedEvent, event=here.said(**changes))
    assert here.cloud.calls == []


def test_a_notification_that_says_little() -> None:
    """Without activity, group and metadata the hook and its running activities are asked."""
    here = stage()
    item = json.loads(here.sent)
    kept = ("lifecycleHookId", "lifecycleActionToken", "lifecycleTransition", "instanceIds")
    item["content"] = {name: item["content"][name] for name in kept}
    here.completes("CONTINUE", json.dumps(item).encode())
