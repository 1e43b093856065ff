from __future__ import annotations

from unittest import mock

import pytest

from tests.deployment.launch_stage import PLACE, Account


@pytest.mark.parametrize(
    ("argument", "wrong"),
    [
        ("--vswich=vsw-1", "No such option '--vswich'. Did you mean '--vswitch'?"),
        ("--type=g7.large", "'g7.large' is not a type such as"),
        ("--vswitch=vpc-1", "'vpc-1' is not a vSwitch: vsw-…"),
        ("--security-group=web", "'web' is not a security group"),
        ("--strategy=NoSpot", "'NoSpot' is not one of 'SpotAsPriceGo', 'SpotWithPriceLimit'"),
        ("--strategy=SpotWithPriceLimit", "PRICE_LIMIT goes with STRATEGY=SpotWithPriceLimit"),
        ("--price-limit=0.05", "PRICE_LIMIT goes with STRATEGY=SpotWithPriceLimit"),
        ("--price-limit=0.0005", "'0.0005' is not a price"),
        ("--protection=6", "'6' is not one of '1', '0'"),
        ("--hours=0.5", "'0.5' is not a valid integer range"),
        ("--hours=1000", "1000 is not in the range"),
        ("--name=a b", "'a b' is not an instance name"),
        ("--region=Hangzhou", "'Hangzhou' is not a region"),
        ("--disk=big", "'big' is not a valid integer range"),
    ],
)
def test_bad_values(account: Account, argument: str, wrong: str) -> None:
    """Each is refused by name, with what is accepted, before ECS is called."""
    status, _, err = account.launch(argument)
    assert (status, account.cloud.calls) == (2, [])
    assert wrong in err


@pytest.mark.parametrize(
    ("options", "variable", "region"),
    [
        ([], None, "cn-hangzhou"),
        ([], "", "cn-hangzhou"),
        ([], "eu-central-1", "eu-central-1"),
        (["--region=cn-hangzhou"], "x", "cn-hangzhou"),
    ],
)
def test_region(account: Account, options: list[str], variable: str | None, region: str) -> None:
    """The option's, else that of DEPLOY_REGION, else cn-hangzhou."""
    account.launch("--dry-run", *options, **({} if variable is None else {"DEPLOY_REGION": variable}))
    assert {call.parameters["RegionId"] for call in account.cloud.calls} == {region}


def test_nobody_to_ask(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a terminal and without YES nothing is created, at a terminal no means no; YES=true is enough."""
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    status, _, err = account.run("launch", *PLACE)
    assert (status, account.launched) == (2, [])
    assert "say YES=true (--yes)" in err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda _: "")
    assert (account.run("launch", *PLACE)[0], account.launched) == (0, [])
    assert account.run("launch", *PLACE, YES="true")[0] == 0
    assert len(account.launched) == 1


def test_no_credentials(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where credentials may come from; the chain's own complaints stay out."""
    nobody = mock.Mock(side_effect=ValueError("not found credentials"))
    monkeypatch.setattr("alibabacloud_credentials.client.Client.__init__", nobody)
    status, out, err = account.launch(ALIBABA_CLOUD_ACCESS_KEY_ID="")
    assert (status, out) == (2, "")
    assert err.startswith("spotkeeper launch: no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID")
    assert err.count("\n") == 1
