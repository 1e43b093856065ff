"""Time limits of the tests, how a list of shortcomings is shown, and what several folders of tests need."""

from __future__ import annotations

import faulthandler
from typing import Any

import pytest

from tests.house.dist import Dist, built_dist
from tests.ids import readable
from tools.runtime import PYTHON310

LONG = 1200
"""Seconds for an exhaustive walk, or for building ``dist/`` before a test; pyproject.toml has the usual limit."""
GRACE = 60
"""Seconds after the limit at which the process is ended: threads that spin outlive the exception of the limit."""


@pytest.fixture(scope="session")
def dist(request: pytest.FixtureRequest) -> Dist:
    """A built ``dist/`` of the sources as they are; ``tests.house.dist.each_runtime`` chooses other runtimes."""
    return built_dist(getattr(request, "param", PYTHON310.name))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give what takes long its own limit."""
    for item in items:
        if item.get_closest_marker("full") or "dist" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(LONG))


def pytest_timeout_set_timer(settings: Any) -> None:
    """Beside the limit's exception, which the plugin raises: the end of a process that does not stop for it."""
    faulthandler.dump_traceback_later(settings.timeout + GRACE, exit=True)


def pytest_timeout_cancel_timer() -> None:
    """The test is over."""
    faulthandler.cancel_dump_traceback_later()


def pytest_assertrepr_compare(op: str, left: Any, right: Any) -> list[str] | None:
    """``assert shortcomings == []`` shows a line for each of them, and in the summary the first."""
    if op != "==" or right != [] or not left or not isinstance(left, list):
        return None
    return [f"{left[0]}" + (f" (and {len(left) - 1} more)" if len(left) > 1 else ""), *map(str, left)]


def pytest_make_parametrize_id(val: Any) -> str | None:
    """An id that shows the value."""
    return readable(val)
