"""Settings: environment variables, parsed strictly from a mapping when a handler is called, never at import.

Every function has a module with its frozen class here and ``from_env(environ)``; ``Variables`` reads one variable of
each shape, and the first that is missing, unknown or not accepted raises ``BadSetting``. Empty means the default,
except for tags.
"""

from spotkeeper.settings.interruption import InterruptionSettings, Relaunch, RetainDisks, StopSource, UserData
from spotkeeper.settings.lifecycle_hook import LifecycleHookSettings
from spotkeeper.settings.state_change import RestartRules, StateChangeSettings
from spotkeeper.settings.sweep import SweepSettings
from spotkeeper.settings.types import (
    DirectoryLocation,
    Endpoint,
    Endpoints,
    JournalSettings,
    OssLocation,
    Settings,
    TagFilter,
)
from spotkeeper.settings.variables import KNOWN, Variables

__all__ = [
    "KNOWN",
    "DirectoryLocation",
    "Endpoint",
    "Endpoints",
    "InterruptionSettings",
    "JournalSettings",
    "LifecycleHookSettings",
    "OssLocation",
    "Relaunch",
    "RestartRules",
    "RetainDisks",
    "Settings",
    "StateChangeSettings",
    "StopSource",
    "SweepSettings",
    "TagFilter",
    "UserData",
    "Variables",
]
