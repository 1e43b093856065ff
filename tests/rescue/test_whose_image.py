"""Which images a rescue may adopt, launch from or delete: those that are proven to be of the source's disks."""

from __future__ import annotations

from typing import Any

import pytest

from rescue.actions.image_ownership import is_image_of
from simulator.ecs import Timings
from simulator.ecs.model import DiskMapping, Image
from spotkeeper.errors import RescueLost, SpotkeeperError
from tests.rescue.reading import deliver_until_done, dies, fault, heal, images, plant, replacements
from tests.rescue.stage import SOURCE, Stage, stage

FOREIGN = "m-bp1foreign0000000000"
TAG = "spotkeeper:episode"
NAME = f"spotkeeper-{SOURCE}-1-1"


def somebodys(here: Stage, *, name: str = "golden", snapshot: bool = True, tag: bool = True, **changes: Any) -> Image:
    """A usable image of the user, made of a neighbour's disk: names and tags are the user's to choose and to copy."""
    neighbour = next(disk for disk in here.cloud.ecs.disks.values() if disk.instance_id != SOURCE)
    made = here.cloud.ecs.start_snapshot(neighbour, name="", tags={}).snapshot_id if snapshot else ""
    image = here.cloud.ecs.add_public_image(FOREIGN)
    image.owner_alias, image.image_name = "self", name
    image.disks = [DiskMapping("/dev/xvda", "system", 40, made)]
    for attribute, value in changes.items():
        setattr(image, attribute, value)
    if tag:
        image.tags.set(TAG, f"{SOURCE}/1", 0)
    here.before = here.cloud.state()
    return image


def left_alone(here: Stage, answer: dict[str, Any]) -> None:
    """The rescue is done with an image of its own, the other image stands, and the answer says so."""
    assert answer["outcome"] == "done"
    assert answer["image_id"] != FOREIGN
    assert here.shortcomings() == []
    assert FOREIGN in here.cloud.ecs.images
    assert {item["ImageId"] for item in replacements(here)} == {answer["image_id"]}
    assert any(FOREIGN in text for text in answer["warnings"])


FOREIGNERS: dict[str, dict[str, Any]] = {
    "our tag": {},
    "our tag and name": {"name": NAME},
    "our name": {"name": NAME, "tag": False},
    "our tag, failed": {"status": "CreateFailed", "usable": False},
    "our tag and name, failed": {"name": NAME, "status": "CreateFailed", "usable": False},
    "our tag and name, no snapshot": {"name": NAME, "snapshot": False},
    "our tag and name, in creation": {"name": NAME, "snapshot": False, "status": "Creating", "usable": False},
    "our tag and a number as its name": {"name": "1"},
}


@pytest.mark.parametrize("what", FOREIGNERS)
def test_somebody_elses_image(what: str) -> None:
    """It is neither launched nor deleted, and costs the notice half a minute at most."""
    here = stage(Timings(boot=20))
    somebodys(here, **FOREIGNERS[what])
    left_alone(here, here.deliver())
    assert here.calls("CreateImage")[-1].at - here.before["now"] <= 50


@pytest.mark.parametrize("what", FOREIGNERS)
def test_somebody_elses_image_while_the_journal_is_down(what: str) -> None:
    """The data is saved in an image of its own all the same."""
    here = stage()
    somebodys(here, **FOREIGNERS[what])
    fault(here, "oss:*", "code:AccessDenied", times=None)
    here.fails(SpotkeeperError)
    (made,) = images(here)
    assert len(made["DiskDeviceMappings"]["DiskDeviceMapping"]) == 3
    assert FOREIGN in here.cloud.ecs.images


def test_somebody_elses_image_beside_one_that_fails() -> None:
    """Of the two with the tag only ours is deleted before the next try."""
    here = stage(Timings(boot=20))
    here.cloud.ecs.failing_images = [0.0]
    somebodys(here, status="CreateFailed", usable=False)
    left_alone(here, here.deliver())
    assert len(images(here)) == 1


def test_somebody_elses_image_of_a_source_that_is_gone() -> None:
    """With no image of its own the rescue is lost, not made of other disks."""
    here = stage()
    dies(here, "CreateImage")
    somebodys(here, name=NAME)
    here.pass_notice()
    here.fails(RescueLost)
    assert replacements(here) == []
    assert FOREIGN in here.cloud.ecs.images


