from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.deployment.launch_stage import PLACE
from tools.deployment.check import ROOT
from tools.launch.errors import CannotLaunch
from tools.launch.launching import release_time
from tools.launch.wish import ACCEPTED, parse

if TYPE_CHECKING:
    from tests.deployment.launch_stage import Account


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("VSWICH=vsw-1", "VSWICH is unknown; did you mean VSWITCH?"),
        ("vswitch", "vswitch is unknown"),
        ("TYPE=g7.large", "TYPE accepts an instance type; not 'g7.large'"),
        ("VSWITCH=vpc-1", "VSWITCH accepts the vSwitch"),
        ("SECURITY_GROUP=web", "SECURITY_GROUP accepts a security group"),
        ("STRATEGY=NoSpot", "STRATEGY accepts SpotAsPriceGo or SpotWithPriceLimit; not 'NoSpot'"),
        ("STRATEGY=SpotWithPriceLimit", "PRICE_LIMIT goes with STRATEGY=SpotWithPriceLimit"),
        ("PRICE_LIMIT=0.05", "PRICE_LIMIT goes with STRATEGY=SpotWithPriceLimit"),
        ("PRICE_LIMIT=0.0005", "PRICE_LIMIT accepts an hourly price"),
        ("PROTECTION=6", "PROTECTION accepts hours in which it is not reclaimed: 1 or 0; not '6'"),
        ("HOURS=0.5", "HOURS accepts hours until it is released"),
        ("NAME=a b", "NAME accepts its name"),
        ("REGION=Hangzhou", "REGION accepts a region"),
        ("DRY_RUN=yes", "DRY_RUN accepts true: stop after the dry run; not 'yes'"),
        ("DISK=big", "DISK accepts GB"),
    ],
)
def test_bad_variables(argument: str, wrong: str) -> None:
    """Each is refused by name, with what is accepted."""
    with pytest.raises(CannotLaunch) as refusal:
        parse([*PLACE, argument], {})
    assert wrong in str(refusal.value)


def test_nothing_said() -> None:
    """Without the two that are needed it lists them all."""
    with pytest.raises(CannotLaunch, match="VSWITCH and SECURITY_GROUP are needed") as refusal:
        parse([], {})
    assert all(f"\n  {name}" in str(refusal.value) for name in ACCEPTED)


def test_defaults() -> None:
    """Each default is accepted; an empty value is the default; the region is the deployment's."""
    wish = parse([*PLACE, "TYPE=", "PYTHON=python3.12"], {"DEPLOY_REGION": "eu-central-1"})
    assert (wish["TYPE"], wish["REGION"], wish.flag("DRY_RUN")) == ("ecs.c7.large", "eu-central-1", False)
    assert parse(PLACE, {})["REGION"] == "cn-hangzhou"


def test_release_time() -> None:
    """A whole minute, never sooner than asked for."""
    wish = parse([*PLACE, "HOURS=1"], {})
    assert release_time(wish, 0.0) == "1970-01-01T01:00:00Z"
    assert release_time(wish, 0.5) == "1970-01-01T01:01:00Z"
    assert release_time(parse([*PLACE, "HOURS=0"], {}), 0.5) == ""


def test_make_passes_them_on() -> None:
    """What is said to make arrives as it was said, blanks and all, and make's own word for Python is let through."""
    said = ["VSWITCH=vsw-1", "NAME=a b", "PYTHON=python3"]
    # Under another make it would say more, and print a directory it leaves at last.
    alone = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(
        ["make", "-n", "launch", *said], cwd=ROOT, capture_output=True, text=True, check=True, env=alone
    ).stdout.splitlines()[-1]
    assert shown.split(" tools.launch launch ")[1].split("VSWITCH")[0].replace("PYTHON=python3 ", "") == "NAME=a\\ b "


def test_no_credentials(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where they may come from; the chain's own complaints stay out."""

    def nobody(*_: object) -> object:
        raise ValueError("not found credentials")

    monkeypatch.setattr("alibabacloud_credentials.client.Client.__init__", nobody)
    status, out, err = account.launch(ALIBABA_CLOUD_ACCESS_KEY_ID="")
    assert (status, out) == (2, "")
    assert err.startswith("make launch: no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID")
    assert err.count("\n") == 1
