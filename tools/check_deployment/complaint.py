"""What is wrong with the file, and where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tools.errors import NothingDone

_SHOWN = 120


@dataclass(frozen=True)
class Complaint:
    """``path`` in the file, ``wrong`` with what stands there, ``accepted`` instead."""

    path: str
    wrong: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.path}: {self.wrong}; accepted: {self.accepted}"


class UnreadableFileError(NothingDone):
    """The file is no YAML mapping, so nothing can be said about what it deploys."""


def shown(value: Any) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
