"""The ladder: no stock at the first rungs, quotas, price limits, and what no rung can change."""

from __future__ import annotations

from itertools import pairwise

import pytest

from spotkeeper.errors import CloudError, NoCapacity
from tests.rescue.reading import fault, images, launches, places, replacements
from tests.rescue.stage import SOURCE, Stage, stage

HERE, THERE = "vsw-bp1fleet000000000000h", "vsw-bp1fleet000000000000i"
OWN, OTHER = "ecs.g7.large", "ecs.c7.large"
ABROAD = "vsw-bp1another00000000000"
NO_CAPACITY = (
    rf"spot {OWN} in {HERE}: OperationDenied\.NoStock \(request id [0-9A-F-]{{36}}\); "
    rf"on-demand {OWN} in {HERE}: OperationDenied\.NoStock \(request id [0-9A-F-]{{36}}\)\. The image m-.* is safe"
)
LADDER = {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": OTHER, "SPOTKEEPER_FALLBACK_VSWITCH_IDS": THERE}

NEXT_OPTION = (
    *("OperationDenied.NoStock", "Zone.NotOnSale", "Zone.NotOpen", "InvalidInstanceType.ZoneNotSupported"),
    *("InvalidInstanceType.NotSupported", "InstanceType.Offline", "ResourceNotAvailable", "NodeControllerUnavailable"),
    *("OperationDenied.ResourceControl", "OperationDenied.ZoneNotAllowed", "InvalidDiskCategory.NotSupported"),
    *("InvalidDiskCategory.Mismatch", "CategoryNotSupported", "OperationDenied.ZoneSystemCategoryNotMatch"),
    *("QuotaExceeded.PrivateIpAddress", "OperationDenied.NoVlan", "InvalidVpcZone.NotSupported"),
    *("InvalidVSwitchId.IpNotEnough", "NoInstanceStock", "QuotaExceed.ElasticQuota", "ImageNotSupportInstanceType"),
    *("QuotaExceed.Spot", "InvalidSpotPriceLimit", "InvalidSpotPriceLimit.LowerThanPublicPrice", "InvalidSpotStrategy"),
    *("InvalidSpotDuration", "InvalidSpotAuthorized", "InvalidSpotAliUid", "InvalidSpotPrepaid"),
    *("InvalidSpotInterruptionBehavior", "InvalidSpotInterruptionBehavior.LocalDiskNotSupport"),
    *("SecurityGroupInstanceLimitExceed", "QuotaExceed.DeploymentSetInstanceQuotaFull", "Something.NobodyHasSeenYet"),
)
TERMINAL = (
    *("Account.Arrearage", "InvalidAccountStatus.NotEnoughBalance", "InvalidUser.PassRoleForbidden"),
    *("QuotaExceed.AfterpayInstance", "QuotaExceed.PostPaidDisk", "OperationDenied.ImageNotValid", "Forbidden.RAM"),
    *("InvalidRamRole.NotFound", "InvalidImageId.NotFound", "ImageRemovedInMarket", "InsufficientBalance"),
)
PASSING = (
    *("InvalidSnapshotId.NotReady", "IncorrectVSwitchStatus", "IncorrectVpcStatus", "OperationDenied.CreatingConflict"),
    *("OperationConflict", "IdempotentProcessing", "InternalError", "ServiceUnavailable"),
)


def sell_out(here: Stage, *rungs: tuple[str, str, str]) -> None:
    """Nothing left at these rungs."""
    zones = {HERE: "cn-hangzhou-h", THERE: "cn-hangzhou-i"}
    for charge, vswitch, kind in rungs:
        here.cloud.ecs.stock[zones[vswitch], kind, charge] = 0


def tokens(here: Stage) -> list[str]:
    """The ClientTokens of all RunInstances calls."""
    return [call.parameters["ClientToken"] for call in here.calls("RunInstances")]


def test_the_ladder_goes_charge_by_charge_then_vswitch_then_type() -> None:
    """Where only the last rung has stock, all others were asked before it, each with a token of its own."""
    here = stage(settings=LADDER)
    order = [
        (charge, place, kind) for charge in ("spot", "on-demand") for place in (HERE, THERE) for kind in (OWN, OTHER)
    ]
    sell_out(here, *order[:-1])
    here.deliver()
    assert launches(here) == order
    assert len(set(tokens(here))) == len(order)
    assert here.shortcomings() == []
    assert replacements(here)[0]["InstanceType"] == OTHER
    assert replacements(here)[0]["VpcAttributes"]["VSwitchId"] == THERE


def test_without_on_demand_the_ladder_ends_with_spot() -> None:
    """SPOTKEEPER_FALLBACK_ON_DEMAND=false never launches a pay-as-you-go instance."""
    here = stage(settings={"SPOTKEEPER_FALLBACK_ON_DEMAND": "false"}, timeout=120)
    sell_out(here, ("spot", HERE, OWN))
    with pytest.raises(NoCapacity):
        here.deliver()
    assert {charge for charge, _, _ in launches(here)} == {"spot"}
    assert replacements(here) == []


def test_stock_that_returns_is_found_by_a_later_round() -> None:
    """Each round asks with new tokens, so an old refusal is not repeated to us, and the pauses grow."""
    here = stage(settings={"SPOTKEEPER_FALLBACK_ON_DEMAND": "false"})
    here.cloud.ecs.stock["cn-hangzhou-h", OWN, "spot"] = [(here.before["now"] + 100, 5)]
    answer = here.deliver()
    asked = [call.at for call in here.calls("RunInstances")]
    pauses = [after - before for before, after in pairwise(asked)]
    assert answer["outcome"] == "done"
    assert here.shortcomings() == []
    assert len(asked) > 2
    assert len(set(tokens(here))) == len(asked)
    assert pauses == sorted(pauses)
    assert max(pauses) <= 60


def test_sold_out_until_the_deadline_and_back_for_the_next_call() -> None:
    """NoCapacity names options, codes and request ids and keeps the image; the next call launches from it."""
    here = stage(timeout=200)
    sell_out(here, ("spot", HERE, OWN), ("on-demand", HERE, OWN))
    with pytest.raises(NoCapacity, match=NO_CAPACITY):
        here.deliver()
    assert here.cloud.now() <= here.before["now"] + 200
    assert len(images(here)) == 1
    assert replacements(here) == []
    here.cloud.ecs.stock["cn-hangzhou-h", OWN, "spot"] = None
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


def test_sold_out_until_after_the_release() -> None:
    """Stock that comes back only when the source is gone is used all the same."""
    here = stage(timeout=200)
    sell_out(here, ("spot", HERE, OWN), ("on-demand", HERE, OWN))
    with pytest.raises(NoCapacity):
        here.deliver()
    here.pass_notice()
    here.cloud.ecs.stock["cn-hangzhou-h", OWN, "on-demand"] = None
    answer = here.deliver()
    assert answer["outcome"] == "done"
    assert places(here, replacements(here)[0]["InstanceId"]) == 2
    assert answer["overlap_seconds"] == 0


@pytest.mark.parametrize("code", NEXT_OPTION)
def test_codes_that_mean_the_next_option(code: str) -> None:
    """What one option is refused for, whatever it is, is asked of the next spot option."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}")
    here.deliver()
    assert launches(here) == [("spot", HERE, OWN), ("spot", HERE, OTHER)]
    assert here.shortcomings() == []


WRONG = {
    "vswitch-of-another-vpc": {"SPOTKEEPER_FALLBACK_VSWITCH_IDS": ABROAD},
    "vswitch-that-is-gone": {"SPOTKEEPER_FALLBACK_VSWITCH_IDS": "vsw-bp1gone"},
    "type-that-does-not-exist": {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.nonsense.large"},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_fallback_does_not_end_the_ladder(name: str) -> None:
    """Where spot is sold out, a fallback that RunInstances refuses leaves the on-demand options."""
    here = stage(settings=WRONG[name])
    here.cloud.ecs.add_vswitch(ABROAD, "vpc-bp1another", "cn-hangzhou-i")
    sell_out(here, ("spot", HERE, OWN))
    here.deliver()
    assert launches(here)[-1] == ("on-demand", HERE, OWN)
    assert here.shortcomings() == []


@pytest.mark.parametrize("code", ["IncorrectVSwitchStatus", "OperationConflict", "InvalidSnapshotId.NotReady"])
def test_an_option_that_stays_busy_does_not_end_the_ladder(code: str) -> None:
    """What does not pass within a moment is that option's own; the others are asked for."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}", times=None, resource=HERE)
    here.deliver()
    assert [place for _, place, _ in launches(here)][-1] == THERE
    assert here.cloud.now() - here.before["now"] < 120


@pytest.mark.parametrize("code", ["SecurityGroupInstanceLimitExceed", "QuotaExceed.DeploymentSetInstanceQuotaFull"])
def test_what_is_full_while_the_source_is_in_it(code: str) -> None:
    """The ladder is walked again until the release makes room."""
    here = stage()
    fault(here, "RunInstances", f"code:{code}", times=None, until=here.before["now"] + here.fleet.spec.notice)
    answer = here.deliver()
    assert answer["outcome"] == "done"
    assert len(replacements(here)) == 1
    assert places(here, answer["replacement_id"]) == 2


@pytest.mark.parametrize("code", TERMINAL)
def test_codes_that_no_rung_can_change(code: str) -> None:
    """Such a refusal raises with its code after one call, the image stays, and a later call finishes."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}")
    with pytest.raises(CloudError) as raised:
        here.deliver()
    assert raised.value.code == code
    assert raised.value.request_id
    assert len(launches(here)) == 1
    assert len(images(here)) == 1
    assert here.deliver()["outcome"] == "done"
    assert here.shortcomings() == []


@pytest.mark.parametrize("code", PASSING)
def test_codes_that_pass(code: str) -> None:
    """The same call is sent again, with the same token, until it is accepted."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}", times=3)
    here.deliver()
    assert launches(here) == [("spot", HERE, OWN)] * 4
    assert len(set(tokens(here))) == 1
    assert here.shortcomings() == []


