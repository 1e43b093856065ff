"""A journal that cannot be reached must cost neither the data nor the memberships."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from simulator import proof
from simulator.ecs import Timings
from spotkeeper.errors import BrokenRecord, JournalUnavailable
from tests.rescue.reading import (
    audited,
    dies,
    doomed_disks,
    fault,
    heal,
    images,
    places,
    plant,
    records,
    replacements,
    source_disks,
    source_stands,
    undrained,
)
from tests.rescue.stage import SOURCE, Stage, stage
from tests.rescue.walks import reference

EFFECTS = (
    "code:AccessDenied",
    "code:NoSuchBucket",
    "code:ServiceUnavailable",
    "reset-before",
    "reset-after",
    "garbage",
)


def reference_journal_calls() -> int:
    """How many OSS calls a plain rescue makes."""
    calls = [call.action for call in reference(stage).calls if call.product == "oss"]
    return max(place for place, action in enumerate(calls, 1) if action == "PutObject")  # then hints are removed


JOURNAL_CALLS = reference_journal_calls()


def but_for_flags(here: Stage) -> list[str]:
    """The shortcomings that are no consequence of flags that nobody could record: see the first test."""
    found = here.shortcomings()
    return [text for text in found if not text.startswith(("DeleteWithInstance of", "disks."))]


def image_of_all_disks(here: Stage) -> bool:
    """Whether there is exactly one image, of three disks."""
    made = images(here)
    return len(made) == 1 and len(made[0]["DiskDeviceMappings"]["DiskDeviceMapping"]) == 3


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_bucket_that_cannot_be_reached(effect: str) -> None:
    """Disks retained, image made, nothing drained, and the error names the journal.

    The next call adopts the image and finishes everything but the flags, which stay on the safe side.
    """
    here = stage()
    fault(here, "oss:*", effect, times=None)
    here.fails(JournalUnavailable, match=r"oss://spotkeeper-journal/rescues.*SPOTKEEPER_JOURNAL")
    assert not any(source_disks(here).values())
    assert image_of_all_disks(here)
    assert undrained(here)
    assert replacements(here) == []
    assert here.state["oss"] == here.before["oss"] or effect == "reset-after"
    assert here.cloud.now() - here.before["now"] <= 60
    heal(here)
    here.finishes()
    assert len({call.parameters["ClientToken"] for call in here.calls("CreateImage")}) == 1
    assert but_for_flags(here) == []


def test_flags_that_nobody_recorded_are_reported() -> None:
    """Disks that stay because an earlier call had no journal are named: they cost money until somebody deletes them."""
    here = stage()
    down = fault(here, "oss:*", "code:AccessDenied", times=None)
    raised = here.fails(JournalUnavailable)
    here.cloud.faults.added.remove(down)
    answer = here.deliver()
    here.pass_notice()
    stayed = [disk for disk in doomed_disks(here) if disk in source_disks(here)]
    assert stayed == doomed_disks(here)
    said = [str(raised), *answer["retained_disks"], *answer["warnings"]]
    assert all(any(disk in text for text in said) for disk in stayed)


@pytest.mark.parametrize("after", range(JOURNAL_CALLS))
def test_the_journal_breaks_at_any_call(after: int) -> None:
    """From the n-th OSS call on there is no journal: the image is made whenever that is, and the next call finishes."""
    here = stage()
    fault(here, "oss:*", "code:AccessDenied", times=None, skip=after)
    here.fails(JournalUnavailable)
    assert image_of_all_disks(here)
    assert source_stands(here)
    if "memberships" not in " ".join(here.state["oss"]["spotkeeper-journal"]):
        assert undrained(here)
    heal(here)
    here.finishes()
    assert but_for_flags(here) == []
    assert after < 6 or here.shortcomings() == []


def test_gone_and_no_journal() -> None:
    """Only the journal knows whether a rescue of a released instance was begun: without it the call raises."""
    here = stage()
    here.pass_notice()
    fault(here, "oss:*", "code:AccessDenied", times=None)
    here.fails(JournalUnavailable)
    assert [call.action for call in here.calls()] == ["DescribeInstances"]


@pytest.mark.parametrize("relaunch", ["at-once", "none", "from-image"])
def test_in_every_mode_nothing_is_drained(relaunch: str) -> None:
    """Without a journal at-once does nothing at all, and the others save the data."""
    here = stage(settings={"SPOTKEEPER_RELAUNCH": relaunch})
    fault(here, "oss:*", "code:AccessDenied", times=None)
    here.fails(JournalUnavailable)
    assert undrained(here)
    assert replacements(here) == []
    assert len(images(here)) == (0 if relaunch == "at-once" else 1)


def test_stop_mode_without_a_journal() -> None:
    """An instance that keeps its disks anyway is left alone."""
    here = stage(spot_interruption_behavior="Stop")
    fault(here, "oss:*", "code:AccessDenied", times=None)
    here.fails(JournalUnavailable)
    assert proof.untouched(here.before, here.state) == []


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in the directory's place: the same promises as with OSS; with it out of the way the next call finishes."""
    (tmp_path / "journal").write_text("in the way")
    here = stage(settings={"SPOTKEEPER_JOURNAL": f"file://{tmp_path}/journal"})
    here.fails(JournalUnavailable, match=r"journal.*SPOTKEEPER_JOURNAL")
    assert not any(source_disks(here).values())
    assert image_of_all_disks(here)
    assert undrained(here)
    (tmp_path / "journal").unlink()
    here.finishes()
    assert but_for_flags(here) == []
    assert places(here, SOURCE) == 0


