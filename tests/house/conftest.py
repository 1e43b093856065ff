"""Fixtures for the tests of the house: the build and the repository's own rules."""

from __future__ import annotations

import pytest

from tests.house.dist import Dist, built_dist


@pytest.fixture(scope="session")
def dist() -> Dist:
    """Return a built ``dist/`` of the sources as they are."""
    return built_dist()
