"""Leftovers of finished rescues: reported always, deleted once, and only on request."""

from __future__ import annotations

import pytest

from spotkeeper.errors import BatchFailed
from tests.rescue import reading
from tests.rescue.stage import SOURCE
from tests.sweep.cleaning import DELETE, DELETIONS, NOTHING_LEFT, finished, kept, leftovers
from tests.sweep.stage import DAY, MINUTE, SweepStage


def test_the_leftovers_are_what_the_rescue_left() -> None:
    """Otherwise the tests below would show nothing."""
    left = leftovers(finished())
    assert [len(left[kind]) for kind in ("images", "snapshots", "disks")] == [1, 3, 2]


def test_reported_but_not_deleted() -> None:
    """Without the setting the answer names everything, day after day, and nothing but the index is written."""
    here = finished()
    left = leftovers(here)
    for _ in range(2):
        with here.writes_nothing():
            answer = here.sweep()
            assert here.sweep()["clean_up"] == []
        (line,) = answer["clean_up"]
        assert all(snapshot in line for snapshot in [f"{SOURCE}/1", *left["images"], "3 snapshots", *left["disks"]])
        assert answer["outcome"] == "skipped"
        here.advance(DAY)


def test_deleted() -> None:
    """With it: the image, then its snapshots, then the disks; without Force; and the journal knows."""
    here = finished()
    left = leftovers(here)
    answer = here.sweep(**DELETE)
    assert (answer["outcome"], answer["deleted"], answer["handed_over"]) == ("done", [f"{SOURCE}/1"], [])
    assert leftovers(here) == NOTHING_LEFT
    calls = here.calls(*DELETIONS)
    assert [call.action for call in calls] == ["DeleteImage", *["DeleteSnapshot"] * 3, *["DeleteDisk"] * 2]
    named = {call.parameters[call.action.removeprefix("Delete") + "Id"] for call in calls}
    assert named == {*left["images"], *left["snapshots"], *left["disks"]}
    assert not any("Force" in call.parameters for call in calls)
    assert "cleaned" in reading.records(here, folder="sweeps")


def test_nothing_else_is_deleted() -> None:
    """Everything that is not this rescue's is exactly as it was."""
    here = finished()
    before, left = here.state, leftovers(here)
    here.sweep(**DELETE)
    gone = {instance_id for ids in left.values() for instance_id in ids}
    for key in ("ImageId", "SnapshotId", "DiskId", "InstanceId"):
        kind = key.removesuffix("Id").lower() + "s"
        assert here.state["ecs"][kind] == [item for item in before["ecs"][kind] if item[key] not in gone]
    assert here.state["slb"] == before["slb"]


def test_what_somebody_has_put_among_the_keys() -> None:
    """Sixty keys that come before it keep no rescue from its clean-up."""
    here = finished()
    objects = here.cloud.oss.buckets["spotkeeper-journal"].objects
    entry = next(key for key in objects if "/open/leftovers/" in key)
    folder = entry.partition("/open/leftovers/")[0]
    for number in range(60):
        objects[f"{folder}/open/leftovers/0-{number:02}/i-x/1.json"] = objects[entry]
    assert here.sweep(**DELETE)["deleted"] == [f"{SOURCE}/1"]


def deleted_by_hand() -> SweepStage:
    """Somebody has deleted all that a rescue left; nobody told the sweep to."""
    here = finished()
    left, ecs = leftovers(here), here.cloud.ecs
    for kind, every in (("images", ecs.images), ("snapshots", ecs.snapshots), ("disks", ecs.disks)):
        for item in left[kind]:
            del every[item]
    return here


def test_a_rescue_of_which_nothing_is_left() -> None:
    """It is read once more, and by no later sweep: a journal of many years costs a sweep its listing alone."""
    here = deleted_by_hand()
    assert "nothing is left" in here.sweep()["clean_up"][0]
    reads = len(here.calls("GetObject"))
    for _ in range(3):
        here.advance(MINUTE)
        assert here.sweep()["clean_up"] == []
    assert len(here.calls("GetObject")) == reads


def test_a_dry_run() -> None:
    """The plan has the deletions; where nothing is left it says so, and closes nothing."""
    assert kept(finished(), SPOTKEEPER_DRY_RUN="true")["plan"] == [f"clean up {SOURCE}/1"]
    assert "nothing is left" in kept(deleted_by_hand(), SPOTKEEPER_DRY_RUN="true")["clean_up"][0]


