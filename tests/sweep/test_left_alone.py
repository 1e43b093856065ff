"""Rescues and instances that a sweep leaves alone: held, ended, old, foreign, or for another function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from spotkeeper.instances import iso
from tests.rescue import reading
from tests.rescue.stage import SOURCE
from tests.sweep.stage import DAY, LONG, MINUTE, SweepStage, back_from_stop_mode, half_done, stage


def hold(here: SweepStage, kind: str) -> None:
    """An operator tags the source, or each image of the rescue."""
    ecs = here.cloud.ecs
    images = [image for image in ecs.images.values() if image.owner_alias == "self"]
    for instance in [ecs.instances[SOURCE]] if kind == "instance" else images:
        instance.tags.set("spotkeeper:hold", "yes", here.cloud.now())


def unhold(here: SweepStage) -> None:
    """The operator takes the tag off again."""
    for image in [*here.cloud.ecs.instances.values(), *here.cloud.ecs.images.values()]:
        image.tags.set("spotkeeper:hold", None, here.cloud.now())


def left_alone(here: SweepStage) -> str:
    """Sweep; nothing may be written. Returns the reasons."""
    return "; ".join(here.idle()["rescues"])


@pytest.mark.parametrize(
    ("begun", "kind"),
    [(False, "instance"), (True, "instance"), (True, "image")],
    ids=["no rescue yet", "an open rescue", "its image"],
)
def test_held(kind: str, *, begun: bool) -> None:
    """Under the lock, but the operator says no; once the tag is off it is handed over."""
    here = half_done() if begun else stage()
    hold(here, kind)
    assert "spotkeeper:hold" in left_alone(here)
    unhold(here)
    here.minutes(1)
    assert len(reading.replacements(here)) == 1


def test_a_hold_on_an_image_that_is_over() -> None:
    """Its value says until when, as on an instance."""
    here = half_done()
    ends = here.cloud.now() + MINUTE
    for image in here.cloud.ecs.images.values():
        image.tags.set("spotkeeper:hold", iso(ends), here.cloud.now())
    left_alone(here)
    here.advance(MINUTE)
    here.minutes(1)
    assert len(reading.replacements(here)) == 1


def test_somebody_elses_held_image_holds_nothing() -> None:
    """A hold on an image of another rescue is about that rescue."""
    here = half_done()
    image = here.cloud.ecs.add_public_image("m-other")
    image.owner_alias = "self"
    image.tags.set("spotkeeper:hold", "", here.cloud.now())
    image.tags.set("spotkeeper:episode", "i-other/1", here.cloud.now())
    here.minutes(1)
    assert here.handed_over == [SOURCE]


def test_an_ended_rescue() -> None:
    """The journal says it is over, whatever the lock says."""
    here = half_done()
    here.write(SOURCE, 1, "done", {"at": here.cloud.now(), "answer": {"retained_disks": []}})
    left_alone(here)
    here.advance(MINUTE)
    left_alone(here)


def test_a_loss_that_the_lock_contradicts() -> None:
    """A lost instance would not stand: whoever wrote that, it is handed over and rescued."""
    here = stage()
    here.write(SOURCE, 1, "lost", {"at": here.cloud.now(), "reason": "no image"})
    here.minutes(1)
    assert here.handed_over == [SOURCE]
    assert len(reading.replacements(here)) == len(reading.images(here)) == 1


def test_an_old_open_rescue() -> None:
    """Open for more than a day: reported with a warning, sweep after sweep, and not touched."""
    here = half_done()
    here.cloud.ecs.capacity_back(SOURCE)
    here.advance(DAY)
    for _ in range(2):
        assert "24 hours" in left_alone(here)
        assert any(SOURCE in warning for warning in here.sweep()["warnings"])
        here.advance(MINUTE)


def test_an_old_rescue_in_which_no_attempt_left_word() -> None:
    """It was opened more than a day ago: the event's own record says so."""
    here = stage(notice=LONG)
    here.dies_at("PutObject", "kill-after", skip=2)
    assert list(reading.records(here)) == ["attempt-1", "event"]
    here.cloud.ecs.capacity_back(SOURCE)
    here.advance(DAY + 1000)
    assert "24 hours" in left_alone(here)


def false_alarm(minutes: int) -> SweepStage:
    """The image was refused, then the lock went, and the sweep went on for so many minutes."""
    here = stage(notice=LONG)
    reading.fault(here, "CreateImage", "code:Forbidden.RAM", times=None)
    here.register(attempts=1)
    here.deliver_asynchronously()
    here.run()
    reading.heal(here)
    here.cloud.ecs.capacity_back(SOURCE)
    here.minutes(minutes)
    return here


