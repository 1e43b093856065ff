"""The run context of a lifecycle action, or of a check on demand."""

from __future__ import annotations

from dataclasses import dataclass

from spotkeeper.run_context import RunContext
from spotkeeper.settings.lifecycle_hook import LifecycleHookSettings


@dataclass(kw_only=True)
class Context(RunContext[LifecycleHookSettings]):
    """``secrets`` are never shown in the output of a check."""

    secrets: tuple[str, ...]
