"""The shared entry: which events reach a handler, what a call answers or raises, and until when it may run."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from simulator.function_compute import Context, FunctionMeta
from simulator.transport import Killed
from spotkeeper.errors import BadSetting, BatchFailed, CloudError, MalformedEvent
from spotkeeper.events.notification import Kind, Notification
from spotkeeper.function import Answer, Invocation, respond
from tests.clock import SimulatedClock
from tests.edge.samples import DOCUMENTED, INTERRUPTIONS, SAMPLES, interruption_of

ACCOUNT = "1690701234567830"
INSTANCE = DOCUMENTED["content"]["instanceId"]


def entered(account_id: str = ACCOUNT, timeout: Any = 600) -> Invocation:
    """An invocation with this context."""
    meta = FunctionMeta("interruption", timeout)
    return Invocation.enter(Context(meta, "cn-hangzhou", account_id, "r-1"), {}, SimulatedClock())


def call(event: Any, handler: Any, account_id: str = ACCOUNT) -> Answer:
    """Respond as a function for interruptions would; ``event`` is serialised unless it is bytes."""
    raw = event if isinstance(event, bytes) else json.dumps(event)
    return respond(raw, entered(account_id), {Kind.INTERRUPTION: handler})


def done(notification: Notification) -> Answer:
    """Handle anything."""
    return {"outcome": "done", "reason": "handled", "instance_id": notification.instance_id}


def refuse(notification: Notification) -> Answer:
    """Fail as a cloud does."""
    raise CloudError("CreateImage", notification.instance_id, "Throttling", request_id="req-9")


def never(notification: Notification) -> Answer:
    """Fail the test."""
    raise AssertionError(f"{notification.name} reached the handler")


# --- single events


def test_answer_of_a_single_event_is_the_handlers() -> None:
    """Nothing is added to what the handler says."""
    assert call(DOCUMENTED, done) == {"outcome": "done", "reason": "handled", "instance_id": INSTANCE}


def test_error_of_a_single_event_is_the_handlers() -> None:
    """What the handler raises leaves the call as it is."""
    with pytest.raises(CloudError, match="req-9"):
        call(DOCUMENTED, refuse)


@pytest.mark.parametrize("name", sorted(set(SAMPLES) - set(INTERRUPTIONS)))
def test_other_kinds_are_skipped(name: str) -> None:
    """Each sample of another kind is skipped with its name as the reason, whatever else is in it."""
    answer = call(SAMPLES[name], never)

    assert answer["outcome"] == "skipped"
    assert "is not an event for this function" in answer["reason"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "Instance:StateChange", "userId": 5}, "is not an event for this function"),
        ({"userId": "1"}, "the event is about another account"),
    ],
)
def test_kind_and_account_are_read_before_ids(fields: dict[str, Any], reason: str) -> None:
    """An event of another kind, whatever its account, or of another account is skipped though its ids are wrong."""
    answer = call({**DOCUMENTED, "regionId": "?", "resourceId": [], "content": 1, **fields}, never)

    assert answer["outcome"] == "skipped"
    assert reason in answer["reason"]


def test_account_of_the_resource_name() -> None:
    """Without an account of its own, an event belongs to the account in its resource name."""
    event = {key: value for key, value in DOCUMENTED.items() if key != "userId"}

    assert call(event, never, account_id="42")["outcome"] == "skipped"
    assert call(event, done)["outcome"] == "done"


@pytest.mark.parametrize("account_id", ["", None])
def test_context_without_account(account_id: Any) -> None:
    """Where the context names no account, any account's event is handled."""
    assert call(DOCUMENTED, done, account_id=account_id)["outcome"] == "done"


def test_account_of_the_wrong_type() -> None:
    """An interruption whose account is not a string is malformed, not skipped."""
    with pytest.raises(MalformedEvent, match="account"):
        call({**DOCUMENTED, "userId": 5}, never)


# --- batches


def test_empty_batch_is_skipped() -> None:
    """An array of nothing is nothing to do."""
    assert call([], never) == {"outcome": "skipped", "reason": "the batch is empty", "results": []}


def test_batch_of_one_event_has_results() -> None:
    """An array is answered as a batch even if it has one element."""
    answer = call([DOCUMENTED], done)

    assert (answer["outcome"], answer["results"]) == ("done", [call(DOCUMENTED, done)])


