"""The meaning of each refusal of RunInstances, code by code (error table of RunInstances)."""

from __future__ import annotations

import pytest

from rescue.actions.launch_refusals import (
    ABOVE_PRICE_LIMIT,
    AT_ONCE,
    RUN_CONFLICTS,
    ends_round,
    is_terminal,
    may_launch,
)
from spotkeeper.errors import CloudError
from spotkeeper.retry import EXPIRED, PLAIN, passes_by_itself, patience

NEXT_OPTION = """
    OperationDenied.NoStock NoInstanceStock Zone.NotOnSale Zone.NotOpen InvalidInstanceType.ZoneNotSupported
    InvalidInstanceType.NotSupported InvalidInstanceType.ValueNotSupported InvalidResourceType.NotSupported
    InstanceType.Offline ResourceNotAvailable NodeControllerUnavailable OperationDenied.ResourceControl
    OperationDenied.ZoneNotAllowed OperationDenied.ZoneSystemCategoryNotMatch InvalidDiskCategory.NotSupported
    InvalidDiskCategory.Mismatch CategoryNotSupported QuotaExceeded.PrivateIpAddress InvalidVSwitchId.IpNotEnough
    InvalidVSwitchId.NotFound InvalidSecurityGroupId.VPCMismatch OperationDenied.NoVlan InvalidVpcZone.NotSupported
    QuotaExceed.ElasticQuota ImageNotSupportInstanceType SecurityGroupInstanceLimitExceed
    QuotaExceed.DeploymentSetInstanceQuotaFull DeploymentSet.NotFound
    QuotaExceed.Spot InvalidSpotPriceLimit InvalidSpotPriceLimit.LowerThanPublicPrice InvalidSpotStrategy
    InvalidSpotDuration InvalidSpotAuthorized InvalidSpotAliUid InvalidSpotPrepaid InvalidSpotInterruptionBehavior
    InvalidSpotInterruptionBehavior.LocalDiskNotSupport Something.NobodyHasSeenYet"""
TERMINAL = """
    Account.Arrearage InsufficientBalance InvalidAccountStatus.NotEnoughBalance InvalidAccountStatus Forbidden.RAM
    Forbidden Forbidden.RiskControl NoPermission RealNameAuthenticationError SecurityRisk.3DVerification
    InvalidUser.PassRoleForbidden InvalidRamRole.NotFound InvalidRamRole.NotEcsRole InvalidImageId.NotFound
    OperationDenied.ImageNotValid ImageNotSubscribed ImageRemovedInMarket QuotaExceed.AfterpayInstance
    QuotaExceed.PostPaid QuotaExceed.PostPaidDisk QuotaExceed.Tags IdempotentParameterMismatch"""
BUSY = """
    InvalidSnapshotId.NotReady IncorrectVSwitchStatus IncorrectVpcStatus OperationDenied.CreatingConflict
    OperationConflict IdempotentProcessing"""


def refusal(code: str) -> CloudError:
    """RunInstances refused."""
    return CloudError("RunInstances", "i-1", code)


@pytest.mark.parametrize("code", NEXT_OPTION.split())
def test_the_next_option(code: str) -> None:
    """A refusal of one option says nothing of the others, and is not worth waiting for."""
    assert not ends_round(refusal(code))
    assert not is_terminal(refusal(code))
    assert not passes_by_itself(refusal(code), RUN_CONFLICTS)


def test_above_the_price_limit() -> None:
    """The answer names such an option, and the next is tried."""
    assert ABOVE_PRICE_LIMIT in NEXT_OPTION.split()


@pytest.mark.parametrize("code", TERMINAL.split())
def test_no_option(code: str) -> None:
    """Money, RAM, the image and quotas of the account stand against every option."""
    assert is_terminal(refusal(code))
    assert not passes_by_itself(refusal(code), RUN_CONFLICTS)


@pytest.mark.parametrize("code", BUSY.split())
def test_what_passes_when_others_have_finished(code: str) -> None:
    """The option is tried again, which no other call does about these codes."""
    assert passes_by_itself(refusal(code), RUN_CONFLICTS)
    assert not passes_by_itself(refusal(code), PLAIN)


@pytest.mark.parametrize("code", BUSY.split())
def test_what_stays_busy(code: str) -> None:
    """One busy vSwitch does not delay the other options; a launch in progress does, and the image of all of them."""
    assert ends_round(refusal(code)) is (code in {"IdempotentProcessing", "InvalidSnapshotId.NotReady"})
    assert may_launch(refusal(code)) is (code == "IdempotentProcessing")


@pytest.mark.parametrize("code", ["Throttling.User", "InternalError", "ServiceUnavailable"])
def test_trouble_that_is_not_the_options(code: str) -> None:
    """Throttling and outages meet every option, and after an outage this option may have been launched."""
    assert ends_round(refusal(code))
    assert may_launch(refusal(code))


@pytest.mark.parametrize("code", ["Throttling.User", *BUSY.split(), "InternalError"])
def test_what_is_repeated_at_once(code: str) -> None:
    """Only a request that has surely launched nothing, so that the refusal of its repetition tells something."""
    assert (patience(refusal(code), AT_ONCE) > 0) is (code not in {"IdempotentProcessing", "InternalError"})


def test_expired_credentials() -> None:
    """They meet every option and tell nothing of an earlier try; the next call has fresh ones."""
    assert ends_round(refusal(EXPIRED))
    assert not is_terminal(refusal(EXPIRED))
    assert may_launch(refusal(EXPIRED))