def test_the_journal_refuses_the_plan() -> None:
    """The deletions are recorded first: where that fails, nothing is deleted."""
    here = finished()
    left = leftovers(here)
    reading.fault(here, "PutObject", "code:AccessDenied", times=None)
    here.sweep_fails(BatchFailed, match="SPOTKEEPER_JOURNAL", **DELETE)
    assert leftovers(here) == left
    assert here.calls(*DELETIONS) == []


def test_what_somebody_deleted_already() -> None:
    """Image, a snapshot and a disk are gone: the rest goes too."""
    here = finished()
    left, ecs = leftovers(here), here.cloud.ecs
    reading.fault(here, "DeleteDisk", "kill-before")
    here.sweep_fails(BaseException, match="DeleteDisk", **DELETE)
    del ecs.disks[left["disks"][0]]
    here.advance(MINUTE)
    here.sweep(**DELETE)
    assert leftovers(here) == NOTHING_LEFT


def expire(here: SweepStage) -> None:
    """The bucket's lifecycle rule deletes the rescue's records."""
    objects = here.cloud.oss.buckets["spotkeeper-journal"].objects
    for key in [key for key in objects if "/rescues/" in key and "/open/" not in key]:
        del objects[key]


@pytest.mark.parametrize("weeks", [1, 40])
def test_an_image_in_use_for_longer_than_its_records_stay(weeks: int) -> None:
    """The sweep has its own record of what is left: all of it is deleted once the image is free."""
    here = finished()
    image_id = here.before["answer"]["image_id"]
    here.add_instance("i-bp1user", image_id=image_id)
    here.advance(30 * DAY)
    here.sweep(**DELETE)
    expire(here)
    for _ in range(weeks):
        here.advance(7 * DAY)
        assert "in use" in here.sweep(**DELETE)["clean_up"][0]
    del here.cloud.ecs.instances["i-bp1user"]
    here.advance(DAY)
    assert here.sweep(**DELETE)["deleted"] == [f"{SOURCE}/1"]
    assert leftovers(here) == NOTHING_LEFT
    here.advance(DAY)
    here.sweep(**DELETE)
    assert here.hints("open") == []


def test_records_that_have_expired() -> None:
    """Nothing is deleted or forgotten: each day a warning names the rescue and the image with its tag."""
    here = finished()
    left = leftovers(here)
    expire(here)
    for _ in range(2):
        (warning,) = kept(here)["warnings"]
        assert all(text in warning for text in (f"{SOURCE}/1: ", *left["images"]))
        assert kept(here)["warnings"] == []
        here.advance(DAY)
    assert leftovers(here) == left


@pytest.mark.parametrize("action", DELETIONS)
def test_an_answer_that_got_lost(action: str) -> None:
    """It was deleted; asking again is refused: the role may delete what has a tag, and nothing is left to have one."""
    here = finished()
    reading.fault(here, action, "reset-after")
    assert here.sweep(**DELETE)["deleted"] == [f"{SOURCE}/1"]
    assert leftovers(here) == NOTHING_LEFT


def test_other_rescues_are_cleaned_up_when_one_is_refused() -> None:
    """One refusal does not stop the others, and the sweep fails in the end."""
    here = finished()
    here.write("i-bp1another", 1, "event", {})
    here.write("i-bp1another", 1, "usable", {"image_id": "m-bp1another", "at": 0})
    here.write("i-bp1another", 1, "done", {"at": here.cloud.now() - 30 * DAY, "answer": {}})
    image = here.cloud.ecs.add_public_image("m-bp1another")
    image.owner_alias = "self"
    image.tags.set("spotkeeper:episode", "i-bp1another/1", here.cloud.now())
    reading.fault(here, "DeleteImage", "code:OperationDenied", times=1)
    here.sweep_fails(BatchFailed, match="OperationDenied", **DELETE)
    assert "m-bp1another" not in here.cloud.ecs.images or leftovers(here) == NOTHING_LEFT
    here.advance(60 * MINUTE)
    here.sweep(**DELETE)
    assert leftovers(here) == NOTHING_LEFT
    assert "m-bp1another" not in here.cloud.ecs.images
