"""AutoReleaseTime of RunInstances."""

from __future__ import annotations

import pytest

from simulator.actions import Parameters
from simulator.ecs.run_instances import release_time
from simulator.wire import ApiError

NOW = 1_760_000_000.0  # 2025-10-09T08:53:20Z


def test_a_moment() -> None:
    """Half an hour from now at the earliest, three years at the latest."""
    assert release_time(Parameters({"AutoReleaseTime": "2025-10-09T09:23:20Z"}), NOW) == NOW + 1_800


@pytest.mark.parametrize("text", ["2025-10-09T09:23:19Z", "2028-10-09T00:00:00Z", "tomorrow", "2025-10-09T12:00:00"])
def test_what_is_refused(text: str) -> None:
    """Too soon, too late, and what is no moment in UTC."""
    with pytest.raises(ApiError, match="AutoReleaseTime"):
        release_time(Parameters({"AutoReleaseTime": text}), NOW)
