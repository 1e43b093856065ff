from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulator.ecs import Timings
from simulator.faults import Fault
from simulator.wire import ApiError
from tests.deployment.launch_stage import IMAGE, SPEC, TYPE, Account
from tools.launch.launching import TAG


def runs(account: Account) -> list[Any]:
    """The logged RunInstances calls."""
    return [call for call in account.cloud.calls if call.action == "RunInstances"]


def test_one_tagged_spot_instance(account: Account) -> None:
    """With a vSwitch and a security group alone: dry run, then one instance, which goes by itself with its disk."""
    status, out, err = account.launch()
    assert (status, err) == (0, "")
    (made,) = account.launched
    assert (made["Status"], made["ZoneId"], made["InstanceType"]) == ("Running", SPEC.zone_id, TYPE)
    assert made["Tags"] == {TAG["Key"]: TAG["Value"]}
    assert (made["SpotStrategy"], made["SpotDuration"], made["ImageId"]) == ("SpotAsPriceGo", 1, IMAGE)
    assert made["LaunchedWith"]["AutoReleaseTime"] == "2026-11-20T15:02:00Z"
    disks = [disk for disk in account.cloud.state()["ecs"]["disks"] if disk["InstanceId"] == made["InstanceId"]]
    assert [(disk["Type"], disk["Size"], disk["DeleteWithInstance"]) for disk in disks] == [("system", 40, True)]
    assert [call.parameters.get("DryRun") for call in runs(account)] == ["True", None]
    assert [call.code for call in runs(account)] == ["DryRunOperation", ""]
    assert f"make simulate-interruption INSTANCE={made['InstanceId']} REGION=cn-hangzhou" in out
    assert f"aliyun ecs DeleteInstance --RegionId cn-hangzhou --InstanceId {made['InstanceId']} --Force true" in out


def test_shown_before(account: Account) -> None:
    """Strategy, price, login and release are said before anything is created; a dry run creates nothing."""
    status, out, _ = account.launch("--dry-run")
    assert (status, account.launched) == (0, [])
    assert "The dry run passed; nothing was created" in out
    assert "SpotAsPriceGo: the market price, on-demand's at most; not reclaimed in its first hour" in out
    assert "Session Manager alone: no KEY_PAIR was named" in out
    assert "released  2026-11-20T15:02:00Z" in out
    assert "the replacement that a rescue launches has no release time" in out
    account.cloud.clock.advance(0.5)
    assert "released  2026-11-20T15:03:00Z" in account.launch("--dry-run")[1], "a whole minute, never sooner"


def test_every_option(account: Account) -> None:
    """Each option becomes its parameter."""
    arguments = {
        "--zone": SPEC.zone_id,
        "--type": "ecs.g7.large",
        "--image": "aliyun_3_x64_20G_alibase_20260101.vhd",
        "--key-pair": "web-key",
        "--strategy": "SpotWithPriceLimit",
        "--price-limit": "0.2",
        "--protection": "0",
        "--behavior": "Stop",
        "--hours": "0",
        "--name": "trial-2",
        "--disk": "60",
        "--bandwidth": "5",
    }
    status, out, err = account.launch(*(f"{name}={value}" for name, value in arguments.items()))
    assert (status, err) == (0, "")
    (made,) = account.launched
    asked = made["LaunchedWith"]
    assert "AutoReleaseTime" not in asked
    assert (made["InstanceName"], made["KeyPairName"], made["ImageId"]) == ("trial-2", "web-key", arguments["--image"])
    assert (asked["SpotPriceLimit"], made["SpotDuration"], made["SpotInterruptionBehavior"]) == (0.2, 0, "Stop")
    assert (asked["SystemDisk"]["Size"], asked["ZoneId"]) == ("60", SPEC.zone_id)
    assert "never: it costs money until you delete it" in out
    assert "at most 0.2 an hour; may be reclaimed at any moment; a reclaim means Stop" in out
    assert f"ssh root@{made['PublicIpAddress']['IpAddress'][0]} (key pair web-key)" in out


@pytest.mark.parametrize("sold_out_at", ["dry run", "creation"])
def test_no_stock(account: Account, sold_out_at: str) -> None:
    """It names the zones that have the type, whether the dry run notices or only the creation."""
    stock = account.cloud.ecs.stock
    stock[SPEC.zone_id, TYPE, "spot"] = 0
    if sold_out_at == "dry run":
        account.cloud.faults.add(Fault("RunInstances", "code:OperationDenied.NoStock"))
    status, _, err = account.launch()
    assert (status, account.launched) == (2, [])
    assert f"no {TYPE} as a spot instance in this zone (OperationDenied.NoStock)" in err
    assert f"{SPEC.other_zone_id} has it: VSWITCH=" in err


