"""Time limits of the tests."""

from __future__ import annotations

import pytest

FULL = 1200
"""Seconds for one exhaustive walk; pyproject.toml has the limit of the other tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every exhaustive walk its own limit."""
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.timeout(FULL))