@pytest.mark.parametrize("retain", ["until-image", "never"])
@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "untagged by somebody"])
@pytest.mark.parametrize("gone", [False, True], ids=["source stands", "source gone"])
def test_an_image_that_a_call_that_died_has_made(retain: str, *, tagged: bool, gone: bool) -> None:
    """Its tag or its name finds it, its disks prove it: no second image is made."""
    here = stage(Timings(image=30, boot=20), {"SPOTKEEPER_RETAIN_DISKS": retain})
    dies(here, "CreateImage", "kill-after")
    (made,) = images(here)
    if not tagged:
        here.cloud.ecs.images[made["ImageId"]].tags.set(TAG, None, 0)
    here.advance(60)
    if gone:
        here.pass_notice()
    answer, _ = deliver_until_done(here, most=4)
    assert [answer["image_id"]] == [image["ImageId"] for image in images(here)] == [made["ImageId"]]


@pytest.mark.parametrize("tagged", [True, False], ids=["tagged", "untagged"])
def test_a_recorded_image_that_somebody_renames(*, tagged: bool) -> None:
    """The journal names its id, and its disks prove it: after the release it is no loss."""
    here = stage()
    dies(here, "RunInstances")
    (image,) = (here.cloud.ecs.images[made["ImageId"]] for made in images(here))
    image.image_name = "web-1-rescued"
    image.tags.set(TAG, f"{SOURCE}/1" if tagged else None, 0)
    here.pass_notice()
    assert here.finishes()["image_id"] == image.image_id


def test_a_record_that_names_somebody_elses_image_after_the_release() -> None:
    """Its disks are not the source's: it is not launched."""
    here = stage()
    dies(here, "RunInstances")
    somebodys(here)
    here.pass_notice()
    plant(here, "usable.2", {"image_id": FOREIGN, "at": here.cloud.now()})
    assert here.finishes()["image_id"] != FOREIGN


def test_snapshots_that_are_shown_late() -> None:
    """Until somebody sees of which disks they are, the image is waited for, and not launched."""
    here = stage(Timings(image=30, boot=20, snapshot_visible=320))
    dies(here, "CreateImage", "kill-after")
    here.pass_notice()
    answer, _ = deliver_until_done(here, most=4)
    assert answer["image_id"] == images(here)[0]["ImageId"]
    assert here.calls("RunInstances")[0].at - here.before["now"] >= 310


def test_a_record_that_names_somebody_elses_image() -> None:
    """It is refused: ours is neither deleted for it nor passed over."""
    here = stage(Timings(image=30, boot=20))
    dies(here, "CreateImage", "kill-after")
    (made,) = images(here)
    begun = here.before
    somebodys(here)
    here.before = begun
    plant(here, "usable", {"image_id": FOREIGN, "at": here.cloud.now()})
    answer = here.deliver()
    assert answer["image_id"] == made["ImageId"]
    assert {made["ImageId"], FOREIGN} <= set(here.cloud.ecs.images)
    assert any(FOREIGN in text for text in answer["warnings"])
    assert here.deliver()["image_id"] == made["ImageId"]


def test_an_image_of_a_call_without_a_journal_whose_source_is_gone() -> None:
    """Nothing is recorded of it: CreateImage, repeated, tells that it is ours, and the loss names it."""
    here = stage()
    fault(here, "oss:*", "code:AccessDenied", times=None)
    here.fails(SpotkeeperError)
    heal(here)
    here.pass_notice()
    here.fails(RescueLost, match=images(here)[0]["ImageId"])


def test_what_a_plain_rescue_asks_of_snapshots() -> None:
    """CreateImage's own answer is proof: a rescue that makes its image in one call asks no more than before."""
    here = stage()
    here.deliver()
    assert len(here.calls("DescribeSnapshots")) == 1


DISKS = {"d-1": {"Category": "cloud_essd"}, "d-2": {"Category": "cloud"}, "d-3": {"Category": "local_ssd_pro"}}
SHARED = {**DISKS, "d-4": {"Category": "cloud_essd", "MultiAttach": "Enabled"}}


@pytest.mark.parametrize(
    ("imaged", "disks", "ours"),
    [
        ({"d-1", "d-2"}, DISKS, True),
        ({"d-1", "d-2", "d-3"}, DISKS, True),
        ({"d-1"}, DISKS, False),
        ({"d-1", "d-2", "d-9"}, DISKS, False),
        (set(), {}, False),
        ({"d-1"}, {}, False),
        ({"d-1", "d-2"}, SHARED, True),
        ({"d-1", "d-2", "d-4"}, SHARED, True),
    ],
    ids=["all", "a local one too", "one is missing", "one too many", "nothing", "unknown", "not shared", "shared"],
)
def test_the_disks_of_an_image(imaged: set[str], disks: dict[str, dict[str, str]], ours: bool) -> None:  # noqa: FBT001
    """All disks that can be in an image, and no other."""
    assert is_image_of(imaged, disks) is ours
