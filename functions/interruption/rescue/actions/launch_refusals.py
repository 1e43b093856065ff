"""What a refusal of RunInstances means for the next launch option (its error table, and codes seen in the field). Pure.

A code that no list here names concerns a single launch option, and the next option is tried: an error of one fallback
vSwitch or instance type says nothing about the others. A full security group or deployment set is such an error, too:
the source's place in it is free after the release, and a later round finds it.

``replacement.launch`` tries the options, one round each time. A refusal that ends the round is tried again by the next
round of the same call; a terminal refusal ends the call, and the next call tries again.
"""

from __future__ import annotations

from spotkeeper.errors import CloudError
from spotkeeper.retry import RetryPolicy, passes_with_next_call

IN_PROGRESS = "IdempotentProcessing"
"""The same call of another invocation is in progress, and may launch an instance."""

SNAPSHOT_NOT_READY = "InvalidSnapshotId.NotReady"
"""A snapshot of the image is not ready, and all options launch the same image."""

OTHER_PARAMETERS = "IdempotentParameterMismatch"
"""The ClientToken has launched an instance with other parameters: no other instance may be launched."""

RUN_CONFLICTS = RetryPolicy(
    conflicts=frozenset(
        {
            SNAPSHOT_NOT_READY,
            "IncorrectVSwitchStatus",
            "IncorrectVpcStatus",
            "OperationDenied.CreatingConflict",
            "OperationConflict",
            IN_PROGRESS,
        }
    )
)
"""Conflicts that pass soon: the launch option is retried for a moment; after that, the next option is tried."""
AT_ONCE = RetryPolicy(RUN_CONFLICTS.conflicts - {IN_PROGRESS}, repeatable=False)
"""The refusals after which the same call is repeated at once, since it has surely launched nothing. After any other,
the next try of the launch repeats it, and knows that a refusal may prove nothing (``replacement.launch``)."""

TERMINAL = frozenset(
    {
        # The account cannot buy anything.
        "Account.Arrearage",
        "InsufficientBalance",
        "RealNameAuthenticationError",
        "SecurityRisk.3DVerification",
        # The function's role may not launch instances, or not with this RAM role.
        "InvalidUser.PassRoleForbidden",
        # All options launch the same image.
        "InvalidImageId.NotFound",
        "OperationDenied.ImageNotValid",
        "ImageNotSubscribed",
        "ImageRemovedInMarket",
        # Quotas of the account apply to all options.
        "QuotaExceed.AfterpayInstance",
        "QuotaExceed.PostPaid",
        "QuotaExceed.PostPaidDisk",
        "QuotaExceed.Tags",
        OTHER_PARAMETERS,
    }
)
"""Codes that concern every launch option."""
TERMINAL_FAMILIES = frozenset({"Forbidden", "InvalidAccountStatus", "InvalidRamRole", "NoPermission"})
"""The same for codes that begin with these words and a dot: RAM, risk control and the account's balance."""

ABOVE_PRICE_LIMIT = "InvalidSpotPriceLimit.LowerThanPublicPrice"
"""The market price is above the option's price limit: the limit is the user's money, and never raised."""


def is_terminal(error: CloudError) -> bool:
    """Whether a refusal that does not pass by itself concerns every launch option."""
    return error.code in TERMINAL or error.code.partition(".")[0] in TERMINAL_FAMILIES


def may_launch(error: CloudError) -> bool:
    """Whether the request may have launched an instance, or may still launch it: a further try tells.

    Expired credentials may meet the repetition of a request whose answer was lost.
    """
    return error.code == IN_PROGRESS or passes_with_next_call(error)


def ends_round(error: CloudError) -> bool:
    """Whether no other option may be tried now: it would be refused as well, or this option may still be launched."""
    return error.code == SNAPSHOT_NOT_READY or may_launch(error)
