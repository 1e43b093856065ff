"""Images that fail, are slower than the notice, or cannot be had."""

from __future__ import annotations

from itertools import pairwise, product

import pytest

from rescue.actions.create_image import pause_after
from simulator.ecs import Timings
from spotkeeper.errors import CloudError, DeadlineReached, RescueFailed, RescueLost, SpotkeeperError
from tests.rescue.reading import (
    deliver_until_done,
    dies,
    doomed_disks,
    fault,
    heal,
    images,
    moment,
    places,
    plant,
    records,
    replacements,
    source_disks,
    source_stands,
)
from tests.rescue.stage import REALISTIC, Stage, stage

WAY_BACK = "Retained disks: d-.*Way back"
SLOW = Timings(image=420, usable=400, snapshot=390, boot=20)
"""Slower than the notice's 300 seconds."""


def test_an_image_that_fails_once_is_made_again() -> None:
    """The failed image is deleted and the next has a new name and a new token."""
    here = stage(REALISTIC)
    here.cloud.ecs.failing_images = [80.0]
    here.rescues()
    first, second = here.calls("CreateImage")
    assert first.parameters["ImageName"] != second.parameters["ImageName"]
    assert first.parameters["ClientToken"] != second.parameters["ClientToken"]
    assert [item["ImageName"] for item in images(here)] == [second.parameters["ImageName"]]


@pytest.mark.parametrize("deletable", [True, False], ids=["failed image deleted", "failed image stays"])
@pytest.mark.parametrize("timeout", [600, 60], ids=["one call", "short calls"])
def test_the_try_after_a_failed_image_without_an_answer(timeout: float, deletable: bool) -> None:  # noqa: FBT001
    """It has made an image all the same, which is not taken for the failed one: no third image is made."""
    here = stage(REALISTIC, timeout=timeout)
    here.cloud.ecs.failing_images = [20.0]
    if not deletable:
        fault(here, "DeleteImage", "code:ImageUsingByInstance", times=None)
    fault(here, "CreateImage", "cut", times=None, skip=1, until=here.cloud.now() + 70)
    deliver_until_done(here, most=6, pause=10.0)
    assert {call.parameters["ImageName"][-2:] for call in here.calls("CreateImage")} == {"-1", "-2"}


def test_images_that_fail_at_once_are_not_made_without_end() -> None:
    """Each leaves a snapshot of each disk: the pauses are doubled, after the notice to an hour, in later calls too."""
    here = stage(notice=8000, timeout=1800)
    here.cloud.ecs.failing_images = [2.0] * 1000
    for _ in range(3):
        here.fails(DeadlineReached)
        here.advance(600)
    tries = [call.at for call in here.calls("CreateImage")]
    pauses = [after - before for before, after in pairwise(tries)]
    assert [round(pause, -1) for pause in pauses[:4]] == [10, 20, 40, 60]
    assert len(tries) <= 16
    assert max(pauses) >= 1200
    here.cloud.ecs.failing_images = []


def test_a_record_from_the_future_holds_up_no_image() -> None:
    """Everybody who can write to the bucket could stop the rescue otherwise."""
    here = stage()
    dies(here, "CreateImage")
    plant(here, "image-1", {"name": "", "at": here.cloud.now() + 1e6})
    plant(here, "failed-1", {"image_id": "m-bp1"})
    here.rescues()


def test_the_snapshots_of_failed_images_are_named() -> None:
    """DeleteImage leaves them, and they cost money."""
    here = stage(REALISTIC)
    here.cloud.ecs.failing_images = [5.0, 5.0]
    warnings = " ".join(here.rescues()["warnings"])
    used = {disk["SnapshotId"] for disk in images(here)[0]["DiskDeviceMappings"]["DiskDeviceMapping"]}
    left = here.cloud.ecs.snapshots.keys() - used
    assert len(left) == 6
    assert all(snapshot in warnings for snapshot in left)
    assert not any(snapshot in warnings for snapshot in used)