def test_a_price_limit_is_never_raised() -> None:
    """Where the market is above the source's limit the ladder goes to on-demand, the limit unchanged till then."""
    here = stage(spot_price_limit=0.02)
    here.deliver()
    first, second = here.calls("RunInstances")
    assert float(first.parameters["SpotPriceLimit"]) == 0.02
    assert second.parameters["SpotStrategy"] == "NoSpot"
    assert "SpotPriceLimit" not in second.parameters
    assert here.shortcomings() == []


def test_what_does_not_fit_a_rung_is_dropped_and_reported() -> None:
    """Credit specification on another family: left out, and the answer says so; the price limit is every type's."""
    here = stage(
        settings={"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": OTHER},
        instance_type="ecs.t6-c1m4.large",
        spot_price_limit=0.5,
        attributes={"credit_specification": "Unlimited"},
    )
    here.cloud.ecs.stock["cn-hangzhou-h", "ecs.t6-c1m4.large", "spot"] = 0
    answer = here.deliver()
    first, second = (call.parameters for call in here.calls("RunInstances"))
    assert first["CreditSpecification"] == "Unlimited"
    assert "CreditSpecification" not in second
    assert (second["SpotStrategy"], float(second["SpotPriceLimit"])) == ("SpotWithPriceLimit", 0.5)
    assert [text.partition(":")[0] for text in answer["not_carried"]][-1:] == ["CreditSpecification"]
    assert here.shortcomings() == []
    assert places(here, SOURCE) == 0
