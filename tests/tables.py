"""Decision tables: what ``decide`` answers, with its reason word for word, and the cases in which it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def cases(table: Iterable[tuple[Any, str, list[Any] | dict[str, Any]]]) -> list[Any]:
    """One parameter set (answer, reason, case) for each case of each row; its id has answer, reason and the name."""
    return [
        pytest.param(answer, reason, case, id=f"{getattr(answer, 'value', answer)}: {reason} [{name}]")
        for answer, reason, row in table
        for name, case in (row.items() if isinstance(row, dict) else enumerate(row, start=1))
    ]