@pytest.mark.parametrize(("minutes", "then"), [(150, 0.0), (30, 0.0), (2, DAY)], ids=["given up", "not due", "old"])
def test_a_reclaim_after_a_false_alarm(minutes: int, then: float) -> None:
    """The earlier rescue is still open and only reported; the new lock is handed over, and the rescue is complete."""
    here = false_alarm(minutes)
    here.advance(then)
    left_alone(here)
    before = len(here.handed_over)
    here.cloud.ecs.reclaim(SOURCE)
    here.minutes(2)
    assert len(here.handed_over) == before + 1
    assert len(reading.replacements(here)) == len(reading.images(here)) == 1


def test_stop_mode_is_handed_over_until_it_is_drained() -> None:
    """An event that got lost: the instance is drained; afterwards it is for state_change to put it back."""
    here = stage(spot_interruption_behavior="Stop")
    here.minutes(1)
    assert here.handed_over == [SOURCE]
    assert "drained" in reading.records(here)
    here.pass_notice()
    here.give_up()
    assert "state_change" in left_alone(here)
    here.advance(DAY / 2)
    left_alone(here)


def test_stop_mode_without_load_balancer() -> None:
    """There is nothing to drain: after a single hand-over it is for state_change all the same."""
    here = stage(spot_interruption_behavior="Stop")
    for group in here.fleet.load_balancer.groups:
        group.drop_server(SOURCE)
    here.before = here.state
    here.minutes(1)
    here.run()
    assert here.handed_over == [SOURCE]
    here.give_up()
    left_alone(here)


def test_the_second_interruption_in_stop_mode() -> None:
    """The instance was put back once; a new lock is a new rescue, with an episode of its own."""
    here = back_from_stop_mode()
    for group in here.fleet.load_balancer.groups:
        for member in group:
            member.weight = here.fleet.spec.weight
    here.write(SOURCE, 1, "done", {"at": here.cloud.now(), "answer": {}})
    here.advance(DAY)
    left_alone(here)
    here.cloud.ecs.reclaim(SOURCE)
    here.minutes(1)
    assert here.handed_over == [SOURCE]
    assert "drained" in reading.records(here, episode=2)
    here.give_up()
    left_alone(here)


def blind(here: SweepStage) -> None:
    """A server that does not understand a filter shows everything."""
    ecs = here.cloud.ecs
    everything: Callable[..., bool] = lambda *_: True  # noqa: E731 - stands in for three predicates
    ecs._wanted = everything  # type: ignore[method-assign]
    ecs._wanted_image = everything  # type: ignore[method-assign]
    ecs._wanted_disk = everything  # type: ignore[method-assign]
    ecs._with_ids = lambda found, p: found  # type: ignore[method-assign]


NOT_OURS: dict[str, dict[str, Any]] = {
    "unlocked": {"locked": False},
    "untagged": {"tags": {"service": "shop"}},
    "tagged otherwise": {"tags": {"spotkeeper:managed": "false"}},
    "not spot": {"spot": False},
}


@pytest.mark.parametrize("name", NOT_OURS)
@pytest.mark.parametrize("filters", [True, False], ids=["as asked", "a server that ignores filters"])
def test_not_ours(name: str, *, filters: bool) -> None:
    """Neither handed over nor touched, whatever else Describe shows."""
    here = stage(**NOT_OURS[name])
    if not filters:
        blind(here)
    assert left_alone(here) == ""


@pytest.mark.parametrize(("tag", "tags"), [("", {}), ("team", {"team": "web"})], ids=["no tag", "a bare key"])
def test_the_managed_tag_setting(tag: str, tags: dict[str, str]) -> None:
    """An empty SPOTKEEPER_MANAGED_TAG manages all spot instances, a bare key all values."""
    here = stage(settings={"SPOTKEEPER_MANAGED_TAG": tag}, tags=tags)
    here.minutes(1)
    assert here.shortcomings() == []


def test_an_open_rescue_of_an_instance_that_lost_the_tag() -> None:
    """It is not managed any more: the interruption function would skip it, minute after minute."""
    here = half_done()
    here.cloud.ecs.instances[SOURCE].tags.set("spotkeeper:managed", None, here.cloud.now())
    left_alone(here)


def test_ours_among_everybodys() -> None:
    """Of all instances that are shown only the managed and locked instance is handed over."""
    here = stage()
    here.add_spot("i-bp1untagged", tags={"spotkeeper:managed": "maybe"})
    here.add_spot("i-bp1unlocked", locked=False)
    here.add_spot("i-bp1ondemand", spot_strategy="NoSpot")
    blind(here)
    here.sweep()
    assert here.handed_over == [SOURCE]
