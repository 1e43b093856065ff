"""The launch options: no stock at first, and what a refusal of RunInstances leads to (codes: test_launch_refusals)."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

import pytest

from simulator.transport import Killed
from spotkeeper.errors import CloudError, DeadlineReached, NoCapacity
from tests.rescue.reading import dies, fault, heal, images, launches, places, replacements
from tests.rescue.stage import Stage, stage

HERE, THERE = "vsw-bp1fleet000000000000h", "vsw-bp1fleet000000000000i"
OWN, OTHER = "ecs.g7.large", "ecs.c7.large"
ABROAD = "vsw-bp1another00000000000"
NO_CAPACITY = (
    rf"spot {OWN} in {HERE}: OperationDenied\.NoStock \(request id [0-9A-F-]{{36}}\); "
    rf"on-demand {OWN} in {HERE}: OperationDenied\.NoStock \(request id [0-9A-F-]{{36}}\)\. The image m-.* is safe"
)
LADDER = {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": OTHER, "SPOTKEEPER_FALLBACK_VSWITCH_IDS": THERE}


def sell_out(here: Stage, *options: tuple[str, str, str]) -> None:
    """Nothing left at these options."""
    zones = {HERE: "cn-hangzhou-h", THERE: "cn-hangzhou-i"}
    for charge, vswitch, kind in options:
        here.cloud.ecs.stock[zones[vswitch], kind, charge] = 0


def tokens(here: Stage) -> list[str]:
    """The ClientTokens of all RunInstances calls."""
    return [call.parameters["ClientToken"] for call in here.calls("RunInstances")]


def test_stock_that_returns_is_found_by_a_later_round() -> None:
    """Each round asks with new tokens, so an old refusal is not repeated to us, and the pauses grow."""
    here = stage(settings={"SPOTKEEPER_FALLBACK_ON_DEMAND": "false"})
    here.cloud.ecs.stock["cn-hangzhou-h", OWN, "spot"] = [(here.before["now"] + 100, 5)]
    answer = here.rescues()
    asked = [call.at for call in here.calls("RunInstances")]
    pauses = [after - before for before, after in pairwise(asked)]
    assert answer["outcome"] == "done"
    assert len(asked) > 2
    assert len(set(tokens(here))) == len(asked)
    assert pauses == sorted(pauses)
    assert max(pauses) <= 60


def test_sold_out_until_the_deadline_and_back_for_the_next_call() -> None:
    """NoCapacity names options, codes and request ids and keeps the image; the next call launches from it."""
    here = stage(timeout=200)
    sell_out(here, ("spot", HERE, OWN), ("on-demand", HERE, OWN))
    here.fails(NoCapacity, match=NO_CAPACITY)
    assert here.cloud.now() <= here.before["now"] + 200
    assert len(images(here)) == 1
    assert replacements(here) == []
    here.cloud.ecs.stock["cn-hangzhou-h", OWN, "spot"] = None
    here.rescues()


@pytest.mark.parametrize(
    ("code", "died"),
    [("OperationDenied.NoStock", False), ("OperationDenied.NoStock", True), ("Account.Arrearage", False)],
)
def test_the_next_call_begins_with_the_first_option(code: str, *, died: bool) -> None:
    """A request that was refused is not repeated: it was the dearest, and spot may be back."""
    here = stage(timeout=200)
    sell_out(here, ("spot", HERE, OWN))
    if died:
        dies(here, "RunInstances", skip=1)
    fault(here, "RunInstances", f"code:{code}", times=None, resource="NoSpot")
    here.fails(NoCapacity if "NoStock" in code else CloudError)
    heal(here)
    here.cloud.ecs.stock["cn-hangzhou-h", OWN, "spot"] = None
    here.rescues()
    assert launches(here)[-1][0] == "spot"


@pytest.mark.parametrize("code", ["Forbidden.RAM", "Account.Arrearage", "InvalidSecurityToken.Expired"])
@pytest.mark.parametrize("lost", ["reset-after", "slow", "kill-after", "code:IdempotentProcessing"])
def test_a_refusal_after_a_lost_answer(code: str, lost: str) -> None:
    """Such a refusal comes before the ClientToken is looked at: it does not tell whether the request has launched."""
    here = stage(timeout=200)
    fault(here, "RunInstances", lost)
    fault(here, "RunInstances", f"code:{code}")
    for _ in range(2):
        with suppress(CloudError, DeadlineReached, Killed):
            here.deliver()
    here.rescues()
    assert len(replacements(here)) == 1
    assert here.calls("DeleteInstance") == []


def test_sold_out_until_after_the_release() -> None:
    """Stock that comes back only when the source is gone is used all the same."""
    here = stage(timeout=200)
    sell_out(here, ("spot", HERE, OWN), ("on-demand", HERE, OWN))
    here.fails(NoCapacity)
    here.pass_notice()
    here.cloud.ecs.stock["cn-hangzhou-h", OWN, "on-demand"] = None
    answer = here.finishes()
    assert places(here, replacements(here)[0]["InstanceId"]) == 2
    assert answer["overlap_seconds"] == 0


@pytest.mark.parametrize("code", ["OperationDenied.NoStock", "QuotaExceed.Spot", "Something.NobodyHasSeenYet"])
def test_codes_that_mean_the_next_option(code: str) -> None:
    """After the refusal of an option, with any code, the next spot option is tried."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}")
    here.rescues()
    assert launches(here) == [("spot", HERE, OWN), ("spot", HERE, OTHER)]


