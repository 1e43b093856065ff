"""The deployables as Function Compute mounts them, under the CPython of each runtime, against the served cloud."""

from __future__ import annotations

import pytest

from tests.function_stage import JOURNAL, ROOT
from tests.house.dist import Dist, each_runtime
from tests.house.mounted import play
from tests.rescue.stage import stage

ENVELOPES = sorted((ROOT / "events").glob("interruption.*"))


@pytest.mark.parametrize("envelope", ENVELOPES, ids=lambda path: path.name)
def test_every_envelope_on_dist(dist: Dist, envelope: object) -> None:
    """Each envelope leads to the same proven end state, with nothing but dist/ and the standard library on the path."""
    here = stage()
    answer = play(dist, "interruption", envelope, here.cloud, SPOTKEEPER_JOURNAL=JOURNAL)
    assert answer["outcome"] == "done"
    assert here.shortcomings() == []


@each_runtime
def test_nothing_is_written_into_dist(dist: Dist) -> None:
    """Function Compute mounts both folders read-only: a rescue leaves them as they are."""
    before, here = {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")}, stage()
    play(dist, "interruption", ENVELOPES[0], here.cloud, SPOTKEEPER_JOURNAL=JOURNAL)
    assert here.shortcomings() == []
    assert {path: path.stat().st_mtime_ns for path in dist.path.rglob("*")} == before