def test_batch_keeps_order_and_counts() -> None:
    """Results stand in the order of the elements; a result that is done makes the batch done."""
    answer = call([interruption_of("i-1"), {**DOCUMENTED, "name": "x"}, json.dumps(interruption_of("i-2"))], done)

    assert (answer["outcome"], answer["reason"]) == ("done", "3 events: 2 done, 1 skipped")
    assert [result.get("instance_id") for result in answer["results"]] == ["i-1", None, "i-2"]
    assert answer == json.loads(json.dumps(answer))


def test_batch_of_skipped_is_skipped() -> None:
    """A batch in which nothing was to do was skipped."""
    assert call([{**DOCUMENTED, "name": "x"}] * 2, never)["outcome"] == "skipped"


def test_batch_with_failures_raises_after_the_rest_is_done() -> None:
    """Bad elements stop no others; the error has all results, and names the failures."""
    handled = []

    def handler(notification: Notification) -> Answer:
        if notification.instance_id == "i-bad":
            return refuse(notification)
        if notification.instance_id == "i-bug":
            raise KeyError("oops")
        handled.append(notification.instance_id)
        return done(notification)

    batch = [
        interruption_of("i-bad"),
        5,
        interruption_of("i-1"),
        interruption_of("i-bug"),
        interruption_of("I-X"),
        interruption_of("i-2"),
    ]
    with pytest.raises(BatchFailed) as caught:
        call(batch, handler)

    assert sorted(handled) == ["i-1", "i-2"]
    outcomes = [(result["outcome"], result.get("error"), result.get("instance_id")) for result in caught.value.results]
    assert outcomes == [
        ("failed", "CloudError", "i-bad"),
        ("failed", "MalformedEvent", None),
        ("done", None, "i-1"),
        ("failed", "KeyError", "i-bug"),
        ("failed", "MalformedEvent", None),
        ("done", None, "i-2"),
    ]
    assert "4 of 6 events failed: [0] CreateImage on i-bad was refused: Throttling" in str(caught.value)
    assert isinstance(caught.value.__cause__, CloudError)
    json.dumps(caught.value.results)


def test_a_message_about_many_failures_stays_readable() -> None:
    """The message names the first ten failures, the results have all."""
    with pytest.raises(BatchFailed, match=r"^5000 of 5000 events failed: .*\[9\] [^\[]*; and 4990 more$") as caught:
        call([1] * 5000, never)

    assert len(caught.value.results) == 5000


def test_elements_are_handled_side_by_side() -> None:
    """However many elements there are, all are under way at the same time."""
    together = threading.Barrier(40, timeout=30)

    def handler(notification: Notification) -> Answer:
        together.wait()
        return done(notification)

    answer = call([interruption_of(f"i-{number}") for number in range(40)], handler)

    assert [f"i-{number}" for number in range(40)] == [result["instance_id"] for result in answer["results"]]


def test_the_end_of_the_process_is_not_a_result() -> None:
    """What is not an Exception goes on its way, once the other elements are through."""
    handled = []

    def handler(notification: Notification) -> Answer:
        if notification.instance_id == "i-0":
            raise Killed
        handled.append(notification.instance_id)
        return done(notification)

    with pytest.raises(Killed):
        call([interruption_of("i-0"), interruption_of("i-1")], handler)
    assert handled == ["i-1"]


# --- deadline


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [(600, 595), ("60", 55), (20.0, 15), ("3", 2.25), (1, 0.75), (86400, 86395)],
)
def test_deadline(timeout: float | str, seconds: float) -> None:
    """A call may use its timeout but for five seconds, or a quarter of a short one."""
    invocation = entered(timeout=timeout)

    assert invocation.deadline.remaining() == seconds
    assert (invocation.request_id, invocation.region, invocation.account_id) == ("r-1", "cn-hangzhou", ACCOUNT)


@pytest.mark.parametrize("timeout", ["", "soon", None, 0, -1, "nan", "inf", [], "5s"])
def test_ill_formed_timeout(timeout: Any) -> None:
    """A timeout that is not a positive number of seconds is an error of its own."""
    with pytest.raises(BadSetting, match="timeout"):
        entered(timeout=timeout)
