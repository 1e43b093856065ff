from __future__ import annotations

from pathlib import Path

import pytest

from tests.deployment import launch_stage
from tests.deployment.deploy_stage import Deployment, stage
from tests.deployment.launch_stage import Account


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    """A checkout that is ready to be deployed by the played CLI."""
    return stage(tmp_path)


@pytest.fixture
def account() -> Account:
    """An account in an embedded cloud."""
    return launch_stage.account()
