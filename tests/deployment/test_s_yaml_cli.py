from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deployment.serverless_devs import VERSION, preview
from tests.deployment.stage import DEPLOYER, FILE, resolved

EVERYTHING = {
    **dict.fromkeys(re.findall(r"env\('(\w+)'", FILE.read_text(encoding="utf-8")), "007"),
    "DEPLOY_REGION": "eu-central-1",
    "DEPLOY_PREFIX": "true",
}
"""Every variable set, to text that YAML would take for a number or a boolean."""


MASKED = {**DEPLOYER, "DEPLOY_LAYER_ARN": "acs:fc:cn-hangzhou:${config('AccountID')}:layers/spotkeeper/versions/7"}
"""As `make deploy` has it."""


@pytest.mark.parametrize("environ", [DEPLOYER, EVERYTHING, {**DEPLOYER, "DEPLOY_REGION": ""}, MASKED])
def test_resolves_alike(tmp_path: Path, environ: Mapping[str, str]) -> None:
    """The real CLI resolves the file to what our check checks, whatever is set."""
    assert preview(tmp_path, environ) == resolved(environ)


def test_pinned() -> None:
    """The CLI is one exact version, and so is the component that it downloads."""
    assert re.fullmatch(r"\d+\.\d+\.\d+", VERSION)
    assert len({resource["component"] for resource in resolved(DEPLOYER)["resources"].values()}) == 1
