"""What a refused RunInstances means, code by code (error table of RunInstances)."""

from __future__ import annotations

import pytest

from rescue.ladder import RUN_CONFLICTS, Verdict, verdict
from spotkeeper.errors import CloudError
from spotkeeper.retry import PLAIN, passes_by_itself

CODES = {
    Verdict.NEXT_RUNG: """
        OperationDenied.NoStock NoInstanceStock Zone.NotOnSale Zone.NotOpen InvalidInstanceType.ZoneNotSupported
        InvalidInstanceType.NotSupported InvalidResourceType.NotSupported InstanceType.Offline ResourceNotAvailable
        NodeControllerUnavailable OperationDenied.ResourceControl OperationDenied.ZoneNotAllowed
        OperationDenied.ZoneSystemCategoryNotMatch InvalidDiskCategory.NotSupported InvalidDiskCategory.Mismatch
        CategoryNotSupported QuotaExceeded.PrivateIpAddress InvalidVSwitchId.IpNotEnough OperationDenied.NoVlan
        InvalidVpcZone.NotSupported QuotaExceed.ElasticQuota ImageNotSupportInstanceType""",
    Verdict.ON_DEMAND: """
        QuotaExceed.Spot InvalidSpotPriceLimit InvalidSpotPriceLimit.LowerThanPublicPrice InvalidSpotStrategy
        InvalidSpotDuration InvalidSpotAuthorized InvalidSpotAliUid InvalidSpotPrepaid
        InvalidSpotInterruptionBehavior InvalidSpotInterruptionBehavior.NotSupported""",
    Verdict.TERMINAL: """
        InvalidImageId.NotFound InvalidSecurityGroupId.NotFound Forbidden.RAM QuotaExceed.PostPaid
        InvalidSystemDiskSize.ImageNotFound NotSpot.InvalidSpotInterruptionBehavior InvalidSpot""",
}
"""The last two of TERMINAL only resemble spot codes."""
BUSY = """
    InvalidSnapshotId.NotReady IncorrectVSwitchStatus IncorrectVpcStatus OperationDenied.CreatingConflict
    OperationConflict IdempotentProcessing"""


def refusal(code: str) -> CloudError:
    """RunInstances refused."""
    return CloudError("RunInstances", "i-1", code)


@pytest.mark.parametrize(("code", "means"), [(code, means) for means, codes in CODES.items() for code in codes.split()])
def test_where_to_go_from_a_refused_rung(code: str, means: Verdict) -> None:
    """The next rung, the on-demand rungs, or nowhere; none of these codes is worth waiting for."""
    assert verdict(refusal(code)) is means
    assert not passes_by_itself(refusal(code), RUN_CONFLICTS)


@pytest.mark.parametrize("code", BUSY.split())
def test_what_passes_when_others_have_finished(code: str) -> None:
    """The rung is tried again, which no other call does about these codes."""
    assert passes_by_itself(refusal(code), RUN_CONFLICTS)
    assert not passes_by_itself(refusal(code), PLAIN)


def test_the_verdicts_in_words() -> None:
    """Each says which rungs are left."""
    assert [one.value for one in Verdict] == [
        "this rung has no stock, or the setting does not fit it",
        "no spot rung can work",
        "no rung can work",
    ]
