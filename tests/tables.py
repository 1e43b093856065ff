"""Decision tables: what ``decide`` answers, with its reason word for word, and the cases in which it does.

Many of them are about an instance, which is described here as the API would.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest


def cases(table: Iterable[tuple[Any, str, list[Any] | dict[str, Any]]]) -> list[Any]:
    """One parameter set (answer, reason, case) for each case of each row; its id has answer, reason and the name."""
    return [
        pytest.param(answer, reason, case, id=f"{getattr(answer, 'value', answer)}: {reason} [{name}]")
        for answer, reason, row in table
        for name, case in (row.items() if isinstance(row, dict) else enumerate(row, start=1))
    ]


def described(tags: Mapping[str, str], *locks: str, **fields: Any) -> dict[str, Any]:
    """Instance ``i-1`` with these tags and locks, as DescribeInstances shows it."""
    return {
        "InstanceId": "i-1",
        "OperationLocks": {"LockReason": [{"LockReason": reason} for reason in locks if reason]},
        "Tags": {"Tag": [{"TagKey": key, "TagValue": value} for key, value in tags.items()]},
        **fields,
    }


def answered(text: str) -> str:
    """Equal to ``text`` but not the same object, as everything in an API's answer."""
    return "".join(list(text))
