"""Time limits of the tests, and how a list of shortcomings is shown."""

from __future__ import annotations

from typing import Any

import pytest

FULL = 1200
"""Seconds for one exhaustive walk; pyproject.toml has the limit of the other tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give every exhaustive walk its own limit."""
    for item in items:
        if item.get_closest_marker("full"):
            item.add_marker(pytest.mark.timeout(FULL))


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """``assert shortcomings == []`` shows a line for each of them, and in the summary the first."""
    if op != "==" or right != [] or not left or not isinstance(left, list):
        return None
    return [f"{left[0]}" + (f" (and {len(left) - 1} more)" if len(left) > 1 else ""), *map(str, left)]
