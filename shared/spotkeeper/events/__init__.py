"""The platform's events as checked values: ``unwrap``, then the kind's own ``of``."""

from spotkeeper.events.envelopes import Batch, unwrap
from spotkeeper.events.kinds import (
    CheckOnDemand,
    HookResult,
    Interruption,
    LifecycleHook,
    StateChange,
    Timer,
    Transition,
)
from spotkeeper.events.notification import Kind, Notification

__all__ = [
    "Batch",
    "CheckOnDemand",
    "HookResult",
    "Interruption",
    "Kind",
    "LifecycleHook",
    "Notification",
    "StateChange",
    "Timer",
    "Transition",
    "unwrap",
]
