"""Calls for several instances, of which a single one can make the API refuse the whole call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from spotkeeper.errors import CloudError
from spotkeeper.retry import PLAIN, RetryPolicy, passes_with_next_call

Answer = TypeVar("Answer")
FORBIDDEN = ("Forbidden", "NoPermission")
"""Beginnings of the codes for a missing permission."""


def together_or_alone(
    call: Callable[[Sequence[str]], Answer],
    instance_ids: Sequence[str],
    policy: RetryPolicy = PLAIN,
) -> tuple[list[Answer], Mapping[str, CloudError]]:
    """Call for all instances, and where that is refused for each alone.

    Returns the answers, and the refusals by instance. Raises ``CloudError`` for a refusal that passes, and for a
    missing permission: that says nothing about the instances, and once it is granted, the next call for all of them
    would repeat what was done for each alone.
    """
    answers, refusals = _tried(call, instance_ids, policy)
    if refusals and len(instance_ids) > 1:
        alone = [_tried(call, [instance_id], policy) for instance_id in instance_ids]
        answers = [answer for some, _ in alone for answer in some]
        refusals = {name: error for _, refused in alone for name, error in refused.items()}
    return answers, refusals


def _tried(
    call: Callable[[Sequence[str]], Answer], instance_ids: Sequence[str], policy: RetryPolicy
) -> tuple[list[Answer], dict[str, CloudError]]:
    try:
        return [call(instance_ids)], {}
    except CloudError as error:
        if passes_with_next_call(error, policy) or error.code.startswith(FORBIDDEN):
            raise
        return [], dict.fromkeys(instance_ids, error)
