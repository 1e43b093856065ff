"""What a sweep cannot settle is in the audit: nobody reads the answer of an asynchronous call."""

from __future__ import annotations

import pytest

from spotkeeper.errors import JournalUnavailable
from tests.rescue import reading
from tests.rescue.stage import SOURCE
from tests.sweep.stage import DAY, MINUTE, back_from_stop_mode, half_done, stage

ABOUT = {"instance_id": SOURCE, "episode": f"{SOURCE}/1"}


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_each_warning_is_reported_once(caplog: pytest.LogCaptureFixture, dry_run: str) -> None:
    """An old rescue, a rescue that waits for the next sweep, the quota of images."""
    here = half_done()
    here.cloud.ecs.capacity_back(SOURCE)
    here.advance(DAY)
    for number in range(2):
        here.write(f"i-bp1gone{number}", 1, "event", {})
    answer = here.sweep(SPOTKEEPER_SWEEP_LIMIT="1", SPOTKEEPER_IMAGE_QUOTA="1", SPOTKEEPER_DRY_RUN=dry_run)
    found = reading.audited(caplog, "report")
    assert [record["reason"] for record in found] == answer["warnings"]
    assert len(found) == 3
    assert found[0].items() >= ABOUT.items()
    assert found[1]["episode"].startswith("i-bp1gone")


def test_a_return_that_needs_a_human(caplog: pytest.LogCaptureFixture) -> None:
    """The record names instance and episode."""
    here = back_from_stop_mode()
    for _ in range(5):
        here.sweep()
        here.advance(60 * MINUTE)
    caplog.clear()
    here.sweep()
    (record,) = reading.audited(caplog, "report")
    assert record.items() >= ABOUT.items()


def test_leftovers_that_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """The record names instance and episode."""
    here = stage(locked=False)
    here.write(SOURCE, 1, "event", {})
    here.write(SOURCE, 1, "done", {"at": here.cloud.now()})
    here.put(f"rescues/{SOURCE}/1/done", "oops")
    here.sweep()
    (record,) = reading.audited(caplog, "report")
    assert record.items() >= ABOUT.items()


def test_the_search_for_rescues_fails(caplog: pytest.LogCaptureFixture) -> None:
    """What the other jobs did is in the audit all the same."""
    here = stage(locked=False)
    here.add_instance("i-bp1other", tags={"spotkeeper:auto-restart": "true"}, status="Stopped")
    here.cloud.fc.register("spotkeeper-state-change", lambda _: None)
    reading.fault(here, "ListObjectsV2", "code:AccessDenied", times=None, resource="alive/")
    here.sweep_fails(JournalUnavailable)
    assert [record["reason"] for record in reading.audited(caplog, "act")] == [
        "invoke state_change for i-bp1other/restart-1"
    ]