BROKEN: dict[str, object] = {
    "half an object": b'{"at": 15',
    "wrong fields": {"at": "1", "disks": [], "run": 5, "memberships": [{"x": 1}], "instance_id": 5},
}


@pytest.mark.parametrize("name", ["event", "replacement", "done", "lost", "drained", "image-1"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_record_that_only_the_journal_can_tell_is_broken(name: str, how: str) -> None:
    """The data is saved, nothing is drained, and a typed error names the record until somebody moves it away."""
    here = stage()
    dies(here, "ModifyDiskAttribute")
    plant(here, name, BROKEN[how])
    for _ in range(2):
        here.fails(BrokenRecord, match=f"/{SOURCE}/1/{name} ")
    assert not any(source_disks(here).values())
    assert image_of_all_disks(here)
    assert undrained(here)


@pytest.mark.parametrize("name", ["disks", "launch-spec", "memberships", "usable", "running"])
@pytest.mark.parametrize("how", BROKEN)
def test_a_record_that_describe_can_tell_anew_is_broken(name: str, how: str) -> None:
    """While the source stands, the rescue does not need it, and the answer names it."""
    here = stage()
    dies(here, "ModifyDiskAttribute")
    plant(here, name, BROKEN[how])
    assert f"/{SOURCE}/1/{name} " in str(here.rescues()["warnings"])


def test_a_broken_record_of_a_source_that_is_gone() -> None:
    """It is no loss yet: a human may bring back what it said."""
    here = stage(Timings(image=30))
    dies(here, "RunInstances")
    plant(here, "launch-spec", {})
    here.pass_notice()
    here.fails(BrokenRecord, match=f"/{SOURCE}/1/launch-spec ")
    assert "lost" not in records(here)


def test_a_disk_flag_that_nobody_answers_for_while_the_journal_is_down() -> None:
    """The call may have been executed: whoever reads the error learns which disks stay until somebody deletes them."""
    here = stage()
    fault(here, "ListObjectsV2", "slow", times=2)
    fault(here, "ModifyDiskAttribute", "slow", times=3)
    raised = here.fails(JournalUnavailable)
    assert all(disk in str(raised) for disk in doomed_disks(here))


def test_a_call_that_dies_with_flags_changed_while_the_journal_is_down(caplog: pytest.LogCaptureFixture) -> None:
    """No record, no answer and no error can tell of them: the audit does, before the first is changed."""
    caplog.set_level(logging.INFO, logger="spotkeeper.audit")
    here = stage()
    fault(here, "PutObject", "code:AccessDenied")
    dies(here, "ModifyDiskAttribute", "kill-after")
    assert not any(source_disks(here).values())
    (told,) = audited(caplog, "retain the disks")
    assert sorted(told["before"]) == doomed_disks(here)
    assert "until somebody deletes them" in told["reason"]
    here.finishes()
