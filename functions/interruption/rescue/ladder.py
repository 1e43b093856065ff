"""What a refusal of RunInstances means for the ladder (error table of RunInstances, and codes seen in the field).

A refusal that no list here names is the option's own, and the next option is asked for: what is wrong with one
fallback vSwitch or instance type says nothing of the others. That holds for a security group or a deployment set that
is full, too: the place of the source in it is free once the source is released, and a later round finds it.
"""

from __future__ import annotations

from spotkeeper.errors import CloudError
from spotkeeper.retry import RetryPolicy, passes_by_itself

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
"""What is worth a moment's patience with one option; then the next one is asked for, but for ``IN_PROGRESS``."""

TERMINAL = frozenset(
    {
        # The account cannot buy anything.
        "Account.Arrearage",
        "InsufficientBalance",
        "RealNameAuthenticationError",
        "SecurityRisk.3DVerification",
        # The role may not launch, or not with this RAM role.
        "InvalidUser.PassRoleForbidden",
        # Every option launches the same image.
        "InvalidImageId.NotFound",
        "OperationDenied.ImageNotValid",
        "ImageNotSubscribed",
        "ImageRemovedInMarket",
        # Quotas of the account, whatever the option.
        "QuotaExceed.AfterpayInstance",
        "QuotaExceed.PostPaid",
        "QuotaExceed.PostPaidDisk",
        "QuotaExceed.Tags",
        # The ClientToken has launched something already, with other parameters: nothing else may be launched.
        "IdempotentParameterMismatch",
    }
)
ABOVE_PRICE_LIMIT = "InvalidSpotPriceLimit.LowerThanPublicPrice"
"""Of a spot option whose market price is above the limit: the limit is never raised, the money is the user's."""

TERMINAL_FAMILIES = ("Forbidden", "InvalidAccountStatus", "InvalidRamRole", "NoPermission")
"""Of RAM, risk control and the account's balance, whatever follows the first dot."""

IN_PROGRESS = "IdempotentProcessing"
"""The very same call of somebody else is being carried out: it may well launch."""


def is_terminal(error: CloudError) -> bool:
    """Whether a refusal that will not pass by itself stands against every option."""
    return error.code in TERMINAL or error.code.partition(".")[0] in TERMINAL_FAMILIES


def ends_round(error: CloudError) -> bool:
    """Whether no other option may be asked for now: it would be refused as well, or this one may yet be launched."""
    return error.code == IN_PROGRESS or passes_by_itself(error)
