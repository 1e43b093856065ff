"""Where nothing is to be done, that is said at once: no waiting, and no call that the answer does not need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.rescue.stage import SOURCE
from tests.state_change.stage import StateStage, reclaimed, running, stage, stopped

LOOKED = ["DescribeInstances"]
READ = [*LOOKED, "ListObjectsV2"]


def starting(status: str = "Starting", **changes: Any) -> StateStage:
    """The source is being started, and no start is ours."""
    here = stage(**changes)
    here.cloud.ecs.instances[SOURCE].status = status
    return here


def released() -> StateStage:
    """The source does not exist any more."""
    here = stage()
    here.cloud.ecs.release(here.fleet.source, here.cloud.now(), "DeleteInstance")
    return here


def ran_again() -> StateStage:
    """A restart of the source is over."""
    here = stopped()
    here.deliver()
    return here


CASES: dict[str, tuple[Callable[[], StateStage], str, list[str]]] = {
    "starting": (stage, "Starting", []),
    "stopping": (stage, "Stopping", []),
    "unknown": (stage, "Hibernated", []),
    "created": (stage, "Created", LOOKED),
    "pending": (stage, "Pending", LOOKED),
    "running-without-tag": (lambda: stage(tags={}), "Running", LOOKED),
    "running-with-tag": (stage, "Running", READ),
    "running-again": (ran_again, "Running", [*READ, "GetObject", "GetObject"]),
    "running-in-stop-mode": (
        lambda: stage(tags={}, spot_interruption_behavior="Stop"),
        "Running",
        [*LOOKED, "ListObjectsV2", "ListObjectsV2"],
    ),
    "running-event-of-one-that-starts": (starting, "Running", READ),
    "running-event-of-one-that-starts-without-tag": (lambda: starting(tags={}), "Running", LOOKED),
    "stopped-event-of-one-that-starts": (starting, "Stopped", READ),
    "stopped-event-of-one-that-runs": (stage, "Stopped", READ),
    "stopped-event-of-one-that-stops": (lambda: starting("Stopping"), "Stopped", LOOKED),
    "stopped-without-tag": (lambda: stopped(tags={}), "Stopped", LOOKED),
    "stopped-and-held": (lambda: stopped(tags={"spotkeeper:hold": ""}), "Stopped", LOOKED),
    "stopped-under-the-lock": (lambda: reclaimed(returned=False), "Stopped", LOOKED),
    "running-event-of-one-that-is-stopped": (stopped, "Running", READ),
    "running-event-of-one-that-is-released": (released, "Running", LOOKED),
    "stopped-event-of-one-that-is-released": (released, "Stopped", LOOKED),
    "deleted": (released, "Deleted", ["ListObjectsV2"]),
}


@pytest.mark.parametrize(("scene", "state", "calls"), CASES.values(), ids=CASES.keys())
def test_nothing_to_do(scene: Callable[[], StateStage], state: str, calls: list[str]) -> None:
    """An answer without waiting, and with no other calls than these."""
    here = scene()
    made, then = len(here.cloud.calls), here.cloud.now()
    assert here.changed(state)["outcome"] == "skipped"
    assert [call.action for call in here.cloud.calls[made:]] == calls
    assert here.cloud.now() == then


def test_put_back_long_ago() -> None:
    """A later Running of an instance in stop mode reads its last rescue, and waits for nothing."""
    here = running()
    here.deliver()
    here.advance(3600)
    made, then = len(here.cloud.calls), here.cloud.now()
    assert here.changed("Running")["outcome"] == "skipped"
    assert here.cloud.now() == then
    assert len(here.cloud.calls) - made <= 15
