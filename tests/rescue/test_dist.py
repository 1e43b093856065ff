"""The deployables as Function Compute mounts them, under CPython 3.10, against the served cloud."""

from __future__ import annotations

import pytest

from tests.function_stage import JOURNAL, ROOT
from tests.house.dist import Dist, built_dist
from tests.house.mounted import play
from tests.rescue.stage import stage

ENVELOPES = sorted((ROOT / "events").glob("interruption.*"))


@pytest.fixture(scope="session")
def dist() -> Dist:
    """Return a built ``dist/`` of the sources as they are."""
    return built_dist()


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda path: path.name)
def test_every_envelope_on_dist(dist: Dist, envelope: object) -> None:
    """Each envelope leads to the same proven end state, with nothing but dist/ and the standard library on the path."""
    here = stage()
    answer = play(dist, "interruption", envelope, here.cloud, SPOTKEEPER_JOURNAL=JOURNAL)
    assert answer["outcome"] == "done"
    assert here.shortcomings() == []


def test_nothing_is_written_into_dist(dist: Dist) -> None:
    """Function Compute mounts both folders read-only: a rescue leaves them as they are."""
    before = {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")}
    play(dist, "interruption", ENVELOPES[0], stage().cloud, SPOTKEEPER_JOURNAL=JOURNAL)
    assert {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")} == before