@pytest.mark.parametrize(
    ("number", "in_notice", "seconds"),
    [
        (1, True, 10),
        (1, False, 10),
        (3, True, 40),
        (4, True, 60),
        (4, False, 80),
        (10, False, 3600),
        (10**9, False, 3600),
    ],
)
def test_the_pause_after_a_failed_image(number: int, seconds: float, *, in_notice: bool) -> None:
    """Doubled with each try; short during the notice."""
    assert pause_after(number, in_notice=in_notice) == seconds


def test_a_failed_image_that_cannot_be_deleted() -> None:
    """It keeps nobody from the next try."""
    here = stage(REALISTIC)
    here.cloud.ecs.failing_images = [80.0]
    fault(here, "DeleteImage", "code:ImageUsingByInstance", times=None)
    here.finishes()
    assert len(images(here)) == 2


def test_an_image_that_always_fails_loses_the_rescue_but_not_the_disks() -> None:
    """Once the source is gone every delivery raises with every retained disk, so that an alarm on failures is heard."""
    here = stage(REALISTIC, timeout=600)
    here.cloud.ecs.failing_images = [40.0] * 100
    raised = here.fails(RescueLost)
    assert not source_stands(here)
    assert set(doomed_disks(here)) <= set(source_disks(here))
    assert all(disk in str(raised) for disk in doomed_disks(here))
    assert "lost" in records(here)
    with here.writes_nothing():
        for _ in range(2):
            assert str(here.fails(RescueLost)) == str(raised)
    assert replacements(here) == []


def test_a_loss_of_a_source_that_stands_after_all() -> None:
    """DescribeInstances has shown nothing for a moment: what stands is rescued, whatever the journal says."""
    here = stage()
    dies(here, "CreateImage")
    plant(here, "lost", {"reason": "not true", "at": here.cloud.now()})
    here.rescues()


def test_an_image_that_always_fails_in_short_calls() -> None:
    """Each call that runs out of time raises a typed error; the end is the same loss."""
    here = stage(REALISTIC, timeout=60)
    here.cloud.ecs.failing_images = [40.0] * 100
    raised = [type(error) for error in errors_of(here, 12)]
    assert RescueLost in raised
    assert set(raised) <= {RescueLost, DeadlineReached, CloudError}
    assert set(raised[raised.index(RescueLost) :]) == {RescueLost}
    assert all(disk in records(here)["lost"]["reason"] for disk in doomed_disks(here))


def errors_of(here: Stage, deliveries: int) -> list[SpotkeeperError]:
    """What these deliveries raise."""
    errors: list[SpotkeeperError] = []
    for number in range(deliveries):
        try:
            here.deliver(name=f"call-{number}")
        except SpotkeeperError as error:  # noqa: PERF203 - one delivery after the other
            errors.append(error)
    return errors


@pytest.mark.parametrize(("timeout", "raised"), [(900, set()), (120, {DeadlineReached})], ids=["one call", "several"])
def test_an_image_slower_than_the_notice(timeout: float, raised: set[type]) -> None:
    """Retained disks keep its snapshots alive: it becomes usable after the release, and the call of then finishes.

    The answer names the disks that cost money from now on; source and replacement never both ran.
    """
    here = stage(SLOW, timeout=timeout)
    answer, errors = deliver_until_done(here, most=8)
    assert {type(error) for error in errors} == raised
    assert not source_stands(here)
    assert answer["outcome"] == "done"
    assert answer["margin_seconds"] < 0
    assert len(here.calls("CreateImage")) == len(images(here)) == len(replacements(here)) == 1
    assert images(here)[0]["Status"] in {"Available", "Creating"}
    assert set(doomed_disks(here)) <= set(source_disks(here))
    assert places(here, replacements(here)[0]["InstanceId"]) == 2
    assert sorted(answer["retained_disks"]) == doomed_disks(here)
    assert answer["overlap_seconds"] == 0