WRONG = {
    "vswitch-of-another-vpc": {"SPOTKEEPER_FALLBACK_VSWITCH_IDS": ABROAD},
    "vswitch-that-is-gone": {"SPOTKEEPER_FALLBACK_VSWITCH_IDS": "vsw-bp1gone"},
    "type-that-does-not-exist": {"SPOTKEEPER_FALLBACK_INSTANCE_TYPES": "ecs.nonsense.large"},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_fallback_does_not_end_the_options(name: str) -> None:
    """Where spot is sold out, a fallback that RunInstances refuses leaves the on-demand options."""
    here = stage(settings=WRONG[name])
    here.cloud.ecs.add_vswitch(ABROAD, "vpc-bp1another", "cn-hangzhou-i")
    sell_out(here, ("spot", HERE, OWN))
    here.rescues()
    assert launches(here)[-1] == ("on-demand", HERE, OWN)


@pytest.mark.parametrize("code", ["IncorrectVSwitchStatus", "OperationConflict"])
def test_an_option_that_stays_busy_does_not_end_the_options(code: str) -> None:
    """A refusal that does not pass within a moment concerns that option; the others are tried."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}", times=None, resource=HERE)
    here.deliver()
    assert [place for _, place, _ in launches(here)][-1] == THERE
    assert here.cloud.now() - here.before["now"] < 120


def test_an_image_whose_snapshots_are_not_ready_is_waited_for() -> None:
    """All options launch the same image: none of them is better than the first, and on-demand costs more."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", "code:InvalidSnapshotId.NotReady", times=None, until=here.before["now"] + 90)
    here.rescues()
    assert set(launches(here)) == {("spot", HERE, OWN)}
    assert len(set(tokens(here))) == 1


@pytest.mark.parametrize("code", ["SecurityGroupInstanceLimitExceed", "QuotaExceed.DeploymentSetInstanceQuotaFull"])
def test_what_is_full_while_the_source_is_in_it(code: str) -> None:
    """The launch options are tried again until the release makes room."""
    here = stage()
    fault(here, "RunInstances", f"code:{code}", times=None, until=here.before["now"] + here.fleet.spec.notice)
    answer = here.finishes()
    assert len(replacements(here)) == 1
    assert places(here, answer["replacement_id"]) == 2


@pytest.mark.parametrize("code", ["Account.Arrearage", "Forbidden.RAM", "InvalidImageId.NotFound"])
def test_codes_that_no_rung_can_change(code: str) -> None:
    """Such a refusal raises with its code after one call, the image stays, and a later call finishes."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}")
    raised = here.fails(CloudError)
    assert raised.code == code
    assert raised.request_id
    assert len(launches(here)) == 1
    assert len(images(here)) == 1
    here.rescues()


@pytest.mark.parametrize("code", ["InvalidSnapshotId.NotReady", "IdempotentProcessing", "ServiceUnavailable"])
def test_codes_that_pass(code: str) -> None:
    """The same call is sent again, with the same token, until it is accepted."""
    here = stage(settings=LADDER)
    fault(here, "RunInstances", f"code:{code}", times=3)
    here.rescues()
    assert launches(here) == [("spot", HERE, OWN)] * 4
    assert len(set(tokens(here))) == 1
