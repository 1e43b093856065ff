from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.deployment import launch_stage
from tests.deployment.deploy_stage import Deployment, stage
from tests.deployment.launch_stage import Account

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def deployment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Deployment:
    """A checkout that is ready to be deployed by the played CLI."""
    return stage(tmp_path, capsys)


@pytest.fixture
def account() -> Account:
    """Somebody with an embedded cloud."""
    return launch_stage.account()
