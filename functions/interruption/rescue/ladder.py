"""What a refusal of RunInstances means for the ladder (error table of RunInstances, and codes seen in the field)."""

from __future__ import annotations

from enum import Enum

from spotkeeper.errors import CloudError
from spotkeeper.retry import RetryPolicy


class Verdict(Enum):
    """Where to go from a refused rung."""

    NEXT_RUNG = "this rung has no stock, or the setting does not fit it"
    ON_DEMAND = "no spot rung can work"
    TERMINAL = "no rung can work"


RUN_CONFLICTS = RetryPolicy(
    conflicts=frozenset(
        {
            "InvalidSnapshotId.NotReady",
            "IncorrectVSwitchStatus",
            "IncorrectVpcStatus",
            "OperationDenied.CreatingConflict",
            "OperationConflict",
            "IdempotentProcessing",
        }
    )
)

NO_STOCK = frozenset(
    {
        "OperationDenied.NoStock",
        "NoInstanceStock",
        "Zone.NotOnSale",
        "Zone.NotOpen",
        "InvalidInstanceType.ZoneNotSupported",
        "InvalidInstanceType.NotSupported",
        "InvalidResourceType.NotSupported",
        "InstanceType.Offline",
        "ResourceNotAvailable",
        "NodeControllerUnavailable",
        "OperationDenied.ResourceControl",
        "OperationDenied.ZoneNotAllowed",
        "OperationDenied.ZoneSystemCategoryNotMatch",
        "InvalidDiskCategory.NotSupported",
        "InvalidDiskCategory.Mismatch",
        "CategoryNotSupported",
        "QuotaExceeded.PrivateIpAddress",
        "InvalidVSwitchId.IpNotEnough",
        "OperationDenied.NoVlan",
        "InvalidVpcZone.NotSupported",
        "QuotaExceed.ElasticQuota",
        "ImageNotSupportInstanceType",
    }
)

NO_SPOT = frozenset(
    {
        "QuotaExceed.Spot",
        "InvalidSpotPriceLimit",
        "InvalidSpotPriceLimit.LowerThanPublicPrice",
        "InvalidSpotStrategy",
        "InvalidSpotDuration",
        "InvalidSpotAuthorized",
        "InvalidSpotAliUid",
        "InvalidSpotPrepaid",
    }
)
"""Spot price and eligibility. Limits are never raised: the money is the user's."""


def verdict(error: CloudError) -> Verdict:
    """What a refusal that will not pass by itself means."""
    if error.code in NO_STOCK:
        return Verdict.NEXT_RUNG
    if error.code in NO_SPOT or error.code.startswith("InvalidSpotInterruptionBehavior"):
        return Verdict.ON_DEMAND
    return Verdict.TERMINAL
