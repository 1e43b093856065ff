"""A sweep that may delete keeps resources in use, resources of others, and the last copy of the data."""

from __future__ import annotations

import pytest

from simulator.ecs.model import DiskMapping
from tests.rescue import reading
from tests.rescue.stage import REALISTIC, SOURCE
from tests.sweep.cleaning import DELETE, DELETIONS, NOTHING_LEFT, finished, kept, leftovers
from tests.sweep.stage import DAY, MINUTE, stage


def test_an_image_in_use() -> None:
    """The instance that runs from it may be set up anew from it: image and snapshots stay, and that is no failure."""
    here = finished()
    here.add_instance("i-bp1user", image_id=here.before["answer"]["image_id"])
    left = leftovers(here)
    assert "in use" in kept(here)["clean_up"][0]
    assert leftovers(here) == left


def test_an_image_that_is_used_since_it_was_looked_at() -> None:
    """DeleteImage refuses it then: nothing is forced, its snapshots are not touched."""
    here = finished()
    left = leftovers(here)
    reading.fault(here, "DeleteImage", "code:ImageUsingByInstance")
    answer = here.sweep(**DELETE)
    (warning,) = answer["warnings"]
    assert f"{left['images'][0]} (ImageUsingByInstance)" in warning
    assert (answer["outcome"], answer["deleted"]) == ("skipped", [])
    here.advance(60 * MINUTE)
    assert here.sweep(**DELETE)["warnings"] == []  # it is tried again in a day
    assert leftovers(here) == left
    assert not any("Force" in call.parameters for call in here.calls(*DELETIONS))
    assert "cleaned" not in reading.records(here, folder="sweeps")


def test_a_snapshot_that_somebody_made_an_image_of() -> None:
    """It refuses and stays, with that image; everything else of the rescue goes."""
    here = finished()
    shared = leftovers(here)["snapshots"][0]
    theirs = here.cloud.ecs.add_public_image("m-bp1theirs")
    theirs.owner_alias, theirs.disks = "self", [DiskMapping("/dev/xvda", "system", 40, shared)]
    answers = []
    for _ in range(2):
        answers.append(here.sweep(**DELETE))
        here.advance(DAY)
    assert [answer["deleted"] for answer in answers] == [[f"{SOURCE}/1"], []]
    assert [f"{shared} (SnapshotCreatedImage)" in str(answer["warnings"]) for answer in answers] == [True, True]
    assert leftovers(here) == {**NOTHING_LEFT, "snapshots": [shared]}
    assert "m-bp1theirs" in here.cloud.ecs.images


def test_the_source_still_stands() -> None:
    """Its disks are attached and its notice may have been wrong: nothing is deleted."""
    here = stage(REALISTIC, notice=300 * DAY)
    here.before = {**here.before, "answer": here.deliver()}
    here.advance(8 * DAY)
    assert "stands" in kept(here)["clean_up"][0]


@pytest.mark.parametrize("on", ["image, as the rescue tagged it", "image without the episode's tag"])
def test_a_held_image(on: str) -> None:
    """The journal says which image is the rescue's, whatever became of its other tags."""
    here = finished()
    tags = here.cloud.ecs.images[here.before["answer"]["image_id"]].tags
    tags.set("spotkeeper:hold", "", here.cloud.now())
    if "without" in on:
        tags.set("spotkeeper:episode", None, here.cloud.now())
    assert "spotkeeper:hold" in kept(here)["clean_up"][0]


def test_somebody_elses_similar_image() -> None:
    """A name and a tag like ours do not make it ours: the journal does."""
    here = finished()
    ours = here.cloud.ecs.images[here.before["answer"]["image_id"]]
    twin = here.cloud.ecs.add_public_image("m-bp1twin")
    twin.owner_alias, twin.image_name = "self", ours.image_name + "-1"
    twin.disks = [DiskMapping("/dev/xvda", "system", 40, "s-bp1twin")]
    twin.tags.set("spotkeeper:episode", f"{SOURCE}/1", here.cloud.now())
    here.sweep(**DELETE)
    assert leftovers(here) == NOTHING_LEFT
    assert "m-bp1twin" in here.cloud.ecs.images
    assert "m-bp1twin" not in str(here.calls(*DELETIONS))


def test_a_lost_rescue() -> None:
    """Its disks are all that the owner has: they are never deleted, however old."""
    here = stage()
    here.dies_at("CreateImage")
    here.pass_notice()
    here.minutes(3)
    assert "lost" in reading.records(here)
    disks = reading.source_disks(here)
    assert len(disks) == 3
    here.advance(400 * DAY)
    assert kept(here)["clean_up"] == []
    assert reading.source_disks(here) == disks


def test_an_open_rescue() -> None:
    """Its image is still needed."""
    here = stage()
    here.dies_at("RunInstances")
    here.pass_notice()
    here.advance(300 * DAY)
    assert kept(here)["clean_up"] == []


@pytest.mark.parametrize("trace", ["attached", "attached since", "attached and detached since", "detached since"])
def test_a_disk_that_its_owner_uses_or_has_used_since(trace: str) -> None:
    """It serves somebody, or somebody has taken files off it, or on it: it stays for good, and the other disk goes."""
    here = finished()
    first, second = leftovers(here)["disks"]
    disk, used_at = here.cloud.ecs.disks[first], here.cloud.now() - 2 * DAY
    if trace == "attached":
        disk.instance_id, disk.device = here.fleet.bystanders[0].instance_id, "/dev/xvdz"
    elif trace.startswith("attached"):
        disk.attached_at = used_at
    if trace.endswith("detached since"):
        disk.detached_at = used_at + MINUTE
    here.sweep(**DELETE)
    assert leftovers(here) == {**NOTHING_LEFT, "disks": [first]}
    assert [call.parameters["DiskId"] for call in here.calls("DeleteDisk")] == [second]
    here.advance(MINUTE)
    assert kept(here)["clean_up"] == []


def test_a_disk_that_the_rescue_never_retained() -> None:
    """An answer that names a disk which was never the source's, whoever wrote it, deletes nothing of others."""
    here = finished()
    theirs = next(disk for disk in here.cloud.ecs.disks.values() if disk.instance_id)
    theirs.instance_id = theirs.device = ""
    done = reading.records(here)["done"]
    other = next(disk_id for disk_id, one in here.cloud.ecs.disks.items() if one is theirs)
    done["answer"]["retained_disks"] = [*done["answer"]["retained_disks"], other]
    here.put(f"rescues/{SOURCE}/1/done", done)
    here.sweep(**DELETE)
    assert other in here.cloud.ecs.disks
    assert other not in [call.parameters["DiskId"] for call in here.calls("DeleteDisk")]