def test_a_slow_image_without_retained_disks_is_lost() -> None:
    """SPOTKEEPER_RETAIN_DISKS=never leaves the disks to their instance: the snapshots go with them."""
    here = stage(SLOW, {"SPOTKEEPER_RETAIN_DISKS": "never"})
    here.fails(RescueLost, match="No disk was retained")
    assert here.calls("ModifyDiskAttribute") == []


def test_usable_but_not_safe() -> None:
    """Usable in time with snapshots that are not: the replacement serves, and the disks stay and are reported."""
    here = stage(Timings(image=500, usable=30, snapshot=450, boot=20))
    answer = here.finishes()
    assert answer["margin_seconds"] > 0
    assert sorted(answer["retained_disks"]) == doomed_disks(here)
    here.pass_notice()
    assert set(doomed_disks(here)) <= set(source_disks(here))


def test_an_api_without_usable() -> None:
    """Where the API does not give ``Usable``, ``Available`` decides."""
    here = stage(Timings(image=90, usable=None, snapshot=75, boot=25))
    assert here.rescues()["margin_seconds"] == pytest.approx(299 - 10 - 90, abs=9)


@pytest.mark.parametrize(
    "code",
    [
        *("IncorrectDiskStatus.CreatingSnapshot", "IncorrectDiskStatus.Transferring", "IncorrectInstanceStatus"),
        *("InvalidSnapshotId.NotReady", "IdempotentProcessing", "InternalError", "ServiceUnavailable"),
        *("SnapshotNotReady", "TooManySnapshot.Unfinished", "QuotaExceed.ConcurrentSnapshotQuota"),
    ],
)
def test_refusals_of_create_image_that_pass(code: str) -> None:
    """The same call is repeated with the same name and token until it is accepted."""
    here = stage()
    fault(here, "CreateImage", f"code:{code}", times=4)
    here.rescues()
    asked = [(call.parameters["ImageName"], call.parameters["ClientToken"]) for call in here.calls("CreateImage")]
    assert len(asked) == 5
    assert len(set(asked)) == 1


@pytest.mark.parametrize(
    ("code", "words"),
    [
        *product(("QuotaExceed.Image", "QuotaExceed.Snapshot"), ["Delete images or snapshots.*Retained disks"]),
        *product(("InstanceLockedForSecurity", "InvalidDiskCategory.CreateImage", "Forbidden.RAM"), [WAY_BACK]),
    ],
)
def test_refusals_of_create_image_that_stay(code: str, words: str) -> None:
    """The error says what to do and which disks are kept; once that is done the next call finishes."""
    here = stage()
    fault(here, "CreateImage", f"code:{code}", times=None)
    assert code in str(here.fails(RescueFailed, match=words))
    assert not any(source_disks(here).values())
    heal(here)
    here.rescues()


def test_eventual_consistency_of_everything() -> None:
    """Describe shows instances, images, disks, snapshots and tags seconds late: still one of each."""
    late = {f"{what}_visible": 7.0 for what in ("instance", "image", "snapshot", "tags", "disk")}
    here = stage(Timings(image=40, usable=30, snapshot=35, boot=20, **late), timeout=45)
    deliver_until_done(here, most=8, pause=1)
    here.advance(30)
    assert here.shortcomings() == []
    assert moment(here, "CreateImage") <= 40


def test_an_image_that_is_deleted_while_a_group_waits_for_the_replacement() -> None:
    """The replacement runs already: it joins the last group, and nothing is lost."""
    here = stage(REALISTIC)
    fault(here, "AddVServerGroupBackendServers", "code:Forbidden.RAM", times=None)
    here.fails(CloudError, match=r"Forbidden\.RAM")
    heal(here)
    here.cloud.ecs.images.pop(images(here)[0]["ImageId"])
    here.pass_notice()
    here.finishes()
    assert places(here, replacements(here)[0]["InstanceId"]) == 2
