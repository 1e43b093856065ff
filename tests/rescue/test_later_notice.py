"""An instance in terminate mode that outlives its rescue: a later notice gets a rescue of its own."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from tests.rescue.reading import images, places, records, replacements
from tests.rescue.stage import REALISTIC, SOURCE, Stage, event, stage

TRIED_OUT = {"SPOTKEEPER_REQUIRE_RECYCLING_LOCK": "false", "SPOTKEEPER_RELAUNCH": "none"}
HOUR = 3_600.0


def tried_out() -> Stage:
    """A rescue by a test event, of a healthy instance; its owner puts the instance back."""
    here = stage(REALISTIC, locked=False)
    here.finishes(None, name="test", **TRIED_OUT)
    here.fleet.load_balancer.default_group.add(SOURCE, weight=80)
    return here


def told(here: Stage, ahead: float = 0.0) -> bytes:
    """An event of this moment, or of a moment ahead."""
    zone = timezone(timedelta(hours=8))
    return event(eventTime=datetime.fromtimestamp(here.cloud.now() + ahead, zone).strftime("%Y%m%dT%H%M%S.000%z"))


@pytest.mark.parametrize("seconds", [900.0, 30 * 24 * HOUR])
def test_a_reclaim_after_a_test(seconds: float) -> None:
    """By its event's time: saved anew, from an image of today."""
    here = tried_out()
    here.advance(seconds)
    here.cloud.ecs.reclaim(SOURCE)
    answer = here.finishes(told(here))
    assert len(images(here)) == 2
    assert answer["image_id"] == records(here, 2)["usable"]["image_id"] != records(here)["usable"]["image_id"]
    assert (places(here, SOURCE), places(here, replacements(here)[0]["InstanceId"])) == (0, 1)


@pytest.mark.parametrize(("seconds", "ahead"), [(200.0, 0.0), (300.0, 8 * HOUR), (HOUR, 0.0)])
def test_the_same_notice(seconds: float, ahead: float) -> None:
    """A repeated event, also an hour later or of the future, gets the recorded answer while there is no later lock."""
    here = stage(REALISTIC)
    here.cloud.ecs.instances[SOURCE].release_at = None
    first = here.finishes()
    here.advance(seconds - 100.0)
    again = here.finishes(told(here, ahead) if ahead else None)
    assert (again["image_id"], again["replacement_id"]) == (first["image_id"], first["replacement_id"])
    assert (len(images(here)), len(replacements(here)), records(here, 2)) == (1, 1, {})


@pytest.mark.parametrize("is_timed", [False, True])
def test_an_unfinished_rescue_of_an_earlier_notice(is_timed: bool) -> None:  # noqa: FBT001
    """It had an image and no stock: the later notice launches no replacement from the image of that day."""
    here = tried_out()
    here.move_away(f"rescues/{SOURCE}/1/done")
    here.advance(30 * 24 * HOUR)
    here.cloud.ecs.reclaim(SOURCE)
    answer = here.finishes(told(here) if is_timed else None)
    assert answer["image_id"] == records(here, 2)["usable"]["image_id"]
