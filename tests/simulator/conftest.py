from __future__ import annotations

from collections.abc import Iterator

import pytest

from simulator.cloud import Cloud
from simulator.fleet import Fleet, drill_fleet
from simulator.transport import in_process
from tests.simulator.ess_sdk import Ess
from tests.simulator.sdk import NOON, Ecs


@pytest.fixture
def cloud() -> Cloud:
    """An empty cloud at noon."""
    return Cloud(NOON)


@pytest.fixture
def drill(cloud: Cloud) -> Fleet:
    """The drill's fleet in it."""
    return drill_fleet(cloud)


@pytest.fixture
def ecs(cloud: Cloud) -> Iterator[Ecs]:
    """The SDK's client for it, without sockets."""
    with in_process(cloud) as url:
        yield Ecs(cloud, url)


@pytest.fixture
def ess(cloud: Cloud) -> Iterator[Ess]:
    """The client for Auto Scaling."""
    with in_process(cloud) as url:
        yield Ess(cloud, url)
