"""Images that fail, are slower than the notice, or cannot be had."""

from __future__ import annotations

import pytest

from simulator.ecs import Timings
from simulator.transport import Killed
from spotkeeper.errors import CloudError, DeadlineReached, RescueFailed, RescueLost, SpotkeeperError
from tests.rescue.reading import (
    deliver_until_done,
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
from tests.rescue.stage import SOURCE, Stage, stage

MINUTES = Timings(image=90, usable=60, snapshot=75, boot=25, stop=10)
SLOW = Timings(image=420, usable=400, snapshot=390, boot=20)
"""Slower than the notice's 300 seconds."""


def test_an_image_that_fails_once_is_made_again() -> None:
    """The failed one is deleted and the next has a new name and a new token."""
    here = stage(MINUTES)
    here.cloud.ecs.failing_images = [80.0]
    assert here.deliver()["outcome"] == "done"
    first, second = here.calls("CreateImage")
    assert first.parameters["ImageName"] != second.parameters["ImageName"]
    assert first.parameters["ClientToken"] != second.parameters["ClientToken"]
    assert [item["ImageName"] for item in images(here)] == [second.parameters["ImageName"]]
    assert here.shortcomings() == []


def test_an_image_that_fails_at_first_look_is_made_again() -> None:
    """A failure that stands before anybody has waited is treated alike."""
    here = stage()
    here.cloud.ecs.failing_images = [0.0, 0.0]
    assert here.deliver()["outcome"] == "done"
    assert len(here.calls("CreateImage")) == 3
    assert here.shortcomings() == []


@pytest.mark.parametrize("deletable", [True, False], ids=["failed image deleted", "failed image stays"])
@pytest.mark.parametrize("timeout", [600, 60], ids=["one call", "short calls"])
def test_the_try_after_a_failed_image_without_an_answer(timeout: float, deletable: bool) -> None:  # noqa: FBT001
    """It has made an image all the same, which is not taken for the failed one: no third image is made."""
    here = stage(MINUTES, timeout=timeout)
    here.cloud.ecs.failing_images = [20.0]
    if not deletable:
        fault(here, "DeleteImage", "code:ImageUsingByInstance", times=None)
    fault(here, "CreateImage", "cut", times=None, skip=1, until=here.cloud.now() + 70)
    deliver_until_done(here, most=6, pause=10.0)
    assert {call.parameters["ImageName"][-2:] for call in here.calls("CreateImage")} == {"-1", "-2"}


def test_a_failed_image_that_cannot_be_deleted() -> None:
    """It keeps nobody from the next try."""
    here = stage(MINUTES)
    here.cloud.ecs.failing_images = [80.0]
    fault(here, "DeleteImage", "code:ImageUsingByInstance", times=None)
    assert here.deliver()["outcome"] == "done"
    assert len(images(here)) == 2


def test_an_image_that_always_fails_loses_the_rescue_but_not_the_disks() -> None:
    """Once the source is gone every delivery raises with every retained disk, so that an alarm on failures is heard."""
    here = stage(MINUTES, timeout=600)
    here.cloud.ecs.failing_images = [40.0] * 100
    with pytest.raises(RescueLost) as raised:
        here.deliver()
    assert not source_stands(here)
    assert set(doomed_disks(here)) <= set(source_disks(here))
    assert all(disk in str(raised.value) for disk in doomed_disks(here))
    assert "lost" in records(here)
    writes = here.writes()
    for _ in range(2):
        with pytest.raises(RescueLost) as again:
            here.deliver()
        assert str(again.value) == str(raised.value)
    assert here.writes() == writes
    assert replacements(here) == []


def test_a_loss_of_a_source_that_stands_after_all() -> None:
    """DescribeInstances has shown nothing for a moment: what stands is rescued, whatever the journal says."""
    here = stage()
    fault(here, "CreateImage", "kill-before")
    with pytest.raises(Killed):
        here.deliver()
    plant(here, "lost", {"reason": "not true", "at": here.cloud.now()})
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


def test_an_image_that_always_fails_in_short_calls() -> None:
    """Each call that runs out of time raises a typed error; the end is the same loss."""
    here = stage(MINUTES, timeout=60)
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


def test_an_image_slower_than_the_notice() -> None:
    """Retained disks keep its snapshots alive: it becomes usable after the release, and the same call finishes."""
    here = stage(SLOW)
    answer = here.deliver()
    assert not source_stands(here)
    assert answer["outcome"] == "done"
    assert answer["margin_seconds"] < 0
    assert len(images(here)) == 1
    assert images(here)[0]["Status"] in {"Available", "Creating"}
    assert len(replacements(here)) == 1
    assert places(here, replacements(here)[0]["InstanceId"]) == 2
    assert set(doomed_disks(here)) <= set(source_disks(here))


def test_disks_that_outlived_the_source_are_reported() -> None:
    """After a rescue that took longer than the notice the answer names the disks that cost money from now on."""
    here = stage(SLOW)
    answer = here.deliver()
    assert sorted(answer["retained_disks"]) == doomed_disks(here)
    assert set(answer["retained_disks"]) <= set(source_disks(here))


def test_no_overlap_with_a_source_that_is_gone() -> None:
    """Source and replacement never both ran where the source was released before the launch."""
    here = stage(SLOW)
    assert here.deliver()["overlap_seconds"] == 0


def test_an_image_slower_than_the_notice_in_short_calls() -> None:
    """The same over several calls, of which some come after the release."""
    here = stage(SLOW, timeout=120)
    answer, errors = deliver_until_done(here, most=8)
    assert {type(error) for error in errors} == {DeadlineReached}
    assert len(here.calls("CreateImage")) == 1
    assert len(replacements(here)) == 1
    assert places(here, replacements(here)[0]["InstanceId"]) == 2
    assert sorted(answer["retained_disks"]) == doomed_disks(here)
    assert answer["overlap_seconds"] == 0


def test_a_slow_image_without_retained_disks_is_lost() -> None:
    """SPOTKEEPER_RETAIN_DISKS=never leaves the disks to their instance: the snapshots go with them."""
    here = stage(SLOW, {"SPOTKEEPER_RETAIN_DISKS": "never"})
    with pytest.raises(RescueLost, match="No disk was retained"):
        here.deliver()
    assert here.calls("ModifyDiskAttribute") == []


def test_usable_but_not_safe() -> None:
    """Usable in time with snapshots that are not: the replacement serves, and the disks stay and are reported."""
    here = stage(Timings(image=500, usable=30, snapshot=450, boot=20))
    answer = here.deliver()
    assert answer["outcome"] == "done"
    assert answer["margin_seconds"] > 0
    assert sorted(answer["retained_disks"]) == doomed_disks(here)
    here.pass_notice()
    assert set(doomed_disks(here)) <= set(source_disks(here))


def test_an_api_without_usable() -> None:
    """Where the API does not give ``Usable``, ``Available`` decides."""
    here = stage(Timings(image=90, usable=None, snapshot=75, boot=25))
    answer = here.deliver()
    assert answer["margin_seconds"] == pytest.approx(299 - 10 - 90, abs=9)
    assert here.shortcomings() == []


@pytest.mark.parametrize("code", ["QuotaExceed.Image", "QuotaExceed.Snapshot"])
def test_a_used_up_quota_says_what_to_do(code: str) -> None:
    """The error says how to make room and which disks are kept; with room the next call finishes."""
    here = stage()
    fault(here, "CreateImage", f"code:{code}", times=None)
    with pytest.raises(RescueFailed, match=r"Delete images or snapshots.*Retained disks") as raised:
        here.deliver()
    assert code in str(raised.value)
    assert not any(source_disks(here).values())
    heal(here)
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


def test_the_image_quota_of_the_cloud() -> None:
    """The same, refused by the cloud's own count."""
    here = stage()
    here.cloud.ecs.image_quota = 0
    with pytest.raises(RescueFailed, match=r"QuotaExceed\.Image"):
        here.deliver()
    here.cloud.ecs.image_quota = 1
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


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
    assert here.deliver()["outcome"] == "done"
    asked = [(call.parameters["ImageName"], call.parameters["ClientToken"]) for call in here.calls("CreateImage")]
    assert len(asked) == 5
    assert len(set(asked)) == 1
    assert here.shortcomings() == []


@pytest.mark.parametrize("code", ["InstanceLockedForSecurity", "InvalidDiskCategory.CreateImage", "Forbidden.RAM"])
def test_refusals_of_create_image_that_stay(code: str) -> None:
    """A typed error with the code and the way back from the retained disks."""
    here = stage()
    fault(here, "CreateImage", f"code:{code}", times=None)
    with pytest.raises(RescueFailed, match=r"Retained disks: d-.*Way back") as raised:
        here.deliver()
    assert code in str(raised.value)
    assert not any(source_disks(here).values())


def test_a_name_that_belongs_to_somebody_else() -> None:
    """An image of that name that is not this rescue's is never adopted and never deleted."""
    here = stage()
    foreign = here.cloud.ecs.add_public_image("m-bp1foreign0000000000")
    foreign.owner_alias, foreign.image_name = "self", f"spotkeeper-{SOURCE}-1-1"
    here.before = here.cloud.state()
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []
    assert "m-bp1foreign0000000000" in here.cloud.ecs.images


def test_a_somebody_elses_image_with_our_tag() -> None:
    """Whoever copies our tag onto another image by hand gets that one taken only for the episode that it names."""
    here = stage()
    foreign = here.cloud.ecs.add_public_image("m-bp1foreign0000000000")
    foreign.owner_alias = "self"
    foreign.tags.set("spotkeeper:episode", f"{SOURCE}/2", 0)
    here.before = here.cloud.state()
    answer = here.deliver()
    assert answer["image_id"] != "m-bp1foreign0000000000"
    assert here.shortcomings() == []


def test_eventual_consistency_of_everything() -> None:
    """Describe shows instances, images, disks, snapshots and tags seconds late: still one of each."""
    late = {f"{what}_visible": 7.0 for what in ("instance", "image", "snapshot", "tags", "disk")}
    here = stage(Timings(image=40, usable=30, snapshot=35, boot=20, **late), timeout=45)
    deliver_until_done(here, most=8, pause=1)
    here.advance(30)
    assert here.shortcomings() == []
    assert moment(here, "CreateImage") <= 40
