"""Signs of life: a call that works shows it every 20 s, says how it ended, and no hint ever stops a rescue."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from simulator.ecs import Timings
from spotkeeper.errors import SpotkeeperError
from tests.rescue.reading import fault
from tests.rescue.stage import Stage, stage

SLOW = Timings(image=150, usable=120, snapshot=140, boot=40)
MOST = 22.0
"""Seconds between two signs: 20, and the call that comes in between."""


def signs(here: Stage) -> list[Any]:
    """The calls that left a sign of life."""
    return [call for call in here.cloud.calls if call.action == "PutObject" and "/alive/" in call.parameters["path"]]


def test_a_sign_every_twenty_seconds() -> None:
    """From the first to the end of a rescue that waits for minutes; afterwards none of them stands."""
    here = stage(SLOW)
    here.deliver()
    moments = [item.at for item in signs(here)]
    assert len(moments) > 8
    assert max(later - earlier for earlier, later in pairwise(moments)) <= MOST
    assert here.cloud.now() - moments[-1] <= MOST
    assert (here.hints("alive"), [item for item in here.hints("open") if item.startswith("rescues/")]) == ([], [])


@pytest.mark.parametrize("effect", ["code:AccessDenied", "code:InternalError", "reset-before", "slow"])
def test_signs_that_cannot_be_left(effect: str) -> None:
    """The rescue is done all the same, and its answer says how many hints are missing."""
    here = stage(SLOW)
    fault(here, "oss:*", effect, times=None, resource="alive")
    assert "hints could not be kept" in str(here.rescues()["warnings"])


def test_the_index_is_made_first() -> None:
    """Before ``event``, so that no rescue is open that the index does not show."""
    here = stage()
    here.deliver()
    paths = [call.parameters["path"] for call in here.cloud.calls if call.action == "PutObject"]
    places = [next(i for i, path in enumerate(paths) if mark in path) for mark in ("/open/rescues/", "/1/event")]
    assert places == sorted(places)
    done = next(i for i, path in enumerate(paths) if path.endswith("/done.json"))
    assert next(i for i, path in enumerate(paths) if "/open/leftovers/" in path) < done


@pytest.mark.parametrize(
    ("code", "ending"),
    [("OperationDenied.NoStock", "again"), ("InvalidImageId.NotFound", "human")],
    ids=["no stock", "image gone"],
)
def test_how_a_call_ended(code: str, ending: str) -> None:
    """Want of stock passes by itself; a launch that no option helps is for somebody to look at."""
    here = stage(timeout=120)
    fault(here, "RunInstances", f"code:{code}", times=None)
    here.fails(SpotkeeperError)
    (sign,) = here.hints("alive")
    assert sign.endswith(f"-{ending}")