def test_no_stock_anywhere(account: Account) -> None:
    """Or says that no zone has it."""
    for zone in (SPEC.zone_id, SPEC.other_zone_id):
        account.cloud.ecs.stock[zone, TYPE, "spot"] = 0
    assert "no other zone has it, or another TYPE=…" in account.launch()[2]


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("--key-pair=no-such-key", "InvalidKeyPairName.NotFound"),
        ("--image=m-nosuchimage", "InvalidImageId.NotFound"),
        ("--type=ecs.nosuch.large", "InvalidInstanceType.ValueNotSupported"),
        ("--disk=10", "InvalidSystemDiskSize.ValueNotSupported"),
        ("--zone=cn-hangzhou-i", "OperationDenied.ZoneNotAllowed"),
    ],
)
def test_dry_run_refuses(account: Account, argument: str, code: str) -> None:
    """What the dry run refuses is never tried for real."""
    status, _, err = account.launch(argument)
    assert (status, account.launched) == (2, [])
    assert "nothing was created: RunInstances" in err
    assert code in err
    assert [call.parameters["DryRun"] for call in runs(account)] == ["True"]


def test_answer_lost(account: Account) -> None:
    """An answer that got lost does not make a second instance: the call is repeated with its ClientToken."""
    account.cloud.faults.add(Fault("RunInstances", "reset-after", skip=1))
    assert account.launch()[0] == 0
    assert len(account.launched) == 1


def test_never_answered(account: Account) -> None:
    """Where no answer comes at all nobody may say that nothing was created."""
    account.cloud.faults.add(Fault("RunInstances", "reset-after", times=None, skip=1))
    status, _, err = account.launch()
    assert (status, len(account.launched)) == (1, 1)
    assert "The instance may exist: look for spotkeeper-trial in the ECS console" in err


def test_never_running(account: Account) -> None:
    """One that is not seen running within five minutes is named, with the command that ends what it costs."""
    account.cloud.ecs.timings = Timings(boot=1000)
    status, _, err = account.launch()
    (made,) = account.launched
    assert status == 1
    assert f"{made['InstanceId']} was created but did not reach Running" in err
    assert f"--InstanceId {made['InstanceId']} --Force true" in err


def test_prices(account: Account) -> None:
    """The latest market price of each zone is shown; where ECS does not say, why."""
    assert "per hour now: not known (NotCovered" in account.launch("--dry-run")[1]
    account.cloud.ecs.actions["DescribeSpotPriceHistory"] = history
    out = account.launch("--dry-run")[1]
    assert "per hour now: cn-hangzhou-h 0.05 CNY, cn-hangzhou-i 0.02 CNY" in out
    assert "cn-hangzhou-i" not in account.launch("--dry-run", f"--zone={SPEC.zone_id}")[1]


def history(p: Any) -> dict[str, Any]:
    """As DescribeSpotPriceHistory answers: any order, several moments."""
    p.covers("InstanceType", "NetworkType", "SpotDuration")
    points = [
        ("cn-hangzhou-h", "2026-11-20T11:00:00Z", 0.05),
        ("cn-hangzhou-h", "2026-11-20T10:00:00Z", 0.09),
        ("cn-hangzhou-i", "2026-11-20T10:00:00Z", 0.02),
    ]
    shown = [{"ZoneId": zone, "Timestamp": at, "SpotPrice": price} for zone, at, price in points]
    return {"Currency": "CNY", "SpotPrices": {"SpotPriceType": shown}}


def test_dry_run_that_was_none(account: Account) -> None:
    """Should ECS ever answer the dry run like a real launch, that is said and nothing more is created."""
    real: Callable[[Any], Any] = account.cloud.ecs.actions["RunInstances"]

    def careless(p: Any) -> Any:
        try:
            return real(p)
        except ApiError as error:
            if error.code != "DryRunOperation":
                raise
            return {"InstanceIdSets": {"InstanceIdSet": ["i-bp1surprise"]}}

    account.cloud.ecs.actions["RunInstances"] = careless
    status, _, err = account.launch()
    assert (status, len(runs(account))) == (1, 1)
    assert "accepted a dry run as a real launch" in err
